//! The Lambda form, driven through a stand-in for the Runtime API. The function is this test program, started again.
#![cfg(all(feature = "lambda", feature = "local"))]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{net::SocketAddr, sync::Arc};

use axum::{body::Body, extract::ConnectInfo, http::header, response::Response};
use common::service::service;
use serde_json::{Value, json};
use specwright_runtime::{decode::Incoming, local::lambda_runtime::LambdaRuntime, operation::Operation};

static ECHO: Operation = Operation {
    id: "echo",
    method: "POST",
    path: "/files/{name}",
    tag: "t",
    security: &[],
    produces: &[],
    deprecated: false,
};
static BYTES: Operation = Operation { id: "bytes", method: "GET", path: "/bytes", ..ECHO };
static PANICS: Operation = Operation { id: "panics", method: "GET", path: "/panics", ..ECHO };

fn router() -> axum::Router {
    let service = service().build();
    let mut routes = service.routes(Arc::new(()));
    routes.add(&ECHO, |_, incoming: Incoming| async move {
        let name: Vec<_> = incoming.path().map(|(_, raw)| raw.to_owned()).collect();
        let mut decoder = incoming.decoder();
        let body = decoder.binary();
        decoder.finish()?;
        let context = decoder.context();
        let ConnectInfo(client) = context.extract::<ConnectInfo<SocketAddr>>().await?;
        let body = axum::body::to_bytes(body.unwrap(), usize::MAX).await.unwrap();
        let body = json!({
            "name": name, "body": body.to_vec(), "query": context.uri().query(), "client": client.ip(),
            "cookie": context.headers().get("cookie").map(|cookie| cookie.to_str().unwrap()),
            "remaining": context.remaining().as_secs(),
        });
        let response = Response::builder().header(header::SET_COOKIE, "a=1").header(header::SET_COOKIE, "b=2");
        Ok(response.header("vary", "x").header("vary", "y").body(Body::from(body.to_string())).unwrap())
    });
    routes.add(&BYTES, |_, _| async { Ok(Response::new(Body::from(vec![0_u8, 0xff]))) });
    routes.add(&PANICS, |_, _| async { if true { panic!("a bug") } else { Ok(Response::new(Body::empty())) } });
    service.finish(routes.into_router())
}

/// Not a test: what the child process runs.
#[tokio::test]
#[ignore = "the function that the other test starts"]
async fn function() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    specwright_runtime::lambda::run(router()).await.unwrap();
}

fn event(method: &str, stage: &str, path: &str, query: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": ["s=1", "t=2"],
        "headers": { "content-type": "application/octet-stream", "host": "not a host" },
        "requestContext": { "stage": stage, "http": { "method": method, "path": path, "sourceIp": "192.0.2.7" } },
        "body": "AP8=",
        "isBase64Encoded": true
    })
}

#[tokio::test]
async fn events_are_answered_as_requests() {
    let runtime = LambdaRuntime::start().await.unwrap();
    let mut function = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "function", "--ignored"])
        .envs(runtime.environment())
        .kill_on_drop(true)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let body = |answer: &Value| -> Value { serde_json::from_str(answer["body"].as_str().unwrap()).unwrap() };

    for (stage, path) in [("$default", "/files/a%2Fb"), ("prod", "/prod/files/a%2Fb"), ("prod", "/files/a%2Fb")] {
        let answer = runtime.invoke(event("POST", stage, path, "x=1&x=2")).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let echo = body(&answer);
        assert_eq!(echo["name"], json!(["a%2Fb"]), "{path}");
        assert_eq!(echo["body"], json!([0, 255]));
        assert_eq!(echo["query"], "x=1&x=2");
        assert_eq!(echo["client"], "192.0.2.7");
        assert_eq!(echo["cookie"], "s=1; t=2");
        assert_eq!(answer["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(answer["headers"]["vary"], "x, y");
        assert_eq!(answer["isBase64Encoded"], false);
        assert!(echo["remaining"].as_u64().unwrap() <= 25);
    }
    // What the gateway decoded is escaped again; a raw space is no reason to panic.
    let answer = runtime.invoke(event("POST", "$default", "/files/é ?100%", "limit=é x")).await.unwrap();
    assert_eq!(body(&answer)["name"], json!(["%C3%A9%20%3F100%25"]), "{answer}");
    assert_eq!(body(&answer)["query"], "limit=%C3%A9%20x");
    let answer = runtime.invoke(event("GET", "$default", "/bytes", "")).await.unwrap();
    assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!("AP8="), &json!(true)));
    // The same problems as on a socket.
    let answer = runtime.invoke(event("GET", "prod", "/prod/nowhere", "")).await.unwrap();
    assert_eq!(answer["statusCode"], 404);
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
    let answer = runtime.invoke(event("GET", "$default", "/panics", "")).await.unwrap();
    assert_eq!(answer["statusCode"], 500, "{answer}");
    // Not an HTTP event: an error, and the function lives on.
    let error = runtime.invoke(json!({ "detail-type": "Scheduled Event" })).await.unwrap_err();
    assert!(error.to_string().contains("payload format 2.0"), "{error}");
    let answer = runtime.invoke(event("GET", "$default", "/bytes", "")).await.unwrap();
    assert_eq!(answer["statusCode"], 200);
    assert!(function.try_wait().unwrap().is_none());
    function.kill().await.unwrap();
}
