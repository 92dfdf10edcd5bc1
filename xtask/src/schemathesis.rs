//! Schemathesis, an outside judge: it reads `openapi.yaml`, sends thousands of requests to the running service, and asks of each
//! answer whether the contract allows it.
//!
//! All checks, three seeds, two users who must not see each other's things. The service is the `api` binary as `cargo run` starts
//! it, on a free port, with a data folder of its own. The seeds run side by side: each has users of its own, so what one run
//! does is not seen by another, and a seed finds again what it found. What Schemathesis is known to miss is asked in
//! `handlers/tests/api`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::corpus::limited::{Ended, run_limited};
use crate::steps::{Outcome, skip};
use crate::tools;
use crate::workspace::{Workspace, command_line, run};

/// Its version, and those of everything that it needs.
const REQUIREMENTS: &str = include_str!("../schemathesis.txt");
/// What Hypothesis draws from.
const SEEDS: [u32; 3] = [1, 2, 3];
/// How many requests an operation gets at most in a phase.
const MOST_EXAMPLES: &str = "200";
/// What the users may do, each in an organization of their own.
const PERMISSION: &str = "org:projects:manage";
/// A run takes a minute or two of one processor; this is for a machine that does much else.
const LIMIT: Duration = Duration::from_secs(1800);

/// Runs every seed.
///
/// # Errors
///
/// Schemathesis cannot be installed, the service does not start, or there is a finding.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !tools::is_installed("python3") {
        return skip("there is no python3");
    }
    let tool = tools::python_packages(workspace, "schemathesis", REQUIREMENTS)?;
    // The packages and features of the tests, so that nothing is compiled for this alone.
    let mut build = workspace.cargo();
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-features",
        "--bin",
        "api",
        "--bin",
        "specwright",
    ]);
    run(&mut build)?;
    let folder = workspace.target.join("schemathesis");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let service = Service::start(workspace, &folder)?;
    let (tool, service, folder) = (tool.as_path(), &service, folder.as_path());
    let results = thread::scope(|scope| {
        let runs = SEEDS.map(|seed| (seed, scope.spawn(move || judge(workspace, tool, service, folder, seed))));
        runs.map(|(seed, run)| (seed, run.join().expect("a run does not panic")))
    });
    let mut failed = Vec::new();
    for (seed, result) in results {
        match result {
            Ok(requests) => println!("seed {seed}: {requests} requests, no finding"),
            Err(error) => {
                println!("seed {seed}: {error:#}");
                failed.push(seed);
            }
        }
    }
    ensure!(failed.is_empty(), "Schemathesis has findings for the seeds {failed:?}");
    Ok(Outcome::Passed)
}

/// One seed, and how many requests it sent.
fn judge(workspace: &Workspace, tool: &Path, service: &Service, folder: &Path, seed: u32) -> anyhow::Result<u64> {
    let folder = folder.join(format!("seed-{seed}"));
    fs::create_dir_all(&folder)?;
    configure(workspace, service, &folder, seed)?;
    let (output, report) = (folder.join("output.txt"), folder.join("report.json"));
    let mut command = tools::python_program(workspace, tool, "st");
    command.current_dir(&folder).arg("run").arg(workspace.path("openapi.yaml")).args([
        "--url",
        &service.url,
        "--checks",
        "all",
    ]);
    command.args(["--seed", &seed.to_string(), "--max-examples", MOST_EXAMPLES, "--continue-on-failure"]);
    // A database would bring back what an earlier run found, and a seed would no longer say everything.
    command.args(["--generation-database", "none", "--no-color", "--report", "json"]);
    command.arg("--report-json-path").arg(&report);
    let ended = run_limited(&mut command, &output, &folder.join("log.txt"), LIMIT)?;
    let text = fs::read_to_string(&output).unwrap_or_default();
    match ended {
        Ended::Success => {}
        Ended::TimeOut => bail!("took longer than {} s; see {}", LIMIT.as_secs(), output.display()),
        Ended::Failure(status) => {
            let findings =
                text.find("= FAILURES").or_else(|| text.find("= ERRORS")).map_or(text.as_str(), |at| &text[at..]);
            bail!("exit status {status:?}\n{findings}\nall of it: {}", output.display());
        }
    }
    // A run that asked nothing would have no finding either.
    let report: Value = serde_json::from_slice(&fs::read(&report)?).context("report.json")?;
    let operations = &report["operations"];
    ensure!(report["complete"] == true, "the run did not come to its end; see {}", output.display());
    ensure!(operations["total"] == operations["tested"], "not every operation was tested: {operations}");
    report["test_cases"]["generated"].as_u64().filter(|count| *count > 0).context("no request was sent")
}

/// The repository's settings, and two users of this seed's own.
fn configure(workspace: &Workspace, service: &Service, folder: &Path, seed: u32) -> anyhow::Result<()> {
    let settings = fs::read_to_string(workspace.path("schemathesis.toml"))?;
    let users = "[auth.wfc]\npath = \"users.yaml\"\nuser = \"ada\"\npeers = [\"ada\", \"eve\"]\n";
    fs::write(folder.join("schemathesis.toml"), format!("{settings}\n{users}"))?;
    let mut text = "auth:\n".to_owned();
    for user in ["ada", "eve"] {
        let token = service.token(&format!("user_{user}_{seed}"), &format!("org_{user}_{seed}"))?;
        text.push_str(&format!(
            "  - name: {user}\n    fixedHeaders: [{{ name: Authorization, value: \"Bearer {token}\" }}]\n"
        ));
    }
    fs::write(folder.join("users.yaml"), text)?;
    Ok(())
}

/// The `api` binary, running. It and its Postgres end with this.
struct Service {
    child: Child,
    url: String,
    data: PathBuf,
    specwright: PathBuf,
}

impl Service {
    fn start(workspace: &Workspace, folder: &Path) -> anyhow::Result<Self> {
        let built = workspace.target.join("debug");
        let (data, log) = (folder.join("data"), folder.join("service.txt"));
        let output = fs::File::create(&log)?;
        let mut command = workspace.program(built.join("api"));
        command.env("SPECWRIGHT_DATA", &data).env("PORT", "0").env("RUST_LOG", "warn");
        for variable in ["ADDRESS", "DATABASE_URL", "DATABASE_HOST", "CLERK_JWT_KEY", "CLERK_PUBLISHABLE_KEY"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot run {}", command_line(&command)))?;
        let mut service = Self { child, url: String::new(), data, specwright: built.join("specwright") };
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let text = fs::read_to_string(&log)?;
            if let Some(url) = text.lines().find_map(|line| line.strip_prefix("serving on ")) {
                url.clone_into(&mut service.url);
                return Ok(service);
            }
            if service.child.try_wait()?.is_some() || Instant::now() > end {
                bail!("the service does not start:\n{text}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A token for a user in an organization.
    fn token(&self, user: &str, organization: &str) -> anyhow::Result<String> {
        let mut command = Command::new(&self.specwright);
        command.args(["token", "--user", user, "--org", organization, "--permission", PERMISSION, "--expires", "12h"]);
        let output = command.arg("--data").arg(&self.data).output()?;
        ensure!(output.status.success(), "no token: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Service {
    /// By SIGTERM, so that the service can stop its Postgres.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(20);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
