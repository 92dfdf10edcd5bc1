//! Writing: a JSON value as the text of a parameter or header, OpenAPI 3.1.1 section 4.8.12 "Style Values" and "Style Examples".
//!
//! Text is percent-encoded before delimiters are put in, so a delimiter inside a value never splits it. Where a style knows no
//! escape (headers, `spaceDelimited`, `pipeDelimited`), a value that holds the delimiter is refused instead of being sent as
//! something else. Members that are `null` are left out (RFC 6570, section 2.3), and so is what an exploded style spells by
//! nothing at all: an empty array or object. A nested array or object, for which only `deepObject` has a spelling, is JSON text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

#[cfg(feature = "server")]
use crate::operation::Parameter;
use crate::operation::Style;

/// `style` and `explode` of a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    style: Style,
    explode: bool,
    reserved: bool,
    required: bool,
}

/// Why a value has no spelling.
pub(crate) type Refusal = String;

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A dot separates in the exploded style `label`.
const LABEL: &AsciiSet = &UNRESERVED.add(b'.');

/// `allowReserved`: RFC 6570 section 3.2.3, without the characters that would end a query pair.
const RESERVED: &AsciiSet = &UNRESERVED
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';');

/// The same inside a list, where a comma separates.
const RESERVED_ELEMENT: &AsciiSet = &RESERVED.add(b',');

/// How deep `deepObject` goes: as deep as the server reads.
const DEPTH: usize = 8;

/// What a value is made of, as far as styles care.
enum Parts {
    Nothing,
    Scalar(String),
    Array(Vec<String>),
    Object(Vec<(String, String)>),
}

impl Encoding {
    /// `style: simple, explode: false`, the default of paths and headers.
    pub const SIMPLE: Self = Self::new(Style::Simple, false);
    /// `style: simple, explode: true`.
    pub const SIMPLE_EXPLODED: Self = Self::new(Style::Simple, true);
    /// `style: label, explode: false`.
    pub const LABEL: Self = Self::new(Style::Label, false);
    /// `style: label, explode: true`.
    pub const LABEL_EXPLODED: Self = Self::new(Style::Label, true);
    /// `style: matrix, explode: false`.
    pub const MATRIX: Self = Self::new(Style::Matrix, false);
    /// `style: matrix, explode: true`.
    pub const MATRIX_EXPLODED: Self = Self::new(Style::Matrix, true);
    /// `style: form, explode: false`.
    pub const FORM: Self = Self::new(Style::Form, false);
    /// `style: form, explode: true`, the default of queries and cookies.
    pub const FORM_EXPLODED: Self = Self::new(Style::Form, true);
    /// `style: spaceDelimited, explode: false`.
    pub const SPACE_DELIMITED: Self = Self::new(Style::SpaceDelimited, false);
    /// `style: spaceDelimited, explode: true`, the same on the wire as an exploded form.
    pub const SPACE_DELIMITED_EXPLODED: Self = Self::new(Style::SpaceDelimited, true);
    /// `style: pipeDelimited, explode: false`.
    pub const PIPE_DELIMITED: Self = Self::new(Style::PipeDelimited, false);
    /// `style: pipeDelimited, explode: true`, the same on the wire as an exploded form.
    pub const PIPE_DELIMITED_EXPLODED: Self = Self::new(Style::PipeDelimited, true);
    /// `style: deepObject`.
    pub const DEEP_OBJECT: Self = Self::new(Style::DeepObject, true);

    /// `style: cookie` of OpenAPI 3.2: pairs of the `Cookie` header as they are, without percent-encoding.
    pub const COOKIE: Self = Self::new(Style::Cookie, false);
    /// `style: cookie, explode: true`, the default of that style.
    pub const COOKIE_EXPLODED: Self = Self::new(Style::Cookie, true);

    const fn new(style: Style, explode: bool) -> Self {
        Self { style, explode, reserved: false, required: false }
    }

    /// How a parameter or header of the contract is spelled.
    #[cfg(feature = "server")]
    pub(crate) fn of(parameter: &Parameter) -> Self {
        Self { required: parameter.required, ..Self::new(parameter.style, parameter.explode) }
    }

    /// `allowReserved: true`: the reserved characters of RFC 3986 that a query may hold are sent as they are.
    #[must_use]
    pub const fn reserved(self) -> Self {
        Self { reserved: true, ..self }
    }

    /// A value must be there, so that one that is spelled by nothing is refused.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The text that stands for `{name}` in a path.
    pub(crate) fn path(self, name: &str, value: &Value) -> Result<String, Refusal> {
        let set = if self.style == Style::Label && self.explode { LABEL } else { UNRESERVED };
        let parts = Parts::of(value, |text| Ok(escape(text, set)))?;
        let name = escape(name, UNRESERVED);
        Ok(match (self.style, parts) {
            (_, Parts::Nothing) => String::new(),
            (Style::Label, Parts::Scalar(value)) => format!(".{value}"),
            (Style::Label, Parts::Array(values)) => {
                format!(".{}", list(&values, if self.explode { "." } else { "," })?)
            }
            (Style::Label, Parts::Object(pairs)) if self.explode => format!(".{}", assigned(&pairs, ".")),
            (Style::Label, Parts::Object(pairs)) => format!(".{}", alternating(&pairs, ",")),
            (Style::Matrix, Parts::Scalar(value)) if value.is_empty() => format!(";{name}"),
            (Style::Matrix, Parts::Scalar(value)) => format!(";{name}={value}"),
            (Style::Matrix, Parts::Array(values)) if self.explode => {
                values.iter().map(|value| format!(";{name}={value}")).collect()
            }
            (Style::Matrix, Parts::Array(values)) => format!(";{name}={}", list(&values, ",")?),
            (Style::Matrix, Parts::Object(pairs)) if self.explode => {
                pairs.iter().map(|(key, value)| format!(";{key}={value}")).collect()
            }
            (Style::Matrix, Parts::Object(pairs)) => format!(";{name}={}", alternating(&pairs, ",")),
            (_, parts) => self.simple(parts)?,
        })
    }

    /// The value of a header, `None` for null. Nothing is percent-encoded there.
    pub(crate) fn header(self, value: &Value) -> Result<Option<String>, Refusal> {
        let listed = value.is_array() || value.is_object();
        let parts = Parts::of(value, |text| {
            if text.trim() != text {
                return Err("a header does not keep spaces around a value".to_owned());
            }
            if listed && text.contains(',') {
                return Err("a comma separates the elements of a header".to_owned());
            }
            Ok(text.to_owned())
        })?;
        match parts {
            Parts::Nothing => Ok(None),
            Parts::Object(pairs) if self.explode && pairs.iter().any(|(key, _)| key.contains('=')) => {
                Err("the name of a member holds an equals sign".to_owned())
            }
            parts => self.simple(parts).map(Some),
        }
    }

    /// The `name=value` pairs of a query or cookie, ready to be joined.
    pub(crate) fn pairs(self, name: &str, value: &Value) -> Result<Vec<String>, Refusal> {
        if value.is_null() {
            return Ok(Vec::new());
        }
        let pairs = match self.style {
            Style::DeepObject => {
                let mut pairs = Vec::new();
                self.deep(&escape(name, UNRESERVED), value, DEPTH, &mut pairs)?;
                pairs
            }
            Style::Cookie => self.flat(name, value, cookie_text)?,
            _ => self.flat(&escape(name, UNRESERVED), value, |text| {
                let alone = !value.is_array() && !value.is_object();
                Ok(escape(
                    text,
                    if !self.reserved {
                        UNRESERVED
                    } else if alone {
                        RESERVED
                    } else {
                        RESERVED_ELEMENT
                    },
                ))
            })?,
        };
        if pairs.is_empty() && self.required {
            return Err("it must be there, and this style spells an empty value by nothing".to_owned());
        }
        Ok(pairs)
    }

    fn flat(
        self,
        name: &str,
        value: &Value,
        spell: impl Fn(&str) -> Result<String, Refusal>,
    ) -> Result<Vec<String>, Refusal> {
        // An exploded property that is an array is a pair for each of its items.
        if let (true, Value::Object(members)) = (self.explode, value) {
            let mut pairs = Vec::new();
            for (key, member) in members {
                let key = spell(key)?;
                match Parts::of(member, &spell)? {
                    Parts::Nothing => {}
                    Parts::Array(values) => pairs.extend(values.iter().map(|value| format!("{key}={value}"))),
                    _ => pairs.push(format!("{key}={}", spell(&scalar(member))?)),
                }
            }
            return Ok(pairs);
        }
        let parts = Parts::of(value, &spell)?;
        let delimiter = match self.style {
            Style::SpaceDelimited => "%20",
            Style::PipeDelimited => "%7C",
            _ => ",",
        };
        let whole = |text: String| vec![format!("{name}={text}")];
        Ok(match parts {
            Parts::Nothing => Vec::new(),
            Parts::Scalar(value) => whole(value),
            Parts::Array(values) if self.explode => values.iter().map(|value| format!("{name}={value}")).collect(),
            Parts::Array(values) => whole(list(&values, delimiter)?),
            Parts::Object(pairs) => {
                let texts: Vec<String> = pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
                whole(list(&texts, delimiter)?)
            }
        })
    }

    /// `name[key]=a&name[list][0]=b`: the form that contracts of large interfaces use, as deep as the value is.
    fn deep(self, name: &str, value: &Value, depth: usize, pairs: &mut Vec<String>) -> Result<(), Refusal> {
        if depth == 0 && (value.is_array() || value.is_object()) {
            return Err(format!("it is more than {DEPTH} deep"));
        }
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if item.is_null() {
                        return Err("an element is null".to_owned());
                    }
                    self.deep(&format!("{name}%5B{index}%5D"), item, depth - 1, pairs)?;
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    if key.contains(['[', ']']) {
                        return Err("the name of a member holds a bracket".to_owned());
                    }
                    self.deep(&format!("{name}%5B{}%5D", escape(key, UNRESERVED)), member, depth - 1, pairs)?;
                }
            }
            other => {
                let set = if self.reserved { RESERVED } else { UNRESERVED };
                pairs.push(format!("{name}={}", escape(&scalar(other), set)));
            }
        }
        Ok(())
    }

    fn simple(self, parts: Parts) -> Result<String, Refusal> {
        Ok(match parts {
            Parts::Nothing => String::new(),
            Parts::Scalar(value) => value,
            Parts::Array(values) => list(&values, ",")?,
            Parts::Object(pairs) if self.explode => assigned(&pairs, ","),
            Parts::Object(pairs) => alternating(&pairs, ","),
        })
    }
}

impl Parts {
    /// Takes a value apart; `spell` is applied to each piece of text. Members that are null are left out.
    fn of(value: &Value, spell: impl Fn(&str) -> Result<String, Refusal>) -> Result<Self, Refusal> {
        Ok(match value {
            Value::Null => Self::Nothing,
            Value::Array(items) if items.contains(&Value::Null) => return Err("an element is null".to_owned()),
            Value::Array(items) => {
                Self::Array(items.iter().map(|item| spell(&scalar(item))).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Self::Object(Self::members(members, spell)?),
            other => Self::Scalar(spell(&scalar(other))?),
        })
    }

    fn members(
        members: &Map<String, Value>,
        spell: impl Fn(&str) -> Result<String, Refusal>,
    ) -> Result<Vec<(String, String)>, Refusal> {
        let there = members.iter().filter(|(_, member)| !member.is_null());
        there.map(|(key, member)| Ok((spell(key)?, spell(&scalar(member))?))).collect()
    }
}

/// The text of a scalar; what is deeper than the styles define is JSON.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escape(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

/// Elements of a list. The list of one empty text is spelled like the empty list.
fn list(values: &[String], delimiter: &str) -> Result<String, Refusal> {
    if delimiter.starts_with('%') && values.iter().any(|value| value.contains(delimiter)) {
        return Err("it holds the delimiter of its style".to_owned());
    }
    if let [only] = values
        && only.is_empty()
    {
        return Err("a list of one empty text cannot be told from the empty list".to_owned());
    }
    Ok(values.join(delimiter))
}

/// A cookie value as it is (RFC 6265, section 4.1.1, and what browsers send beyond it).
fn cookie_text(text: &str) -> Result<String, Refusal> {
    let fits = |character: char| !character.is_control() && !matches!(character, ';' | ',' | '"' | '\\');
    if text.chars().all(fits) && text.trim() == text {
        Ok(text.to_owned())
    } else {
        Err("a cookie cannot hold it".to_owned())
    }
}

fn assigned(pairs: &[(String, String)], delimiter: &str) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(delimiter)
}

fn alternating(pairs: &[(String, String)], delimiter: &str) -> String {
    pairs.iter().map(|(key, value)| format!("{key}{delimiter}{value}")).collect::<Vec<_>>().join(delimiter)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    /// The rows of the specification's table for `color`, with the values `""`, `"blue"`, an array and an object.
    #[test]
    fn table_of_the_specification() {
        let array = json!(["blue", "black", "brown"]);
        let object = json!({"R": 100, "G": 200, "B": 150});
        let path = |encoding: Encoding, value: &Value, expected: &str| {
            assert_eq!(encoding.path("color", value).unwrap(), expected, "{encoding:?} {value}");
        };
        let query = |encoding: Encoding, value: &Value, expected: &str| {
            assert_eq!(encoding.pairs("color", value).unwrap().join("&"), expected, "{encoding:?} {value}");
        };
        path(Encoding::MATRIX, &json!(""), ";color");
        path(Encoding::MATRIX, &json!("blue"), ";color=blue");
        path(Encoding::MATRIX, &array, ";color=blue,black,brown");
        path(Encoding::MATRIX, &object, ";color=B,150,G,200,R,100");
        path(Encoding::MATRIX_EXPLODED, &array, ";color=blue;color=black;color=brown");
        path(Encoding::MATRIX_EXPLODED, &object, ";B=150;G=200;R=100");
        path(Encoding::LABEL, &json!(""), ".");
        path(Encoding::LABEL, &json!("blue"), ".blue");
        path(Encoding::LABEL, &array, ".blue,black,brown");
        path(Encoding::LABEL, &object, ".B,150,G,200,R,100");
        path(Encoding::LABEL_EXPLODED, &array, ".blue.black.brown");
        path(Encoding::LABEL_EXPLODED, &object, ".B=150.G=200.R=100");
        path(Encoding::SIMPLE, &array, "blue,black,brown");
        path(Encoding::SIMPLE, &object, "B,150,G,200,R,100");
        path(Encoding::SIMPLE_EXPLODED, &object, "B=150,G=200,R=100");
        query(Encoding::FORM, &json!(""), "color=");
        query(Encoding::FORM, &array, "color=blue,black,brown");
        query(Encoding::FORM, &object, "color=B,150,G,200,R,100");
        query(Encoding::FORM_EXPLODED, &array, "color=blue&color=black&color=brown");
        query(Encoding::FORM_EXPLODED, &object, "B=150&G=200&R=100");
        query(Encoding::SPACE_DELIMITED, &array, "color=blue%20black%20brown");
        query(Encoding::SPACE_DELIMITED, &object, "color=B%20150%20G%20200%20R%20100");
        query(Encoding::PIPE_DELIMITED, &array, "color=blue%7Cblack%7Cbrown");
        query(Encoding::DEEP_OBJECT, &object, "color%5BB%5D=150&color%5BG%5D=200&color%5BR%5D=100");
    }

    #[test]
    fn delimiters_inside_values_are_escaped_or_refused() {
        assert_eq!(Encoding::FORM.pairs("a", &json!(["x,y", "z"])).unwrap(), ["a=x%2Cy,z"]);
        assert_eq!(Encoding::SIMPLE.path("a", &json!("a/b?c#d")).unwrap(), "a%2Fb%3Fc%23d");
        assert!(Encoding::PIPE_DELIMITED.pairs("a", &json!(["x|y"])).is_err());
        assert!(Encoding::SPACE_DELIMITED.pairs("a", &json!(["x y"])).is_err());
    }

    #[test]
    fn nothing_is_sent_for_null() {
        assert!(Encoding::FORM.pairs("a", &Value::Null).unwrap().is_empty());
        assert_eq!(Encoding::SIMPLE.header(&Value::Null), Ok(None));
    }
}
