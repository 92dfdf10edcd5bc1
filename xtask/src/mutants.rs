//! `cargo xtask mutants`: does a test fail for each way in which the verifier could be wrong?
//!
//! cargo-mutants changes the verifier, one place at a time, and runs the tests of authentication. A change that no test
//! notices is printed as missed, unless it is one of those that `.cargo/mutants.toml` leaves out with its reason. Takes an hour or
//! more, so it is not part of `cargo xtask test`.

use std::env;

use anyhow::Context as _;
use clap::Args;

use crate::workspace::{Workspace, run};

/// The version that is installed.
const VERSION: &str = "26.1.0";

/// Which files.
#[derive(Args)]
pub(crate) struct Options {
    /// A file below runtime/src/auth instead of all of the verifier; may be given several times.
    #[arg(long)]
    file: Vec<String>,
    /// Mutants tried at one time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

/// Tries all mutants; an error where one is missed.
///
/// # Errors
///
/// cargo-mutants cannot be installed, or a mutant is missed.
pub(crate) fn check(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let tools = workspace.target.join("tools").join("mutants");
    let program = tools.join("bin").join("cargo-mutants");
    if !program.exists() {
        let mut install = workspace.cargo();
        install.args(["install", "--locked", "--quiet", "--root"]).arg(&tools);
        run(install.arg(format!("cargo-mutants@{VERSION}"))).context("cargo-mutants")?;
    }
    let mut command = workspace.program(&program);
    command.args([
        "mutants",
        "--package",
        "specwright-runtime",
        "--no-times",
        "--baseline",
        "skip",
        "--timeout",
        "180",
    ]);
    command.args(["--jobs", &options.jobs.to_string()]);
    for file in &options.file {
        command.args(["--file", file]);
    }
    // The tests of authentication and no others: each costs a link.
    command.args(["--cargo-test-arg", "--no-fail-fast"]);
    command.arg("--output").arg(workspace.target.join("mutants"));
    // Mutants are built in a copy, which finds the vectors by their own path.
    if env::var_os("CLERK_VECTORS").is_none() {
        command.env("CLERK_VECTORS", workspace.path("../shared/clerk"));
    }
    run(&mut command)?;
    Ok(true)
}
