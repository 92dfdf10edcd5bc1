//! `multipart/form-data` (RFC 7578): fields by the schema, files as they arrive.
//!
//! A handler is called when the fields are known. Until then a form is held in memory, files included, up to the service's
//! limit for that; so the order of the parts of a small form does not matter, and all of it is judged before the handler runs.
//! Where a file is larger than what may be held, the handler is called with the fields so far, and reads the rest of the body
//! through the file: whatever the contract requires has to come before such a file, and a field that comes after it is
//! refused. What can be judged only at the end (`minItems` of files, `minProperties`, a file that is missing) is judged when the
//! handler has read so far.

mod file;
mod form;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, StatusCode, header};
use mime::Mime;
use serde_json::{Map, Value};

pub use self::{
    file::{File, Files},
    form::Form,
};
use self::{
    file::{Rest, Wire},
    form::Held,
};
use super::{
    Decoder, Invalid, Rejection,
    body::covers,
    fields::{Fields, Text},
};
use crate::{
    operation::{Parameter, Style},
    problem::{Problem, ProblemError},
    schema::{Direction, Schema, prepare_request, validate},
    spelling::{expand::expand, text, unescape_part_name},
};

/// What the contract says about a multipart body.
#[derive(Debug)]
pub struct Multipart {
    /// The schema of the whole: an object with a property per part.
    pub schema: &'static Schema,
    /// How each part is read. Parts that are not listed are text.
    pub parts: &'static [Part],
}

/// What the contract says about a part.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// How it is read.
    pub kind: PartKind,
    /// Whether it may be there several times.
    pub many: bool,
    /// The media types that the contract's `encoding` lists, ranges included; any where there are none.
    pub content_types: &'static [&'static str],
    /// The headers that the contract's `encoding` describes.
    pub headers: &'static [Parameter],
}

/// How a member of a form is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Bytes, with a file name and a content type.
    File,
    /// JSON.
    Json,
    /// Text, read by the schema as a parameter is.
    Text,
    /// Text in the style of a parameter.
    Styled {
        /// `style`.
        style: Style,
        /// `explode`.
        explode: bool,
    },
}

/// More parts than this are refused.
const MOST_PARTS: usize = 1000;

impl Part {
    /// A part about which the contract says no more.
    pub const fn new(name: &'static str, kind: PartKind) -> Self {
        Self { name, kind, many: false, content_types: &[], headers: &[] }
    }
}

impl Multipart {
    fn position(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|part| part.name == name)
    }

    fn kind(&self, name: &str) -> Option<PartKind> {
        self.position(name).map(|index| self.parts[index].kind)
    }

    fn is_file(&self, name: &str) -> bool {
        self.kind(name) == Some(PartKind::File)
    }
}

impl Decoder {
    /// Reads a multipart body: its fields, and its files as far as they may be held.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it is missing, of another media type, too large, malformed, or breaks its schema.
    pub async fn multipart(&mut self, multipart: &'static Multipart) -> Result<Form, Invalid> {
        let form = self.optional_multipart(multipart).await?;
        form.ok_or_else(|| self.missing_body())
    }

    /// Reads a multipart body that may be absent.
    ///
    /// # Errors
    ///
    /// As [`Decoder::multipart`].
    pub async fn optional_multipart(&mut self, multipart: &'static Multipart) -> Result<Option<Form>, Invalid> {
        let boundary = match self.content_type()? {
            None if self.has_no_body().await => return Ok(None),
            Some(content_type) if content_type.essence_str() == mime::MULTIPART_FORM_DATA.essence_str() => {
                content_type.get_param(mime::BOUNDARY).map(|boundary| boundary.as_str().to_owned())
            }
            _ => {
                self.refusal = Some(super::body::unsupported(&["multipart/form-data"]).into_problem());
                return Err(Invalid);
            }
        };
        self.check_announced_length()?;
        let Some(boundary) = boundary else {
            self.complain_of_body("multipart", "must have a boundary in its content type".to_owned());
            return Err(Invalid);
        };
        self.form_of(multipart, boundary).await.map(Some)
    }

    async fn form_of(&mut self, spec: &'static Multipart, boundary: String) -> Result<Form, Invalid> {
        let body = self.incoming.body.take().unwrap_or_default().into_data_stream();
        let limit = self.incoming.body_limit;
        let constraints = multer::Constraints::new().size_limit(multer::SizeLimit::new().whole_stream(limit as u64));
        let paced = Paced { stream: body, rests: false };
        let mut multipart = multer::Multipart::with_constraints(paced, boundary, constraints);
        let kinds = |name: &str| spec.kind(name);
        let styled = spec.parts.iter().filter(|part| matches!(part.kind, PartKind::Styled { .. }));
        let mut fields = Fields::new(spec.schema, &kinds, styled.map(|part| part.name).collect());
        let (mut held, mut wire) = (Held::default(), None);
        let (mut room, mut count, before) = (self.incoming.form_memory, 0, self.errors.len());
        let mut counts = vec![0; spec.parts.len()];
        'parts: loop {
            let mut field = match multipart.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => break,
                Err(error) => return Err(self.unreadable(&error)),
            };
            count += 1;
            if count > MOST_PARTS {
                self.complain_of_body("multipart", format!("must have at most {MOST_PARTS} parts"));
                return Err(Invalid);
            }
            let name = match field.name() {
                Some(name) => unescape_part_name(name),
                None => {
                    self.complain_of_body("multipart", "must name each part".to_owned());
                    return Err(Invalid);
                }
            };
            let index = spec.position(&name);
            let part = index.map(|index| &spec.parts[index]);
            self.errors.extend(part.map(|part| head_faults(part, field.headers())).unwrap_or_default());
            let file = index.filter(|_| spec.is_file(&name));
            let mut content = Vec::new();
            loop {
                let chunk = match field.chunk().await {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => break,
                    Err(error) => return Err(self.unreadable(&error)),
                };
                content.extend_from_slice(&chunk);
                if let Some(left) = room.checked_sub(chunk.len()) {
                    room = left;
                } else if let Some(index) = file {
                    counts[index] += 1;
                    wire = Some((index, content, field));
                    break 'parts;
                } else {
                    let limit = self.incoming.form_memory;
                    self.refuse_size(format!("the fields of the form must have at most {limit} bytes"));
                    return Err(Invalid);
                }
            }
            match file {
                Some(index) => {
                    counts[index] += 1;
                    held.push(index, File::held(field.headers(), field.file_name(), content.into()));
                }
                None => match String::from_utf8(content) {
                    Ok(text) => fields.add(name, Text::Plain(text)),
                    Err(_) => self.complain_of_part(&name, "encoding", "must be UTF-8".to_owned()),
                },
            }
        }
        let (values, faults) = fields.finish();
        for (name, keyword, detail) in faults {
            self.complain_of_part(&name, keyword, detail);
        }
        let named = |error: &ProblemError| error.pointer.clone();
        let known: Vec<String> = self.errors[before..].iter().map(named).collect();
        let judged = judge(spec, &values, &counts, wire.is_none());
        self.errors.extend(judged.into_iter().filter(|error| !known.contains(&error.pointer)));
        if self.errors.len() > before {
            return Err(Invalid);
        }
        let mut prepared = Value::Object(values.clone());
        prepare_request(spec.schema, &mut prepared);
        let Value::Object(prepared) = prepared else { return Err(Invalid) };
        let wire = wire.map(|(index, head, field)| {
            let rest = Rest::new(multipart, spec, values, counts, count, limit);
            Wire { index, head: head.into(), field: Box::new(field), rest }
        });
        Ok(Form::new(spec, prepared, held, wire))
    }

    fn unreadable(&mut self, error: &multer::Error) -> Invalid {
        let problem = fault(error, self.incoming.body_limit).into_problem();
        if problem.status() == StatusCode::BAD_REQUEST {
            self.errors.extend_from_slice(problem.violations());
        } else {
            self.refusal = Some(problem);
        }
        Invalid
    }

    fn complain_of_part(&mut self, name: &str, keyword: &'static str, detail: String) {
        self.errors.push(part_error(name, keyword, detail));
    }
}

/// Why a multipart body cannot be read: 413 or 400.
fn fault(error: &multer::Error, limit: usize) -> Rejection {
    use multer::Error::{FieldSizeExceeded, StreamSizeExceeded};
    if matches!(error, StreamSizeExceeded { .. } | FieldSizeExceeded { .. }) {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE).title("Content Too Large");
        return Rejection::new(problem.detail(format!("the body must have at most {limit} bytes")));
    }
    refused(vec![ProblemError {
        pointer: "/body".to_owned(),
        keyword: "multipart",
        detail: format!("must be multipart/form-data: {error}"),
    }])
}

fn refused(errors: Vec<ProblemError>) -> Rejection {
    Rejection::new(Problem::new(StatusCode::BAD_REQUEST).errors(errors))
}

/// What is wrong with the head of a part: its media type and the headers that the contract describes.
fn head_faults(part: &Part, headers: &HeaderMap) -> Vec<ProblemError> {
    let mut errors = Vec::new();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(sent) = text(header::CONTENT_TYPE.as_str())
        && !part.content_types.is_empty()
    {
        let sent = sent.parse::<Mime>().ok();
        let offered = |offer: &&str| offer.parse::<Mime>().ok();
        let is_offered =
            sent.is_some_and(|sent| part.content_types.iter().filter_map(offered).any(|offer| covers(&offer, &sent)));
        if !is_offered {
            let detail = format!("must have the content type {}", part.content_types.join(" or "));
            errors.push(part_error(part.name, "contentType", detail));
        }
    }
    for parameter in part.headers {
        let Some(raw) = text(parameter.name) else {
            if parameter.required {
                let detail = format!("must have the header {}", parameter.name);
                errors.push(part_error(part.name, "required", detail));
            }
            continue;
        };
        let value = expand(raw, Style::Simple, parameter, text::shape(parameter.schema));
        let found: Vec<(&'static str, String)> = match value {
            Ok(value) => validate(parameter.schema, &value, Direction::Request)
                .into_iter()
                .map(|violation| (violation.keyword, violation.message))
                .collect(),
            Err(fault) => vec![fault],
        };
        errors.extend(found.into_iter().map(|(keyword, message)| {
            part_error(part.name, keyword, format!("has a header {} that {message}", parameter.name))
        }));
    }
    errors
}

/// What is wrong with the parts together. A file is judged by whether it is there and how often: an empty text takes its place.
/// Before all is known (`complete`) nothing is held against a form that a further part may still mend.
fn judge(spec: &Multipart, values: &Map<String, Value>, counts: &[usize], complete: bool) -> Vec<ProblemError> {
    let mut errors = Vec::new();
    let mut whole = values.clone();
    for (part, count) in spec.parts.iter().zip(counts).filter(|(_, count)| **count > 0) {
        let place = Value::String(String::new());
        let places = if part.many { Value::Array(vec![place; *count]) } else { place };
        whole.insert(part.name.to_owned(), places);
        if !part.many && *count > 1 {
            errors.push(part_error(part.name, "repeated", "must be given once".to_owned()));
        }
    }
    for violation in validate(spec.schema, &Value::Object(whole), Direction::Request) {
        let mut segments = violation.pointer.split('/').skip(1);
        let name = segments.next().map(|name| name.replace("~1", "/").replace("~0", "~"));
        let below = segments.next().is_some();
        let kept = match name.as_deref() {
            Some(name) if spec.is_file(name) => {
                !below
                    && (violation.keyword == "maxItems"
                        || complete && matches!(violation.keyword, "required" | "minItems"))
            }
            Some(_) => complete || below || violation.keyword != "dependentRequired",
            None => complete || violation.keyword == "maxProperties",
        };
        if kept {
            errors.push(ProblemError {
                pointer: format!("/body{}", violation.pointer),
                keyword: violation.keyword,
                detail: violation.message,
            });
        }
    }
    errors
}

fn part_error(name: &str, keyword: &'static str, detail: String) -> ProblemError {
    ProblemError { pointer: format!("/body/{}", super::escape(name)), keyword, detail }
}

/// Hands out one chunk at a time. multer reads on for as long as its stream is ready, so that a fast sender would have it hold the
/// whole body.
struct Paced<S> {
    stream: S,
    rests: bool,
}

impl<S: Stream<Item = Result<Bytes, axum::Error>> + Unpin> Stream for Paced<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.stream).poll_next(context);
        self.rests = matches!(next, Poll::Ready(Some(_)));
        next
    }
}
