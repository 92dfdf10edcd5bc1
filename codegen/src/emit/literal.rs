//! [`ir::Literal`](crate::ir::Literal) as Rust: as constant data of the runtime, and as a value of a type.

use super::{rust_type::rust_type, text};
use crate::ir::{Api, Literal, Number, Type, TypeKind};

/// The value as `specwright_model::schema::Literal`.
pub(crate) fn constant(literal: &Literal) -> String {
    match literal {
        Literal::Null => "Literal::Null".into(),
        Literal::Boolean(boolean) => format!("Literal::Boolean({boolean})"),
        Literal::Number(value) => format!("Literal::Number({})", number(*value)),
        Literal::String(value) => format!("Literal::String({})", text::string_literal(value)),
        Literal::Array(elements) => {
            format!("Literal::Array(&[{}])", elements.iter().map(constant).collect::<Vec<_>>().join(", "))
        }
        Literal::Object(members) => {
            let members =
                members.iter().map(|(name, value)| format!("({}, {})", text::string_literal(name), constant(value)));
            format!("Literal::Object(&[{}])", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The number as `specwright_model::schema::Number`.
pub(crate) fn number(number: Number) -> String {
    match number {
        Number::Integer(integer) => format!("Number::Integer({})", digits(&integer.to_string())),
        Number::Float(float) => format!("Number::Float({})", float_literal(float)),
    }
}

/// Whether a literal has a number in it, and so needs `Number` imported.
pub(crate) fn has_number(literal: &Literal) -> bool {
    match literal {
        Literal::Number(_) => true,
        Literal::Array(elements) => elements.iter().any(has_number),
        Literal::Object(members) => members.iter().any(|(_, value)| has_number(value)),
        Literal::Null | Literal::Boolean(_) | Literal::String(_) => false,
    }
}

/// Whether the value is what `Default::default()` gives for the type.
pub(crate) fn is_type_default(api: &Api, ty: &Type, literal: &Literal) -> bool {
    match (resolved(api, ty), literal) {
        (Type::Nullable(_) | Type::Null, Literal::Null) | (Type::Boolean, Literal::Boolean(false)) => true,
        (Type::I32 | Type::I64 | Type::U64, Literal::Number(Number::Integer(0))) => true,
        (Type::F64, Literal::Number(Number::Integer(0))) => true,
        (Type::String, Literal::String(value)) => value.is_empty(),
        (Type::Array(_), Literal::Array(elements)) => elements.is_empty(),
        (Type::Map(_), Literal::Object(members)) => members.is_empty(),
        _ => false,
    }
}

/// An expression of the type with the value; `names` is put before the names of `api-types`.
///
/// What has no literal of its own in Rust goes the way of the wire, through serde.
pub(crate) fn expression(api: &Api, ty: &Type, literal: &Literal, names: &str) -> String {
    typed(api, ty, literal, names).unwrap_or_else(|| {
        format!(
            "serde_json::from_str({}).expect(\"the default of the contract fits its type\")",
            text::raw_string_literal(&json(literal))
        )
    })
}

fn typed(api: &Api, ty: &Type, literal: &Literal, names: &str) -> Option<String> {
    let parsed = |value: &str| {
        let (ty, value) = (rust_type(ty, names), text::string_literal(value));
        Some(format!("{value}.parse::<{ty}>().expect(\"the default of the contract fits its type\")"))
    };
    match (ty, literal) {
        (Type::Boolean, Literal::Boolean(boolean)) => Some(boolean.to_string()),
        (Type::I32 | Type::I64 | Type::U64, Literal::Number(Number::Integer(integer))) => {
            Some(digits(&integer.to_string()))
        }
        (Type::F64, Literal::Number(value)) => Some(float_literal(match value {
            // The nearest float is what serde reads from the same digits.
            Number::Integer(integer) => *integer as f64,
            Number::Float(float) => *float,
        })),
        (Type::String, Literal::String(value)) if value.is_empty() => Some("String::new()".into()),
        (Type::String, Literal::String(value)) => Some(format!("{}.to_owned()", text::string_literal(value))),
        (Type::Decimal | Type::Duration | Type::Time, Literal::String(value)) => parsed(value),
        (Type::Date | Type::DateTime | Type::Ipv4 | Type::Ipv6 | Type::Uuid, Literal::String(value)) => parsed(value),
        (Type::Null, Literal::Null) => Some("()".into()),
        (Type::Nullable(_), Literal::Null) => Some("None".into()),
        (Type::Nullable(inner), value) => Some(format!("Some({})", typed(api, inner, value, names)?)),
        (Type::Boxed(inner), value) => Some(format!("Box::new({})", typed(api, inner, value, names)?)),
        (Type::Array(_), Literal::Array(elements)) if elements.is_empty() => Some("Vec::new()".into()),
        (Type::Array(item), Literal::Array(elements)) => {
            let elements = elements.iter().map(|element| typed(api, item, element, names));
            Some(format!("vec![{}]", elements.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        (Type::Tuple(tuple), Literal::Array(elements))
            if tuple.is_plain() && tuple.required.len() == elements.len() =>
        {
            let elements = elements.iter().zip(&tuple.required).map(|(element, ty)| typed(api, ty, element, names));
            Some(format!("({},)", elements.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        (Type::Map(_), Literal::Object(members)) if members.is_empty() => {
            Some("std::collections::BTreeMap::new()".into())
        }
        (Type::Named(name), value) => match (&api.type_def(name)?.kind, value) {
            (TypeKind::Alias(inner), value) => typed(api, inner, value, names),
            (TypeKind::StringEnum(variants), Literal::String(value)) => {
                let variant = variants.iter().find(|variant| variant.value == *value)?;
                Some(format!("{names}{name}::{}", variant.rust))
            }
            (TypeKind::IntegerEnum(variants), Literal::Number(Number::Integer(value))) => {
                let variant = variants.iter().find(|variant| i128::from(variant.value) == *value)?;
                Some(format!("{names}{name}::{}", variant.rust))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The type behind aliases and boxes.
pub(crate) fn resolved<'a>(api: &'a Api, ty: &'a Type) -> &'a Type {
    let mut ty = ty;
    // A chain of aliases is no longer than there are types.
    for _ in 0..=api.types.len() {
        ty = match ty {
            Type::Boxed(inner) => inner,
            Type::Named(name) => match api.type_def(name).map(|def| &def.kind) {
                Some(TypeKind::Alias(inner)) => inner,
                _ => return ty,
            },
            _ => return ty,
        };
    }
    ty
}

/// A float literal that rustc reads back as the same number.
pub(crate) fn float_literal(float: f64) -> String {
    if float.is_infinite() {
        // `1e999` in a contract: no finite double is beyond it.
        return if float > 0.0 { "f64::INFINITY".into() } else { "f64::NEG_INFINITY".into() };
    }
    format!("{float:?}")
}

/// Digits in groups of three where there are many.
pub(crate) fn digits(integer: &str) -> String {
    let (sign, digits) = integer.strip_prefix('-').map_or(("", integer), |digits| ("-", digits));
    if digits.len() < 5 {
        return integer.to_owned();
    }
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// The literal as JSON text.
fn json(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".into(),
        Literal::Boolean(boolean) => boolean.to_string(),
        Literal::Number(Number::Integer(integer)) => integer.to_string(),
        Literal::Number(Number::Float(float)) => format!("{float:?}"),
        Literal::String(value) => serde_json::Value::from(value.as_str()).to_string(),
        Literal::Array(elements) => format!("[{}]", elements.iter().map(json).collect::<Vec<_>>().join(",")),
        Literal::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}:{}", serde_json::Value::from(name.as_str()), json(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}
