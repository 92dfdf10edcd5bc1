//! No keyword is ignored in silence: each of JSON Schema 2020-12 and of OpenAPI's vocabulary is judged, or is reported, or
//! says by its definition nothing about whether a value is valid.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use specwright_codegen::lower;

/// Each keyword in a schema where it means something.
fn keywords() -> Vec<(&'static str, Value)> {
    vec![
        // Core.
        ("$ref", json!({ "$ref": "#/components/schemas/Other" })),
        ("$dynamicRef", json!({ "$dynamicRef": "#/components/schemas/Other" })),
        ("$schema", json!({ "$schema": "https://example.org/dialect", "type": "string" })),
        ("$vocabulary", json!({ "$vocabulary": { "https://example.org/v": true }, "type": "string" })),
        // Applicators.
        ("prefixItems", json!({ "prefixItems": [{ "type": "string" }], "type": "array" })),
        ("items", json!({ "items": { "type": "string" }, "type": "array" })),
        ("contains", json!({ "contains": { "type": "string" }, "type": "array" })),
        ("additionalProperties", json!({ "additionalProperties": false, "type": "object" })),
        ("properties", json!({ "properties": { "a": { "type": "string" } }, "type": "object" })),
        ("patternProperties", json!({ "patternProperties": { "^a": { "type": "string" } }, "type": "object" })),
        ("dependentSchemas", json!({ "dependentSchemas": { "a": { "required": ["b"] } }, "type": "object" })),
        ("propertyNames", json!({ "propertyNames": { "maxLength": 3 }, "type": "object" })),
        ("if", json!({ "if": { "minimum": 3 }, "then": { "maximum": 9 }, "type": "integer" })),
        ("then", json!({ "if": { "minimum": 3 }, "then": { "maximum": 9 }, "type": "integer" })),
        ("else", json!({ "if": { "minimum": 3 }, "else": { "maximum": 1 }, "type": "integer" })),
        ("allOf", json!({ "allOf": [{ "minimum": 3 }], "type": "integer" })),
        ("anyOf", json!({ "anyOf": [{ "minimum": 3 }, { "maximum": 1 }], "type": "integer" })),
        ("oneOf", json!({ "oneOf": [{ "minimum": 3 }, { "maximum": 1 }], "type": "integer" })),
        ("not", json!({ "not": { "minimum": 3 }, "type": "integer" })),
        ("unevaluatedItems", json!({ "unevaluatedItems": false, "type": "array" })),
        ("unevaluatedProperties", json!({ "unevaluatedProperties": false, "type": "object" })),
        // Validation.
        ("type", json!({ "type": "string" })),
        ("enum", json!({ "enum": ["a"], "type": "string" })),
        ("const", json!({ "const": "a", "type": "string" })),
        ("multipleOf", json!({ "multipleOf": 2, "type": "integer" })),
        ("maximum", json!({ "maximum": 2, "type": "integer" })),
        ("exclusiveMaximum", json!({ "exclusiveMaximum": 2, "type": "integer" })),
        ("minimum", json!({ "minimum": 2, "type": "integer" })),
        ("exclusiveMinimum", json!({ "exclusiveMinimum": 2, "type": "integer" })),
        ("maxLength", json!({ "maxLength": 2, "type": "string" })),
        ("minLength", json!({ "minLength": 2, "type": "string" })),
        ("pattern", json!({ "pattern": "^a", "type": "string" })),
        ("maxItems", json!({ "maxItems": 2, "type": "array" })),
        ("minItems", json!({ "minItems": 2, "type": "array" })),
        ("uniqueItems", json!({ "uniqueItems": true, "type": "array" })),
        ("maxContains", json!({ "maxContains": 2, "contains": {}, "type": "array" })),
        ("minContains", json!({ "minContains": 2, "contains": {}, "type": "array" })),
        ("maxProperties", json!({ "maxProperties": 2, "type": "object" })),
        ("minProperties", json!({ "minProperties": 2, "type": "object" })),
        ("required", json!({ "required": ["a"], "type": "object" })),
        ("dependentRequired", json!({ "dependentRequired": { "a": ["b"] }, "type": "object" })),
        ("format", json!({ "format": "uuid", "type": "string" })),
        ("contentEncoding", json!({ "contentEncoding": "base64", "type": "string" })),
        (
            "contentSchema",
            json!({ "contentSchema": { "type": "object" }, "contentMediaType": "application/json", "type": "string" }),
        ),
        ("readOnly", json!({ "readOnly": true, "type": "string" })),
        ("writeOnly", json!({ "writeOnly": true, "type": "string" })),
        // OpenAPI.
        (
            "discriminator",
            json!({
                "discriminator": { "propertyName": "kind" },
                "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }]
            }),
        ),
        ("nullable", json!({ "nullable": true, "type": "string" })),
        // Older drafts, and nothing at all.
        ("dependencies", json!({ "dependencies": { "a": ["b"] }, "type": "object" })),
        ("additionalItems", json!({ "additionalItems": false, "type": "array" })),
        ("$recursiveRef", json!({ "$recursiveRef": "#", "type": "object" })),
        ("$recursiveAnchor", json!({ "$recursiveAnchor": true, "type": "object" })),
        ("maxLenght", json!({ "maxLenght": 3, "type": "string" })),
    ]
}

/// Keywords that by their definition say nothing about validity. `$id`, `$anchor` and `$dynamicAnchor` are names; what
/// refers to them is judged.
fn annotations() -> Vec<(&'static str, Value)> {
    vec![
        ("$id", json!("https://example.org/a")),
        ("$anchor", json!("a")),
        ("$dynamicAnchor", json!("a")),
        ("$comment", json!("c")),
        ("$defs", json!({ "a": {} })),
        ("title", json!("t")),
        ("description", json!("d")),
        ("default", json!("a")),
        ("deprecated", json!(true)),
        ("examples", json!(["a"])),
        ("contentMediaType", json!("text/html")),
        ("xml", json!({ "name": "a" })),
        ("externalDocs", json!({ "url": "https://example.org" })),
        ("example", json!("a")),
    ]
}

/// The schema as it is judged, and what was said on the way.
fn lowered(keyword: &str, schema: &Value) -> (String, String) {
    let animal =
        |kind: &str| json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "const": kind } } });
    let contract = json!({
        "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": {},
        "components": { "schemas": { "Subject": schema, "Other": { "type": "string" }, "Cat": animal("cat"), "Dog": animal("dog") } }
    });
    let name = format!("keyword-{}.json", keyword.trim_start_matches('$'));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    support::write(&path, &contract.to_string());
    let lowered = lower::load(&path).unwrap_or_else(|diagnostics| panic!("{keyword}: {diagnostics}"));
    let subject = lowered.api.types.iter().find(|def| def.name.wire == "Subject").unwrap();
    (format!("{:?}", subject.schema), lowered.warnings.to_string())
}

fn without(schema: &Value, keyword: &str) -> Value {
    let mut schema = schema.clone();
    schema.as_object_mut().unwrap().remove(keyword);
    schema
}

#[test]
fn every_keyword_is_judged_or_reported() {
    for (keyword, schema) in keywords() {
        let (judged, said) = lowered(keyword, &schema);
        let (without, _) = lowered(keyword, &without(&schema, keyword));
        assert!(
            judged != without || said.contains(keyword) || said.contains("dialect"),
            "{keyword} is ignored in silence"
        );
    }
}

#[test]
fn annotations_change_no_verdict() {
    let plain = lowered("none", &json!({ "type": "string" })).0;
    for (keyword, value) in annotations() {
        let (judged, said) = lowered(keyword, &json!({ "type": "string", keyword: value }));
        assert_eq!(judged, plain, "{keyword}");
        assert!(!said.contains("unknown-keyword"), "{keyword}: {said}");
    }
}
