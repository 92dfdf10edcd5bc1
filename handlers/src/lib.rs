//! The task tracker: everything here is written by hand, and this is all that has to be.
//!
//! The contract, `openapi.yaml`, became the crates `api-types` (what is sent) and `api-server` (a trait per tag). [`App`]
//! implements the traits, one file per tag; a method gets typed, validated input and the verified caller, and can answer only with
//! what the contract documents. `main.rs` wires the rest: where the database is, whose tokens count, where to listen.
//!
//! Reading order: [`app`], [`tasks`] for what a handler looks like, [`startup`] for how the process begins and ends.

pub mod app;
pub mod startup;

pub mod attachments;
pub mod health;
pub mod me;
pub mod projects;
pub mod tasks;
pub mod webhooks;

pub mod cursor;
pub mod disposition;
pub mod entity_tag;
pub mod owner;
pub mod problem;

mod audit;

pub use self::app::{App, Config};
