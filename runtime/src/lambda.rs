//! Serving on AWS Lambda behind an API Gateway HTTP API (payload format 2.0) or a function URL.
//!
//! The event becomes an ordinary request for the same router, and the response goes back as the gateway wants it. The
//! conversion is our own: that of `lambda_http` 1.3 panics on a raw space in a query and on a host name that is none, and puts
//! the stage in front of every path.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{context::RequestId, problem::Problem, service::PlatformDeadline};

/// An error of the Runtime API or of an event.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What the gateway says about a request (`requestContext`), for example which authorizer let it in; an extension of requests.
#[derive(Clone, Debug)]
pub struct GatewayContext(pub Value);

/// Time kept back from the function's own time-out, so that a 504 still reaches the client.
const MARGIN: Duration = Duration::from_millis(500);

/// Answers events until the platform ends the process.
///
/// # Errors
///
/// Where the Runtime API cannot be reached.
pub async fn run(router: Router) -> Result<(), Error> {
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let router = router.clone();
        async move {
            let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            answer(router, event.payload, Instant::now() + left.saturating_sub(MARGIN)).await
        }
    }))
    .await
}

/// Does one thing for every event, whatever the event says, until the platform ends the process: what a deployment calls.
///
/// Where it fails, `errorMessage` of the answer is the error with its causes.
///
/// # Errors
///
/// Where the Runtime API cannot be reached.
pub async fn run_task<Task, Done, Failed>(task: Task) -> Result<(), Error>
where
    Task: Fn() -> Done,
    Done: Future<Output = Result<(), Failed>>,
    Failed: std::error::Error,
{
    let task = &task;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        task().await.map(|()| Value::Null).map_err(|error| Error::from(with_causes(&error)))
    }))
    .await
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Answers one event.
async fn answer(router: Router, event: Value, deadline: Instant) -> Result<Value, Error> {
    let mut request = request(event)?;
    request.extensions_mut().insert(PlatformDeadline(deadline));
    let Ok(response) = router.oneshot(request).await;
    let id = RequestId::of(response.headers());
    // The gateway wants the whole answer at once. A sequence without an end would keep the function until it is killed.
    let answer = match tokio::time::timeout_at(deadline.into(), reply(response)).await {
        Ok(answer) => answer,
        Err(_) => {
            tracing::error!(request.id = %id, "the body of a response did not end in time");
            reply(Problem::new(StatusCode::GATEWAY_TIMEOUT).into_response(Some(&id))).await
        }
    };
    Ok(serde_json::to_value(answer?)?)
}

/// The parts of an event that make a request (API Gateway, payload format 2.0).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: Value,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status_code: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

fn request(event: Value) -> Result<Request<Body>, Error> {
    let event: Event = serde_json::from_value(event)
        .map_err(|error| format!("the event is not one of an HTTP API with payload format 2.0: {error}"))?;
    let context = &event.request_context;
    let method = context["http"]["method"].as_str().ok_or("the event has no requestContext.http.method")?;
    let mut target = String::from("/");
    let path = without_stage(&event.raw_path, context["stage"].as_str().unwrap_or("$default"));
    escape(path.strip_prefix('/').unwrap_or(path), "\"#<>?`{}\\^|", &mut target);
    if !event.raw_query_string.is_empty() {
        target.push('?');
        escape(&event.raw_query_string, "\"#<>", &mut target);
    }
    let body = match event.body {
        Some(text) if event.is_base64_encoded => Body::from(STANDARD.decode(text)?),
        Some(text) => Body::from(text),
        None => Body::empty(),
    };
    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(method.as_bytes())?;
    *request.uri_mut() = target.parse()?;
    let client = context["http"]["sourceIp"].as_str().and_then(|address| address.parse::<IpAddr>().ok());
    *request.headers_mut() = headers(&event.headers, &event.cookies);
    if let Some(client) = client {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    }
    request.extensions_mut().insert(GatewayContext(event.request_context));
    Ok(request)
}

/// A stage other than `$default` is the first segment of `rawPath`, which the contract knows nothing of.
fn without_stage<'a>(path: &'a str, stage: &str) -> &'a str {
    if stage == "$default" {
        return path;
    }
    match path.strip_prefix('/').and_then(|rest| rest.strip_prefix(stage)) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Escapes what a URI may not hold, since HTTP APIs decode `rawPath`; what is escaped stays so.
fn escape(text: &str, refused: &str, target: &mut String) {
    for (index, character) in text.char_indices() {
        let triplet =
            || text.as_bytes().get(index + 1..index + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let fine =
            if character == '%' { triplet() } else { character.is_ascii_graphic() && !refused.contains(character) };
        if fine {
            target.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(target, "%{byte:02X}");
            }
        }
    }
}

/// The gateway joins repeated headers with commas and keeps cookies apart. Headers that HTTP does not allow are left out.
fn headers(sent: &BTreeMap<String, String>, cookies: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    if !cookies.is_empty()
        && let Ok(cookies) = HeaderValue::from_bytes(cookies.join("; ").as_bytes())
    {
        headers.insert(header::COOKIE, cookies);
    }
    headers
}

async fn reply(response: Response<Body>) -> Result<Reply, Error> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == header::SET_COOKIE {
            cookies.push(value);
        } else {
            // Lists may be folded into one line (RFC 9110, section 5.3).
            headers.entry(name.to_string()).and_modify(|line| line.extend([", ", &value])).or_insert(value.clone());
        }
    }
    let encoded = parts.headers.contains_key(header::CONTENT_ENCODING);
    let (body, is_base64_encoded) = match String::from_utf8(bytes.into()) {
        Ok(text) if !encoded => (text, false),
        Ok(text) => (STANDARD.encode(text), true),
        Err(error) => (STANDARD.encode(error.into_bytes()), true),
    };
    Ok(Reply { status_code: parts.status.as_u16(), headers, cookies, body, is_base64_encoded })
}
