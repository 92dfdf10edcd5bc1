//! Line breaks of constant data: what rustfmt does for everything else, at a tenth of its time.
//!
//! Schemas are most of what is printed for a large contract, and rustfmt gives each small keyword a line of its own. An
//! expression that fits a line is one line; else its last group is opened, an element to a line, and the methods that
//! follow a group go on behind its end. Lists of strings fill their lines.
//!
//! Only what [`schema`](super::schema) prints comes here: paths, calls, methods, literals, `&`, and groups in parentheses,
//! brackets and braces.

/// Columns of a line.
const WIDTH: usize = 120;
/// Columns by which the inside of a group stands further right.
const INDENT: usize = 4;

/// `{start}{expression}{end}`, whose first line begins at the margin.
pub(crate) fn statement(start: &str, expression: &str, end: &str) -> String {
    let mut out = String::with_capacity(start.len() + expression.len() * 5 / 4 + end.len());
    out.push_str(start);
    Layout { out: &mut out }.expression(expression, start.chars().count(), 0, end.len());
    out.push_str(end);
    out
}

/// Prints expressions, one after the other.
struct Layout<'a> {
    out: &'a mut String,
}

impl Layout<'_> {
    /// An expression from a column of a line that is indented so far; `after` columns follow its end.
    fn expression(&mut self, expression: &str, column: usize, indent: usize, after: usize) {
        if column + expression.chars().count() + after <= WIDTH {
            self.out.push_str(expression);
            return;
        }
        let mut column = column;
        let mut opened = false;
        // Where the line of a method begins: further right, or behind the end of a group that was opened.
        let mut margin = indent + INDENT;
        let mut links = links(expression).into_iter().peekable();
        while let Some(link) = links.next() {
            let width = link.chars().count() + if links.peek().is_some() { 0 } else { after };
            if opened || link.starts_with('.') && column + width > WIDTH && margin + width <= WIDTH {
                column = self.line(margin);
            }
            if column + width <= WIDTH {
                self.out.push_str(link);
                column += width;
                opened = false;
            } else {
                opened = self.open(link, column, indent, if links.peek().is_some() { 0 } else { after });
                margin = indent;
            }
        }
    }

    /// An expression whose last group is opened; whether there was one.
    fn open(&mut self, expression: &str, column: usize, indent: usize, after: usize) -> bool {
        let Some((before, inside, end)) = group(expression) else {
            self.out.push_str(expression);
            return false;
        };
        self.out.push_str(before);
        let column = column + before.chars().count();
        let elements = elements(inside);
        if let [only] = elements.as_slice()
            && !end.starts_with(']')
        {
            self.expression(only, column, indent, end.len() + after);
        } else if let [first, last] = elements.as_slice()
            && end == ")"
            && column + first.chars().count() + 2 < WIDTH
        {
            // A name and its schema: the schema is opened behind the name.
            self.out.push_str(first);
            self.out.push_str(", ");
            self.expression(last, column + first.chars().count() + 2, indent, 1 + after);
        } else if elements.iter().all(|element| element.starts_with('"')) {
            self.filled(&elements, indent + INDENT);
            self.line(indent);
        } else {
            for element in elements {
                let column = self.line(indent + INDENT);
                self.expression(element, column, indent + INDENT, 1);
                self.out.push(',');
            }
            self.line(indent);
        }
        self.out.push_str(end);
        true
    }

    /// Strings, as many to a line as fit.
    fn filled(&mut self, strings: &[&str], indent: usize) {
        let mut column = self.line(indent);
        for (position, string) in strings.iter().enumerate() {
            let width = string.chars().count() + 1;
            if position > 0 {
                if column + 1 + width > WIDTH {
                    column = self.line(indent);
                } else {
                    self.out.push(' ');
                    column += 1;
                }
            }
            self.out.push_str(string);
            self.out.push(',');
            column += width;
        }
    }

    fn line(&mut self, indent: usize) -> usize {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        indent
    }
}

/// Where a byte of an expression stands.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, depth: 0 }
    }

    /// The next byte outside of string literals with its place and the depth of groups around it.
    pub(super) fn next(&mut self) -> Option<(usize, u8, usize)> {
        let at = self.at;
        let byte = *self.text.get(at)?;
        self.at += 1;
        let depth = self.depth;
        match byte {
            b'"' => self.string(),
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => {
                self.depth = depth.saturating_sub(1);
                return Some((at, byte, self.depth));
            }
            _ => {}
        }
        Some((at, byte, depth))
    }

    /// To behind the end of a string literal.
    fn string(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }
}

/// `Schema::object(..)`, `.required(..)`, ...: what begins an expression, and each method.
fn links(expression: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut scan = Scan::new(expression);
    while let Some((at, byte, depth)) = scan.next() {
        let is_method = expression.as_bytes().get(at + 1).is_some_and(u8::is_ascii_lowercase);
        if depth == 0 && byte == b'.' && at > 0 && is_method {
            starts.push(at);
        }
    }
    starts.push(expression.len());
    starts.windows(2).map(|ends| &expression[ends[0]..ends[1]]).collect()
}

/// What stands before the inside of the last group, the inside, and its end; `None` where there is nothing inside.
fn group(expression: &str) -> Option<(&str, &str, &str)> {
    let mut scan = Scan::new(expression);
    let mut open = None;
    while let Some((at, byte, depth)) = scan.next() {
        if depth == 0 && matches!(byte, b'(' | b'[' | b'{') {
            open = Some(at + 1);
        }
    }
    let (open, close) = (open?, expression.len() - 1);
    let inside = expression.get(open..close).filter(|inside| !inside.trim().is_empty())?;
    Some((&expression[..open], inside, &expression[close..]))
}

/// The elements of the inside of a group.
pub(super) fn elements(inside: &str) -> Vec<&str> {
    let mut elements = Vec::new();
    let mut start = 0;
    let mut scan = Scan::new(inside);
    while let Some((at, byte, depth)) = scan.next() {
        if depth == 0 && byte == b',' {
            elements.push(inside[start..at].trim());
            start = at + 1;
        }
    }
    elements.push(inside[start..].trim());
    elements.retain(|element| !element.is_empty());
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(expression: &str) -> String {
        statement("pub static TASK: Schema = ", expression, ";")
    }

    #[test]
    fn what_fits_is_one_line() {
        let expression = "Schema::object(&[(\"a\", &Schema::STRING)]).required(&[\"a\"])";
        assert_eq!(laid_out(expression), format!("pub static TASK: Schema = {expression};"));
    }

    #[test]
    fn members_are_lines_and_methods_follow() {
        let expression = "Schema::object(&[(\"identifier\", &Schema::STRING.format(Format::Uuid).read_only()), \
                          (\"title\", &Schema::STRING.max_length(200))]).required(&[\"identifier\", \"title\"])";
        assert_eq!(
            laid_out(expression),
            "pub static TASK: Schema = Schema::object(&[\n    \
             (\"identifier\", &Schema::STRING.format(Format::Uuid).read_only()),\n    \
             (\"title\", &Schema::STRING.max_length(200)),\n\
             ])\n\
             .required(&[\"identifier\", \"title\"]);"
        );
    }

    #[test]
    fn nested_schemas_are_opened_behind_their_names_and_strings_fill_lines() {
        let words = (0..40).map(|index| format!("\"word, ({index}\"")).collect::<Vec<_>>().join(", ");
        let expression =
            format!("Schema::object(&[(\"kind\", &Schema::STRING.enumeration(&Literal::strings([{words}])))])");
        let text = laid_out(&expression);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "pub static TASK: Schema = Schema::object(&[");
        assert_eq!(lines[1], "    (\"kind\", &Schema::STRING.enumeration(&Literal::strings([");
        assert!(lines[2].starts_with("        \"word, (0\", \"word, (1\",") && lines[2].len() > 100, "{}", lines[2]);
        assert_eq!(lines[lines.len() - 2], "    ]))),");
        assert_eq!(lines[lines.len() - 1], "]);");
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn nothing_is_lost_where_nothing_can_be_opened() {
        let long = format!("Schema::STRING.pattern(&patterns::{})", "P".repeat(130));
        assert_eq!(laid_out(&long).replace(['\n', ' '], ""), format!("pubstaticTASK:Schema={long};"));
    }
}
