//! `cargo xtask package`: the release binary as Lambda wants it, driven once before it is called good.
//!
//! The artefact is `target/lambda/api/bootstrap`, for `provided.al2023`. Traps that it looks for: a glibc symbol newer
//! than the one of Amazon Linux 2023, `panic = "abort"` (a panic would end the process), aws-lc's entropy by CPU jitter
//! (32 to 41 ms in each cold start), and the private Postgres of `cargo run`, which a deployed binary does not have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;
use object::elf;
use object::read::elf::FileHeader as _;

use crate::workspace::{Workspace, run as run_program};

/// The C library of Amazon Linux 2023.
const GLIBC: (u32, u32) = (2, 34);

/// For which processor.
#[derive(Args)]
pub(crate) struct Options {
    /// Package for arm64; its target has to be installed (`rustup target add aarch64-unknown-linux-gnu`).
    #[arg(long)]
    arm64: bool,
}

/// Builds, checks and drives the artefact.
///
/// # Errors
///
/// The build fails, or the artefact would not work on Lambda.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    if options.arm64 { build_arm64(workspace) } else { build(workspace) }?;
    Ok(true)
}

/// The folder with `bootstrap` for this machine's processor, checked and driven.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let mut cargo = workspace.cargo();
    run_program(compile(cargo.arg("build")))?;
    let folder = place(workspace, &workspace.target.join("release/api"))?;
    drive(workspace, &folder.join("bootstrap"))?;
    Ok(folder)
}

/// For arm64, which cannot be driven here: cargo-lambda brings a linker where it is installed.
fn build_arm64(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let mut cargo = workspace.cargo();
    if has_cargo_lambda(workspace) {
        run_program(compile(cargo.args(["lambda", "build", "--arm64"])))?;
        return place(workspace, &workspace.target.join("lambda/api/bootstrap"));
    }
    let target = "aarch64-unknown-linux-gnu";
    run_program(compile(cargo.args(["build", "--target", target])))?;
    place(workspace, &workspace.target.join(target).join("release/api"))
}

fn compile(cargo: &mut Command) -> &mut Command {
    cargo.args(["--release", "--locked", "--package", "handlers", "--bin", "api", "--no-default-features"]);
    // Said in .cargo/config.toml too; a build that a variable of the caller steers is not the one that was measured.
    cargo.env("AWS_LC_SYS_NO_JITTER_ENTROPY", "1")
}

fn has_cargo_lambda(workspace: &Workspace) -> bool {
    workspace.cargo().args(["lambda", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Puts the binary where CDK looks for it, after a look inside.
fn place(workspace: &Workspace, binary: &Path) -> anyhow::Result<PathBuf> {
    inspect(workspace, binary)?;
    // In the workspace, wherever Cargo's target folder is: CDK knows nothing of Cargo.
    let folder = workspace.path("target/lambda/api");
    fs::create_dir_all(&folder)?;
    let bootstrap = folder.join("bootstrap");
    if binary != bootstrap {
        fs::copy(binary, &bootstrap).with_context(|| format!("{} cannot be written", bootstrap.display()))?;
    }
    println!("{}", bootstrap.display());
    Ok(folder)
}

/// What would keep the binary from working on Lambda.
fn inspect(workspace: &Workspace, binary: &Path) -> anyhow::Result<()> {
    let manifest = fs::read_to_string(workspace.path("Cargo.toml"))?;
    ensure!(manifest.contains("panic = \"unwind\""), "the release profile has no `panic = \"unwind\"`");
    let bytes = fs::read(binary).with_context(|| format!("{} cannot be read", binary.display()))?;
    let needed = newest_glibc(&bytes).context("the binary is not a 64-bit ELF file")?;
    if let Some((major, minor)) = needed {
        ensure!(
            (major, minor) <= GLIBC,
            "the binary needs glibc {major}.{minor}, and Amazon Linux 2023 has {}.{}: build with cargo-lambda, or on an older system",
            GLIBC.0,
            GLIBC.1
        );
    }
    let mebibytes = bytes.len() as f64 / f64::from(1 << 20);
    let glibc = needed.map_or_else(|| "none".to_owned(), |(major, minor)| format!("{major}.{minor}"));
    println!("{mebibytes:.2} MiB, newest glibc symbol: {glibc}");
    Ok(())
}

/// The newest version of glibc that a symbol asks for.
fn newest_glibc(bytes: &[u8]) -> Result<Option<(u32, u32)>, object::Error> {
    let header = elf::FileHeader64::<object::Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut newest = None;
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(needed) = versions.next()? {
                let name = String::from_utf8_lossy(needed.name(endian, strings)?);
                newest = newest.max(name.strip_prefix("GLIBC_").and_then(version));
            }
        }
    }
    Ok(newest)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

/// Drives the artefact through a Runtime API of our own: the tests that ask the function what the socket answers.
fn drive(workspace: &Workspace, bootstrap: &Path) -> anyhow::Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--locked", "--workspace", "--all-features", "--test", "api", "lambda::"]);
    cargo.env("SPECWRIGHT_BOOTSTRAP", bootstrap).env("AWS_EC2_METADATA_DISABLED", "true");
    run_program(&mut cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version("2.34"), Some((2, 34)));
        assert_eq!(version("2.3.4"), Some((2, 3)));
        assert_eq!(version("PRIVATE"), None);
        assert!(version("2.9") < version("2.34"));
    }

    #[test]
    fn a_file_that_is_no_binary_is_refused() {
        let path = std::env::temp_dir().join(format!("specwright-no-binary-{}", std::process::id()));
        fs::write(&path, "no binary").expect("the temporary folder can be written");
        let workspace = Workspace::find();
        let refused = inspect(&workspace, &path);
        fs::remove_file(&path).expect("it was written");
        assert!(format!("{:#}", refused.expect_err("text is no ELF file")).contains("not a 64-bit ELF file"));
    }
}
