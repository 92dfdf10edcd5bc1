//! Parameters of every style (OpenAPI, Style Values; RFC 6570): from the raw text of a request to a JSON value.
//!
//! Everything splits before it decodes, so that `a%2Cb` is one element. Header values are taken as they are: RFC 6570 and HTTP
//! know no escapes there.

use serde_json::Value;

use super::Incoming;
use crate::{
    operation::{Location, Parameter, Style},
    schema::{properties_of, takes_additional},
    spelling::{
        Fault,
        expand::{expand, listed, repeated, split, undecodable},
        is_json,
        query::{self, Undecodable},
        text::{self, Shape, Tree},
    },
};

/// The parameter's value; `None` where it is absent.
pub(super) fn read(incoming: &mut Incoming, parameter: &Parameter) -> Result<Option<Value>, Fault> {
    if let Some(media_type) = parameter.content {
        let Some(text) = one(texts(incoming, parameter, parameter.name)?)? else { return Ok(None) };
        if !is_json(media_type) {
            return Ok(Some(text::scalar(text, parameter.schema)));
        }
        return serde_json::from_str(&text).map(Some).map_err(|error| ("json", format!("must be JSON: {error}")));
    }
    let shape = text::shape(parameter.schema);
    match (parameter.style, parameter.location) {
        (Style::DeepObject, _) => deep_object(incoming, parameter),
        (
            Style::Form | Style::SpaceDelimited | Style::PipeDelimited | Style::Cookie,
            Location::Query | Location::Cookie,
        ) => form(incoming, parameter, shape),
        (style, _) => {
            let Some(raw) = one(raws(incoming, parameter)?)? else { return Ok(None) };
            expand(&raw, style, parameter, shape).map(Some)
        }
    }
}

fn form(incoming: &mut Incoming, parameter: &Parameter, shape: Shape) -> Result<Option<Value>, Fault> {
    let schema = parameter.schema;
    if shape == Shape::Object && parameter.explode && matches!(parameter.style, Style::Form | Style::Cookie) {
        return exploded_object(incoming, parameter);
    }
    if shape == Shape::Scalar {
        return Ok(one(texts(incoming, parameter, parameter.name)?)?.map(|text| text::scalar(text, schema)));
    }
    if parameter.explode {
        let texts = texts(incoming, parameter, parameter.name)?;
        if texts.is_empty() {
            return Ok(None);
        }
        return Ok(Some(if shape == Shape::Array {
            text::array(texts, schema)
        } else {
            text::scalar_or_array(texts, schema)
        }));
    }
    let Some(raw) = one(raws(incoming, parameter)?)? else { return Ok(None) };
    let delimiters: &[&str] = match parameter.style {
        Style::SpaceDelimited => &["%20", "+", " "],
        Style::PipeDelimited => &["|", "%7C", "%7c"],
        _ => &[","],
    };
    let plus = parameter.location == Location::Query;
    let verbatim = parameter.style == Style::Cookie;
    let texts =
        split(&raw, delimiters, |piece| if verbatim { Ok(piece.to_owned()) } else { query::decode(piece, plus) })?;
    listed(texts, schema, shape).map(Some)
}

/// `R=100&G=200`: each property is a key of its own. A map takes the keys that no other parameter has.
fn exploded_object(incoming: &mut Incoming, parameter: &Parameter) -> Result<Option<Value>, Fault> {
    let mut tree = Tree::default();
    for name in properties_of(parameter.schema).into_iter().filter(|name| !parameter.except.contains(name)) {
        for text in texts(incoming, parameter, name)? {
            tree.insert(&[name.to_owned()], text);
        }
    }
    if takes_additional(parameter.schema) && parameter.location == Location::Query {
        let is_other = |key: &str| {
            parameter
                .except
                .iter()
                .any(|name| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('[')))
        };
        for pair in incoming.query.iter_mut().filter(|pair| !pair.claimed && !is_other(&pair.key)) {
            pair.claimed = true;
            tree.insert(std::slice::from_ref(&pair.key), query::decode(&pair.raw, true).map_err(undecodable)?);
        }
    }
    Ok((!tree.is_empty()).then(|| tree.into_value(parameter.schema)))
}

/// `filter[status]=open&filter[due][after]=...`, and `filter=open` where the schema takes a scalar too.
fn deep_object(incoming: &mut Incoming, parameter: &Parameter) -> Result<Option<Value>, Fault> {
    let mut tree = Tree::default();
    for pair in &mut incoming.query {
        let Some(rest) = pair.key.strip_prefix(parameter.name) else { continue };
        let keys = if rest.is_empty() { Some(Vec::new()) } else { brackets(rest) };
        let Some(keys) = keys else { continue };
        pair.claimed = true;
        tree.insert(&keys, query::decode(&pair.raw, true).map_err(undecodable)?);
    }
    Ok((!tree.is_empty()).then(|| tree.into_value(parameter.schema)))
}

/// `[a][b]` into `a`, `b`. Not more than eight deep, and not nothing.
pub(super) fn brackets(text: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let (key, after) = inner.split_once(']')?;
        keys.push(key.to_owned());
        rest = after;
    }
    (rest.is_empty() && (1..=8).contains(&keys.len())).then_some(keys)
}

/// The texts under a key, decoded.
fn texts(incoming: &mut Incoming, parameter: &Parameter, key: &str) -> Result<Vec<String>, Fault> {
    let location = parameter.location;
    let raws = raws_of(incoming, parameter, key)?;
    raws.into_iter()
        .map(|raw| match location {
            Location::Query => query::decode(&raw, true).map_err(undecodable),
            Location::Path => query::decode(&raw, false).map_err(undecodable),
            Location::Cookie if parameter.style == Style::Cookie => Ok(raw),
            Location::Cookie => Ok(query::decode(&raw, false).unwrap_or(raw)),
            Location::Header => Ok(raw),
        })
        .collect()
}

fn raws(incoming: &mut Incoming, parameter: &Parameter) -> Result<Vec<String>, Fault> {
    raws_of(incoming, parameter, parameter.name)
}

/// The texts under a key, as sent.
fn raws_of(incoming: &mut Incoming, parameter: &Parameter, key: &str) -> Result<Vec<String>, Fault> {
    let headers = &incoming.parts.headers;
    let read = |value: &http::HeaderValue| {
        std::str::from_utf8(value.as_bytes()).map(|text| text.trim().to_owned()).map_err(|_| undecodable(Undecodable))
    };
    match parameter.location {
        Location::Path => {
            Ok(incoming.path.iter().filter(|(name, _)| *name == key).map(|(_, raw)| raw.clone()).collect())
        }
        Location::Query => Ok(incoming
            .query
            .iter_mut()
            .filter(|pair| pair.key == key)
            .map(|pair| {
                pair.claimed = true;
                pair.raw.clone()
            })
            .collect()),
        Location::Header => {
            let lines = headers.get_all(key).iter().map(read).collect::<Result<Vec<_>, _>>()?;
            // Lines of a list may be folded into one (RFC 9110, section 5.3).
            let list = parameter.content.is_none() && text::shape(parameter.schema) != Shape::Scalar;
            Ok(if list && lines.len() > 1 { vec![lines.join(",")] } else { lines })
        }
        Location::Cookie => {
            let lines = headers.get_all(http::header::COOKIE).iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let pairs = lines.iter().flat_map(|line| query::cookies(line));
            let is_key = |name: &str| name == key || query::decode(name, false).is_ok_and(|name| name == key);
            Ok(pairs.filter(|(name, _)| is_key(name)).map(|(_, value)| value.to_owned()).collect())
        }
    }
}

fn one(mut texts: Vec<String>) -> Result<Option<String>, Fault> {
    if texts.len() > 1 { Err(repeated()) } else { Ok(texts.pop()) }
}
