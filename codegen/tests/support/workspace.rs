//! Throw-away workspaces of generated crates, with the versions and lints of this repository, in its target folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of this repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The target folder of the build that runs this test.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// The manifest of a generated crate of this repository, renamed and without the build script.
pub(crate) fn manifest(case: &str, kind: &str) -> String {
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
pub(crate) fn workspace(members: &[String]) -> String {
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
        } else if line.starts_with("specwright-") {
            writeln!(manifest, "{}", line.replace("path = \"", &format!("path = \"{}/", root().display()))).unwrap();
        } else {
            writeln!(manifest, "{line}").unwrap();
        }
    }
    manifest.replace("= \"warn\"", "= \"deny\"").replace("level = \"warn\"", "level = \"deny\"")
}
