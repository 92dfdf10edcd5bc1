//! The peers: how each is installed, called, and asked what it wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::workspace::{Workspace, run};

/// Another generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// A client, from 3.0.
    Progenitor,
    /// A server for axum, from openapi-generator.
    RustAxum,
    /// Types and a client, and a server for the operations that are named. Not tried yet.
    OpenapiToRust,
    /// Types and a client, or a server. Not tried yet.
    Oas3Gen,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Progenitor, Self::RustAxum, Self::OpenapiToRust, Self::Oas3Gen];

    /// What it is called in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Progenitor => "progenitor",
            Self::RustAxum => "rust-axum",
            Self::OpenapiToRust => "openapi-to-rust",
            Self::Oas3Gen => "oas3-gen",
        }
    }

    /// The package and its version, on crates.io or (openapi-generator) on PyPI. progenitor is a library that we have.
    fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Progenitor => ("progenitor-impl", "0.15.1"),
            Self::RustAxum => ("openapi-generator-cli", "7.26.0"),
            Self::OpenapiToRust => ("openapi-to-rust", "0.23.0"),
            Self::Oas3Gen => ("oas3-gen", "0.29.0"),
        }
    }

    /// Installs it below the target folder unless it is there; the program, or the jar.
    ///
    /// # Errors
    ///
    /// `cargo install` or `pip install` fails.
    pub(crate) fn install(self, workspace: &Workspace) -> anyhow::Result<PathBuf> {
        if self == Self::Progenitor {
            return Ok(std::env::current_exe()?);
        }
        let (package, version) = self.package();
        let folder = workspace.target.join("tools").join("peers").join(format!("{package}-{version}"));
        if self == Self::RustAxum {
            let jar = folder.join("openapi_generator_cli").join("openapi-generator.jar");
            if !jar.exists() {
                let mut command = workspace.program("python3");
                command.args(["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--target"]).arg(&folder);
                run(command.arg(format!("{package}=={version}")))?;
            }
            return Ok(jar);
        }
        let program = folder.join("bin").join(package);
        if !program.exists() {
            let mut command = workspace.cargo();
            // Unoptimised: only whether they write code is asked, not how fast.
            command.args(["install", "--debug", "--locked", "--version", version, package, "--root"]).arg(&folder);
            run(command.env("CARGO_TARGET_DIR", folder.join("build")).env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
            fs::remove_dir_all(folder.join("build"))?;
        }
        Ok(program)
    }

    /// The command that writes a crate named `peer` into a folder.
    ///
    /// # Errors
    ///
    /// A settings file cannot be written.
    pub(crate) fn generate(
        self,
        workspace: &Workspace,
        program: &Path,
        contract: &Path,
        out: &Path,
    ) -> anyhow::Result<Command> {
        Ok(match self {
            Self::Progenitor => {
                let mut command = workspace.program(program);
                command.arg("progenitor-contract").arg(contract).arg(out);
                command
            }
            Self::RustAxum => {
                let mut command = workspace.program("java");
                // Contracts of several megabytes are beyond the limits of its YAML reader.
                command.arg("-DmaxYamlCodePoints=99999999").arg("-jar").arg(program);
                command.args(["generate", "--generator-name", "rust-axum", "--skip-validate-spec"]);
                command.args(["--additional-properties", "packageName=peer,packageVersion=0.0.0"]);
                command.arg("--input-spec").arg(contract).arg("--output").arg(out);
                command
            }
            Self::OpenapiToRust => {
                let mut command = workspace.program(program);
                command.arg("generate").arg(contract).arg("--output-dir").arg(out.join("src").join("generated"));
                command
            }
            Self::Oas3Gen => {
                let mut command = workspace.program(program);
                command.args(["generate", "server-mod", "--input"]).arg(contract);
                command.arg("--output").arg(out.join("src").join("generated"));
                command
            }
        })
    }

    /// Whether there is code in the folder.
    pub(crate) fn has_written(self, out: &Path) -> bool {
        !files(&out.join("src")).is_empty()
    }

    /// Adds what the peer leaves to its user: a manifest and a root module.
    ///
    /// # Errors
    ///
    /// A file cannot be read or written.
    pub(crate) fn complete(self, out: &Path) -> anyhow::Result<()> {
        let package = "[package]\nname = \"peer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
        let generated = out.join("src").join("generated");
        let manifest = out.join("Cargo.toml");
        match self {
            Self::Progenitor => fs::write(&manifest, PROGENITOR_MANIFEST)?,
            // A crate is what it writes; only that it is a workspace of its own is missing.
            Self::RustAxum => {
                let text = fs::read_to_string(&manifest).context("the peer wrote no manifest")?;
                if !text.contains("[workspace]") {
                    fs::write(&manifest, format!("{text}\n[workspace]\n"))?;
                }
            }
            Self::OpenapiToRust => {
                let dependencies = fs::read_to_string(generated.join("REQUIRED_DEPS.toml"))?;
                fs::write(&manifest, format!("{package}\n{dependencies}\n[workspace]\n"))?;
                fs::write(out.join("src").join("lib.rs"), "pub mod generated;\n")?;
            }
            Self::Oas3Gen => {
                fs::write(&manifest, format!("{package}\n{OAS3_GEN_DEPENDENCIES}\n[workspace]\n"))?;
                fs::write(out.join("src").join("lib.rs"), "pub mod generated;\n")?;
            }
        }
        Ok(())
    }

    /// For how many operations there is a function.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub(crate) fn functions(self, out: &Path) -> anyhow::Result<usize> {
        let source = out.join("src");
        let (folder, start): (PathBuf, &[&str]) = match self {
            Self::Progenitor => (source, &["    pub async fn "]),
            Self::RustAxum => (source.join("apis"), &["    async fn "]),
            Self::OpenapiToRust => (source.join("generated"), &["    pub async fn "]),
            Self::Oas3Gen => (source.join("generated"), &["    async fn ", "    fn "]),
        };
        let mut count = 0;
        for file in files(&folder) {
            // openapi-generator's `mod.rs` has the traits for errors and credentials.
            if self == Self::RustAxum && file.ends_with("mod.rs") {
                continue;
            }
            let text = fs::read_to_string(&file)?;
            count += text.lines().filter(|line| start.iter().any(|start| line.starts_with(start))).count();
        }
        Ok(count)
    }
}

/// The manifest of progenitor's crate in a workspace that has the same dependencies.
pub(crate) const PROGENITOR_MANIFEST: &str = "[package]\nname = \"peer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
    base64.workspace = true\nbytes.workspace = true\nchrono.workspace = true\nfutures.workspace = true\nprogenitor-client.workspace = true\n\
    rand.workspace = true\nregress.workspace = true\nreqwest.workspace = true\nserde.workspace = true\n\
    serde_json.workspace = true\nuuid.workspace = true\n";

/// Not filled in yet: until it is, the column of oas3-gen says whether it writes code, and nothing about compiling.
const OAS3_GEN_DEPENDENCIES: &str = "";

/// The Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}
