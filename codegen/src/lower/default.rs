//! Whether a `default` is a value of its schema, as far as the generated type and the common keywords go.

use super::shape::{Shape, Shapes};
use crate::document::schema::{Schema, SchemaId};
use crate::ir::{JsonType, Literal, Number, Type};

/// Whether the value fits.
pub(crate) fn fits(shapes: &mut Shapes<'_>, value: &Literal, id: SchemaId, depth: usize) -> bool {
    if depth > 32 {
        return false;
    }
    if *value == Literal::Null {
        return shapes.is_nullable(id) || matches!(*shapes.final_shape(id), Shape::Json | Shape::Scalar(Type::Null));
    }
    if !keywords_hold(shapes.schema(id), value) {
        return false;
    }
    if let (Some(format), Literal::String(text)) = (&shapes.schema(id).format, value)
        && FORMATS.iter().any(|(name, pattern)| name == format && !matches(pattern, text))
    {
        return false;
    }
    let composed: Vec<SchemaId> =
        shapes.schema(id).reference.iter().chain(&shapes.schema(id).all_of).copied().collect();
    if !composed.into_iter().all(|member| !says_scalar(shapes, member) || fits(shapes, value, member, depth + 1)) {
        return false;
    }
    // Exactly one, as the validator counts; a discriminator chooses without counting.
    let schema = shapes.schema(id);
    let one_of = if schema.discriminator.is_none() { schema.one_of.clone() } else { Vec::new() };
    if !one_of.is_empty() && one_of.into_iter().filter(|member| fits(shapes, value, *member, depth + 1)).count() != 1 {
        return false;
    }
    let shape = shapes.shape(id);
    match (&*shape, value) {
        (Shape::Json, _) => true,
        (Shape::Scalar(ty), value) => fits_scalar(ty, value),
        (Shape::Array(item), Literal::Array(values)) => {
            item.is_none_or(|item| values.iter().all(|value| fits(shapes, value, item, depth + 1)))
        }
        (Shape::Tuple(tuple), Literal::Array(values)) => {
            let elements: Vec<SchemaId> = tuple.required.iter().chain(&tuple.optional).copied().collect();
            values.len() >= tuple.required.len()
                && values.iter().enumerate().all(|(index, value)| match (elements.get(index).copied(), tuple.rest) {
                    (Some(element), _) | (None, Some(Some(element))) => fits(shapes, value, element, depth + 1),
                    (None, rest) => rest.is_some(),
                })
        }
        (Shape::Map(value), Literal::Object(members)) => {
            value.is_none_or(|schema| members.iter().all(|(_, member)| fits(shapes, member, schema, depth + 1)))
        }
        (Shape::Struct(object), Literal::Object(members)) => object.fields.iter().all(|field| {
            let name = shapes.property(field).name.clone();
            match members.iter().find(|(key, _)| *key == name) {
                Some((_, member)) => fits(shapes, member, field.schema, depth + 1),
                None => !field.required,
            }
        }),
        (Shape::StringEnum(values), Literal::String(value)) => values.contains(value),
        (Shape::IntegerEnum(values), Literal::Number(Number::Integer(value))) => {
            values.iter().any(|known| i128::from(*known) == *value)
        }
        (Shape::Union(union), value) => union.members.iter().any(|member| fits(shapes, value, *member, depth + 1)),
        (Shape::Same(target), value) => fits(shapes, value, *target, depth + 1),
        _ => false,
    }
}

/// Whether a part of a composition can be asked on its own.
fn says_scalar(shapes: &mut Shapes<'_>, id: SchemaId) -> bool {
    matches!(*shapes.final_shape(id), Shape::Scalar(_) | Shape::StringEnum(_) | Shape::IntegerEnum(_))
}

fn fits_scalar(ty: &Type, value: &Literal) -> bool {
    match (ty, value) {
        (Type::String, Literal::String(_)) | (Type::Boolean, Literal::Boolean(_)) | (Type::F64, Literal::Number(_)) => {
            true
        }
        (Type::I32, Literal::Number(Number::Integer(value))) => i32::try_from(*value).is_ok(),
        (Type::I64, Literal::Number(Number::Integer(value))) => i64::try_from(*value).is_ok(),
        (Type::U64, Literal::Number(Number::Integer(value))) => u64::try_from(*value).is_ok(),
        (Type::Uuid, Literal::String(text)) => is_uuid(text),
        (Type::Date, Literal::String(text)) => is_date(text),
        (Type::DateTime, Literal::String(text)) => is_date_time(text),
        (Type::Time, Literal::String(text)) => is_date_time(&format!("2000-01-01T{text}")),
        (Type::Duration, Literal::String(text)) => matches(DURATION, text),
        (Type::Decimal, Literal::String(text)) => matches(DECIMAL, text),
        (Type::Ipv4, Literal::String(text)) => text.parse::<std::net::Ipv4Addr>().is_ok(),
        (Type::Ipv6, Literal::String(text)) => text.parse::<std::net::Ipv6Addr>().is_ok(),
        (Type::Base64, Literal::String(text)) => {
            text.len().is_multiple_of(4)
                && text
                    .trim_end_matches('=')
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        }
        _ => false,
    }
}

/// What a text of a format looks like at least, for the formats that have no type of their own.
const FORMATS: [(&str, &str); 7] = [
    ("uri", "^[A-Za-z][A-Za-z0-9+.-]*:\\S*$"),
    ("iri", "^[A-Za-z][A-Za-z0-9+.-]*:\\S*$"),
    ("email", "^\\S+@\\S+$"),
    ("idn-email", "^\\S+@\\S+$"),
    ("hostname", "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"),
    ("idn-hostname", "^\\S+$"),
    ("json-pointer", "^(/.*)?$"),
];

/// `duration` of RFC 3339, appendix A.
const DURATION: &str = "^P(\\d+W|(?=.*\\d[YMDHS]$)(\\d+Y(\\d+M(\\d+D)?)?|\\d+M(\\d+D)?|\\d+D)?(T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S))?)$";

/// `decimal` of the OpenAPI format registry, as text.
const DECIMAL: &str = "^[+-]?\\d+(\\.\\d+)?$";

fn matches(pattern: &str, text: &str) -> bool {
    regress::Regex::new(pattern).is_ok_and(|regex| regex.find(text).is_some())
}

fn keywords_hold(schema: &Schema<'_>, value: &Literal) -> bool {
    let ty_holds = schema.types.is_empty()
        || schema.types.iter().any(|ty| {
            matches!(
                (ty, value),
                (JsonType::Null, Literal::Null)
                    | (JsonType::Boolean, Literal::Boolean(_))
                    | (JsonType::Number, Literal::Number(_))
                    | (JsonType::Integer, Literal::Number(Number::Integer(_)))
                    | (JsonType::String, Literal::String(_))
                    | (JsonType::Array, Literal::Array(_))
                    | (JsonType::Object, Literal::Object(_))
            )
        });
    let enum_holds = schema.enumeration.as_ref().is_none_or(|members| members.contains(value));
    ty_holds
        && enum_holds
        && match value {
            Literal::String(text) => {
                let length = text.chars().count() as u64;
                let pattern_holds = schema.pattern.as_ref().is_none_or(|pattern| {
                    regress::Regex::with_flags(pattern, "u").is_ok_and(|regex| regex.find(text).is_some())
                });
                schema.min_length.is_none_or(|bound| length >= bound)
                    && schema.max_length.is_none_or(|bound| length <= bound)
                    && pattern_holds
            }
            Literal::Number(number) => {
                let number = float(*number);
                schema.minimum.is_none_or(|bound| number >= float(bound))
                    && schema.maximum.is_none_or(|bound| number <= float(bound))
                    && schema.exclusive_minimum.is_none_or(|bound| number > float(bound))
                    && schema.exclusive_maximum.is_none_or(|bound| number < float(bound))
            }
            Literal::Array(values) => {
                let length = values.len() as u64;
                schema.min_items.is_none_or(|bound| length >= bound)
                    && schema.max_items.is_none_or(|bound| length <= bound)
            }
            Literal::Object(members) => {
                let length = members.len() as u64;
                schema.min_properties.is_none_or(|bound| length >= bound)
                    && schema.max_properties.is_none_or(|bound| length <= bound)
            }
            Literal::Null | Literal::Boolean(_) => true,
        }
}

#[allow(clippy::cast_precision_loss, reason = "bounds are compared as JSON Schema validators compare them")]
fn float(number: Number) -> f64 {
    match number {
        Number::Integer(value) => value as f64,
        Number::Float(value) => value,
    }
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `full-date` of RFC 3339.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let digits = |part: &str, length: usize| {
        (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// `date-time` of RFC 3339, without leap seconds.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let (clock, offset) = match time.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, "00:00"),
        None => match time.rfind(['+', '-']) {
            Some(position) => (&time[..position], &time[position + 1..]),
            None => return false,
        },
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let in_range = |text: &str, bounds: &[u32]| {
        let parts: Vec<&str> = text.split(':').collect();
        parts.len() == bounds.len()
            && parts.iter().zip(bounds).all(|(part, bound)| {
                part.len() == 2
                    && part.bytes().all(|byte| byte.is_ascii_digit())
                    && part.parse::<u32>().is_ok_and(|value| value <= *bound)
            })
    };
    is_date(date)
        && in_range(whole, &[23, 59, 59])
        && in_range(offset, &[23, 59])
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}
