//! What there is to say about a contract: every finding, with its place and what to do.
//!
//! Stages add findings to a [`Reporter`] and go on; [`Reporter::finish`] turns them into [`Diagnostics`], which are
//! sorted by place, said once each, and carry the lines around them, so that they can be printed when the sources are
//! gone. An error whose code begins with `unsupported` says that specwright does not do something yet; every other
//! error says that the contract is wrong.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Display, Formatter, Write as _};

use crate::source::{Entry, Node, Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Something is generated, but not all that the contract says.
    Warning,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Short stable name of the kind of finding, such as `unresolved-reference`.
    pub code: &'static str,
    /// One line.
    pub message: String,
    /// Path of the file, if the finding has a place.
    pub file: Option<String>,
    /// Line from 1, or 0 without a place.
    pub line: usize,
    /// Column in characters from 1, or 0 without a place.
    pub column: usize,
    /// JSON pointer of the value (RFC 6901) as a URI fragment, such as `#/paths/~1tasks/get`.
    pub pointer: Option<String>,
    /// More about it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    span: Option<Span>,
    node: Option<u32>,
    /// Lines around the place, with their numbers.
    lines: Vec<(usize, String)>,
}

/// All findings of one contract, sorted by place.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    entries: Vec<Diagnostic>,
}

/// Collects findings while the stages run.
#[derive(Debug, Default)]
pub struct Reporter {
    entries: RefCell<Vec<Diagnostic>>,
}

impl Diagnostic {
    /// The contract is wrong, or asks for what specwright does not do.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// The contract is accepted, but its author should know.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            file: None,
            line: 0,
            column: 0,
            pointer: None,
            notes: Vec::new(),
            help: None,
            span: None,
            node: None,
            lines: Vec::new(),
        }
    }

    /// At a value.
    #[must_use]
    pub fn at(mut self, node: &Node) -> Self {
        self.span = Some(node.span);
        self.node = Some(node.id);
        self
    }

    /// At a value, where there is one: what the generator made itself stands nowhere.
    #[must_use]
    pub fn at_any(self, node: Option<&Node>) -> Self {
        match node {
            Some(node) => self.at(node),
            None => self,
        }
    }

    /// At the key of a member.
    #[must_use]
    pub fn at_key(mut self, entry: &Entry) -> Self {
        self.span = Some(entry.span);
        self.node = Some(entry.value.id);
        self
    }

    /// At a place that is no value.
    #[must_use]
    pub fn span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// One more line.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `lines` has the lines of each file, split once for all findings.
    fn locate<'a>(&mut self, sources: &'a Sources, lines: &mut HashMap<usize, Vec<&'a str>>) {
        let Some(span) = self.span else { return };
        let Some(file) = sources.files().get(span.file) else { return };
        self.file = Some(file.path.display().to_string());
        self.line = span.line;
        self.column = span.column;
        let lines = lines.entry(span.file).or_insert_with(|| file.text.lines().collect());
        let first = span.line.saturating_sub(1).max(1);
        let around = lines.iter().enumerate().skip(first - 1).take(span.line + 2 - first);
        self.lines = around.map(|(index, line)| (index + 1, line.trim_end().to_owned())).collect();
    }
}

impl Reporter {
    /// Adds a finding.
    pub fn add(&self, diagnostic: Diagnostic) {
        self.entries.borrow_mut().push(diagnostic);
    }

    /// Whether the contract is refused already.
    pub fn has_errors(&self) -> bool {
        self.entries.borrow().iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The findings with their places.
    pub fn finish(self, sources: &Sources) -> Diagnostics {
        let mut entries = self.entries.into_inner();
        let wanted: BTreeSet<u32> = entries.iter().filter_map(|entry| entry.node).collect();
        let pointers = sources.pointers(&wanted);
        let mut lines = HashMap::new();
        for entry in &mut entries {
            entry.pointer = entry.node.and_then(|node| pointers.get(&node)).map(|pointer| format!("#{pointer}"));
            entry.locate(sources, &mut lines);
        }
        entries.sort_by(|left, right| {
            (left.span, left.severity, left.code, &left.message).cmp(&(
                right.span,
                right.severity,
                right.code,
                &right.message,
            ))
        });
        entries.dedup_by(|left, right| {
            left.span == right.span && left.code == right.code && left.message == right.message
        });
        Diagnostics { entries }
    }
}

impl Diagnostics {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the contract is refused.
    pub fn has_errors(&self) -> bool {
        self.entries.iter().any(|entry| entry.severity == Severity::Error)
    }

    /// The findings.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter()
    }
}

impl Display for Severity {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl Display for Diagnostic {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}[{}]: {}", self.severity, self.code, visible(&self.message))?;
        let margin = self.lines.last().map_or(1, |(number, _)| number.to_string().len());
        if let Some(file) = &self.file {
            writeln!(formatter, "{:margin$}--> {file}:{}:{}", "", self.line, self.column)?;
        }
        if !self.lines.is_empty() {
            writeln!(formatter, "{:margin$} |", "")?;
        }
        for (number, line) in &self.lines {
            let (shown, caret) = excerpt(line, self.column);
            writeln!(formatter, "{}", format!("{number:margin$} | {shown}").trim_end())?;
            if *number == self.line {
                let length =
                    self.span.map_or(1, |span| span.length).min(shown.chars().count().saturating_sub(caret - 1)).max(1);
                writeln!(formatter, "{:margin$} | {:indent$}{}", "", "", "^".repeat(length), indent = caret - 1)?;
            }
        }
        if let Some(pointer) = &self.pointer {
            writeln!(formatter, "{:margin$} = at: {}", "", visible(pointer))?;
        }
        for note in &self.notes {
            writeln!(formatter, "{:margin$} = note: {}", "", visible(note))?;
        }
        if let Some(help) = &self.help {
            writeln!(formatter, "{:margin$} = help: {}", "", visible(help))?;
        }
        Ok(())
    }
}

impl Display for Diagnostics {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{entry}")?;
        }
        Ok(())
    }
}

/// The part of a line around a column, and the column in it: a minified contract is one line of megabytes.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 160;
    let length = line.chars().count();
    let line: String = line.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if length <= WIDTH {
        return (line, column);
    }
    let start = column.saturating_sub(WIDTH / 2).min(length);
    let shown: String = line.chars().skip(start).take(WIDTH).collect();
    (shown, column - start)
}

/// Text of the contract that cannot steer a terminal.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        let hidden = character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if hidden {
            let _ = write!(visible, "{}", character.escape_unicode());
        } else {
            visible.push(character);
        }
    }
    visible
}
