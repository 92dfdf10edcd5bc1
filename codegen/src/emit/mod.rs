//! IR to text: the last stage.
//!
//! [`types`], [`server`] and [`client`] each print one crate through askama templates; nothing here decides what an
//! operation or a type becomes, the IR has. What all three share stands beside them: [`text`] and [`markdown`] are the
//! only ways for words of the contract into source, [`schema`] prints schemas as data, [`rust_type`] prints types, and
//! [`rustfmt`] has the last word on layout.

pub mod client;
mod literal;
mod markdown;
pub mod proof;
mod response;
pub mod routes;
mod rust_type;
pub mod rustfmt;
mod schema;
pub mod server;
mod text;
pub mod types;

/// A generated source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path relative to the crate's `src`, with `/` between folders: `lib.rs`, `schemas/tasks.rs`.
    pub path: String,
    /// The text.
    pub text: String,
}
