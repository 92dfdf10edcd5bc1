//! The body of a request: its type, and the statement that reads it.
//!
//! One media type is a value, several are an enum with a variant each. A multipart body is a struct: see [`super::form`].

use super::Imports;
use super::form::{FormView, form};
use super::response::named_schema;
use crate::emit::rust_type::{item_type, rust_type};
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{Body, Media, MediaKind, MemberStyle, Operation};

/// A request body.
pub(super) struct BodyView {
    pub(super) docs: String,
    /// Type of a body that is there.
    ty: String,
    required: bool,
    /// The statics that the statement needs: a schema that has no name, the parts of a form.
    pub(super) constant: String,
    /// The statement that reads it into `body`.
    pub(super) statement: String,
    /// The value of the field.
    pub(super) value: String,
    /// The enum of the media types, where there are several.
    pub(super) choice: Option<ChoiceView>,
    /// The struct of the parts, where there is a multipart body.
    pub(super) form: Option<FormView>,
}

/// The enum of the media types of a body.
pub(super) struct ChoiceView {
    pub(super) docs: String,
    pub(super) name: String,
    pub(super) variants: Vec<ChoiceVariantView>,
}

/// A media type of a body.
pub(super) struct ChoiceVariantView {
    pub(super) docs: String,
    pub(super) name: String,
    pub(super) ty: String,
}

impl BodyView {
    pub(super) fn new(operation: &Operation, body: &Body, printer: &mut Printer<'_>, imports: &mut Imports) -> Self {
        let prefix = &operation.type_prefix;
        let form = body.media.iter().find_map(|media| match &media.kind {
            MediaKind::Multipart { parts, additional, schema } => {
                Some(form(operation, parts, additional.as_ref(), schema, printer, imports))
            }
            _ => None,
        });
        let fallback = format!("The body: {}.", media_types(body).map(text::code).collect::<Vec<_>>().join(" or "));
        let docs = text::docs(&body.docs, &fallback);
        let parts = form.as_ref().map(|form| form.constant.clone()).unwrap_or_default();
        if let [media] = body.media.as_slice() {
            let (constant, statement, value) = single(operation, body, media, printer, imports);
            let ty = media_type(prefix, media, imports);
            let constant = constant + &parts;
            return Self { docs, ty, required: body.required, constant, statement, value, choice: None, form };
        }
        let name = format!("{prefix}Body");
        let variants = body.media.iter().map(|media| ChoiceVariantView {
            docs: text::doc_comment("///", &format!("{}.", text::code(&media.media_type)), None),
            name: media.variant.clone(),
            ty: media_type(prefix, media, imports),
        });
        let choice = ChoiceView {
            docs: text::docs(&body.docs, &format!("The body of {}.", text::code(&operation.name.wire))),
            name: name.clone(),
            variants: variants.collect(),
        };
        Self {
            docs,
            required: body.required,
            constant: parts,
            statement: several(operation, body, &name, printer, imports),
            value: "body?".into(),
            ty: name,
            choice: Some(choice),
            form,
        }
    }

    /// Type of the field.
    pub(super) fn field_type(&self) -> String {
        if self.required { self.ty.clone() } else { format!("Option<{}>", self.ty) }
    }
}

/// Reads a body of one media type: the static, the statement and the value.
fn single(
    operation: &Operation,
    body: &Body,
    media: &Media,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> (String, String, String) {
    let (call, schema) = reader(media, printer, imports);
    let schema = schema.map(|schema| format!("static SCHEMA: Schema = {schema};\n")).unwrap_or_default();
    // What the decoder's method asks of the media type by itself, or what every media type satisfies.
    let checks_itself = matches!(
        (media.media_type.as_str(), &media.kind),
        ("application/json", _) | ("*/*", _) | (_, MediaKind::Form { .. } | MediaKind::Multipart { .. })
    );
    let offered = text::string_literal(&media.media_type);
    let read = match (body.required, checks_itself) {
        (true, true) => format!("let body = decoder.{call};"),
        (true, false) => format!("decoder.required_media_type(&[{offered}]).await?;\nlet body = decoder.{call};"),
        (false, true) if matches!(media.kind, MediaKind::Binary) => {
            "let body = decoder.optional_binary().await;".to_owned()
        }
        (false, true) => format!("let body = decoder.optional_{call};"),
        (false, false) => format!(
            "let body = match decoder.media_type(&[{offered}]).await? {{\n\
             Some(_) => decoder.{call}.map(Some),\nNone => Ok(None),\n}};"
        ),
    };
    let value = match (&media.kind, body.required) {
        (MediaKind::Multipart { .. }, true) => format!("{}Form::read(body?)?", operation.type_prefix),
        (MediaKind::Multipart { .. }, false) => format!("body?.map({}Form::read).transpose()?", operation.type_prefix),
        _ => "body?".into(),
    };
    (schema, read, value)
}

/// Reads a body of the media type that the request names.
fn several(operation: &Operation, body: &Body, name: &str, printer: &mut Printer<'_>, imports: &mut Imports) -> String {
    let offered: Vec<String> = media_types(body).map(text::string_literal).collect();
    let mut arms = String::new();
    for (index, media) in body.media.iter().enumerate() {
        let (call, schema) = reader(media, printer, imports);
        let selector = match (body.required, index + 1 == body.media.len()) {
            (true, true) => "_".into(),
            (true, false) => index.to_string(),
            (false, true) => "Some(_)".into(),
            (false, false) => format!("Some({index})"),
        };
        let variant = format!("{name}::{}", media.variant);
        let read = match &media.kind {
            MediaKind::Multipart { .. } => {
                let form = format!("{variant}({}Form::read(form)?)", operation.type_prefix);
                let form = if body.required { form } else { format!("Some({form})") };
                format!("match decoder.{call} {{\nOk(form) => Ok({form}),\nErr(invalid) => Err(invalid),\n}}")
            }
            _ if body.required => format!("decoder.{call}.map({variant})"),
            _ => format!("decoder.{call}.map({variant}).map(Some)"),
        };
        arms.push_str(&match schema {
            Some(schema) => format!("{selector} => {{\nstatic SCHEMA: Schema = {schema};\n{read}\n}}\n"),
            None => format!("{selector} => {read},\n"),
        });
    }
    let (method, rest) =
        if body.required { ("required_media_type", "") } else { ("media_type", "None => Ok(None),\n") };
    format!("let body = match decoder.{method}(&[{}]).await? {{\n{arms}{rest}}};", offered.join(", "))
}

/// The call on the decoder, and the schema that it needs a static for.
fn reader(media: &Media, printer: &mut Printer<'_>, imports: &mut Imports) -> (String, Option<String>) {
    match &media.kind {
        MediaKind::Json { schema, .. } => {
            let (reference, schema) = named_schema(schema, printer);
            (format!("json({reference}).await"), schema)
        }
        MediaKind::Form { schema, members, .. } => {
            let (reference, schema) = named_schema(schema, printer);
            if members.is_empty() {
                return (format!("form({reference}).await"), schema);
            }
            imports.add("specwright_runtime::decode", ["PartKind"]);
            let members = members.iter().map(|(name, style)| {
                let kind = match style {
                    MemberStyle::Json => "PartKind::Json".to_owned(),
                    MemberStyle::Styled { style, explode, .. } => super::form::styled(*style, *explode, imports),
                };
                format!("({}, {kind})", text::string_literal(name))
            });
            let members = members.collect::<Vec<_>>().join(", ");
            (format!("form_with({reference}, &[{members}]).await"), schema)
        }
        MediaKind::Text { schema } => {
            let (reference, schema) = named_schema(schema, printer);
            (format!("text({reference}).await"), schema)
        }
        MediaKind::Multipart { .. } => ("multipart(&PARTS).await".into(), None),
        MediaKind::Sequence { framing, schema, .. } => {
            let (reference, schema) = named_schema(schema, printer);
            (format!("items(Framing::{framing:?}, {reference})"), schema)
        }
        MediaKind::Binary => ("binary()".into(), None),
    }
}

fn media_type(prefix: &str, media: &Media, imports: &mut Imports) -> String {
    match &media.kind {
        MediaKind::Json { ty, .. } | MediaKind::Form { ty, .. } => rust_type(ty, "api_types::"),
        MediaKind::Multipart { .. } => format!("{prefix}Form"),
        MediaKind::Text { .. } => "String".into(),
        MediaKind::Sequence { ty, in_event, .. } => {
            imports.add("specwright_runtime::sequence", ["Framing", "Items"]);
            format!("Items<{}>", item_type(ty, *in_event))
        }
        MediaKind::Binary => {
            imports.add("specwright_runtime::axum::body", ["Body"]);
            "Body".into()
        }
    }
}

fn media_types(body: &Body) -> impl Iterator<Item = &str> {
    body.media.iter().map(|media| media.media_type.as_str())
}
