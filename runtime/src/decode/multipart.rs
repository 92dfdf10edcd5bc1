//! `multipart/form-data` (RFC 7578): text and JSON parts by the schema, files as bytes.

use axum::extract::{DefaultBodyLimit, FromRequest as _};
use bytes::Bytes;
use http::{Request, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Decoder, Invalid, Rejection, text};
use crate::{
    problem::{Problem, ProblemError},
    schema::{Direction, Schema, Types, accepted_types, items_of, prepare_request, property_of, validate},
};

/// What the contract says about a multipart body.
#[derive(Debug)]
pub struct Multipart {
    /// The schema of the whole: an object with a property per part.
    pub schema: &'static Schema,
    /// How each part is read. Parts that are not listed are text.
    pub parts: &'static [(&'static str, PartKind)],
    /// The parts that must be there.
    pub required: &'static [&'static str],
}

/// How a part is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Bytes, with a file name and a content type.
    File,
    /// JSON.
    Json,
    /// Text, read by the schema as a parameter is.
    Text,
}

/// A file of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name that the client gave, as sent: it may hold path separators and must not be used as a path.
    pub file_name: Option<String>,
    /// The content type that the client gave, as sent.
    pub content_type: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

/// A multipart body that satisfies its schema.
#[derive(Debug)]
pub struct Form {
    values: Map<String, Value>,
    files: Vec<(String, File)>,
}

impl Decoder {
    /// Reads a multipart body.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it is missing, of another media type, too large, malformed, or breaks its schema.
    pub async fn multipart(&mut self, multipart: &'static Multipart) -> Result<Form, Invalid> {
        let form = self.optional_multipart(multipart).await?;
        form.ok_or_else(|| self.missing_body())
    }

    /// Reads a multipart body that may be absent.
    ///
    /// # Errors
    ///
    /// As [`Decoder::multipart`].
    pub async fn optional_multipart(&mut self, multipart: &'static Multipart) -> Result<Option<Form>, Invalid> {
        match self.content_type()? {
            None if self.has_no_body() => return Ok(None),
            Some(content_type) if content_type.essence_str() == mime::MULTIPART_FORM_DATA.essence_str() => {}
            _ => {
                self.refusal = Some(super::body::unsupported(&["multipart/form-data"]).into_problem());
                return Err(Invalid);
            }
        }
        self.check_announced_length()?;
        let (parts, files) = self.parts_of(multipart).await?;
        self.form_of(multipart, parts, files).map(Some)
    }

    /// Texts and files in the order sent.
    async fn parts_of(
        &mut self,
        multipart: &Multipart,
    ) -> Result<(Vec<(String, String)>, Vec<(String, File)>), Invalid> {
        let mut request = Request::new(self.incoming.body.take().unwrap_or_default());
        *request.headers_mut() = self.incoming.parts.headers.clone();
        DefaultBodyLimit::max(self.incoming.body_limit).apply(&mut request);
        let mut stream = match axum::extract::Multipart::from_request(request, &()).await {
            Ok(stream) => stream,
            Err(error) => {
                self.complain_of_body("multipart", format!("must be multipart/form-data: {}", error.body_text()));
                return Err(Invalid);
            }
        };
        let (mut texts, mut files) = (Vec::new(), Vec::new());
        loop {
            let field = match stream.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => return Ok((texts, files)),
                Err(error) => return Err(self.unreadable_part(&error)),
            };
            let Some(name) = field.name().map(str::to_owned) else {
                self.complain_of_body("multipart", "must name each part".to_owned());
                return Err(Invalid);
            };
            let kind = multipart.parts.iter().find(|(part, _)| *part == name).map_or(PartKind::Text, |(_, kind)| *kind);
            let file_name = field.file_name().map(str::to_owned);
            let content_type = field.content_type().map(str::to_owned);
            let bytes = match field.bytes().await {
                Ok(bytes) => bytes,
                Err(error) => return Err(self.unreadable_part(&error)),
            };
            if kind == PartKind::File {
                files.push((name, File { file_name, content_type, bytes }));
            } else if let Ok(text) = String::from_utf8(bytes.into()) {
                texts.push((name, text));
            } else {
                self.complain_of_part(&name, "encoding", "must be UTF-8".to_owned());
            }
        }
    }

    fn form_of(
        &mut self,
        multipart: &Multipart,
        texts: Vec<(String, String)>,
        files: Vec<(String, File)>,
    ) -> Result<Form, Invalid> {
        let before = self.errors.len();
        let any = &Schema::ANY;
        let kind_of = |name: &str| multipart.parts.iter().find(|(part, _)| *part == name).map(|(_, kind)| *kind);
        let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
        for (name, text) in texts {
            match grouped.iter_mut().find(|(known, _)| *known == name) {
                Some((_, texts)) => texts.push(text),
                None => grouped.push((name, vec![text])),
            }
        }
        let mut values = Map::new();
        for (name, texts) in grouped {
            let schema = property_of(multipart.schema, &name).unwrap_or(any);
            let value = if kind_of(&name) == Some(PartKind::Json) {
                self.json_part(&name, texts, schema)
            } else {
                let mut tree = text::Tree::default();
                for text in texts {
                    tree.insert(&[], text);
                }
                Some(tree.into_value(schema))
            };
            if let Some(value) = value {
                values.insert(name, value);
            }
        }
        // A file is judged by whether it is there and how often: its place is taken by an empty text.
        let mut whole = values.clone();
        for (name, _) in &files {
            let count = files.iter().filter(|(other, _)| other == name).count();
            let many = property_of(multipart.schema, name).is_some_and(is_array);
            let place = Value::String(String::new());
            whole.insert(name.clone(), if many { Value::Array(vec![place; count]) } else { place });
            if !many && count > 1 && !self.errors.iter().any(|error| error.pointer == part_pointer(name)) {
                self.complain_of_part(name, "repeated", "must be given once".to_owned());
            }
        }
        for name in multipart.required.iter().filter(|name| !whole.contains_key(**name)) {
            self.complain_of_part(name, "required", "is required".to_owned());
        }
        let mut violations = validate(multipart.schema, &Value::Object(whole), Direction::Request);
        violations.retain(|violation| {
            let about_file = multipart.parts.iter().any(|(name, kind)| {
                *kind == PartKind::File
                    && violation.pointer.strip_prefix(&format!("/{}", super::escape(name))).is_some_and(|rest| {
                        rest.starts_with('/')
                            || (rest.is_empty() && !matches!(violation.keyword, "minItems" | "maxItems"))
                    })
            });
            let missing = violation.keyword == "required"
                && multipart.required.iter().any(|name| violation.pointer == format!("/{}", super::escape(name)));
            !about_file && !missing
        });
        self.collect("/body", violations);
        if self.errors.len() > before {
            return Err(Invalid);
        }
        let mut values = Value::Object(values);
        prepare_request(multipart.schema, &mut values);
        let Value::Object(values) = values else { return Err(Invalid) };
        Ok(Form { values, files })
    }

    /// One part per value; several are the elements of an array.
    fn json_part(&mut self, name: &str, mut texts: Vec<String>, schema: &Schema) -> Option<Value> {
        let mut values = Vec::new();
        for text in &mut texts {
            match serde_json::from_str::<Value>(text) {
                Ok(value) => values.push(value),
                Err(error) => {
                    self.complain_of_part(name, "json", format!("must be JSON: {error}"));
                    return None;
                }
            }
        }
        // `items` of an array may be sent one part each (OpenAPI, Encoding Object), or the array as one part.
        let each = is_array(schema) && (values.len() > 1 || !values[0].is_array()) && items_of(schema, 0).is_some();
        if each {
            return Some(Value::Array(values));
        }
        if values.len() > 1 {
            self.complain_of_part(name, "repeated", "must be given once".to_owned());
            return None;
        }
        values.pop()
    }

    fn unreadable_part(&mut self, error: &axum::extract::multipart::MultipartError) -> Invalid {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return self.too_large();
        }
        self.complain_of_body("multipart", format!("must be multipart/form-data: {}", error.body_text()));
        Invalid
    }

    fn complain_of_part(&mut self, name: &str, keyword: &'static str, detail: String) {
        self.errors.push(ProblemError { pointer: part_pointer(name), keyword, detail });
    }
}

impl Form {
    /// A text or JSON part.
    ///
    /// # Errors
    ///
    /// 400 where it is absent or does not fit the type.
    pub fn field<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Rejection> {
        self.optional_field(name)?.ok_or_else(|| refuse(name, "required", "is required".to_owned()))
    }

    /// A text or JSON part that may be absent.
    ///
    /// # Errors
    ///
    /// 400 where it does not fit the type.
    pub fn optional_field<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Rejection> {
        let Some(value) = self.values.remove(name) else { return Ok(None) };
        serde_json::from_value(value)
            .map(Some)
            .map_err(|error| refuse(name, "type", format!("cannot be represented: {error}")))
    }

    /// A file.
    ///
    /// # Errors
    ///
    /// 400 where it is absent.
    pub fn file(&mut self, name: &str) -> Result<File, Rejection> {
        self.optional_file(name).ok_or_else(|| refuse(name, "required", "is required".to_owned()))
    }

    /// A file that may be absent.
    pub fn optional_file(&mut self, name: &str) -> Option<File> {
        let index = self.files.iter().position(|(file, _)| file == name)?;
        Some(self.files.remove(index).1)
    }

    /// All files of a part that may be repeated.
    pub fn files(&mut self, name: &str) -> Vec<File> {
        let (wanted, rest) = std::mem::take(&mut self.files).into_iter().partition(|(file, _)| file == name);
        self.files = rest;
        let wanted: Vec<(String, File)> = wanted;
        wanted.into_iter().map(|(_, file)| file).collect()
    }
}

fn is_array(schema: &Schema) -> bool {
    let types = accepted_types(schema);
    types != Types::ANY && types.contains(Types::ARRAY)
}

fn part_pointer(name: &str) -> String {
    format!("/body/{}", super::escape(name))
}

fn refuse(name: &str, keyword: &'static str, detail: String) -> Rejection {
    let error = ProblemError { pointer: part_pointer(name), keyword, detail };
    Rejection::new(Problem::new(StatusCode::BAD_REQUEST).errors(vec![error]))
}
