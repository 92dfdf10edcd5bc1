//! What a handler may know about a request beyond its typed input: its id, its head, how much time is left.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::FromRequestParts;
use http::{HeaderMap, Method, Uri, request::Parts};

use crate::failure::Failure;

/// The request that an operation answers. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    request_id: RequestId,
    parts: Arc<Parts>,
    deadline: Instant,
}

/// Names a request in logs, in problems and in the `x-request-id` header: the client's own id where it sent a usable one
/// (1 to 128 visible ASCII characters), else a UUID of version 7.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl Context {
    pub(crate) fn new(request_id: RequestId, parts: Arc<Parts>, deadline: Instant) -> Self {
        Self { request_id, parts, deadline }
    }

    /// The id of the request.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// The head of the request.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The method of the request.
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The target of the request.
    pub fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    /// The headers of the request.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// What layers put beside the request, for example `axum::extract::ConnectInfo`.
    pub fn extensions(&self) -> &http::Extensions {
        &self.parts.extensions
    }

    /// When the client is told 504 and the handler is dropped.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How much time is left; zero where none is.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs an axum extractor on the head of the request.
    ///
    /// # Errors
    ///
    /// The extractor's rejection, as a [`Failure`] that answers with it.
    pub async fn extract<E: FromRequestParts<()>>(&self) -> Result<E, Failure> {
        let mut parts = Parts::clone(&self.parts);
        E::from_request_parts(&mut parts, &()).await.map_err(Failure::response)
    }
}

impl RequestId {
    /// Takes the client's id where it is usable, else makes one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
            .map_or_else(Self::generate, |id| Self(id.into()))
    }

    /// A new id.
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `instance` of a problem. Characters that a URI may not hold are escaped.
    pub fn urn(&self) -> String {
        format!("urn:request:{}", percent_encoding::utf8_percent_encode(&self.0, URN))
    }
}

/// All but RFC 3986's unreserved characters.
const URN: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The head may hold credentials, so that only the id is printed.
impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Context").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "RequestId({})", self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
