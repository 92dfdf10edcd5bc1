//! Helpers for several test files.
#![allow(dead_code, clippy::unwrap_used)]

#[cfg(feature = "server")]
pub(crate) mod service;
