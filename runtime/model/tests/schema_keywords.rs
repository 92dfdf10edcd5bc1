//! Every keyword, by `schema/keywords.json`: a schema, values, and the pointers and keywords of the violations of each.
#![allow(missing_docs, clippy::unwrap_used)]

mod load;

use load::load;
use serde_json::{Value, json};
use specwright_model::schema::{
    Direction, Number, Schema, Types, prepare_request, select, select_tagged, strip_write_only, validate,
};

fn found(schema: &Schema, value: &Value, direction: Direction) -> Vec<String> {
    let violations = validate(schema, value, direction).into_iter();
    violations.map(|violation| format!("{} {}", violation.pointer, violation.keyword)).collect()
}

#[test]
fn keywords() {
    let groups: Vec<Value> = serde_json::from_str(include_str!("schema/keywords.json")).unwrap();
    let mut judged = 0;
    let mut failures = Vec::new();
    for group in &groups {
        let schema = load(&group["schema"]);
        for case in group["cases"].as_array().unwrap() {
            let expected: Vec<&str> = case[1].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
            let actual = found(schema, &case[0], Direction::Request);
            if actual != expected {
                failures.push(format!("{} with {}: {actual:?}, not {expected:?}", group["schema"], case[0]));
            }
            judged += 1;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(judged > 150, "only {judged} cases");
}

#[test]
fn messages_say_what_must_hold() {
    let schema = load(&json!({
        "type": "object",
        "properties": {
            "a": { "type": ["string", "null"] },
            "b": { "enum": ["x", 1, null] },
            "c": { "type": "string", "minLength": 1 },
            "d": { "type": "number", "exclusiveMinimum": 0.5 }
        }
    }));
    let violations = validate(schema, &json!({ "a": 1, "b": 2, "c": "", "d": 0.5 }), Direction::Request);
    let messages: Vec<_> = violations.iter().map(|violation| violation.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "must be a string or null",
            "must be one of \"x\", 1, null",
            "must have at least 1 character",
            "must be more than 0.5"
        ]
    );
}

#[test]
fn directions() {
    let schema = load(&json!({
        "allOf": [{ "properties": { "id": { "type": "string", "readOnly": true } } }],
        "type": "object",
        "required": ["id", "secret", "name"],
        "properties": {
            "name": { "type": "string" },
            "secret": { "type": "string", "writeOnly": true },
            "inner": { "type": "array", "items": { "properties": { "id": { "readOnly": true, "type": "string" } } } }
        }
    }));
    // In a request: an id is neither required nor judged.
    assert_eq!(found(schema, &json!({ "name": "n", "secret": "s" }), Direction::Request), [""; 0]);
    assert_eq!(found(schema, &json!({ "name": "n", "secret": "s", "id": 7 }), Direction::Request), [""; 0]);
    assert_eq!(found(schema, &json!({ "name": "n" }), Direction::Request), ["/secret required"]);
    // In a response: the same for a secret.
    assert_eq!(found(schema, &json!({ "name": "n", "id": "i" }), Direction::Response), [""; 0]);
    assert_eq!(found(schema, &json!({ "name": "n" }), Direction::Response), ["/id required"]);
    assert_eq!(found(schema, &json!({ "name": "n", "id": 7 }), Direction::Response), ["/id type"]);

    let mut value = json!({ "id": 7, "name": "n", "secret": "s", "inner": [{ "id": 1, "x": 2 }] });
    prepare_request(schema, &mut value);
    assert_eq!(value, json!({ "name": "n", "secret": "s", "inner": [{ "x": 2 }] }));
    let mut value = json!({ "id": "i", "name": "n", "secret": "s" });
    strip_write_only(schema, &mut value);
    assert_eq!(value, json!({ "id": "i", "name": "n" }));
}

#[test]
fn unions_select_their_member() {
    let cat = load(
        &json!({ "type": "object", "required": ["meow"], "properties": { "meow": { "type": "string" }, "id": { "readOnly": true } } }),
    );
    let dog =
        load(&json!({ "type": "object", "required": ["bark", "id"], "properties": { "id": { "readOnly": true } } }));
    assert_eq!(select(&json!({ "meow": "m" }), &[cat, dog]), Some(0));
    assert_eq!(select(&json!({ "bark": 1 }), &[cat, dog]), Some(1), "a missing readOnly property is forgiven");
    assert_eq!(select(&json!({ "meow": 1 }), &[cat, dog]), None);

    // Open objects: each takes every one of these values.
    static SHORT: Schema = Schema::object(&[("a", &Schema::STRING)]);
    static LONG: Schema = Schema::object(&[("a", &Schema::STRING), ("b", &Schema::STRING)]);
    assert_eq!(select(&json!({ "a": "x", "b": "y" }), &[&SHORT, &LONG]), Some(1), "the one that declares more of it");
    assert_eq!(select(&json!({ "a": "x" }), &[&SHORT, &LONG]), Some(0), "of equals the first");
    assert_eq!(select(&json!({ "a": "x", "b": 1 }), &[&SHORT, &LONG]), Some(0), "what does not satisfy is not chosen");

    let union = load(
        &json!({ "oneOf": [{}, {}], "discriminator": { "propertyName": "kind", "mapping": { "cat": 0, "dog": 1 } } }),
    );
    let discriminator = union.discriminator.unwrap();
    assert_eq!(select_tagged(&json!({ "kind": "dog" }), discriminator), Some(1));
    assert_eq!(select_tagged(&json!({ "kind": "cow" }), discriminator), None);
    assert_eq!(select_tagged(&json!("dog"), discriminator), None);
}

static TREE: Schema = Schema {
    types: Types::OBJECT,
    properties: &[
        ("next", &Schema { all_of: &[&Schema { reference: Some(&TREE), ..Schema::ANY }], ..Schema::ANY }),
        ("n", &COUNT),
    ],
    ..Schema::ANY
};
static COUNT: Schema = Schema { types: Types::INTEGER, maximum: Some(Number::Integer(9)), ..Schema::ANY };
static ITSELF: Schema = Schema { reference: Some(&ITSELF), ..Schema::ANY };
static EXPLOSION: Schema = Schema {
    one_of: &[
        &Schema { required: &["a"], properties: &[("a", &EXPLOSION)], ..Schema::ANY },
        &Schema { required: &["a"], properties: &[("a", &EXPLOSION), ("b", &EXPLOSION)], ..Schema::ANY },
        &Schema { types: Types::INTEGER, ..Schema::ANY },
    ],
    ..Schema::ANY
};

/// On the 2 MiB stack of a worker thread: the deepest JSON that serde_json reads, a schema that is only itself, and a union
/// whose members double the work on every level.
#[test]
fn hostile_values_end() {
    let work = || {
        let deep: Value = serde_json::from_str(&format!("{}1{}", "{\"next\":".repeat(120), "}".repeat(120))).unwrap();
        let violations = validate(&TREE, &deep, Direction::Request);
        assert_eq!(violations.len(), 1, "{violations:?}");
        let violations = validate(&ITSELF, &json!(1), Direction::Request);
        assert_eq!(violations[0].keyword, "depth");
        let deep: Value = serde_json::from_str(&format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60))).unwrap();
        let started = std::time::Instant::now();
        let _ = validate(&EXPLOSION, &deep, Direction::Request);
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
        println!("explosion: {:?}", started.elapsed());
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap().join().unwrap();
}

#[test]
fn violations_are_capped() {
    let schema = load(&json!({ "items": { "type": "string" } }));
    let value = Value::Array(vec![json!(1); 5000]);
    assert_eq!(validate(schema, &value, Direction::Request).len(), 100);
}

static LIST_OF_WORDS: Schema = Schema { items: Some(&WORD), ..Schema::ANY };
static WORD: Schema = Schema { not: Some(&EXPLOSION), ..Schema::ANY };

/// `not` turns a verdict around; a value that was too much to judge must not come out as a good one.
#[test]
fn what_takes_too_long_is_refused_also_by_not() {
    let work = || {
        let deep: Value = serde_json::from_str(&format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60))).unwrap();
        let violations = validate(&WORD, &deep, Direction::Request);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(matches!(violations[0].keyword, "not" | "depth"), "{violations:?}");
        let violations = validate(&LIST_OF_WORDS, &Value::from(vec![deep; 3]), Direction::Request);
        assert!(!violations.is_empty());
        assert_eq!(select(&violations_of(), &[&WORD]), None);
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap().join().unwrap();
}

fn violations_of() -> Value {
    serde_json::from_str(&format!("{}1{}", "{\"b\":1,\"a\":".repeat(40), "}".repeat(40))).unwrap()
}
