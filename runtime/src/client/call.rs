//! One request in the making.

use futures_util::future::BoxFuture;
use progenitor_client::Error;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Response};
use serde::Serialize;
use serde_json::Value;

use super::{BufferedResponse, Encoding, Form, execute};
use crate::schema::{Direction, Schema, Violation, validate};

/// Why a request could not be made from its values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// A value cannot be written as JSON (a map with keys that are not strings, say).
    #[error("`{name}` cannot be serialised")]
    Serialize {
        /// Parameter, or `body`.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// A value cannot be sent in its place: the delimiter of its style, or a line break in a header.
    #[error("`{name}` cannot be sent: {reason}")]
    Unsendable {
        /// Parameter.
        name: String,
        /// Why.
        reason: String,
    },
    /// A path parameter is empty, which would name another resource.
    #[error("path parameter `{name}` is empty")]
    EmptyPathParameter {
        /// Parameter.
        name: String,
    },
    /// The body breaks its schema.
    #[error("the body breaks its schema: {}", listed(violations))]
    Invalid {
        /// What is wrong with it.
        violations: Vec<Violation>,
    },
    /// What the caller proves itself with cannot be had.
    #[error("{0}")]
    Secret(String),
    /// The base URL and the path do not make a URL, a header is refused by the HTTP client, or the connection fails.
    #[error("the request cannot be built or sent")]
    Http(#[from] reqwest::Error),
}

impl<E> From<CallError> for Error<E> {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Http(error) => Self::CommunicationError(error),
            CallError::Secret(error) => Self::Custom(error),
            other => Self::InvalidRequest(other.to_string()),
        }
    }
}

/// A response that is waited for. In a box, so that an operation that awaits it is not made of all that reqwest is made of: the
/// compiler asks of each what it holds.
pub type Sent<'a, T> = BoxFuture<'a, Result<T, CallError>>;

/// One request in the making.
///
/// A value that cannot be sent is kept as the error of the whole, as a [`reqwest::RequestBuilder`] does: the first of them is what
/// [`build`](Self::build) and [`send`](Self::send) return, and nothing is sent.
#[derive(Debug)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<String>,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: Option<Payload>,
    failure: Option<CallError>,
}

#[derive(Debug)]
enum Payload {
    Bytes(Body),
    Form(reqwest::multipart::Form),
}

impl Call {
    /// Starts a request; `path` is the template of the contract, whose parameters are filled in by [`Call::path`].
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            body: None,
            failure: None,
        }
    }

    /// Fills in a path parameter. An empty one is refused ([`CallError::EmptyPathParameter`]): it would name another resource.
    pub fn path(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) {
        let text = json(name, value).and_then(|value| encoding.path(name, &value).map_err(unsendable(name)));
        match text {
            Ok(text) if text.is_empty() => self.fail(CallError::EmptyPathParameter { name: name.to_owned() }),
            Ok(text) => self.path = self.path.replace(&format!("{{{name}}}"), &text),
            Err(error) => self.fail(error),
        }
    }

    /// Adds a query parameter; nothing for `None`. A value that holds the delimiter of its style is refused
    /// ([`CallError::Unsendable`]).
    pub fn query(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) {
        match pairs(name, encoding, value) {
            Ok(pairs) => self.query.extend(pairs),
            Err(error) => self.fail(error),
        }
    }

    /// Adds an exploded object, whose members may not have the names of other parameters; nothing for `None`. Where one has, it
    /// is refused ([`CallError::Unsendable`]): the server would read the other parameter.
    pub fn query_except(&mut self, name: &str, encoding: Encoding, value: &impl Serialize, others: &[&str]) {
        let value = match json(name, value) {
            Ok(value) => value,
            Err(error) => return self.fail(error),
        };
        let member = value.as_object().and_then(|members| {
            members.iter().find(|(member, value)| !value.is_null() && others.contains(&member.as_str()))
        });
        match member {
            Some((member, _)) => {
                self.fail(unsendable(name)(format!("its member `{member}` would be read as another parameter")));
            }
            None => self.query(name, encoding, &value),
        }
    }

    /// Adds a header; nothing for `None`. A character that a header cannot hold is refused ([`CallError::Unsendable`]).
    pub fn header(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) {
        let text = json(name, value).and_then(|value| encoding.header(&value).map_err(unsendable(name)));
        let added = text.and_then(|text| text.map_or(Ok(()), |text| self.raw_header(name, &text)));
        added.unwrap_or_else(|error| self.fail(error));
    }

    /// Adds a cookie; nothing for `None`. What [`Call::query`] refuses is refused.
    pub fn cookie(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) {
        match pairs(name, encoding, value) {
            Ok(pairs) => self.cookies.extend(pairs),
            Err(error) => self.fail(error),
        }
    }

    /// The JSON text of a `content` parameter, to be passed on as a string; `None` stays nothing, and a value that is no JSON is
    /// refused ([`CallError::Serialize`]).
    pub fn json_text(&mut self, name: &str, value: &impl Serialize) -> Option<String> {
        match json(name, value) {
            Ok(value) => (!value.is_null()).then(|| value.to_string()),
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Judges a body before it is sent: for requests whose receiver has no contract of its own to judge by. What its schema
    /// refuses is refused ([`CallError::Invalid`]).
    pub fn check(&mut self, schema: &Schema, value: &impl Serialize) {
        match json("body", value) {
            Ok(value) => {
                let violations = validate(schema, &value, Direction::Request);
                if !violations.is_empty() {
                    self.fail(CallError::Invalid { violations });
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// Names the media types that the caller reads.
    pub fn accept(&mut self, media_types: &'static str) {
        self.headers.insert(ACCEPT, HeaderValue::from_static(media_types));
    }

    /// Sends a JSON body under its media type; a value that is no JSON is refused ([`CallError::Serialize`]).
    pub fn json_body(&mut self, media_type: &'static str, value: &impl Serialize) {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.bytes_body(media_type, bytes),
            Err(source) => self.fail(CallError::Serialize { name: "body".to_owned(), source }),
        }
    }

    /// Sends an `application/x-www-form-urlencoded` body, each property as an exploded form pair.
    pub fn form_body(&mut self, value: &impl Serialize) {
        self.form_body_with(value, &[]);
    }

    /// The same, where the contract's `encoding` says how members are spelled: in a style, or (`None`) as JSON. A value that holds
    /// the delimiter of its style is refused ([`CallError::Unsendable`]).
    pub fn form_body_with(&mut self, value: &impl Serialize, members: &[(&str, Option<Encoding>)]) {
        match form(value, members) {
            Ok(text) => self.bytes_body("application/x-www-form-urlencoded", text),
            Err(error) => self.fail(error),
        }
    }

    /// Sends bytes, text or a stream under its media type.
    pub fn bytes_body(&mut self, media_type: &'static str, body: impl Into<Body>) {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = Some(Payload::Bytes(body.into()));
    }

    /// Sends a `multipart/form-data` body.
    pub fn multipart_body(&mut self, form: Form) {
        self.body = Some(Payload::Form(form.into_inner()));
    }

    /// Sends the request, against a base URL, and waits for the whole response.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn send<'a>(self, client: &'a Client, base_url: &'a str) -> Sent<'a, BufferedResponse> {
        Box::pin(async move { execute(client, self.build(client, base_url)?).await })
    }

    /// Sends the request, against a base URL, and waits for the beginning of the response.
    ///
    /// # Errors
    ///
    /// The first of its values that cannot be sent, else [`CallError::Http`].
    pub fn open<'a>(self, client: &'a Client, base_url: &'a str) -> Sent<'a, Response> {
        Box::pin(async move { Ok(client.execute(self.build(client, base_url)?).await?) })
    }

    /// The request, against a base URL.
    ///
    /// # Errors
    ///
    /// The first of its values that cannot be sent, else [`CallError::Http`].
    pub fn build(mut self, client: &Client, base_url: &str) -> Result<reqwest::Request, CallError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        // URL normalisation removes such a segment, however its dots are written (RFC 3986, section 5.2.4): the request
        // would reach another resource.
        let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if let Some(segment) = self.path.split('/').find(|segment| dots(segment)) {
            let reason = format!("`{segment}` as a whole segment means another path");
            return Err(CallError::Unsendable { name: self.path.clone(), reason });
        }
        let url = format!("{}{}", base_url.trim_end_matches('/'), self.path);
        self.build_for(client, &url)
    }

    /// The request, to a whole URL.
    pub(super) fn build_for(mut self, client: &Client, url: &str) -> Result<reqwest::Request, CallError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        // A fragment is never sent; what follows it would not be either.
        let mut url = url.split('#').next().unwrap_or_default().to_owned();
        if !self.query.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&self.query.join("&"));
        }
        if !self.cookies.is_empty() {
            let cookies = self.cookies.join("; ");
            self.raw_header(COOKIE.as_str(), &cookies)?;
        }
        let request = client.request(self.method, url).headers(self.headers);
        let request = match self.body {
            Some(Payload::Bytes(body)) => request.body(body),
            Some(Payload::Form(form)) => {
                let end = format!("--{}--\r\n", form.boundary());
                return Ok(with_end(request.multipart(form).build()?, end));
            }
            None => request,
        };
        Ok(request.build()?)
    }

    /// Keeps the first error.
    fn fail(&mut self, error: CallError) {
        self.failure.get_or_insert(error);
    }

    fn raw_header(&mut self, name: &str, text: &str) -> Result<(), CallError> {
        let refuse = |reason: &str| unsendable(name)(reason.to_owned());
        let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| refuse("a header cannot hold it"))?;
        let name = HeaderName::try_from(name).map_err(|_| refuse("this is not the name of a header"))?;
        self.headers.append(name, value);
        Ok(())
    }
}

fn pairs(name: &str, encoding: Encoding, value: &impl Serialize) -> Result<Vec<String>, CallError> {
    encoding.pairs(name, &json(name, value)?).map_err(unsendable(name))
}

/// The text of an `application/x-www-form-urlencoded` body.
fn form(value: &impl Serialize, members: &[(&str, Option<Encoding>)]) -> Result<String, CallError> {
    let mut all = Vec::new();
    if let Value::Object(entries) = json("body", value)? {
        for (name, value) in entries {
            let member = members.iter().find(|(member, _)| *member == name).map(|(_, encoding)| *encoding);
            let (encoding, value) = match member {
                Some(Some(encoding)) => (encoding, value),
                Some(None) if !value.is_null() => (Encoding::FORM_EXPLODED, Value::String(value.to_string())),
                // An object inside a form has no exploded form of its own: it travels as JSON (section 4.8.14.4).
                None if value.is_object() => (Encoding::FORM_EXPLODED, Value::String(value.to_string())),
                _ => (Encoding::FORM_EXPLODED, value),
            };
            all.extend(encoding.pairs(&name, &value).map_err(unsendable(&name))?);
        }
    }
    Ok(all.join("&"))
}

fn listed(violations: &[Violation]) -> String {
    let all = violations.iter().map(|one| format!("{} {} ({})", one.pointer, one.message, one.keyword));
    all.collect::<Vec<_>>().join("; ")
}

fn unsendable(name: &str) -> impl Fn(String) -> CallError + '_ {
    |reason| CallError::Unsendable { name: name.to_owned(), reason }
}

/// A form without parts has nothing but its end, which reqwest leaves out; without it no server can tell it from one that was
/// cut off (RFC 2046, section 5.1.1).
fn with_end(mut request: reqwest::Request, end: String) -> reqwest::Request {
    if request.body().and_then(Body::as_bytes).is_some_and(<[u8]>::is_empty) {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(end.len()));
        *request.body_mut() = Some(end.into());
    }
    request
}

fn json(name: &str, value: &impl Serialize) -> Result<Value, CallError> {
    serde_json::to_value(value).map_err(|source| CallError::Serialize { name: name.to_owned(), source })
}
