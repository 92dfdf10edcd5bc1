//! Media types: how each is read and written.

use openapiv3::Content;

use super::Lowerer;
use super::shape::{FieldShape, Shape};
use crate::document::schema::SchemaId;
use crate::ir::{self, Docs, Media, MediaKind, Name, Part, PartKind, SchemaRef, Type};
use crate::naming::{self, Table};

/// What a media type is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// JSON text of a value.
    Json,
    /// URL-encoded members.
    Form,
    /// Parts.
    Multipart,
    /// A string.
    Text,
    /// Bytes.
    Binary,
}

/// The treatment of a media type or range, without parameters and in lower case.
pub(crate) fn treatment(media_type: &str) -> Treatment {
    match media_type {
        "application/x-www-form-urlencoded" => Treatment::Form,
        "multipart/form-data" => Treatment::Multipart,
        "application/json" | "text/json" => Treatment::Json,
        // Lines or events, not one value; and XML is not JSON.
        "text/event-stream" | "text/xml" => Treatment::Binary,
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/yaml"
        | "application/x-yaml" => Treatment::Text,
        _ if media_type.ends_with("+json") => Treatment::Json,
        _ if media_type.starts_with("text/") && !media_type.ends_with("+xml") => Treatment::Text,
        _ => Treatment::Binary,
    }
}

/// The variant of a media type where there are several.
pub(crate) fn variant(media_type: &str) -> String {
    let known = match media_type {
        "application/json" => "Json",
        "application/x-www-form-urlencoded" => "Form",
        "multipart/form-data" => "Multipart",
        "text/plain" => "Text",
        "application/octet-stream" => "Binary",
        "*/*" => "Any",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    let (kind, subtype) = media_type.split_once('/').unwrap_or(("", media_type));
    let subtype = subtype.strip_prefix("x-").or_else(|| subtype.strip_prefix("vnd.")).unwrap_or(subtype);
    match (kind, subtype) {
        (kind, "*") => naming::variant(&format!("any {kind}")),
        ("application" | "text", subtype) => naming::variant(subtype),
        (kind, subtype) => naming::variant(&format!("{kind} {subtype}")),
    }
}

impl Lowerer<'_, '_> {
    /// The media types of a body.
    pub(super) fn media(&mut self, content: &Content, is_request: bool) -> Vec<Media> {
        let mut table = Table::default();
        content
            .iter()
            .map(|(name, media)| {
                let id = media.schema.as_ref().and_then(|schema| self.document.schema_of(schema));
                let kind = match treatment(name) {
                    Treatment::Json => MediaKind::Json { ty: self.type_or_json(id), schema: self.schema_or_any(id) },
                    Treatment::Form => MediaKind::Form { ty: self.type_or_json(id), schema: self.schema_or_any(id) },
                    Treatment::Multipart if is_request => match id.map(|id| self.parts(id, &media.encoding)) {
                        Some(parts) if !parts.is_empty() => MediaKind::Multipart { parts },
                        _ => MediaKind::Binary,
                    },
                    Treatment::Text => MediaKind::Text { schema: self.string_schema(id) },
                    Treatment::Multipart | Treatment::Binary => MediaKind::Binary,
                };
                Media { variant: table.claim(&variant(name), ""), media_type: name.clone(), kind }
            })
            .collect()
    }

    fn type_or_json(&mut self, id: Option<SchemaId>) -> Type {
        id.map_or(Type::Json, |id| self.value_type(id))
    }

    fn schema_or_any(&mut self, id: Option<SchemaId>) -> SchemaRef {
        id.map_or_else(|| SchemaRef::Inline(Box::default()), |id| self.schema_ref(id))
    }

    /// The schema of a text body. One that is not of a string describes what the text says, and is not checked.
    fn string_schema(&mut self, id: Option<SchemaId>) -> SchemaRef {
        let Some(id) = id else { return SchemaRef::Inline(Box::default()) };
        match &*self.shapes.final_shape(id) {
            Shape::StringEnum(_)
            | Shape::Scalar(
                Type::String | Type::Uuid | Type::Date | Type::DateTime | Type::Ipv4 | Type::Ipv6 | Type::Base64,
            ) => self.schema_ref(id),
            _ => SchemaRef::Inline(Box::default()),
        }
    }

    /// The parts of a form.
    fn parts(&mut self, id: SchemaId, encoding: &indexmap::IndexMap<String, openapiv3::Encoding>) -> Vec<Part> {
        let shape = self.shapes.final_shape(id);
        let Shape::Struct(object) = &*shape else { return Vec::new() };
        let mut table = Table::default();
        object
            .fields
            .iter()
            .map(|field| {
                let wire = self.shapes.property(field).name.clone();
                let content_type = encoding.get(&wire).and_then(|encoding| encoding.content_type.clone());
                self.part(field, content_type.as_deref(), &mut table)
            })
            .collect()
    }

    fn part(&mut self, field: &FieldShape, content_type: Option<&str>, table: &mut Table) -> Part {
        let property = self.shapes.property(field).clone();
        let rust =
            naming::raw(&table.claim(&naming::field(property.rust_name.as_deref().unwrap_or(&property.name)), "_"));
        let docs = if property.docs.description.is_some() {
            property.docs
        } else {
            self.shapes.schema(field.schema).docs.clone()
        };
        let shape = self.shapes.final_shape(field.schema);
        // An array is its items, one part each (OpenAPI 3.1, "Special Considerations for multipart Content"), unless
        // its encoding says that it is one piece of JSON.
        let is_json = content_type.is_some_and(|content_type| {
            treatment(content_type.split(';').next().unwrap_or_default().trim()) == Treatment::Json
        });
        let (many, item) = match &*shape {
            Shape::Array(Some(item)) if !is_json => (true, *item),
            _ => (false, field.schema),
        };
        let kind = self.part_kind(item, content_type, is_json);
        Part { name: Name { rust, wire: property.name }, docs, required: field.required, many, kind }
    }

    fn part_kind(&mut self, id: SchemaId, content_type: Option<&str>, is_json: bool) -> PartKind {
        let schema = self.shapes.schema(id);
        let is_binary = matches!(schema.format.as_deref(), Some("binary"))
            || schema.content_media_type.is_some() && schema.content_encoding.is_none()
            || content_type.is_some_and(|content_type| {
                !is_json
                    && content_type
                        .split(',')
                        .all(|one| treatment(one.split(';').next().unwrap_or_default().trim()) == Treatment::Binary)
            });
        let shape = self.shapes.final_shape(id);
        let has_no_type = *shape == Shape::Json && schema_is_empty(self.shapes.schema(id));
        if is_binary || (has_no_type && content_type.is_none()) {
            return PartKind::File;
        }
        let (ty, schema) = (self.value_type(id), self.schema_ref(id));
        let is_scalar = matches!(*shape, Shape::Scalar(_) | Shape::StringEnum(_) | Shape::IntegerEnum(_));
        if is_scalar && !is_json { PartKind::Text { ty, schema } } else { PartKind::Json { ty, schema } }
    }

    /// A request body.
    pub(super) fn request_body(&mut self, body: &openapiv3::RequestBody) -> ir::Body {
        ir::Body {
            required: body.required,
            docs: Docs { description: body.description.clone(), ..Docs::default() },
            media: self.media(&body.content, true),
        }
    }
}

/// `{}`: in a form, "application/octet-stream" by default since OpenAPI 3.1.
fn schema_is_empty(schema: &crate::document::schema::Schema<'_>) -> bool {
    schema.types.is_empty()
        && schema.one_of.is_empty()
        && schema.any_of.is_empty()
        && schema.all_of.is_empty()
        && schema.reference.is_none()
        && schema.enumeration.is_none()
}
