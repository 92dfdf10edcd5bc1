//! Every contract of `tests/contracts` becomes crates that compile without a warning.
//!
//! All crates of all contracts stand in one throw-away workspace, so that their dependencies are compiled once, with the
//! versions of this repository's lock file, in this repository's target folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
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
            support::write(&scratch.join(&folder).join("Cargo.toml"), &manifest(&name, kind));
            members.push(folder);
        }
    }
    support::write(&scratch.join("Cargo.toml"), &workspace(&members));
    fs::copy(root().join("Cargo.lock"), scratch.join("Cargo.lock")).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--keep-going", "--workspace"])
        .current_dir(&scratch)
        .env("CARGO_TARGET_DIR", target())
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> = said.lines().take(200).collect();
    assert!(output.status.success(), "{}", first.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The target folder of the build that runs this test.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// The manifest of a generated crate of this repository, renamed and without the build script.
fn manifest(case: &str, kind: &str) -> String {
    let text = fs::read_to_string(root().join("generated").join(kind).join("Cargo.toml")).unwrap();
    let mut manifest = String::new();
    let mut skips = false;
    for line in text.lines() {
        skips = if line.starts_with('[') { line == "[build-dependencies]" } else { skips };
        if skips || line.starts_with("build =") {
            continue;
        }
        if line.starts_with("name =") {
            writeln!(manifest, "name = \"{case}-{kind}\"").unwrap();
        } else if line.starts_with("api-types") {
            writeln!(manifest, "api-types = {{ path = \"../types\", package = \"{case}-types\" }}").unwrap();
        } else {
            writeln!(manifest, "{line}").unwrap();
        }
    }
    manifest
}

/// The workspace's manifest: this repository's dependencies and lints, every warning an error.
fn workspace(members: &[String]) -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n");
    let mut section = "";
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let generated = ["api-types", "api-server", "api-client", "specwright-codegen"];
        if section == "[workspace]" || generated.iter().any(|name| line.starts_with(name)) {
            continue;
        }
        if line == "[workspace.lints.rust]" {
            manifest.push_str("[workspace.lints.rust]\nwarnings = { level = \"deny\", priority = -2 }\n");
        } else if line.starts_with("specwright-runtime") {
            let path = root().join("runtime");
            writeln!(manifest, "specwright-runtime = {{ path = {path:?}, default-features = false }}").unwrap();
        } else {
            writeln!(manifest, "{line}").unwrap();
        }
    }
    manifest.replace("= \"warn\"", "= \"deny\"").replace("level = \"warn\"", "level = \"deny\"")
}
