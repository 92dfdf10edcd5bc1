//! The last word on layout: rustfmt, started once for all files of a crate.
//!
//! One process over a folder formats hundreds of files in the time that a process per file takes for ten. The files
//! stand in a folder of their own while it works, with a configuration of ours, so a `rustfmt.toml` of the surrounding
//! project cannot change what a contract gives.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::File;
use crate::Error;

/// What a generated file looks like, apart from rustfmt's defaults.
const CONFIGURATION: &str = "edition = \"2024\"\nmax_width = 120\nuse_small_heuristics = \"Max\"\n";

/// Formats the files of a crate.
///
/// # Errors
///
/// [`Error::Rustfmt`] when rustfmt is not installed, [`Error::Bug`] when it does not take the text for Rust.
pub fn format(files: Vec<File>) -> Result<Vec<File>, Error> {
    if files.is_empty() {
        return Ok(files);
    }
    let folder = tempfile::Builder::new()
        .prefix("specwright-")
        .tempdir()
        .map_err(|source| Error::Io { path: std::env::temp_dir(), source })?;
    write(&folder.path().join("rustfmt.toml"), CONFIGURATION)?;
    let source = folder.path().join("src");
    for file in &files {
        write(&source.join(&file.path), &file.text)?;
    }
    run(folder.path(), &entry_points(&source, &files))?;
    files
        .into_iter()
        .map(|file| {
            let path = source.join(&file.path);
            let text = fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
            Ok(File { path: file.path, text })
        })
        .collect()
}

/// The files to name: rustfmt follows `mod` lines by itself, and formats twice what it is told and finds.
fn entry_points(source: &Path, files: &[File]) -> Vec<PathBuf> {
    let library = source.join("lib.rs");
    if files.iter().any(|file| file.path == "lib.rs") {
        vec![library]
    } else {
        files.iter().map(|file| source.join(&file.path)).collect()
    }
}

fn run(folder: &Path, files: &[PathBuf]) -> Result<(), Error> {
    let output = Command::new(program())
        .args(["--edition", "2024", "--quiet", "--config-path"])
        .arg(folder)
        .args(files)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Error::Rustfmt(format!(
                "error: rustfmt could not be started ({error}); install it with `rustup component add rustfmt`"
            ))
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("is not installed") {
        let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Err(Error::Rustfmt(format!("error: {first}; install it with `rustup component add rustfmt`")));
    }
    Err(Error::Bug(format!("rustfmt refused the generated text:\n{}", said.trim_end())))
}

/// The program that `cargo fmt` would start too.
fn program() -> OsString {
    std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into())
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    fs::write(path, text).map_err(io)
}
