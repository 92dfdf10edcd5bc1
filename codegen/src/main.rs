//! The `specwright` command: the generator for any contract, from a shell.
//!
//! It parses arguments, calls the library and prints; nothing is decided here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use specwright_codegen::manifest;
use specwright_codegen::output::{self, Layout};

#[cfg(feature = "token")]
mod token;

/// Contract-first APIs: openapi.yaml in; typed axum routes, shared types and a client crate out.
#[derive(Parser)]
#[command(name = "specwright", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the types, server and client crates of a contract; only files whose text differs are touched.
    Generate {
        /// The contract, YAML or JSON.
        contract: PathBuf,
        /// Folder of the crates `types`, `server` and `client`.
        #[arg(long, default_value = "generated")]
        out: PathBuf,
        /// Where new manifests find specwright-runtime, and specwright-model with it: the inside of a Cargo dependency.
        #[arg(long, default_value = "version = \"0.1\"", value_name = "DEPENDENCY")]
        runtime: String,
        /// Write a fourth crate, `proof`: a program for tests that proves client and server against each other.
        #[arg(long)]
        proof: bool,
        /// Write nothing; exit with 1 and the list of files that are not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Print a session token of the local issuer, as `cargo run` accepts it. For development only.
    #[cfg(feature = "token")]
    Token(token::Options),
    /// Say everything there is to say about a contract, and write nothing.
    Check {
        /// The contract, YAML or JSON.
        contract: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        #[cfg(feature = "token")]
        Command::Token(options) => println!("{}", token::mint(&options)?),
        Command::Check { contract } => {
            let warnings = specwright_codegen::check(&contract)?;
            if warnings.is_empty() {
                println!("{}: accepted", contract.display());
            } else {
                eprint!("{warnings}");
                println!("{}: accepted, with {} warnings", contract.display(), warnings.len());
            }
        }
        Command::Generate { contract, out, runtime, proof, check } => {
            let generated = specwright_codegen::generate(&contract)?;
            let layout = Layout::under(&out);
            // One piece: hundreds of warnings are thousands of words otherwise, each written by itself.
            let warnings = generated.warnings.to_string();
            eprint!("{warnings}");
            if check {
                let stale = output::stale(&generated, &layout)?;
                for entry in &stale {
                    println!("not up to date: {}", entry.path().display());
                }
                return Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
            let mut written = output::write(&generated, &layout)?;
            written.extend(manifest::write_missing(&layout, &runtime)?);
            if proof {
                let files = specwright_codegen::proof(&contract)?;
                written.extend(output::write_files(&files, &out.join("proof").join("src"))?);
                written.extend(manifest::write_proof(&out.join("proof"), &runtime)?);
            }
            let lines: String = written.iter().map(|path| format!("wrote {}\n", path.display())).collect();
            println!(
                "{lines}{} operations, {} types, {} files changed",
                generated.statistics.operations,
                generated.statistics.types,
                written.len()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
