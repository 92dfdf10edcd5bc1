//! `cargo build` regenerates: what a build script calls.
//!
//! ```no_run
//! // generated/types/build.rs
//! specwright_codegen::build::run("../../openapi.yaml", "..");
//! ```
//!
//! The build script belongs to the types crate, the base of the generated crates, so it runs before any of them is
//! compiled. It asks Cargo to be run again when the contract, a file the contract refers to, or a generated file
//! changes; a change of the generator itself rebuilds the script.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::time::SystemTime;

use crate::output::{self, Layout};
use crate::{Error, Generated, generate};

/// Regenerates the crates in `folder` (`types`, `server`, `client`) from `contract`; both paths are relative to the
/// package of the build script.
///
/// With `CI=true`, or where the tree cannot be written, output that is not what the contract gives fails the build
/// with the list of files. Without the contract (a packaged crate) nothing happens. A contract that is not accepted
/// fails the build with the diagnostics.
pub fn run(contract: &str, folder: &str) {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let contract = lexically_joined(&package, contract);
    let layout = Layout::under(&lexically_joined(&package, folder));
    println!("cargo::rerun-if-env-changed=CI");
    if !contract.exists() {
        return;
    }
    println!("cargo::rerun-if-changed={}", contract.display());

    let generated = match generate(&contract) {
        Ok(generated) => generated,
        Err(error) => fail(&error.to_string()),
    };
    for path in generated.sources.iter().chain(&layout.files(&generated)) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let outcome = if env::var("CI").is_ok_and(|value| value == "true") {
        refuse_stale(&generated, &layout)
    } else {
        bring_up_to_date(&generated, &layout)
    };
    if let Err(error) = outcome {
        fail(&error);
    }
}

/// Writes what differs, or says why it could not.
fn bring_up_to_date(generated: &Generated, layout: &Layout) -> Result<(), String> {
    match output::write(generated, layout) {
        Ok(written) => {
            // Cargo runs a build script again when a watched file is newer than the script's last start. What was
            // just written is, by a moment; so its time is set back to that start.
            if let Some(start) = script_start() {
                for path in written.iter().filter(|path| path.exists()) {
                    let _ = fs::File::options().append(true).open(path).and_then(|file| file.set_modified(start));
                }
            }
            Ok(())
        }
        Err(Error::Io { path, source }) if is_read_only(&source) => {
            refuse_stale(generated, layout).map_err(|stale| format!("{} cannot be written\n{stale}", path.display()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Compares only.
fn refuse_stale(generated: &Generated, layout: &Layout) -> Result<(), String> {
    let stale = output::stale(generated, layout).map_err(|error| error.to_string())?;
    if stale.is_empty() {
        return Ok(());
    }
    let mut message = String::from("the generated code is not what the contract gives; run `cargo build` and commit:");
    for entry in stale {
        message.push_str("\n  ");
        message.push_str(&entry.path().display().to_string());
    }
    Err(message)
}

/// When Cargo started this script: the time of `invoked.timestamp` beside `OUT_DIR`.
fn script_start() -> Option<SystemTime> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    fs::metadata(out.parent()?.join("invoked.timestamp")).ok()?.modified().ok()
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied)
}

/// Joins and removes `..` by the text of the path, so that messages show the path that a person would write.
fn lexically_joined(base: &Path, relative: &str) -> PathBuf {
    let mut joined = base.to_owned();
    for part in Path::new(relative).components() {
        match part {
            std::path::Component::ParentDir => {
                joined.pop();
            }
            std::path::Component::CurDir => {}
            other => joined.push(other),
        }
    }
    joined
}

/// A message and exit status 1 instead of a panic: no back-trace on the author of a contract.
fn fail(message: &str) -> ! {
    eprintln!("\n{message}\n");
    for line in message.lines().filter(|line| line.starts_with("error")) {
        println!("cargo::error={line}");
    }
    exit(1)
}
