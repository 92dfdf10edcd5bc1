//! The service from the outside: the real router on a real socket, a real Postgres with a database per test, real tokens.
//!
//! What a client would do goes through the generated client; what no well-behaved client would do is sent raw.

#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::disallowed_types, reason = "tests look at the database past the service")]

mod support;

mod artefact;
mod attachments;
mod authentication;
mod cold;
mod errors;
mod fuzz;
mod health;
mod isolation;
mod lambda;
mod me;
mod migration;
mod projects;
mod recovery;
mod startup;
mod tasks;
mod webhooks;
