//! The same binary on Lambda: driven through a Runtime API of our own with events of API Gateway (HTTP API, payload version 2.0), and
//! compared with the socket form on the same database.

use std::{env, ffi::OsString, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use specwright_runtime::local::{issuer::TokenRequest, lambda_runtime::LambdaRuntime};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::support::{Answer, Sends as _, Service, issuer};

/// The binary as a function, and what invokes it.
pub(crate) struct Function {
    runtime: LambdaRuntime,
    token: String,
    _child: Child,
}

impl Function {
    async fn start(service: &Service) -> Self {
        let database = ("DATABASE_URL", service.database_url.clone());
        Self::start_with([database, ("CLERK_JWT_KEY", issuer().public_key().to_owned())]).await
    }

    pub(crate) async fn start_with<const N: usize>(environment: [(&str, String); N]) -> Self {
        let runtime = LambdaRuntime::start().await.unwrap();
        let child = Command::new(bootstrap())
            .env_clear()
            .envs(runtime.environment())
            .env("AWS_REGION", "eu-central-1")
            .envs(environment)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let token = issuer().mint(&TokenRequest::new("user_ada")).unwrap();
        Self { runtime, token, _child: child }
    }

    /// One invocation. `path` is as API Gateway sends it: with the stage, where that is not `$default`.
    pub(crate) async fn call(
        &self,
        method: &str,
        stage: &str,
        path: &str,
        query: &str,
        extra: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Reply {
        let mut headers = serde_json::Map::new();
        headers.insert("host".to_owned(), "api.example.org".into());
        headers.insert("authorization".to_owned(), format!("Bearer {}", self.token).into());
        for (name, value) in extra {
            headers.insert((*name).to_owned(), (*value).into());
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "cookies": ["theme=dark", "seen=1"],
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc",
                "domainName": "api.example.org",
                "domainPrefix": "api",
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": stage,
                "time": "24/Nov/2026:08:00:00 +0000",
                "timeEpoch": 1_795_507_200_000_i64,
            },
            "isBase64Encoded": false,
        });
        if let Some(body) = body {
            event["body"] = STANDARD.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
        Reply(timeout(Duration::from_secs(30), self.runtime.invoke(event)).await.unwrap().unwrap())
    }
}

/// The binary: the packaged one, where `cargo xtask package` asks about it.
fn bootstrap() -> OsString {
    env::var_os("SPECWRIGHT_BOOTSTRAP").unwrap_or_else(|| env!("CARGO_BIN_EXE_api").into())
}

/// What the function gave to API Gateway.
#[derive(Debug)]
pub(crate) struct Reply(Value);

impl Reply {
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(u16::try_from(self.0["statusCode"].as_u64().unwrap()).unwrap()).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let value = self.0["headers"].get(name).and_then(Value::as_str);
        value.or_else(|| self.0["multiValueHeaders"].get(name).and_then(|values| values[0].as_str()))
    }

    fn bytes(&self) -> Vec<u8> {
        let body = self.0["body"].as_str().unwrap_or_default();
        if self.0["isBase64Encoded"] == true { STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes()).unwrap_or_else(|error| panic!("{error}: {:?}", self.0))
    }
}

/// Whether two answers say the same, but for the request's id.
fn assert_same(what: &str, lambda: &Reply, socket: &Answer) {
    assert_eq!(lambda.status(), socket.status, "{what}: {:?}", lambda.0);
    for name in [
        "content-type",
        "etag",
        "allow",
        "cache-control",
        "x-content-type-options",
        "content-disposition",
        "next-cursor",
    ] {
        assert_eq!(lambda.header(name), socket.header(name), "{what}: {name}");
    }
    assert_eq!(lambda.header("www-authenticate").is_some(), socket.header("www-authenticate").is_some(), "{what}");
    if socket
        .header("content-type")
        .is_some_and(|content_type| content_type.contains("json") && !content_type.contains("nd"))
    {
        let without_instance = |mut value: Value| {
            if let Some(object) = value.as_object_mut() {
                object.remove("instance");
            }
            value
        };
        assert_eq!(without_instance(lambda.json()), without_instance(socket.json()), "{what}");
    } else {
        assert_eq!(lambda.bytes(), socket.body, "{what}");
    }
}

/// Method, path, query and headers of a request.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

#[tokio::test]
async fn the_function_answers_as_the_socket_does() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let function = Function::start(&service).await;
    let task = ada.create_task("Water the plants").await;
    let content: &[u8] = &[0, 255, 254, 13, 10, 0];
    let attachment = ada.upload(task, "raw.bin", content).await;

    let download = format!("/tasks/{task}/attachments/{attachment}/content");
    let read = format!("/tasks/{task}");
    let cases: &[Case] = &[
        ("GET", "/me", "", &[]),
        ("GET", "/health/ready", "", &[]),
        ("GET", &read, "", &[]),
        ("GET", &download, "", &[]),
        ("GET", "/tasks", "status=open&status=done&limit=1&q=WATER+the", &[]),
        ("GET", "/tasks", "limit=0&status=lost", &[]),
        ("GET", "/exports/tasks", "", &[("accept", "text/csv")]),
        ("GET", "/exports/tasks", "", &[("accept", "application/x-ndjson")]),
        ("GET", "/exports/tasks", "", &[("accept", "image/png")]),
        ("GET", "/nothing", "", &[]),
        ("PUT", "/tasks", "", &[]),
        ("GET", "/tasks/42", "", &[]),
    ];
    for (method, path, query, headers) in cases {
        let lambda = function.call(method, "$default", path, query, headers, None).await;
        let target = if query.is_empty() { (*path).to_owned() } else { format!("{path}?{query}") };
        let mut request = ada.send(method.parse().unwrap(), &target);
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        assert_same(&format!("{method} {target}"), &lambda, &request.answer().await);
    }
    // Bytes that are no text survive only in base64.
    let lambda = function.call("GET", "$default", &download, "", &[], None).await;
    assert_eq!((lambda.bytes().as_slice(), &lambda.0["isBase64Encoded"]), (content, &Value::Bool(true)));
}

#[tokio::test]
async fn a_body_arrives_and_a_stage_is_no_part_of_the_path() {
    let service = Service::start().await;
    let function = Function::start(&service).await;
    let json_body = [("content-type", "application/json"), ("idempotency-key", "key-1")];
    let body = r#"{"title":"from Lambda"}"#.as_bytes();
    let created = function.call("POST", "prod", "/prod/tasks", "", &json_body, Some(body)).await;
    assert_eq!(created.status(), StatusCode::CREATED, "{created:?}");
    let location = created.header("location").unwrap().to_owned();
    // The socket sees it, and so does a repetition under the same key.
    let read = service.client("user_ada").send(Method::GET, &location).answer().await;
    assert_eq!(read.json()["title"], "from Lambda");
    let again = function.call("POST", "prod", "/prod/tasks", "", &json_body, Some(body)).await;
    assert_eq!(
        (again.header("idempotency-replayed"), again.header("location")),
        (Some("true"), Some(location.as_str()))
    );

    let unauthorized = function.call("GET", "$default", "/me", "", &[("authorization", "Bearer nonsense")], None).await;
    assert_eq!(unauthorized.status(), StatusCode::UNAUTHORIZED);
    assert!(unauthorized.header("www-authenticate").unwrap().contains("invalid_token"), "{unauthorized:?}");
    let invalid = function.call("POST", "$default", "/tasks", "", &json_body, Some(b"{}")).await;
    assert_eq!(invalid.status(), StatusCode::BAD_REQUEST);
    assert_eq!(invalid.json()["errors"][0]["pointer"], "/body/title");
}
