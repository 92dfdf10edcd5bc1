//! What each contract of `tests/contracts` becomes, byte by byte: `<case>/openapi.yaml` and `<case>/expected`.
//!
//! `UPDATE_EXPECT=1 cargo test -p specwright-codegen --test golden` writes the expected files anew.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;

#[test]
fn generated_code_is_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for case in support::cases() {
        let generated = support::generate(&case);
        for (kind, files) in support::outputs(&generated) {
            let folder = case.join("expected").join(kind);
            for file in files {
                let path = folder.join(&file.path);
                if update {
                    support::write(&path, &file.text);
                } else {
                    wrong.extend(difference(&path, &file.text));
                }
            }
            for path in support::files_below(&folder) {
                if !files.iter().any(|file| folder.join(&file.path) == path) {
                    if update {
                        fs::remove_file(&path).unwrap();
                    } else {
                        wrong.push(format!("{} is expected and was not generated", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n\nUPDATE_EXPECT=1 accepts the new text", wrong.join("\n"));
}

#[test]
fn the_same_contract_gives_the_same_bytes() {
    for case in support::cases() {
        let (first, second) = (support::generate(&case), support::generate(&case));
        for ((kind, first), (_, second)) in support::outputs(&first).into_iter().zip(support::outputs(&second)) {
            assert!(first == second, "{}: two generations of {kind} differ", support::name(&case));
        }
    }
}

/// The first line that differs.
fn difference(path: &Path, actual: &str) -> Option<String> {
    let Ok(expected) = fs::read_to_string(path) else {
        return Some(format!("{} does not exist", path.display()));
    };
    if expected == actual {
        return None;
    }
    let lines = || expected.lines().map(Some).chain([None]).zip(actual.lines().map(Some).chain([None]));
    let number = lines().position(|(expected, actual)| expected != actual).unwrap_or_default();
    let (expected, actual) = lines().nth(number).unwrap_or_default();
    Some(format!(
        "{}:{}\n  expected: {}\n  actual:   {}",
        path.display(),
        number + 1,
        expected.unwrap_or("(end)"),
        actual.unwrap_or("(end)")
    ))
}
