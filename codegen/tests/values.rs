//! Values through the types of `contracts/values`: what goes in comes out, and nothing that a schema allows is refused.
#![allow(missing_docs, clippy::unwrap_used, deprecated, unreachable_pub, dead_code)]
#![allow(clippy::needless_pass_by_value, reason = "`json!` is an argument")]

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use specwright_model::schema::{Direction, Schema, prepare_request, strip_write_only, validate};
use specwright_model::value::{DurationParts, Patch, whole_numbers};

// The files are what the crate `api-types` would have at its root.
#[path = "contracts/values/expected/types/lib.rs"]
#[rustfmt::skip]
mod generated;
use generated::*;

/// The value is valid, and the type gives it back as it was.
#[track_caller]
fn same<T: Serialize + DeserializeOwned>(schema: &'static Schema, value: Value) -> T {
    becomes(schema, value.clone(), value)
}

/// The value is valid, and the type gives back another.
#[track_caller]
fn becomes<T: Serialize + DeserializeOwned>(schema: &'static Schema, value: Value, expected: Value) -> T {
    assert_eq!(validate(schema, &value, Direction::Request), [], "{value} breaks its schema");
    let typed: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"));
    assert_eq!(serde_json::to_value(&typed).unwrap(), expected);
    // From text too: what stands between is another deserializer.
    let text = serde_json::to_string(&value).unwrap();
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&typed).unwrap());
    typed
}

/// The schema refuses the value.
#[track_caller]
fn refused(schema: &'static Schema, value: &Value) {
    assert_ne!(validate(schema, value, Direction::Request), [], "{value} was accepted");
}

#[test]
fn formats_keep_what_they_say() {
    let value = json!({
        "id": "0192f1e4-7c5a-7b3e-9f00-000000000001",
        "day": "2024-02-29",
        "moment": "2026-11-24T10:00:00.123456789Z",
        "opens": "23:59:60.000000000001Z",
        "lasts": "P1Y2M3DT4H5M6S",
        "price": "-12345678901234567890123456789012345678901234567890.10",
        "bytes": "AAEC/w==",
        "raw": "anything",
        "small": -2147483648,
        "large": i64::MAX,
        "natural": u64::MAX,
        "link": "https://example.org/a?b#c",
        "mail": "ada@example.org",
        "host": "example.org",
        "v4": "192.0.2.1",
        "v6": "2001:db8::1",
        "alarm": "12:00:00+05:30",
        "pause": "P3W",
        "fee": "007.0"
    });
    let formats: Formats = same(&schemas::FORMATS, value);
    assert_eq!(formats.bytes.unwrap().0, [0, 1, 2, 255]);
    assert_eq!(formats.alarm.offset().local_minus_utc(), 5 * 3600 + 30 * 60);
    assert_eq!(formats.alarm.clock(), chrono::NaiveTime::from_hms_opt(12, 0, 0).unwrap());
    assert_eq!(formats.fee, "7".parse().unwrap());
    assert!(formats.price.unwrap() < formats.fee);
    assert_eq!(formats.pause.to_std(), Some(std::time::Duration::from_secs(3 * 7 * 86_400)));
    let parts = DurationParts { years: 1, months: 2, days: 3, hours: 4, minutes: 5, seconds: 6, weeks: 0 };
    assert_eq!(formats.lasts.unwrap().parts(), Some(parts));
}

#[test]
fn an_offset_is_kept_as_the_same_moment() {
    let offset =
        json!({ "moment": "2026-11-24T12:00:00+02:00", "alarm": "06:30:00+02:00", "pause": "PT5M", "fee": "0.10" });
    let utc = json!({ "moment": "2026-11-24T10:00:00Z", "alarm": "06:30:00+02:00", "pause": "PT5M", "fee": "0.10" });
    becomes::<Formats>(&schemas::FORMATS, offset, utc);
}

#[test]
fn what_is_not_of_a_format_is_refused() {
    for (name, value) in [
        ("opens", "12:00"),
        ("opens", "12:00:60Z"),
        ("lasts", "P1DT"),
        ("lasts", "P1Y1D"),
        ("price", "1e3"),
        ("price", ".5"),
        ("v6", "2001:db8"),
    ] {
        refused(&schemas::FORMATS, &json!({ name: value }));
        assert!(serde_json::from_value::<Formats>(json!({ name: value })).is_err(), "{name} {value}");
    }
}

#[test]
fn tuples_are_as_long_as_the_schema_says() {
    let point: Point = same(&schemas::POINT, json!([1.5, 2.5]));
    assert_eq!(point, (1.5, 2.5));
    let labelled: Labelled = same(&schemas::LABELLED, json!(["a", [1.5, 2.5]]));
    assert_eq!(labelled.1, point);
    for list in [json!([]), json!(["a"]), json!(["a", 1]), json!(["a", 1, null, {}])] {
        same::<Open>(&schemas::OPEN, list);
    }
    let tail: Tail = same(&schemas::TAIL, json!(["a", 1, 2, 3]));
    assert_eq!((tail.required.0.as_str(), tail.rest), ("a", vec![1, 2, 3]));
    for list in [json!(["a"]), json!(["a", null]), json!(["a", 5])] {
        same::<Short>(&schemas::SHORT, list);
    }
    same::<Linked>(&schemas::LINKED, json!([1, [2, [3]]]));
    refused(&schemas::POINT, &json!([1]));
    refused(&schemas::POINT, &json!([1, 2, 3]));
    refused(&schemas::SHORT, &json!(["a", 1, 2]));
    assert!(serde_json::from_value::<Short>(json!(["a", 1, 2])).is_err());
    let drawing: Drawing =
        becomes(&schemas::DRAWING, json!({ "at": [1.0, 2.0] }), json!({ "at": [1.0, 2.0], "to": [0.0, 0.5] }));
    assert_eq!(drawing.to, (0.0, 0.5));
}

#[test]
fn an_element_cannot_follow_one_that_is_missing() {
    let list = Open { required: (), optional: (None, Some(1)), rest: Vec::new() };
    assert!(serde_json::to_value(&list).is_err());
    let list = Open { required: (), optional: (Some("a".into()), None), rest: vec![json!(1)] };
    assert!(serde_json::to_value(&list).is_err());
}

#[test]
fn aliases_may_contain_themselves() {
    let nested: Nested = same(&schemas::NESTED, json!([[], [[]]]));
    assert_eq!(nested.0.len(), 2);
    same::<Folders>(&schemas::FOLDERS, json!({ "a": { "b": {} } }));
    same::<Lists>(&schemas::LISTS, json!([{ "a": [{}] }]));
    refused(&schemas::NESTED, &json!([1]));
}

#[test]
fn a_base_with_a_discriminator_is_its_children() {
    let cat = json!({ "kind": "kitten", "name": "Tom", "lives": 9 });
    let Pet::Cat(tom) = same(&schemas::PET, cat) else { panic!("not a cat") };
    assert_eq!(tom.lives, 9);
    let dog = json!({ "kind": "hound", "name": "Rex", "mood": "wild", "breed": "beagle" });
    assert!(matches!(same(&schemas::PET, dog), Pet::Dog(_)));
    let poodle = json!({ "kind": "hound", "name": "Rex", "curls": 3 });
    let poodle: Poodle = same(&schemas::POODLE, poodle);
    assert_eq!(poodle.name, "Rex");
    let base = json!({ "kind": "Pet", "name": "It" });
    assert!(matches!(same(&schemas::PET, base), Pet::Base(_)));
    let parrot = json!({ "kind": "Parrot", "name": "Polly", "words": ["hello"] });
    assert!(matches!(same(&schemas::PET, parrot.clone()), Pet::Bird(Bird::Parrot(_))));
    assert!(matches!(same(&schemas::BIRD, parrot.clone()), Bird::Parrot(_)));
    let owner = json!({ "favourite": parrot, "pets": [{ "kind": "cat", "name": "Tom", "lives": 1 }] });
    same::<Owner>(&schemas::OWNER, owner);
    refused(&schemas::PET, &json!({ "kind": "cat", "name": "Tom", "lives": 10 }));
    refused(&schemas::PET, &json!({ "kind": "cat", "name": "Tom" }));
    refused(&schemas::PET, &json!({ "kind": "cow", "name": "Molly" }));
}

#[test]
fn a_discriminator_is_written_where_the_member_has_none() {
    let text: Message = Text { text: "hi".into() }.into();
    assert_eq!(serde_json::to_value(&text).unwrap(), json!({ "type": "text", "text": "hi" }));
    let image: Message = Image { r#type: None, url: "u".into() }.into();
    assert_eq!(serde_json::to_value(&image).unwrap(), json!({ "type": "picture", "url": "u" }));
    same::<Message>(&schemas::MESSAGE, json!({ "type": "photo", "url": "u" }));
    let Thing::Message(Message::Image(_)) = same(&schemas::THING, json!({ "type": "photo", "url": "u" })) else {
        panic!("not an image")
    };
    assert_eq!(serde_json::to_value(Thing::from(text)).unwrap()["type"], "text");
    same::<Thing>(&schemas::THING, json!({ "type": "sound", "seconds": 1.5 }));
}

#[test]
fn a_union_is_the_first_member_that_the_schema_allows() {
    assert!(matches!(same(&schemas::LOOSE, json!({ "a": 1 })), Loose::Variant1(_)));
    assert!(matches!(same(&schemas::LOOSE, json!({ "b": 1 })), Loose::Variant2(_)));
    refused(&schemas::LOOSE, &json!({ "a": 1, "b": 1 }));
    same::<Overlapping>(&schemas::OVERLAPPING, json!("auto"));
    let other: Overlapping = same(&schemas::OVERLAPPING, json!("other"));
    assert_eq!(other, Overlapping::String("other".into()));
}

#[test]
fn enums_may_be_of_several_types() {
    for value in [json!(1), json!("high"), json!(true), json!(null)] {
        same::<Option<Mixed>>(&schemas::MIXED, value);
    }
    assert_eq!(same::<Option<Mixed>>(&schemas::MIXED, json!(2)), Some(Mixed::Integer(MixedInteger::N2)));
    same::<Numbers>(&schemas::NUMBERS, json!(2.5));
    assert_eq!(same::<Annotated>(&schemas::ANNOTATED, json!("open")), Annotated::Open);
    refused(&schemas::MIXED, &json!(3));
}

#[test]
fn members_that_no_name_declares_are_kept() {
    let extensions: Extensions = same(&schemas::EXTENSIONS, json!({ "name": "n", "x-a": 1, "x-b": 2 }));
    assert_eq!(extensions.additional_properties["x-b"], 2);
    same::<Patterns>(&schemas::PATTERNS, json!({ "n-a": 1, "s-a": "text" }));
    same::<Rest>(&schemas::REST, json!({ "id": 1, "n-a": 1, "other": true }));
    same::<Anything>(&schemas::ANYTHING, json!({ "id": 1, "other": [null] }));
    refused(&schemas::CLOSED, &json!({ "id": 1, "other": 1 }));
    refused(&schemas::EXTENSIONS, &json!({ "other": 1 }));
}

#[test]
fn absent_and_null_are_two_things() {
    let least: Presence = same(&schemas::PRESENCE, json!({ "must": "a", "mustNull": null }));
    assert_eq!((least.must_null, least.may, least.may_null), (None, None, Patch::Absent));
    let nulls = json!({ "must": "a", "mustNull": null, "mayNull": null, "mayNullRef": null });
    let nulls: Presence = same(&schemas::PRESENCE, nulls);
    assert_eq!((nulls.may_null, nulls.may_null_ref), (Patch::Null, Patch::Null));
    same::<Presence>(
        &schemas::PRESENCE,
        json!({ "must": "a", "mustNull": "b", "may": "c", "mayNull": "d", "mayNullRef": { "id": 1 } }),
    );
    refused(&schemas::PRESENCE, &json!({ "must": "a" }));
    refused(&schemas::PRESENCE, &json!({ "must": "a", "mustNull": null, "may": null }));
    assert!(serde_json::from_value::<Presence>(json!({ "must": "a" })).is_err());
}

#[test]
fn defaults_stand_for_what_is_absent() {
    let all = json!({
        "text": "hello",
        "nullable": 7,
        "list": ["open", "closed"],
        "object": { "size": 3, "unit": "cm" },
        "choice": "closed",
        "inherited": 2
    });
    let defaults: Defaults = becomes(&schemas::DEFAULTS, json!({}), all);
    assert_eq!(defaults, Defaults::default());
    assert_eq!(defaults.wrong, None);
    let null: Defaults = serde_json::from_value(json!({ "nullable": null })).unwrap();
    assert_eq!(null.nullable, None);
}

#[test]
fn marks_hold_wherever_they_are_declared() {
    let mut request = json!({
        "id": "chosen by the client",
        "password": "p",
        "created": "2026-01-01T00:00:00Z",
        "profile": { "score": 100, "name": "Ada" },
        "keys": [{ "label": "l", "secret": "s" }]
    });
    assert_eq!(validate(&schemas::ACCOUNT, &request, Direction::Request), []);
    prepare_request(&schemas::ACCOUNT, &mut request);
    assert_eq!(
        request,
        json!({ "password": "p", "profile": { "name": "Ada" }, "keys": [{ "label": "l", "secret": "s" }] })
    );
    let account: Account = serde_json::from_value(request).unwrap();
    assert_eq!((account.id, account.created, account.profile.score), (None, None, None));

    let mut response = json!({
        "id": "1",
        "password": "p",
        "created": "2026-01-01T00:00:00Z",
        "profile": { "score": 1, "name": "Ada" },
        "keys": [{ "label": "l", "secret": "s" }]
    });
    strip_write_only(&schemas::ACCOUNT, &mut response);
    assert_eq!(
        response,
        json!({
            "id": "1",
            "created": "2026-01-01T00:00:00Z",
            "profile": { "score": 1, "name": "Ada" },
            "keys": [{ "label": "l" }]
        })
    );
    assert_eq!(validate(&schemas::ACCOUNT, &response, Direction::Response), []);
    serde_json::from_value::<Account>(response).unwrap();
}

#[test]
fn members_that_a_condition_declares_are_kept() {
    let conditional: Conditional = same(&schemas::CONDITIONAL, json!({ "way": "post", "street": "Elm" }));
    assert_eq!(conditional.street, Some(json!("Elm")));
    // Where the condition does not hold, the schema says nothing about the member.
    same::<Conditional>(&schemas::CONDITIONAL, json!({ "way": "mail", "street": 5 }));
    refused(&schemas::CONDITIONAL, &json!({ "way": "post" }));
}

#[test]
fn the_narrower_declaration_is_the_type() {
    let narrowed: Narrowed = same(&schemas::NARROWED, json!({ "state": "on", "size": 3, "note": "abc" }));
    assert_eq!((narrowed.size, narrowed.note.as_deref()), (Some(3), Some("abc")));
    refused(&schemas::NARROWED, &json!({ "state": "on", "note": "abcd" }));
}

#[test]
fn a_whole_number_is_an_integer_however_it_is_written() {
    let mut value: Value = serde_json::from_str(r#"{ "small": 1.0, "large": 1e3, "natural": -0.0 }"#).unwrap();
    assert_eq!(validate(&schemas::FORMATS, &value, Direction::Request), []);
    assert!(serde_json::from_value::<Formats>(value.clone()).is_err());
    whole_numbers(&mut value);
    let formats: Formats = serde_json::from_value(value).unwrap();
    assert_eq!((formats.small, formats.large, formats.natural), (Some(1), Some(1000), Some(0)));
    let mut others = json!([1.5, 1e300, 9_007_199_254_740_993_i64, "1.0", null]);
    let before = others.clone();
    whole_numbers(&mut others);
    assert_eq!(others, before);
}
