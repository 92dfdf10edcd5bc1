//! Real contracts lower without a panic, and the same way each time.
//!
//! They are not part of the repository: `SPECWRIGHT_CORPUS` says where they are.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use specwright_codegen::lower;

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("SPECWRIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/specs"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: set SPECWRIGHT_CORPUS");
    let _ = writeln!(std::io::stderr(), "skipped: no contracts in {}", folder.display());
    None
}

/// Contracts that are refused, and why that is right.
const REFUSED: &[(&str, &str)] = &[
    ("ory-kratos", "asks for the security scheme `sessionToken`, which it does not declare"),
    ("ory-network", "asks for the security scheme `sessionToken`, which it does not declare"),
    ("supabase", "asks for security schemes, and declares none"),
];

#[test]
fn every_contract_lowers() {
    let Some(folder) = corpus() else { return };
    let mut failed = Vec::new();
    let mut count = 0;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension != "tsv")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let started = Instant::now();
        let outcome = lower::load(path);
        let took = started.elapsed().as_millis();
        count += 1;
        match outcome {
            Ok(lowered) => {
                let operations = lowered.api.operations().count();
                println!(
                    "{name}: {operations} operations, {} types, {} warnings, {took} ms",
                    lowered.api.types.len(),
                    lowered.warnings.len()
                );
                if std::env::var_os("SHOW_WARNINGS").is_some() {
                    println!("{}", lowered.warnings);
                }
            }
            Err(diagnostics) => {
                println!("{name}: refused, {took} ms\n{diagnostics}");
                let is_refused = !REFUSED.iter().any(|(refused, _)| *refused == name);
                if is_refused {
                    failed.push(name);
                }
            }
        }
    }
    assert!(count > 60, "only {count} contracts were found");
    assert!(failed.is_empty(), "refused: {failed:?}");
}
