//! Forms: the parts of `multipart/form-data`, and how members are spelled.

use indexmap::IndexMap;
use openapiv3::{Encoding, ParameterSchemaOrContent, QueryStyle, ReferenceOr};

use super::Lowerer;
use super::body::{Treatment, treatment};
use super::shape::{FieldShape, Shape};
use crate::diagnostic::Diagnostic;
use crate::document::schema::{Schema, SchemaId};
use crate::ir::{MediaKind, MemberStyle, Name, Part, PartHeader, PartKind, Style, Type};
use crate::naming::{self, Table};

/// Members of a URL-encoded form that are not spelled as by default.
pub(super) fn members(encoding: &IndexMap<String, Encoding>) -> Vec<(String, MemberStyle)> {
    let style = |encoding: &Encoding| match (style(encoding), &encoding.content_type) {
        (Some(style), _) => {
            Some(MemberStyle::Styled { style, explode: encoding.explode, allow_reserved: encoding.allow_reserved })
        }
        (None, Some(content_type)) if is_json(content_type) => Some(MemberStyle::Json),
        (None, _) => None,
    };
    encoding.iter().filter_map(|(name, encoding)| Some((name.clone(), style(encoding)?))).collect()
}

fn style(encoding: &Encoding) -> Option<Style> {
    Some(match encoding.style.as_ref()? {
        QueryStyle::Form => Style::Form,
        QueryStyle::SpaceDelimited => Style::SpaceDelimited,
        QueryStyle::PipeDelimited => Style::PipeDelimited,
        QueryStyle::DeepObject => Style::DeepObject,
    })
}

/// The media types of a list, without parameters.
fn listed(content_type: &str) -> Vec<String> {
    let names = content_type.split(',').map(|one| one.split(';').next().unwrap_or_default().trim());
    names.filter(|name| name.contains('/')).map(str::to_ascii_lowercase).collect()
}

fn is_json(content_type: &str) -> bool {
    let listed = listed(content_type);
    !listed.is_empty() && listed.iter().all(|name| treatment(name) == Treatment::Json)
}

impl Lowerer<'_, '_> {
    /// A multipart body; `None` where its schema does not say what parts there are.
    pub(super) fn multipart(&mut self, id: SchemaId, encoding: &IndexMap<String, Encoding>) -> Option<MediaKind> {
        let shape = self.shapes.final_shape(id);
        let (fields, additional) = match &*shape {
            Shape::Struct(object) => (object.fields.as_slice(), object.additional),
            Shape::Map(value) => (&[][..], Some(*value)),
            _ => {
                if let Some(node) = self.shapes.schema(id).node {
                    self.report.add(
                        Diagnostic::warning(
                            "degraded-media-type",
                            "this schema of a multipart body is no object with known parts; the body is a stream of bytes",
                        )
                        .at(node),
                    );
                }
                return None;
            }
        };
        let (mut table, mut variants) = (Table::default(), Table::default());
        let parts = fields
            .iter()
            .map(|field| {
                let wire = self.shapes.property(field).name.clone();
                self.part(field, encoding.get(&wire), &mut table, &mut variants)
            })
            .collect();
        let additional = additional.map(|value| value.map_or(Type::Json, |value| self.value_type(value)));
        Some(MediaKind::Multipart { parts, additional, schema: self.schema_ref(id) })
    }

    fn part(
        &mut self,
        field: &FieldShape,
        encoding: Option<&Encoding>,
        table: &mut Table,
        variants: &mut Table,
    ) -> Part {
        let property = self.shapes.property(field).clone();
        let wanted = property.rust_name.as_deref().unwrap_or(&property.name);
        let rust = naming::raw(&table.claim(&naming::field(wanted), "_"));
        let variant = variants.claim(&naming::variant(wanted), "");
        let docs = if property.docs.description.is_some() {
            property.docs
        } else {
            self.shapes.schema(field.schema).docs.clone()
        };
        let content_type = encoding.and_then(|encoding| encoding.content_type.as_deref());
        let is_json = content_type.is_some_and(is_json);
        let style = encoding.and_then(|encoding| Some((style(encoding)?, encoding.explode)));
        let shape = self.shapes.final_shape(field.schema);
        let item = match &*shape {
            Shape::Array(Some(item)) => *item,
            _ => field.schema,
        };
        let is_file = self.is_file(item, content_type, is_json);
        let (many, kind) = match style {
            Some((style, explode)) if !is_file => {
                let (ty, schema) = (self.value_type(field.schema), self.schema_ref(field.schema));
                (false, PartKind::Styled { ty, schema, style, explode })
            }
            // An array is its items, one part each (OpenAPI 3.1, "Special Considerations for multipart Content"), unless
            // its encoding says that it is one piece of JSON.
            _ if matches!(&*shape, Shape::Array(Some(_))) && !is_json => {
                (true, if is_file { PartKind::File } else { self.field_kind(item, is_json) })
            }
            _ if is_file => (false, PartKind::File),
            _ => (false, self.field_kind(field.schema, is_json)),
        };
        let headers = encoding.map(|encoding| self.part_headers(field, encoding, is_file)).unwrap_or_default();
        let content_types = content_type.filter(|_| style.is_none() || is_file).map(listed).unwrap_or_default();
        Part {
            name: Name { rust, wire: property.name },
            variant,
            docs,
            required: field.required,
            many,
            kind,
            content_types,
            headers,
        }
    }

    fn is_file(&mut self, id: SchemaId, content_type: Option<&str>, is_json: bool) -> bool {
        let schema = self.shapes.schema(id);
        let is_binary = matches!(schema.format.as_deref(), Some("binary"))
            || schema.content_media_type.is_some() && schema.content_encoding.is_none()
            || content_type.is_some_and(|content_type| {
                let listed = listed(content_type);
                !is_json && !listed.is_empty() && listed.iter().all(|one| treatment(one) == Treatment::Binary)
            });
        let has_no_type = schema_is_empty(schema);
        is_binary || (has_no_type && content_type.is_none() && *self.shapes.final_shape(id) == Shape::Json)
    }

    fn field_kind(&mut self, id: SchemaId, is_json: bool) -> PartKind {
        let shape = self.shapes.final_shape(id);
        let (ty, schema) = (self.value_type(id), self.schema_ref(id));
        let is_scalar = matches!(*shape, Shape::Scalar(_) | Shape::StringEnum(_) | Shape::IntegerEnum(_));
        if is_scalar && !is_json { PartKind::Text { ty, schema } } else { PartKind::Json { ty, schema } }
    }

    /// Headers of a part. Only a file has a place for them.
    fn part_headers(&mut self, field: &FieldShape, encoding: &Encoding, is_file: bool) -> Vec<PartHeader> {
        if !is_file && !encoding.headers.is_empty() {
            if let Some(node) = self.shapes.schema(field.schema).node {
                self.report.add(
                    Diagnostic::warning(
                        "degraded-media-type",
                        "the headers that `encoding` describes for this part are neither sent nor checked",
                    )
                    .at(node)
                    .note("only parts that are files have headers"),
                );
            }
            return Vec::new();
        }
        let headers = encoding.headers.iter().filter_map(|(name, header)| match header {
            ReferenceOr::Item(header) => Some((name, header)),
            ReferenceOr::Reference { .. } => None,
        });
        headers
            .filter_map(|(name, header)| {
                let ParameterSchemaOrContent::Schema(schema) = &header.format else { return None };
                let id = self.document.schema_of(schema)?;
                Some(PartHeader { name: name.clone(), required: header.required, schema: self.schema_ref(id) })
            })
            .collect()
    }
}

/// `{}`: in a form, "application/octet-stream" by default since OpenAPI 3.1.
fn schema_is_empty(schema: &Schema<'_>) -> bool {
    schema.types.is_empty()
        && schema.one_of.is_empty()
        && schema.any_of.is_empty()
        && schema.all_of.is_empty()
        && schema.reference.is_none()
        && schema.enumeration.is_none()
}
