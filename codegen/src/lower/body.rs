//! Media types: how each is read and written.

use openapiv3::{Content, MediaType};

use super::Lowerer;
use super::form::members;
use super::shape::{Shape, Shapes};
use crate::diagnostic::Diagnostic;
use crate::document::schema::SchemaId;
use crate::document::{self, Document};
use crate::ir::{self, Docs, Framing, Media, MediaKind, SchemaRef, Type};
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
    /// Items, one by one.
    Sequence(Framing),
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
        "text/event-stream" => Treatment::Sequence(Framing::Events),
        "application/jsonl"
        | "application/x-jsonl"
        | "application/jsonlines"
        | "application/x-jsonlines"
        | "application/ndjson"
        | "application/x-ndjson"
        | "application/x-ldjson" => Treatment::Sequence(Framing::Lines),
        "application/json-seq" => Treatment::Sequence(Framing::Records),
        "text/xml" => Treatment::Binary,
        "application/yaml" | "application/x-yaml" => Treatment::Text,
        _ if media_type.ends_with("+json-seq") => Treatment::Sequence(Framing::Records),
        _ if media_type.ends_with("+json") => Treatment::Json,
        _ if media_type.starts_with("text/") && !media_type.ends_with("+xml") => Treatment::Text,
        _ => Treatment::Binary,
    }
}

/// Whether a value is a JSON string.
fn is_text(shape: &Shape) -> bool {
    matches!(
        shape,
        Shape::StringEnum(_)
            | Shape::Scalar(
                Type::String
                    | Type::Uuid
                    | Type::Date
                    | Type::DateTime
                    | Type::Ipv4
                    | Type::Ipv6
                    | Type::Base64
                    | Type::Decimal
                    | Type::Duration
                    | Type::Time
            )
    )
}

/// What the items of a sequence are.
pub(crate) struct Item {
    /// The schema that describes them all together, or each, by the author's choice.
    whole: Option<SchemaId>,
    /// Schema of an item, or of the data of an event.
    pub(crate) id: Option<SchemaId>,
    /// Whether the schema describes no more than the data of an event.
    pub(crate) is_data: bool,
}

/// The items of a sequence: `itemSchema`; else the items of `schema`, where it is an array; else `schema` itself, since
/// before OpenAPI 3.2 authors describe the item there. Of events it describes the data, unless it describes an object with
/// `data` and nothing else that an event does not have.
pub(crate) fn item(document: &Document<'_>, shapes: &mut Shapes<'_>, framing: Framing, media: &MediaType) -> Item {
    let whole = media.schema.as_ref().and_then(|schema| document.schema_of(schema));
    if let Some(id) = document::item_schema(media) {
        return Item { whole, id: Some(id), is_data: false };
    }
    let id = match whole.map(|whole| (whole, shapes.final_shape(whole))) {
        Some((_, shape)) if matches!(*shape, Shape::Array(_)) => match *shape {
            Shape::Array(item) => item,
            _ => None,
        },
        Some((whole, _)) => Some(whole),
        None => None,
    };
    let is_data = framing == Framing::Events && !id.is_some_and(|id| describes_event(shapes, id, 0));
    Item { whole, id, is_data }
}

fn describes_event(shapes: &mut Shapes<'_>, id: SchemaId, depth: usize) -> bool {
    match &*shapes.final_shape(id) {
        Shape::Struct(object) => {
            let names: Vec<&str> = object.fields.iter().map(|field| shapes.property(field).name.as_str()).collect();
            names.contains(&"data") && names.iter().all(|name| ["data", "event", "id", "retry"].contains(name))
        }
        Shape::Union(union) => {
            depth < 8 && union.members.iter().all(|member| describes_event(shapes, *member, depth + 1))
        }
        _ => false,
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
                self.warn_of_items(name, media);
                let id = media.schema.as_ref().and_then(|schema| self.document.schema_of(schema));
                let kind = match treatment(name) {
                    Treatment::Json => MediaKind::Json { ty: self.type_or_json(id), schema: self.schema_or_any(id) },
                    Treatment::Form => MediaKind::Form {
                        ty: self.type_or_json(id),
                        schema: self.schema_or_any(id),
                        members: members(&media.encoding),
                    },
                    Treatment::Multipart if is_request => {
                        id.and_then(|id| self.multipart(id, &media.encoding)).unwrap_or(MediaKind::Binary)
                    }
                    Treatment::Sequence(framing) => self.sequence(framing, media),
                    Treatment::Text => MediaKind::Text { schema: self.string_schema(id) },
                    Treatment::Multipart | Treatment::Binary => MediaKind::Binary,
                };
                self.warn_of_unread(name, id, &kind, is_request);
                Media { variant: table.claim(&variant(name), ""), media_type: name.clone(), kind }
            })
            .collect()
    }

    /// A schema that says more than what is read and written: of bytes, of a text, of a form in a response.
    fn warn_of_unread(&mut self, name: &str, id: Option<SchemaId>, kind: &MediaKind, is_request: bool) {
        // Of XML, and of a request's form without known parts, more has been said before.
        if name.ends_with("xml") || (is_request && name == "multipart/form-data") {
            return;
        }
        let Some(id) = id else { return };
        let shape = self.shapes.final_shape(id);
        let schema = self.shapes.schema(id);
        let constrains = schema.min_length.is_some()
            || schema.max_length.is_some()
            || schema.pattern.is_some()
            || schema.enumeration.is_some();
        let (is_read, what) = match kind {
            MediaKind::Binary => {
                let plain = matches!(*shape, Shape::Json | Shape::Scalar(Type::String | Type::Base64));
                (plain && !constrains, "a stream of bytes")
            }
            MediaKind::Text { .. } => (*shape == Shape::Json || is_text(&shape), "a text"),
            MediaKind::Form { .. } => (is_request, "a text in a response"),
            _ => return,
        };
        if let (false, Some(node)) = (is_read, schema.node) {
            self.report.add(
                Diagnostic::warning("degraded-media-type", format!("`{name}` is {what}; its schema is not checked"))
                    .at(node),
            );
        }
    }

    fn type_or_json(&mut self, id: Option<SchemaId>) -> Type {
        id.map_or(Type::Json, |id| self.value_type(id))
    }

    fn schema_or_any(&mut self, id: Option<SchemaId>) -> SchemaRef {
        id.map_or_else(|| SchemaRef::Inline(Box::default()), |id| self.schema_ref(id))
    }

    /// A sequence of items; of texts that are not described further, bytes.
    fn sequence(&mut self, framing: Framing, media: &MediaType) -> MediaKind {
        let item = item(self.document, &mut self.shapes, framing, media);
        let is_text = |shape: &Shape| matches!(shape, Shape::Scalar(Type::String) | Shape::StringEnum(_));
        if framing != Framing::Events
            && document::item_schema(media).is_none()
            && item.whole.is_some_and(|whole| is_text(&self.shapes.final_shape(whole)))
        {
            return MediaKind::Binary;
        }
        let schema = self.schema_or_any(item.id);
        let ty = match item.id {
            Some(id) => self.value_type(id),
            None if item.is_data => Type::String,
            None => Type::Json,
        };
        let schema = if item.is_data {
            let schema = match item.id {
                Some(_) => schema,
                None => {
                    SchemaRef::Inline(Box::new(ir::Schema { types: vec![ir::JsonType::String], ..Default::default() }))
                }
            };
            SchemaRef::Inline(Box::new(ir::Schema {
                types: vec![ir::JsonType::Object],
                required: vec!["data".into()],
                properties: vec![("data".into(), schema)],
                ..Default::default()
            }))
        } else {
            schema
        };
        MediaKind::Sequence { framing, ty, in_event: item.is_data, schema }
    }

    /// What is said about items, or about all of them together, where it has no effect.
    fn warn_of_items(&mut self, name: &str, media: &MediaType) {
        let is_sequence = matches!(treatment(name), Treatment::Sequence(_));
        let whole = media.schema.as_ref().and_then(|schema| self.document.schema_of(schema));
        let item_schema = document::item_schema(media);
        let node = |id: Option<SchemaId>| id.and_then(|id| self.shapes.schema(id).node);
        if let (false, Some(node)) = (is_sequence, node(item_schema)) {
            self.report.add(
                Diagnostic::warning(
                    "degraded-media-type",
                    format!("`{name}` is no sequence that is known; its `itemSchema` is not read"),
                )
                .at(node)
                .help(
                    "sequences are application/jsonl, application/x-ndjson, application/json-seq and text/event-stream",
                ),
            );
        }
        let Some((whole, node)) = whole.filter(|_| is_sequence).and_then(|whole| Some((whole, node(Some(whole))?)))
        else {
            return;
        };
        let schema = self.shapes.schema(whole);
        let counts = schema.min_items.is_some()
            || schema.max_items.is_some()
            || schema.unique_items
            || schema.contains.is_some()
            || !schema.prefix_items.is_empty();
        if counts || item_schema.is_some() {
            self.report.add(
                Diagnostic::warning(
                    "degraded-media-type",
                    "a sequence is judged item by item; what this says about all of them together is not checked",
                )
                .at(node),
            );
        }
    }

    /// The schema of a text body. One that is not of a string describes what the text says, and is not checked.
    fn string_schema(&mut self, id: Option<SchemaId>) -> SchemaRef {
        let Some(id) = id else { return SchemaRef::Inline(Box::default()) };
        if is_text(&self.shapes.final_shape(id)) { self.schema_ref(id) } else { SchemaRef::Inline(Box::default()) }
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
