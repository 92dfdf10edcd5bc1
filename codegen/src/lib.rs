//! An OpenAPI contract in; typed axum routes, shared types and a client crate out.
//!
//! The pipeline is one direction, each stage with types of its own:
//!
//! ```text
//! source      text and the index JSON pointer -> file, line, column
//! document    parsed, checked, resolved, normalised to one form, inline schemas hoisted
//! ir          what will be generated, named and decided
//! emit        text of the generated files
//! ```
//!
//! [`generate`] runs it and returns the files in memory; [`output`] compares them with what is on disk and writes
//! only those whose bytes differ, each atomically; [`build`] is both, for build scripts. After the document has been
//! checked no later stage fails on user input: what does fail there is our bug and is reported as one.

use std::path::{Path, PathBuf};
use std::thread::{self, Scope, ScopedJoinHandle};

pub mod build;
pub mod diagnostic;
pub mod document;
pub mod emit;
pub mod ir;
pub mod lower;
pub mod manifest;
mod naming;
pub mod output;
pub mod source;

pub use emit::File;

use diagnostic::Diagnostics;

/// Everything that one contract becomes.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Files of `api-types`, paths relative to its `src`.
    pub types: Vec<File>,
    /// Files of `api-server`, paths relative to its `src`.
    pub server: Vec<File>,
    /// Files of `api-client`, paths relative to its `src`.
    pub client: Vec<File>,
    /// The routes for a gateway in front of the server; see [`emit::routes`].
    pub routes: File,
    /// What the author of the contract should know although the contract was accepted.
    pub warnings: Diagnostics,
    /// Files that were read: the contract and what it refers to.
    pub sources: Vec<PathBuf>,
    /// What was counted on the way.
    pub statistics: Statistics,
}

/// What was counted on the way from the contract to the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Operations of the contract that became routes and client methods.
    pub operations: usize,
    /// Client methods that progenitor wrote; the rest come from our own template.
    pub progenitor_methods: usize,
    /// Named types.
    pub types: usize,
}

/// Why nothing was generated or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The contract is wrong, or uses something that is not supported; every finding, with its place.
    #[error("{0}")]
    Contract(Diagnostics),
    /// `rustfmt` is missing or refused the generated text.
    #[error("{0}")]
    Rustfmt(String),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The generator broke one of its own promises.
    #[error("this is a bug in specwright, not in the contract: {0}")]
    Bug(String),
}

/// Reads a contract and makes every file of the three crates, in memory.
///
/// The result depends on the text of the contract alone: no clock, no environment, no hash order.
///
/// # Errors
///
/// [`Error::Contract`] with all diagnostics when the contract is not accepted.
pub fn generate(contract: &Path) -> Result<Generated, Error> {
    on_a_large_stack(|| generated(contract))
}

fn generated(contract: &Path) -> Result<Generated, Error> {
    let lowered = lower::load(contract).map_err(Error::Contract)?;
    let api = &lowered.api;
    // The three crates do not know each other's text, so they are printed and formatted at the same time.
    let (types, server, client, progenitor_methods) = thread::scope(|scope| {
        let types = on_a_stack_of_its_own(scope, || emit::rustfmt::format(emit::types::files(api)))?;
        let server = on_a_stack_of_its_own(scope, || emit::rustfmt::format(emit::server::files(api)))?;
        let client = emit::client::files(api)?;
        Ok((joined(types)?, joined(server)?, emit::rustfmt::format(client.files)?, client.progenitor_methods))
    })?;
    Ok(Generated {
        types,
        server,
        client,
        routes: emit::routes::file(&lowered.api)?,
        warnings: lowered.warnings,
        sources: lowered.sources,
        statistics: Statistics {
            operations: lowered.api.operations().count(),
            progenitor_methods,
            types: lowered.api.types.len(),
        },
    })
}

/// Makes the files of a program that proves the three crates of a contract against each other: the typed client calls
/// the real router of handlers that compare (`specwright_runtime::proof`). For tests.
///
/// # Errors
///
/// As [`generate`].
pub fn proof(contract: &Path) -> Result<Vec<File>, Error> {
    on_a_large_stack(|| {
        let lowered = lower::load(contract).map_err(Error::Contract)?;
        emit::rustfmt::format(emit::proof::files(&lowered.api))
    })
}

/// Reads a contract and returns what there is to say about it.
///
/// # Errors
///
/// [`Error::Contract`] with all diagnostics when the contract is not accepted.
pub fn check(contract: &Path) -> Result<Diagnostics, Error> {
    on_a_large_stack(|| lower::load(contract).map(|lowered| lowered.warnings).map_err(Error::Contract))
}

/// Schemas refer to schemas, and what follows them calls itself: a chain of thousands must not end the process.
const STACK_BYTES: usize = 512 << 20;

fn on_a_large_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    thread::scope(|scope| joined(on_a_stack_of_its_own(scope, work)?))
}

fn on_a_stack_of_its_own<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, Error> {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
    thread.map_err(|error| Error::Bug(format!("no thread could be started: {error}")))
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
