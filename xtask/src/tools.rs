//! Programs of others that the steps need and the Rust toolchain does not bring: packages of PyPI, put into the target folder
//! where they are missing. Every version is pinned, so a step means today what it meant yesterday.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::workspace::{Workspace, run};

/// moto's server and what it needs for that, for [`python_packages`].
pub(crate) const MOTO: &str = include_str!("../moto.txt");

/// Whether a program is there and runs.
pub(crate) fn is_installed(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A folder below `target/tools` with Python packages, for PYTHONPATH; what is run of them is in its `bin`.
///
/// They are installed at the first call, and anew where `requirements` (the text of a requirements file) has changed. Only
/// wheels are taken: building somebody's package would run its code with compilers of unknown age.
///
/// # Errors
///
/// There is no Python with pip, or pip cannot install them.
pub(crate) fn python_packages(workspace: &Workspace, name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let (folder, mark) = place(workspace, name);
    if is_marked(&mark, requirements) {
        return Ok(folder);
    }
    // What an installation that was broken off, or of other versions, has left would be imported too.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    pip(workspace, &folder, requirements, &["install", "--only-binary", ":all:", "--no-warn-conflicts"], "--target")?;
    fs::write(mark, requirements)?;
    Ok(folder)
}

/// A program of such packages, with Python and its path.
pub(crate) fn python_program(workspace: &Workspace, folder: &Path, program: &str) -> Command {
    let mut command = workspace.program("python3");
    // Not by its first line, which names the Python of the day it was installed.
    command.arg(folder.join("bin").join(program)).env("PYTHONPATH", folder).env("PYTHONUTF8", "1");
    command
}

/// A folder below `target/tools` with the source distribution of a Python package, downloaded at the first call.
///
/// # Errors
///
/// As [`python_packages`].
pub(crate) fn python_source(workspace: &Workspace, name: &str, requirement: &str) -> anyhow::Result<PathBuf> {
    let (folder, mark) = place(workspace, name);
    if !is_marked(&mark, requirement) {
        // Of this package alone: what pip builds it with, to read its metadata, may be wheels.
        let package = requirement.split(['=', ' ']).next().unwrap_or_default();
        pip(workspace, &folder, requirement, &["download", "--no-deps", "--no-binary", package], "--dest")?;
        fs::write(mark, requirement)?;
    }
    Ok(folder)
}

/// Where something is put, and the file that says what it was.
fn place(workspace: &Workspace, name: &str) -> (PathBuf, PathBuf) {
    let folder = workspace.target.join("tools").join(name);
    let mark = folder.join("installed.txt");
    (folder, mark)
}

fn is_marked(mark: &Path, wanted: &str) -> bool {
    fs::read_to_string(mark).is_ok_and(|installed| installed == wanted)
}

/// Where a requirement has a hash, pip takes no other file.
fn pip(
    workspace: &Workspace,
    folder: &Path,
    requirements: &str,
    arguments: &[&str],
    destination: &str,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let file = folder.join("requirements.txt");
    fs::write(&file, requirements)?;
    let mut command = workspace.program("python3");
    command.args(["-m", "pip"]).args(arguments).args(["--quiet", "--no-input", "--disable-pip-version-check"]);
    command.arg("--requirement").arg(&file).arg(destination).arg(folder);
    // It would be told not to write into the system's packages, which `--target` does not.
    command.env("PIP_ROOT_USER_ACTION", "ignore");
    let name = folder.file_name().unwrap_or_default().display();
    run(&mut command).with_context(|| format!("pip cannot bring {name}, which needs Python 3 with pip"))
}
