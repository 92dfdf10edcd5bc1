//! The official JSON Schema Test Suite: what a generated server says of a value is what the suite says.
//!
//! Each schema of the suite stands in a file that a contract refers to, and goes the way that every contract goes:
//! read, lowered, printed, compiled. A value is accepted where the printed schema has nothing to say against it and the
//! printed type takes it, which are the two steps of the server's decoder.
//!
//! `draft2020-12` is judged through OpenAPI 3.1 and `draft4` through OpenAPI 3.0. A case counts as not expressible only
//! where the generator itself says so, with an error or a warning at its place; [`EXPECTED`] pins how many there are
//! and for which reasons, so that no keyword becomes one of them unseen.
//!
//! The suite is not part of this repository: `cargo xtask test` puts it where `JSON_SCHEMA_TEST_SUITE` says.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use specwright_codegen::diagnostic::Diagnostics;
use specwright_codegen::ir::{MediaKind, Type};
use specwright_codegen::lower;

/// A schema with its values.
struct Group {
    /// `draft2020-12/items`, for the table.
    file: String,
    /// The component that holds the schema.
    component: String,
    description: String,
    version: &'static str,
    schema: Value,
    tests: Vec<Value>,
}

/// What became of the cases of a file.
#[derive(Default)]
struct Row {
    passed: usize,
    failed: usize,
    not_expressible: BTreeMap<String, usize>,
}

#[test]
fn the_server_says_what_the_suite_says() {
    let Some(suite) = suite() else { return };
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("json-schema-suite");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).unwrap();
    }
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut failures = Vec::new();
    let groups = groups(&suite);
    let mut untyped = BTreeSet::new();
    let mut judged: Vec<(&Group, String, String)> = Vec::new();
    for version in ["3.1.0", "3.0.3"] {
        let groups: Vec<&Group> = groups.iter().filter(|group| group.version == version).collect();
        let mut accepted = Vec::new();
        for group in groups {
            let (reasons, is_untyped) = said(&scratch, group);
            if is_untyped {
                untyped.insert(group.component.clone());
            }
            match reasons {
                None => accepted.push(group),
                Some(reason) => {
                    *rows.entry(group.file.clone()).or_default().not_expressible.entry(reason).or_default() +=
                        group.tests.len();
                }
            }
        }
        let name = format!("suite-{}", version.replace('.', "-"));
        let types = write_types(&scratch, &name, &accepted);
        judged.extend(accepted.into_iter().map(|group| {
            let (ty, schema) = &types[&group.component];
            (group, ty.clone(), schema.clone())
        }));
    }
    let verdicts = judge(&scratch, &judged);
    for ((group, ..), verdicts) in judged.iter().zip(verdicts) {
        let row = rows.entry(group.file.clone()).or_default();
        for (test, verdict) in group.tests.iter().zip(verdicts) {
            if test["valid"].as_bool().unwrap() == verdict.is_empty() {
                row.passed += 1;
            } else if untyped.contains(&group.component) && verdict.contains("keyword: \"type\"") {
                *row.not_expressible.entry(MISSING_TYPE.to_owned()).or_default() += 1;
            } else {
                row.failed += 1;
                failures.push(format!(
                    "{}: {}: {}\n    schema {}\n    value {}\n    valid {}, but: {verdict}",
                    group.file, group.description, test["description"], group.schema, test["data"], test["valid"]
                ));
            }
        }
    }
    print(&rows);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (reason, count) in rows.values().flat_map(|row| &row.not_expressible) {
        *reasons.entry(reason.as_str()).or_default() += count;
    }
    assert!(failures.is_empty(), "{} differ from the suite:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(reasons, EXPECTED.iter().copied().collect());
}

fn print(rows: &BTreeMap<String, Row>) {
    let (mut passed, mut failed, mut without) = (0, 0, 0);
    for (file, row) in rows {
        let missing: usize = row.not_expressible.values().sum();
        println!("{file}: {} passed, {} failed, {missing} not expressible", row.passed, row.failed);
        for (reason, count) in &row.not_expressible {
            println!("    {count}: {reason}");
        }
        passed += row.passed;
        failed += row.failed;
        without += missing;
    }
    println!("{passed} passed, {failed} failed, {without} not expressible");
}

/// The folder of the suite.
fn suite() -> Option<PathBuf> {
    let folder = std::env::var_os("JSON_SCHEMA_TEST_SUITE")
        .map_or_else(|| support::workspace::target().join("json-schema-test-suite"), PathBuf::from);
    if folder.join("tests").is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "the JSON Schema Test Suite is missing: JSON_SCHEMA_TEST_SUITE names its folder"
    );
    support::skipped(&format!("no JSON Schema Test Suite in {}; `cargo xtask suite` brings it", folder.display()));
    None
}

fn groups(suite: &Path) -> Vec<Group> {
    let mut groups = Vec::new();
    for (draft, version) in [("draft2020-12", "3.1.0"), ("draft4", "3.0.3")] {
        let mut files: Vec<PathBuf> = fs::read_dir(suite.join("tests").join(draft))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        for path in files {
            let file: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            for group in file {
                groups.push(Group {
                    file: format!("{draft}/{}", path.file_stem().unwrap().to_string_lossy()),
                    component: format!("Case{}", groups.len() + 1),
                    description: group["description"].as_str().unwrap().to_owned(),
                    version,
                    schema: group["schema"].clone(),
                    tests: group["tests"].as_array().unwrap().clone(),
                });
            }
        }
    }
    groups
}

/// Writes the contract that has these groups as components, each in a file of its own.
fn write_contract(folder: &Path, groups: &[&Group]) -> PathBuf {
    let mut components = serde_json::Map::new();
    for group in groups {
        let file = format!("schema-{}.json", group.component);
        support::write(&folder.join(&file), &group.schema.to_string());
        components.insert(group.component.clone(), json!({ "$ref": file }));
    }
    let version = groups.first().map_or("3.1.0", |group| group.version);
    // Each is the body of a request, which says whether `null` belongs to its values.
    let paths: serde_json::Map<String, Value> = groups.iter().map(|group| operation(&group.component)).collect();
    let contract = json!({
        "openapi": version,
        "info": { "title": "JSON Schema Test Suite", "version": "1" },
        "paths": paths,
        "components": { "schemas": components }
    });
    let path = folder.join("openapi.json");
    support::write(&path, &contract.to_string());
    path
}

fn operation(component: &str) -> (String, Value) {
    let schema = json!({ "$ref": format!("#/components/schemas/{component}") });
    let operation = json!({
        "operationId": format!("send{component}"),
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
        "responses": { "204": { "description": "Taken." } }
    });
    (format!("/{component}"), json!({ "post": operation }))
}

/// What the generator says it cannot do with a schema, if anything, and whether it says that a `type` is missing.
fn said(scratch: &Path, group: &Group) -> (Option<String>, bool) {
    let contract = write_contract(&scratch.join("cases").join(&group.component), &[group]);
    let diagnostics: Diagnostics = match lower::load(&contract) {
        Ok(lowered) => lowered.warnings,
        Err(diagnostics) => diagnostics,
    };
    let is_untyped = diagnostics.iter().any(|diagnostic| diagnostic.code == "missing-type");
    let reasons: BTreeSet<&str> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .filter(|code| !HARMLESS.contains(code) && !code.starts_with("degraded-"))
        .collect();
    ((!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join(", ")), is_untyped)
}

/// A schema without a `type` whose members or items are typed: the generator says that it takes it as an object or a
/// list. Only values of other types are judged otherwise than the suite judges them.
const MISSING_TYPE: &str = "missing-type";

/// Warnings about the Rust type alone, or about style: the schema is judged in full all the same.
const HARMLESS: &[&str] = &[
    "annotation",
    "default-does-not-fit",
    "empty-enum",
    "format-without-type",
    "missing-type",
    "name-collision",
    "old-keyword",
    "overlapping-one-of",
    "read-only-elsewhere",
    "repeated-enum-value",
];

/// Generates the types of a contract and returns the Rust type and the static of each component.
fn write_types(scratch: &Path, name: &str, groups: &[&Group]) -> BTreeMap<String, (String, String)> {
    let contract = write_contract(&scratch.join(format!("contract-{name}")), groups);
    let lowered = lower::load(&contract).unwrap_or_else(|diagnostics| panic!("together: {diagnostics}"));
    let generated = specwright_codegen::generate(&contract).unwrap_or_else(|error| panic!("together: {error}"));
    let folder = scratch.join(name);
    for file in &generated.types {
        support::write(&folder.join("src").join(&file.path), &file.text);
    }
    let manifest = support::workspace::manifest("x", "types").replace("\"x-types\"", &format!("{name:?}"));
    support::write(&folder.join("Cargo.toml"), &manifest);
    let mut nullable = BTreeSet::new();
    for operation in lowered.api.operations() {
        if let Some(MediaKind::Json { ty: Type::Nullable(_), .. }) =
            operation.body.as_ref().map(|body| &body.media[0].kind)
        {
            nullable.insert(operation.path.trim_start_matches('/').to_owned());
        }
    }
    let path = name.replace('-', "_");
    let defs = lowered.api.types.iter();
    defs.map(|def| {
        let ty = format!("{path}::{}", def.name.rust);
        let ty = if nullable.contains(&def.name.wire) { format!("Option<{ty}>") } else { ty };
        (def.name.wire.clone(), (ty, format!("{path}::schemas::{}", def.schema_static)))
    })
    .collect()
}

/// Compiles the types with a program that judges all values, and runs it: per group and value what is wrong.
fn judge(scratch: &Path, groups: &[(&Group, String, String)]) -> Vec<Vec<String>> {
    let mut program = String::from(PROGRAM);
    let mut values = Vec::new();
    for (group, ty, schema) in groups {
        writeln!(program, "    (&{schema}, takes::<{ty}>),").unwrap();
        values.push(Value::from(group.tests.iter().map(|test| test["data"].clone()).collect::<Vec<_>>()));
    }
    program.push_str("];\n");
    support::write(&scratch.join("judge/src/main.rs"), &program);
    support::write(&scratch.join("values.json"), &Value::from(values).to_string());
    let mut manifest = support::workspace::manifest("x", "types").replace("\"x-types\"", "\"suite-judge\"");
    manifest = manifest.replace(
        "[dependencies]\n",
        "[dependencies]\nsuite-3-1-0 = { path = \"../suite-3-1-0\" }\nsuite-3-0-3 = { path = \"../suite-3-0-3\" }\n",
    );
    support::write(&scratch.join("judge/Cargo.toml"), &manifest);
    let members = ["judge", "suite-3-1-0", "suite-3-0-3"].map(str::to_owned);
    support::write(&scratch.join("Cargo.toml"), &support::workspace::workspace(&members));
    fs::copy(support::workspace::root().join("Cargo.lock"), scratch.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet", "--package", "suite-judge"])
        .current_dir(scratch)
        .env("CARGO_TARGET_DIR", support::workspace::target())
        .env_remove("RUSTFLAGS")
        .arg(scratch.join("values.json"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}", said.lines().take(100).collect::<Vec<_>>().join("\n"));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Judges each value as the server's decoder does.
const PROGRAM: &str = r#"//! Judges the values of the suite.

use serde::de::DeserializeOwned;
use serde_json::Value;
use specwright_model::schema::{Direction, Schema, prepare_request, validate};

fn takes<T: DeserializeOwned>(value: Value) -> String {
    serde_json::from_value::<T>(value).err().map_or_else(String::new, |error| format!("the type does not take it: {error}"))
}

fn main() {
    let path = std::env::args().nth(1).expect("the file with the values");
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let groups: Vec<Vec<Value>> = serde_json::from_str(&text).expect("the file is JSON");
    let mut verdicts = Vec::new();
    for ((schema, takes), values) in GROUPS.iter().zip(groups) {
        let mut of_group = Vec::new();
        for mut value in values {
            let violations = validate(schema, &value, Direction::Request);
            prepare_request(schema, &mut value);
            of_group.push(if violations.is_empty() { takes(value) } else { format!("{violations:?}") });
        }
        verdicts.push(of_group);
    }
    println!("{}", serde_json::to_string(&verdicts).expect("text is JSON"));
}

type Group = (&'static Schema, fn(Value) -> String);

static GROUPS: &[Group] = &[
"#;

/// How many cases are not expressible, for which reasons. The suite's version is pinned by `cargo xtask suite`.
const EXPECTED: &[(&str, usize)] = &[
    // A value that is no object, or no list, where the schema says only what an object or a list is like.
    (MISSING_TYPE, 37),
    // `id` and `additionalItems` of draft 4, which OpenAPI 3.0 does not have.
    ("unknown-keyword", 9),
    ("unknown-keyword, unresolved-reference", 13),
    ("unknown-keyword, unsupported-remote-reference", 4),
    // Documents that the suite serves over HTTP.
    ("unresolved-reference", 26),
    ("unsupported-remote-reference", 36),
    // Meta-schemas of their own.
    ("unsupported-dialect", 5),
];
