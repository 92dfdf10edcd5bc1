//! What a deployed artefact must not have: the token issuer and the private Postgres of a local run.
//!
//! A setting cannot switch on what was not compiled, so the proof is the set of features of a build without `local`.

use std::process::Command;

/// The features of the runtime in a build of this package.
fn runtime_features(extra: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--package", "handlers", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}|{f}"])
        .args(extra)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("specwright-runtime ")).unwrap();
    let features = line.rsplit_once('|').unwrap().1.trim_end_matches(" (*)");
    features.split(',').map(str::to_owned).collect()
}

#[test]
fn a_deployed_artefact_has_no_issuer_and_no_postgres_of_its_own() {
    let deployed = runtime_features(&["--no-default-features"]);
    assert!(!deployed.iter().any(|feature| feature == "local"), "{deployed:?}");
    for needed in ["lambda", "clerk", "database", "aws"] {
        assert!(deployed.iter().any(|feature| feature == needed), "{deployed:?} lacks {needed}");
    }
    // The same question about a local build has the other answer, so the question is a good one.
    assert!(runtime_features(&[]).iter().any(|feature| feature == "local"));
}
