//! The way of a request: routes, security, negotiation, limits, problems. Requests go to the router without a socket.
#![cfg(feature = "server")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use common::service::{Answer, Keys, get, request, send, service};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use specwright_runtime::{
    failure::Failure,
    operation::{Location, Operation, SchemeKind, SecurityScheme},
    reply::Reply,
    schema::{Schema, Types},
    service::{Service, ServiceError},
};

static BEARER: SecurityScheme = SecurityScheme { name: "session", kind: SchemeKind::Bearer { format: None } };
static KEY: SecurityScheme =
    SecurityScheme { name: "key", kind: SchemeKind::ApiKey { location: Location::Header, name: "X-Key" } };
static BASIC: SecurityScheme = SecurityScheme { name: "basic", kind: SchemeKind::Basic };

const PUBLIC: Operation =
    Operation { id: "public", method: "GET", path: "/", tag: "t", security: &[], produces: &[], deprecated: false };

static GET_FILE: Operation = Operation { id: "getFile", path: "/files/{name}", ..PUBLIC };
static GET_FILE_AS: Operation = Operation { id: "getFileAs", path: "/files/{name}.{extension}", ..PUBLIC };
static PUT_FILE: Operation = Operation { id: "putFile", method: "PUT", path: "/files/{name}", ..PUBLIC };
static EXPORT: Operation =
    Operation { id: "export", path: "/export", produces: &["application/json", "text/csv"], ..PUBLIC };
static PANICS: Operation = Operation { id: "panics", path: "/panics", ..PUBLIC };
static SLOW: Operation = Operation { id: "slow", path: "/slow", ..PUBLIC };
static FAILS: Operation = Operation { id: "fails", path: "/fails", ..PUBLIC };
static BREAKS: Operation = Operation { id: "breaks", path: "/breaks", ..PUBLIC };
static SECURED: Operation =
    Operation { id: "secured", method: "POST", path: "/secured", security: &[&[(&BEARER, &[])]], ..PUBLIC };
static ADMIN: Operation =
    Operation { id: "admin", path: "/admin", security: &[&[(&BEARER, &["org:a", "org:b"])]], ..PUBLIC };
static EITHER: Operation = Operation {
    id: "either",
    path: "/either",
    security: &[&[(&KEY, &[])], &[(&BEARER, &[])], &[(&BASIC, &[])]],
    ..PUBLIC
};
static BOTH: Operation = Operation { id: "both", path: "/both", security: &[&[(&KEY, &[]), (&BEARER, &[])]], ..PUBLIC };
static OPTIONAL: Operation =
    Operation { id: "optional", path: "/optional", security: &[&[], &[(&BEARER, &[])]], ..PUBLIC };

static NUMBER: Schema = Schema { types: Types::INTEGER, ..Schema::ANY };

fn app() -> axum::Router {
    app_of(service())
}

fn app_of(builder: specwright_runtime::service::ServiceBuilder) -> axum::Router {
    let service = builder
        .authenticator("session", Arc::new(Keys))
        .authenticator("key", Arc::new(Keys))
        .authenticator("basic", Arc::new(Keys))
        .build();
    let mut files = service.routes(Arc::new(()));
    files.add(&GET_FILE, |_, incoming| Answer::echo(incoming));
    files.add(&PUT_FILE, |_, incoming| Answer::echo(incoming));
    // Another tag with a template that is the same route to axum.
    let mut others = service.routes(Arc::new(()));
    others.add(&GET_FILE_AS, |_, incoming| Answer::echo(incoming));
    others.add(&EXPORT, |_, incoming| Answer::echo(incoming));
    others.add(&SECURED, |_, incoming| Answer::echo(incoming));
    others.add(&ADMIN, |_, incoming| Answer::echo(incoming));
    others.add(&EITHER, |_, incoming| Answer::echo(incoming));
    others.add(&BOTH, |_, incoming| Answer::echo(incoming));
    others.add(&OPTIONAL, |_, incoming| Answer::echo(incoming));
    others.add(&PANICS, |_, _| async { if true { panic!("a bug") } else { Ok(Response::new(Body::empty())) } });
    others.add(&SLOW, |_, _| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(Response::new(Body::empty()))
    });
    others.add(&FAILS, |_, incoming| async move {
        let context = incoming.decoder().context();
        Err::<Response, _>(
            match context.uri().query() {
                Some("unavailable") => {
                    Failure::unavailable("the database is secretly away").retry_after(Duration::from_millis(2500))
                }
                Some("extract") => {
                    let error = context.extract::<axum::extract::Query<std::collections::HashMap<String, u8>>>().await;
                    error.unwrap_err()
                }
                _ => Failure::internal("a secret cause"),
            }
            .into(),
        )
    });
    others.add(&BREAKS, |_, _| async { Ok(Breaks) });
    service.finish(files.into_router().merge(others.into_router()))
}

struct Breaks;

impl specwright_runtime::reply::Respond for Breaks {
    fn respond(self, reply: Reply) -> Response {
        reply.status(StatusCode::OK).json("application/json", &NUMBER, "text")
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let answer = send(app(), get("/nowhere")).await;
    answer.is_problem(404);
    assert_eq!(answer.body["title"], "Not Found");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");

    let answer = send(app(), request(Method::DELETE, "/files/a", "")).await;
    answer.is_problem(405);
    assert_eq!(answer.methods(), ["GET", "HEAD", "PUT"]);
    let answer = send(app(), get("/secured")).await;
    answer.is_problem(405);
    assert_eq!(answer.methods(), ["POST"]);
    // The contract has no `/files/`: a parameter is never empty.
    send(app(), get("/files/")).await.is_problem(404);
    send(app(), get("/files/a/b")).await.is_problem(404);
}

#[tokio::test]
async fn two_templates_of_one_route_are_told_apart() {
    let answer = send(app(), get("/files/report")).await;
    assert_eq!(answer.body["operation"], "getFile");
    assert_eq!(answer.body["path"], json!({ "name": "report" }));
    let answer = send(app(), get("/files/report.tar.gz")).await;
    assert_eq!(answer.body["operation"], "getFileAs");
    assert_eq!(answer.body["path"], json!({ "name": "report.tar", "extension": "gz" }));
    let answer = send(app(), get("/files/a%2Fb%20c")).await;
    assert_eq!(answer.body["path"], json!({ "name": "a%2Fb%20c" }), "an encoded slash is no separator");
    let answer = send(app(), request(Method::HEAD, "/files/a", "")).await;
    assert_eq!((answer.status, answer.body), (200, Value::Null));
}

#[tokio::test]
async fn request_ids() {
    let answer = send(app(), get("/nowhere")).await;
    let id = answer.header("x-request-id");
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    assert_eq!(answer.body["instance"], format!("urn:request:{id}"));

    for (sent, taken) in
        [("abc-1", true), (&"x".repeat(128), true), (&"x".repeat(129), false), ("a b", false), ("", false)]
    {
        let mut request = get("/files/a");
        request.headers_mut().insert("x-request-id", sent.parse().unwrap());
        let answer = send(app(), request).await;
        assert_eq!(answer.header("x-request-id") == sent, taken, "{sent}");
    }
    let mut request = get("/nowhere");
    request.headers_mut().insert("x-request-id", "a:b/<c>".parse().unwrap());
    assert_eq!(send(app(), request).await.body["instance"], "urn:request:a%3Ab%2F%3Cc%3E");
}

#[tokio::test]
async fn panics_time_outs_and_failures_say_nothing_specific() {
    let app = app_of(service().timeout(Duration::from_millis(200)));
    let answer = send(app.clone(), get("/panics")).await;
    answer.is_problem(500);
    assert!(!answer.text.contains("bug"), "{}", answer.text);
    send(app.clone(), get("/slow")).await.is_problem(504);
    let answer = send(app.clone(), get("/fails")).await;
    answer.is_problem(500);
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    let answer = send(app.clone(), get("/fails?unavailable")).await;
    answer.is_problem(503);
    assert_eq!(answer.header("retry-after"), "3");
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    // The rejection of an axum extractor goes out as it is.
    let answer = send(app, get("/fails?extract")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("Failed to deserialize query string"), "{}", answer.text);
}

#[tokio::test]
async fn responses_are_validated_on_demand() {
    let answer = send(app_of(service().validate_responses(true)), get("/breaks")).await;
    answer.is_problem(500);
    assert_eq!(answer.body["title"], "response breaks the contract");
    let answer = send(app_of(service().validate_responses(false)), get("/breaks")).await;
    assert_eq!((answer.status, answer.body), (200, json!("text")));
}

#[tokio::test]
async fn accept_is_negotiated() {
    for (accept, expected) in [("text/csv", 1), ("*/*", 0), ("application/json;q=0.1, text/*;q=0.2", 1)] {
        let mut request = get("/export");
        request.headers_mut().insert(header::ACCEPT, accept.parse().unwrap());
        assert_eq!(send(app(), request).await.body["accept"], expected, "{accept}");
    }
    let mut request = get("/export");
    request.headers_mut().insert(header::ACCEPT, "image/png".parse().unwrap());
    let answer = send(app(), request).await;
    answer.is_problem(406);
    assert_eq!(answer.body["detail"], "this operation answers with application/json or text/csv");
}

/// Sends with headers and checks status, challenge and caller.
async fn check_security(path: &str, headers: &[(&'static str, &str)], status: u16, challenges: &[&str], caller: &str) {
    let method = if path == "/secured" { Method::POST } else { Method::GET };
    let mut request = request(method, path, "");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let answer = send(app(), request).await;
    assert_eq!(answer.status, status, "{path} {headers:?}: {}", answer.text);
    assert_eq!(answer.headers("www-authenticate"), challenges, "{path} {headers:?}");
    if status == 200 {
        assert_eq!(answer.body["caller"].as_str().unwrap_or(""), caller, "{path} {headers:?}");
    } else {
        answer.is_problem(status);
        assert!(!answer.text.contains("reason"), "{}", answer.text);
    }
}

#[tokio::test]
async fn security() {
    const INVALID: &str = "Bearer error=\"invalid_token\"";
    check_security("/secured", &[], 401, &["Bearer"], "").await;
    check_security("/secured", &[("authorization", "Bearer good")], 200, &[], "session:good").await;
    check_security("/secured", &[("authorization", "bearer   good")], 200, &[], "session:good").await;
    check_security("/secured", &[("authorization", "Bearer bad")], 401, &[INVALID], "").await;
    check_security("/secured", &[("authorization", "Basic Z29vZDp4")], 401, &["Bearer"], "").await;
    check_security("/secured", &[("authorization", "Bearer")], 401, &["Bearer"], "").await;
    check_security(
        "/secured",
        &[("authorization", "Bearer good"), ("authorization", "Bearer good")],
        401,
        &[INVALID],
        "",
    )
    .await;
    check_security("/secured", &[("authorization", "Bearer outage")], 503, &[], "").await;
    let scope = "Bearer error=\"insufficient_scope\", scope=\"org:b\"";
    check_security("/admin", &[("authorization", "Bearer org:a")], 403, &[scope], "").await;
    check_security("/admin", &[("authorization", "Bearer org:a,org:b")], 200, &[], "session:org:a,org:b").await;

    let all = ["ApiKey name=\"X-Key\"", "Bearer", "Basic realm=\"api\", charset=\"UTF-8\""];
    check_security("/either", &[], 401, &all, "").await;
    check_security("/either", &[("x-key", "good")], 200, &[], "key:good").await;
    check_security("/either", &[("x-key", "bad"), ("authorization", "Bearer good")], 200, &[], "session:good").await;
    check_security("/either", &[("authorization", "Basic Z29vZDp4")], 200, &[], "basic:good").await;
    let refused = ["ApiKey name=\"X-Key\"", INVALID, "Basic realm=\"api\", charset=\"UTF-8\""];
    check_security("/either", &[("authorization", "Basic !!!")], 401, &refused, "").await;
    // An outage of one alternative outweighs the refusal of another.
    check_security("/either", &[("x-key", "bad"), ("authorization", "Bearer outage")], 503, &[], "").await;

    check_security("/both", &[("x-key", "good")], 401, &["ApiKey name=\"X-Key\"", "Bearer"], "").await;
    check_security("/both", &[("x-key", "good"), ("authorization", "Bearer good")], 200, &[], "key:good").await;

    check_security("/optional", &[], 200, &[], "").await;
    check_security("/optional", &[("authorization", "Bearer good")], 200, &[], "session:good").await;
    check_security("/optional", &[("authorization", "Bearer bad")], 401, &[INVALID], "").await;
}

#[tokio::test]
async fn the_caller_is_judged_before_the_body() {
    let answer = send(app(), request(Method::POST, "/secured", "{ not json")).await;
    answer.is_problem(401);
    let answer = send(app(), {
        let mut request = request(Method::POST, "/secured", "");
        request.headers_mut().insert("authorization", "Bearer outage".parse().unwrap());
        request
    })
    .await;
    assert_eq!(answer.header("retry-after"), "7");
}

#[test]
fn a_scheme_without_authenticator_is_found_at_start() {
    let service = Service::builder().authenticator("key", Arc::new(Keys)).build();
    assert!(service.check(&[&GET_FILE]).is_ok());
    let error = service.check(&[&GET_FILE, &EITHER, &ADMIN]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no authenticator for the security schemes session, basic (used by either): call \
         `Service::builder().authenticator(..)`"
    );
    assert!(matches!(error, ServiceError::MissingAuthenticator { schemes, .. } if schemes == ["session", "basic"]));
}
