//! The run: a server on a free port of this machine, and one call after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, body::Body, extract::Request as HttpRequest, middleware};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::credential;
use super::given::{Arrived, Fault, Given, Payload, Place, Received, Request};
use super::noise::{self, Panics};
use super::plan::{Content, Plan};
use super::refusal;
use super::report::Report;
use super::requests;
use super::stage::{AnswerGiven, Stage, same_files};
use crate::operation::Operation;
use crate::service::{Service, ServiceError};

/// How many failures of one operation are put into words.
const MOST_FAILURES: usize = 20;

/// The most that one call may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An operation: its plan, and the call of the client's method.
pub struct Case<C> {
    plan: &'static Plan,
    call: Call<C>,
    sent: bool,
}

type Call<C> = fn(&C, Given) -> BoxFuture<'_, Result<Arrived, Fault>>;

impl<C> Case<C> {
    /// A plan and its call.
    pub fn new(plan: &'static Plan, call: Call<C>) -> Self {
        Self { plan, call, sent: false }
    }

    /// A webhook or a callback: what the receiver refuses is its own affair, so nothing is broken.
    pub fn sent(plan: &'static Plan, call: Call<C>) -> Self {
        Self { plan, call, sent: true }
    }
}

/// What every call needs.
pub(super) struct Ground {
    pub(super) stage: Stage,
    pub(super) http: reqwest::Client,
    pub(super) base_url: String,
    pub(super) panics: Panics,
    /// The path templates of the contract.
    pub(super) paths: Vec<&'static str>,
}

/// Proves a contract: `router` makes the whole router of handlers on the stage, `client` the typed client of a base URL.
///
/// # Errors
///
/// The service cannot be built or its socket not be bound.
pub fn run<C>(
    cases: &[Case<C>],
    router: impl FnOnce(Stage, &Service) -> Result<Router, ServiceError>,
    client: impl FnOnce(&str, reqwest::Client) -> C,
) -> Result<Report, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stage = Stage::default();
        let operations = cases.iter().map(|case| case.plan.operation);
        let builder = Service::builder().validate_responses(true).timeout(PATIENCE).body_limit(64 << 20);
        let service = credential::with_authenticators(builder, operations, &stage).build();
        let on_stage = stage.clone();
        let router =
            router(stage.clone(), &service)?.layer(middleware::map_request(move |mut request: HttpRequest<Body>| {
                let operation =
                    on_stage.with(|scene| scene.plan.filter(|_| !scene.anonymous).map(|plan| plan.operation));
                if let Some(requirement) = operation.and_then(credential::alternative) {
                    credential::satisfy(&mut request, requirement);
                }
                std::future::ready(request)
            }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(crate::serve::listen(router, listener, std::future::pending()));
        // A redirect is a response of the contract like others.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        let http = http.build()?;
        let client = client(&base_url, http.clone());
        let paths = cases.iter().map(|case| case.plan.operation.path).collect();
        let ground = Ground { stage, http, base_url, panics: Panics::watch(), paths };
        let mut report = Report::default();
        for case in cases {
            let mut found = Report { operations: 1, ..Report::default() };
            prove(case, &client, &ground, &mut found).await;
            report.add(found, case.plan.operation);
        }
        server.abort();
        Ok(report)
    })
}

async fn prove<C>(case: &Case<C>, client: &C, ground: &Ground, report: &mut Report) {
    let plan = case.plan;
    for body in plan.bodies {
        if let Content::Unproved(reason) = body.content {
            report.unproved.push(format!("a request of {}: {reason}", body.media_type));
        }
    }
    if !plan.operation.security.is_empty()
        && plan.operation.security.iter().all(|requirement| !requirement.is_empty())
        && credential::alternative(plan.operation).is_none()
    {
        report.unproved.push(
            "no request can carry the credentials: two Authorization headers, or a name that none has".to_owned(),
        );
        return;
    }
    let mut unmade = Vec::new();
    let requests = requests::requests(plan, &ground.paths, &mut unmade);
    let answers = requests::answers(plan, &mut unmade, &mut report.unproved);
    report.unmade.append(&mut unmade);
    if requests.is_empty() || answers.is_empty() {
        let reason = match (plan.answers, requests.is_empty()) {
            ([], _) => "the contract documents no response",
            (_, true) => "no request could be made",
            (_, false) => "no answer could be made",
        };
        report.unproved.push(reason.to_owned());
        return;
    }
    ground.stage.with(|scene| {
        scene.plan = Some(plan);
        scene.anonymous = false;
    });
    let mut reached = None;
    for turn in 0..requests.len().max(answers.len()) {
        let request = Arc::new(requests[turn % requests.len()].clone());
        let answer = &answers[turn % answers.len()];
        match round_trip(case, client, ground, &request, answer).await {
            Outcome::Equal => reached = Some(request).or(reached),
            Outcome::Unsendable(reason) => note(&mut report.unproved, format!("the client does not send: {reason}")),
            Outcome::Failed(reasons) => {
                for reason in reasons {
                    note(&mut report.failures, reason);
                }
            }
        }
        report.calls += 1;
    }
    // The fullest request that got through has the most to break.
    let fullest =
        requests.iter().rev().find(|request| request.parameters.iter().all(Option::is_some) && request.media.is_some());
    let base = fullest.cloned().or_else(|| reached.map(|request| (*request).clone()));
    if let Some(base) = base.filter(|_| !case.sent) {
        refusal::refusals(plan, ground, &requests, base, report).await;
    }
    if !case.sent {
        noise::noise(plan, ground, &requests, report).await;
    }
}

fn note(notes: &mut Vec<String>, text: String) {
    if !notes.contains(&text) {
        notes.push(text);
    }
}

enum Outcome {
    Equal,
    Unsendable(String),
    Failed(Vec<String>),
}

async fn round_trip<C>(
    case: &Case<C>,
    client: &C,
    ground: &Ground,
    request: &Arc<Request>,
    answer: &AnswerGiven,
) -> Outcome {
    ground.stage.with(|scene| scene.set(answer.clone()));
    let plan = case.plan;
    let documented = &plan.answers[answer.case];
    let wanted = documented.body.as_ref().map(|body| body.media_type);
    let accept = plan.operation.produces.iter().position(|produced| Some(*produced) == wanted).unwrap_or_default();
    let given = Given::new(Arc::clone(request), accept);
    let called = tokio::time::timeout(PATIENCE, (case.call)(client, given.clone())).await;
    let arrived = match called {
        Ok(Ok(arrived)) => Ok(arrived),
        Ok(Err(Fault::Unsendable(reason))) => return Outcome::Unsendable(reason),
        Ok(Err(Fault::Untyped(reason))) => {
            return Outcome::Failed(vec![format!("no type for a valid value: {reason}")]);
        }
        Ok(Err(Fault::Failed(reason))) => Err(reason),
        Err(_) => Err("no answer in time".to_owned()),
    };
    let mut failures = ground.stage.with(|scene| std::mem::take(&mut scene.faults));
    let reached = ground.stage.with(|scene| scene.reached);
    if !reached {
        failures.push(format!("a valid request did not reach the handler: {arrived:?}; it was {}", shown(request)));
        return Outcome::Failed(failures);
    }
    compare_requests(plan, request, &given, &ground.stage, &mut failures);
    match arrived {
        Err(reason) => failures.push(format!("the answer {} did not arrive: {reason}; {answer:?}", answer.status)),
        Ok(arrived) => {
            if arrived.status != answer.status {
                failures.push(format!("{} was answered and {} arrived: {arrived:?}", answer.status, arrived.status));
            } else {
                let (body, headers) = ground.stage.with(|scene| (scene.body.clone(), scene.headers.clone()));
                compare_answers(answer, body.as_deref(), &headers, &arrived, &mut failures);
            }
        }
    }
    if failures.is_empty() { Outcome::Equal } else { Outcome::Failed(failures) }
}

fn compare_requests(plan: &Plan, request: &Request, given: &Given, stage: &Stage, failures: &mut Vec<String>) {
    let (seen, bytes, files, media) =
        stage.with(|scene| (scene.seen.clone(), scene.bytes.clone(), scene.files.clone(), scene.media));
    let sent = given.sent();
    for (index, parameter) in plan.parameters.iter().enumerate() {
        let place = Place::Parameter(index);
        let what = format!("{:?} parameter {}", parameter.location, parameter.name);
        let arrived = seen.get(&place).cloned().unwrap_or(Value::Null);
        match &request.parameters[index] {
            None => {
                let wanted = parameter.default.map_or(Value::Null, |default| default.to_value());
                if !says_all(&wanted, &arrived) {
                    failures.push(format!("{what} was left out, and arrived as {arrived} instead of {wanted}"));
                }
            }
            Some(value) => compare(&what, value, sent.get(&place), Some(&arrived), failures),
        }
    }
    if media != request.media {
        failures.push(format!("the body was sent as media type {:?} and read as {media:?}", request.media));
        return;
    }
    match &request.body {
        Payload::Nothing => {}
        Payload::Value(value) => compare("the body", value, sent.get(&Place::Body), seen.get(&Place::Body), failures),
        Payload::Bytes(wanted) => {
            if bytes.as_ref() != Some(wanted) {
                failures.push(format!("the bytes of the body arrived as {bytes:?}"));
            }
        }
        Payload::Parts(parts) => {
            for (name, part) in parts {
                if let super::given::PartPayload::Value(value) = part {
                    let place = Place::Part(name.clone());
                    compare(&format!("the part {name}"), value, sent.get(&place), seen.get(&place), failures);
                }
            }
            if !same_files(parts, &files) {
                failures.push(format!("the files arrived as {:?}", files.keys().collect::<Vec<_>>()));
            }
        }
    }
}

/// Three values must be one: the example, what its type made of it, and what the handler was given.
fn compare(what: &str, value: &Value, sent: Option<&Value>, seen: Option<&Value>, failures: &mut Vec<String>) {
    let Some(sent) = sent else {
        failures.push(format!("{what} is no argument of the client"));
        return;
    };
    if !says_all(value, sent) {
        failures.push(format!("the type of {what} loses something of {value}: {sent}"));
    }
    if seen != Some(sent) {
        let seen = seen.unwrap_or(&Value::Null);
        failures.push(format!("{what} was sent as {sent} and arrived as {seen}"));
    }
}

fn compare_answers(
    answer: &AnswerGiven,
    body: Option<&str>,
    headers: &[String],
    arrived: &Arrived,
    failures: &mut Vec<String>,
) {
    let status = answer.status;
    let shown = match &arrived.content {
        Received::Bytes(bytes) => {
            let wanted = match &answer.body {
                Payload::Bytes(wanted) => wanted.clone(),
                Payload::Value(Value::String(text)) => text.clone().into_bytes(),
                _ => Vec::new(),
            };
            if *bytes != wanted {
                failures.push(format!("the bytes of {status} arrived as {bytes:?} instead of {wanted:?}"));
            }
            return;
        }
        Received::Value(shown) => shown,
    };
    let wanted = match (&answer.body, body) {
        (Payload::Bytes(bytes), _) => format!("{:?}", bytes::Bytes::from(bytes.clone())),
        (_, Some(body)) => body.to_owned(),
        (_, None) => "()".to_owned(),
    };
    if !holds(shown, &wanted, headers) {
        failures.push(format!("{status} was answered with {wanted} {headers:?} and arrived as {shown}"));
    }
}

/// Whether the client's value, as `Debug` shows it, is the body, or a variant around the body and the headers.
fn holds(shown: &str, body: &str, headers: &[String]) -> bool {
    if shown == body {
        return true;
    }
    let name_end =
        shown.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(shown.len());
    let (_, rest) = shown.split_at(name_end);
    let inner = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match inner {
        _ if rest.is_empty() => body == "()",
        // A tuple variant: the body, perhaps after the status.
        Some(inner) => {
            holds(inner, body, headers) || inner.split_once(", ").is_some_and(|(_, inner)| holds(inner, body, headers))
        }
        None => {
            let has_body = body == "()" || rest.contains(&format!("body: {body}"));
            rest.starts_with(" {")
                && (has_body || rest.contains(&format!("({body})")))
                && headers.iter().all(|header| rest.contains(&format!(": {header}")))
        }
    }
}

/// Whether the second value says all that the first says: numbers by their value, and the second may say more (defaults).
fn says_all(value: &Value, typed: &Value) -> bool {
    match (value, typed) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| says_all(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.iter().all(|(name, value)| other.get(name).is_some_and(|other| says_all(value, other)))
        }
        (one, other) => one == other,
    }
}

pub(super) fn shown(request: &Request) -> String {
    let parameters = request.parameters.iter().map(|value| value.clone().unwrap_or(Value::Null)).collect::<Vec<_>>();
    let text = format!("{} with {:?}", Value::Array(parameters), request.body);
    text.chars().take(2_000).collect()
}

impl super::stage::Scene {
    /// Clears what the last call left and says what the next is answered with.
    pub(super) fn set(&mut self, answer: AnswerGiven) {
        self.reached = false;
        self.media = None;
        self.seen = BTreeMap::new();
        self.bytes = None;
        self.files = BTreeMap::new();
        self.answer = answer;
        self.body = None;
        self.headers = Vec::new();
        self.faults = Vec::new();
    }
}

impl Report {
    /// Adds what was found of one operation.
    fn add(&mut self, found: Self, operation: &Operation) {
        let name = |text: String| format!("{} ({} {}): {text}", operation.id, operation.method, operation.path);
        let complete = found.failures.is_empty() && found.calls > 0;
        self.operations += found.operations;
        self.proved += usize::from(complete);
        self.calls += found.calls;
        self.refusals += found.refusals;
        self.damaged += found.damaged;
        self.unmade.extend(found.unmade.into_iter().map(name));
        self.unproved.extend(found.unproved.into_iter().map(name));
        let failures = found.failures.len();
        self.failures.extend(found.failures.into_iter().take(MOST_FAILURES).map(name));
        if failures > MOST_FAILURES {
            self.failures.push(name(format!("and {} more", failures - MOST_FAILURES)));
        }
    }
}
