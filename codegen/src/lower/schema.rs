//! Schemas as data for the run-time validator.

use super::Lowerer;
use super::shape::Shape;
use crate::diagnostic::Diagnostic;
use crate::document::schema::{Schema, SchemaId};
use crate::ir::{self, JsonType, SchemaRef};

/// Formats that the runtime asserts, and their names there. Any other format is an annotation.
const FORMATS: &[(&str, &str)] = &[
    ("binary", "Binary"),
    ("byte", "Byte"),
    ("date", "Date"),
    ("date-time", "DateTime"),
    ("decimal", "Decimal"),
    ("double", "Double"),
    ("duration", "Duration"),
    ("email", "Email"),
    ("float", "Float"),
    ("hostname", "Hostname"),
    ("idn-email", "IdnEmail"),
    ("idn-hostname", "IdnHostname"),
    ("int8", "Int8"),
    ("int16", "Int16"),
    ("int32", "Int32"),
    ("int64", "Int64"),
    ("ipv4", "Ipv4"),
    ("ipv6", "Ipv6"),
    ("iri", "Iri"),
    ("iri-reference", "IriReference"),
    ("json-pointer", "JsonPointer"),
    ("password", "Password"),
    ("regex", "Regex"),
    ("relative-json-pointer", "RelativeJsonPointer"),
    ("time", "Time"),
    ("uint8", "Uint8"),
    ("uint16", "Uint16"),
    ("uint32", "Uint32"),
    ("uint64", "Uint64"),
    ("uri", "Uri"),
    ("uri-reference", "UriReference"),
    ("uri-template", "UriTemplate"),
    ("uuid", "Uuid"),
];

impl Lowerer<'_, '_> {
    /// A schema by name where it has a static, else in place.
    pub(super) fn schema_ref(&mut self, id: SchemaId) -> SchemaRef {
        match self.statics.get(&id) {
            Some(name) => SchemaRef::Named(name.clone()),
            None => SchemaRef::Inline(Box::new(self.schema(id))),
        }
    }

    /// A schema in place, whether or not it has a static.
    pub(super) fn schema(&mut self, id: SchemaId) -> ir::Schema {
        let source = self.shapes.schema(id).clone();
        let mut schema = self.keywords(&source);
        self.say_type(id, &source, &mut schema);
        if let Some(target) = source.reference {
            match self.schema_ref(target) {
                SchemaRef::Named(name) => schema.reference = Some(name),
                inline @ SchemaRef::Inline(_) => schema.all_of.push(inline),
            }
        }
        for member in &source.all_of {
            let part = self.conjunct(id, *member);
            schema.all_of.push(part);
        }
        schema.any_of = self.refs(&source.any_of);
        schema.one_of = self.refs(&source.one_of);
        schema.discriminator = self.discriminator(&source);
        // A type alone says the same as an `allOf` of one reference without siblings.
        if schema.all_of.len() == 1 && schema.reference.is_none() {
            let only = std::mem::take(&mut schema.all_of);
            match only.into_iter().next() {
                Some(SchemaRef::Named(name)) => schema.reference = Some(name),
                Some(SchemaRef::Inline(inner)) if schema == ir::Schema::default() => schema = *inner,
                Some(inline) => schema.all_of.push(inline),
                None => {}
            }
        }
        let composed = source.reference.is_some() || !source.all_of.is_empty() || !source.alternatives().is_empty();
        if source.nullable && composed {
            let null = ir::Schema { types: vec![JsonType::Null], ..ir::Schema::default() };
            let (read_only, write_only) = (schema.read_only, schema.write_only);
            schema = ir::Schema {
                any_of: vec![SchemaRef::Inline(Box::new(schema)), SchemaRef::Inline(Box::new(null))],
                read_only,
                write_only,
                ..ir::Schema::default()
            };
        }
        schema
    }

    /// A schema that only says what members or items are like takes, strictly, any value that has none. Its author means
    /// an object or a list, and so does its Rust type; what is meant is said, in the schema and to the author.
    fn say_type(&mut self, id: SchemaId, source: &Schema<'_>, schema: &mut ir::Schema) {
        let is_typed =
            self.names.contains_key(&id) || self.in_requests.contains(&id) || self.in_responses.contains(&id);
        if !source.types.is_empty() || source.enumeration.is_some() || !is_typed || self.has_type(id, 0) {
            return;
        }
        let (ty, name) = match &*self.shapes.shape(id) {
            Shape::Struct(_) | Shape::Map(_) => (JsonType::Object, "object"),
            Shape::Array(_) | Shape::Tuple(_) => (JsonType::Array, "array"),
            _ => return,
        };
        schema.types.push(ty);
        if self.shapes.is_nullable(id) {
            schema.types.push(JsonType::Null);
        }
        if let Some(node) = source.node {
            self.report.add(
                Diagnostic::warning(
                    "missing-type",
                    format!("without a `type` any value is allowed here; it is taken as `type: {name}`"),
                )
                .at(node)
                .help(format!("write `type: {name}`")),
            );
        }
    }

    /// Whether a schema, or one that always applies with it, has a `type`.
    fn has_type(&self, id: SchemaId, depth: usize) -> bool {
        let schema = self.shapes.schema(id);
        !schema.types.is_empty()
            || schema.enumeration.is_some()
            || depth < 64
                && schema.reference.iter().chain(&schema.all_of).any(|member| self.has_type(*member, depth + 1))
    }

    /// The format that is asserted. Without a `type` that it belongs to, a format is an annotation (JSON Schema 2020-12
    /// Validation, section 7.2.1), and the author is told.
    fn format(&self, source: &Schema<'_>) -> Option<&'static str> {
        let base64 = source.content_encoding.as_deref() == Some("base64");
        let Some(name) = source.format.as_deref() else {
            return (base64 && source.types.contains(&JsonType::String)).then_some("Byte");
        };
        let asserted = format(name)?;
        if source.types.is_empty() && source.reference.is_none() && source.all_of.is_empty() {
            if let Some(node) = source.node.and_then(|node| node.get("format")) {
                self.report.add(
                    Diagnostic::warning("format-without-type", "without a `type` this format is not checked")
                        .at(node)
                        .help("write the `type` that it is a format of"),
                );
            }
            return None;
        }
        Some(asserted)
    }

    fn keywords(&mut self, source: &Schema<'_>) -> ir::Schema {
        ir::Schema {
            never: source.never,
            types: source.types.clone(),
            format: self.format(source),
            enumeration: source.enumeration.clone(),
            minimum: source.minimum,
            maximum: source.maximum,
            exclusive_minimum: source.exclusive_minimum,
            exclusive_maximum: source.exclusive_maximum,
            multiple_of: source.multiple_of,
            min_length: source.min_length,
            max_length: source.max_length,
            pattern: source.pattern.as_deref().map(|pattern| self.pattern(pattern)),
            items: source.items.map(|id| self.schema_ref(id)),
            prefix_items: self.refs(&source.prefix_items),
            contains: source.contains.map(|id| self.schema_ref(id)),
            min_contains: source.min_contains,
            max_contains: source.max_contains,
            min_items: source.min_items,
            max_items: source.max_items,
            unique_items: source.unique_items,
            unevaluated_items: source.unevaluated_items.and_then(|id| self.constraint(id)),
            properties: source
                .properties
                .iter()
                .map(|property| (property.name.clone(), self.schema_ref(property.schema)))
                .collect(),
            required: source.required.clone(),
            additional_properties: source.additional_properties.and_then(|id| self.constraint(id)),
            pattern_properties: source
                .pattern_properties
                .iter()
                .map(|(pattern, id)| (self.pattern(pattern), self.schema_ref(*id)))
                .collect(),
            property_names: source.property_names.map(|id| self.schema_ref(id)),
            min_properties: source.min_properties,
            max_properties: source.max_properties,
            dependent_required: source.dependent_required.clone(),
            dependent_schemas: source
                .dependent_schemas
                .iter()
                .map(|(name, id)| (name.clone(), self.schema_ref(*id)))
                .collect(),
            unevaluated_properties: source.unevaluated_properties.and_then(|id| self.constraint(id)),
            not: source.not.map(|id| self.schema_ref(id)),
            if_: source.if_.map(|id| self.schema_ref(id)),
            then_: source.then_.map(|id| self.schema_ref(id)),
            else_: source.else_.map(|id| self.schema_ref(id)),
            read_only: source.read_only,
            write_only: source.write_only,
            ..ir::Schema::default()
        }
    }

    /// A member of an `allOf`. A base class that lists its children leads back to the child: its alternatives are left
    /// out there, since the child is one of them by being itself.
    fn conjunct(&mut self, whole: SchemaId, member: SchemaId) -> SchemaRef {
        let source = self.shapes.schema(member);
        let lists_whole = source.alternatives().contains(&whole);
        if !lists_whole {
            return self.schema_ref(member);
        }
        let base = Schema { one_of: Vec::new(), any_of: Vec::new(), discriminator: None, ..source.clone() };
        let mut schema = self.keywords(&base);
        schema.all_of = base.all_of.iter().map(|part| self.conjunct(whole, *part)).collect();
        SchemaRef::Inline(Box::new(schema))
    }

    /// The discriminator, with the index of the alternative that each value selects.
    fn discriminator(&mut self, source: &Schema<'_>) -> Option<(String, Vec<(String, usize)>)> {
        let discriminator = source.discriminator.as_ref()?;
        let mut mapping: Vec<(String, usize)> = Vec::new();
        for (index, member) in source.alternatives().iter().enumerate() {
            if self.shapes.schema(*member).types == [JsonType::Null] {
                // A null has no property to look at, so with this alternative values choose by themselves.
                return None;
            }
            let tags = self.tags_of(*member, *member, discriminator);
            if tags.is_empty() {
                return None;
            }
            for tag in tags {
                if !mapping.iter().any(|(known, _)| *known == tag) {
                    mapping.push((tag, index));
                }
            }
        }
        (!mapping.is_empty()).then(|| (discriminator.property.clone(), mapping))
    }

    fn refs(&mut self, ids: &[SchemaId]) -> Vec<SchemaRef> {
        ids.iter().map(|id| self.schema_ref(*id)).collect()
    }

    /// A schema where `true` is the same as nothing, but for `unevaluatedProperties` and `unevaluatedItems` elsewhere:
    /// to them, what `true` has looked at is evaluated.
    fn constraint(&mut self, id: SchemaId) -> Option<SchemaRef> {
        let schema = self.schema_ref(id);
        (self.has_unevaluated || schema != SchemaRef::Inline(Box::default())).then_some(schema)
    }

    fn pattern(&mut self, pattern: &str) -> usize {
        match self.patterns.iter().position(|known| known == pattern) {
            Some(index) => index,
            None => {
                self.patterns.push(pattern.to_owned());
                self.patterns.len() - 1
            }
        }
    }
}

/// The runtime's name of a format.
fn format(name: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, variant)| *variant)
}
