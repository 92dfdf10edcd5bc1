//! Value types that generated types use where serde and the standard library have none.
//!
//! A value that goes in and out again is the same value: [`Decimal`], [`Duration`] and [`Time`] keep their text, and each takes
//! exactly what its `format` allows.

mod enumeration;
mod object;
mod text;
mod tuple;
mod writer;

#[doc(hidden)]
pub use self::{
    enumeration::{Integer, Text, known},
    object::{Object, Properties, object},
    writer::{Writer, write},
};
pub use self::{
    text::{Decimal, Duration, DurationParts, NotOfFormat, Time},
    tuple::{Never, OptionalElements, RequiredElements, Tuple},
};
/// serde's trait, and a derive for the structs of generated types.
pub use {serde::de::Deserialize, specwright_derive::Deserialize};
/// serde's trait, and a derive for generated types.
pub use {serde::ser::Serialize, specwright_derive::Serialize};

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserializer, Serializer, de::Error as _};

/// A property that may be absent, `null` or a value, for example of a JSON Merge Patch (RFC 7396).
///
/// In a struct: `#[serde(default, skip_serializing_if = "Patch::is_absent")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Patch<T> {
    /// The property is not there: leave it as it is.
    #[default]
    Absent,
    /// The property is `null`: remove it.
    Null,
    /// The property has a value: set it.
    Value(T),
}

/// Reads an optional property of any kind, of which `null` is a value as well.
///
/// In a struct: `#[serde(default, deserialize_with = "specwright_model::value::present")]`.
///
/// # Errors
///
/// Those of the value.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Bytes that are base64 text in JSON (`format: byte`; RFC 4648, section 4, padded).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Base64(pub Vec<u8>);

impl<T> Patch<T> {
    /// Whether the property is not there.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the property is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same, with a reference to the value.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(value),
        }
    }

    /// The value, where there is one.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// `None` where the property is absent, `Some(None)` where it is `null`: what an update statement binds.
    pub fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// Changes the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(change(value)),
        }
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // `skip_serializing_if` keeps an absent property out; alone it has no other spelling than null.
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl From<Vec<u8>> for Base64 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Base64 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(&text).map(Self).map_err(|error| D::Error::custom(format_args!("not base64: {error}")))
    }
}

/// A text or a number that an enum of the contract does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownValue {
    type_name: &'static str,
    value: String,
}

impl UnknownValue {
    /// The enum, and what was to become one of its values.
    pub fn new(type_name: &'static str, value: &(impl fmt::Display + ?Sized)) -> Self {
        Self { type_name, value: value.to_string() }
    }

    /// The text or number.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is not a value of {}", self.value, self.type_name)
    }
}

impl std::error::Error for UnknownValue {}

/// A member of a union, with the discriminator that selects it: the one that it has, where that is one of `tags`, else the first.
pub fn with_tag(mut value: serde_json::Value, property: &str, tags: &[&str]) -> serde_json::Value {
    if let serde_json::Value::Object(members) = &mut value {
        let has_it = members.get(property).and_then(serde_json::Value::as_str).is_some_and(|tag| tags.contains(&tag));
        if let Some(tag) = tags.first().filter(|_| !has_it) {
            members.insert(property.to_owned(), (*tag).into());
        }
    }
    value
}

/// Writes whole numbers as integers: `1.0` is an integer to JSON Schema, and serde takes it for no `i64`.
///
/// Only numbers below 2^53 are changed; beyond that a double does not tell which integer was meant.
pub fn whole_numbers(value: &mut serde_json::Value) {
    use serde_json::Value;

    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0);
            #[allow(clippy::cast_possible_truncation, reason = "checked to be an integer below 2^53")]
            if let Some(float) = whole {
                *number = (float as i64).into();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        _ => {}
    }
}
