//! Layout of files that are little more than declarations, so that rustfmt need not look at them.
//!
//! The types of a large contract are tens of thousands of fields, each a line with its prose and its attributes, of which
//! rustfmt only moves the beginning. [`laid_out`] does that. Where anything is not as plain as that, such as a line that is
//! too long, it gives up and the file goes to rustfmt; so the two agree wherever both have an answer, as the test below holds.

/// Columns of a line: one less than rustfmt has, since it wants the last one for itself in some places and not in others.
const WIDTH: usize = 119;

/// Columns of a list of names where rustfmt decides by more than the columns.
const CLOSE: std::ops::RangeInclusive<usize> = 116..=122;

/// The file as rustfmt would leave it; `None` where that is not plain to see.
pub(crate) fn laid_out(text: &str) -> Option<String> {
    let mut out = Lines { text: String::with_capacity(text.len() * 5 / 4), depth: 0, blank: true, opened: true };
    let mut lines = text.lines();
    while let Some(raw) = lines.next() {
        let line = raw.trim();
        if line.is_empty() {
            out.blank = true;
        } else if line.starts_with("//") {
            out.push(line);
        } else if let Some(uses) = line.strip_prefix("use ") {
            out.import(uses)?;
        } else if out.depth == 0 && line.contains("! {") {
            // rustfmt leaves the inside of a macro alone.
            out.push(line);
            loop {
                let raw = lines.next()?.trim_end();
                out.verbatim(raw);
                if raw == "}" {
                    break;
                }
            }
        } else if line == "Self {" {
            let fields: Vec<&str> = lines.by_ref().map(str::trim).take_while(|field| *field != "}").collect();
            out.literal(&fields)?;
        } else if let Some((start, list)) = line.split_once(" = &[").filter(|_| line.starts_with("static ")) {
            out.list(start, list.strip_suffix("];")?)?;
        } else {
            out.code(line)?;
        }
    }
    (out.depth == 0).then_some(out.text)
}

struct Lines {
    text: String,
    depth: usize,
    /// Whether a blank line is due before the next.
    blank: bool,
    /// Whether the last line opened something, behind which none stands.
    opened: bool,
}

impl Lines {
    fn push(&mut self, line: &str) {
        if self.blank && !self.opened {
            self.text.push('\n');
        }
        self.text.extend(std::iter::repeat_n(' ', self.depth * 4));
        self.text.push_str(line);
        self.text.push('\n');
        self.blank = false;
        self.opened = false;
    }

    fn verbatim(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.blank = false;
        self.opened = false;
    }

    fn fits(&self, line: &str) -> bool {
        self.depth * 4 + line.chars().count() <= WIDTH
    }

    /// Whether it fits; `None` where rustfmt may think otherwise.
    fn surely_fits(&self, line: &str) -> Option<bool> {
        let columns = self.depth * 4 + line.chars().count();
        (columns != WIDTH + 1).then_some(columns <= WIDTH)
    }

    /// A line that stays one, and what it opens or closes.
    fn code(&mut self, line: &str) -> Option<()> {
        if line.starts_with('}') {
            self.depth = self.depth.checked_sub(1)?;
            self.blank = false;
            if self.opened && line == "}" {
                self.text.pop();
                self.verbatim("}");
                return Some(());
            }
        }
        if !self.fits(line) || line.ends_with('(') || line.ends_with('=') {
            return None;
        }
        self.push(line);
        if line.ends_with('{') {
            self.depth += 1;
            self.opened = true;
        }
        Some(())
    }

    /// Names of one module: alone without braces, and as many to a line as fit.
    fn import(&mut self, uses: &str) -> Option<()> {
        let Some((module, names)) = uses.split_once("::{") else { return self.code(&format!("use {uses}")) };
        let mut names: Vec<&str> = names.strip_suffix("};")?.split(", ").collect();
        names.sort_by_cached_key(|name| version_key(name));
        if let [only] = names.as_slice() {
            return self.code(&format!("use {module}::{only};"));
        }
        let line = format!("use {module}::{{{}}};", names.join(", "));
        if CLOSE.contains(&line.chars().count()) {
            return None;
        }
        if self.fits(&line) {
            return self.code(&line);
        }
        self.code(&format!("use {module}::{{"))?;
        let mut line = String::new();
        for name in names {
            let columns = self.depth * 4 + line.chars().count() + name.chars().count() + 2;
            if CLOSE.contains(&columns) {
                return None;
            }
            if !line.is_empty() && columns > WIDTH {
                self.push(&line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(name);
            line.push(',');
        }
        self.push(&line);
        self.code("};")
    }

    /// The fields of a value, in one line where they fit.
    fn literal(&mut self, fields: &[&str]) -> Option<()> {
        let line = format!("Self {{ {} }}", fields.join(" ").trim_end_matches(','));
        if self.surely_fits(&line)? {
            return self.code(&line);
        }
        self.code("Self {")?;
        for field in fields {
            self.code(field)?;
        }
        self.code("}")
    }

    /// A constant list: in one line, behind its name or below it, or an element to a line.
    fn list(&mut self, start: &str, elements: &str) -> Option<()> {
        let line = format!("{start} = &[{elements}];");
        if self.surely_fits(&line)? {
            return self.code(&line);
        }
        let below = format!("    &[{elements}];");
        if self.surely_fits(&below)? {
            self.push(&format!("{start} ="));
            self.push(&below);
            return Some(());
        }
        if elements.contains(['(', '{', '"']) {
            return None;
        }
        self.push(&format!("{start} = &["));
        self.depth += 1;
        for element in elements.split(", ") {
            self.push(&format!("{element},"));
        }
        self.depth -= 1;
        self.push("];");
        Some(())
    }
}

/// What rustfmt sorts names by: `A2` before `A10`.
fn version_key(name: &str) -> Vec<(String, u128)> {
    let mut key: Vec<(String, u128)> = vec![(String::new(), 0)];
    let mut in_number = false;
    for character in name.chars() {
        let Some((text, number)) = key.last_mut() else { continue };
        match character.to_digit(10) {
            Some(digit) => {
                *number = number.saturating_mul(10).saturating_add(u128::from(digit));
                in_number = true;
            }
            None if in_number => {
                key.push((character.to_string(), 0));
                in_number = false;
            }
            None => text.push(character),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::super::{File, rustfmt, types};
    use super::laid_out;
    use std::path::Path;

    /// The generator's contracts: wherever there is an answer, it is rustfmt's.
    #[test]
    fn what_is_laid_out_is_what_rustfmt_makes() {
        let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts");
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(contracts).expect("the contracts are there") {
            let contract = entry.expect("a folder can be read").path().join("openapi.yaml");
            let Ok(lowered) = crate::lower::load(&contract) else { continue };
            for text in types::declarations(&lowered.api) {
                if let Some(plain) = laid_out(&text) {
                    ours.push(plain);
                    raw.push(File::new("a.rs", text));
                }
            }
        }
        assert!(ours.len() > 20, "{} files are plain", ours.len());
        let theirs = rustfmt::format(raw).expect("rustfmt takes what is generated");
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(*ours, theirs.text);
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_rustfmt() {
        let long = format!("pub struct A {{\npub {}: String,\n}}\n", "a".repeat(110));
        assert_eq!(laid_out(&long), None);
        assert_eq!(laid_out("pub fn a(\n"), None);
        assert_eq!(laid_out("pub struct A {\n"), None);
        let short = "use a::{B};\n\n\n/// A.\npub struct A {\n\n///  Prose.\n#[serde(default)]\npub a: B,\n}\n";
        let expected =
            "use a::B;\n\n/// A.\npub struct A {\n    ///  Prose.\n    #[serde(default)]\n    pub a: B,\n}\n";
        assert_eq!(laid_out(short).as_deref(), Some(expected));
    }
}
