//! Layout of code that is as plain as declarations, so that rustfmt need not look at it.
//!
//! What is generated for a large contract is tens of thousands of fields, arms and statements, each a line with its prose
//! and its attributes, of which rustfmt only moves the beginning; and it takes longer for that than everything before.
//! [`parts`] does it item by item. An item in which anything is not as plain as that, such as a line that can be broken in
//! more than one way, is left to rustfmt as it is; so the two agree wherever both have an answer, as the test below holds.

use std::cmp::Ordering;

use super::layout::{self, Scan};

/// Columns of a line.
const WIDTH: usize = 120;

/// Columns of which rustfmt wants some for itself in some places and not in others.
const UNSURE: std::ops::RangeInclusive<usize> = 116..=120;

/// Columns of a list of names where rustfmt decides by more than the columns.
const CLOSE: std::ops::RangeInclusive<usize> = 116..=122;

/// Items of a file that stand one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    /// Whether a blank line stands before it.
    pub(super) apart: bool,
    /// Whether it is as rustfmt would leave it.
    pub(super) laid_out: bool,
}

/// The items of a file: as rustfmt would leave them, or as they were where that is not plain to see.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let Some(items) = items(text) else {
        return vec![Part { text: text.into(), apart: false, laid_out: false }];
    };
    for (apart, item) in items {
        let laid = laid_out(item);
        let laid_out = laid.is_some();
        let text = laid.as_deref().unwrap_or(item);
        match parts.last_mut().filter(|last| last.laid_out == laid_out) {
            Some(last) => {
                last.text.push_str(if apart { "\n" } else { "" });
                last.text.push_str(text);
            }
            None => parts.push(Part { text: text.into(), apart, laid_out }),
        }
    }
    parts
}

/// The items of a file with their comments and attributes, each with whether a blank line stands before it; neighbouring
/// imports and modules are one. `None` where it is not plain to see where they end.
fn items(text: &str) -> Option<Vec<(bool, &str)>> {
    let mut items: Vec<(bool, &str)> = Vec::new();
    let (mut start, mut end, mut depth) = (None, 0, 0_usize);
    let (mut blank, mut apart, mut listed) = (false, false, false);
    for raw in text.split_inclusive('\n') {
        let begin = end;
        end += raw.len();
        let line = raw.trim();
        if line.is_empty() {
            blank = true;
            continue;
        }
        if line.starts_with("#![") {
            return None;
        }
        if start.is_none() {
            if listed && !blank && is_listed(line) {
                let (_, last) = items.pop()?;
                start = Some(begin - last.len());
            } else {
                start = Some(begin);
                apart = blank && !items.is_empty();
            }
        }
        blank = false;
        if line.starts_with("//") {
            continue;
        }
        if line.starts_with(['}', ')', ']']) {
            depth = depth.checked_sub(1)?;
        }
        if line.ends_with(['{', '(', '[']) {
            depth += 1;
        }
        if depth == 0 && line.ends_with(['}', ';']) {
            items.push((apart, &text[start.take()?..end]));
            listed = is_listed(line);
        }
    }
    match start {
        // A file of comments alone is one item.
        Some(begin) if depth == 0 && items.is_empty() => items.push((false, &text[begin..])),
        Some(_) => return None,
        None => {}
    }
    Some(items)
}

/// Whether rustfmt sorts such lines where they stand together.
fn is_listed(line: &str) -> bool {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    (line.starts_with("use ") || line.starts_with("mod ")) && line.ends_with(';')
}

/// An item as rustfmt would leave it; `None` where that is not plain to see.
fn laid_out(text: &str) -> Option<String> {
    let mut out = Lines {
        text: String::with_capacity(text.len() * 5 / 4),
        depth: 0,
        blank: true,
        opened: true,
        groups: Vec::new(),
    };
    let mut lines = text.lines();
    let mut before: Option<&str> = None;
    while let Some(raw) = lines.next() {
        let line = raw.trim();
        if is_listed(line) && out.depth == 0 {
            if before.is_some_and(|before| import_order(before, line).is_gt()) {
                return None;
            }
            before = Some(line);
        }
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
        } else if let Some(start) = literal_start(line) {
            let mut fields = Vec::new();
            let end = loop {
                let field = lines.next()?.trim();
                if field.starts_with('}') {
                    break field;
                }
                if !field.ends_with(',') || !is_plain(field) {
                    return None;
                }
                fields.push(field);
            };
            out.literal(start, &fields, end)?;
        } else if line.ends_with('(') && line.contains("fn ") {
            let mut parameters = Vec::new();
            let end = loop {
                let parameter = lines.next()?.trim();
                if parameter.starts_with(')') {
                    break parameter;
                }
                parameters.push(parameter.strip_suffix(',')?);
            };
            out.code(&format!("{line}{}{end}", parameters.join(", ")))?;
        } else if let Some((start, list)) = line.split_once(" = &[").filter(|_| line.starts_with("static ")) {
            out.list(start, list.strip_suffix("];")?)?;
        } else {
            out.code(line)?;
        }
    }
    (out.depth == 0).then_some(out.text)
}

/// What stands before the brace of a value's fields: `Self`, `Ok(Self`, `pub static A: Operation = Operation`.
fn literal_start(line: &str) -> Option<&str> {
    let start = line.strip_suffix(" {")?;
    let path = start.rsplit([' ', '(']).next()?;
    let before = &start[..start.len() - path.len()];
    let name = path.rsplit("::").next()?;
    let is_name = name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains(['<', '>']);
    (is_name && (before.is_empty() || before.ends_with(['(']) || before.ends_with("= "))).then_some(start)
}

struct Lines {
    text: String,
    depth: usize,
    /// Whether a blank line is due before the next.
    blank: bool,
    /// Whether the last line opened something, behind which none stands.
    opened: bool,
    /// What is open, the innermost last.
    groups: Vec<Group>,
}

/// What a brace at the end of a line opened.
struct Group {
    /// Whether it is the block of an arm or a closure, which rustfmt removes around a single expression.
    is_block: bool,
    /// How much is in it so far.
    items: usize,
    /// Whether a statement is among it.
    statement: bool,
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

    fn columns(&self, line: &str) -> usize {
        self.depth * 4 + line.chars().count()
    }

    /// Whether it fits; `None` where rustfmt may think otherwise.
    fn fits(&self, line: &str) -> Option<bool> {
        let columns = self.columns(line);
        // Some characters take two columns.
        let unsure = if line.is_ascii() { UNSURE } else { WIDTH / 2..=WIDTH };
        (!unsure.contains(&columns)).then_some(columns <= WIDTH)
    }

    /// A line, and what it opens or closes.
    fn code(&mut self, line: &str) -> Option<()> {
        if line.starts_with('}') {
            self.close(line)?;
            if self.opened && line == "}" {
                self.text.pop();
                self.verbatim("}");
                return Some(());
            }
        } else if !is_plain(line) {
            return None;
        }
        if !self.fits(line)? {
            return self.broken(line);
        }
        self.push(line);
        self.counted(line);
        Some(())
    }

    /// Remembers the end of what was pushed.
    fn counted(&mut self, line: &str) {
        if let Some(group) = self.groups.last_mut() {
            group.items += usize::from(!line.starts_with('}'));
            group.statement |= line.ends_with(';');
        }
        if line.ends_with('{') {
            let is_block = line.ends_with("=> {") || line.ends_with("| {");
            self.groups.push(Group { is_block, items: 0, statement: false });
            self.depth += 1;
            self.opened = true;
        }
    }

    fn close(&mut self, line: &str) -> Option<()> {
        let group = self.groups.pop()?;
        if group.is_block && (line == "}," || group.items < 2 && !group.statement) || line.contains(' ') {
            return None;
        }
        self.depth = self.depth.checked_sub(1)?;
        self.blank = false;
        Some(())
    }

    /// A line that is too long, where there is one way to break it.
    fn broken(&mut self, line: &str) -> Option<()> {
        if let Some((header, "{")) = line.rsplit_once(' ')
            && line.starts_with("impl")
        {
            let (of, ty) = header.split_once(" for ")?;
            return self.lines(&[(0, of), (1, &format!("for {ty}")), (0, "{")]);
        }
        if line.contains("fn ") && line.ends_with(['{', ';']) {
            return self.signature(line);
        }
        let is_value = ["let ", "static ", "pub static "].iter().any(|start| line.starts_with(start));
        if let Some((name, value)) = line.split_once(" = ")
            && is_value
            && line.ends_with(';')
        {
            return self.lines(&[(0, &format!("{name} =")), (1, value)]);
        }
        if let Some((pattern, body)) = line.strip_suffix(',').and_then(|arm| arm.split_once(" => ")) {
            return self.lines(&[(0, &format!("{pattern} => {{")), (1, body), (0, "}")]);
        }
        if let Some((name, ty)) = line.split_once(": ")
            && name.starts_with("pub ")
            && line.ends_with(',')
        {
            return self.lines(&[(0, &format!("{name}:")), (1, ty)]);
        }
        let (variant, ty) = line.strip_suffix("),")?.split_once('(')?;
        let is_variant = variant.chars().all(|one| one.is_ascii_alphanumeric()) && !ty.contains([',', '(', ' ']);
        if !is_variant {
            return None;
        }
        self.lines(&[(0, &format!("{variant}(")), (1, &format!("{ty},")), (0, "),")])
    }

    /// Lines that fit, each so much further right.
    fn lines(&mut self, lines: &[(usize, &str)]) -> Option<()> {
        let depth = self.depth;
        for (further, line) in lines {
            self.depth = depth + further;
            if !self.fits(line)? {
                return None;
            }
            self.push(line);
        }
        self.depth = depth;
        if let Some((_, last)) = lines.last() {
            self.counted(last);
        }
        Some(())
    }

    /// A function's head, a parameter to a line.
    fn signature(&mut self, line: &str) -> Option<()> {
        let mut scan = Scan::new(line);
        let (mut open, mut close) = (None, None);
        while let Some((at, byte, depth)) = scan.next() {
            match byte {
                b'(' if depth == 0 && open.is_none() => open = Some(at + 1),
                b')' if depth == 0 && close.is_none() => close = Some(at),
                _ => {}
            }
        }
        let (open, close) = (open?, close?);
        if line.contains(" where ") || line[..open].contains("Fn") {
            return None;
        }
        let mut parameters: Vec<String> = Vec::new();
        for part in layout::elements(&line[open..close]) {
            let is_whole = |parameter: &String| parameter.matches('<').count() == parameter.matches('>').count();
            match parameters.last_mut().filter(|last| !is_whole(last)) {
                Some(last) => *last = format!("{last} {part},"),
                None => parameters.push(format!("{part},")),
            }
        }
        if parameters.is_empty() || line[open..close].contains("->") {
            return None;
        }
        let mut lines = vec![(0, &line[..open])];
        lines.extend(parameters.iter().map(|parameter| (1, parameter.as_str())));
        lines.push((0, &line[close..]));
        self.lines(&lines)
    }

    /// Names of one module: alone without braces, and as many to a line as fit.
    fn import(&mut self, uses: &str) -> Option<()> {
        let Some((module, names)) = uses.split_once("::{") else { return self.code(&format!("use {uses}")) };
        let mut names: Vec<&str> = names.strip_suffix("};")?.split(", ").collect();
        if names.iter().any(|name| name.contains(['{', ' '])) {
            return None;
        }
        names.sort_by(|one, other| version_order(one, other));
        if let [only] = names.as_slice() {
            return self.code(&format!("use {module}::{only};"));
        }
        let line = format!("use {module}::{{{}}};", names.join(", "));
        if CLOSE.contains(&line.chars().count()) {
            return None;
        }
        if self.fits(&line)? {
            self.push(&line);
            return Some(());
        }
        self.push(&format!("use {module}::{{"));
        self.depth += 1;
        let mut line = String::new();
        for name in names {
            let columns = self.columns(&line) + name.chars().count() + 2;
            if CLOSE.contains(&columns) {
                return None;
            }
            if !line.is_empty() && columns >= WIDTH {
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
        self.depth -= 1;
        self.push("};");
        Some(())
    }

    /// The fields of a value, in one line where they fit.
    fn literal(&mut self, start: &str, fields: &[&str], end: &str) -> Option<()> {
        if fields.is_empty() {
            return None;
        }
        let line = format!("{start} {{ {} {end}", fields.join(" ").trim_end_matches(','));
        if self.fits(&line)? {
            return self.lines(&[(0, &line)]);
        }
        let assigned = line.split_once(" = ").filter(|_| start.contains(" = "));
        if let Some((name, below)) = assigned
            && self.fits(&format!("    {below}"))?
        {
            return self.lines(&[(0, &format!("{name} =")), (1, below)]);
        }
        let start = format!("{start} {{");
        let mut lines = vec![(0, start.as_str())];
        lines.extend(fields.iter().map(|field| (1, *field)));
        lines.push((0, end));
        self.lines(&lines)
    }

    /// A constant list: in one line, behind its name or below it, or an element to a line.
    fn list(&mut self, start: &str, elements: &str) -> Option<()> {
        let line = format!("{start} = &[{elements}];");
        if self.fits(&line)? {
            return self.code(&line);
        }
        let below = format!("    &[{elements}];");
        if self.fits(&below)? {
            self.push(&format!("{start} ="));
            self.push(&below);
            return Some(());
        }
        let elements: Vec<String> =
            layout::elements(elements).into_iter().map(|element| format!("{element},")).collect();
        if elements.len() < 2 || elements.iter().any(|element| element.contains('{')) {
            return None;
        }
        let start = format!("{start} = &[");
        let mut lines = vec![(0, start.as_str())];
        lines.extend(elements.iter().map(|element| (1, element.as_str())));
        lines.push((0, "];"));
        self.lines(&lines)
    }
}

/// Whether rustfmt leaves the line one, if it fits: it begins no line that continues another, opens no group but a block
/// at its end, has no block inside, and its tokens stand as they should.
fn is_plain(line: &str) -> bool {
    if line.starts_with(['.', '?', '&', '|', '=', '+', ')', ']']) || line.ends_with(['(', '[', '=', '|', '&', '.']) {
        return false;
    }
    if line.starts_with("//") || line.starts_with("where") || line.contains(" else ") {
        return false;
    }
    // A value with its fields is no block.
    if line.ends_with("=> {") {
        return true;
    }
    if line.ends_with('{') && line.split_once(" => ").is_some() {
        return false;
    }
    let mut scan = Scan::new(line);
    while let Some((at, byte, _)) = scan.next() {
        let ends = at + 1 == line.len();
        let next = line.as_bytes().get(at + 1).copied().unwrap_or_default();
        if byte == b' ' && b" .,;:?)]".contains(&next)
            || b"([.!?".contains(&byte) && next == b' '
            || byte == b',' && b")]}".contains(&next)
        {
            return false;
        }
        let is_apart = at == 0 || matches!(line.as_bytes()[at - 1], b' ' | b'(' | b':');
        if byte == b'{' && ends && !is_apart {
            return false;
        }
        if byte == b'{' && !ends && !line[at..].starts_with("{}") && literal_start(&line[..=at]).is_none() {
            return false;
        }
    }
    true
}

/// The order of neighbouring imports, or of neighbouring modules.
fn import_order(one: &str, other: &str) -> Ordering {
    let segments = |line: &str| -> Vec<String> {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let path = line.get(4..).unwrap_or_default().trim_end_matches(';');
        path.split("::").take_while(|segment| !segment.starts_with('{')).map(str::to_owned).collect()
    };
    let is_item = |segment: &str| !matches!(segment, "crate" | "self" | "super");
    let (one, other) = (segments(one), segments(other));
    let mut orders = one
        .iter()
        .zip(&other)
        .map(|(one, other)| is_item(one).cmp(&is_item(other)).then_with(|| version_order(one, other)));
    orders.find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
}

/// The order of names in rustfmt's style edition 2024: `A2` before `A10`, and `_` before everything else.
fn version_order(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (chunks(one), chunks(other));
    loop {
        let order = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(one), Some(other)) => match (one.parse::<u128>(), other.parse::<u128>()) {
                (Ok(one), Ok(other)) => one.cmp(&other),
                _ if one == other => Ordering::Equal,
                _ if one == "_" => Ordering::Less,
                _ if other == "_" => Ordering::Greater,
                _ => one.cmp(other),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// `A`, `10`, `_` and `b` of `A10_b`.
fn chunks(name: &str) -> impl Iterator<Item = &str> {
    let kind = |character: char| match character {
        '_' => 0,
        character if character.is_ascii_digit() => 1,
        _ => 2,
    };
    let mut rest = name;
    std::iter::from_fn(move || {
        let first = kind(rest.chars().next()?);
        let end = if first == 0 { 1 } else { rest.find(|one| kind(one) != first).unwrap_or(rest.len()) };
        let (chunk, behind) = rest.split_at(end);
        rest = behind;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::super::rustfmt;
    use super::*;
    use std::path::Path;

    /// The generator's contracts: wherever there is an answer, it is rustfmt's.
    #[test]
    fn what_is_laid_out_is_what_rustfmt_makes() {
        let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts");
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(contracts).expect("the contracts are there") {
            let contract = entry.expect("a folder can be read").path().join("openapi.yaml");
            let Ok(lowered) = crate::lower::load(&contract) else { continue };
            let client = super::super::client::files(&lowered.api).expect("the client is printed").files;
            let files = [super::super::types::files(&lowered.api), super::super::server::files(&lowered.api), client];
            for file in files.into_iter().flatten().filter(|file| !file.formatted) {
                for (_, item) in items(&file.text).unwrap_or_default() {
                    if let Some(laid) = laid_out(item) {
                        ours.push(laid);
                        raw.push(item.to_owned());
                    }
                }
            }
        }
        assert!(ours.len() > 1000, "{} items are plain", ours.len());
        let raw: Vec<&str> = raw.iter().map(String::as_str).collect();
        let theirs = rustfmt::by_rustfmt(&raw).expect("rustfmt takes what is generated");
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(*ours, theirs);
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_rustfmt() {
        let long = format!("pub struct A {{\npub {}: String,\n}}\n", "a".repeat(130));
        assert_eq!(laid_out(&long), None);
        assert_eq!(laid_out("pub fn a(\n"), None);
        assert_eq!(laid_out("pub struct A {\n"), None);
        let short = "use a::{B};\n\n\n/// A.\npub struct A {\n\n///  Prose.\n#[serde(default)]\npub a: B,\n}\n";
        let expected =
            "use a::B;\n\n/// A.\npub struct A {\n    ///  Prose.\n    #[serde(default)]\n    pub a: B,\n}\n";
        assert_eq!(laid_out(short).as_deref(), Some(expected));
    }
}
