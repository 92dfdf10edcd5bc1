//! The members of a form: from keys and texts, as URL-encoded pairs and multipart fields have them, to one JSON object.
//!
//! A nested object is spelled `a[b]=1`, or is one text of JSON; an array is its elements one by one, `a[]=1`, `a[0]=1`, or one
//! text of JSON. What the contract's `encoding` says (OpenAPI, Encoding Object) comes first.

use serde_json::{Map, Value};

use super::{multipart::PartKind, parameter};
use crate::{
    operation::Style,
    schema::{Direction, Schema, Types, accepted_types, items_of, properties_of, property_of, validate},
    spelling::{
        expand, query,
        text::{self, Shape, Tree},
    },
};

/// How members are spelled where the contract says so.
pub(super) type Kinds<'a> = &'a (dyn Fn(&str) -> Option<PartKind> + Sync);

/// What is wrong with a member: its name, the keyword and the message.
pub(super) type Fault = (String, &'static str, String);

/// A form in the making.
pub(super) struct Fields<'a> {
    schema: &'static Schema,
    kinds: Kinds<'a>,
    /// Names whose kind is `Styled`.
    styled: Vec<&'static str>,
    tree: Tree,
    json: Vec<(String, Vec<String>)>,
    listed: Vec<(String, Vec<String>)>,
    faults: Vec<Fault>,
}

/// The text of a member.
pub(super) enum Text<'a> {
    /// As it is.
    Plain(String),
    /// Percent-encoded, so that a delimiter inside a value is none.
    Encoded(&'a str),
}

impl<'a> Fields<'a> {
    pub(super) fn new(schema: &'static Schema, kinds: Kinds<'a>, styled: Vec<&'static str>) -> Self {
        Self { schema, kinds, styled, tree: Tree::default(), json: Vec::new(), listed: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn add(&mut self, key: String, text: Text<'_>) {
        match (self.kinds)(&key) {
            Some(PartKind::Json) => self.member(key, text, |fields| &mut fields.json),
            Some(PartKind::Styled { style, explode: false }) if style != Style::DeepObject => {
                match pieces(style, text) {
                    Ok(pieces) => put(&mut self.listed, key, pieces),
                    Err(fault) => self.faults.push((key, fault.0, fault.1)),
                }
            }
            kind => {
                let Some(text) = self.decoded(&key, text) else { return };
                let keys = self.keys(key, kind.is_some());
                self.tree.insert(&keys, text);
            }
        }
    }

    /// The object, and what is wrong with members that do not become part of it.
    pub(super) fn finish(self) -> (Map<String, Value>, Vec<Fault>) {
        let Self { schema, tree, json, listed, mut faults, .. } = self;
        let any = &Schema::ANY;
        let mut object = if tree.is_empty() { Map::new() } else { tree.into_members(schema) };
        for (name, texts) in json {
            match json_member(texts, property_of(schema, &name).unwrap_or(any)) {
                Ok(value) => {
                    object.insert(name, value);
                }
                Err((keyword, message)) => faults.push((name, keyword, message)),
            }
        }
        for (name, texts) in listed {
            let schema = property_of(schema, &name).unwrap_or(any);
            match expand::listed(texts, schema, text::shape(schema)) {
                Ok(value) => {
                    object.insert(name, value);
                }
                Err((keyword, message)) => faults.push((name, keyword, message)),
            }
        }
        (object, faults)
    }

    fn member(&mut self, key: String, text: Text<'_>, members: impl Fn(&mut Self) -> &mut Vec<(String, Vec<String>)>) {
        if let Some(text) = self.decoded(&key, text) {
            put(members(self), key, vec![text]);
        }
    }

    fn decoded(&mut self, key: &str, text: Text<'_>) -> Option<String> {
        match text {
            Text::Plain(text) => Some(text),
            Text::Encoded(raw) => match query::decode(raw, true) {
                Ok(text) => Some(text),
                Err(_) => {
                    let message = "must be UTF-8, percent-encoded where it has to be".to_owned();
                    self.faults.push((key.to_owned(), "encoding", message));
                    None
                }
            },
        }
    }

    /// Where a key leads: `a[b]` into an object, and the property of an exploded object to that.
    fn keys(&self, key: String, is_known: bool) -> Vec<String> {
        if is_known || property_of(self.schema, &key).is_some() {
            return vec![key];
        }
        if let Some(start) = key.find('[').filter(|start| *start > 0)
            && let Some(mut keys) = parameter::brackets(&key[start..])
        {
            keys.insert(0, key[..start].to_owned());
            return keys;
        }
        let holder = self.styled.iter().find(|name| {
            let exploded = matches!((self.kinds)(name), Some(PartKind::Styled { style: Style::Form, explode: true }));
            exploded
                && property_of(self.schema, name).is_some_and(|schema| {
                    text::shape(schema) == Shape::Object && properties_of(schema).contains(&key.as_str())
                })
        });
        match holder {
            Some(holder) => vec![(*holder).to_owned(), key],
            None => vec![key],
        }
    }
}

fn put(members: &mut Vec<(String, Vec<String>)>, key: String, texts: Vec<String>) {
    match members.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => known.extend(texts),
        None => members.push((key, texts)),
    }
}

/// One text per value; several are the elements of an array.
fn json_member(texts: Vec<String>, schema: &Schema) -> Result<Value, (&'static str, String)> {
    let mut values = Vec::new();
    for text in texts {
        let value = serde_json::from_str::<Value>(&text);
        values.push(value.map_err(|error| ("json", format!("must be JSON: {error}")))?);
    }
    // `items` of an array may be sent one by one (OpenAPI, Encoding Object), or the array as one text. An array may be either where
    // the items are arrays too.
    if is_array(schema)
        && let Some(items) = items_of(schema, 0)
    {
        let is_whole = match values.as_slice() {
            [value @ Value::Array(_)] => {
                !accepted_types(items).contains(Types::ARRAY) || validate(schema, value, Direction::Request).is_empty()
            }
            _ => false,
        };
        if !is_whole && !values.is_empty() {
            return Ok(Value::Array(values));
        }
    }
    if values.len() > 1 {
        return Err(("repeated", "must be given once".to_owned()));
    }
    Ok(values.pop().unwrap_or_default())
}

/// The pieces of a delimited list.
fn pieces(style: Style, text: Text<'_>) -> Result<Vec<String>, (&'static str, String)> {
    let (plain, encoded): (&str, &[&str]) = match style {
        Style::SpaceDelimited => (" ", &["%20", "+", " "]),
        Style::PipeDelimited => ("|", &["|", "%7C", "%7c"]),
        _ => (",", &[","]),
    };
    match text {
        Text::Plain(text) if text.is_empty() => Ok(Vec::new()),
        Text::Plain(text) => Ok(text.split(plain).map(str::to_owned).collect()),
        Text::Encoded(raw) => expand::split(raw, encoded, |piece| query::decode(piece, true)),
    }
}

pub(super) fn is_array(schema: &Schema) -> bool {
    let types = accepted_types(schema);
    types != Types::ANY && types.contains(Types::ARRAY)
}
