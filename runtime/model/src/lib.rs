//! What generated types stand on: [`schema`] (JSON Schema as constant data, and its interpreter) and [`value`] (types that serde
//! and the standard library lack).
//!
//! A crate of its own, because the compiler loads all that a crate depends on, directly or not: a crate of types is read in three
//! quarters of the time where that is no web server and no HTTP client. The runtime re-exports both modules.

pub mod schema;
pub mod value;

// The derive of `value` names this crate; so do our own tests.
#[cfg(test)]
extern crate self as specwright_model;

// Macros of `value` name it through here.
#[doc(hidden)]
pub use serde;
