//! `cargo build` and the generated code: it regenerates when it must, and touches nothing when it need not.
//!
//! The build script of `api-types` is Cargo's to run, so it is tested through Cargo, on this checkout. Whatever a test
//! changes here, the build puts back; should the build fail to, the test does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};

use crate::steps::Outcome;
use crate::workspace::{Workspace, command_line};

/// The file that is edited by hand here.
const EDITED: &str = "generated/types/src/lib.rs";

/// Builds again and again.
///
/// # Errors
///
/// A build writes what it should not, or does not write what it should.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    succeed(build(workspace))?;

    let started = Instant::now();
    let again = succeed(build(workspace))?;
    ensure!(!again.contains("Compiling"), "a build with nothing changed compiles:\n{again}");
    println!("a build with nothing changed: {} ms", started.elapsed().as_millis());

    let before = times(&workspace.path("generated"))?;
    let contract = fs::File::options().append(true).open(workspace.path("openapi.yaml"))?;
    contract.set_modified(SystemTime::now())?;
    succeed(build(workspace))?;
    ensure!(times(&workspace.path("generated"))? == before, "touching openapi.yaml rewrote a generated file");
    println!("openapi.yaml touched: no generated file was written");

    let path = workspace.path(EDITED);
    let original = fs::read_to_string(&path)?;
    fs::write(&path, format!("{original}// by hand\n"))?;
    let outcome = edited_by_hand(workspace, &path, &original);
    if outcome.is_err() {
        fs::write(&path, &original)?;
    }
    outcome?;
    Ok(Outcome::Passed)
}

/// With `CI=true` a stale file fails the build and stays; otherwise the build puts it right.
fn edited_by_hand(workspace: &Workspace, path: &Path, original: &str) -> anyhow::Result<()> {
    let refused = build(workspace).env("CI", "true").output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(!refused.status.success(), "CI=true accepts a stale file");
    ensure!(said.contains(EDITED), "the build does not name the stale file:\n{said}");
    ensure!(fs::read_to_string(path)? != original, "CI=true wrote a file");
    println!("a generated file edited by hand: refused with CI=true");

    succeed(build(workspace))?;
    ensure!(fs::read_to_string(path)? == original, "the build left an edit by hand in place");
    println!("a generated file edited by hand: undone by the next build");
    Ok(())
}

/// What the tests compiled, so that little is left to do; but not this program, which later steps start again.
fn build(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.args(["build", "--locked", "--workspace", "--exclude", "xtask", "--all-features"]).env_remove("CI");
    command
}

/// Runs a build and returns what it said.
fn succeed(mut command: Command) -> anyhow::Result<String> {
    let line = command_line(&command);
    println!("$ {line}");
    let Output { status, stderr, .. } = command.output().with_context(|| format!("cannot run {line}"))?;
    let said = String::from_utf8_lossy(&stderr).into_owned();
    if !status.success() {
        bail!("`{line}` failed: {status}\n{said}");
    }
    Ok(said)
}

/// When each generated file was written.
fn times(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, SystemTime>> {
    let mut times = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            times.extend(self::times(&entry.path())?);
        } else {
            times.insert(entry.path(), entry.metadata()?.modified()?);
        }
    }
    Ok(times)
}
