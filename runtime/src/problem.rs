//! Problem details (RFC 9457): what a client is told when something goes wrong before or instead of a documented response.
//!
//! A 4xx says all that helps to mend the request: every violation, each with a pointer. A 5xx says nothing specific; the log
//! does, under the same request id. Handlers answer with the problem type of their own contract, not with this one.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::RequestId;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem on its way to the client. The `type` is `about:blank`, so the title is the status' own phrase (RFC 9457, 4.2.1).
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    title: Option<&'static str>,
    detail: Option<String>,
    errors: Vec<ProblemError>,
    extensions: Map<String, Value>,
    headers: HeaderMap,
}

/// One thing that is wrong with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemError {
    /// Where: a JSON pointer (RFC 6901) that starts with `/path`, `/query`, `/header`, `/cookie` or `/body`.
    pub pointer: String,
    /// The keyword of the contract that is broken, for example `maxLength`.
    pub keyword: &'static str,
    /// What must hold, as the end of a sentence, for example `must have at most 200 characters`.
    pub detail: String,
}

impl Problem {
    /// A problem with nothing but its status.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            title: None,
            detail: None,
            errors: Vec::new(),
            extensions: Map::new(),
            headers: HeaderMap::new(),
        }
    }

    /// Says what is wrong this time, for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says something other than the status' phrase.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// Says what is wrong with which part of the request.
    #[must_use]
    pub fn errors(mut self, errors: Vec<ProblemError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds an extension member (RFC 9457, section 3.2), for clients that know it.
    #[must_use]
    pub fn extension(mut self, name: &'static str, value: Value) -> Self {
        self.extensions.insert(name.to_owned(), value);
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Tells the client when it makes sense to try again, in whole seconds, at least one (RFC 9110, 10.2.3).
    #[must_use]
    pub fn retry_after(self, pause: Duration) -> Self {
        let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong with which part of the request.
    pub fn violations(&self) -> &[ProblemError] {
        &self.errors
    }

    /// The response; `request_id` becomes the `instance`.
    pub fn into_response(self, request_id: Option<&RequestId>) -> Response {
        #[derive(Serialize)]
        struct Members<'a> {
            r#type: &'static str,
            title: &'static str,
            status: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            instance: Option<String>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [ProblemError],
            #[serde(flatten)]
            extensions: &'a Map<String, Value>,
        }
        let members = Members {
            r#type: "about:blank",
            title: self.title.or(self.status.canonical_reason()).unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            instance: request_id.map(RequestId::urn),
            errors: &self.errors,
            extensions: &self.extensions,
        };
        let text = serde_json::to_vec(&members).expect("strings and numbers always serialise");
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Self::into_response(self, None)
    }
}
