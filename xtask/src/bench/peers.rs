//! `cargo xtask bench peers`: how much processor time generating takes beside openapi-generator's rust-axum, and compiling what was
//! generated beside what progenitor and rust-axum write for the same contract.
//!
//! The two sides take turns in one run; printed are the median of each and the median of the ratios. Compiling is `cargo check` of
//! the generated crates alone: every dependency is compiled before, on both sides, and our crates and progenitor's stand in one
//! workspace of their own, with the features that they ask for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::cpu::{self, median};
use crate::corpus::crates::{Kind, Recipe};
use crate::corpus::limited::{Ended, run_limited};
use crate::peers::tool::{self, Tool};
use crate::workspace::{Workspace, command_line, run as run_program};

/// What is compared, and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// The contracts.
    #[arg(required = true)]
    contracts: Vec<PathBuf>,
    /// How often each program runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A release build of the `specwright` command; built where it is not given.
    #[arg(long)]
    specwright: Option<PathBuf>,
    /// Only these comparisons, comma-separated: generate, client, server.
    #[arg(long, value_delimiter = ',', default_value = "generate,client,server")]
    only: Vec<String>,
}

/// The longest that one program may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// Both sides of a comparison, in seconds of processor time.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

struct Bench<'a> {
    workspace: &'a Workspace,
    recipe: Recipe,
    folder: PathBuf,
    specwright: PathBuf,
    rounds: usize,
}

/// Compares, and prints a row for each contract and comparison.
///
/// # Errors
///
/// A program is missing, or ours fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let specwright = match &options.specwright {
        Some(path) => std::path::absolute(path)?,
        None => {
            let package = ["--package", "specwright-codegen", "--bin", "specwright"];
            run_program(workspace.cargo().args(["build", "--release", "--locked"]).args(package))?;
            workspace.target.join("release").join("specwright")
        }
    };
    let folder = workspace.target.join("bench-peers");
    fs::create_dir_all(&folder)?;
    let bench = Bench { workspace, recipe: Recipe::read(workspace)?, folder, specwright, rounds: options.rounds };
    println!("contract\tcomparison\tours_s\ttheirs_s\ttheirs/ours");
    for contract in &options.contracts {
        let contract = std::path::absolute(contract)?;
        let name = contract.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for comparison in &options.only {
            let pair = match comparison.as_str() {
                "generate" => bench.generation(&contract),
                "client" => bench.compilation(&contract, Kind::Client, Tool::Progenitor),
                "server" => bench.compilation(&contract, Kind::Server, Tool::RustAxum),
                other => bail!("{other} is no comparison; there are generate, client and server"),
            };
            match pair {
                Ok(Some(pair)) => println!("{name}\t{comparison}\t{}", pair.columns()),
                Ok(None) => println!("{name}\t{comparison}\t-\t-\tthe peer has nothing that compiles"),
                Err(error) => println!("{name}\t{comparison}\t-\t-\t{error:#}"),
            }
        }
    }
    Ok(true)
}

impl Bench<'_> {
    /// Our generator, all three crates, and openapi-generator, the server.
    fn generation(&self, contract: &Path) -> anyhow::Result<Option<Pair>> {
        let jar = Tool::RustAxum.install(self.workspace)?;
        // In memory where there is such a place, and new folders for every round: files where others were just removed cost a
        // journalled file system several times as much, which is none of either side's doing.
        let memory = Path::new("/dev/shm");
        let fresh = tempfile::tempdir_in(if memory.is_dir() { memory } else { &self.folder })?;
        let mut pair = Pair::default();
        for round in 0..self.rounds {
            let [ours, theirs] = ["ours", "theirs"].map(|side| fresh.path().join(format!("{side}{round}")));
            let time = self.time(&mut self.specwright(contract, &ours))?;
            pair.ours.push(time.context("our generator refuses the contract")?);
            empty(&theirs)?;
            match self.time(&mut Tool::RustAxum.generate(self.workspace, &jar, contract, &theirs)?)? {
                Some(seconds) => pair.theirs.push(seconds),
                None => return Ok(None),
            }
        }
        Ok(Some(pair))
    }

    /// Our types and client (or server), and the peer's crate.
    fn compilation(&self, contract: &Path, kind: Kind, tool: Tool) -> anyhow::Result<Option<Pair>> {
        let folder = self.folder.join(tool.name());
        empty(&folder)?;
        self.recipe.write(&folder, "ours")?;
        let generated = self.folder.join("ours");
        empty(&generated)?;
        self.time(&mut self.specwright(contract, &generated))?.context("our generator refuses the contract")?;
        for kind in Kind::ALL {
            fs::rename(generated.join(kind.folder()).join("src"), folder.join(kind.folder()).join("src"))?;
        }
        let ours = ["ours-types".to_owned(), format!("ours-{}", kind.folder())];
        let our_roots = ["types", kind.folder()].map(|crate_| folder.join(crate_).join("src").join("lib.rs"));

        let (their_manifest, their_root) = if tool == Tool::Progenitor {
            // A member of the same workspace, so that it finds the same dependencies.
            let peer = folder.join("peer");
            let program = tool.install(self.workspace)?;
            if self.time(&mut tool.generate(self.workspace, &program, contract, &peer)?)?.is_none() {
                return Ok(None);
            }
            fs::write(peer.join("Cargo.toml"), tool::PROGENITOR_MANIFEST)?;
            (folder.join("Cargo.toml"), peer.join("src").join("lib.rs"))
        } else {
            let peer = self.folder.join("peer");
            empty(&peer)?;
            let program = tool.install(self.workspace)?;
            if self.time(&mut tool.generate(self.workspace, &program, contract, &peer)?)?.is_none() {
                return Ok(None);
            }
            tool.complete(&peer)?;
            (peer.join("Cargo.toml"), peer.join("src").join("lib.rs"))
        };
        let members: &[&str] =
            if tool == Tool::Progenitor { &["types", kind.folder(), "peer"] } else { &["types", kind.folder()] };
        set_members(&folder, members)?;
        let target = self.folder.join("target").join(kind.folder());
        let our_check = || self.check(&folder.join("Cargo.toml"), &target, &[&ours[0], &ours[1]]);
        let their_check = || {
            if tool == Tool::Progenitor {
                self.check(&their_manifest, &target, &["peer"])
            } else {
                self.check(
                    &their_manifest,
                    &self.workspace.target.join("peers").join(tool.name()).join("target"),
                    &["peer"],
                )
            }
        };
        // Dependencies, and whether it compiles at all.
        self.time(&mut our_check())?.context("what we generate does not compile")?;
        if self.time(&mut their_check())?.is_none() {
            return Ok(None);
        }
        let mut pair = Pair::default();
        for _ in 0..self.rounds {
            our_roots.iter().try_for_each(|root| touch(root))?;
            pair.ours.push(self.time(&mut our_check())?.context("what we generate does not compile")?);
            touch(&their_root)?;
            pair.theirs.push(self.time(&mut their_check())?.context("the peer's crate compiled before")?);
        }
        Ok(Some(pair))
    }

    fn specwright(&self, contract: &Path, out: &Path) -> Command {
        let mut command = self.workspace.program(&self.specwright);
        command.arg("generate").arg(contract).arg("--out").arg(out);
        command
    }

    fn check(&self, manifest: &Path, target: &Path, packages: &[&str]) -> Command {
        let mut command = self.workspace.cargo();
        command.args(["check", "--quiet", "--color", "never", "--manifest-path"]).arg(manifest);
        for package in packages {
            command.args(["--package", package]);
        }
        command.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
        command
    }

    /// Seconds of processor time, where the program succeeds.
    fn time(&self, command: &mut Command) -> anyhow::Result<Option<f64>> {
        let log = self.folder.join("log.txt");
        let mut ended = Ended::TimeOut;
        let line = command_line(command);
        let time = cpu::of_children(|| {
            ended = run_limited(command, &self.folder.join("stdout.txt"), &log, LIMIT)?;
            Ok(())
        })?;
        match ended {
            Ended::Success => Ok(Some(time.as_secs_f64())),
            Ended::Failure(_) => Ok(None),
            Ended::TimeOut => bail!("`{line}` took longer than {} s", LIMIT.as_secs()),
        }
    }
}

impl Pair {
    fn columns(&self) -> String {
        let ratios = self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| theirs / ours).collect();
        format!("{:.3}\t{:.3}\t{:.2}", median(self.ours.clone()), median(self.theirs.clone()), median(ratios))
    }
}

/// Leaves these members in the workspace, so that each has the features that it asks for, as with somebody who depends on it.
fn set_members(folder: &Path, members: &[&str]) -> anyhow::Result<()> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    let lines = text.lines().map(|line| match line.starts_with("members = [") {
        true => format!("members = {members:?}\n"),
        false => format!("{line}\n"),
    });
    Ok(fs::write(manifest, lines.collect::<String>())?)
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Makes Cargo check a crate again.
fn touch(file: &Path) -> anyhow::Result<()> {
    let file = fs::File::options().append(true).open(file)?;
    Ok(file.set_modified(std::time::SystemTime::now())?)
}
