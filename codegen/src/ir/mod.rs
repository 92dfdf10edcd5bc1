//! What will be generated: fully named, fully decided, no OpenAPI type in it.
//!
//! `lower/` makes these values and `emit/` prints them; nothing else decides anything. A name here is already
//! a valid Rust identifier, unique where it stands, and beside it is the name on the wire. Whatever the
//! contract says in prose is plain text here; `emit/` escapes it.

use std::collections::BTreeMap;

mod operation;
mod schema;
mod types;

pub use operation::*;
pub use schema::*;
pub use types::*;

/// A whole contract, ready to print.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// `info.title`.
    pub title: String,
    /// `info.version`.
    pub version: String,
    /// `info.description`.
    pub description: Option<String>,
    /// File name of the contract, for the first line of every generated file.
    pub contract: String,
    /// Path of the first server's URL without a trailing slash (`""`, `"/v1"`): the client's base URL ends in it.
    pub base_path: String,
    /// Every named type, sorted by Rust name.
    pub types: Vec<TypeDef>,
    /// Patterns used by schemas, in order of first use; [`Schema::pattern`] and friends are indexes into it.
    pub patterns: Vec<String>,
    /// Security schemes that some operation uses, by name.
    pub security_schemes: Vec<SecurityScheme>,
    /// Tags in the order of the contract, each with its operations; an operation belongs to its first tag.
    pub tags: Vec<Tag>,
    /// Extensions (`x-...`) of the contract itself.
    pub extensions: BTreeMap<String, serde_json::Value>,
    /// What the service sends of its own accord: webhooks, then callbacks, where the contract has any. Their operations
    /// have no path and no security; the path of a callback is its runtime expression.
    pub outbound: Vec<Tag>,
}

/// Prose of the contract about one thing.
#[derive(Clone, Debug, Default)]
pub struct Docs {
    /// `summary` or `title`, one line.
    pub summary: Option<String>,
    /// `description`, CommonMark.
    pub description: Option<String>,
    /// `deprecated: true`.
    pub deprecated: bool,
}

/// A name in both worlds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The Rust identifier, raw (`r#type`) where needed.
    pub rust: String,
    /// The name in the contract and on the wire.
    pub wire: String,
}

impl Api {
    /// The definition of a named type.
    pub fn type_def(&self, rust: &str) -> Option<&TypeDef> {
        self.types.binary_search_by(|def| def.name.rust.as_str().cmp(rust)).ok().map(|index| &self.types[index])
    }

    /// Every operation, tag by tag.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.tags.iter().flat_map(|tag| &tag.operations)
    }
}
