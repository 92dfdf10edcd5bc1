//! Requests that must not reach the handler.

use serde_json::Value;

use super::breach::{breaches, escape};
use super::credential;
use super::drive::Ground;
use super::given::{PartPayload, Payload, Request};
use super::plan::{Content, Plan};
use super::report::Report;
use super::requests::{is_json, raw};
use crate::operation::{Location, Parameter, Style};
use crate::schema::{Schema, Types, accepted_types, property_of};

/// A request that must be refused.
struct Refused<'a> {
    what: String,
    request: &'a Request,
    statuses: &'a [u16],
    /// Where the fault lies, and what it is called; either of the names will do.
    errors: Option<(String, &'a [&'a str])>,
    headers: &'a [(&'static str, &'static str)],
}

/// The longest text outside a body, in bytes: a recipient need not take a longer line than 8,000 (RFC 9110, section 4.1), and
/// percent-encoding makes a text three times as long.
const LONGEST: usize = 2_500;

/// What a violation is answered with.
const VIOLATION: &[u16] = &[400, 422];

/// Sends everything that must be refused. `requests` are valid ones, `base` is the one that has the most to break.
pub(super) async fn refusals(
    plan: &'static Plan,
    ground: &Ground,
    requests: &[Request],
    base: Request,
    report: &mut Report,
) {
    missing(plan, ground, &base, report).await;
    parameters(plan, ground, &base, report).await;
    for index in 0..plan.bodies.len() {
        let fullest = requests.iter().rev().find(|request| request.media == Some(index) && !is_bare(request));
        let request = fullest.or_else(|| requests.iter().find(|request| request.media == Some(index)));
        if let Some(request) = request {
            body(plan, ground, index, request, report).await;
        }
    }
    negotiation(plan, ground, &base, report).await;
    if credential::refuses_strangers(plan.operation) {
        ground.stage.with(|scene| scene.anonymous = true);
        let refused = Refused {
            what: "a request without a credential".to_owned(),
            request: &base,
            statuses: &[401],
            errors: None,
            headers: &[],
        };
        send(plan, ground, refused, report).await;
        ground.stage.with(|scene| scene.anonymous = false);
    }
}

/// Whether only what must be there is there.
fn is_bare(request: &Request) -> bool {
    request.parameters.iter().any(Option::is_none)
}

async fn missing(plan: &'static Plan, ground: &Ground, base: &Request, report: &mut Report) {
    for (index, parameter) in plan.parameters.iter().enumerate() {
        // Without its parameter a path is another path; a default stands in for what is missing.
        if parameter.required && parameter.location != Location::Path && parameter.default.is_none() {
            let mut request = base.clone();
            request.parameters[index] = None;
            let refused = Refused {
                what: format!("a request without the {:?} parameter {}", parameter.location, parameter.name),
                request: &request,
                statuses: VIOLATION,
                errors: Some((pointer(parameter), &["required"])),
                headers: &[],
            };
            send(plan, ground, refused, report).await;
        }
    }
    if plan.body_required && base.media.is_some() {
        let request = Request { media: None, body: Payload::Nothing, ..base.clone() };
        let refused = Refused {
            what: "a request without a body".to_owned(),
            request: &request,
            statuses: VIOLATION,
            errors: Some(("/body".to_owned(), &["required"])),
            headers: &[],
        };
        send(plan, ground, refused, report).await;
    }
}

async fn parameters(plan: &'static Plan, ground: &Ground, base: &Request, report: &mut Report) {
    for (index, parameter) in plan.parameters.iter().enumerate() {
        let Some(value) = &base.parameters[index] else { continue };
        for breach in breaches(parameter.schema, value) {
            if !is_spellable(parameter, value, &breach.value, &breach.pointer, breach.keywords) {
                continue;
            }
            let mut request = base.clone();
            request.parameters[index] = Some(breach.value.clone());
            let refused = Refused {
                what: format!("{:?} parameter {} = {}", parameter.location, parameter.name, breach.value),
                request: &request,
                statuses: VIOLATION,
                errors: Some((pointer(parameter) + &breach.pointer, breach.keywords)),
                headers: &[],
            };
            send(plan, ground, refused, report).await;
        }
    }
}

/// Whether the broken value has a spelling of its own: text has no types, and nothing looks like nothing.
fn is_spellable(parameter: &Parameter, value: &Value, broken: &Value, place: &str, keywords: &[&str]) -> bool {
    if parameter.content.is_some_and(is_json) {
        return parameter.location != Location::Header || broken.to_string().is_ascii();
    }
    let part = |value: &Value| value.pointer(place).cloned();
    let (before, after) = (part(value), part(broken));
    let of_a_kind = match (&before, &after) {
        (Some(Value::String(_)), Some(Value::String(_))) | (Some(Value::Number(_)), Some(Value::Number(_))) => true,
        (Some(Value::Array(_)), Some(Value::Array(_))) | (Some(Value::Object(_)), Some(Value::Object(_))) => true,
        (Some(Value::Number(_) | Value::Bool(_)), Some(Value::String(_))) => true,
        // A member that was taken out.
        (Some(_), None) => true,
        _ => false,
    };
    let exploded = parameter.style == Style::Form && parameter.explode;
    let strangers =
        ["additionalProperties", "maxProperties", "propertyNames"].iter().any(|keyword| keywords.contains(keyword));
    let kind_of_list =
        keywords.contains(&"type") && before.as_ref().is_some_and(|value| value.is_array() || value.is_object());
    // A number with a fraction is a text as well, where a text will do.
    let takes_text = place.is_empty() && accepted_types(parameter.schema).contains(Types::STRING);
    if takes_text && matches!(before, Some(Value::Number(_))) {
        return false;
    }
    // And one text is an array of one, where an array will do.
    let one_or_many = place.is_empty() && accepted_types(parameter.schema).contains(Types::ARRAY);
    if one_or_many && matches!(before, Some(Value::String(_) | Value::Number(_) | Value::Bool(_))) {
        return false;
    }
    let query_text = parameter.location == Location::Query && place.is_empty() && !parameter.allow_empty_value;
    let empty = has_empty(broken) && !(query_text && broken.is_string());
    let header_safe = |text: &str| {
        text.trim() == text && text.chars().all(|character| (' '..='~').contains(&character)) && !text.contains(',')
    };
    let carried = all_texts(broken, &|text: &str| text.len() <= LONGEST)
        && match parameter.location {
            Location::Header => all_texts(broken, &header_safe),
            Location::Path => all_texts(broken, &|text: &str| !text.contains('\n')),
            Location::Cookie => all_texts(broken, &|text: &str| !text.contains(['\n', ';'])),
            Location::Query => true,
        };
    let lost = (exploded && strangers) || kind_of_list || empty;
    of_a_kind && carried && !lost
}

fn has_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty() || elements.iter().any(has_empty),
        Value::Object(members) => members.is_empty() || members.values().any(has_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn all_texts(value: &Value, holds: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(elements) => elements.iter().all(|element| all_texts(element, holds)),
        Value::Object(members) => members.values().all(|member| all_texts(member, holds)),
        _ => true,
    }
}

async fn body(plan: &'static Plan, ground: &Ground, index: usize, request: &Request, report: &mut Report) {
    match (&plan.bodies[index].content, &request.body) {
        (Content::Json(schema), Payload::Value(value)) => {
            for breach in breaches(schema, value) {
                let what = format!("the body {}", breach.value);
                let request = Request { body: Payload::Value(breach.value), ..request.clone() };
                let errors = Some((format!("/body{}", breach.pointer), breach.keywords));
                send(
                    plan,
                    ground,
                    Refused { what, request: &request, statuses: VIOLATION, errors, headers: &[] },
                    report,
                )
                .await;
            }
        }
        (Content::Text(schema), Payload::Value(value)) => {
            for breach in breaches(schema, value).into_iter().filter(|breach| breach.value.is_string()) {
                let what = format!("the body {}", breach.value);
                let request = Request { body: Payload::Value(breach.value), ..request.clone() };
                let errors = Some(("/body".to_owned(), breach.keywords));
                send(
                    plan,
                    ground,
                    Refused { what, request: &request, statuses: VIOLATION, errors, headers: &[] },
                    report,
                )
                .await;
            }
        }
        (Content::Form(schema, _), Payload::Value(Value::Object(members))) => {
            form_members(plan, ground, schema, members, request, report).await;
        }
        (Content::Parts(_, parts), Payload::Parts(payloads)) => {
            for part in parts.iter().filter(|part| payloads.contains_key(part.name)) {
                let at = format!("/body/{}", escape(part.name));
                if part.required {
                    let mut fewer = payloads.clone();
                    fewer.remove(part.name);
                    let request = Request { body: Payload::Parts(fewer), ..request.clone() };
                    let refused = Refused {
                        what: format!("a form without the part {}", part.name),
                        request: &request,
                        statuses: VIOLATION,
                        errors: Some((at.clone(), &["required"])),
                        headers: &[],
                    };
                    send(plan, ground, refused, report).await;
                }
                let (Some(schema), Some(PartPayload::Value(value))) = (part.schema, payloads.get(part.name)) else {
                    continue;
                };
                for breach in breaches(schema, value).into_iter().filter(|breach| is_text_for(value, breach)) {
                    let mut others = payloads.clone();
                    let what = format!("the part {} = {}", part.name, breach.value);
                    others.insert(part.name.to_owned(), PartPayload::Value(breach.value));
                    let request = Request { body: Payload::Parts(others), ..request.clone() };
                    let errors = Some((format!("{at}{}", breach.pointer), breach.keywords));
                    let refused = Refused { what, request: &request, statuses: VIOLATION, errors, headers: &[] };
                    send(plan, ground, refused, report).await;
                }
            }
        }
        _ => {}
    }
}

/// The members of a form that are texts or numbers: how the others are spelled is theirs to say.
async fn form_members(
    plan: &'static Plan,
    ground: &Ground,
    schema: &'static Schema,
    members: &serde_json::Map<String, Value>,
    request: &Request,
    report: &mut Report,
) {
    let whole = Value::Object(members.clone());
    for breach in breaches(schema, &whole) {
        let before = whole.pointer(&breach.pointer);
        let after = breach.value.pointer(&breach.pointer);
        let depth = breach.pointer.matches('/').count();
        let name = breach.pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
        let takes = property_of(schema, &name).map_or(Types::ANY, accepted_types);
        let spelled = match (before, after) {
            // One text may be an array of one.
            (Some(Value::String(_)), Some(Value::String(text))) => !text.is_empty() && !takes.contains(Types::ARRAY),
            // A number is a text as well, where a text will do.
            (Some(Value::Number(_)), Some(Value::Number(_) | Value::String(_))) => !takes.contains(Types::STRING),
            (Some(_), None) => breach.keywords.contains(&"required"),
            _ => false,
        };
        if depth != 1 || !spelled {
            continue;
        }
        let what = format!("the form {}", breach.value);
        let request = Request { body: Payload::Value(breach.value), ..request.clone() };
        let errors = Some((format!("/body{}", breach.pointer), breach.keywords));
        send(plan, ground, Refused { what, request: &request, statuses: VIOLATION, errors, headers: &[] }, report)
            .await;
    }
}

/// A scalar part that stays a scalar: text has no types.
fn is_text_for(value: &Value, breach: &super::breach::Breach) -> bool {
    match (value, &breach.value) {
        (Value::String(_), Value::String(text)) => !text.is_empty(),
        (Value::Number(_), Value::Number(_) | Value::String(_)) => true,
        _ => false,
    }
}

async fn negotiation(plan: &'static Plan, ground: &Ground, base: &Request, report: &mut Report) {
    let any = |media_type: &str| media_type.contains('*');
    if base.media.is_some() && !plan.bodies.iter().any(|body| any(body.media_type)) {
        let refused = Refused {
            what: "a body of a foreign media type".to_owned(),
            request: base,
            statuses: &[415],
            errors: None,
            headers: &[("content-type", "x-proof/x-foreign")],
        };
        send(plan, ground, refused, report).await;
    }
    if !plan.operation.produces.is_empty() && !plan.operation.produces.iter().any(|produced| any(produced)) {
        let refused = Refused {
            what: "an Accept that nothing satisfies".to_owned(),
            request: base,
            statuses: &[406],
            errors: None,
            headers: &[("accept", "x-proof/x-foreign")],
        };
        send(plan, ground, refused, report).await;
    }
}

async fn send(plan: &'static Plan, ground: &Ground, refused: Refused<'_>, report: &mut Report) {
    // What has no spelling cannot be sent by anybody.
    let Ok(mut request) = raw(plan, refused.request, &ground.http, &ground.base_url) else { return };
    for (name, value) in refused.headers {
        request.headers_mut().insert(*name, reqwest::header::HeaderValue::from_static(value));
    }
    ground.stage.with(|scene| {
        scene.reached = false;
        scene.faults.clear();
    });
    report.refusals += 1;
    let what: String = refused.what.chars().take(400).collect();
    let response = match ground.http.execute(request).await {
        Ok(response) => response,
        Err(error) => {
            report.failures.push(format!("{what}: no response: {error:?}"));
            return;
        }
    };
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap_or_default();
    if ground.stage.with(|scene| scene.reached) {
        report.failures.push(format!("{what}: reached the handler; it breaks {:?}", refused.errors));
    } else if !refused.statuses.contains(&status) {
        report.failures.push(format!("{what}: refused with {status} instead of {:?}: {problem}", refused.statuses));
    } else if let Some((pointer, keywords)) = &refused.errors
        // The answer to HEAD says no more than its status.
        && plan.operation.method != "HEAD"
    {
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let named = errors.iter().any(|error| {
            error["pointer"] == *pointer && error["keyword"].as_str().is_some_and(|keyword| keywords.contains(&keyword))
        });
        if !named {
            report.failures.push(format!("{what}: none of {keywords:?} at {pointer} is named: {}", problem["errors"]));
        }
    }
}

fn pointer(parameter: &Parameter) -> String {
    let location = format!("{:?}", parameter.location).to_ascii_lowercase();
    format!("/{location}/{}", escape(parameter.name))
}
