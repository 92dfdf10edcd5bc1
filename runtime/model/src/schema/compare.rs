//! Values against constant data and against each other: JSON Schema compares numbers by value, so that `1` is `1.0`.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Literal, Number, Types, number::Decimal};

pub(super) fn is_of(value: &Value, types: Types) -> bool {
    match value {
        Value::Null => types.contains(Types::NULL),
        Value::Bool(_) => types.contains(Types::BOOLEAN),
        Value::Number(_) if types.contains(Types::NUMBER) => true,
        Value::Number(number) => {
            types.contains(Types::INTEGER) && (number.is_i64() || number.is_u64() || Decimal::of(number).is_integer())
        }
        Value::String(_) => types.contains(Types::STRING),
        Value::Array(_) => types.contains(Types::ARRAY),
        Value::Object(_) => types.contains(Types::OBJECT),
    }
}

pub(super) fn compare(number: &serde_json::Number, bound: Number) -> std::cmp::Ordering {
    match (number.as_i64(), bound) {
        (Some(integer), Number::Integer(bound)) => i128::from(integer).cmp(&bound),
        _ => Decimal::of(number).compare(bound.decimal()),
    }
}

pub(super) fn is_equal(literal: &Literal, value: &Value) -> bool {
    match (literal, value) {
        (Literal::Null, Value::Null) => true,
        (Literal::Boolean(left), Value::Bool(right)) => left == right,
        (Literal::Number(left), Value::Number(right)) => compare(right, *left).is_eq(),
        (Literal::String(left), Value::String(right)) => left == right,
        (Literal::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        (Literal::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| right.get(*name).is_some_and(|right| is_equal(left, right)))
        }
        _ => false,
    }
}

/// A text that is the same for equal values only: numbers by their value, members by name.
pub(super) fn canonical(value: &Value) -> String {
    fn write(value: &Value, text: &mut String) {
        match value {
            Value::Number(number) => {
                let _ = write!(text, "{:?}", Decimal::of(number));
            }
            Value::Array(elements) => {
                text.push('[');
                for element in elements {
                    write(element, text);
                    text.push(',');
                }
                text.push(']');
            }
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| *name);
                text.push('{');
                for (name, member) in members {
                    let _ = write!(text, "{name:?}:");
                    write(member, text);
                    text.push(',');
                }
                text.push('}');
            }
            other => {
                let _ = write!(text, "{other}");
            }
        }
    }
    let mut text = String::new();
    write(value, &mut text);
    text
}
