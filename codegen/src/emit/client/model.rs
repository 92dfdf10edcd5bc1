//! What a client method returns: `Result<ResponseValue<T>, Error<E>>`, and what `T` and `E` are.
//!
//! Where all documented successes (or errors) have one body and no headers, `T` (or `E`) is the type of that body. A single
//! response with headers is a struct of them and the body. Everything else is an enum with the variants of the server's
//! response enum. Status and raw headers are those of the `ResponseValue`.

use crate::emit::response::{documentation, status};
use crate::emit::rust_type::{item_type, rust_type};
use crate::emit::text;
use crate::ir::{Framing, Media, MediaKind, Operation, Response, Status};

/// The success side or the error side of a method's result.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The type argument of `ResponseValue` or `Error`.
    pub(crate) ty: String,
    /// How each documented response becomes it.
    pub(crate) cases: Vec<Case>,
    /// The type that `ty` names, where it is the client's own.
    pub(crate) item: Option<Item>,
}

/// A struct or enum that only one method needs.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its name.
    pub(crate) name: String,
    /// One line about it.
    pub(crate) docs: String,
    /// Fields of a struct; empty for an enum.
    pub(crate) fields: Vec<Field>,
    /// Variants of an enum; empty for a struct.
    pub(crate) variants: Vec<Variant>,
}

/// A variant of an enum.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// Doc lines.
    pub(crate) docs: String,
    /// Type of a tuple variant.
    pub(crate) content: Option<String>,
    /// Fields of a struct variant.
    pub(crate) fields: Vec<Field>,
}

/// A field of a struct or variant.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: String,
    /// Doc lines.
    pub(crate) docs: String,
    pub(crate) deprecated: bool,
}

/// One documented response with one media type (or none).
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Statuses.
    pub(crate) status: Status,
    media_type: Option<String>,
    /// Whether the media type tells it from other cases of its status.
    guarded: bool,
    /// Whether it is one of several kinds of JSON, which only their names tell apart.
    exact: bool,
    shape: Shape,
    /// What is built around the body: the path of a struct or variant.
    wrap: Option<String>,
    headers: Vec<HeaderRead>,
}

/// A header that a case reads.
#[derive(Clone, Debug)]
struct HeaderRead {
    field: String,
    constant: String,
    required: bool,
}

/// What the variable `response` of a method holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// A `BufferedResponse`: the body is there.
    Whole,
    /// A `reqwest::Response`: the operation has a body that is handed out before it is there.
    Beginning,
}

impl Held {
    /// `response` with its body.
    fn whole(self) -> &'static str {
        match self {
            Self::Whole => "response",
            Self::Beginning => "BufferedResponse::of(response).await",
        }
    }

    /// `response` as a value without a body.
    fn empty(self) -> &'static str {
        match self {
            Self::Whole => "read_nothing(&response)",
            Self::Beginning => "ResponseValue::empty(response)",
        }
    }

    /// The error that `response` is where the contract has no such one.
    pub(crate) fn unexpected(self) -> &'static str {
        match self {
            Self::Whole => "Error::UnexpectedResponse(response.into())",
            Self::Beginning => "Error::UnexpectedResponse(response)",
        }
    }
}

/// A body on the client's side.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// None.
    Empty,
    /// JSON of a type.
    Json(String),
    /// A `String`.
    Text,
    /// Items of a type, one by one.
    Items(String, Framing),
    /// A stream: success bodies that are neither JSON nor text.
    Stream,
    /// Bytes in memory: error bodies that are neither JSON nor text.
    Bytes,
}

impl Shape {
    fn of(media: &Media, success: bool) -> Self {
        match &media.kind {
            MediaKind::Json { ty, .. } => Self::Json(rust_type(ty, "api_types::")),
            MediaKind::Text { .. } | MediaKind::Form { .. } => Self::Text,
            MediaKind::Sequence { framing, ty, in_event, .. } => {
                Self::Items(format!("Items<{}>", item_type(ty, *in_event)), *framing)
            }
            MediaKind::Binary | MediaKind::Multipart { .. } if success => Self::Stream,
            MediaKind::Binary | MediaKind::Multipart { .. } => Self::Bytes,
        }
    }

    /// The type that stands for the body.
    fn ty(&self) -> &str {
        match self {
            Self::Empty => "()",
            Self::Json(ty) | Self::Items(ty, _) => ty,
            Self::Text => "String",
            Self::Stream => "ByteStream",
            Self::Bytes => "bytes::Bytes",
        }
    }

    /// Whether it is handed out before it is there.
    fn is_streamed(&self) -> bool {
        matches!(self, Self::Stream | Self::Items(..))
    }

    /// The expression that reads it from `response`: a `Result`.
    fn read(&self, media_type: Option<&str>, response: Held) -> String {
        let media_type = text::string_literal(media_type.unwrap_or("*/*"));
        let whole = response.whole();
        match self {
            Self::Empty => format!("Ok({})", response.empty()),
            Self::Json(_) => format!("read_json({whole}, {media_type})"),
            Self::Text => format!("read_text({whole}, {media_type})"),
            Self::Stream => format!("read_stream(response, {media_type})"),
            Self::Bytes => format!("read_bytes({whole}, {media_type})"),
            Self::Items(_, framing) => format!("read_items(response, {media_type}, Framing::{framing:?})"),
        }
    }
}

impl Outcome {
    /// What the documented successes become. Without any documented success, `default` is one for 2xx.
    pub(crate) fn success(operation: &Operation) -> Self {
        let mut responses: Vec<(Status, &Response)> =
            operation.responses.iter().filter(|one| one.status.is_success()).map(|one| (one.status, one)).collect();
        if responses.is_empty() {
            responses.extend(
                operation
                    .responses
                    .iter()
                    .filter(|one| one.status == Status::Default)
                    .map(|one| (Status::Range(2), one)),
            );
        }
        Self::of(
            &responses,
            true,
            format!("{}Success", operation.type_prefix),
            format!("What {} answers where it succeeds.", text::code(&operation.name.wire)),
        )
    }

    /// What every other documented response becomes.
    pub(crate) fn error(operation: &Operation) -> Self {
        let responses: Vec<(Status, &Response)> =
            operation.responses.iter().filter(|one| !one.status.is_success()).map(|one| (one.status, one)).collect();
        Self::of(
            &responses,
            false,
            format!("{}Error", operation.type_prefix),
            format!("What {} answers where it does not succeed.", text::code(&operation.name.wire)),
        )
    }

    fn of(responses: &[(Status, &Response)], success: bool, name: String, docs: String) -> Self {
        let mut cases = Vec::new();
        let mut variants = Vec::new();
        for &(status, response) in responses {
            let several = response.media.len() > 1;
            let shapes: Vec<(Option<&Media>, Shape)> = if response.media.is_empty() {
                vec![(None, Shape::Empty)]
            } else {
                response.media.iter().map(|media| (Some(media), Shape::of(media, success))).collect()
            };
            for (media, shape) in shapes {
                let variant = match media {
                    Some(media) if several && responses.len() == 1 => media.variant.clone(),
                    Some(media) if several => format!("{}{}", response.variant, media.variant),
                    _ => response.variant.clone(),
                };
                let fields = fields(response, &shape);
                let media_type = media.map(|media| media.media_type.clone());
                let docs = match &media_type {
                    Some(media_type) if several => text::doc_comment(
                        "///",
                        &format!("{}, {}.", text::capitalised(&self::status(status)), text::code(media_type)),
                        None,
                    ),
                    _ => documentation(response),
                };
                let content = (fields.is_empty() && shape != Shape::Empty).then(|| shape.ty().to_owned());
                variants.push(Variant { name: variant.clone(), docs, content, fields });
                cases.push(Case {
                    status,
                    media_type,
                    guarded: several,
                    exact: media.is_some_and(is_json)
                        && response.media.iter().filter(|media| is_json(media)).count() > 1,
                    shape,
                    wrap: Some(format!("{name}::{variant}")),
                    headers: reads(response),
                });
            }
        }
        let plain = cases.iter().all(|case| case.headers.is_empty() && case.shape == cases[0].shape);
        match variants.as_mut_slice() {
            _ if plain => {
                let ty = cases.first().map_or("()", |case| case.shape.ty()).to_owned();
                cases.iter_mut().for_each(|case| case.wrap = None);
                Self { ty, cases, item: None }
            }
            [only] => {
                cases.iter_mut().for_each(|case| case.wrap = Some(name.clone()));
                let fields = std::mem::take(&mut only.fields);
                Self { ty: name.clone(), cases, item: Some(Item { name, docs, fields, variants: Vec::new() }) }
            }
            _ => Self { ty: name.clone(), cases, item: Some(Item { name, docs, fields: Vec::new(), variants }) },
        }
    }
}

fn is_json(media: &Media) -> bool {
    matches!(media.kind, MediaKind::Json { .. })
}

/// The fields of a response with headers; empty for one without.
fn fields(response: &Response, shape: &Shape) -> Vec<Field> {
    if response.headers.is_empty() {
        return Vec::new();
    }
    let mut fields = Vec::new();
    if *shape != Shape::Empty {
        let docs = text::doc_comment("///", "The body.", None);
        fields.push(Field { name: "body".into(), ty: shape.ty().to_owned(), docs, deprecated: false });
    }
    fields.extend(response.headers.iter().map(|header| {
        let ty = rust_type(&header.ty, "api_types::");
        Field {
            name: header.name.rust.clone(),
            ty: if header.required { ty } else { format!("Option<{ty}>") },
            docs: text::sentence_then(&format!("The header {}.", text::code(&header.name.wire)), &header.docs),
            deprecated: header.docs.deprecated,
        }
    }));
    fields
}

fn reads(response: &Response) -> Vec<HeaderRead> {
    let headers = response.headers.iter().map(|header| HeaderRead {
        field: header.name.rust.clone(),
        constant: header.constant.clone(),
        required: header.required,
    });
    headers.collect()
}

impl Item {
    /// Type of the body of a struct: a response with headers reads like its body.
    pub(crate) fn body(&self) -> Option<&str> {
        self.fields.first().filter(|field| field.name == "body").map(|field| field.ty.as_str())
    }

    /// Whether `Debug` can be derived.
    pub(crate) fn derives_debug(&self) -> bool {
        let fields = self.fields.iter().chain(self.variants.iter().flat_map(|variant| &variant.fields));
        let mut types =
            fields.map(|field| &field.ty).chain(self.variants.iter().filter_map(|variant| variant.content.as_ref()));
        types.all(|ty| !matches!(ty.as_str(), "ByteStream" | "reqwest::Body"))
    }
}

impl Case {
    /// Whether its body is handed out before it is there.
    pub(crate) fn is_streamed(&self) -> bool {
        self.shape.is_streamed()
    }

    /// The pattern of its arm in `match response.status().as_u16()`.
    pub(crate) fn pattern(&self) -> String {
        match self.status {
            Status::Exact(code) => code.to_string(),
            Status::Range(digit) => format!("{digit}00..={digit}99"),
            Status::Default => "_".into(),
        }
    }

    /// What must hold beside the pattern.
    pub(crate) fn guard(&self) -> Option<String> {
        let media_type = self.media_type.as_ref().filter(|_| self.guarded)?;
        let question = if self.exact { "media_type_is" } else { "media_type_matches" };
        Some(format!("{question}(response.headers(), {})", text::string_literal(media_type)))
    }

    /// What the method ends with.
    pub(crate) fn expression(&self, success: bool, response: Held) -> String {
        let read = self.shape.read(self.media_type.as_deref(), response);
        let ended = |wrap: &str| match (&self.shape, success) {
            (Shape::Empty, true) => format!("Ok(wrapped({}, {wrap}))", response.empty()),
            (_, true) => format!("Ok(wrapped({read}?, {wrap}))"),
            (_, false) => format!("Err(refused({read}, {wrap}))"),
        };
        let Some(path) = &self.wrap else {
            return if success { read } else { format!("Err(refusal({read}))") };
        };
        if self.headers.is_empty() {
            return ended(&if self.shape == Shape::Empty { format!("|()| {path}") } else { path.clone() });
        }
        // A header called `response` must not hide the response.
        let local = |header: &HeaderRead| match header.field.as_str() {
            "response" => "response_header".to_owned(),
            field => field.to_owned(),
        };
        let read = |header: &HeaderRead| format!("read_header(response.headers(), &{})", header.constant);
        let (required, optional): (Vec<&HeaderRead>, Vec<_>) = self.headers.iter().partition(|header| header.required);
        let mut block = match required.as_slice() {
            [] => String::new(),
            [one] => format!("let Some({}) = {}", local(one), read(one)),
            all => format!(
                "let ({}) = ({})",
                all.iter().map(|header| format!("Some({})", local(header))).collect::<Vec<_>>().join(", "),
                all.iter().map(|header| read(header)).collect::<Vec<_>>().join(", ")
            ),
        };
        if !required.is_empty() {
            block.push_str(&format!(" else {{\nreturn Err({});\n}};\n", response.unexpected()));
        }
        for header in optional {
            block.push_str(&format!("let {} = {};\n", local(header), read(header)));
        }
        let argument = if self.shape == Shape::Empty { "()" } else { "body" };
        let fields = self.headers.iter().map(|header| match local(header) {
            local if local == header.field => local,
            local => format!("{}: {local}", header.field),
        });
        let body = (self.shape != Shape::Empty).then(|| "body".to_owned());
        let fields: Vec<String> = body.into_iter().chain(fields).collect();
        format!("{{\n{block}let wrap = |{argument}| {path} {{ {} }};\n{}\n}}", fields.join(", "), ended("wrap"))
    }
}
