//! Parameters of every style (OpenAPI, Style Values; RFC 6570): from the raw text of a request to a JSON value.
//!
//! Everything splits before it decodes, so that `a%2Cb` is one element. Header values are taken as they are: RFC 6570 and HTTP
//! know no escapes there.

use serde_json::Value;

use super::{
    Incoming,
    query::{self, Undecodable},
    text::{self, Shape, Tree},
};
use crate::{
    operation::{Location, Parameter, Style},
    schema::{Schema, properties_of, takes_additional},
};

/// Why a parameter has no value: keyword and message of the violation.
pub(super) type Fault = (&'static str, String);

/// The parameter's value; `None` where it is absent.
pub(super) fn read(incoming: &mut Incoming, parameter: &Parameter) -> Result<Option<Value>, Fault> {
    if parameter.content.is_some() {
        let Some(text) = one(texts(incoming, parameter, parameter.name)?)? else { return Ok(None) };
        return serde_json::from_str(&text).map(Some).map_err(|error| ("json", format!("must be JSON: {error}")));
    }
    let shape = text::shape(parameter.schema);
    match (parameter.style, parameter.location) {
        (Style::DeepObject, _) => deep_object(incoming, parameter),
        (Style::Form | Style::SpaceDelimited | Style::PipeDelimited, Location::Query | Location::Cookie) => {
            form(incoming, parameter, shape)
        }
        (style, _) => {
            let Some(raw) = one(raws(incoming, parameter)?)? else { return Ok(None) };
            expand(&raw, style, parameter, shape).map(Some)
        }
    }
}

fn form(incoming: &mut Incoming, parameter: &Parameter, shape: Shape) -> Result<Option<Value>, Fault> {
    let schema = parameter.schema;
    if shape == Shape::Object && parameter.explode && parameter.style == Style::Form {
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
    let texts = split(&raw, delimiters, |piece| query::decode(piece, plus))?;
    listed(texts, schema, shape).map(Some)
}

/// `simple`, `label` and `matrix`: one text.
fn expand(raw: &str, style: Style, parameter: &Parameter, shape: Shape) -> Result<Value, Fault> {
    let schema = parameter.schema;
    let header = parameter.location == Location::Header;
    let decode = |piece: &str| if header { Ok(piece.trim().to_owned()) } else { query::decode(piece, false) };
    let explode = parameter.explode;
    let (raw, delimiter) = match style {
        Style::Label => {
            let raw = raw.strip_prefix('.').ok_or_else(|| ("style", "must start with a dot".to_owned()))?;
            (raw.to_owned(), if explode { "." } else { "," })
        }
        Style::Matrix => {
            let raw = raw.strip_prefix(';').ok_or_else(|| ("style", "must start with a semicolon".to_owned()))?;
            if shape == Shape::Object && explode {
                (raw.to_owned(), ";")
            } else {
                // `;name=a;name=b` where exploded, else `;name=a,b`.
                let unnamed = raw
                    .split(';')
                    .map(|piece| match piece.split_once('=').unwrap_or((piece, "")) {
                        (name, value) if name == parameter.name => Ok(value),
                        _ => Err(("style", format!("must be spelled ;{}=...", parameter.name))),
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                if shape == Shape::Scalar && unnamed.len() > 1 {
                    return Err(repeated());
                }
                (unnamed.join(if explode { ";" } else { "," }), if explode { ";" } else { "," })
            }
        }
        _ => (raw.to_owned(), ","),
    };
    match shape {
        Shape::Scalar => Ok(text::scalar(decode(&raw).map_err(undecodable)?, schema)),
        Shape::Object if explode => {
            let mut members = Vec::new();
            for piece in raw.split(delimiter).filter(|piece| !piece.is_empty()) {
                let (name, value) =
                    piece.split_once('=').ok_or_else(|| ("style", "must be spelled name=value".to_owned()))?;
                members.push((decode(name).map_err(undecodable)?, decode(value).map_err(undecodable)?));
            }
            Ok(text::object(members, schema))
        }
        _ => listed(split(&raw, &[delimiter], decode)?, schema, shape),
    }
}

/// Elements of an array, or names and values of an object in turn.
fn listed(texts: Vec<String>, schema: &Schema, shape: Shape) -> Result<Value, Fault> {
    match shape {
        Shape::Scalar | Shape::ScalarOrArray => Ok(text::scalar_or_array(texts, schema)),
        Shape::Array => Ok(text::array(texts, schema)),
        Shape::Object => {
            if !texts.len().is_multiple_of(2) {
                return Err(("style", "must be names and values in turn".to_owned()));
            }
            let mut texts = texts.into_iter();
            let mut members = Vec::new();
            while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
                members.push((name, value));
            }
            Ok(text::object(members, schema))
        }
    }
}

/// `R=100&G=200`: each property is a key of its own. A map takes the keys that nobody has asked for before.
fn exploded_object(incoming: &mut Incoming, parameter: &Parameter) -> Result<Option<Value>, Fault> {
    let mut tree = Tree::default();
    for name in properties_of(parameter.schema) {
        for text in texts(incoming, parameter, name)? {
            tree.insert(&[name.to_owned()], text);
        }
    }
    if takes_additional(parameter.schema) && parameter.location == Location::Query {
        for pair in incoming.query.iter_mut().filter(|pair| !pair.claimed) {
            pair.claimed = true;
            tree.insert(std::slice::from_ref(&pair.key), query::decode(&pair.raw, true).map_err(undecodable)?);
        }
    }
    Ok((!tree.is_empty()).then(|| tree.into_value(parameter.schema)))
}

/// `filter[status]=open&filter[due][after]=...`.
fn deep_object(incoming: &mut Incoming, parameter: &Parameter) -> Result<Option<Value>, Fault> {
    let mut tree = Tree::default();
    for pair in &mut incoming.query {
        let Some(keys) = pair.key.strip_prefix(parameter.name).and_then(brackets) else { continue };
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
            Ok(pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).collect())
        }
    }
}

fn one(mut texts: Vec<String>) -> Result<Option<String>, Fault> {
    if texts.len() > 1 { Err(repeated()) } else { Ok(texts.pop()) }
}

fn split(
    raw: &str,
    delimiters: &[&str],
    decode: impl Fn(&str) -> Result<String, Undecodable>,
) -> Result<Vec<String>, Fault> {
    if raw.is_empty() {
        return Ok(Vec::new());
    }
    let mut pieces = vec![raw];
    for delimiter in delimiters {
        pieces = pieces.into_iter().flat_map(|piece| piece.split(delimiter)).collect();
    }
    pieces.into_iter().map(|piece| decode(piece).map_err(undecodable)).collect()
}

fn repeated() -> Fault {
    ("repeated", "must be given once".to_owned())
}

fn undecodable(_: Undecodable) -> Fault {
    ("encoding", "must be UTF-8, percent-encoded where it has to be".to_owned())
}
