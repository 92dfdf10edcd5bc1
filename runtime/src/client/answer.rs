//! Reading a response as the contract documents it.
//!
//! A response of a status or media type that the contract does not have, or without a header that it requires, is
//! [`Error::UnexpectedResponse`]: it holds the response as it came, so that status, headers and body are there to be looked at.
#![allow(clippy::result_large_err, reason = "the errors are progenitor's")]

use progenitor_client::{ByteStream, Error, ResponseValue};
use reqwest::{
    Response,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    operation::{Parameter, Style},
    schema::{Types, accepted_types},
    sequence::{Framing, Items},
    spelling::{
        expand::expand,
        is_json,
        text::{self, Shape},
    },
};

/// Reads a JSON body.
///
/// # Errors
///
/// [`Error::UnexpectedResponse`] where it is of another media type, [`Error::InvalidResponsePayload`] where it does not fit.
pub async fn read_json<T: DeserializeOwned, E>(
    response: Response,
    media_type: &str,
) -> Result<ResponseValue<T>, Error<E>> {
    let response = documented(response, media_type)?;
    ResponseValue::from_response(response).await
}

/// Reads a text.
///
/// # Errors
///
/// As [`read_json`].
pub async fn read_text<E>(response: Response, media_type: &str) -> Result<ResponseValue<String>, Error<E>> {
    let response = documented(response, media_type)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.map_err(Error::ResponseBodyError)?;
    Ok(ResponseValue::new(text, status, headers))
}

/// Reads a body that is neither JSON nor text into memory.
///
/// # Errors
///
/// As [`read_json`].
pub async fn read_bytes<E>(response: Response, media_type: &str) -> Result<ResponseValue<bytes::Bytes>, Error<E>> {
    let response = documented(response, media_type)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.map_err(Error::ResponseBodyError)?;
    Ok(ResponseValue::new(bytes, status, headers))
}

/// Hands out a body as it arrives.
///
/// # Errors
///
/// [`Error::UnexpectedResponse`] where it is of another media type.
pub fn read_stream<E>(response: Response, media_type: &str) -> Result<ResponseValue<ByteStream>, Error<E>> {
    Ok(ResponseValue::stream(documented(response, media_type)?))
}

/// Reads a body item by item, as it arrives.
///
/// # Errors
///
/// [`Error::UnexpectedResponse`] where it is of another media type.
pub fn read_items<T: DeserializeOwned, E>(
    response: Response,
    media_type: &str,
    framing: Framing,
) -> Result<ResponseValue<Items<T>>, Error<E>> {
    let response = documented(response, media_type)?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(ResponseValue::new(super::items(response, framing), status, headers))
}

/// Reads a documented header; `None` where it is missing, or its text is no value of the type.
pub fn read_header<T: DeserializeOwned>(response: &Response, header: &Parameter) -> Option<T> {
    let value = header_value(response.headers(), header)?;
    serde_json::from_value(value).ok()
}

/// Puts a body into what stands for it among the documented ones.
pub fn wrapped<T, U>(value: ResponseValue<T>, wrap: impl FnOnce(T) -> U) -> ResponseValue<U> {
    let (status, headers) = (value.status(), value.headers().clone());
    ResponseValue::new(wrap(value.into_inner()), status, headers)
}

/// Makes a documented error of its body.
pub fn refused<T, E>(value: Result<ResponseValue<T>, Error<E>>, wrap: impl FnOnce(T) -> E) -> Error<E> {
    match value {
        Ok(value) => Error::ErrorResponse(wrapped(value, wrap)),
        Err(error) => error,
    }
}

/// Whether the `Content-Type` of a response is a media type or range of the contract (RFC 9110, section 12.5.1). One that is
/// missing is taken for the documented one, and JSON is JSON under each of its names.
pub fn media_type_matches(response: &Response, range: &str) -> bool {
    let Some(actual) = response.headers().get(CONTENT_TYPE) else { return true };
    let actual = actual.to_str().unwrap_or_default();
    let actual = actual.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match range.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => actual.split('/').next() == Some(kind),
        _ => actual == range || is_json(&actual) && is_json(range),
    }
}

/// Whether the `Content-Type` of a response is this very media type: where a response has several kinds of JSON.
pub fn media_type_is(response: &Response, media_type: &str) -> bool {
    let actual = response.headers().get(CONTENT_TYPE).and_then(|actual| actual.to_str().ok()).unwrap_or_default();
    actual.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

fn documented<E>(response: Response, media_type: &str) -> Result<Response, Error<E>> {
    if media_type_matches(&response, media_type) { Ok(response) } else { Err(Error::UnexpectedResponse(response)) }
}

fn header_value(headers: &HeaderMap, header: &Parameter) -> Option<Value> {
    let lines = headers.get_all(header.name).iter();
    let lines: Option<Vec<&str>> = lines.map(|line| std::str::from_utf8(line.as_bytes()).ok()).collect();
    let lines = lines.filter(|lines| !lines.is_empty())?;
    if header.content.is_some_and(is_json) {
        return serde_json::from_str(&lines.join(",")).ok();
    }
    // One line per cookie: commas mean something else there (RFC 6265, section 3).
    if header.name.eq_ignore_ascii_case("set-cookie") && accepted_types(header.schema).contains(Types::ARRAY) {
        return Some(text::array(lines.into_iter().map(str::to_owned).collect(), header.schema));
    }
    let shape = text::shape(header.schema);
    if shape == Shape::Scalar && lines.len() > 1 {
        return None;
    }
    expand(&lines.join(","), Style::Simple, header, shape).ok()
}
