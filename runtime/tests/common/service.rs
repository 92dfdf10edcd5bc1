//! Requests to a router without a socket, an authenticator with made-up credentials, and an operation that says what it got.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use specwright_runtime::{
    auth::{AuthError, Authenticator, Caller, CallerParts, Credential, UserId},
    decode::Incoming,
    operation::SecurityScheme,
    service::{RouteError, Service, ServiceBuilder},
};
use tower::ServiceExt as _;

pub(crate) fn service() -> ServiceBuilder {
    Service::builder().validate_responses(true)
}

pub(crate) fn get(target: &str) -> Request {
    request(Method::GET, target, "")
}

/// A request; the body is JSON where there is one.
pub(crate) fn request(method: Method, target: &str, body: &str) -> Request {
    let mut request = Request::new(Body::from(body.to_owned()));
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().unwrap();
    if !body.is_empty() {
        request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    }
    request
}

pub(crate) async fn send(router: Router, request: Request) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body, text }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn methods(&self) -> Vec<&str> {
        let mut methods: Vec<_> = self.header("allow").split(',').map(str::trim).collect();
        methods.sort_unstable();
        methods
    }

    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], "about:blank");
        assert!(self.body["title"].is_string());
        assert_eq!(self.body["instance"], format!("urn:request:{}", self.header("x-request-id")));
    }

    /// The violations, as `pointer keyword`.
    #[track_caller]
    pub(crate) fn violations(&self) -> Vec<String> {
        self.is_problem(400);
        let errors = self.body["errors"].as_array().unwrap().iter();
        errors
            .map(|error| format!("{} {}", error["pointer"].as_str().unwrap(), error["keyword"].as_str().unwrap()))
            .collect()
    }

    /// The operation that says what it got.
    pub(crate) async fn echo(incoming: Incoming) -> Result<Response, RouteError> {
        let debug = format!("{incoming:?}");
        assert!(!debug.to_lowercase().contains("authorization"), "a credential is printed: {debug}");
        let path: Value =
            incoming.path().map(|(name, raw)| (name.to_owned(), json!(raw))).collect::<serde_json::Map<_, _>>().into();
        let operation = incoming.operation().id;
        let decoder = incoming.decoder();
        let caller: Option<Caller> = decoder.optional_caller()?;
        let body = json!({
            "operation": operation,
            "path": path,
            "accept": decoder.accept(),
            "caller": caller.map(|caller| format!("{}:{}", caller.scheme(), caller.user_id())),
        });
        Ok(Response::new(Body::from(body.to_string())))
    }
}

/// Takes `good` and lists of scopes; `outage` is an outage; everything else is refused.
pub(crate) struct Keys;

impl Authenticator for Keys {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        scopes: &'a [&'static str],
        _: &'a http::request::Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        let text = match credential {
            Credential::Basic { user, .. } => user,
            Credential::Bearer(text) | Credential::ApiKey(text) => text.to_owned(),
            _ => String::new(),
        };
        Box::pin(async move {
            if text == "outage" {
                return Err(AuthError::Unavailable {
                    source: "the reason".into(),
                    retry_after: Duration::from_secs(7),
                });
            }
            if text != "good" && !text.starts_with("org:") {
                return Err(AuthError::Invalid { reason: "the reason".to_owned() });
            }
            let missing: Vec<_> = scopes
                .iter()
                .filter(|scope| !text.split(',').any(|has| has == **scope))
                .map(ToString::to_string)
                .collect();
            if !missing.is_empty() {
                return Err(AuthError::Forbidden { reason: "the reason".to_owned(), missing });
            }
            Ok(Caller::new(CallerParts::new(UserId::from_verified(&text).unwrap(), scheme.name)))
        })
    }
}
