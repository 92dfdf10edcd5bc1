//! Nothing becomes untyped JSON in silence: each way in which a schema loses its type is a warning with its place.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write as _;

use specwright_codegen::ir::{Type, TypeKind};
use specwright_codegen::lower::{self, Lowered};

/// A contract whose component `Subject` is this schema.
fn lowered(schema: &str, more: &str) -> Lowered {
    let text = format!(
        "openapi: 3.1.0\ninfo: {{ title: T, version: '1' }}\npaths: {{}}\ncomponents:\n  schemas:\n    Subject: {schema}\n{more}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.yaml");
    std::fs::write(&path, text).unwrap();
    lower::load(&path).unwrap_or_else(|diagnostics| panic!("{schema}\n{diagnostics}"))
}

/// Whether untyped JSON stands anywhere in the component or in what was made from it.
fn is_untyped(lowered: &Lowered) -> bool {
    fn untyped(ty: &Type) -> bool {
        *ty == Type::Json || ty.parts().into_iter().any(untyped)
    }
    lowered.api.types.iter().filter(|def| def.name.rust.starts_with("Subject")).any(|def| match &def.kind {
        TypeKind::Struct(object) => {
            object.fields.iter().any(|field| untyped(&field.ty)) || object.additional.as_ref().is_some_and(untyped)
        }
        TypeKind::Union(union) => union.variants.iter().any(|variant| untyped(&variant.ty)),
        TypeKind::Alias(ty) | TypeKind::Newtype(ty) => untyped(ty),
        TypeKind::StringEnum(_) | TypeKind::IntegerEnum(_) => false,
    })
}

#[track_caller]
fn warns(code: &str, schema: &str, more: &str) {
    let lowered = lowered(schema, more);
    let said = lowered.warnings.to_string();
    let place = said.split(&format!("warning[{code}]")).nth(1).unwrap_or_else(|| panic!("{schema}: no {code}\n{said}"));
    assert!(place.contains("openapi.yaml:"), "{schema}: no place\n{said}");
    assert!(is_untyped(&lowered), "{schema}: is typed after all");
}

#[test]
fn every_loss_of_a_type_is_a_warning_with_its_place() {
    warns("degraded-all-of", "{ allOf: [{ type: string }, { type: integer }] }", "");
    warns("degraded-all-of", "{ type: object, properties: { a: { allOf: [{ type: string }, { type: array }] } } }", "");
    warns("degraded-enum", "{ enum: [[1], [2]] }", "");
    warns("degraded-enum", "{ type: object, properties: { a: { const: { b: 1 } } } }", "");
    warns("degraded-union", "{ anyOf: [{ type: string }, { minLength: 3 }] }", "");
    warns(
        "degraded-union",
        "{ oneOf: [{ type: object, properties: { a: { type: string } } }, { required: [b] }] }",
        "",
    );
    warns("undeclared-property", "{ type: object, required: [a, b], properties: { a: { type: string } } }", "");
    let thirteen: Vec<&str> = std::iter::repeat_n("{ type: string }", 13).collect();
    warns("degraded-tuple", &format!("{{ type: array, prefixItems: [{}], minItems: 13 }}", thirteen.join(", ")), "");
    let patterns = "patternProperties: { '^x': { type: integer } }";
    warns("degraded-pattern-properties", &format!("{{ type: object, {patterns} }}"), "");
    warns("degraded-pattern-properties", &format!("{{ properties: {{ a: {{ type: string }} }}, {patterns} }}"), "");
    let members = "properties: { a: { type: string } }";
    let other = "{ properties: { b: { type: string } } }";
    warns("degraded-conditional", &format!("{{ {members}, if: {{ required: [a] }}, then: {other} }}"), "");
    warns("degraded-conditional", &format!("{{ {members}, if: {{ required: [a] }}, else: {other} }}"), "");
    warns("degraded-conditional", &format!("{{ {members}, dependentSchemas: {{ a: {other} }} }}"), "");
    warns("degraded-conditional", &format!("{{ {members}, oneOf: [{{ required: [a] }}, {other}] }}"), "");
}

#[test]
fn compositions_that_are_too_deep_are_a_warning() {
    let mut chain = String::new();
    for index in 0..150 {
        let next = index + 1;
        writeln!(chain, "    C{index}: {{ anyOf: [{{ $ref: '#/components/schemas/C{next}' }}, {{ type: string }}] }}")
            .unwrap();
    }
    chain.push_str("    C150: { type: integer }\n");
    let lowered = lowered("{ anyOf: [{ $ref: '#/components/schemas/C0' }, { type: boolean }] }", &chain);
    assert!(lowered.warnings.to_string().contains("warning[degraded-depth]"), "{}", lowered.warnings);
}

#[test]
fn what_is_untyped_on_purpose_is_no_warning() {
    for schema in [
        "{}",
        "true",
        "{ description: Anything. }",
        "{ type: object }",
        "{ type: object, additionalProperties: true }",
        "{ type: array }",
        "{ type: array, items: {} }",
        "{ anyOf: [{ type: string }, {}] }",
        "{ type: [string, number, boolean, array, object, 'null'] }",
        "{ type: object, properties: { a: {} } }",
        "{ type: array, prefixItems: [{ type: string }] }",
    ] {
        let lowered = lowered(schema, "");
        assert!(lowered.warnings.is_empty(), "{schema}\n{}", lowered.warnings);
        assert!(is_untyped(&lowered), "{schema} is typed");
    }
}

#[test]
fn what_can_be_typed_is_typed() {
    for schema in [
        "{ enum: [a, 1, true] }",
        "{ type: array, prefixItems: [{ type: string }], items: false }",
        "{ type: array, items: { $ref: '#/components/schemas/Subject' } }",
        "{ type: object, patternProperties: { '^x': { type: integer }, '^y': { type: string } }, additionalProperties: false }",
        "{ oneOf: [{ type: string }, { type: integer }, { type: 'null' }] }",
        "{ type: [string, integer] }",
        "{ allOf: [{ type: string }, { maxLength: 3 }] }",
    ] {
        let lowered = lowered(schema, "");
        assert!(lowered.warnings.is_empty(), "{schema}\n{}", lowered.warnings);
        assert!(!is_untyped(&lowered), "{schema} is untyped");
    }
}

/// The rows of OpenAPI's table of style examples that say `n/a`.
#[test]
fn a_style_without_a_meaning_is_a_warning() {
    let said = |parameter: &str| {
        let text = format!(
            "openapi: 3.1.0\ninfo: {{ title: T, version: '1' }}\npaths:\n  /a:\n    get:\n      operationId: a\n      parameters:\n        \
             - {{ name: color, in: query, {parameter} }}\n      responses: {{ '204': {{ description: Done. }} }}\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openapi.yaml");
        std::fs::write(&path, text).unwrap();
        lower::load(&path).unwrap_or_else(|diagnostics| panic!("{parameter}\n{diagnostics}")).warnings.to_string()
    };
    let (single, list, object) = ("type: string", "type: array, items: { type: string }", "type: object");
    for (style, schema) in [
        ("deepObject", single),
        ("deepObject", list),
        ("deepObject, explode: false", object),
        ("spaceDelimited", single),
        ("spaceDelimited, explode: true", list),
        ("spaceDelimited, explode: true", object),
        ("pipeDelimited", single),
        ("pipeDelimited, explode: true", list),
        ("pipeDelimited, explode: true", object),
    ] {
        let said = said(&format!("style: {style}, schema: {{ {schema} }}"));
        assert!(said.contains("warning[undefined-style]") && said.contains("openapi.yaml:8:"), "{style}: {said}");
    }
    for (style, schema) in [
        ("deepObject", object),
        ("spaceDelimited", list),
        ("spaceDelimited", object),
        ("pipeDelimited", list),
        ("form", single),
        ("form, explode: false", object),
    ] {
        assert_eq!(said(&format!("style: {style}, schema: {{ {schema} }}")), "", "{style}");
    }
}
