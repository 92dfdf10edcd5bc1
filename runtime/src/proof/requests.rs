//! Requests and answers made from a plan, and requests sent without the typed client.

use std::collections::BTreeMap;

use serde_json::Value;

use super::example::{Wish, example};
use super::given::{PartPayload, Payload, Request};
use super::plan::{Answer, Body, Content, Plan, Spelling, Status};
use super::stage::AnswerGiven;
use super::text::Alphabet;
use crate::client::{Call, CallError, Encoding, Form, Upload};
use crate::operation::{Location, Parameter, Style};
use crate::schema::{Direction, Types, accepted_types, property_of, takes_additional, validate};
use crate::spelling::text::{Shape, shape};

/// Headers that say how a message is framed (RFC 9112, section 6): any other value breaks the connection.
const TRANSPORT: [&str; 4] = ["content-length", "transfer-encoding", "connection", "upgrade"];

/// Bytes that are no text in any encoding and no line of any kind.
pub(super) const BYTES: &[u8] = b"\x00\xff\r\n--\xf0\x9f\x92\x99\x80 bytes";

/// The requests that an operation is called with; what could not be made is put into words.
pub(super) fn requests(plan: &'static Plan, paths: &[&str], unmade: &mut Vec<String>) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    let media: Vec<Option<usize>> = if plan.bodies.is_empty() {
        vec![None]
    } else {
        let absent = (!plan.body_required).then_some(None);
        (0..plan.bodies.len()).map(Some).chain(absent).collect()
    };
    for wish in Wish::all(Direction::Request) {
        // `/files/{name}` with the name `text` is the path `/files/text` where the contract has that as well: "concrete
        // (non-templated) paths would be matched before their templated counterparts" (OpenAPI 3.1, Paths Object).
        let mut made = None;
        for turn in 0..8 {
            made = parameters(plan, Wish { turn: wish.turn + turn, odd: wish.odd || turn > 3, ..wish }, unmade);
            if made.as_ref().is_none_or(|values| !paths.iter().any(|path| is_shadowed(plan, values, path))) {
                break;
            }
            made = None;
        }
        let Some(parameters) = made else {
            note(unmade, "a path that is no other path of the contract".to_owned());
            continue;
        };
        for &media in &media {
            let body = match media {
                None => Some(Payload::Nothing),
                Some(index) => payload(&plan.bodies[index], wish, "the body", unmade),
            };
            let Some(body) = body else { continue };
            let request = Request { parameters: parameters.clone(), media, body };
            if !requests.contains(&request) {
                requests.push(request);
            }
        }
    }
    requests
}

/// Whether a more concrete path of the contract is what the values spell.
fn is_shadowed(plan: &Plan, values: &[Option<Value>], other: &str) -> bool {
    let own: Vec<&str> = plan.operation.path.split('/').collect();
    let other: Vec<&str> = other.split('/').collect();
    let value = |segment: &str| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let index = plan.parameters.iter().position(|one| one.location == Location::Path && one.name == name)?;
        values[index].as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let mut is_concrete = false;
    own.len() == other.len()
        && own.iter().zip(&other).all(|(own, other)| {
            let spelled = value(own);
            is_concrete |= spelled.is_some() && !other.contains('{');
            other.contains('{') || spelled.as_deref().unwrap_or(own) == *other
        })
        && is_concrete
}

fn parameters(plan: &'static Plan, wish: Wish, unmade: &mut Vec<String>) -> Option<Vec<Option<Value>>> {
    let mut values = Vec::new();
    for parameter in plan.parameters {
        if !parameter.required && !wish.full {
            values.push(None);
            continue;
        }
        match example(parameter.schema, wish_for(parameter, wish)).and_then(|value| own_members(plan, parameter, value))
        {
            Some(value) => values.push(Some(value)),
            None => {
                note(unmade, format!("a value of the parameter {}", parameter.name));
                if parameter.required {
                    return None;
                }
                values.push(None);
            }
        }
    }
    Some(values)
}

/// The value without members that the query of this operation spells like other parameters; `None` where nothing is left.
fn own_members(plan: &Plan, parameter: &Parameter, mut value: Value) -> Option<Value> {
    let is_open = |parameter: &Parameter| {
        parameter.location == Location::Query
            && parameter.style == Style::Form
            && parameter.explode
            && parameter.content.is_none()
            && shape(parameter.schema) == Shape::Object
            && takes_additional(parameter.schema)
    };
    let mut before = plan.parameters.iter().take_while(|other| !std::ptr::eq(*other, parameter));
    let declared_only = is_open(parameter) && before.any(is_open);
    if let Value::Object(members) = &mut value
        && (declared_only || !parameter.except.is_empty())
    {
        members.retain(|name, _| {
            !parameter.except.contains(&name.as_str())
                && (!declared_only || property_of(parameter.schema, name).is_some())
        });
        if members.is_empty() || !validate(parameter.schema, &value, Direction::Request).is_empty() {
            return None;
        }
    }
    Some(value)
}

/// In a parameter nothing is spelled like nothing, and some characters have no spelling.
fn wish_for(parameter: &Parameter, wish: Wish) -> Wish {
    if parameter.content.is_some_and(is_json) && parameter.location != Location::Header {
        return Wish { emptiness: true, ..wish };
    }
    let delimited = matches!(parameter.style, Style::SpaceDelimited | Style::PipeDelimited);
    let alphabet = match parameter.location {
        Location::Header => Alphabet::Header,
        _ if delimited => Alphabet::Delimited,
        _ => Alphabet::Any,
    };
    Wish { emptiness: false, alphabet, ..wish }
}

fn payload(body: &Body, wish: Wish, what: &str, unmade: &mut Vec<String>) -> Option<Payload> {
    let made = match &body.content {
        Content::Json(schema) => example(schema, wish).map(Payload::Value),
        Content::Form(schema, _) => example(schema, Wish { emptiness: false, ..wish }).map(Payload::Value),
        Content::Text(schema) => example(schema, wish).filter(Value::is_string).map(Payload::Value),
        Content::Items(schema) => {
            // An event without data is none (HTML, "Interpretation of an event stream").
            let events = body.media_type.starts_with("text/event-stream");
            let wish = Wish { full: wish.full || events, ..wish };
            let items = (0..3).map(|turn| example(schema, Wish { turn: wish.turn + turn, ..wish }));
            let items = items.map(|item| item.filter(|item| !events || !item.get("data").is_none_or(Value::is_null)));
            items.collect::<Option<Vec<Value>>>().map(|items| Payload::Value(Value::Array(items)))
        }
        Content::Bytes => Some(Payload::Bytes(if wish.full { BYTES.to_vec() } else { b"bytes".to_vec() })),
        Content::Parts(whole, parts) => {
            let mut payloads = BTreeMap::new();
            let whole = example(whole, Wish { emptiness: false, ..wish }).unwrap_or_default();
            for part in *parts {
                if !part.required && !wish.full && whole.get(part.name).is_none() {
                    continue;
                }
                let payload = match part.schema {
                    None if part.many => Some(PartPayload::Files(vec![BYTES.to_vec(), b"second".to_vec()])),
                    None => Some(PartPayload::Files(vec![BYTES.to_vec()])),
                    Some(schema) => {
                        let value = whole.get(part.name).cloned();
                        value.or_else(|| example(schema, Wish { emptiness: false, ..wish })).map(PartPayload::Value)
                    }
                };
                match payload {
                    Some(payload) => {
                        payloads.insert(part.name.to_owned(), payload);
                    }
                    None => {
                        note(unmade, format!("a value of the part {}", part.name));
                        if part.required {
                            return None;
                        }
                    }
                }
            }
            return Some(Payload::Parts(payloads));
        }
        Content::Unproved(_) => return None,
    };
    if made.is_none() {
        note(unmade, format!("a value of {what} ({})", body.media_type));
    }
    made
}

/// What the handler answers with, two ways for every documented response.
pub(super) fn answers(plan: &'static Plan, unmade: &mut Vec<String>, unproved: &mut Vec<String>) -> Vec<AnswerGiven> {
    let mut answers = Vec::new();
    for (case, answer) in plan.answers.iter().enumerate() {
        let Some(status) = status(plan, answer) else { continue };
        if status < 200 {
            note(unproved, format!("{status} is not a final response (RFC 9110, section 15.2)"));
            continue;
        }
        if let Some(Content::Unproved(reason)) = answer.body.as_ref().map(|body| &body.content) {
            note(unproved, format!("{status}: {reason}"));
            continue;
        }
        if answer.body.is_some() && (matches!(status, 204 | 205 | 304) || plan.operation.method == "HEAD") {
            note(unproved, format!("{} {status} has a body in the contract and none in HTTP", plan.operation.method));
            continue;
        }
        let success = (200..300).contains(&status);
        if !success && matches!(answer.body.as_ref().map(|body| &body.content), Some(Content::Items(_))) {
            note(unproved, format!("{status}: a sequence of items as an error is not read to its end"));
            continue;
        }
        for wish in [Wish::all(Direction::Response)[0], Wish::all(Direction::Response)[2]] {
            let body = match &answer.body {
                None => Some(Payload::Nothing),
                Some(body) => payload(body, wish, &format!("the body of {status}"), unmade),
            };
            let Some(body) = body else { continue };
            let in_header = Wish { emptiness: false, alphabet: Alphabet::Header, ..wish };
            let mut headers = Vec::new();
            let mut complete = true;
            for header in answer.headers {
                if TRANSPORT.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
                    note(unproved, format!("{status}: the header {} is the transport's", header.name));
                    let length = match (&body, answer.body.as_ref().map(|body| &body.content)) {
                        _ if !header.name.eq_ignore_ascii_case("content-length") => Value::Null,
                        (Payload::Bytes(bytes), _) => Value::from(bytes.len()),
                        (Payload::Value(Value::String(text)), Some(Content::Text(_))) => Value::from(text.len()),
                        _ => Value::Null,
                    };
                    let text = accepted_types(header.schema).contains(Types::STRING) && !length.is_null();
                    complete &= !header.required || !length.is_null();
                    headers.push(if text { Value::from(length.to_string()) } else { length });
                    continue;
                }
                let wanted = header.required || wish.full;
                let value = wanted.then(|| example(header.schema, in_header)).flatten();
                if wanted && value.is_none() {
                    note(unmade, format!("a value of the header {} of {status}", header.name));
                    complete &= !header.required;
                }
                headers.push(value.unwrap_or(Value::Null));
            }
            if complete {
                answers.push(AnswerGiven { case, status, body, headers });
            }
        }
    }
    answers
}

/// A status of the response that no other response of the operation is for.
fn status(plan: &Plan, answer: &Answer) -> Option<u16> {
    let taken = |status: &u16| {
        plan.answers.iter().any(|other| match other.status {
            Status::Exact(exact) => exact == *status,
            Status::Class(class) => answer.status == Status::Other && class == status / 100,
            Status::Other => false,
        })
    };
    match answer.status {
        Status::Exact(status) => Some(status),
        Status::Class(class) => (0..100).map(|rest| class * 100 + 99 - rest).find(|status| !taken(status)),
        Status::Other => [500, 400, 418, 503, 599, 499, 299, 399].into_iter().find(|status| !taken(status)),
    }
}

fn note(notes: &mut Vec<String>, text: String) {
    if !notes.contains(&text) {
        notes.push(text);
    }
}

/// The request without the typed client: what it holds need not be valid.
pub(super) fn raw(
    plan: &'static Plan,
    request: &Request,
    client: &reqwest::Client,
    base_url: &str,
) -> Result<reqwest::Request, CallError> {
    let method = reqwest::Method::from_bytes(plan.operation.method.as_bytes()).unwrap_or_default();
    let mut call = Call::new(method, plan.operation.path);
    for (parameter, value) in plan.parameters.iter().zip(&request.parameters) {
        let Some(value) = value else { continue };
        let spelled = match parameter.content.filter(|content| is_json(content)) {
            Some(_) => Value::from(value.to_string()),
            None => value.clone(),
        };
        let (name, encoding) = (parameter.name, Encoding::of(parameter));
        match parameter.location {
            Location::Path => call.path(name, encoding, &spelled),
            Location::Query => call.query(name, encoding, &spelled),
            Location::Header => call.header(name, encoding, &spelled),
            Location::Cookie => call.cookie(name, encoding, &spelled),
        }
    }
    let media = request.media.and_then(|index| plan.bodies.get(index));
    let media_type = media.map(|media| concrete(media.media_type)).unwrap_or_default();
    match (&request.body, media.map(|media| &media.content)) {
        (Payload::Value(value), Some(Content::Json(_))) => call.json_body(media_type, value),
        (Payload::Value(value), Some(Content::Form(_, members))) => call.form_body_with(value, members),
        (Payload::Value(Value::String(text)), _) => call.bytes_body(media_type, text.clone()),
        (Payload::Bytes(bytes), _) => call.bytes_body(media_type, bytes.clone()),
        (Payload::Parts(parts), Some(Content::Parts(_, plans))) => {
            let mut form = Form::new();
            for part in *plans {
                form = match parts.get(part.name) {
                    Some(PartPayload::Value(value)) => match part.spelling {
                        Spelling::Json => form.json(part.name, part.media_type, value)?,
                        Spelling::JsonItems => form.json_items(part.name, part.media_type, value)?,
                        Spelling::Styled(encoding) => form.styled(part.name, encoding, value)?,
                        Spelling::Text => form.text(part.name, value)?,
                    },
                    Some(PartPayload::Files(files)) => {
                        let uploads = files.iter().map(|file| Upload::new(file.clone()).file_name("a.bin"));
                        form.files(part.name, Some(part.media_type), uploads)?
                    }
                    None => form,
                };
            }
            call.multipart_body(form);
        }
        _ => {}
    }
    call.build(client, base_url)
}

/// Whether the text of a `content` parameter is JSON.
pub(super) fn is_json(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "text/json") || media_type.ends_with("+json")
}

/// A media type that a range covers.
fn concrete(media_type: &'static str) -> &'static str {
    match media_type {
        "*/*" | "application/*" => "application/octet-stream",
        "text/*" => "text/plain",
        "image/*" => "image/png",
        "audio/*" => "audio/ogg",
        "video/*" => "video/mp4",
        other => other,
    }
}
