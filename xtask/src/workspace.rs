//! Where things are, and how other programs are run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The checkout that the commands work on.
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder; everything the commands leave behind is below it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// The checkout of this package: the one `cargo run` names, so that a target folder shared by two checkouts does
    /// not send one to the other's sources.
    pub(crate) fn find() -> Self {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = package.parent().expect("the package stands in the workspace").to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
        Self { root, target }
    }

    /// A file of the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Cargo in the workspace's root, with its configuration and toolchain.
    pub(crate) fn cargo(&self) -> Command {
        self.program(env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from))
    }

    /// Any program in the workspace's root.
    ///
    /// What `cargo run` told this process about the package `xtask` is not passed on: a build script that watches such
    /// a variable would run again because of it.
    pub(crate) fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let package_variable = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_BIN_")
            });
            if package_variable {
                command.env_remove(&name);
            }
        }
        // The target folder is ours even where Cargo runs on a manifest elsewhere.
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// The command line of a program as a person would type it.
pub(crate) fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a program with this process's output and fails unless it succeeds.
///
/// # Errors
///
/// The program cannot be started, or its exit status is not 0.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = command_line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}
