//! One request in the making.

use progenitor_client::Error;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method};
use serde::Serialize;
use serde_json::Value;

use super::{Encoding, Form};
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
    /// The base URL and the path do not make a URL, or a header is refused by the HTTP client.
    #[error("the request cannot be built")]
    Build(#[from] reqwest::Error),
}

impl<E> From<CallError> for Error<E> {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Build(error) => Self::CommunicationError(error),
            other => Self::InvalidRequest(other.to_string()),
        }
    }
}

/// One request in the making.
#[derive(Debug)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<String>,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: Option<Payload>,
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
        }
    }

    /// Fills in a path parameter.
    ///
    /// # Errors
    ///
    /// [`CallError::EmptyPathParameter`]: an empty segment would name another resource.
    pub fn path(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) -> Result<(), CallError> {
        let text = encoding.path(name, &json(name, value)?).map_err(unsendable(name))?;
        if text.is_empty() {
            return Err(CallError::EmptyPathParameter { name: name.to_owned() });
        }
        self.path = self.path.replace(&format!("{{{name}}}"), &text);
        Ok(())
    }

    /// Adds a query parameter; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Unsendable`] when a value holds the delimiter of its style.
    pub fn query(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) -> Result<(), CallError> {
        self.query.extend(encoding.pairs(name, &json(name, value)?).map_err(unsendable(name))?);
        Ok(())
    }

    /// Adds an exploded object, whose members may not have the names of other parameters; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Unsendable`] when a member has one of the names: the server would read the other parameter.
    pub fn query_except(
        &mut self,
        name: &str,
        encoding: Encoding,
        value: &impl Serialize,
        others: &[&str],
    ) -> Result<(), CallError> {
        let value = json(name, value)?;
        let member = value.as_object().and_then(|members| {
            members.iter().find(|(member, value)| !value.is_null() && others.contains(&member.as_str()))
        });
        match member {
            Some((member, _)) => {
                Err(unsendable(name)(format!("its member `{member}` would be read as another parameter")))
            }
            None => self.query(name, encoding, &value),
        }
    }

    /// Adds a header; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Unsendable`] when the value holds a character that a header cannot.
    pub fn header(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) -> Result<(), CallError> {
        match encoding.header(&json(name, value)?).map_err(unsendable(name))? {
            Some(text) => self.raw_header(name, &text),
            None => Ok(()),
        }
    }

    /// Adds a cookie; nothing for `None`.
    ///
    /// # Errors
    ///
    /// As [`Call::query`].
    pub fn cookie(&mut self, name: &str, encoding: Encoding, value: &impl Serialize) -> Result<(), CallError> {
        self.cookies.extend(encoding.pairs(name, &json(name, value)?).map_err(unsendable(name))?);
        Ok(())
    }

    /// Turns a value into the JSON text of a `content` parameter, to be passed on as a string; `None` stays nothing.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn json_text(name: &str, value: &impl Serialize) -> Result<Option<String>, CallError> {
        let value = json(name, value)?;
        Ok(if value.is_null() { None } else { Some(value.to_string()) })
    }

    /// Judges a body before it is sent: for requests whose receiver has no contract of its own to judge by.
    ///
    /// # Errors
    ///
    /// [`CallError::Invalid`] with everything that its schema refuses.
    pub fn check(&self, schema: &Schema, value: &impl Serialize) -> Result<(), CallError> {
        let violations = validate(schema, &json("body", value)?, Direction::Request);
        if violations.is_empty() { Ok(()) } else { Err(CallError::Invalid { violations }) }
    }

    /// Names the media types that the caller reads.
    pub fn accept(&mut self, media_types: &'static str) {
        self.headers.insert(ACCEPT, HeaderValue::from_static(media_types));
    }

    /// Sends a JSON body under its media type.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn json_body(&mut self, media_type: &'static str, value: &impl Serialize) -> Result<(), CallError> {
        let bytes =
            serde_json::to_vec(value).map_err(|source| CallError::Serialize { name: "body".to_owned(), source })?;
        self.bytes_body(media_type, bytes);
        Ok(())
    }

    /// Sends an `application/x-www-form-urlencoded` body, each property as an exploded form pair.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn form_body(&mut self, value: &impl Serialize) -> Result<(), CallError> {
        self.form_body_with(value, &[])
    }

    /// The same, where the contract's `encoding` says how members are spelled: in a style, or (`None`) as JSON.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`], and [`CallError::Unsendable`] when a value holds the delimiter of its style.
    pub fn form_body_with(
        &mut self,
        value: &impl Serialize,
        members: &[(&str, Option<Encoding>)],
    ) -> Result<(), CallError> {
        let mut pairs = Vec::new();
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
                pairs.extend(encoding.pairs(&name, &value).map_err(unsendable(&name))?);
            }
        }
        self.bytes_body("application/x-www-form-urlencoded", pairs.join("&"));
        Ok(())
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

    /// The request, against a base URL.
    ///
    /// # Errors
    ///
    /// [`CallError::Build`].
    pub fn build(self, client: &reqwest::Client, base_url: &str) -> Result<reqwest::Request, CallError> {
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
    pub(super) fn build_for(mut self, client: &reqwest::Client, url: &str) -> Result<reqwest::Request, CallError> {
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

    fn raw_header(&mut self, name: &str, text: &str) -> Result<(), CallError> {
        let refuse = |reason: &str| unsendable(name)(reason.to_owned());
        let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| refuse("a header cannot hold it"))?;
        let name = HeaderName::try_from(name).map_err(|_| refuse("this is not the name of a header"))?;
        self.headers.append(name, value);
        Ok(())
    }
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
