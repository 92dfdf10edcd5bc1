//! Every contract of `tests/contracts` becomes crates that compile without a warning, and the manifests that the command writes
//! name all that they need.
//!
//! All crates of all contracts stand in one throw-away workspace, so that their dependencies are compiled once, with the
//! versions of this repository's lock file, in this repository's target folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn generated_code_compiles_without_warnings() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contracts");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).unwrap();
    }
    let mut members = Vec::new();
    for case in support::cases() {
        let name = support::name(&case);
        let generated = support::generate(&case);
        for (kind, files) in support::crates(&generated) {
            let folder = format!("{name}/{kind}");
            for file in files {
                support::write(&scratch.join(&folder).join("src").join(&file.path), &file.text);
            }
            support::write(&scratch.join(&folder).join("Cargo.toml"), &support::workspace::manifest(&name, kind));
            members.push(folder);
        }
    }
    support::write(&scratch.join("Cargo.toml"), &support::workspace::workspace(&members));
    fs::copy(support::workspace::root().join("Cargo.lock"), scratch.join("Cargo.lock")).unwrap();

    check(&scratch);
}

#[test]
fn the_manifests_that_are_written_compile() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifests");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).unwrap();
    }
    let root = support::workspace::root();
    let output = Command::new(env!("CARGO_BIN_EXE_specwright"))
        .args(["generate", "--proof", "--out"])
        .arg(scratch.join("generated"))
        .arg("--runtime")
        .arg(format!("path = {:?}", root.join("runtime")))
        .arg(root.join("openapi.yaml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    support::write(&scratch.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"generated/*\"]\n");
    fs::copy(root.join("Cargo.lock"), scratch.join("Cargo.lock")).unwrap();
    check(&scratch);
}

fn check(workspace: &Path) {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--keep-going", "--workspace"])
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", support::workspace::target())
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> = said.lines().take(200).collect();
    assert!(output.status.success(), "{}", first.join("\n"));
}
