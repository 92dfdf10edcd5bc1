//! Multipart bodies on the client's side (RFC 7578).

use std::fmt;

use reqwest::Body;
use reqwest::multipart::{Form as MultipartForm, Part};
use serde::Serialize;
use serde_json::Value;

use super::CallError;

/// A file to send: bytes or a stream, with the name and content type that the server is told.
pub struct Upload {
    body: Body,
    file_name: Option<String>,
    content_type: Option<String>,
}

/// A `multipart/form-data` body in the making.
#[derive(Debug, Default)]
pub struct Form(MultipartForm);

impl Upload {
    /// A file of these bytes or this stream.
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into(), file_name: None, content_type: None }
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
        Self::default()
    }

    /// Adds a scalar as text, or every item of an array; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn text(self, name: &'static str, value: &impl Serialize) -> Result<Self, CallError> {
        let value =
            serde_json::to_value(value).map_err(|source| CallError::Serialize { name: name.to_owned(), source })?;
        Ok(match value {
            Value::Array(items) => items.into_iter().fold(self, |form, item| form.scalar(name, item)),
            other => self.scalar(name, other),
        })
    }

    /// Adds a value as `application/json`; nothing for `None`.
    ///
    /// # Errors
    ///
    /// [`CallError::Serialize`].
    pub fn json(self, name: &'static str, value: &impl Serialize) -> Result<Self, CallError> {
        let value =
            serde_json::to_value(value).map_err(|source| CallError::Serialize { name: name.to_owned(), source })?;
        if value.is_null() {
            return Ok(self);
        }
        let part = Part::text(value.to_string()).mime_str("application/json")?;
        Ok(Self(self.0.part(name, part)))
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// [`CallError::Build`] when the content type is not one.
    pub fn file(self, name: &'static str, upload: Upload) -> Result<Self, CallError> {
        let mut part = Part::stream(upload.body);
        // Servers tell files from fields by the presence of `filename`.
        part = part.file_name(upload.file_name.unwrap_or_else(|| name.to_owned()));
        if let Some(content_type) = upload.content_type {
            part = part.mime_str(&content_type)?;
        }
        Ok(Self(self.0.part(name, part)))
    }

    /// Adds files under one name.
    ///
    /// # Errors
    ///
    /// As [`Form::file`].
    pub fn files(self, name: &'static str, uploads: impl IntoIterator<Item = Upload>) -> Result<Self, CallError> {
        uploads.into_iter().try_fold(self, |form, upload| form.file(name, upload))
    }

    fn scalar(self, name: &'static str, value: Value) -> Self {
        match value {
            Value::Null => self,
            Value::String(text) => Self(self.0.text(name, text)),
            other => Self(self.0.text(name, other.to_string())),
        }
    }

    pub(super) fn into_inner(self) -> MultipartForm {
        self.0
    }
}
