//! What authors write in another dialect than the contract's: Booleans of OpenAPI 3.0, and values that YAML read as
//! another type than they were meant to be.

use super::Version;
use super::schema::Schema;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::ir::{JsonType, Literal, Number};
use crate::source::Node;

/// Members of `enum` that YAML read as another type than the one declared: `type: string` and `enum: [1, 2]`.
pub(crate) fn fit_members(schema: &mut Schema<'_>, report: &Reporter) {
    let types = schema.types_but_null();
    let ([ty], Some(members), Some(node)) = (types.as_slice(), &mut schema.enumeration, schema.node) else {
        return;
    };
    let mut changed = 0;
    for member in members.iter_mut() {
        let fitted = match (ty, &*member) {
            (JsonType::String, Literal::Number(Number::Integer(value))) => Some(Literal::String(value.to_string())),
            (JsonType::String, Literal::Number(Number::Float(value))) => Some(Literal::String(value.to_string())),
            (JsonType::String, Literal::Boolean(value)) => Some(Literal::String(value.to_string())),
            (JsonType::Integer | JsonType::Number, Literal::String(text)) => {
                crate::source::number(text).map(Literal::Number)
            }
            (JsonType::Boolean, Literal::String(text)) => text.parse().ok().map(Literal::Boolean),
            _ => None,
        };
        if let Some(fitted) = fitted {
            *member = fitted;
            changed += 1;
        }
    }
    if changed > 0 {
        let place = node.get("enum").or_else(|| node.get("const")).unwrap_or(node);
        report.add(
            Diagnostic::warning(
                "enum-type",
                format!("{changed} of these values are not of the declared type; they are taken as if they were"),
            )
            .at(place)
            .help("put strings in quotes"),
        );
    }
}

/// What only OpenAPI 3.0 has.
pub(crate) fn old_forms(schema: &mut Schema<'_>, node: &Node, version: Version, report: &Reporter) {
    if node.get("exclusiveMinimum").and_then(Node::as_bool) == Some(true) {
        schema.exclusive_minimum = schema.minimum.take();
    }
    if node.get("exclusiveMaximum").and_then(Node::as_bool) == Some(true) {
        schema.exclusive_maximum = schema.maximum.take();
    }
    let Some(nullable) = node.entry("nullable") else { return };
    if nullable.value.as_bool() != Some(true) {
        return;
    }
    if version.is_2020() {
        report.add(
            Diagnostic::warning(
                "old-keyword",
                "`nullable` is a keyword of OpenAPI 3.0; it is taken as it was meant there",
            )
            .at_key(nullable)
            .help("write `type: [.., 'null']`"),
        );
    }
    if !schema.types.is_empty() && !schema.types.contains(&JsonType::Null) {
        schema.types.push(JsonType::Null);
    }
    // Strictly, 3.0.3 lets `enum` forbid null again; every author who writes both means null to be allowed.
    if let Some(members) = &mut schema.enumeration
        && !members.contains(&Literal::Null)
    {
        members.push(Literal::Null);
    }
    schema.nullable = true;
}
