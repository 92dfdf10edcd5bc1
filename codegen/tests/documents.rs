//! How a contract may be written: encodings, versions, files, and what names a schema.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;

use specwright_codegen::lower::{self, Lowered};

/// Files of a contract, the first of which is the contract itself.
fn load(files: &[(&str, &[u8])]) -> Result<Lowered, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    lower::load(&folder.path().join(files[0].0)).map_err(|diagnostics| diagnostics.to_string())
}

fn names(lowered: &Lowered) -> Vec<&str> {
    lowered.api.types.iter().map(|def| def.name.rust.as_str()).collect()
}

const MINIMAL: &str = "openapi: 3.1.0\ninfo: { title: T, version: '1' }\npaths: {}\n";

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let json = r#"{ "openapi": "3.0.3", "info": { "title": "T", "version": "1" }, "paths": {} }"#;
    for (name, text) in [("openapi.yaml", MINIMAL), ("openapi.json", json)] {
        let lowered = load(&[(name, format!("\u{feff}{text}").as_bytes())]).unwrap();
        assert_eq!(lowered.api.title, "T");
    }
}

#[test]
fn another_encoding_is_named() {
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(MINIMAL.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let said = load(&[("openapi.yaml", &utf16)]).unwrap_err();
    assert!(said.contains("error[unreadable]") && said.contains("UTF-16"), "{said}");
    let said = load(&[("openapi.yaml", b"openapi: 3.1.0\ninfo: { title: \xe9 }\n")]).unwrap_err();
    assert!(said.contains("not UTF-8 at line 2"), "{said}");
}

#[test]
fn every_version_of_three_is_read() {
    for version in ["3.0.0", "3.0.4", "3.1.0", "3.1.2", "3.2.0"] {
        load(&[("openapi.yaml", MINIMAL.replace("3.1.0", version).as_bytes())]).unwrap();
    }
    for version in ["2.0", "4.0.0", "3.9.0"] {
        let said = load(&[("openapi.yaml", MINIMAL.replace("3.1.0", version).as_bytes())]).unwrap_err();
        assert!(said.contains("unsupported-version"), "{said}");
    }
}

#[test]
fn nothing_is_fetched() {
    let contract =
        format!("{MINIMAL}components: {{ schemas: {{ A: {{ $ref: 'https://example.org/a.yaml#/A' }} }} }}\n");
    let said = load(&[("openapi.yaml", contract.as_bytes())]).unwrap_err();
    assert!(said.contains("error[unsupported-remote-reference]") && said.contains("openapi.yaml:4:"), "{said}");
}

#[test]
fn references_lead_through_files_and_back() {
    let contract = "openapi: 3.1.0
info: { title: T, version: '1' }
paths:
  /a: { $ref: 'paths/a.yaml' }
  /b: { $ref: '#/components/pathItems/B' }
components:
  pathItems:
    B: { $ref: 'paths/all.yaml#/b' }
  schemas:
    Root: { type: object, properties: { leaf: { $ref: 'schemas/leaf.yaml#/$defs/Leaf' } } }
";
    let a = "get: { operationId: getA, responses: { '200': { $ref: '../responses.json#/ok' } } }\n";
    let all = "b: { get: { operationId: getB, responses: { '204': { description: None. } } } }\n";
    let leaf = "$defs:
  Leaf: { type: object, properties: { root: { $ref: '../openapi.yaml#/components/schemas/Root' }, twin: { $ref: '#/$defs/Twin' } } }
  Twin: { type: object, properties: { leaf: { $ref: 'leaf.yaml#/$defs/Leaf' } } }
";
    let responses = r##"{ "ok": { "description": "Fine.", "content": { "application/json": { "schema": { "$ref": "schemas/leaf.yaml#/$defs/Twin" } } } } }"##;
    let lowered = load(&[
        ("openapi.yaml", contract.as_bytes()),
        ("paths/a.yaml", a.as_bytes()),
        ("paths/all.yaml", all.as_bytes()),
        ("schemas/leaf.yaml", leaf.as_bytes()),
        ("responses.json", responses.as_bytes()),
    ])
    .unwrap();
    assert_eq!(names(&lowered), ["Leaf", "Root", "Twin"]);
    let operations: Vec<&str> = lowered.api.operations().map(|operation| operation.name.wire.as_str()).collect();
    assert_eq!(operations, ["getA", "getB"]);
    assert_eq!(lowered.sources.len(), 5);
}

#[test]
fn siblings_of_a_reference_count_from_3_1_on() {
    let contract = |version: &str| {
        format!(
            "openapi: {version}\ninfo: {{ title: T, version: '1' }}\npaths: {{}}\ncomponents:\n  schemas:\n    \
             Name: {{ type: string }}\n    Short: {{ $ref: '#/components/schemas/Name', maxLength: 3 }}\n"
        )
    };
    for (version, bound) in [("3.0.3", None), ("3.1.0", Some(3))] {
        let lowered = load(&[("openapi.yaml", contract(version).as_bytes())]).unwrap();
        let short = lowered.api.types.iter().find(|def| def.name.rust == "Short").unwrap();
        assert_eq!(short.schema.max_length, bound, "{version}");
    }
}

#[test]
fn two_names_that_become_one_are_a_warning() {
    let contract = "openapi: 3.1.0
info: { title: T, version: '1' }
paths:
  /a: { get: { operationId: get-it, responses: { '204': { description: None. } } } }
  /b: { get: { operationId: getIt, responses: { '204': { description: None. } } } }
  /c: { get: { operationId: getIt, responses: { '204': { description: None. } } } }
components:
  schemas: { Task: { type: string }, TASK: { type: object, properties: { aB: {}, a_b: {} } } }
";
    let lowered = load(&[("openapi.yaml", contract.as_bytes())]).unwrap();
    let said = lowered.warnings.to_string();
    for expected in [
        "`get-it` and `getIt` are both `get_it` in Rust",
        "warning[name-collision]: `TASK` would be `Task` in Rust, which another name is already; it is `Task2`",
        "warning[name-collision]: `a_b` would be `a_b` in Rust, which another name is already; it is `a_b_2`",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let methods: Vec<&str> = lowered.api.operations().map(|operation| operation.name.rust.as_str()).collect();
    assert_eq!(methods, ["get_it", "get_it_2", "get_it_3"]);
}

#[test]
fn an_operation_without_a_name_is_named_after_its_place() {
    let contract = "openapi: 3.1.0
info: { title: T, version: '1' }
paths:
  /repos/{owner}/{repo}:
    parameters:
      - { name: owner, in: path, required: true, schema: { type: string } }
      - { name: repo, in: path, required: true, schema: { type: string } }
    get: { responses: { '204': { description: None. } } }
";
    let lowered = load(&[("openapi.yaml", contract.as_bytes())]).unwrap();
    let operation = lowered.api.operations().next().unwrap();
    assert_eq!(
        (operation.name.wire.as_str(), operation.name.rust.as_str()),
        ("getReposByOwnerByRepo", "get_repos_by_owner_by_repo")
    );
}
