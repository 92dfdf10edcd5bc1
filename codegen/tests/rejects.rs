//! Contracts that are refused, each with exactly what is said about it: `rejects/<case>.yaml` and `<case>.stderr`.
//!
//! `UPDATE_EXPECT=1` writes what is said now.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use specwright_codegen::lower;

#[test]
fn refused_contracts_say_why() {
    let folder = Path::new("tests/rejects");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"));
    cases.sort();
    assert!(cases.len() >= 15, "only {} cases were found", cases.len());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for case in cases {
        let said = match lower::load(&case) {
            Ok(_) => format!("{} was accepted\n", case.display()),
            Err(diagnostics) => {
                assert!(diagnostics.has_errors() && !diagnostics.is_empty());
                diagnostics.to_string()
            }
        };
        let expected = case.with_file_name(format!("{}.stderr", case.file_name().unwrap().to_string_lossy()));
        if update {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong.push(format!("{}\n{said}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "not what was expected (UPDATE_EXPECT=1 accepts it):\n{}", wrong.join("\n"));
}

#[test]
fn a_missing_contract_is_a_finding() {
    let diagnostics = lower::load(Path::new("tests/rejects/no-such-file.yaml")).unwrap_err();
    assert!(
        diagnostics.to_string().starts_with("error[unreadable]: tests/rejects/no-such-file.yaml: "),
        "{diagnostics}"
    );
}
