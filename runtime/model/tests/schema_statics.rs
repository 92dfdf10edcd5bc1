//! The forms of constant data that generated code uses.
#![allow(missing_docs)]

use serde_json::json;
use specwright_model::schema::{Direction, Literal, Number, Pattern, Schema, Types, validate};

static NAME: Pattern = Pattern::new("^[a-z]+$");
static CODE: Pattern = Pattern::new("^\\d+$");

/// Refers to itself, to another that refers back, and holds schemas in place inside of `Some`, slices and tuples.
static NODE: Schema = Schema {
    types: Types::OBJECT.or(Types::NULL),
    required: &["name"],
    properties: &[
        ("name", &Schema { types: Types::STRING, pattern: Some(&NAME), ..Schema::ANY }),
        ("children", &Schema { types: Types::ARRAY, items: Some(&NODE), ..Schema::ANY }),
        ("link", &LINK),
        (
            "rank",
            &Schema {
                types: Types::INTEGER,
                minimum: Some(Number::Integer(1)),
                enumeration: Some(&[Literal::Number(Number::Integer(1)), Literal::Number(Number::Integer(2))]),
                ..Schema::ANY
            },
        ),
    ],
    pattern_properties: &[(&CODE, &Schema { types: Types::NUMBER, ..Schema::ANY })],
    additional_properties: Some(&Schema::NEVER),
    not: Some(&Schema {
        required: &["forbidden"],
        not: Some(&Schema { reference: Some(&LINK), ..Schema::ANY }),
        ..Schema::ANY
    }),
    ..Schema::ANY
};

static LINK: Schema =
    Schema { properties: &[("to", &Schema { reference: Some(&NODE), ..Schema::ANY })], ..Schema::ANY };

#[test]
fn statics_that_refer_to_each_other_judge() {
    let good = json!({ "name": "a", "children": [{ "name": "b" }, null], "link": { "to": { "name": "c" } }, "7": 1.5 });
    assert_eq!(validate(&NODE, &good, Direction::Request), []);
    let bad = json!({ "name": "A", "children": [{ "rank": 3 }], "link": { "to": { "name": "c", "x": 1 } } });
    let found: Vec<_> = validate(&NODE, &bad, Direction::Request)
        .into_iter()
        .map(|violation| format!("{} {}", violation.pointer, violation.keyword))
        .collect();
    assert_eq!(
        found,
        ["/children/0/name required", "/children/0/rank enum", "/link/to/x additionalProperties", "/name pattern"]
    );
}
