//! Text into JSON values: parameters and forms have no types of their own, so the schema says what a text is meant to be.

use serde_json::{Map, Value};

use crate::schema::{
    Direction, Schema, Types, accepted_types, items_of, property_of, read_number, takes_additional, validate,
};

/// What kind of value the schema asks for, as far as the spelling of a parameter depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar,
    Array,
    /// An array, or a scalar where there is one element only.
    ScalarOrArray,
    Object,
}

/// A text, or texts by key: what the spellings of all styles come to.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    texts: Vec<String>,
    members: Vec<(String, Tree)>,
}

pub(crate) fn shape(schema: &Schema) -> Shape {
    let types = accepted_types(schema);
    if types == Types::ANY {
        return Shape::Scalar;
    }
    let scalar = [Types::STRING, Types::INTEGER, Types::BOOLEAN].into_iter().any(|kind| types.contains(kind));
    match (types.contains(Types::ARRAY), types.contains(Types::OBJECT)) {
        (true, _) if scalar => Shape::ScalarOrArray,
        (true, _) => Shape::Array,
        (false, true) if !scalar => Shape::Object,
        _ => Shape::Scalar,
    }
}

/// The value that a text spells. Where it could spell several, the first that the schema takes: `true`, a number, the text
/// itself, `null`, an array or object in JSON. Where it spells none of the types asked for, the text: judging it says what is wrong.
pub(crate) fn scalar(text: String, schema: &Schema) -> Value {
    let types = accepted_types(schema);
    if types == Types::ANY || types == Types::STRING {
        return Value::String(text);
    }
    let mut candidates = Vec::new();
    if types.contains(Types::BOOLEAN)
        && let Ok(boolean) = text.parse()
    {
        candidates.push(Value::Bool(boolean));
    }
    if types.contains(Types::INTEGER)
        && let Some(number) = read_number(&text, types)
    {
        candidates.push(number);
    }
    if types.contains(Types::STRING) {
        candidates.push(Value::String(text.clone()));
    }
    if types.contains(Types::NULL) && text == "null" {
        candidates.push(Value::Null);
    }
    // What is deeper than the styles define is JSON text.
    if (types.contains(Types::OBJECT) && text.starts_with('{') || types.contains(Types::ARRAY) && text.starts_with('['))
        && let Ok(nested) = serde_json::from_str(&text)
    {
        candidates.push(nested);
    }
    let chosen = match candidates.len() {
        0 | 1 => None,
        _ => candidates.iter().position(|candidate| validate(schema, candidate, Direction::Request).is_empty()),
    };
    let index = chosen.unwrap_or(0);
    if index < candidates.len() { candidates.swap_remove(index) } else { Value::String(text) }
}

pub(crate) fn array(texts: Vec<String>, schema: &Schema) -> Value {
    let any = &Schema::ANY;
    texts.into_iter().enumerate().map(|(index, text)| element(text, items_of(schema, index).unwrap_or(any))).collect()
}

/// An object or an array that stands where the style has room for one text only: as JSON.
fn element(text: String, schema: &Schema) -> Value {
    if shape(schema) != Shape::Scalar
        && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text)
    {
        return value;
    }
    scalar(text, schema)
}

/// One text may be the scalar or an array of one: the scalar, where the schema takes it.
pub(crate) fn scalar_or_array(mut texts: Vec<String>, schema: &Schema) -> Value {
    if texts.len() == 1 {
        let value = scalar(texts[0].clone(), schema);
        if validate(schema, &value, Direction::Request).is_empty() {
            return value;
        }
    }
    array(std::mem::take(&mut texts), schema)
}

pub(crate) fn object(members: Vec<(String, String)>, schema: &Schema) -> Value {
    let mut tree = Tree::default();
    for (name, text) in members {
        tree.insert(&[name], text);
    }
    tree.into_value(schema)
}

impl Tree {
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.members.is_empty()
    }

    pub(crate) fn insert(&mut self, keys: &[String], text: String) {
        match keys {
            [] => self.texts.push(text),
            [key, rest @ ..] => {
                let position = self.members.iter().position(|(name, _)| name == key);
                let index = position.unwrap_or_else(|| {
                    self.members.push((key.clone(), Self::default()));
                    self.members.len() - 1
                });
                self.members[index].1.insert(rest, text);
            }
        }
    }

    /// The value, by the schema. A scalar that was given several times becomes an array, which the schema then refuses.
    pub(crate) fn into_value(self, schema: &Schema) -> Value {
        let any = &Schema::ANY;
        if self.members.is_empty() {
            let mut texts = self.texts;
            return match shape(schema) {
                Shape::Array => array(texts, schema),
                Shape::ScalarOrArray => scalar_or_array(texts, schema),
                // `{}` as an element of a form has no other spelling than nothing at all.
                Shape::Object if texts.is_empty() => Value::Object(Map::new()),
                Shape::Scalar | Shape::Object if texts.len() == 1 => element(texts.swap_remove(0), schema),
                Shape::Scalar | Shape::Object => texts.into_iter().map(Value::String).collect(),
            };
        }
        // `tags[]=a` and `tags[0]=a` are arrays where the schema asks for one.
        let indexed =
            self.members.iter().all(|(key, _)| key.is_empty() || key.bytes().all(|byte| byte.is_ascii_digit()));
        if indexed && matches!(shape(schema), Shape::Array | Shape::ScalarOrArray) {
            let mut elements: Vec<(usize, Value)> = Vec::new();
            for (key, member) in self.members {
                let place = key.parse().unwrap_or(usize::MAX);
                let items = items_of(schema, elements.len()).unwrap_or(any);
                if member.members.is_empty() {
                    elements.extend(member.texts.into_iter().map(|text| (place, element(text, items))));
                } else {
                    elements.push((place, member.into_value(items)));
                }
            }
            elements.sort_by_key(|(place, _)| *place);
            return elements.into_iter().map(|(_, element)| element).collect();
        }
        Value::Object(self.into_members(schema))
    }

    /// The members, each by its schema.
    pub(crate) fn into_members(self, schema: &Schema) -> Map<String, Value> {
        let any = &Schema::ANY;
        let member = |(key, member): (String, Self)| {
            let value = member.into_value(member_schema(schema, &key).unwrap_or(any));
            (key, value)
        };
        self.members.into_iter().map(member).collect()
    }
}

fn member_schema<'a>(schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    property_of(schema, name)
        .or_else(|| takes_additional(schema).then(|| crate::schema::additional_of(schema)).flatten())
}
