//! The tree: JSON's data model with places.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::OnceLock;

use crate::ir::{Literal, Number};

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Index of the file in [`super::Sources::files`].
    pub file: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters on that line, at least 1.
    pub length: usize,
}

/// A value.
#[derive(Clone, Debug)]
pub struct Node {
    /// Number, unique in the contract. The copies that YAML aliases make keep the number: they are one thing.
    pub id: u32,
    /// Where the value begins.
    pub span: Span,
    /// The value.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the kinds of JSON")]
pub enum Kind {
    Null,
    Boolean(bool),
    /// As it was written.
    Number(String),
    String(String),
    Sequence(Vec<Node>),
    /// In the order of the file; keys are unique.
    Mapping(Mapping),
}

/// The members of a mapping, in the order of the file.
///
/// A mapping with many members is asked for them by name again and again (every `$ref` does), so it keeps an index.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    entries: Vec<Entry>,
    index: OnceLock<HashMap<String, usize>>,
}

/// From how many members on an index is worth its memory.
const INDEXED: usize = 16;

/// A member of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key; a YAML key that is no string has the text it was written with.
    pub key: String,
    /// Where the key stands.
    pub span: Span,
    /// The value.
    pub value: Node,
}

impl From<Vec<Entry>> for Mapping {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries, index: OnceLock::new() }
    }
}

impl Deref for Mapping {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.entries
    }
}

impl Mapping {
    fn entry(&self, key: &str) -> Option<&Entry> {
        if self.entries.len() < INDEXED {
            return self.entries.iter().find(|entry| entry.key == key);
        }
        let index = self.index.get_or_init(|| {
            self.entries.iter().enumerate().map(|(position, entry)| (entry.key.clone(), position)).collect()
        });
        index.get(key).map(|position| &self.entries[*position])
    }
}

impl Node {
    /// The member of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The member of a mapping, with its key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Mapping(mapping) => mapping.entry(key),
            _ => None,
        }
    }

    /// Members of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Items of a sequence; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a Boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a number.
    pub fn as_number(&self) -> Option<Number> {
        match &self.kind {
            Kind::Number(text) => number(text),
            _ => None,
        }
    }

    /// The value of a number that is a natural one.
    pub fn as_count(&self) -> Option<u64> {
        match self.as_number()? {
            Number::Integer(value) => u64::try_from(value).ok(),
            Number::Float(_) => None,
        }
    }

    /// Whether it is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.kind, Kind::Mapping(_))
    }

    /// Follows a JSON pointer (RFC 6901), already percent-decoded; `""` is the node itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Node> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |node, token| match &node.kind {
            Kind::Mapping(_) => node.get(&token.replace("~1", "/").replace("~0", "~")),
            Kind::Sequence(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// What the value is, for a message.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Boolean(_) => "a Boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }

    /// The value without its places.
    pub fn literal(&self) -> Literal {
        match &self.kind {
            Kind::Null => Literal::Null,
            Kind::Boolean(value) => Literal::Boolean(*value),
            Kind::Number(text) => number(text).map_or_else(|| Literal::String(text.clone()), Literal::Number),
            Kind::String(text) => Literal::String(text.clone()),
            Kind::Sequence(items) => Literal::Array(items.iter().map(Node::literal).collect()),
            Kind::Mapping(entries) => {
                Literal::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.literal())).collect())
            }
        }
    }
}

/// A number as exactly as the generated code can hold it: an integral one is an integer, however it was written.
pub(crate) fn number(text: &str) -> Option<Number> {
    if let Ok(integer) = text.parse::<i128>() {
        return Some(Number::Integer(integer));
    }
    let float: f64 = text.parse().ok()?;
    if !float.is_finite() {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "checked to be an integer below 2^53")]
    if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 {
        return Some(Number::Integer(float as i128));
    }
    Some(Number::Float(float))
}
