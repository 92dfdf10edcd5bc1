//! A stand-in for Clerk's Backend API, as far as a service asks it: opaque tokens, API keys, and whether a session is active.
//!
//! For tests and for trying out API keys without an account. It answers as Clerk does, counts what it is asked, and can be made
//! to fail.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::auth::clerk::{BackendApi, BackendApiBuilder};

/// The secret key that the stand-in knows.
pub const SECRET_KEY: &str = "sk_test_local";

/// The stand-in, listening on a port of its own until it is dropped.
#[derive(Debug)]
pub struct LocalBackend {
    url: String,
    state: Arc<Mutex<Answers>>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Answers {
    /// By the token's or key's text.
    credentials: HashMap<String, Value>,
    /// Status by session.
    sessions: HashMap<String, String>,
    calls: usize,
    /// What every call is answered with instead.
    failure: Option<(StatusCode, Option<u32>)>,
}

impl LocalBackend {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Where no port can be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state: Arc<Mutex<Answers>> = Arc::default();
        let router = Router::new()
            .route("/v1/m2m_tokens/verify", post(|state, headers, body| verify(state, headers, body, "token")))
            .route("/v1/api_keys/verify", post(|state, headers, body| verify(state, headers, body, "secret")))
            .route(
                "/v1/oauth_applications/access_tokens/verify",
                post(|state, headers, body| verify(state, headers, body, "access_token")),
            )
            .route("/v1/sessions/{id}", get(session))
            .with_state(Arc::clone(&state));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(error = %error, "the stand-in for Clerk's Backend API ended");
            }
        });
        Ok(Self { url, state, server })
    }

    /// A client's configuration that reaches it.
    pub fn api(&self) -> BackendApiBuilder {
        BackendApi::builder(SECRET_KEY).url(&self.url)
    }

    /// Makes a token or key known, by its text (`ak_...`, `mt_...`, `oat_...`).
    pub fn put(&self, text: &str, subject: &str, scopes: &[&str]) {
        let id = format!("id_{}", self.answers().credentials.len() + 1);
        let credential = json!({
            "object": "credential", "id": id, "subject": subject, "scopes": scopes, "claims": null,
            "revoked": false, "expired": false, "expiration": null,
        });
        self.answers().credentials.insert(text.to_owned(), credential);
    }

    /// Changes a member of a known token or key, for example `revoked`.
    pub fn change(&self, text: &str, member: &str, value: Value) {
        if let Some(credential) = self.answers().credentials.get_mut(text) {
            credential[member] = value;
        }
    }

    /// Sets the status of a session, for example `active` or `revoked`.
    pub fn session(&self, id: &str, status: &str) {
        self.answers().sessions.insert(id.to_owned(), status.to_owned());
    }

    /// Answers every call with this status from now on, and a `Retry-After` in seconds; `None`: answers as before.
    pub fn fail(&self, failure: Option<(StatusCode, Option<u32>)>) {
        self.answers().failure = failure;
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        self.answers().calls
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalBackend {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn verify(
    State(state): State<Arc<Mutex<Answers>>>,
    headers: HeaderMap,
    body: Bytes,
    member: &'static str,
) -> Response {
    let mut answers = state.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = refused(&mut answers, &headers) {
        return refusal;
    }
    let body = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    match body[member].as_str().and_then(|text| answers.credentials.get(text)) {
        Some(credential) => Json(credential).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn session(State(state): State<Arc<Mutex<Answers>>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut answers = state.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = refused(&mut answers, &headers) {
        return refusal;
    }
    match answers.sessions.get(&id) {
        Some(status) => Json(json!({ "object": "session", "id": id, "status": status })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn refused(answers: &mut Answers, headers: &HeaderMap) -> Option<Response> {
    answers.calls += 1;
    if let Some((status, retry_after)) = answers.failure {
        let mut response = status.into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        return Some(response);
    }
    let known = headers.get(header::AUTHORIZATION).is_some_and(|value| *value == format!("Bearer {SECRET_KEY}"));
    (!known).then(|| StatusCode::UNAUTHORIZED.into_response())
}
