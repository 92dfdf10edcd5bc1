//! Multipart bodies on the client's side (RFC 7578).

use std::{borrow::Cow, collections::BTreeMap, fmt};

use percent_encoding::percent_decode_str;
use reqwest::Body;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{Form as MultipartForm, Part};
use serde::Serialize;
use serde_json::Value;

use super::{CallError, Encoding};
use crate::spelling::escape_part_name;

/// A file to send: bytes or a stream, with the name and content type that the server is told.
pub struct Upload {
    body: Body,
    file_name: Option<String>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
}

/// A `multipart/form-data` body in the making.
#[derive(Debug)]
pub struct Form(MultipartForm);

impl Upload {
    /// A file of these bytes or this stream.
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into(), file_name: None, content_type: None, headers: Vec::new() }
    }

    /// The name that the server is told (`filename`).
    #[must_use]
    pub fn file_name(self, name: impl Into<String>) -> Self {
        Self { file_name: Some(name.into()), ..self }
    }

    /// The `Content-Type` of the part; without it the part has none and counts as `text/plain` (RFC 7578 section 4.4).
    #[must_use]
    pub fn content_type(self, media_type: impl Into<String>) -> Self {
        Self { content_type: Some(media_type.into()), ..self }
    }

    /// A header of the part, for contracts that describe some.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Upload")
            .field("file_name", &self.file_name)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        // The names are escaped here: `name*` is not for forms (RFC 7578, section 4.2), and servers do not read it.
        Self(MultipartForm::new().percent_encode_noop())
    }

    fn part(self, name: impl Into<Cow<'static, str>>, part: Part) -> Self {
        Self(self.0.part(escape_part_name(name.into()), part))
    }

    /// Adds a scalar as text, or every item of an array; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn text(self, name: &'static str, value: &impl Serialize) -> Result<Self, CallError> {
        Ok(match serialized(name, value)? {
            Value::Array(items) => items.into_iter().fold(self, |form, item| form.scalar(name, item)),
            other => self.scalar(name, other),
        })
    }

    /// Adds a value as JSON under its media type; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn json(
        self,
        name: impl Into<Cow<'static, str>>,
        media_type: &str,
        value: &impl Serialize,
    ) -> Result<Self, CallError> {
        let name = name.into();
        let value = serialized(&name, value)?;
        if value.is_null() {
            return Ok(self);
        }
        let part = Part::text(value.to_string()).mime_str(media_type)?;
        Ok(self.part(name, part))
    }

    /// Adds every item of an array as JSON; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn json_items(self, name: &'static str, media_type: &str, items: &impl Serialize) -> Result<Self, CallError> {
        match serialized(name, items)? {
            Value::Array(items) => items.iter().try_fold(self, |form, item| {
                // `null` is an item, and nothing is none.
                let part = Part::text(item.to_string()).mime_str(media_type)?;
                Ok(form.part(name, part))
            }),
            other => self.json(name, media_type, &other),
        }
    }

    /// Adds a value in the style of a query parameter; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`], and [`CallError::Unsendable`] when a value holds the delimiter of its style.
    pub fn styled(self, name: &'static str, encoding: Encoding, value: &impl Serialize) -> Result<Self, CallError> {
        let unsendable = |reason: String| CallError::Unsendable { name: name.to_owned(), reason };
        let value = serialized(name, value)?;
        let pairs = encoding.pairs(name, &value).map_err(unsendable)?;
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        pairs.iter().try_fold(self, |form, pair| {
            let (key, text) = pair.split_once('=').unwrap_or((pair, ""));
            // Nothing is percent-encoded in a part, so that a comma inside a value could not be told from one between values.
            if text.contains("%2C") && text.contains(',') {
                return Err(unsendable(format!("a value of `{name}` holds the delimiter of its style")));
            }
            Ok(form.part(plain(key), Part::text(plain(text))))
        })
    }

    /// Adds the parts that the contract does not name: objects and arrays as JSON, the rest as text.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn additional<T: Serialize>(self, parts: &BTreeMap<String, T>) -> Result<Self, CallError> {
        parts.iter().try_fold(self, |form, (name, value)| match serialized(name, value)? {
            value @ (Value::Object(_) | Value::Array(_)) => form.json(name.clone(), "application/json", &value),
            value => Ok(form.scalar(name.clone(), value)),
        })
    }

    /// Adds files under one name; `usual` is the content type of those that say none.
    ///
    /// # Errors
    ///
    /// [`CallError::Http`] when a content type is none, [`CallError::Unsendable`] when a header is none.
    pub fn files(
        self,
        name: &'static str,
        usual: Option<&str>,
        uploads: impl IntoIterator<Item = Upload>,
    ) -> Result<Self, CallError> {
        uploads.into_iter().try_fold(self, |form, upload| {
            let mut part = Part::stream(upload.body);
            // Servers tell files from fields by the presence of `filename`.
            part = part.file_name(upload.file_name.unwrap_or_else(|| name.to_owned()));
            if let Some(content_type) = upload.content_type.as_deref().or(usual) {
                part = part.mime_str(content_type)?;
            }
            let mut headers = HeaderMap::new();
            for (header, value) in &upload.headers {
                match (HeaderName::try_from(header), HeaderValue::try_from(value)) {
                    (Ok(header), Ok(value)) => {
                        headers.append(header, value);
                    }
                    _ => {
                        let reason = format!("`{header}` is no header that a part can have");
                        return Err(CallError::Unsendable { name: name.to_owned(), reason });
                    }
                }
            }
            Ok(form.part(name, part.headers(headers)))
        })
    }

    fn scalar(self, name: impl Into<Cow<'static, str>>, value: Value) -> Self {
        match value {
            Value::Null => self,
            Value::String(text) => self.part(name, Part::text(text)),
            other => self.part(name, Part::text(other.to_string())),
        }
    }

    pub(super) fn into_inner(self) -> MultipartForm {
        self.0
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

fn serialized(name: &str, value: &impl Serialize) -> Result<Value, CallError> {
    serde_json::to_value(value).map_err(|source| CallError::Serialize { name: name.to_owned(), source })
}
