//! Helpers for several test files.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod load;
#[cfg(feature = "server")]
pub(crate) mod service;
