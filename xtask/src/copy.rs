//! A copy of the checkout, to be changed: for the walk, and for mutants.
//!
//! It shares the target folder, so that dependencies are compiled once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::workspace::Workspace;

/// Folders that are no part of a fresh clone.
const LEFT_OUT: [&str; 5] = ["target", ".git", ".specwright", "node_modules", "cdk.out"];

/// Makes the copy in the target folder, in place of an earlier one.
///
/// Its packages get a version of their own. Cargo knows a package by its name, version and place within its workspace, so those
/// of the copy would else be taken for the originals. The version has to satisfy the requirements on the originals.
///
/// # Errors
///
/// A file cannot be copied.
pub(crate) fn make(workspace: &Workspace, name: &str, version: &str) -> anyhow::Result<Workspace> {
    let copy = Workspace { root: workspace.target.join(name), target: workspace.target.clone() };
    if copy.root.exists() {
        fs::remove_dir_all(&copy.root)?;
    }
    copy_folder(&workspace.root, &copy.root)?;
    let path = copy.path("Cargo.toml");
    let manifest = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = format!("\nversion = \"{}\"\n", env!("CARGO_PKG_VERSION"));
    ensure!(manifest.contains(&line), "Cargo.toml does not have the version {line:?}");
    fs::write(&path, manifest.replacen(&line, &format!("\nversion = \"{version}\"\n"), 1))?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &PathBuf) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                copy_folder(&entry.path(), &to.join(&name))?;
            }
        } else {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
