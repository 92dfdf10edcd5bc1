//! Request bodies: JSON, forms, text and streams, each within the service's limit.

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mime::Mime;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Decoder, Invalid, Rejection,
    fields::{Fields, Text},
    multipart::PartKind,
};
use crate::{
    problem::{Problem, ProblemError},
    schema::{Direction, Schema, prepare_request, validate},
    spelling::query,
};

impl Decoder {
    /// Reads a JSON body. Any `application/json` or `+json` media type will do.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it is missing, of another media type, too large, malformed, or breaks its schema.
    pub async fn json<T: DeserializeOwned>(&mut self, schema: &'static Schema) -> Result<T, Invalid> {
        let value = self.optional_json(schema).await?;
        value.ok_or_else(|| self.missing_body())
    }

    /// Reads a JSON body that may be absent: no bytes, whatever the content type says. `null` is a body.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn optional_json<T: DeserializeOwned>(&mut self, schema: &'static Schema) -> Result<Option<T>, Invalid> {
        let Some(bytes) = self.body_of("application/json", is_json).await? else { return Ok(None) };
        // What many clients send that have no body: a content type and nothing.
        if bytes.is_empty() {
            return Ok(None);
        }
        let value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(error) => {
                self.complain_of_body("json", format!("must be JSON: {error}"));
                return Err(Invalid);
            }
        };
        self.judged(value, schema).map(Some)
    }

    /// Reads an `application/x-www-form-urlencoded` body. Nested keys are spelled `a[b]`, elements `a=1&a=2` or `a[]=1`; an object
    /// may be one text of JSON.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn form<T: DeserializeOwned>(&mut self, schema: &'static Schema) -> Result<T, Invalid> {
        self.form_with(schema, &[]).await
    }

    /// Reads a form that may be absent.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn optional_form<T: DeserializeOwned>(&mut self, schema: &'static Schema) -> Result<Option<T>, Invalid> {
        self.optional_form_with(schema, &[]).await
    }

    /// As [`Decoder::form`], where the contract's `encoding` says how members are spelled.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn form_with<T: DeserializeOwned>(
        &mut self,
        schema: &'static Schema,
        members: &'static [(&'static str, PartKind)],
    ) -> Result<T, Invalid> {
        let value = self.optional_form_with(schema, members).await?;
        value.ok_or_else(|| self.missing_body())
    }

    /// As [`Decoder::form_with`], for a form that may be absent.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn optional_form_with<T: DeserializeOwned>(
        &mut self,
        schema: &'static Schema,
        members: &'static [(&'static str, PartKind)],
    ) -> Result<Option<T>, Invalid> {
        let is_form =
            |media_type: &Mime| media_type.essence_str() == mime::APPLICATION_WWW_FORM_URLENCODED.essence_str();
        let Some(bytes) = self.body_of("application/x-www-form-urlencoded", is_form).await? else { return Ok(None) };
        let Ok(form) = std::str::from_utf8(&bytes) else { return Err(self.not_utf8()) };
        let kinds = |name: &str| members.iter().find(|(member, _)| *member == name).map(|(_, kind)| *kind);
        let mut fields = Fields::new(schema, &kinds, members.iter().map(|(name, _)| *name).collect());
        for pair in query::pairs(form) {
            fields.add(pair.key, Text::Encoded(&pair.raw));
        }
        let (value, faults) = fields.finish();
        if faults.is_empty() {
            return self.judged(Value::Object(value), schema).map(Some);
        }
        self.errors.extend(faults.into_iter().map(|(name, keyword, detail)| ProblemError {
            pointer: format!("/body/{}", super::escape(&name)),
            keyword,
            detail,
        }));
        Err(Invalid)
    }

    /// Reads a text body.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn text(&mut self, schema: &'static Schema) -> Result<String, Invalid> {
        let value = self.optional_text(schema).await?;
        value.ok_or_else(|| self.missing_body())
    }

    /// Reads a text body that may be absent.
    ///
    /// # Errors
    ///
    /// As [`Decoder::json`].
    pub async fn optional_text(&mut self, schema: &'static Schema) -> Result<Option<String>, Invalid> {
        // Whatever textual type the contract names; `media_type` has told several apart before.
        let Some(bytes) = self.body_of("text/plain", |_| true).await? else { return Ok(None) };
        let Ok(text) = String::from_utf8(bytes.into()) else { return Err(self.not_utf8()) };
        self.judged(Value::String(text), schema).map(Some)
    }

    /// Which of several media types the body has: the index into `offered`, where an entry may be a range such as `image/*`.
    /// `None`: no body was sent.
    ///
    /// # Errors
    ///
    /// 415 where it is none of them.
    pub async fn media_type(&mut self, offered: &[&'static str]) -> Result<Option<usize>, Rejection> {
        let content_type = match self.content_type() {
            Ok(Some(content_type)) => content_type,
            Ok(None) if self.has_no_body().await => return Ok(None),
            Ok(None) | Err(Invalid) => return Err(unsupported(offered)),
        };
        let matching = |offer: &&str| offer.parse::<Mime>().is_ok_and(|offer| covers(&offer, &content_type));
        // Exact names before ranges.
        let exact = offered.iter().position(|offer| !offer.contains('*') && matching(offer));
        let found = exact.or_else(|| offered.iter().position(matching)).ok_or_else(|| unsupported(offered))?;
        // No text of JSON is empty.
        if is_json(&content_type) && self.has_no_body().await {
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// As [`Decoder::media_type`], for a body that must be there.
    ///
    /// # Errors
    ///
    /// 415 where it is none of them; 400 where there is none, with all violations so far.
    pub async fn required_media_type(&mut self, offered: &[&'static str]) -> Result<usize, Rejection> {
        match self.media_type(offered).await? {
            Some(index) => Ok(index),
            None => {
                self.missing_body();
                Err(self.bad_request())
            }
        }
    }

    /// Judges a body by its schema, and types it.
    pub(super) fn judged<T: DeserializeOwned>(
        &mut self,
        mut value: Value,
        schema: &'static Schema,
    ) -> Result<T, Invalid> {
        let violations = validate(schema, &value, Direction::Request);
        if !violations.is_empty() {
            self.collect("/body", violations);
            return Err(Invalid);
        }
        prepare_request(schema, &mut value);
        self.typed(value, "/body")
    }

    /// The body's bytes, where its media type is one that `accepts` takes.
    async fn body_of(
        &mut self,
        expected: &'static str,
        accepts: impl Fn(&Mime) -> bool,
    ) -> Result<Option<Bytes>, Invalid> {
        match self.content_type()? {
            None if self.has_no_body().await => return Ok(None),
            Some(content_type) if accepts(&content_type) => {
                // JSON and forms are UTF-8 by their definitions; text in another charset is not read here.
                let foreign = content_type.get_param(mime::CHARSET).is_some_and(|charset| {
                    charset != mime::UTF_8 && !charset.as_str().eq_ignore_ascii_case("us-ascii")
                });
                if foreign {
                    self.refusal = Some(unsupported(&[expected]).into_problem().detail("the charset must be utf-8"));
                    return Err(Invalid);
                }
            }
            _ => {
                self.refusal = Some(unsupported(&[expected]).into_problem());
                return Err(Invalid);
            }
        }
        self.bytes().await.map(Some)
    }

    async fn bytes(&mut self) -> Result<Bytes, Invalid> {
        self.check_announced_length()?;
        let body = self.incoming.body.take().unwrap_or_default();
        match Limited::new(body, self.incoming.body_limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(self.too_large()),
            Err(error) => {
                self.complain_of_body("body", format!("cannot be read: {error}"));
                Err(Invalid)
            }
        }
    }

    /// Refuses a body by its announced length, before any of it is read.
    pub(super) fn check_announced_length(&mut self) -> Result<(), Invalid> {
        let announced = self.incoming.body.as_ref().map_or(0, |body| body.size_hint().lower());
        if announced > self.incoming.body_limit as u64 { Err(self.too_large()) } else { Ok(()) }
    }

    pub(super) fn too_large(&mut self) -> Invalid {
        let limit = self.incoming.body_limit;
        self.refuse_size(format!("the body must have at most {limit} bytes"));
        Invalid
    }

    pub(super) fn refuse_size(&mut self, detail: String) {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE).title("Content Too Large");
        self.refusal = Some(problem.detail(detail));
    }

    /// The body's media type. Several, or one that cannot be read, are refused.
    pub(super) fn content_type(&mut self) -> Result<Option<Mime>, Invalid> {
        let mut lines = self.incoming.parts.headers.get_all(header::CONTENT_TYPE).iter();
        let (first, second) = (lines.next(), lines.next());
        let Some(first) = first else { return Ok(None) };
        match first.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| second.is_none()) {
            Some(media_type) => Ok(Some(media_type)),
            None => {
                let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
                self.refusal = Some(problem.detail("the content-type header cannot be read"));
                Err(Invalid)
            }
        }
    }

    /// Whether the body is empty. Where no length is announced this takes a look at its begin.
    pub(super) async fn has_no_body(&mut self) -> bool {
        loop {
            let Some(body) = &mut self.incoming.body else { return true };
            if body.is_end_stream() {
                return true;
            }
            if body.size_hint().lower() > 0 {
                return false;
            }
            let begin = match body.frame().await {
                None => return true,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => continue,
                    Ok(bytes) => Ok(bytes),
                    Err(_) => continue,
                },
                // Whoever reads it meets the error.
                Some(Err(error)) => Err(error),
            };
            let rest = self.incoming.body.take().unwrap_or_default();
            let whole = stream::iter([begin]).chain(rest.into_data_stream());
            self.incoming.body = Some(Body::from_stream(whole));
            return false;
        }
    }

    pub(super) fn missing_body(&mut self) -> Invalid {
        self.complain_of_body("required", "is required".to_owned());
        Invalid
    }

    pub(super) fn complain_of_body(&mut self, keyword: &'static str, detail: String) {
        self.errors.push(ProblemError { pointer: "/body".to_owned(), keyword, detail });
    }

    fn not_utf8(&mut self) -> Invalid {
        self.complain_of_body("encoding", "must be UTF-8".to_owned());
        Invalid
    }
}

pub(super) fn unsupported(offered: &[&'static str]) -> Rejection {
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    Rejection::new(problem.detail(format!("the content-type must be {}", offered.join(" or "))))
}

fn is_json(media_type: &Mime) -> bool {
    media_type.subtype() == mime::JSON || media_type.suffix() == Some(mime::JSON)
}

/// Whether a media type of the contract, perhaps a range, covers the one that was sent.
pub(super) fn covers(offer: &Mime, sent: &Mime) -> bool {
    // `subtype()` stops at the suffix: `merge-patch` of `merge-patch+json`.
    let same_subtype = offer.subtype() == sent.subtype() && offer.suffix() == sent.suffix();
    offer.type_() == mime::STAR || (offer.type_() == sent.type_() && (offer.subtype() == mime::STAR || same_subtype))
}
