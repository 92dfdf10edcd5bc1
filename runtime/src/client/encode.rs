//! Parameter serialisation, OpenAPI 3.1.1 section 4.8.12 "Parameter Object", "Style Values" and "Style Examples".
//!
//! Values come as JSON. Text is percent-encoded before delimiters are put in, so a delimiter inside a value never
//! splits it. Two styles cannot do that (`spaceDelimited`, `pipeDelimited` as servers read them): there a value that
//! holds the delimiter is refused instead of being sent as something else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::operation::Style;

/// `style` and `explode` of a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    style: Style,
    explode: bool,
    reserved: bool,
}

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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

    const fn new(style: Style, explode: bool) -> Self {
        Self { style, explode, reserved: false }
    }

    /// `allowReserved: true`: the reserved characters of RFC 3986 that a query may hold are sent as they are.
    pub const fn reserved(self) -> Self {
        Self { reserved: true, ..self }
    }

    /// The text that stands for `{name}` in a path.
    pub(super) fn path(self, name: &str, value: &Value) -> String {
        let parts = Parts::of(value, |text| self.escape(text));
        let name = self.escape(name);
        match self.style {
            Style::Label => match parts {
                Parts::Nothing => String::new(),
                Parts::Scalar(value) => format!(".{value}"),
                Parts::Array(values) if self.explode => values.iter().map(|value| format!(".{value}")).collect(),
                Parts::Array(values) => format!(".{}", values.join(",")),
                Parts::Object(pairs) if self.explode => {
                    pairs.iter().map(|(key, value)| format!(".{key}={value}")).collect()
                }
                Parts::Object(pairs) => format!(".{}", alternating(&pairs, ",")),
            },
            Style::Matrix => match parts {
                Parts::Nothing => String::new(),
                Parts::Scalar(value) if value.is_empty() => format!(";{name}"),
                Parts::Scalar(value) => format!(";{name}={value}"),
                Parts::Array(values) if self.explode => values.iter().map(|value| format!(";{name}={value}")).collect(),
                Parts::Array(values) => format!(";{name}={}", values.join(",")),
                Parts::Object(pairs) if self.explode => {
                    pairs.iter().map(|(key, value)| format!(";{key}={value}")).collect()
                }
                Parts::Object(pairs) => format!(";{name}={}", alternating(&pairs, ",")),
            },
            _ => simple(parts, self.explode),
        }
    }

    /// The value of a header. Nothing is percent-encoded there.
    pub(super) fn header(self, value: &Value) -> Option<String> {
        match Parts::of(value, str::to_owned) {
            Parts::Nothing => None,
            parts => Some(simple(parts, self.explode)),
        }
    }

    /// The `name=value` pairs of a query or cookie, already percent-encoded.
    pub(super) fn pairs(self, name: &str, value: &Value) -> Result<Vec<String>, String> {
        let parts = Parts::of(value, |text| self.escape(text));
        let name = utf8_percent_encode(name, UNRESERVED).to_string();
        Ok(match (self.style, parts) {
            (_, Parts::Nothing) => Vec::new(),
            (_, Parts::Scalar(value)) => vec![format!("{name}={value}")],
            (Style::DeepObject, Parts::Object(pairs)) => {
                pairs.iter().map(|(key, value)| format!("{name}%5B{key}%5D={value}")).collect()
            }
            (_, Parts::Array(values)) if self.explode => values.iter().map(|value| format!("{name}={value}")).collect(),
            (_, Parts::Object(pairs)) if self.explode => {
                pairs.iter().map(|(key, value)| format!("{key}={value}")).collect()
            }
            (style, parts) => {
                let (delimiter, inside) = match style {
                    Style::SpaceDelimited => ("%20", "%20"),
                    Style::PipeDelimited => ("%7C", "%7C"),
                    _ => (",", ","),
                };
                let values: Vec<&String> = match &parts {
                    Parts::Array(values) => values.iter().collect(),
                    Parts::Object(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
                    Parts::Nothing | Parts::Scalar(_) => Vec::new(),
                };
                if values.iter().any(|value| value.contains(inside)) {
                    return Err(format!("a value of `{name}` holds the delimiter of its style"));
                }
                vec![format!(
                    "{name}={}",
                    values.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(delimiter)
                )]
            }
        })
    }

    fn escape(self, text: &str) -> String {
        utf8_percent_encode(text, if self.reserved { RESERVED } else { UNRESERVED }).to_string()
    }
}

impl Parts {
    /// Takes a value apart; `escape` is applied to each piece of text. Null properties and items are left out.
    fn of(value: &Value, escape: impl Fn(&str) -> String) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Array(items) => Self::Array(items.iter().map(|item| escape(&scalar(item))).collect()),
            Value::Object(entries) => Self::Object(
                entries
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (escape(key), escape(&scalar(value))))
                    .collect(),
            ),
            other => Self::Scalar(escape(&scalar(other))),
        }
    }
}

/// The text of a scalar; anything deeper than the styles define is sent as JSON.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn simple(parts: Parts, explode: bool) -> String {
    match parts {
        Parts::Nothing => String::new(),
        Parts::Scalar(value) => value,
        Parts::Array(values) => values.join(","),
        Parts::Object(pairs) if explode => {
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        }
        Parts::Object(pairs) => alternating(&pairs, ","),
    }
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
            assert_eq!(encoding.path("color", value), expected, "{encoding:?} {value}");
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
        assert_eq!(Encoding::SIMPLE.path("a", &json!("a/b?c#d")), "a%2Fb%3Fc%23d");
        assert!(Encoding::PIPE_DELIMITED.pairs("a", &json!(["x|y"])).is_err());
        assert!(Encoding::SPACE_DELIMITED.pairs("a", &json!(["x y"])).is_err());
    }

    #[test]
    fn nothing_is_sent_for_null() {
        assert!(Encoding::FORM.pairs("a", &Value::Null).unwrap().is_empty());
        assert_eq!(Encoding::SIMPLE.header(&Value::Null), None);
    }
}
