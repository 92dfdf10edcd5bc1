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
    let client = emit::client::files(&lowered.api)?;
    Ok(Generated {
        types: finished(emit::types::files(&lowered.api))?,
        server: finished(emit::server::files(&lowered.api))?,
        client: finished(client.files)?,
        warnings: lowered.warnings,
        sources: lowered.sources,
        statistics: Statistics {
            operations: lowered.api.operations().count(),
            progenitor_methods: client.progenitor_methods,
            types: lowered.api.types.len(),
        },
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
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    const BYTES: usize = 512 << 20;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| Error::Bug(format!("no thread could be started: {error}")))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Formats the files and proves that each is Rust.
fn finished(files: Vec<File>) -> Result<Vec<File>, Error> {
    let files = emit::rustfmt::format(files)?;
    for file in &files {
        syn::parse_file(&file.text).map_err(|error| Error::Bug(format!("{} is not Rust: {error}", file.path)))?;
    }
    Ok(files)
}
