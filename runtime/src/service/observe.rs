//! What happens to every request, whatever its route: an id, a span, a log line, a time-out, a net under panics, safe headers.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{extract::Request, middleware::Next, response::Response};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tracing::Instrument as _;

use super::Service;
use crate::{context::RequestId, problem::Problem, telemetry::panic_message};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Travels with a request as an extension, so that what is learnt on the way reaches the log line at its end.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) request_id: RequestId,
    pub(super) deadline: Instant,
    pub(super) route: Arc<OnceLock<&'static str>>,
    pub(super) operation: Arc<OnceLock<&'static str>>,
}

/// When the platform gives up on a request; an extension that the Lambda adapter sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlatformDeadline(pub(crate) Instant);

impl Trace {
    pub(super) fn new(request: &Request, timeout: Duration) -> Self {
        let own = Instant::now() + timeout;
        let platform = request.extensions().get::<PlatformDeadline>().map(|deadline| deadline.0);
        Self {
            request_id: RequestId::of(request.headers()),
            deadline: platform.map_or(own, |platform| platform.min(own)),
            route: Arc::default(),
            operation: Arc::default(),
        }
    }
}

pub(super) async fn observe(service: Service, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let trace = Trace::new(&request, service.inner.settings.timeout);
    // Whoever logs headers later sees that these hold secrets.
    for (name, value) in request.headers_mut() {
        if name == header::AUTHORIZATION || name == header::COOKIE {
            value.set_sensitive(true);
        }
    }
    request.extensions_mut().insert(trace.clone());
    let method = request.method().clone();
    // Every line of a request has its id from here, those of a log that shows errors only too: hence not an `info` span.
    let span = tracing::error_span!("request", request.id = %trace.request_id, user.id = tracing::field::Empty);
    let response = answer(request, next, &trace).instrument(span.clone()).await;
    let _entered = span.enter();
    let status = response.status().as_u16();
    tracing::info!(
        http.method = %method,
        http.route = trace.route.get().copied().unwrap_or(""),
        operation = trace.operation.get().copied().unwrap_or(""),
        http.status = status,
        duration_ms = started.elapsed().as_micros() as f64 / 1000.0,
        "answered"
    );
    dress(response, &trace.request_id)
}

pub(super) async fn not_found(request: Request) -> Response {
    Problem::new(StatusCode::NOT_FOUND)
        .detail("the contract has no such path")
        .into_response(request_id(&request).as_ref())
}

/// axum adds the `Allow` header.
pub(super) async fn method_not_allowed(request: Request) -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED)
        .detail(format!("the contract has no {} for this path", request.method()))
        .into_response(request_id(&request).as_ref())
}

pub(crate) fn request_id(request: &Request) -> Option<RequestId> {
    request.extensions().get::<Trace>().map(|trace| trace.request_id.clone())
}

async fn answer(request: Request, next: Next, trace: &Trace) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout_at(trace.deadline.into(), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(
                operation = trace.operation.get().copied().unwrap_or(""),
                panic.message = panic_message(panic.as_ref()),
                "operation panicked"
            );
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(Some(&trace.request_id))
        }
        Err(_) => {
            tracing::error!(operation = trace.operation.get().copied().unwrap_or(""), "operation timed out");
            Problem::new(StatusCode::GATEWAY_TIMEOUT).into_response(Some(&trace.request_id))
        }
    }
}

/// Headers that every response has. A handler's own `Cache-Control` wins.
fn dress(mut response: Response, request_id: &RequestId) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
