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

use crate::tools;
use crate::workspace::{Workspace, run as run_program};

/// The C library of Amazon Linux 2023.
const GLIBC: (u32, u32) = (2, 34);

/// Rust's name of Lambda's arm64.
const ARM64: &str = "aarch64-unknown-linux-gnu";
/// A C compiler for it, under the name that Linux distributions give it.
const ARM64_COMPILER: &str = "aarch64-linux-gnu-gcc";

/// For which processor.
#[derive(Args)]
pub(crate) struct Options {
    /// Package for arm64 (`architecture: 'arm64'` in infra/lib/config.ts); its target has to be installed.
    #[arg(long)]
    arm64: bool,
}

/// Builds, checks and drives the artefact.
///
/// # Errors
///
/// The build fails, or the artefact would not work on Lambda.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<bool> {
    build(workspace, options)?;
    Ok(true)
}

/// The folder with `bootstrap`, checked and, where this machine can run it, driven.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn build(workspace: &Workspace, options: &Options) -> anyhow::Result<PathBuf> {
    let cross = options.arm64 && !cfg!(target_arch = "aarch64");
    let binary = if cross { build_arm64(workspace)? } else { build_native(workspace)? };
    let folder = place(workspace, &binary)?;
    if cross {
        println!("not driven: this machine cannot run arm64; `cargo xtask verify` asks it once it is deployed");
    } else {
        drive(workspace, &folder.join("bootstrap"))?;
    }
    Ok(folder)
}

/// A folder that [`build`] has left, here or in another job: the same look inside, and executable whatever it went through.
///
/// # Errors
///
/// There is no such binary, or it would not work on Lambda.
pub(crate) fn accept(workspace: &Workspace, folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = fs::canonicalize(folder).with_context(|| format!("there is no folder {}", folder.display()))?;
    let bootstrap = folder.join("bootstrap");
    inspect(workspace, &bootstrap)?;
    make_executable(&bootstrap)?;
    Ok(folder)
}

/// By Cargo; and where this system's C library is too new, by cargo-lambda, which links against an older one.
fn build_native(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    run_program(compile(workspace.cargo().arg("build")))?;
    let binary = workspace.target.join("release/api");
    if needed_glibc(&binary)? <= Some(GLIBC) || !has_cargo_lambda(workspace) {
        return Ok(binary);
    }
    run_program(compile(workspace.cargo().args(["lambda", "build"])))?;
    Ok(workspace.target.join("lambda/api/bootstrap"))
}

/// cargo-lambda brings a linker and a C compiler where it is installed; else both have to be there.
fn build_arm64(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let standard_library = workspace.program("rustc").args(["--print", "target-libdir", "--target", ARM64]).output()?;
    let folder = String::from_utf8_lossy(&standard_library.stdout);
    ensure!(
        standard_library.status.success() && Path::new(folder.trim()).is_dir(),
        "this toolchain cannot compile for arm64: rustup target add {ARM64}"
    );
    let mut cargo = workspace.cargo();
    if has_cargo_lambda(workspace) {
        run_program(compile(cargo.args(["lambda", "build", "--arm64"])))?;
        return Ok(workspace.target.join("lambda/api/bootstrap"));
    }
    ensure!(
        tools::is_installed(ARM64_COMPILER),
        "there is no linker for arm64: install cargo-lambda (`pip install cargo-lambda`), or {ARM64_COMPILER} \
         (Debian: `apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross`), or package on a machine with arm64"
    );
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", ARM64_COMPILER);
    cargo.env("CC_aarch64_unknown_linux_gnu", ARM64_COMPILER);
    run_program(compile(cargo.args(["build", "--target", ARM64])))?;
    Ok(workspace.target.join(ARM64).join("release/api"))
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
    make_executable(&bootstrap)?;
    println!("{}", bootstrap.display());
    Ok(folder)
}

/// An archive of artefacts may have lost the permission; Lambda does not start what is not executable.
fn make_executable(bootstrap: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(bootstrap, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// What would keep the binary from working on Lambda.
fn inspect(workspace: &Workspace, binary: &Path) -> anyhow::Result<()> {
    let manifest = fs::read_to_string(workspace.path("Cargo.toml"))?;
    ensure!(manifest.contains("panic = \"unwind\""), "the release profile has no `panic = \"unwind\"`");
    let needed = needed_glibc(binary)?;
    if let Some((major, minor)) = needed {
        ensure!(
            (major, minor) <= GLIBC,
            "the binary needs glibc {major}.{minor}, and Amazon Linux 2023 has {}.{}: build with cargo-lambda, or on an older system",
            GLIBC.0,
            GLIBC.1
        );
    }
    let mebibytes = fs::metadata(binary)?.len() as f64 / f64::from(1 << 20);
    let glibc = needed.map_or_else(|| "none".to_owned(), |(major, minor)| format!("{major}.{minor}"));
    println!("{mebibytes:.2} MiB, newest glibc symbol: {glibc}");
    Ok(())
}

fn needed_glibc(binary: &Path) -> anyhow::Result<Option<(u32, u32)>> {
    let bytes = fs::read(binary).with_context(|| format!("{} cannot be read", binary.display()))?;
    newest_glibc(&bytes).context("the binary is not a 64-bit ELF file")
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
