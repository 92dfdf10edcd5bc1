//! `cargo xtask test`: everything CI runs, in order, cheap steps first.
//!
//! clippy, rustdoc and the tests select the same packages and features, so dependencies are compiled twice in all:
//! once to be checked, once to be linked.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::corpus;
use crate::steps::{self, Outcome, Step};
use crate::workspace::{Workspace, run as run_program};
use crate::{deny, generated, infra, migrations, queries, regeneration, schemathesis, suite, tools, walk};

/// Which steps, and what a failure does.
#[derive(Args)]
pub(crate) struct Options {
    /// Run the steps after a failed one too.
    #[arg(long)]
    keep_going: bool,
    /// Only these steps, comma-separated; see the list at the end of a run.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", promise: "rustfmt would change no file", run: fmt },
    Step { name: "generated", promise: "the generated crates are what openapi.yaml gives", run: generated::check },
    Step { name: "deny", promise: "licences, bans and sources of every dependency are accepted", run: deny::check },
    Step { name: "clippy", promise: "clippy has nothing to say about any target", run: clippy },
    Step { name: "queries", promise: "the handlers' SQL fits the migrations, and builds know it", run: queries::check },
    Step {
        name: "migrations",
        promise: "migrations expand, and the statements of the commit before still fit",
        run: migrations::check,
    },
    Step { name: "features", promise: "the feature sets that users choose compile without a warning", run: features },
    Step { name: "rustdoc", promise: "rustdoc has nothing to say", run: rustdoc },
    Step { name: "tests", promise: "every test passes", run: tests },
    Step {
        name: "regeneration",
        promise: "a build writes generated files when it must, and only then",
        run: regeneration::check,
    },
    Step {
        name: "schemathesis",
        promise: "an outside judge finds nothing that the contract does not allow",
        run: schemathesis::check,
    },
    Step { name: "walk", promise: "a reader can follow the README's walk", run: walk::check },
    Step {
        name: "proof",
        promise: "client and server of openapi.yaml and of the generator's contracts prove each other",
        run: own_contract,
    },
    Step { name: "infra", promise: "the CDK app holds what it promises, offline", run: infra::check },
    Step {
        name: "corpus",
        promise: "real contracts become crates that compile without a warning and prove each other",
        run: real_contracts,
    },
];

/// What every Cargo command over the whole workspace selects.
const EVERYTHING: [&str; 3] = ["--locked", "--workspace", "--all-features"];

/// Contracts that must always work, of the folder that `SPECWRIGHT_SPECS` names (`../shared/specs` where it is unset).
const CONTRACTS: [&str; 10] = [
    "train-travel",
    "realworld-conduit",
    "swagger-petstore",
    "oai-petstore-expanded",
    "oai-tictactoe",
    "oxide-buildomat",
    "onepassword-connect",
    "firecracker",
    "pagerduty-events-v2",
    "2ch",
];

/// Runs the steps; whether none failed.
///
/// # Errors
///
/// `--only` names a step that does not exist.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    for name in &options.only {
        if !STEPS.iter().any(|step| step.name == name) {
            let names = STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
            bail!("there is no step `{name}`; the steps are {names}");
        }
    }
    let wanted = |step: &&Step| options.only.is_empty() || options.only.iter().any(|name| name == step.name);
    let steps = STEPS.iter().filter(wanted).collect::<Vec<_>>();
    Ok(steps::run(workspace, &steps, options.keep_going))
}

fn fmt(workspace: &Workspace) -> anyhow::Result<Outcome> {
    run_program(workspace.cargo().args(["fmt", "--all", "--", "--check"]))?;
    Ok(Outcome::Passed)
}

fn clippy(workspace: &Workspace) -> anyhow::Result<Outcome> {
    run_program(workspace.cargo().arg("clippy").args(EVERYTHING).args(["--all-targets", "--", "-D", "warnings"]))?;
    Ok(Outcome::Passed)
}

/// Feature sets that the selection of everything hides: a missing `cfg` shows only here.
fn features(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let selections: [&[&str]; 4] = [
        &["--package", "specwright-runtime", "--no-default-features"],
        &["--package", "specwright-runtime", "--no-default-features", "--features", "client"],
        &["--package", "specwright-runtime", "--no-default-features", "--features", "server"],
        &["--package", "handlers", "--no-default-features"],
    ];
    for selection in selections {
        let mut command = workspace.cargo();
        command.arg("clippy").arg("--locked").args(selection).args(["--", "-D", "warnings"]);
        run_program(&mut command)?;
    }
    Ok(Outcome::Passed)
}

/// With private items: most of the prose is for those who work here, and links into it are no fault.
fn rustdoc(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut command = workspace.cargo();
    command
        .arg("doc")
        .args(EVERYTHING)
        .args(["--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    run_program(&mut command)?;
    Ok(Outcome::Passed)
}

fn tests(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut command = workspace.cargo();
    command.arg("test").args(EVERYTHING).arg("--no-fail-fast");
    // The AWS SDK would otherwise look for credentials on the network.
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    match suite::folder(workspace) {
        Ok(folder) => {
            command.env("JSON_SCHEMA_TEST_SUITE", folder);
        }
        // The test that needs it says so, and fails in CI.
        Err(error) => println!("no JSON Schema Test Suite: {error:#}"),
    }
    // Secrets Manager's stand-in for the soak. Without it that test says that it was skipped, and in CI it fails.
    match tools::python_packages(workspace, "moto", tools::MOTO) {
        Ok(folder) => drop(command.env("MOTO_PYTHONPATH", folder)),
        Err(error) => println!("moto cannot be installed: {error:#}"),
    }
    run_program(&mut command)?;
    Ok(Outcome::Passed)
}

/// Contracts of the generator's tests that the proof is not asked about: they have what their warning `ambiguous-path` says.
const UNPROVED: [&str; 2] = ["parameters", "styles"];

fn own_contract(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut contracts = vec![workspace.path("openapi.yaml")];
    for entry in fs::read_dir(workspace.path("codegen/tests/contracts"))? {
        let folder = entry?.path();
        let proved = !UNPROVED.iter().any(|name| folder.ends_with(name));
        let files = ["openapi.yaml", "openapi.json"].map(|file| folder.join(file));
        contracts.extend(files.into_iter().filter(|file| proved && file.is_file()));
    }
    contracts.sort();
    let options = corpus::Options::of(contracts, Vec::new());
    if !corpus::run(workspace, &options).context("the proof could not be run")? {
        bail!("the proof found something; see target/corpus");
    }
    Ok(Outcome::Passed)
}

fn real_contracts(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let folder = env::var_os("SPECWRIGHT_SPECS").map_or_else(|| workspace.path("../shared/specs"), PathBuf::from);
    if !folder.is_dir() {
        return steps::skip(format!("no folder {}; SPECWRIGHT_SPECS names another", folder.display()));
    }
    let options = corpus::Options::of(vec![folder], CONTRACTS.map(str::to_owned).to_vec());
    let accepted = corpus::run(workspace, &options).context("the corpus could not be run")?;
    if !accepted {
        bail!("not every contract compiles and is proved; see target/corpus/<name>.log");
    }
    Ok(Outcome::Passed)
}
