//! Clerk's Backend API, as far as verification needs it: opaque machine tokens, API keys, and whether a session is still active.
//!
//! A refusal is one only where Clerk says so (404, or 400 and 422 for what is no token at all). Everything else, a refused secret
//! key first of all, is an outage of ours: 503, never 401, since a client throws away a good key at a 401.

use std::{
    fmt, slice,
    time::{Duration, SystemTime},
};

use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};
use tokio::{sync::Semaphore, time::timeout};

use super::{ConfigError, Reason, VerifyError, jwks::Clock};
use crate::auth::Secret;

const URL: &str = "https://api.clerk.com";
/// The version of the API whose answers are read here.
const VERSION: &str = "2026-05-12";
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_BODY: usize = 256 * 1024;
/// Calls under way at one time: Clerk takes 100 a second, and a flood of invented keys must not use them all up.
const CALLS: usize = 32;
/// A `Retry-After` is passed on up to this.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// A client of Clerk's Backend API. Share one: it bounds the calls that are under way, and keeps connections.
pub struct BackendApi {
    url: String,
    secret: Secret,
    /// For M2M tokens, where the machine has a key of its own.
    machine_secret: Option<Secret>,
    client: reqwest::Client,
    calls: Semaphore,
    pub(super) clock: Clock,
}

/// Collects a configuration; [`build`](Self::build) checks it.
#[must_use]
pub struct BackendApiBuilder {
    url: String,
    secret: String,
    machine_secret: Option<String>,
    clock: Clock,
}

/// Why Clerk's Backend API gave no verdict.
#[derive(Debug, thiserror::Error)]
#[error("Clerk's Backend API gave no verdict: {problem}")]
pub struct BackendError {
    problem: String,
}

/// What can be verified there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opaque {
    MachineToken,
    OAuthToken,
    ApiKey,
}

/// What Clerk says about a token or key that exists.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) scopes: Vec<String>,
    pub(super) claims: Map<String, Value>,
    pub(super) audiences: Vec<String>,
    /// In milliseconds since 1970; `None`: it does not end.
    pub(super) expires_ms: Option<f64>,
    /// Revoked or expired, as Clerk says.
    pub(super) is_over: bool,
}

impl Opaque {
    /// What the text begins with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::MachineToken => "mt_",
            Self::OAuthToken => "oat_",
            Self::ApiKey => "ak_",
        }
    }

    /// The path below the version, and the member of the body that the text goes into.
    fn call(self) -> (&'static str, &'static str) {
        match self {
            Self::MachineToken => ("m2m_tokens/verify", "token"),
            Self::OAuthToken => ("oauth_applications/access_tokens/verify", "access_token"),
            Self::ApiKey => ("api_keys/verify", "secret"),
        }
    }
}

impl BackendApi {
    /// Starts a configuration with the instance's secret key (`sk_live_...`).
    pub fn builder(secret_key: impl Into<String>) -> BackendApiBuilder {
        BackendApiBuilder {
            url: URL.to_owned(),
            secret: secret_key.into(),
            machine_secret: None,
            clock: std::sync::Arc::new(SystemTime::now),
        }
    }

    /// The configuration in the environment, `None` where `CLERK_SECRET_KEY` is not set. `CLERK_MACHINE_SECRET_KEY` is used
    /// for M2M tokens where it is set, `CLERK_API_URL` replaces `https://api.clerk.com`.
    ///
    /// # Errors
    ///
    /// As [`BackendApiBuilder::build`].
    pub fn from_environment() -> Result<Option<Self>, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`from_environment`](Self::from_environment), from elsewhere. An empty variable counts as unset.
    ///
    /// # Errors
    ///
    /// As [`BackendApiBuilder::build`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let Some(secret) = set("CLERK_SECRET_KEY") else { return Ok(None) };
        let mut builder = Self::builder(secret.trim());
        builder.machine_secret = set("CLERK_MACHINE_SECRET_KEY").map(|secret| secret.trim().to_owned());
        if let Some(url) = set("CLERK_API_URL") {
            builder = builder.url(url.trim());
        }
        builder.build().map(Some)
    }

    /// What Clerk says about an opaque token or a key. `Reason::Invalid` where it does not exist.
    pub(super) async fn verify(&self, kind: Opaque, text: &str) -> Result<Verified, VerifyError> {
        let (path, member) = kind.call();
        let secret = match (kind, &self.machine_secret) {
            (Opaque::MachineToken, Some(secret)) => secret,
            _ => &self.secret,
        };
        let answer = self.call(Method::POST, path, secret, Some(json!({ member: text }))).await?;
        Verified::read(&answer.ok_or(Reason::Invalid)?).ok_or_else(|| unavailable("an answer without a subject"))
    }

    /// Whether a session is still active: neither ended, removed, replaced nor expired.
    pub(super) async fn session_is_active(&self, session: &str) -> Result<bool, VerifyError> {
        let session = percent_encoding::utf8_percent_encode(session, percent_encoding::NON_ALPHANUMERIC);
        let answer = self.call(Method::GET, &format!("sessions/{session}"), &self.secret, None).await?;
        Ok(answer.is_some_and(|answer| answer["status"] == "active"))
    }

    /// One call, tried again once where the connection or the server failed. `None`: Clerk knows nothing of the kind.
    async fn call(
        &self,
        method: Method,
        path: &str,
        secret: &Secret,
        body: Option<Value>,
    ) -> Result<Option<Value>, VerifyError> {
        let permit = timeout(ATTEMPT_TIMEOUT, self.calls.acquire()).await;
        let _permit = permit.ok().and_then(Result::ok).ok_or_else(|| unavailable("too many calls are under way"))?;
        match self.attempt(&method, path, secret, body.as_ref()).await {
            Err(VerifyError::Unavailable { retry_after, .. }) if retry_after.is_zero() => {
                self.attempt(&method, path, secret, body.as_ref()).await
            }
            outcome => outcome,
        }
        .inspect_err(|error| {
            if let VerifyError::Unavailable { source, .. } = error {
                tracing::warn!(auth.backend.error = %source, "Clerk's Backend API gave no verdict");
            }
        })
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        secret: &Secret,
        body: Option<&Value>,
    ) -> Result<Option<Value>, VerifyError> {
        let failed = |error: reqwest::Error| {
            let problem = if error.is_timeout() { "it timed out" } else { "it cannot be reached" };
            again(problem)
        };
        let mut request = self
            .client
            .request(method.clone(), format!("{}/v1/{path}", self.url))
            .bearer_auth(secret.expose())
            .header("Clerk-API-Version", VERSION);
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(unavailable("it refuses the secret key (CLERK_SECRET_KEY, CLERK_MACHINE_SECRET_KEY)"));
            }
            _ => {
                let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
                let problem = format!("it answered {status}");
                return Err(match retry_after {
                    Some(pause) => outage(problem, pause.clamp(Duration::from_secs(1), MAX_RETRY_AFTER)),
                    None if status.is_server_error() => again(problem),
                    None => unavailable(problem),
                });
            }
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if text.len() + chunk.len() > MAX_BODY {
                return Err(unavailable("its answer is longer than any token's"));
            }
            text.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&text).map(Some).map_err(|_| unavailable("its answer is not JSON"))
    }
}

impl Verified {
    fn read(answer: &Value) -> Option<Self> {
        let texts = |list: &[Value]| list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let scopes = answer["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
        // One text, or a list of them.
        let audiences = answer["aud"].as_array().map_or(slice::from_ref(&answer["aud"]), Vec::as_slice);
        // What is not said to be good is over.
        let is_set = |name: &str| answer[name].as_bool() != Some(false);
        Some(Self {
            id: answer["id"].as_str()?.to_owned(),
            subject: answer["subject"].as_str()?.to_owned(),
            scopes: texts(scopes),
            claims: answer["claims"].as_object().cloned().unwrap_or_default(),
            audiences: texts(audiences),
            expires_ms: answer["expiration"].as_f64(),
            is_over: is_set("revoked") || is_set("expired"),
        })
    }
}

impl BackendApiBuilder {
    /// Where the API is, for example `https://api.clerk.com`: `https`, or `http` to this machine.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into().trim_end_matches('/').to_owned();
        self
    }

    /// The machine's own secret key, used for M2M tokens instead of the instance's.
    pub fn machine_secret_key(mut self, secret: impl Into<String>) -> Self {
        self.machine_secret = Some(secret.into());
        self
    }

    /// The clock, for tests.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = std::sync::Arc::new(clock);
        self
    }

    /// Checks the configuration. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::BackendApi`].
    pub fn build(self) -> Result<BackendApi, ConfigError> {
        let refuse = |problem| ConfigError::BackendApi { problem };
        let parsed = reqwest::Url::parse(&self.url).map_err(|_| refuse("CLERK_API_URL is not a URL"))?;
        let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && loopback) {
            return Err(refuse("a secret key is sent there: CLERK_API_URL must be https"));
        }
        let usable = |secret: &str| !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !usable(&self.secret) || !self.machine_secret.as_deref().is_none_or(usable) {
            return Err(refuse("a secret key (CLERK_SECRET_KEY) is visible ASCII and not empty"));
        }
        let mut builder = reqwest::Client::builder()
            .timeout(ATTEMPT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("specwright/", env!("CARGO_PKG_VERSION")));
        if loopback {
            builder = builder.no_proxy();
        }
        let client =
            builder.build().map_err(|_| refuse("no TLS client can be made: are the CA certificates installed?"))?;
        Ok(BackendApi {
            url: self.url,
            secret: Secret::new(self.secret),
            machine_secret: self.machine_secret.map(Secret::new),
            client,
            calls: Semaphore::new(CALLS),
            clock: self.clock,
        })
    }
}

impl fmt::Debug for BackendApi {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("BackendApi").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An outage after which another attempt makes sense at once; the client is told a second.
fn again(problem: impl Into<String>) -> VerifyError {
    outage(problem, Duration::ZERO)
}

fn unavailable(problem: impl Into<String>) -> VerifyError {
    outage(problem, Duration::from_secs(1))
}

fn outage(problem: impl Into<String>, retry_after: Duration) -> VerifyError {
    VerifyError::Unavailable { source: Box::new(BackendError { problem: problem.into() }), retry_after }
}
