//! Every contract of `tests/contracts` becomes crates that compile without a warning.
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

    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--keep-going", "--workspace"])
        .current_dir(&scratch)
        .env("CARGO_TARGET_DIR", support::workspace::target())
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> = said.lines().take(200).collect();
    assert!(output.status.success(), "{}", first.join("\n"));
}
