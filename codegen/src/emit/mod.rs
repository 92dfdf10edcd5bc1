//! IR to text: the last stage.
//!
//! [`types`], [`server`] and [`client`] each print one crate through askama templates; nothing here decides what an
//! operation or a type becomes, the IR has. What all three share stands beside them: [`text`] and [`markdown`] are the
//! only ways for words of the contract into source, [`schema`] prints schemas as data, [`rust_type`] prints types, [`layout`]
//! lays out schemas, [`plain`] items as plain as declarations, and [`rustfmt`] has the last word on everything else.

pub mod client;
mod layout;
mod literal;
mod markdown;
mod plain;
pub mod proof;
mod response;
pub mod routes;
mod rust_type;
pub mod rustfmt;
mod schema;
pub mod server;
mod text;
pub mod types;

/// Operations up to which a tag stays one file of the server and of the client.
const ONE_FILE: usize = 25;

/// A generated source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path relative to the crate's `src`, with `/` between folders: `lib.rs`, `schemas/tasks.rs`.
    pub path: String,
    /// The text.
    pub text: String,
    /// Whether [`rustfmt`] has anything to say about it: not where [`layout`] has laid it out.
    pub(crate) formatted: bool,
}

impl File {
    /// A file for rustfmt.
    pub(crate) fn new(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text, formatted: false }
    }

    /// A file that is laid out already.
    pub(crate) fn formatted(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text, formatted: true }
    }
}
