//! The styles that spell a value as one text: `simple`, `label` and `matrix` (OpenAPI, Style Values; RFC 6570).
//!
//! Splits before it decodes, so that `a%2Cb` is one element. Header values are taken as they are: HTTP knows no escapes there.

use serde_json::Value;

use super::{
    Fault,
    query::{self, Undecodable},
    text::{self, Shape},
};
use crate::{
    operation::{Location, Parameter, Style},
    schema::Schema,
};

/// `simple`, `label` and `matrix`: one text.
pub(crate) fn expand(raw: &str, style: Style, parameter: &Parameter, shape: Shape) -> Result<Value, Fault> {
    let schema = parameter.schema;
    let header = parameter.location == Location::Header;
    let decode = |piece: &str| if header { Ok(piece.trim().to_owned()) } else { query::decode(piece, false) };
    let explode = parameter.explode;
    let (raw, delimiter) = match style {
        Style::Label => {
            // What stands between us and the client may have written the dot out.
            let raw = raw
                .strip_prefix('.')
                .or_else(|| raw.strip_prefix("%2E"))
                .ok_or_else(|| ("style", "must start with a dot".to_owned()))?;
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
                        (name, value) if is_name(name, parameter.name) => Ok(value),
                        _ => Err(("style", format!("must be spelled ;{}=...", parameter.name))),
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                if explode && matches!(shape, Shape::Array | Shape::ScalarOrArray) {
                    let texts = unnamed.into_iter().map(|piece| decode(piece).map_err(undecodable));
                    return listed(texts.collect::<Result<_, _>>()?, schema, shape);
                }
                match unnamed.as_slice() {
                    [text] => ((*text).to_owned(), ","),
                    _ => return Err(repeated()),
                }
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
pub(crate) fn listed(texts: Vec<String>, schema: &Schema, shape: Shape) -> Result<Value, Fault> {
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

pub(crate) fn split(
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

/// Whether a name as sent is this one.
fn is_name(sent: &str, name: &str) -> bool {
    sent == name || query::decode(sent, false).is_ok_and(|sent| sent == name)
}

pub(crate) fn repeated() -> Fault {
    ("repeated", "must be given once".to_owned())
}

pub(crate) fn undecodable(_: Undecodable) -> Fault {
    ("encoding", "must be UTF-8, percent-encoded where it has to be".to_owned())
}
