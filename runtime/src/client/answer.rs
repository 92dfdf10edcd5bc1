//! Reading a response as the contract documents it.
//!
//! A response of a status or media type that the contract does not have, or without a header that it requires, is
//! [`Error::UnexpectedResponse`]: it holds the response as it came, so that status, headers and body are there to be looked at.
#![allow(clippy::result_large_err, reason = "the errors are progenitor's")]

use bytes::Bytes;
use progenitor_client::{ByteStream, Error, ResponseValue};
use reqwest::{
    Body, Request, Response, ResponseBuilderExt as _, StatusCode, Url, Version,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

#[cfg(doc)]
use super::CallError;
use super::Sent;
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

/// A response whose body has arrived.
///
/// Where the body broke off, to read it is the error; status and headers are there nevertheless.
#[derive(Debug)]
pub struct BufferedResponse {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    url: Url,
    body: Result<Bytes, reqwest::Error>,
}

impl BufferedResponse {
    /// Waits for the body of a response.
    pub async fn of(mut response: Response) -> Self {
        let headers = std::mem::take(response.headers_mut());
        let (status, version, url) = (response.status(), response.version(), response.url().clone());
        Self { status, version, headers, url, body: response.bytes().await }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, with what stands before it.
    fn read<T, E>(self, read: impl FnOnce(Bytes) -> Result<T, Error<E>>) -> Result<ResponseValue<T>, Error<E>> {
        let value = read(self.body.map_err(Error::ResponseBodyError)?)?;
        Ok(ResponseValue::new(value, self.status, self.headers))
    }
}

/// As it came, body included.
impl From<BufferedResponse> for Response {
    fn from(response: BufferedResponse) -> Self {
        let body = match response.body {
            Ok(bytes) => bytes.into(),
            Err(error) => Body::wrap_stream(futures_util::stream::iter([Err::<Bytes, _>(error)])),
        };
        let named = http::Response::builder().url(response.url).body(()).unwrap_or_default();
        let mut whole = named.map(|()| body);
        *whole.status_mut() = response.status;
        *whole.version_mut() = response.version;
        *whole.headers_mut() = response.headers;
        whole.into()
    }
}

/// Sends a request and waits for the whole response.
///
/// # Errors
///
/// [`CallError::Http`] where the request or the beginning of the response does not arrive.
pub fn execute(client: &reqwest::Client, request: Request) -> Sent<'_, BufferedResponse> {
    Box::pin(async move { Ok(BufferedResponse::of(client.execute(request).await?).await) })
}

/// Reads a JSON body.
///
/// # Errors
///
/// [`Error::UnexpectedResponse`] where it is of another media type, [`Error::InvalidResponsePayload`] where it does not fit.
pub fn read_json<T: DeserializeOwned, E>(
    response: BufferedResponse,
    media_type: &str,
) -> Result<ResponseValue<T>, Error<E>> {
    documented(response, media_type)?.read(|bytes| match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(value),
        Err(error) => Err(Error::InvalidResponsePayload(bytes, error)),
    })
}

/// Reads a text, in UTF-8.
///
/// # Errors
///
/// As [`read_json`].
pub fn read_text<E>(response: BufferedResponse, media_type: &str) -> Result<ResponseValue<String>, Error<E>> {
    documented(response, media_type)?.read(|bytes| Ok(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads a body that is neither JSON nor text.
///
/// # Errors
///
/// As [`read_json`].
pub fn read_bytes<E>(response: BufferedResponse, media_type: &str) -> Result<ResponseValue<Bytes>, Error<E>> {
    documented(response, media_type)?.read(Ok)
}

/// A response without a body. One that came nevertheless is not looked at.
pub fn read_nothing(response: &BufferedResponse) -> ResponseValue<()> {
    ResponseValue::new((), response.status(), response.headers().clone())
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
pub fn read_header<T: DeserializeOwned>(headers: &HeaderMap, header: &Parameter) -> Option<T> {
    let value = header_value(headers, header)?;
    serde_json::from_value(value).ok()
}

/// Puts a body into what stands for it among the documented ones.
pub fn wrapped<T, U>(value: ResponseValue<T>, wrap: impl FnOnce(T) -> U) -> ResponseValue<U> {
    let (status, headers) = (value.status(), value.headers().clone());
    ResponseValue::new(wrap(value.into_inner()), status, headers)
}

/// Makes a documented error of what it is.
pub fn refusal<E>(value: Result<ResponseValue<E>, Error<E>>) -> Error<E> {
    value.map_or_else(std::convert::identity, Error::ErrorResponse)
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
pub fn media_type_matches(headers: &HeaderMap, range: &str) -> bool {
    let Some(actual) = headers.get(CONTENT_TYPE) else { return true };
    let actual = actual.to_str().unwrap_or_default();
    let actual = actual.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match range.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => actual.split('/').next() == Some(kind),
        _ => actual == range || is_json(&actual) && is_json(range),
    }
}

/// Whether the `Content-Type` of a response is this very media type: where a response has several kinds of JSON.
pub fn media_type_is(headers: &HeaderMap, media_type: &str) -> bool {
    let actual = headers.get(CONTENT_TYPE).and_then(|actual| actual.to_str().ok()).unwrap_or_default();
    actual.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

fn documented<R: Received, E>(response: R, media_type: &str) -> Result<R, Error<E>> {
    if media_type_matches(response.headers(), media_type) {
        Ok(response)
    } else {
        Err(Error::UnexpectedResponse(response.into()))
    }
}

/// A response, its body here or not.
trait Received: Into<Response> {
    fn headers(&self) -> &HeaderMap;
}

impl Received for Response {
    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

impl Received for BufferedResponse {
    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures_util::stream;

    use super::*;

    /// A response whose body arrives in two pieces, the second of which may be an error.
    async fn response(second: Result<&'static str, std::io::Error>) -> BufferedResponse {
        let url = "http://127.0.0.1:1/a?b=c".parse().unwrap();
        let pieces = stream::iter([Ok("[1,"), second]);
        let whole = http::Response::builder().url(url).status(418).header("x-a", "b").header(CONTENT_TYPE, "text/json");
        BufferedResponse::of(whole.body(Body::wrap_stream(pieces)).unwrap().into()).await
    }

    #[tokio::test]
    async fn what_the_contract_does_not_have_is_there_as_it_came() {
        let read = read_text::<()>(response(Ok("2]")).await, "text/plain");
        let Err(Error::UnexpectedResponse(whole)) = read else { panic!("{read:?}") };
        assert_eq!((whole.status().as_u16(), whole.url().as_str()), (418, "http://127.0.0.1:1/a?b=c"));
        assert_eq!(whole.headers()["x-a"], "b");
        assert_eq!(whole.text().await.unwrap(), "[1,2]");
    }

    #[tokio::test]
    async fn a_body_is_read_whole_or_not_at_all() {
        let read = read_json::<Vec<u8>, ()>(response(Ok("2]")).await, "application/json").unwrap();
        assert_eq!((read.status().as_u16(), read.into_inner()), (418, vec![1, 2]));
        let wrong = read_json::<Vec<u8>, ()>(response(Ok("x]")).await, "application/json");
        assert!(matches!(&wrong, Err(Error::InvalidResponsePayload(bytes, _)) if bytes == "[1,x]"), "{wrong:?}");

        let broken = || response(Err(std::io::ErrorKind::ConnectionReset.into()));
        let read = read_json::<Vec<u8>, ()>(broken().await, "application/json");
        assert!(matches!(read, Err(Error::ResponseBodyError(_))), "{read:?}");
        // Its status and headers are not lost where the contract has no such response.
        let nothing = read_nothing(&broken().await);
        assert_eq!((nothing.status().as_u16(), nothing.headers()["x-a"].as_bytes()), (418, &b"b"[..]));
        let whole = Response::from(broken().await);
        assert_eq!(whole.status().as_u16(), 418);
        assert!(whole.text().await.is_err());
    }
}
