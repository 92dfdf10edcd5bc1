//! Alternatives of a `oneOf` that are not told apart: what is a value of both is refused, which few authors mean.

use std::collections::BTreeSet;

use super::Lowerer;
use super::shape::{Shape, Shapes};
use crate::diagnostic::Diagnostic;
use crate::document::schema::{Schema, SchemaId};
use crate::ir::{JsonType, Type};

/// How deep two alternatives are compared.
const DEPTH: usize = 6;

impl Lowerer<'_, '_> {
    /// Warns of each `oneOf` that refuses whatever one of its alternatives says.
    pub(super) fn warn_of_overlaps(&mut self) {
        let reached: BTreeSet<SchemaId> = self.in_requests.union(&self.in_responses).copied().collect();
        for id in reached {
            let schema = self.shapes.schema(id);
            if schema.discriminator.is_some() || schema.one_of.len() < 2 {
                continue;
            }
            let members = schema.one_of.clone();
            let pairs = (0..members.len()).flat_map(|narrow| (0..members.len()).map(move |wide| (narrow, wide)));
            let found = pairs
                .filter(|(narrow, wide)| narrow != wide)
                .find(|(narrow, wide)| covers(&mut self.shapes, members[*wide], members[*narrow], 0));
            let Some((narrow, wide)) = found else { continue };
            let name = |index: usize| {
                let schema = self.shapes.schema(members[index]);
                let name = schema.component.as_ref().or(schema.title.as_ref());
                name.map_or_else(|| format!("alternative {}", index + 1), |name| format!("`{name}`"))
            };
            let message = format!(
                "what is {} is {} as well, and `oneOf` refuses what is more than one of them",
                name(narrow),
                name(wide)
            );
            let warning = Diagnostic::warning("overlapping-one-of", message)
                .help("`anyOf` takes both; a `discriminator`, or a property that one requires and the other cannot have, tells them apart");
            let node = self.shapes.schema(id).node;
            self.report.add(warning.at_any(node.map(|node| node.get("oneOf").unwrap_or(node))));
        }
    }
}

/// Whether the wide schema takes every value that has what the narrow one declares, and no more. Where that is not plain to
/// see, it does not.
fn covers(shapes: &mut Shapes<'_>, wide: SchemaId, narrow: SchemaId, depth: usize) -> bool {
    let (wide, narrow) = (target(shapes, wide), target(shapes, narrow));
    if wide == narrow {
        return true;
    }
    let schema = shapes.schema(wide).clone();
    if is_same_scalar(&schema, shapes.schema(narrow)) {
        return true;
    }
    if depth > DEPTH || schema.never || shapes.schema(narrow).never || !is_simple(&schema) {
        return false;
    }
    if schema.types.is_empty() && schema.properties.is_empty() && schema.required.is_empty() && schema.items.is_none() {
        return true;
    }
    let shape = shapes.final_shape(narrow);
    let types = match schema.types_but_null() {
        types if types.is_empty() && !schema.properties.is_empty() => vec![JsonType::Object],
        types => types,
    };
    match &*shape {
        Shape::Scalar(Type::Boolean) => types.contains(&JsonType::Boolean),
        Shape::Scalar(Type::I32 | Type::I64 | Type::U64) | Shape::IntegerEnum(_) => {
            types.contains(&JsonType::Integer) || types.contains(&JsonType::Number)
        }
        Shape::Scalar(Type::F64) => types.contains(&JsonType::Number),
        Shape::Scalar(Type::Null | Type::Json) => false,
        Shape::Scalar(_) | Shape::StringEnum(_) => types.contains(&JsonType::String),
        Shape::Array(item) => {
            let items = (schema.items, *item);
            types.contains(&JsonType::Array)
                && match items {
                    (None, _) => true,
                    (Some(wide), Some(narrow)) => covers(shapes, wide, narrow, depth + 1),
                    (Some(_), None) => false,
                }
        }
        Shape::Struct(object) => {
            let declared: Vec<(String, SchemaId, bool)> = object
                .fields
                .iter()
                .map(|field| (shapes.property(field).name.clone(), field.schema, field.required))
                .collect();
            let property = |name: &str| schema.properties.iter().find(|property| property.name == name);
            let closed = schema.additional_properties.is_some_and(|additional| shapes.schema(additional).never);
            let open = schema.additional_properties.is_none_or(|additional| is_anything(shapes.schema(additional)));
            types.contains(&JsonType::Object)
                && schema.required.iter().all(|name| declared.iter().any(|(own, _, required)| own == name && *required))
                && (open || closed && declared.iter().all(|(name, ..)| property(name).is_some()))
                && declared.iter().all(|(name, narrow, _)| {
                    property(name).is_none_or(|property| covers(shapes, property.schema, *narrow, depth + 1))
                })
        }
        _ => false,
    }
}

/// What a schema is another name for.
fn target(shapes: &Shapes<'_>, id: SchemaId) -> SchemaId {
    let mut id = id;
    for _ in 0..16 {
        let schema = shapes.schema(id);
        let (Some(next), true) = (schema.reference, is_anything(&Schema { reference: None, ..schema.clone() })) else {
            break;
        };
        id = next;
    }
    id
}

/// Whether two schemas of one text or number say the same.
fn is_same_scalar(left: &Schema<'_>, right: &Schema<'_>) -> bool {
    let numbers = |schema: &Schema<'_>| {
        [schema.minimum, schema.maximum, schema.exclusive_minimum, schema.exclusive_maximum, schema.multiple_of]
    };
    let plain = |schema: &Schema<'_>| {
        let bare = Schema {
            types: Vec::new(),
            format: None,
            enumeration: None,
            minimum: None,
            maximum: None,
            exclusive_minimum: None,
            exclusive_maximum: None,
            multiple_of: None,
            min_length: None,
            max_length: None,
            pattern: None,
            ..schema.clone()
        };
        is_anything(&bare)
    };
    !left.types.is_empty()
        && left.types == right.types
        && left.format == right.format
        && left.enumeration == right.enumeration
        && numbers(left) == numbers(right)
        && (left.min_length, left.max_length) == (right.min_length, right.max_length)
        && left.pattern == right.pattern
        && plain(left)
        && plain(right)
}

/// Whether the keywords are those that [`covers`] looks at.
fn is_simple(schema: &Schema<'_>) -> bool {
    let bare = Schema {
        types: Vec::new(),
        items: None,
        properties: Vec::new(),
        required: Vec::new(),
        additional_properties: None,
        ..schema.clone()
    };
    is_anything(&bare)
}

/// Whether no keyword refuses anything.
fn is_anything(schema: &Schema<'_>) -> bool {
    !schema.never
        && schema.reference.is_none()
        && schema.types.is_empty()
        && schema.format.is_none()
        && schema.enumeration.is_none()
        && [schema.minimum, schema.maximum, schema.exclusive_minimum, schema.exclusive_maximum, schema.multiple_of]
            .iter()
            .all(Option::is_none)
        && [schema.min_length, schema.max_length, schema.min_items, schema.max_items]
            .iter()
            .chain(&[schema.min_properties, schema.max_properties])
            .all(Option::is_none)
        && schema.pattern.is_none()
        && schema.content_media_type.is_none()
        && schema.content_encoding.is_none()
        && [schema.items, schema.contains, schema.unevaluated_items, schema.additional_properties]
            .iter()
            .chain(&[schema.property_names, schema.unevaluated_properties, schema.not, schema.if_])
            .all(Option::is_none)
        && schema.prefix_items.is_empty()
        && !schema.unique_items
        && schema.properties.is_empty()
        && schema.required.is_empty()
        && schema.pattern_properties.is_empty()
        && schema.dependent_required.is_empty()
        && schema.dependent_schemas.is_empty()
        && schema.all_of.is_empty()
        && schema.alternatives().is_empty()
}
