//! `cargo xtask soak`: the soak of `handlers/tests/soak` at the rate that a deployed service is to bear.
//!
//! `cargo xtask test` runs the same test in a debug build and at a lower rate: there, two processors that also compile other things
//! spend more on a request than 200 in a second leave. Here everything is optimised.

use clap::Args;

use crate::tools;
use crate::workspace::{Workspace, run};

/// How long and how much.
#[derive(Args)]
pub(crate) struct Options {
    /// Requests in a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds of load.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

/// Soaks, and prints the report.
///
/// # Errors
///
/// Something is missing, a request failed that had no reason to, or a write is lost or there twice.
pub(crate) fn soak(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let moto = tools::python_packages(workspace, "moto", tools::MOTO)?;
    let mut command = workspace.cargo();
    command.args(["test", "--locked", "--workspace", "--all-features", "--profile", "bench", "--test", "soak"]);
    command.args(["--", "--nocapture"]);
    command.env("SOAK_RATE", options.rate.to_string()).env("SOAK_SECONDS", options.seconds.to_string());
    command.env("MOTO_PYTHONPATH", moto).env("AWS_EC2_METADATA_DISABLED", "true");
    // What is missing is then a failure.
    command.env("CI", "true");
    run(&mut command)?;
    Ok(true)
}
