//! What generated code calls at run time, and what a service of one's own wires together.
//!
//! Without features this is small: [`operation`] (what the contract says about an operation), and [`schema`] and [`value`] of
//! `specwright-model`, the crate that generated types stand on.
//!
//! The feature `server` adds the way of a request: [`service`] routes, authenticates and negotiates, [`decode`] reads what the
//! contract says, the handler answers with a type that [`reply`] writes, and whatever goes wrong on the way is a [`problem`]
//! (RFC 9457). [`serve`] puts the routes on a socket, `lambda` behind API Gateway.
//!
//! Server and client share [`sequence`]: bodies that are read and written item by item.
//! `client` is what generated clients call, and `proof` runs a client and a server of one contract against each other.
//!
//! Nothing here knows a contract: every name, path and schema arrives as data.

pub use specwright_model::{schema, value};

pub mod operation;

#[cfg(any(feature = "server", feature = "client"))]
pub mod sequence;

#[cfg(feature = "server")]
pub mod auth;
#[cfg(feature = "server")]
pub mod context;
#[cfg(feature = "server")]
pub mod decode;
#[cfg(feature = "server")]
pub mod failure;
#[cfg(feature = "server")]
pub mod problem;
#[cfg(feature = "server")]
pub mod reply;
#[cfg(feature = "server")]
pub mod serve;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "clerk")]
pub mod webhook;

#[cfg(feature = "lambda")]
pub mod lambda;

#[cfg(any(feature = "server", feature = "client"))]
mod spelling;

#[cfg(feature = "client")]
pub mod client;

#[cfg(feature = "database")]
pub mod database;

#[cfg(feature = "issuer")]
pub mod local;

#[cfg(feature = "proof")]
pub mod proof;

// Generated code names these through here, so that it and the runtime agree on their versions.
#[doc(hidden)]
pub use serde;
#[cfg(feature = "server")]
#[doc(no_inline)]
pub use {axum, http};
