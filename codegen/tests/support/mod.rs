//! What the tests over `tests/contracts` share.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod workspace;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use specwright_codegen::{File, Generated};

/// The folders of `tests/contracts`, each a contract, sorted.
pub(crate) fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("openapi.yaml").exists())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no contracts in {}", folder.display());
    cases
}

/// Name of a case.
pub(crate) fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// What a case's contract becomes.
pub(crate) fn generate(case: &Path) -> Generated {
    specwright_codegen::generate(&case.join("openapi.yaml")).unwrap_or_else(|error| panic!("{}: {error}", name(case)))
}

/// The crates that a contract becomes: name and files.
pub(crate) fn crates(generated: &Generated) -> [(&'static str, &[File]); 3] {
    [("types", &generated.types), ("server", &generated.server), ("client", &generated.client)]
}

/// The crates, and the routes in a folder of their own.
pub(crate) fn outputs(generated: &Generated) -> Vec<(&'static str, &[File])> {
    let mut all = crates(generated).to_vec();
    all.push(("gateway", std::slice::from_ref(&generated.routes)));
    all
}

/// Every file below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Writes a file and the folders above it, if it has other bytes.
pub(crate) fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Says past the test harness that a test could not be run.
pub(crate) fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}
