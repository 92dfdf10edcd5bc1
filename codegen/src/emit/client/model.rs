//! What a client method returns, decided once for both ways of writing it.

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
    /// The enum that `ty` names, where there are several body types.
    pub(crate) bodies: Option<Bodies>,
}

/// An enum of bodies.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    /// Its name.
    pub(crate) name: String,
    /// One line about it.
    pub(crate) docs: String,
    /// Variants: name, type (empty for no body) and one line about it.
    pub(crate) variants: Vec<(String, Option<String>, String)>,
}

/// One documented response with one media type (or none).
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Statuses.
    pub(crate) status: Status,
    /// Media type, looked at where the response has several.
    pub(crate) media_type: Option<String>,
    /// Body.
    pub(crate) shape: Shape,
    /// Variant of the enum that it becomes.
    pub(crate) variant: String,
}

/// A body on the client's side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
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
    pub(crate) fn ty(&self) -> &str {
        match self {
            Self::Empty => "()",
            Self::Json(ty) | Self::Items(ty, _) => ty,
            Self::Text => "String",
            Self::Stream => "ByteStream",
            Self::Bytes => "bytes::Bytes",
        }
    }

    /// The expression that reads it from `response`.
    pub(crate) fn read(&self) -> &'static str {
        match self {
            Self::Empty => "ResponseValue::empty(response)",
            Self::Json(_) => "ResponseValue::from_response(response).await?",
            Self::Text => "text_of(response).await?",
            Self::Items(_, Framing::Lines) => "items_of(response, Framing::Lines)",
            Self::Items(_, Framing::Records) => "items_of(response, Framing::Records)",
            Self::Items(_, Framing::Events) => "items_of(response, Framing::Events)",
            Self::Stream => "ResponseValue::stream(response)",
            Self::Bytes => "bytes_of(response).await?",
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
            format!("Success bodies of {}.", text::code(&operation.name.wire)),
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
            format!("Error bodies of {}.", text::code(&operation.name.wire)),
        )
    }

    fn of(responses: &[(Status, &Response)], success: bool, name: String, docs: String) -> Self {
        let mut cases = Vec::new();
        for &(status, response) in responses {
            if response.media.is_empty() {
                cases.push(Case { status, media_type: None, shape: Shape::Empty, variant: response.variant.clone() });
            }
            for media in &response.media {
                // One body type needs no look at the media type; several do.
                let several = response.media.len() > 1;
                let variant = if several && responses.len() == 1 {
                    media.variant.clone()
                } else if several {
                    format!("{}{}", response.variant, media.variant)
                } else {
                    response.variant.clone()
                };
                cases.push(Case {
                    status,
                    media_type: several.then(|| media.media_type.clone()),
                    shape: Shape::of(media, success),
                    variant,
                });
            }
        }
        let mut distinct: Vec<&Shape> = Vec::new();
        for case in &cases {
            if !distinct.contains(&&case.shape) {
                distinct.push(&case.shape);
            }
        }
        match distinct.as_slice() {
            [] => Self { ty: "()".into(), cases, bodies: None },
            [only] => Self { ty: only.ty().to_owned(), cases, bodies: None },
            _ => {
                let variants = cases
                    .iter()
                    .map(|case| {
                        let ty = (case.shape != Shape::Empty).then(|| case.shape.ty().to_owned());
                        let media = case
                            .media_type
                            .as_ref()
                            .map(|media| format!(", {}", text::code(media)))
                            .unwrap_or_default();
                        (case.variant.clone(), ty, format!("{}{media}.", status_text(case.status)))
                    })
                    .collect();
                Self { ty: name.clone(), cases, bodies: Some(Bodies { name, docs, variants }) }
            }
        }
    }
}

impl Bodies {
    /// Whether `Debug` can be derived.
    pub(crate) fn derives_debug(&self) -> bool {
        self.variants.iter().all(|(_, ty, _)| !matches!(ty.as_deref(), Some("ByteStream" | "reqwest::Body")))
    }
}

impl Case {
    /// The pattern of its arm in `match response.status().as_u16()`.
    pub(crate) fn pattern(&self) -> String {
        let status = match self.status {
            Status::Exact(code) => code.to_string(),
            Status::Range(digit) => format!("{digit}00..={digit}99"),
            Status::Default => "_".into(),
        };
        match &self.media_type {
            Some(media) => format!("{status} if media_type_matches(&response, {})", text::string_literal(media)),
            None => status,
        }
    }
}

fn status_text(status: Status) -> String {
    match status {
        Status::Exact(code) => code.to_string(),
        Status::Range(digit) => format!("{digit}XX"),
        Status::Default => "Any other status".into(),
    }
}
