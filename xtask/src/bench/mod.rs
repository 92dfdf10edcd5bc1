//! `cargo xtask bench`: what is measured for `docs/performance.md`. Nothing of this runs in CI.

use clap::Subcommand;

mod generation;

use crate::workspace::Workspace;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Generating every contract of a folder: time and memory against size.
    Generation(generation::Options),
}

/// Measures.
///
/// # Errors
///
/// A program is missing or fails.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> anyhow::Result<bool> {
    match bench {
        Bench::Generation(options) => generation::run(workspace, options),
    }
}
