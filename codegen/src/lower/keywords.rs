//! What the keywords of one schema, without what it is composed of, say about the type of its values.

use crate::document::schema::Schema;
use crate::ir::{JsonType, Literal, Number, Type};

/// Whether the keywords of the schema itself say what type a value has.
pub(crate) fn says_type(schema: &Schema<'_>) -> bool {
    !schema.types_but_null().is_empty() || schema.types == [JsonType::Null] || says_more_than_type(schema)
}

pub(crate) fn says_more_than_type(schema: &Schema<'_>) -> bool {
    schema.enumeration.is_some()
        || schema.has_properties()
        || schema.items.is_some()
        || !schema.prefix_items.is_empty()
        || !schema.pattern_properties.is_empty()
        || schema.additional_properties.is_some()
}

pub(crate) fn single_type(schema: &Schema<'_>) -> Option<JsonType> {
    match schema.types_but_null().as_slice() {
        [only] => Some(*only),
        [] => guessed_type(schema).or_else(|| match schema.enumeration.as_ref()?.first()? {
            Literal::String(_) => Some(JsonType::String),
            Literal::Number(_) => Some(JsonType::Number),
            Literal::Boolean(_) => Some(JsonType::Boolean),
            _ => None,
        }),
        _ => None,
    }
}

/// The type that is meant where `type` is missing.
pub(crate) fn guessed_type(schema: &Schema<'_>) -> Option<JsonType> {
    let says_object =
        schema.has_properties() || !schema.pattern_properties.is_empty() || schema.additional_properties.is_some();
    if says_object {
        Some(JsonType::Object)
    } else if schema.items.is_some() || !schema.prefix_items.is_empty() {
        Some(JsonType::Array)
    } else {
        None
    }
}

pub(crate) fn string_type(schema: &Schema<'_>) -> Type {
    match schema.format.as_deref() {
        Some("uuid") => Type::Uuid,
        Some("date") => Type::Date,
        Some("date-time") => Type::DateTime,
        Some("ipv4") => Type::Ipv4,
        Some("ipv6") => Type::Ipv6,
        Some("byte") => Type::Base64,
        Some("decimal") => Type::Decimal,
        Some("duration") => Type::Duration,
        Some("time") => Type::Time,
        None if schema.content_encoding.as_deref() == Some("base64") => Type::Base64,
        _ => Type::String,
    }
}

pub(crate) fn integer_type(schema: &Schema<'_>) -> Type {
    let bounds = [schema.minimum, schema.exclusive_minimum, schema.maximum, schema.exclusive_maximum];
    let beyond =
        |number: &Number| matches!(number, Number::Integer(value) if i64::try_from(*value).is_err() && *value > 0);
    match schema.format.as_deref() {
        Some("int32" | "int16" | "int8" | "uint8" | "uint16") => Type::I32,
        Some("uint64") => Type::U64,
        _ if bounds.iter().flatten().any(beyond) => Type::U64,
        _ => Type::I64,
    }
}
