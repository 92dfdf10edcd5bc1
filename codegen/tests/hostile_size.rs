//! Contracts of hostile size and shape end in bounded time and memory: with code, or with a diagnostic.
//!
//! The command runs on each with 4 GiB of address space (three stacks of half a GiB are in it) and is ended after two
//! minutes; ordinary runs take a second. What is asked is how it ends.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use specwright_codegen::lower;

/// How a contract ends: `None` accepted, else the codes of its errors.
fn checked(name: &str, text: &str) -> Option<BTreeSet<String>> {
    let path = written(name, text);
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 4194304; exec timeout 120 \"$0\" check \"$1\""])
        .arg(env!("CARGO_BIN_EXE_specwright"))
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => None,
        Some(1) => {
            let errors = said.lines().filter_map(|line| line.strip_prefix("error[")?.split_once(']'));
            let codes: BTreeSet<String> = errors.map(|(code, _)| code.to_owned()).collect();
            assert!(!codes.is_empty(), "{name}: {said}");
            Some(codes)
        }
        other => panic!("{name} ended with {other:?}: {}", said.chars().take(2000).collect::<String>()),
    }
}

fn written(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-size").join(name);
    support::write(&path, text);
    path
}

fn contract(schemas: &Value) -> String {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Hostile", "version": "1" },
        "paths": { "/x": { "post": {
            "operationId": "x",
            "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/S0" } } } },
            "responses": { "200": { "description": "d" } }
        } } },
        "components": { "schemas": schemas }
    })
    .to_string()
}

fn reference(index: usize) -> Value {
    json!({ "$ref": format!("#/components/schemas/S{index}") })
}

/// `length` schemas, each made of the next.
fn chain(length: usize, link: impl Fn(usize) -> Value) -> String {
    let mut schemas: Map<String, Value> = (0..length).map(|index| (format!("S{index}"), link(index))).collect();
    schemas.insert(format!("S{length}"), json!({ "type": "object", "properties": { "end": { "type": "string" } } }));
    contract(&Value::Object(schemas))
}

fn one(code: &str) -> Option<BTreeSet<String>> {
    Some(BTreeSet::from([code.to_owned()]))
}

#[test]
fn chains_of_schemas_end() {
    assert_eq!(checked("references.json", &chain(5_000, |index| reference(index + 1))), None);
    let own = |index: usize| json!({ "type": "object", "properties": { format!("p{index}"): { "type": "string" } } });
    let all_of = |index: usize| json!({ "allOf": [reference(index + 1), own(index)] });
    assert_eq!(checked("all-of.json", &chain(200, all_of)), None);
    assert_eq!(checked("all-of-long.json", &chain(3_000, all_of)), one("too-large"));
    let one_of = |index: usize| json!({ "oneOf": [reference(index + 1), own(index)] });
    assert_eq!(checked("one-of.json", &chain(2_000, one_of)), None);
    let member = |index: usize| json!({ "type": "object", "properties": { "next": reference(index + 1) } });
    assert_eq!(checked("members.json", &chain(5_000, member)), None);
}

#[test]
fn cycles_of_schemas_end() {
    let count = 1_000;
    let schemas: Map<String, Value> = (0..count)
        .map(|index| {
            let (left, right) = (reference((index * 7 + 1) % count), reference((index * 13 + 5) % count));
            (format!("S{index}"), json!({ "type": "object", "properties": { "left": left, "right": right } }))
        })
        .collect();
    assert_eq!(checked("cycles.json", &contract(&Value::Object(schemas))), None);
    let circle: Map<String, Value> =
        (0..500).map(|index| (format!("S{index}"), reference((index + 1) % 500))).collect();
    assert_eq!(checked("circle.json", &contract(&Value::Object(circle))), one("reference-cycle"));
}

#[test]
fn deep_schemas_are_accepted_or_refused() {
    let nested = |depth: usize| {
        let schema = (0..depth).fold(
            json!({ "type": "string" }),
            |inner, _| json!({ "type": "object", "properties": { "inner": inner } }),
        );
        contract(&json!({ "S0": schema }))
    };
    assert_eq!(checked("deep-50.json", &nested(50)), None);
    assert_eq!(checked("deep-200.json", &nested(200)), one("too-deep"));
    let brackets = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(checked("brackets.json", &format!("{{\"openapi\":\"3.1.0\",\"x-a\":{brackets}}}")), one("too-deep"));
    // The YAML parser has a limit of its own.
    assert_eq!(checked("brackets.yaml", &format!("openapi: 3.1.0\nx-a: {brackets}\n")), one("syntax"));
}

#[test]
fn wide_schemas_are_accepted() {
    let values: Vec<String> = (0..20_000).map(|index| format!("value-{index}")).collect();
    assert_eq!(checked("enum.json", &contract(&json!({ "S0": { "type": "string", "enum": values } }))), None);
    let numbers: Vec<u32> = (0..20_000).collect();
    assert_eq!(checked("numbers.json", &contract(&json!({ "S0": { "type": "integer", "enum": numbers } }))), None);
    let members: Map<String, Value> = (0..5_000)
        .map(|index| (format!("p{index}"), json!({ "type": "string", "pattern": format!("^{index}$") })))
        .collect();
    assert_eq!(
        checked("members-wide.json", &contract(&json!({ "S0": { "type": "object", "properties": members } }))),
        None
    );
    let union: Vec<Value> = (0..1_000)
        .map(|index| json!({ "type": "object", "properties": { format!("p{index}"): { "type": "string" } } }))
        .collect();
    assert_eq!(checked("union.json", &contract(&json!({ "S0": { "oneOf": union } }))), None);
}

#[test]
fn aliases_and_anchors_are_bounded() {
    let head = "openapi: 3.1.0\ninfo: { title: t, version: '1' }\npaths: {}\n";
    let mut bomb = format!("{head}x-a: &a0 [a, a, a, a, a, a, a, a, a]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "x-{level}: &a{level} [{aliases}]").unwrap();
    }
    assert_eq!(checked("bomb.yaml", &bomb), one("alias-budget"));
    // Each anchor keeps all that is within it.
    let mut nested = format!("{head}x-a: ");
    for level in 0..100 {
        write!(nested, "&b{level} [").unwrap();
    }
    nested.push_str(&"a, ".repeat(50_000));
    nested.push_str(&"]".repeat(100));
    assert_eq!(checked("anchors.yaml", &nested), one("alias-budget"));
}

fn operations(count: usize) -> String {
    let mut paths = Map::new();
    for index in 0..count {
        paths.insert(
            format!("/things{index}/{{id}}"),
            json!({ "get": {
                "operationId": format!("getThing{index}"),
                "tags": [format!("tag{}", index % 40)],
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "responses": { "200": { "description": "d", "content": { "application/json": { "schema": { "type": "string" } } } } }
            } }),
        );
    }
    json!({ "openapi": "3.1.0", "info": { "title": "Many", "version": "1" }, "paths": paths }).to_string()
}

#[test]
fn ten_thousand_operations_are_ten_thousand_operations() {
    let lowered = lower::load(&written("operations.json", &operations(10_000))).unwrap();
    let names: BTreeSet<&str> = lowered.api.operations().map(|operation| operation.name.rust.as_str()).collect();
    assert_eq!(names.len(), 10_000);

    // What fewer of them become; how ten thousand compile is no question for a test that everybody runs.
    let generated = specwright_codegen::generate(&written("operations-200.json", &operations(200))).unwrap();
    assert_eq!(generated.statistics.operations, 200);
    let server: String = generated.server.iter().map(|file| file.text.as_str()).collect();
    assert_eq!(server.matches("routes.add(").count(), 200);
}
