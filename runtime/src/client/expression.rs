//! Runtime expressions (OpenAPI 3.1.1, section 4.8.20.4 "Runtime Expressions"): where a callback is sent, out of the request that
//! asked for it and the response to it.

use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;

/// A request and its response, as far as expressions look at them.
///
/// ```
/// use specwright_runtime::client::Exchange;
///
/// let exchange = Exchange::new("POST", "https://api.example/streams?callbackUrl=https%3A%2F%2Fme.example");
/// assert_eq!(exchange.evaluate("{$request.query.callbackUrl}/data").unwrap(), "https://me.example/data");
/// ```
#[derive(Clone, Debug)]
pub struct Exchange {
    method: String,
    url: String,
    path: Vec<(String, String)>,
    request: Side,
    response: Side,
    status: Option<u16>,
}

/// Headers and body of a message.
#[derive(Clone, Debug, Default)]
struct Side {
    headers: HeaderMap,
    body: Value,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It is no expression of the specification.
    #[error("`{0}` is no runtime expression")]
    Unknown(String),
    /// The exchange does not have what it names.
    #[error("`{0}` has no value in this exchange")]
    Missing(String),
    /// A brace without its counterpart.
    #[error("the braces of `{0}` do not match")]
    Unbalanced(String),
}

impl Exchange {
    /// A request. The URL is what `$url` stands for; its query is looked at by `$request.query`.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            path: Vec::new(),
            request: Side::default(),
            response: Side::default(),
            status: None,
        }
    }

    /// Adds a path parameter.
    #[must_use]
    pub fn path(mut self, name: impl Into<String>, value: &impl ToString) -> Self {
        self.path.push((name.into(), value.to_string()));
        self
    }

    /// The headers of the request.
    #[must_use]
    pub fn request_headers(mut self, headers: HeaderMap) -> Self {
        self.request.headers = headers;
        self
    }

    /// The body of the request. What is no JSON value counts as null.
    #[must_use]
    pub fn request_body(mut self, body: &impl Serialize) -> Self {
        self.request.body = serde_json::to_value(body).unwrap_or_default();
        self
    }

    /// The status of the response.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The headers of the response.
    #[must_use]
    pub fn response_headers(mut self, headers: HeaderMap) -> Self {
        self.response.headers = headers;
        self
    }

    /// The body of the response. What is no JSON value counts as null.
    #[must_use]
    pub fn response_body(mut self, body: &impl Serialize) -> Self {
        self.response.body = serde_json::to_value(body).unwrap_or_default();
        self
    }

    /// Evaluates an expression, or a text with expressions in braces. Values stand in it as they are.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`]: nothing is guessed, since a request would be sent to the result.
    pub fn evaluate(&self, template: &str) -> Result<String, ExpressionError> {
        if template.starts_with('$') {
            return self.value(template);
        }
        let unbalanced = || ExpressionError::Unbalanced(template.to_owned());
        let mut result = String::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            let (expression, after) = after.split_once('}').ok_or_else(unbalanced)?;
            if text.contains('}') {
                return Err(unbalanced());
            }
            result.push_str(text);
            result.push_str(&self.value(expression)?);
            rest = after;
        }
        if rest.contains('}') {
            return Err(unbalanced());
        }
        result.push_str(rest);
        Ok(result)
    }

    fn value(&self, expression: &str) -> Result<String, ExpressionError> {
        let missing = || ExpressionError::Missing(expression.to_owned());
        match expression {
            "$url" => return Ok(self.url.clone()),
            "$method" => return Ok(self.method.clone()),
            "$statusCode" => return self.status.map(|status| status.to_string()).ok_or_else(missing),
            _ => {}
        }
        let (side, source) = if let Some(source) = expression.strip_prefix("$request.") {
            (&self.request, source)
        } else if let Some(source) = expression.strip_prefix("$response.") {
            (&self.response, source)
        } else {
            return Err(ExpressionError::Unknown(expression.to_owned()));
        };
        let found = if let Some(name) = source.strip_prefix("header.") {
            side.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        } else if let Some(name) = source.strip_prefix("query.") {
            self.query(name)
        } else if let Some(name) = source.strip_prefix("path.") {
            self.path.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        } else if source == "body" {
            text(&side.body)
        } else if let Some(pointer) = source.strip_prefix("body#") {
            side.body.pointer(pointer).and_then(text)
        } else {
            return Err(ExpressionError::Unknown(expression.to_owned()));
        };
        found.ok_or_else(missing)
    }

    fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.url.split('#').next()?.split_once('?')?;
        let pair = crate::spelling::query::pairs(query).into_iter().find(|pair| pair.key == name)?;
        crate::spelling::query::decode(&pair.raw, true).ok()
    }
}

/// A scalar as it is, anything deeper as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::{Exchange, ExpressionError, HeaderMap};

    #[test]
    fn the_examples_of_the_specification() {
        let headers =
            |name: &'static str, value: &str| HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        let exchange = Exchange::new(
            "POST",
            "https://example.org/subscribe/myevent?queryUrl=https%3A%2F%2Fclient.example%2Fa%20b&x=1#f",
        )
        .path("eventType", &"myevent")
        .request_headers(headers("content-type", "application/json"))
        .request_body(
            &json!({ "failedUrl": "https://client.example/failed", "successUrls": ["a/b", "c"], "n": { "~/": 7 } }),
        )
        .status(201)
        .response_headers(headers("location", "https://example.org/subscription/1"))
        .response_body(&json!("text"));
        for (template, expected) in [
            ("$url", "https://example.org/subscribe/myevent?queryUrl=https%3A%2F%2Fclient.example%2Fa%20b&x=1#f"),
            ("{$method}", "POST"),
            ("$statusCode", "201"),
            ("$request.path.eventType", "myevent"),
            ("$request.query.queryUrl", "https://client.example/a b"),
            ("$request.header.Content-Type", "application/json"),
            ("$request.body#/failedUrl", "https://client.example/failed"),
            ("$request.body#/successUrls/1", "c"),
            ("$request.body#/n/~0~1", "7"),
            ("$response.header.Location", "https://example.org/subscription/1"),
            ("$response.body", "text"),
            (
                "http://notificationServer.com?url={$request.body#/failedUrl}&x={$request.query.x}",
                "http://notificationServer.com?url=https://client.example/failed&x=1",
            ),
            ("https://constant.example/hook", "https://constant.example/hook"),
        ] {
            assert_eq!(exchange.evaluate(template).as_deref(), Ok(expected), "{template}");
        }
        let missing = |text: &str| Err(ExpressionError::Missing(text.to_owned()));
        for absent in
            ["$request.query.y", "$request.path.y", "$request.header.y", "$request.body#/y", "$response.body#/y"]
        {
            assert_eq!(exchange.evaluate(absent), missing(absent));
        }
        for wrong in ["$x", "$request", "$request.cookie.a", "$request.bodyx", "$requestx.body"] {
            assert_eq!(exchange.evaluate(wrong), Err(ExpressionError::Unknown(wrong.to_owned())));
        }
        assert_eq!(exchange.evaluate("a{$url"), Err(ExpressionError::Unbalanced("a{$url".to_owned())));
        assert_eq!(exchange.evaluate("a}b"), Err(ExpressionError::Unbalanced("a}b".to_owned())));
    }
}
