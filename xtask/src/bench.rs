//! `cargo xtask bench`: measured beside others, in the same run. `peers` has a module of its own.
//!
//! `cargo xtask bench auth`: what verifying a session token costs, beside Clerk's own SDK.
//!
//! The two verify the same token with the same key, in turns, each in a process of its own, and count processor time: on a machine
//! that does other things too, only the ratio of what was measured in one run says anything. The bars are those of
//! docs/performance.md; below them the command fails.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use serde_json::Value;

use crate::workspace::{Workspace, run};

mod cpu;
mod generation;
mod peers;

/// Clerk's SDK for servers, as the token vectors were made with.
const CLERK: &str = "@clerk/backend@3.25.0";
/// Turns, of which the median counts.
const ROUNDS: usize = 5;
/// Bars: microseconds of one verification, of a token that was seen before, and how much less than Clerk's.
const VERIFY_US: f64 = 40.0;
const REPEAT_US: f64 = 2.0;
const RATIO: f64 = 8.0;

/// What is measured.
#[derive(Subcommand)]
pub(crate) enum Subject {
    /// Verifying a session token, beside @clerk/backend on node.
    Auth,
    /// Generating every contract of a folder: time and memory against size.
    Generation(generation::Options),
    /// Generating beside openapi-generator, and compiling beside what it and progenitor write.
    Peers(peers::Options),
}

/// Measures; whether the bars hold.
///
/// # Errors
///
/// Something cannot be built, installed or run.
pub(crate) fn measure(workspace: &Workspace, subject: &Subject) -> anyhow::Result<bool> {
    match subject {
        Subject::Auth => auth(workspace),
        Subject::Generation(options) => generation::run(workspace, options),
        Subject::Peers(options) => peers::run(workspace, options),
    }
}

fn auth(workspace: &Workspace) -> anyhow::Result<bool> {
    let clerk = install(workspace)?;
    // What it needs and no more: as a release is built, that takes a minute and a half.
    let bench = ["--package", "specwright-runtime", "--features", "issuer", "--bench", "auth"];
    run(workspace.cargo().args(["bench", "--locked", "--no-run"]).args(bench))?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let ours = workspace.cargo().args(["bench", "--quiet", "--locked"]).args(bench).output()?;
        ensure!(ours.status.success(), "{}", String::from_utf8_lossy(&ours.stderr));
        let line = String::from_utf8(ours.stdout)?;
        let ours = parse(&line)?;
        let theirs = parse(&node(workspace, &clerk, &line)?)?;
        rounds.push((number(&ours, "verify_ns")?, number(&ours, "repeat_ns")?, number(&theirs, "verify_ns")?));
    }
    let median = |of: &dyn Fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[ROUNDS / 2]
    };
    let (verify, repeat) = (median(&|round| round.0 / 1_000.0), median(&|round| round.1 / 1_000.0));
    let (clerk, ratio) = (median(&|round| round.2 / 1_000.0), median(&|round| round.2 / round.0));
    println!("processor time, medians of {ROUNDS} rounds:");
    println!("one verification      {verify:>8.1} us   (bar: {VERIFY_US} us)");
    println!("a token seen before   {repeat:>8.2} us   (bar: {REPEAT_US} us)");
    println!("{CLERK} {clerk:>8.1} us   {ratio:.1} times ours (bar: {RATIO})");
    Ok(verify <= VERIFY_US && repeat < REPEAT_US && ratio >= RATIO)
}

/// The folder that Clerk's SDK is installed in.
fn install(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.target.join("tools").join("clerk-backend");
    if !folder.join("node_modules/@clerk/backend/package.json").exists() {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), r#"{ "private": true }"#)?;
        let mut npm = workspace.program("npm");
        run(npm.args(["install", "--no-audit", "--no-fund", "--save-exact", CLERK]).current_dir(&folder))
            .context("Clerk's SDK comes from npm, which needs node")?;
    }
    fs::copy(workspace.path("xtask/clerk.mjs"), folder.join("clerk.mjs"))?;
    Ok(folder)
}

fn node(workspace: &Workspace, folder: &Path, input: &str) -> anyhow::Result<String> {
    let mut node = workspace.program("node");
    node.arg("clerk.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = node.spawn().context("cannot run node")?;
    child.stdin.take().context("node has a standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("node failed: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn parse(line: &str) -> anyhow::Result<Value> {
    serde_json::from_str(line.trim()).with_context(|| format!("no line of JSON: {line}"))
}

fn number(value: &Value, name: &str) -> anyhow::Result<f64> {
    value[name].as_f64().with_context(|| format!("no {name} in {value}"))
}
