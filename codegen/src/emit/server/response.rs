//! The responses of an operation: an enum whose variants are the documented statuses, and how each is written.

use super::Imports;
use crate::emit::response::{documentation, status};
use crate::emit::rust_type::{item_type, rust_type};
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{Media, MediaKind, Operation, Response, SchemaRef, Status};

/// A documented response.
pub(in crate::emit) struct ResponseView {
    pub(super) docs: String,
    pub(in crate::emit) variant: String,
    /// Types of a tuple variant; empty for a unit.
    pub(super) tuple: Vec<String>,
    /// Fields of a struct variant.
    pub(in crate::emit) fields: Vec<ResponseFieldView>,
    /// The pattern after the variant's name, such as `(body)` or `{ body, location }`.
    pub(super) pattern: String,
    /// The static that the arm needs: a schema that has no name.
    pub(super) schema: Option<String>,
    /// The expression that writes the response.
    pub(super) write: String,
}

/// A field of a response with headers.
pub(in crate::emit) struct ResponseFieldView {
    pub(super) docs: String,
    pub(super) deprecated: bool,
    pub(in crate::emit) name: String,
    pub(super) ty: String,
}

/// The enum of a response's bodies, where it has several media types.
pub(in crate::emit) struct EnumView {
    pub(super) docs: String,
    pub(super) name: String,
    pub(super) variants: Vec<EnumVariantView>,
}

/// A body.
pub(super) struct EnumVariantView {
    pub(super) docs: String,
    pub(super) name: String,
    /// What is in it, such as `(api_types::Task)`.
    pub(super) content: String,
    pub(super) pattern: String,
    pub(super) schema: Option<String>,
    pub(super) write: String,
}

/// What a body is made of in Rust, and how it is written.
struct Written {
    /// Type of the body.
    ty: String,
    /// Whether the media type is a range, so that the handler has to say which it is.
    range: bool,
    schema: Option<String>,
    /// The call on the reply; the body is `body`.
    call: String,
}

/// The variants of the response enum, and the enums of bodies.
pub(in crate::emit) fn views(
    operation: &Operation,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> (Vec<ResponseView>, Vec<EnumView>) {
    let mut enums = Vec::new();
    let responses = operation.responses.iter().map(|response| view(operation, response, &mut enums, printer, imports));
    let responses = responses.collect();
    if !operation.responses.is_empty() {
        imports.add("specwright_runtime::http", ["StatusCode"]);
    }
    (responses, enums)
}

fn view(
    operation: &Operation,
    response: &Response,
    enums: &mut Vec<EnumView>,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> ResponseView {
    let mut schema = None;
    let mut range = false;
    let (body, end) = match response.media.as_slice() {
        [] => (None, ".empty()".to_owned()),
        [media] => {
            let written = written(media, printer, imports);
            schema = written.schema;
            range = written.range;
            (Some(written.ty), written.call)
        }
        several => {
            let name = format!("{}{}Body", operation.type_prefix, response.variant);
            enums.push(body_enum(&name, response, several, printer, imports));
            (Some(name), String::new())
        }
    };
    let mut fields = Vec::new();
    if response.status.class_or_default() {
        fields.push(field("The status.", "status", "StatusCode".into()));
    }
    if let Some(ty) = &body {
        fields.push(field("The body.", "body", ty.clone()));
    }
    if range {
        fields.push(field("The media type of the body.", "content_type", "String".into()));
    }
    let plain = fields.len();
    let mut headers = if range { ".content_type(&content_type)".to_owned() } else { String::new() };
    for header in &response.headers {
        let ty = rust_type(&header.ty, "api_types::");
        let mut name = header.name.rust.clone();
        while fields.iter().any(|field| field.name == name) || name == "reply" {
            name = format!("{}_", name.trim_start_matches("r#"));
        }
        let constant = &header.constant;
        headers.push_str(&if header.required {
            format!(".header(&{constant}, &{name})")
        } else {
            format!(".optional_header(&{constant}, {name}.as_ref())")
        });
        fields.push(ResponseFieldView {
            docs: text::sentence_then(&format!("The header {}.", text::code(&header.name.wire)), &header.docs),
            deprecated: header.docs.deprecated,
            name,
            ty: if header.required { ty } else { format!("Option<{ty}>") },
        });
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let is_struct = fields.len() > plain || range;
    let pattern = match names.join(", ") {
        names if names.is_empty() => names,
        names if is_struct => format!("{{ {names} }}"),
        names => format!("({names})"),
    };
    let reply = format!("reply{}{headers}", status_call(response.status));
    let write = if response.media.len() > 1 { format!("body.respond({reply})") } else { format!("{reply}{end}") };
    ResponseView {
        docs: documentation(response),
        variant: response.variant.clone(),
        tuple: if is_struct { Vec::new() } else { fields.iter().map(|field| field.ty.clone()).collect() },
        fields: if is_struct { fields } else { Vec::new() },
        pattern,
        schema,
        write,
    }
}

fn body_enum(
    name: &str,
    response: &Response,
    several: &[Media],
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> EnumView {
    let variants = several.iter().map(|media| {
        let written = written(media, printer, imports);
        let (content, pattern, headers) = if written.range {
            let content = format!(
                "{{\n/// The body.\nbody: {},\n/// The media type of the body.\ncontent_type: String\n}}",
                written.ty
            );
            (content, "{ body, content_type }".to_owned(), ".content_type(&content_type)")
        } else {
            (format!("({})", written.ty), "(body)".to_owned(), "")
        };
        EnumVariantView {
            docs: text::doc_comment("///", &format!("{}.", text::code(&media.media_type)), None),
            name: media.variant.clone(),
            content,
            pattern,
            schema: written.schema,
            write: format!("reply{headers}{}", written.call),
        }
    });
    EnumView {
        docs: text::doc_comment("///", &format!("Bodies of the response {}.", status(response.status)), None),
        name: name.to_owned(),
        variants: variants.collect(),
    }
}

fn written(media: &Media, printer: &mut Printer<'_>, imports: &mut Imports) -> Written {
    let media_type = text::string_literal(&media.media_type);
    let range = media.media_type.contains('*');
    match &media.kind {
        MediaKind::Json { ty, schema } => {
            let (reference, schema) = named_schema(schema, printer);
            Written {
                ty: rust_type(ty, "api_types::"),
                range,
                schema,
                call: format!(".json({media_type}, {reference}, &body)"),
            }
        }
        MediaKind::Text { schema } => {
            let (reference, schema) = named_schema(schema, printer);
            let call = format!(".text({media_type}, {reference}, body)");
            Written { ty: "String".into(), range, schema, call }
        }
        // A form in a response is rare enough that the handler writes its text.
        MediaKind::Form { .. } => {
            let any = SchemaRef::Inline(Box::default());
            let call = format!(".text({media_type}, {}, body)", printer.reference(&any));
            Written { ty: "String".into(), range, schema: None, call }
        }
        MediaKind::Sequence { framing, ty, in_event, schema } => {
            imports.add("specwright_runtime::sequence", ["Framing", "ItemSource"]);
            let (reference, schema) = named_schema(schema, printer);
            Written {
                ty: format!("ItemSource<{}>", item_type(ty, *in_event)),
                range,
                schema,
                call: format!(".items({media_type}, Framing::{framing:?}, {reference}, body)"),
            }
        }
        MediaKind::Multipart { .. } | MediaKind::Binary => {
            imports.add("specwright_runtime::axum::body", ["Body"]);
            Written { ty: "Body".into(), range, schema: None, call: format!(".stream({media_type}, body)") }
        }
    }
}

/// A schema to point to: the static of `api-types`, or `&SCHEMA` and what `SCHEMA` has to be.
pub(super) fn named_schema(schema: &SchemaRef, printer: &mut Printer<'_>) -> (String, Option<String>) {
    match schema {
        SchemaRef::Named(_) => (printer.reference(schema), None),
        SchemaRef::Inline(schema) => ("&SCHEMA".into(), Some(printer.schema(schema))),
    }
}

fn field(docs: &str, name: &str, ty: String) -> ResponseFieldView {
    ResponseFieldView { docs: text::doc_comment("///", docs, None), deprecated: false, name: name.into(), ty }
}

fn status_call(status: Status) -> String {
    match status {
        Status::Exact(code) => match name_of(code) {
            Some(name) => format!(".status(StatusCode::{name})"),
            None => format!(".status(StatusCode::from_u16({code}).expect(\"a status has three digits\"))"),
        },
        Status::Range(class) => format!(".status_of_class({class}, status)"),
        Status::Default => ".status(status)".into(),
    }
}

impl Status {
    /// Whether the handler has to say which status it is.
    fn class_or_default(self) -> bool {
        !matches!(self, Self::Exact(_))
    }
}

/// The constant of `http::StatusCode`.
fn name_of(code: u16) -> Option<&'static str> {
    Some(match code {
        100 => "CONTINUE",
        101 => "SWITCHING_PROTOCOLS",
        102 => "PROCESSING",
        200 => "OK",
        201 => "CREATED",
        202 => "ACCEPTED",
        203 => "NON_AUTHORITATIVE_INFORMATION",
        204 => "NO_CONTENT",
        205 => "RESET_CONTENT",
        206 => "PARTIAL_CONTENT",
        207 => "MULTI_STATUS",
        208 => "ALREADY_REPORTED",
        226 => "IM_USED",
        300 => "MULTIPLE_CHOICES",
        301 => "MOVED_PERMANENTLY",
        302 => "FOUND",
        303 => "SEE_OTHER",
        304 => "NOT_MODIFIED",
        305 => "USE_PROXY",
        307 => "TEMPORARY_REDIRECT",
        308 => "PERMANENT_REDIRECT",
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        402 => "PAYMENT_REQUIRED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        406 => "NOT_ACCEPTABLE",
        407 => "PROXY_AUTHENTICATION_REQUIRED",
        408 => "REQUEST_TIMEOUT",
        409 => "CONFLICT",
        410 => "GONE",
        411 => "LENGTH_REQUIRED",
        412 => "PRECONDITION_FAILED",
        413 => "PAYLOAD_TOO_LARGE",
        414 => "URI_TOO_LONG",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        416 => "RANGE_NOT_SATISFIABLE",
        417 => "EXPECTATION_FAILED",
        418 => "IM_A_TEAPOT",
        421 => "MISDIRECTED_REQUEST",
        422 => "UNPROCESSABLE_ENTITY",
        423 => "LOCKED",
        424 => "FAILED_DEPENDENCY",
        426 => "UPGRADE_REQUIRED",
        428 => "PRECONDITION_REQUIRED",
        429 => "TOO_MANY_REQUESTS",
        431 => "REQUEST_HEADER_FIELDS_TOO_LARGE",
        451 => "UNAVAILABLE_FOR_LEGAL_REASONS",
        500 => "INTERNAL_SERVER_ERROR",
        501 => "NOT_IMPLEMENTED",
        502 => "BAD_GATEWAY",
        503 => "SERVICE_UNAVAILABLE",
        504 => "GATEWAY_TIMEOUT",
        505 => "HTTP_VERSION_NOT_SUPPORTED",
        506 => "VARIANT_ALSO_NEGOTIATES",
        507 => "INSUFFICIENT_STORAGE",
        508 => "LOOP_DETECTED",
        510 => "NOT_EXTENDED",
        511 => "NETWORK_AUTHENTICATION_REQUIRED",
        _ => return None,
    })
}
