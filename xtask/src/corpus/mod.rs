//! `cargo xtask corpus`: other people's contracts through the generator and the compiler.
//!
//! For each contract the three crates are generated in a process of its own, so that a panic, a stack overflow or an
//! endless loop is a row and not the end of the run. They are written into a throw-away workspace below the target
//! folder, with the dependencies, profiles and lints of this repository, and each is built with warnings denied. Then they
//! are proved against each other (`specwright_runtime::proof`): every operation is called through the client, on a socket.
//! Dependencies are compiled once, before the first contract, and the figures do not contain them.
//!
//! Operations are counted in the document by themselves, apart from the generator's own reading of it, and beside them what
//! was generated. Left behind: `target/corpus/corpus.tsv`, and for each contract `target/corpus/<name>.log` (diagnostics,
//! the compiler's words, what the proof found) and the crates in `target/corpus/<name>/`.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;

pub(crate) mod contract;
mod count;
pub(crate) mod crates;
pub(crate) mod limited;
mod row;

use crates::{Kind, PROOF, Recipe};
use limited::{Ended, run_limited};
use row::{Outcome, Row};

use crate::workspace::Workspace;

/// Which contracts, and how.
#[derive(Args)]
pub(crate) struct Options {
    /// Contracts, and folders of contracts: files that end in .yaml, .yml or .json.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only the contracts of these names (the file's name without its ending), comma-separated.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the rows go; `target/corpus/corpus.tsv` where it is not said.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Contracts at a time; each job after the first compiles the dependencies once more, and times are those of a busy machine.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Seconds that the generation of one contract may take.
    #[arg(long, default_value_t = 120)]
    generate_limit: u64,
    /// Seconds that the check of one crate may take.
    #[arg(long, default_value_t = 900)]
    check_limit: u64,
    /// Only compile the crates, and run no proof: `cargo check` instead of `cargo build`.
    #[arg(long)]
    no_proof: bool,
    /// Seconds that the proof of one contract may run.
    #[arg(long, default_value_t = 900)]
    proof_limit: u64,
}

impl Options {
    /// Some contracts of a folder, everything else as it is by default.
    pub(crate) fn of(paths: Vec<PathBuf>, only: Vec<String>) -> Self {
        Self {
            paths,
            only,
            out: None,
            jobs: 1,
            generate_limit: 120,
            check_limit: 900,
            no_proof: false,
            proof_limit: 900,
        }
    }
}

/// Runs the contracts and prints a row for each; whether all of them compile.
///
/// # Errors
///
/// There is no such contract, a file cannot be read or written, or the dependencies do not compile.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let contracts = contracts(options)?;
    let folder = workspace.target.join("corpus");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let corpus = Corpus { workspace, options, recipe: Recipe::read(workspace)?, folder };

    let start = Instant::now();
    let jobs = options.jobs.clamp(1, contracts.len());
    let mut floor = Duration::ZERO;
    for job in 0..jobs {
        floor = corpus.compile_dependencies(job)?;
    }
    let (ready, floor) = (start.elapsed().as_secs_f64(), floor.as_secs_f64());
    println!(
        "dependencies ready in {ready:.1} s; of each check below, {floor:.2} s is what a crate without code takes"
    );
    println!("{} contracts, {jobs} at a time", contracts.len());

    println!("{}", Row::HEADER);
    let queue = Mutex::new(contracts.iter().enumerate().collect::<VecDeque<_>>());
    let rows = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for job in 0..jobs {
            let (corpus, queue, rows) = (&corpus, &queue, &rows);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().expect("no job panics while it holds the queue").pop_front();
                    let Some((position, contract)) = next else { break };
                    let row = corpus.measure(contract, job).unwrap_or_else(|error| Row::unmeasured(contract, &error));
                    println!("{row}");
                    rows.lock().expect("no job panics while it holds the rows").push((position, row));
                }
            });
        }
    });

    let mut rows = rows.into_inner().expect("every job has ended");
    rows.sort_by_key(|(position, _)| *position);
    let rows = rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
    let out = options.out.clone().unwrap_or_else(|| corpus.folder.join("corpus.tsv"));
    fs::write(&out, row::table(&rows)).with_context(|| format!("cannot write {}", out.display()))?;
    println!("{}", row::summary(&rows, start.elapsed()));
    Ok(rows.iter().all(|row| row.outcome == Outcome::Ok))
}

/// The contracts that the options select, in the order of their names within each folder, as absolute paths: the
/// programs that get them run in the workspace's root.
fn contracts(options: &Options) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in &options.paths {
        let path = std::path::absolute(path)?;
        if path.is_dir() {
            let mut files = Vec::new();
            for entry in fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))? {
                let file = entry?.path();
                let ending = file.extension().and_then(|ending| ending.to_str());
                if matches!(ending, Some("yaml" | "yml" | "json")) {
                    files.push(file);
                }
            }
            files.sort();
            found.append(&mut files);
        } else {
            found.push(path);
        }
    }
    for name in &options.only {
        if !found.iter().any(|contract| contract_name(contract) == *name) {
            bail!("there is no contract `{name}` among the {} that were found", found.len());
        }
    }
    if !options.only.is_empty() {
        found.retain(|contract| options.only.contains(&contract_name(contract)));
    }
    if found.is_empty() {
        bail!("there is no contract: no file that ends in .yaml, .yml or .json");
    }
    Ok(found)
}

/// The file's name without its ending, or that of its folder: how a contract is called in rows, logs and `--only`.
fn contract_name(contract: &Path) -> String {
    let stem = contract.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = contract.parent().and_then(Path::file_name).map(|folder| folder.to_string_lossy().into_owned());
    match folder {
        // Many contracts are called `openapi`; their folders tell them apart.
        Some(folder) if stem == "openapi" => folder,
        _ => stem,
    }
}

/// What all contracts of a run share.
struct Corpus<'a> {
    workspace: &'a Workspace,
    options: &'a Options,
    recipe: Recipe,
    folder: PathBuf,
}

impl Corpus<'_> {
    /// Checks crates without code, so that every dependency is there before the first figure is taken; how long the
    /// last of them took.
    fn compile_dependencies(&self, job: usize) -> anyhow::Result<Duration> {
        let folder = self.folder.join(format!("dependencies-{job}"));
        self.recipe.write(&folder, "none")?;
        for kind in Kind::ALL {
            fs::create_dir_all(folder.join(kind.folder()).join("src"))?;
            fs::write(folder.join(kind.folder()).join("src/lib.rs"), "//! Without code.\n")?;
        }
        fs::create_dir_all(folder.join(PROOF).join("src"))?;
        fs::write(folder.join(PROOF).join("src/main.rs"), "//! Without code.\n\nfn main() {}\n")?;
        let log = self.folder.join(format!("dependencies-{job}.log"));
        fs::write(&log, "")?;
        let mut last = Duration::ZERO;
        for kind in Kind::ALL {
            let (ended, duration) = self.check(&folder, "none", kind, job, &log)?;
            if ended != Ended::Success {
                bail!("the dependencies of the generated crates do not compile:\n{}", fs::read_to_string(&log)?);
            }
            last = duration;
        }
        Ok(last)
    }

    /// Generates and checks one contract.
    fn measure(&self, contract: &Path, job: usize) -> anyhow::Result<Row> {
        let name = contract_name(contract);
        let folder = self.folder.join(&name);
        let log = self.folder.join(format!("{name}.log"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::write(&log, "")?;
        let package = crates::package_name(&name);
        self.recipe.write(&folder, &package)?;

        let report = folder.join("report");
        let mut command = self.workspace.program(this_program()?);
        command.arg("corpus-contract").arg(contract).arg(&folder);
        if !self.options.no_proof {
            command.arg("--proof");
        }
        let limit = Duration::from_secs(self.options.generate_limit);
        let ended = run_limited(&mut command, &report, &log, limit)?;
        let mut row = contract::read_report(&name, &fs::read_to_string(&report)?, ended);
        row.operations.0 = count::operations(contract);
        if row.outcome != Outcome::Ok {
            return Ok(row);
        }
        for kind in Kind::ALL {
            let (ended, duration) = self.check(&folder, &package, kind, job, &log)?;
            row.checked(kind, ended, duration);
            if kind == Kind::Types && ended != Ended::Success {
                break; // the others are built on it
            }
        }
        if !self.options.no_proof && row.outcome == Outcome::Ok {
            self.prove(&folder, &package, job, &log, &mut row)?;
        }
        Ok(row)
    }

    /// Builds the proof and runs it.
    fn prove(&self, folder: &Path, package: &str, job: usize, log: &Path, row: &mut Row) -> anyhow::Result<()> {
        let (ended, _) = self.compile(folder, &format!("{package}-{PROOF}"), job, log)?;
        if ended != Ended::Success {
            row.outcome = Outcome::Unproved;
            return Ok(());
        }
        let program = self.target(job).join("debug").join(format!("{package}-{PROOF}"));
        let report = folder.join("proof.json");
        let limit = Duration::from_secs(self.options.proof_limit);
        let ended = run_limited(&mut self.workspace.program(&program), &report, log, limit)?;
        row.proved(&fs::read_to_string(&report)?, ended);
        self.remove_built(package, job);
        Ok(())
    }

    /// The crates of a large contract take some hundred megabytes, and nobody builds on them.
    fn remove_built(&self, package: &str, job: usize) {
        let debug = self.target(job).join("debug");
        let stem = package.replace('-', "_");
        for folder in [debug.join("deps"), debug] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().replace('-', "_");
                let name = name.strip_prefix("lib").unwrap_or(&name);
                let rest = name.strip_prefix(&stem).unwrap_or_default();
                if ["_types", "_server", "_client", "_proof"].iter().any(|kind| rest.starts_with(kind)) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    /// The target folder of a job: the first finds the dependencies of this repository's own build there; Cargo lets one
    /// process at a time into a target folder, so every other job has one of its own.
    fn target(&self, job: usize) -> PathBuf {
        if job == 0 { self.workspace.target.clone() } else { self.folder.join(format!("target-{job}")) }
    }

    /// `cargo build` (or `check`) of one crate; the compiler's words are added to the log.
    fn check(
        &self,
        folder: &Path,
        package: &str,
        kind: Kind,
        job: usize,
        log: &Path,
    ) -> anyhow::Result<(Ended, Duration)> {
        self.compile(folder, &format!("{package}-{}", kind.folder()), job, log)
    }

    fn compile(&self, folder: &Path, package: &str, job: usize, log: &Path) -> anyhow::Result<(Ended, Duration)> {
        let verb = if self.options.no_proof { "check" } else { "build" };
        let mut command = self.workspace.cargo();
        command.args([verb, "--offline", "--quiet", "--color", "never", "--manifest-path"]);
        command.arg(folder.join("Cargo.toml"));
        command.args(["--package", crates::DEPENDENCIES, "--package", package]);
        command.env("CARGO_TARGET_DIR", self.target(job));
        command.env("CARGO_INCREMENTAL", "0");
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        let start = Instant::now();
        let limit = Duration::from_secs(self.options.check_limit);
        let ended = run_limited(&mut command, &folder.join("cargo.out"), log, limit)?;
        Ok((ended, start.elapsed()))
    }
}

/// This program, even where a build has put another file in its place since it started.
fn this_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_said() {
        let folder = std::env::temp_dir().join(format!("xtask-corpus-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for file in ["b.yaml", "a.json", "INDEX.tsv"] {
            fs::write(folder.join(file), "").unwrap();
        }
        let names = |only: &[&str]| {
            let options = Options::of(vec![folder.clone()], only.iter().map(|&name| name.to_owned()).collect());
            contracts(&options).map(|found| found.iter().map(|path| contract_name(path)).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["a", "b"]);
        assert_eq!(names(&["b"]).unwrap(), ["b"]);
        assert!(names(&["c"]).unwrap_err().to_string().contains("no contract `c` among the 2"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
