//! Every documented answer arrives as what it is, and an undocumented one as it came.
#![allow(missing_docs, clippy::unwrap_used)]

use specwright_exchange::{
    answers::{client, server, types},
    serve,
};
use specwright_runtime::{
    axum::{Router, http::StatusCode, routing::get},
    failure::Failure,
    service::Service,
};

use client::{Error, GetAnswerAccept, GetAnswerError, GetAnswerSuccess};
use server::answers::{GetAnswerOkBody, GetAnswerResponse, GetPlainResponse};
use types::{Point, Problem};

struct Oracle;

fn point(x: i64, y: &str) -> Point {
    Point { x, y: Some(y.to_owned()) }
}

fn problem(title: &str) -> Problem {
    Problem { title: title.to_owned() }
}

impl server::answers::AnswersApi for Oracle {
    async fn get_answer(&self, request: server::answers::GetAnswerRequest) -> Result<GetAnswerResponse, Failure> {
        let body = match request.accept {
            server::answers::GetAnswerAccept::Json => GetAnswerOkBody::Json(point(1, "body")),
            server::answers::GetAnswerAccept::Text => GetAnswerOkBody::Text("text".into()),
        };
        Ok(match request.kind.as_str() {
            "full" => GetAnswerResponse::Ok {
                body,
                x_list: vec![1, 2, 3],
                x_point: Some(point(4, "a b=c")),
                x_exploded: Some(point(5, "é")),
                x_json: Some(point(6, "a, \"b\"")),
                x_null: Some("there".into()),
                x_limit: Some(9),
                set_cookie: Some(vec!["a=1, 2; Path=/".into(), "b=3".into()]),
            },
            "bare" | "beyond" | "unspeakable" => GetAnswerResponse::Ok {
                body,
                x_list: Vec::new(),
                x_point: None,
                x_exploded: None,
                x_json: None,
                x_null: (request.kind == "unspeakable").then(|| "two\nlines".into()),
                x_limit: (request.kind == "beyond").then_some(10),
                set_cookie: None,
            },
            "empty" => GetAnswerResponse::NoContent,
            "elsewhere" => GetAnswerResponse::Redirection { status: StatusCode::SEE_OTHER, location: "/plain".into() },
            "missing" => GetAnswerResponse::NotFound(problem("missing")),
            "later" => GetAnswerResponse::ClientError {
                status: StatusCode::TOO_MANY_REQUESTS,
                body: problem("later"),
                retry_after: Some(7),
            },
            _ => GetAnswerResponse::ServerError(StatusCode::BAD_GATEWAY, "broken".into()),
        })
    }

    async fn get_plain(&self, _: server::answers::GetPlainRequest) -> Result<GetPlainResponse, Failure> {
        Ok(GetPlainResponse::Default(StatusCode::IM_A_TEAPOT, problem("teapot")))
    }
}

async fn oracle(validates: bool) -> client::Client {
    let service = Service::builder().validate_responses(validates).build();
    client::Client::new(&serve(server::router(Oracle, &service).unwrap()).await).unwrap()
}

#[tokio::test]
async fn successes_have_their_headers_and_bodies() {
    let client = oracle(true).await;
    let full = client.get_answer("full", GetAnswerAccept::Json).await.unwrap();
    assert_eq!(full.status(), StatusCode::OK);
    let GetAnswerSuccess::OkJson { body, x_list, x_point, x_exploded, x_json, x_null, x_limit, set_cookie } =
        full.into_inner()
    else {
        panic!("asked for JSON")
    };
    assert_eq!((body, x_list), (point(1, "body"), vec![1, 2, 3]));
    assert_eq!(x_point, Some(point(4, "a b=c")));
    assert_eq!(x_exploded, Some(point(5, "é")));
    assert_eq!(x_json, Some(point(6, "a, \"b\"")));
    assert_eq!((x_null.as_deref(), x_limit), (Some("there"), Some(9)));
    assert_eq!(set_cookie.unwrap(), ["a=1, 2; Path=/", "b=3"]);

    let bare = client.get_answer("bare", GetAnswerAccept::Text).await.unwrap().into_inner();
    let GetAnswerSuccess::OkText { body, x_list, x_point, x_null, set_cookie, .. } = bare else {
        panic!("asked for text")
    };
    assert_eq!((body.as_str(), x_list, x_point, x_null, set_cookie), ("text", Vec::new(), None, None, None));

    let empty = client.get_answer("empty", GetAnswerAccept::Json).await.unwrap();
    assert_eq!(empty.status(), StatusCode::NO_CONTENT);
    assert!(matches!(empty.into_inner(), GetAnswerSuccess::NoContent));
}

#[tokio::test]
async fn errors_have_their_statuses_headers_and_bodies() {
    let client = oracle(true).await;
    let refused = async |kind: &str| match client.get_answer(kind, GetAnswerAccept::Json).await {
        Err(Error::ErrorResponse(refused)) => (refused.status().as_u16(), refused.into_inner()),
        other => panic!("{kind}: {other:?}"),
    };
    assert!(
        matches!(refused("elsewhere").await, (303, GetAnswerError::Redirection { location }) if location == "/plain")
    );
    assert!(matches!(refused("missing").await, (404, GetAnswerError::NotFound(body)) if body == problem("missing")));
    assert!(matches!(
        refused("later").await,
        (429, GetAnswerError::ClientError { body, retry_after: Some(7) }) if body == problem("later")
    ));
    assert!(matches!(refused("broken").await, (502, GetAnswerError::ServerError(text)) if text == "broken"));
    match client.get_plain().await {
        Err(Error::ErrorResponse(teapot)) => {
            assert_eq!((teapot.status(), &*teapot), (StatusCode::IM_A_TEAPOT, &problem("teapot")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_header_that_breaks_the_contract_is_loud_where_responses_are_judged() {
    let status = async |validates: bool, kind: &str| {
        let answer = oracle(validates).await.get_answer(kind, GetAnswerAccept::Json).await;
        answer.map_or_else(|error| error.status().unwrap(), |answer| answer.status()).as_u16()
    };
    assert_eq!(status(true, "beyond").await, 500);
    assert_eq!(status(false, "beyond").await, 200);
    // What no header can hold is never sent.
    assert_eq!(status(false, "unspeakable").await, 500);
}

#[tokio::test]
async fn an_undocumented_answer_is_kept_as_it_came() {
    let router = Router::new()
        .route("/plain", get(|| async { ([("content-type", "text/html"), ("x-proxy", "1")], "<p>busy</p>") }))
        .route("/answers/status", get(|| async { (StatusCode::PARTIAL_CONTENT, "part") }))
        .route("/answers/redirect", get(|| async { (StatusCode::FOUND, [("x-a", "1")]) }))
        .route("/answers/header", get(|| async { ([("content-type", "application/json")], "{\"x\":1}") }))
        .route("/answers/json", get(|| async { ([("content-type", "application/json"), ("x-list", "1")], "{\"x\":") }));
    let client = client::Client::new(&serve(router).await).unwrap();
    match client.get_plain().await {
        Err(Error::UnexpectedResponse(response)) => {
            assert_eq!((response.status(), &response.headers()["x-proxy"]), (StatusCode::OK, &"1".parse().unwrap()));
            assert_eq!(response.text().await.unwrap(), "<p>busy</p>");
        }
        other => panic!("{other:?}"),
    }
    for (kind, status, body) in [("status", 206, "part"), ("redirect", 302, ""), ("header", 200, "{\"x\":1}")] {
        match client.get_answer(kind, GetAnswerAccept::Json).await {
            Err(Error::UnexpectedResponse(response)) => {
                assert_eq!(response.status().as_u16(), status, "{kind}");
                assert_eq!(response.text().await.unwrap(), body, "{kind}");
            }
            other => panic!("{kind}: {other:?}"),
        }
    }
    match client.get_answer("json", GetAnswerAccept::Json).await {
        Err(Error::InvalidResponsePayload(bytes, _)) => assert_eq!(&bytes[..], b"{\"x\":"),
        other => panic!("{other:?}"),
    }
}
