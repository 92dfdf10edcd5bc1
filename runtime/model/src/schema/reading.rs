//! What a schema says to somebody who reads text that has no types of its own: parameters and forms. What is read is then
//! judged by the whole schema.

use serde_json::Value;

use super::{
    Schema, Types,
    explore::{MAXIMUM_DEPTH, find, in_place},
    number::Decimal,
    prepare::plain_integer,
};

/// The schema of properties that have no schema of their own.
pub fn additional_of(schema: &Schema) -> Option<&Schema> {
    find(schema, &|schema| schema.additional_properties.filter(|additional| !additional.never))
}

/// The names of all properties that have a schema.
pub fn properties_of(schema: &Schema) -> Vec<&'static str> {
    let mut names = Vec::new();
    visit(schema, 0, &mut |schema| {
        for (name, _) in schema.properties {
            if !names.contains(name) {
                names.push(*name);
            }
        }
    });
    names
}

/// Whether an object of the schema is a map: it has a schema for any name, or names none.
pub fn takes_additional(schema: &Schema) -> bool {
    additional_of(schema).is_some() || properties_of(schema).is_empty()
}

/// The number that a text spells, in JSON's own grammar: no `+1`, no `0x10`, no ` 1`, no `Infinity`.
pub fn read_number(text: &str, types: Types) -> Option<Value> {
    let number: serde_json::Number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        .then(|| serde_json::from_str(text).ok())
        .flatten()?;
    let holds = types.contains(Types::NUMBER) || Decimal::of(&number).is_integer();
    holds.then(|| Value::Number(plain_integer(&number).unwrap_or(number)))
}

fn visit(schema: &Schema, depth: usize, see: &mut dyn FnMut(&Schema)) {
    see(schema);
    if depth < MAXIMUM_DEPTH {
        for member in in_place(schema) {
            visit(member, depth + 1, see);
        }
    }
}
