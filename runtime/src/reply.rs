//! From a response enum to a response: the last thing that generated code calls.
//!
//! Where the service validates responses (local runs and tests do), a body that breaks its schema is a bug that must be seen:
//! the log lists the violations and the client gets a 500. In production the check is off, for its price.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::{
    context::RequestId,
    failure::{Chain, Failure},
    operation::Parameter,
    problem::Problem,
    schema::{self, Direction, Schema},
    sequence::{Cause, Framing, ItemSource},
    spelling::{encode::Encoding, is_json},
};

/// A response of the contract.
pub trait Respond {
    /// Writes status, headers and body.
    fn respond(self, reply: Reply) -> Response;
}

/// A response in the making.
#[derive(Debug)]
pub struct Reply {
    request_id: RequestId,
    operation: &'static str,
    validates: bool,
    status: StatusCode,
    headers: HeaderMap,
    broken: Option<Failure>,
}

impl Reply {
    pub(crate) fn new(request_id: RequestId, operation: &'static str, validates: bool) -> Self {
        Self { request_id, operation, validates, status: StatusCode::OK, headers: HeaderMap::new(), broken: None }
    }

    /// Sets the status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a status out of a range of the contract: `class` is the first digit of `4XX`. A status of another class turns the
    /// response into a 500, since the contract does not have it.
    #[must_use]
    pub fn status_of_class(mut self, class: u16, status: StatusCode) -> Self {
        if status.as_u16() / 100 != class {
            self.broken = Some(Failure::internal(format!("the status {status} is not one of {class}XX")));
        }
        self.status(status)
    }

    /// Sets a header of the contract, in the style `simple`: `a,b` for arrays, `key,value` for objects (OpenAPI, Header Object).
    ///
    /// A value that cannot stand in a header, for example one with a line break, turns the response into a 500. So does, where
    /// responses are validated, one that its schema refuses.
    #[must_use]
    pub fn header<T: Serialize + ?Sized>(mut self, header: &'static Parameter, value: &T) -> Self {
        if let Err(error) = self.write_header(header, value) {
            self.broken.get_or_insert(Failure::internal(format!("the response header {}: {error}", header.name)));
        }
        self
    }

    /// Sets a header where there is a value.
    #[must_use]
    pub fn optional_header<T: Serialize + ?Sized>(self, header: &'static Parameter, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.header(header, value),
            None => self,
        }
    }

    /// Says which media type of a range of the contract the body is.
    #[must_use]
    pub fn content_type(mut self, media_type: &str) -> Self {
        match HeaderValue::from_str(media_type) {
            Ok(value) => {
                self.headers.insert(header::CONTENT_TYPE, value);
            }
            Err(error) => {
                self.broken.get_or_insert(Failure::internal(error));
            }
        }
        self
    }

    fn write_header<T: Serialize + ?Sized>(&mut self, header: &Parameter, value: &T) -> Result<(), String> {
        let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
        if self.validates {
            let violations = schema::validate(header.schema, &value, Direction::Response);
            if !violations.is_empty() {
                return Err(listed(&violations));
            }
        }
        let spelling = Encoding::of(header);
        let texts = match value {
            Value::Null => Vec::new(),
            value if header.content.is_some_and(is_json) => vec![value.to_string()],
            // One line per cookie: commas mean something else there (RFC 6265, section 3).
            Value::Array(values) if header.name.eq_ignore_ascii_case("set-cookie") => {
                values.iter().filter_map(|value| spelling.header(value).transpose()).collect::<Result<_, _>>()?
            }
            value => spelling.header(&value)?.into_iter().collect(),
        };
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|error| error.to_string())?;
        self.headers.remove(&name);
        for text in texts {
            let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|error| error.to_string())?;
            self.headers.append(&name, value);
        }
        Ok(())
    }

    /// Ends with a JSON body. `writeOnly` properties are left out.
    pub fn json<T: Serialize + ?Sized>(self, media_type: &'static str, schema: &'static Schema, body: &T) -> Response {
        // Without a second look the value goes straight to text.
        let text = if self.validates || schema::marks(schema).write_only {
            match serde_json::to_value(body) {
                Ok(mut value) => {
                    schema::strip_write_only(schema, &mut value);
                    if self.validates {
                        let violations = schema::validate(schema, &value, Direction::Response);
                        if !violations.is_empty() {
                            return self.breach(&violations);
                        }
                    }
                    serde_json::to_vec(&value)
                }
                Err(error) => Err(error),
            }
        } else {
            serde_json::to_vec(body)
        };
        match text {
            Ok(text) => self.end(Some(media_type), Body::from(text)),
            Err(error) => Failure::internal(error).into_response(&self.request_id),
        }
    }

    /// Ends with a text.
    pub fn text(self, media_type: &'static str, schema: &'static Schema, body: impl Into<String>) -> Response {
        let body = body.into();
        if self.validates {
            let violations = schema::validate(schema, &Value::String(body.clone()), Direction::Response);
            if !violations.is_empty() {
                return self.breach(&violations);
            }
        }
        self.end(Some(media_type), Body::from(body))
    }

    /// Ends with bytes that may still be on their way.
    pub fn stream(self, media_type: &'static str, body: impl Into<Body>) -> Response {
        self.end(Some(media_type), body.into())
    }

    /// Ends with a sequence of items, each sent as soon as it is there. `writeOnly` properties are left out.
    ///
    /// Where the source fails, or an item breaks its schema while the service validates responses, the log says so and the
    /// connection is broken off: status and headers are long gone. While no event comes, a comment is sent every ten seconds, so
    /// that nobody on the way takes the connection for dead.
    pub fn items<T: Serialize + Send + 'static>(
        self,
        media_type: &'static str,
        framing: Framing,
        schema: &'static Schema,
        items: ItemSource<T>,
    ) -> Response {
        let (validates, operation, request_id) = (self.validates, self.operation, self.request_id.clone());
        let bytes = items.into_bytes(framing, move |item| {
            schema::strip_write_only(schema, item);
            let violations = if validates { schema::validate(schema, item, Direction::Response) } else { Vec::new() };
            if violations.is_empty() { Ok(()) } else { Err(listed(&violations).into()) }
        });
        let bytes = bytes.inspect(move |chunk| {
            if let Err(error) = chunk {
                tracing::error!(
                    request.id = %request_id,
                    operation,
                    error = %Chain(error.as_ref()),
                    "sequence of a response broke off"
                );
            }
        });
        let body =
            if framing == Framing::Events { Body::from_stream(kept_alive(bytes)) } else { Body::from_stream(bytes) };
        self.end(Some(media_type), body)
    }

    /// Ends without a body.
    pub fn empty(self) -> Response {
        self.end(None, Body::empty())
    }

    fn end(self, media_type: Option<&'static str>, body: Body) -> Response {
        if let Some(failure) = self.broken {
            return failure.into_response(&self.request_id);
        }
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        // A `Content-Type` of the handler's own wins: the contract may say `image/*` and the handler knows which.
        if let Some(media_type) = media_type
            && !response.headers().contains_key(header::CONTENT_TYPE)
        {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type(media_type));
        }
        response
    }

    fn breach(self, violations: &[schema::Violation]) -> Response {
        tracing::error!(
            operation = self.operation,
            http.status = self.status.as_u16(),
            violations = %listed(violations),
            "response breaks the contract"
        );
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
            .title("response breaks the contract")
            .into_response(Some(&self.request_id))
    }
}

/// A response as axum has them: for handlers of one's own beside generated ones.
impl Respond for Response {
    fn respond(self, _: Reply) -> Response {
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.into_response(&RequestId::generate())
    }
}

fn content_type(media_type: &'static str) -> HeaderValue {
    // Text without a charset is read as something else by old clients (RFC 6657); everything here is UTF-8.
    if media_type.starts_with("text/") && !media_type.contains("charset") && !media_type.contains('*') {
        return HeaderValue::try_from(format!("{media_type}; charset=utf-8"))
            .unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    if media_type.contains('*') {
        return HeaderValue::from_static("application/octet-stream");
    }
    HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn listed(violations: &[schema::Violation]) -> String {
    let all = violations
        .iter()
        .map(|violation| format!("{} {} ({})", violation.pointer, violation.message, violation.keyword))
        .collect::<Vec<_>>();
    all.join("; ")
}

/// Events with comments in between where they are far apart (HTML Living Standard, section 9.2.7).
fn kept_alive(
    events: impl Stream<Item = Result<Bytes, Cause>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static {
    stream::unfold(Box::pin(events), |mut events| async move {
        match tokio::time::timeout(Duration::from_secs(10), events.next()).await {
            Ok(event) => event.map(|event| (event, events)),
            Err(_) => Some((Ok(Bytes::from_static(b":\n\n")), events)),
        }
    })
}
