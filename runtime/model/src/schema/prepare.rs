//! `readOnly` and `writeOnly`, applied to a value: what must not come in is dropped, what must not go out is dropped.

use std::{
    collections::{HashMap, HashSet},
    sync::{LazyLock, PoisonError, RwLock},
};

use serde_json::Value;

use super::{Schema, explore, number::Decimal, select, select_tagged};

/// Which marks appear anywhere in a schema. Most schemas have none, and values of those need no second look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// A property is `readOnly`.
    pub read_only: bool,
    /// A property is `writeOnly`.
    pub write_only: bool,
}

/// Makes a valid request what the generated types read.
///
/// Every `readOnly` property is dropped: the rule is that a client may send back what it was given, and that it has no
/// effect. An integer that was written as `1.0` or `1e3` becomes one without a fraction.
pub fn prepare_request(schema: &'static Schema, value: &mut Value) {
    if marks(schema).read_only {
        strip(schema, value, |schema| schema.read_only, 0);
    }
    write_integers_plainly(value);
}

/// JSON Schema knows no difference between `1.0` and `1` (2020-12 Core, section 4.2.3); Rust's integers do.
fn write_integers_plainly(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = plain_integer(number) {
                *number = integer;
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(write_integers_plainly),
        Value::Object(members) => members.values_mut().for_each(write_integers_plainly),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The same number without fraction and exponent, where it has one of them and is an integer of 64 bits.
pub(super) fn plain_integer(number: &serde_json::Number) -> Option<serde_json::Number> {
    if number.is_i64() || number.is_u64() {
        return None;
    }
    let integer = Decimal::of(number).to_integer()?;
    i64::try_from(integer).map(Into::into).or_else(|_| u64::try_from(integer).map(Into::into)).ok()
}

/// Drops every `writeOnly` property of a response.
pub fn strip_write_only(schema: &'static Schema, value: &mut Value) {
    if marks(schema).write_only {
        strip(schema, value, |schema| schema.write_only, 0);
    }
}

/// Which marks appear in the schema; remembered per schema.
pub fn marks(schema: &'static Schema) -> Marks {
    static KNOWN: LazyLock<RwLock<HashMap<usize, Marks>>> = LazyLock::new(RwLock::default);

    let address = std::ptr::from_ref(schema) as usize;
    if let Some(marks) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
        return *marks;
    }
    let mut marks = Marks::default();
    let mut seen = HashSet::new();
    let mut waiting = vec![schema];
    while let Some(schema) = waiting.pop() {
        if seen.insert(std::ptr::from_ref(schema) as usize) {
            marks.read_only |= schema.read_only;
            marks.write_only |= schema.write_only;
            waiting.extend(explore::in_place(schema));
            waiting.extend(parts(schema));
        }
    }
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(address, marks);
    marks
}

fn parts(schema: &Schema) -> impl Iterator<Item = &'static Schema> {
    let members = schema.properties.iter().chain(schema.dependent_schemas).map(|(_, schema)| *schema);
    members
        .chain(schema.pattern_properties.iter().map(|(_, schema)| *schema))
        .chain(schema.prefix_items.iter().copied())
        .chain([schema.items, schema.additional_properties].into_iter().flatten())
}

fn strip(schema: &'static Schema, value: &mut Value, mark: fn(&Schema) -> bool, depth: usize) {
    if depth > 256 {
        return;
    }
    for member in schema.reference.iter().chain(schema.all_of) {
        strip(member, value, mark, depth + 1);
    }
    for union in [schema.any_of, schema.one_of] {
        let chosen = match schema.discriminator {
            Some(discriminator) => select_tagged(value, discriminator),
            None if union.is_empty() => None,
            None => select(value, union),
        };
        if let Some(member) = chosen.and_then(|index| union.get(index)) {
            strip(member, value, mark, depth + 1);
        }
    }
    match value {
        Value::Object(object) => {
            for (name, property) in schema.properties {
                if explore::is_marked(property, mark) {
                    object.remove(*name);
                } else if let Some(member) = object.get_mut(*name) {
                    strip(property, member, mark, depth + 1);
                }
            }
            for (name, member) in object.iter_mut() {
                let mut known = schema.properties.iter().any(|(property, _)| property == name);
                for (pattern, property) in schema.pattern_properties {
                    if pattern.is_found_in(name) {
                        known = true;
                        strip(property, member, mark, depth + 1);
                    }
                }
                if let Some(additional) = schema.additional_properties.filter(|_| !known) {
                    strip(additional, member, mark, depth + 1);
                }
            }
        }
        Value::Array(array) => {
            for (index, element) in array.iter_mut().enumerate() {
                if let Some(items) = schema.prefix_items.get(index).copied().or(schema.items) {
                    strip(items, element, mark, depth + 1);
                }
            }
        }
        _ => {}
    }
}
