//! `cargo xtask mutants`: does a test fail for each way in which the verifier could be wrong?
//!
//! cargo-mutants lists the changes. It would compile the verifier and its tests for each of them, which takes hours; here they are
//! compiled once, with all changes behind switches ([`mod@switch`]), and the tests run once for each. A change that no test notices is
//! printed as missed, unless it is one of those that `.cargo/mutants.toml` leaves out with its reason. Whoever doubts a verdict asks
//! cargo-mutants itself about that change: `cargo mutants --re '...'`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::Value;

use self::switch::{Mutant, at_lines, replace, switch};
use crate::copy;
use crate::corpus::limited::{Ended, run_limited};
use crate::workspace::{Workspace, run};

mod switch;

/// The version of cargo-mutants.
const VERSION: &str = "27.1.0";

/// What the copy's packages are called.
const COPY_VERSION: &str = "0.1.998";

/// The variable that says which mutant a program is.
const VARIABLE: &str = "SPECWRIGHT_MUTANT";

/// The tests, those that take no time first: most mutants end there. Of the library's own, the names.
const TESTS: [&str; 9] = [
    "clerk_vectors",
    "specwright_runtime",
    "webhook",
    "clerk_service",
    "clerk_backend",
    "clerk_cookies",
    "clerk_machines",
    "clerk_verifier",
    "clerk_keys",
];
const LIBRARY: &str = "specwright_runtime";
const OF_THE_LIBRARY: [&str; 2] = ["auth::", "webhook::"];

/// A mutant that computes for ever is one that the tests notice.
const AT_LEAST: Duration = Duration::from_secs(20);
/// And one that fills the memory too, in KiB.
const MEMORY: u32 = 4 * 1024 * 1024;

/// Which mutants.
#[derive(Args)]
pub(crate) struct Options {
    /// Only those whose name has this text, such as a file; may be given several times.
    #[arg(long)]
    name: Vec<String>,
    /// Programs that run at one time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Caught,
    TimeOut,
    Unviable,
    Missed,
}

/// Tries all mutants; whether none is missed.
///
/// # Errors
///
/// cargo-mutants cannot be installed, or the tests fail without a mutant.
pub(crate) fn check(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    let started = Instant::now();
    let mut mutants = list(workspace)?;
    mutants.retain(|mutant| options.name.is_empty() || options.name.iter().any(|name| mutant.name.contains(name)));
    ensure!(!mutants.is_empty(), "there is no such mutant");
    let copy = copy::make(workspace, "mutants/tree", COPY_VERSION)?;
    // The vectors stand beside the repository, and the copy does not.
    let vectors = env::var_os("CLERK_VECTORS").map_or_else(|| workspace.path("../shared/clerk"), PathBuf::from);
    let mut trial = Trial { copy, vectors, mutants, originals: BTreeMap::new(), verdicts: BTreeMap::new() };
    let rest = trial.write_switches()?;
    let programs = trial.compile(&TESTS)?;
    let patience = trial.without_a_mutant(&programs)?;
    let switched: Vec<usize> = (1..=trial.mutants.len())
        .filter(|number| !rest.contains(number) && !trial.verdicts.contains_key(number))
        .collect();
    println!(
        "{} mutants, {} behind switches, {} are no Rust",
        trial.mutants.len(),
        switched.len(),
        trial.verdicts.len()
    );
    trial.try_all(&switched, &programs, patience, options.jobs)?;
    for number in rest {
        trial.try_compiled(number, patience)?;
    }
    Ok(trial.summarise(started.elapsed()))
}

/// What cargo-mutants would change.
fn list(workspace: &Workspace) -> anyhow::Result<Vec<Mutant>> {
    let tools = workspace.target.join("tools").join("mutants");
    let program = tools.join("bin").join("cargo-mutants");
    if !program.exists() {
        let mut install = workspace.cargo();
        install.args(["install", "--locked", "--quiet", "--root"]).arg(&tools);
        run(install.arg(format!("cargo-mutants@{VERSION}"))).context("cargo-mutants")?;
    }
    let mut command = workspace.program(&program);
    command.args(["mutants", "--list", "--json", "--package", "specwright-runtime"]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo-mutants")?;
    ensure!(output.status.success(), "cargo-mutants cannot list mutants");
    serde_json::from_slice(&output.stdout).context("cargo-mutants lists them in another form")
}

/// A copy of the workspace, and what is known of its mutants. They are numbered from 1.
struct Trial {
    copy: Workspace,
    vectors: PathBuf,
    mutants: Vec<Mutant>,
    /// The files of the mutants as they were, by name.
    originals: BTreeMap<String, String>,
    verdicts: BTreeMap<usize, Verdict>,
}

impl Trial {
    /// Writes switches into the copy, and finds out which mutants are no Rust; returns those that no switch can have.
    fn write_switches(&mut self) -> anyhow::Result<Vec<usize>> {
        let library = self.copy.path("runtime/src/lib.rs");
        let text = fs::read_to_string(&library)?;
        fs::write(&library, format!("{text}\npub(crate) mod mutant;\n"))?;
        fs::write(self.copy.path("runtime/src/mutant.rs"), SWITCH.replace("VARIABLE", VARIABLE))?;
        let files = self.mutants.iter().map(|mutant| mutant.file.clone()).collect::<BTreeSet<_>>();
        for file in files {
            let text = fs::read_to_string(self.copy.path(&file))?;
            self.originals.insert(file, text);
        }
        loop {
            let (mut rest, mut texts) = (Vec::new(), BTreeMap::new());
            for (file, original) in &self.originals {
                let of_file = self
                    .numbered()
                    .filter(|(number, mutant)| mutant.file == *file && !self.verdicts.contains_key(number));
                let switched = switch(original, &of_file.collect::<Vec<_>>())?;
                fs::write(self.copy.path(file), &switched.text)?;
                rest.extend(switched.rest);
                texts.insert(file.as_str(), switched.text);
            }
            let refused = self.refused(&texts)?;
            if refused.is_empty() {
                return Ok(rest);
            }
            println!("{} mutants are no Rust", refused.len());
            self.verdicts.extend(refused.into_iter().map(|number| (number, Verdict::Unviable)));
        }
    }

    /// The mutants that the compiler complains of.
    fn refused(&self, texts: &BTreeMap<&str, String>) -> anyhow::Result<Vec<usize>> {
        let mut command = self.cargo("check");
        command.arg("--lib");
        let output = command.stderr(Stdio::null()).output()?;
        let mut refused = BTreeSet::new();
        let mut others = Vec::new();
        for message in messages(&output.stdout) {
            let message = &message["message"];
            if message["level"] != "error" {
                continue;
            }
            let lines = |primary: bool| {
                let spans = message["spans"].as_array().into_iter().flatten();
                spans.filter(move |span| span["is_primary"] == primary).flat_map(|span| {
                    let text = span["file_name"].as_str().and_then(|name| texts.get(name));
                    let line = span["line_start"].as_u64().and_then(|line| usize::try_from(line).ok());
                    text.zip(line).map(|(text, line)| at_lines(text, &[line])).unwrap_or_default()
                })
            };
            let mut found = lines(true).collect::<Vec<_>>();
            if found.is_empty() {
                found.extend(lines(false));
            }
            if found.is_empty() {
                others.push(message["rendered"].as_str().unwrap_or_default().to_owned());
            }
            refused.extend(found);
        }
        if refused.is_empty() && !output.status.success() {
            bail!("the copy with switches does not compile:\n{}", others.join("\n"));
        }
        Ok(refused.into_iter().collect())
    }

    /// Compiles the tests; their programs in the same order.
    fn compile(&self, tests: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let mut command = self.cargo("test");
        command.arg("--no-run");
        if tests.contains(&LIBRARY) {
            command.arg("--lib");
        }
        for test in tests.iter().filter(|test| **test != LIBRARY) {
            command.args(["--test", test]);
        }
        let output = command.stderr(Stdio::null()).output()?;
        let mut programs = BTreeMap::new();
        for message in messages(&output.stdout) {
            if let (Some(name), Some(program)) = (message["target"]["name"].as_str(), message["executable"].as_str()) {
                programs.insert(name.to_owned(), PathBuf::from(program));
            }
        }
        ensure!(output.status.success(), "the tests of the copy do not compile");
        tests.iter().map(|test| programs.remove(*test).with_context(|| format!("no program of {test}"))).collect()
    }

    /// All tests must pass while no switch is on. Returns how long a mutant may take for each.
    fn without_a_mutant(&self, programs: &[PathBuf]) -> anyhow::Result<Duration> {
        let mut longest = Duration::ZERO;
        for program in programs {
            let started = Instant::now();
            let ended = self.run(program, 0, Duration::from_secs(600))?;
            ensure!(ended == Ended::Success, "{} fails without a mutant", program.display());
            longest = longest.max(started.elapsed());
        }
        Ok(AT_LEAST.max(longest * 5))
    }

    fn try_all(
        &mut self,
        numbers: &[usize],
        programs: &[PathBuf],
        patience: Duration,
        jobs: usize,
    ) -> anyhow::Result<()> {
        let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let this = &*self;
        let work = || -> anyhow::Result<()> {
            while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                let verdict = this.judge(*number, programs, patience)?;
                if verdict >= Verdict::Missed {
                    println!("missed: {}", this.mutants[number - 1].name);
                }
                verdicts.lock().expect("no thread panics with it").push((*number, verdict));
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect::<Vec<_>>();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
        })?;
        self.verdicts.extend(verdicts.into_inner().expect("no thread panics with it"));
        Ok(())
    }

    fn judge(&self, number: usize, programs: &[PathBuf], patience: Duration) -> anyhow::Result<Verdict> {
        for program in programs {
            match self.run(program, number, patience)? {
                Ended::Success => {}
                Ended::Failure(_) => return Ok(Verdict::Caught),
                Ended::TimeOut => return Ok(Verdict::TimeOut),
            }
        }
        Ok(Verdict::Missed)
    }

    /// A mutant without a switch: it is compiled by itself.
    fn try_compiled(&mut self, number: usize, patience: Duration) -> anyhow::Result<()> {
        let mutant = self.mutants[number - 1].clone();
        let path = self.copy.path(&mutant.file);
        let switched = fs::read_to_string(&path)?;
        fs::write(&path, replace(&self.originals[&mutant.file], &mutant))?;
        // The library's own tests would have Cargo compile those of every library.
        let tests = TESTS.into_iter().filter(|test| *test != LIBRARY).collect::<Vec<_>>();
        let verdict = match self.compile(&tests) {
            Ok(programs) => self.judge(0, &programs, patience)?,
            Err(_) => Verdict::Unviable,
        };
        fs::write(&path, switched)?;
        if verdict == Verdict::Missed {
            println!("missed: {}", mutant.name);
        }
        self.verdicts.insert(number, verdict);
        Ok(())
    }

    fn summarise(&self, duration: Duration) -> bool {
        let names = |wanted: Verdict| {
            let of = self.verdicts.iter().filter(move |(_, verdict)| **verdict == wanted);
            of.map(|(number, _)| self.mutants[number - 1].name.as_str()).collect::<Vec<_>>()
        };
        println!("\nno Rust:\n  {}", names(Verdict::Unviable).join("\n  "));
        let missed = names(Verdict::Missed);
        println!("\nmissed:\n  {}", missed.join("\n  "));
        println!(
            "\n{} mutants in {} min: {} caught, {} caught by time or memory, {} no Rust, {} missed",
            self.verdicts.len(),
            duration.as_secs() / 60,
            names(Verdict::Caught).len(),
            names(Verdict::TimeOut).len(),
            names(Verdict::Unviable).len(),
            missed.len()
        );
        missed.is_empty()
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &Mutant)> {
        self.mutants.iter().enumerate().map(|(index, mutant)| (index + 1, mutant))
    }

    /// Cargo with the selection of `cargo xtask test`, so that dependencies are compiled already.
    fn cargo(&self, command: &str) -> std::process::Command {
        let mut cargo = self.copy.cargo();
        cargo.args([command, "--quiet", "--workspace", "--all-features", "--message-format=json"]);
        cargo
    }

    fn run(&self, program: &Path, number: usize, limit: Duration) -> anyhow::Result<Ended> {
        let mut command = self.copy.program("sh");
        let script = format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(program).args(["--quiet", "--test-threads", "2"]);
        if program.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LIBRARY)) {
            command.args(OF_THE_LIBRARY);
        }
        command.current_dir(self.copy.path("runtime")).env(VARIABLE, number.to_string());
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("CLERK_VECTORS", &self.vectors);
        let output = self.copy.target.join("mutants").join(format!("{number}.log"));
        let ended = run_limited(&mut command, &output, &output.with_extension("err"), limit);
        if number > 0 {
            let _ = fs::remove_file(&output);
            let _ = fs::remove_file(output.with_extension("err"));
        }
        ended
    }
}

/// The module that the switches ask.
const SWITCH: &str = r#"//! Which mutant this program is.

use std::sync::OnceLock;

static NUMBER: OnceLock<u32> = OnceLock::new();

/// Whether it is this one.
pub(crate) fn is(number: u32) -> bool {
    *NUMBER.get_or_init(|| std::env::var("VARIABLE").ok().and_then(|text| text.parse().ok()).unwrap_or(0)) == number
}
"#;

/// Cargo's messages, one a line.
fn messages(output: &[u8]) -> Vec<Value> {
    output.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}
