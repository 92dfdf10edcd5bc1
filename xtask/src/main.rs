//! The commands of this workspace, run as `cargo xtask <command>`.
//!
//! ```text
//! test       everything CI runs, step by step
//! generate   bring the generated crates up to date without building them
//! corpus     generate and compile other people's contracts, one row of figures for each
//! suite      bring the JSON Schema Test Suite for the tests
//! bench      measure beside others: `bench auth` verifies tokens beside Clerk's own SDK, `bench peers` generates and compiles
//! soak       the whole service under load while its password is rotated and its database restarted
//! mutants    does a test fail for each way in which the token verifier could be wrong?
//! migrations check the rules of migrations/README.md
//! queries    bring the data of `sqlx::query!` up to date
//! peers      the same contracts through other generators
//! walk       do the README's walk in a copy of the repository
//! package    the release binary as Lambda wants it, checked and driven
//! deploy     package, check, and deploy a stage with CDK; `--dry-run` stops before AWS
//! verify     run the staging checklist against a deployed stage
//! cost       what a month of each stage costs
//! ```
//!
//! A command here is for people who work on this repository. What users of the framework need is in the `specwright`
//! command of `codegen/`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod copy;
mod corpus;
mod deny;
mod generated;
mod infra;
mod migrations;
mod mutants;
mod package;
mod peers;
mod queries;
mod regeneration;
mod schemathesis;
mod soak;
mod steps;
mod suite;
mod test;
mod tools;
mod walk;
mod workspace;

use workspace::Workspace;

/// The commands of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything CI runs; stop at the first step that fails.
    Test(test::Options),
    /// Write the generated crates; only files whose text differs are touched.
    Generate,
    /// Generate and compile contracts, and print one row of figures for each.
    Corpus(corpus::Options),
    /// Bring the JSON Schema Test Suite for the tests, and print where it is.
    Suite,
    /// Measure beside others, in the same run; fails below the bars.
    #[command(subcommand)]
    Bench(bench::Subject),
    /// Load the whole service while its password is rotated, its pooler and its database restarted.
    Soak(soak::Options),
    /// Change the token verifier in every way that cargo-mutants knows, and see a test fail for each.
    Mutants(mutants::Options),
    /// Check the rules of migrations/README.md.
    Migrations,
    /// Compile the handlers' SQL against the migrations, and write what `sqlx::query!` needs without a database.
    Queries(queries::Options),
    /// Do the README's walk in a copy of the repository.
    Walk,
    /// Build the release binary for Lambda, look inside, and drive it once.
    Package(package::Options),
    /// Package, check and deploy a stage.
    Deploy(infra::Deploy),
    /// Run the staging checklist against a deployed stage.
    Verify(infra::Verify),
    /// Print what a month costs, next to ADR-001.
    Cost,
    /// Let other generators have the contracts of a folder, and print what they make of each.
    Peers(peers::Options),
    /// One contract through progenitor, in a process of its own.
    #[command(hide = true)]
    ProgenitorContract {
        /// The contract.
        contract: PathBuf,
        /// Folder of the crate.
        folder: PathBuf,
    },
    /// One contract of the corpus, in a process of its own so that it cannot take the others down.
    #[command(hide = true)]
    CorpusContract {
        /// The contract.
        contract: PathBuf,
        /// Folder of the crates `types`, `server` and `client`.
        folder: PathBuf,
        /// Write the proof too.
        #[arg(long)]
        proof: bool,
    },
}

fn main() -> ExitCode {
    let workspace = Workspace::find();
    let outcome = match Arguments::parse().command {
        Command::Test(options) => test::run(&workspace, &options),
        Command::Generate => generated::write(&workspace),
        Command::Corpus(options) => corpus::run(&workspace, &options),
        Command::Suite => suite::folder(&workspace).map(|folder| {
            println!("JSON_SCHEMA_TEST_SUITE={}", folder.display());
            true
        }),
        Command::Bench(subject) => bench::measure(&workspace, &subject),
        Command::Soak(options) => soak::soak(&workspace, &options),
        Command::Mutants(options) => mutants::check(&workspace, &options),
        Command::Migrations => migrations::check(&workspace).map(|_| true),
        Command::Queries(options) => queries::bring_up_to_date(&workspace, &options),
        Command::Walk => walk::check(&workspace).map(|_| true),
        Command::Package(options) => package::run(&workspace, &options),
        Command::Deploy(options) => infra::deploy(&workspace, &options),
        Command::Verify(options) => infra::verify(&workspace, &options),
        Command::Cost => infra::cost(&workspace),
        Command::Peers(options) => peers::run(&workspace, &options),
        Command::ProgenitorContract { contract, folder } => peers::progenitor::write(&contract, &folder),
        Command::CorpusContract { contract, folder, proof } => corpus::contract::run(&contract, &folder, proof),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
