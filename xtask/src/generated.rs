//! The generated crates of this repository against its contract.
//!
//! `cargo build` keeps them up to date by itself. Here the same is asked without a build: a stale file is a failure
//! with its name, before anything is compiled from it.

use anyhow::bail;
use specwright_codegen::output::{self, Layout, Stale};

use crate::steps::Outcome;
use crate::workspace::Workspace;

/// Fails with the list of generated files that are not what the contract gives; writes nothing.
///
/// # Errors
///
/// The contract is not accepted, a file cannot be read, or a file is stale.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let generated = specwright_codegen::generate(&workspace.path("openapi.yaml"))?;
    let stale = output::stale(&generated, &layout(workspace))?;
    if stale.is_empty() {
        let files = generated.types.len() + generated.server.len() + generated.client.len() + 1;
        println!("{files} files are what openapi.yaml gives");
        return Ok(Outcome::Passed);
    }
    for entry in &stale {
        let path = entry.path().strip_prefix(&workspace.root).unwrap_or(entry.path()).display();
        match entry {
            Stale::Differs(_) => println!("differs or missing: {path}"),
            Stale::Superfluous(_) => println!("of an earlier contract: {path}"),
        }
    }
    bail!("{} generated files are stale; run `cargo xtask generate` or `cargo build` and commit them", stale.len())
}

/// Brings the generated crates up to date.
///
/// # Errors
///
/// The contract is not accepted, or a file cannot be read or written.
pub(crate) fn write(workspace: &Workspace) -> anyhow::Result<bool> {
    let generated = specwright_codegen::generate(&workspace.path("openapi.yaml"))?;
    eprint!("{}", generated.warnings);
    let written = output::write(&generated, &layout(workspace))?;
    for path in &written {
        println!("wrote {}", path.strip_prefix(&workspace.root).unwrap_or(path).display());
    }
    println!("{} files changed", written.len());
    Ok(true)
}

fn layout(workspace: &Workspace) -> Layout {
    Layout::under(&workspace.path("generated"))
}
