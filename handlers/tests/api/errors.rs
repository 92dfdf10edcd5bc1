//! What the framework answers before a handler runs: every one a problem (RFC 9457) that says all that is wrong.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Sends as _, Service};

#[tokio::test]
async fn a_bad_request_is_told_everything_at_once() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let body = json!({
        "title": "",
        "priority": "extreme",
        "dueAt": "tomorrow",
        "labels": ["ok", "Not Ok", "ok"],
        "projectId": "garden",
        "reminder": { "kind": "webhook", "url": "http://plain.example.org", "minutesBefore": -1, "extra": true },
        "owner": "somebody else",
    });
    let answer = ada.send(Method::POST, "/tasks").header("Idempotency-Key", "with space").json(&body).answer().await;
    answer.assert_problem(StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.violations(),
        [
            ("/body/dueAt", "format"),
            ("/body/labels", "uniqueItems"),
            ("/body/labels/1", "pattern"),
            ("/body/owner", "additionalProperties"),
            ("/body/priority", "enum"),
            ("/body/projectId", "format"),
            ("/body/reminder/extra", "additionalProperties"),
            ("/body/reminder/minutesBefore", "minimum"),
            ("/body/reminder/url", "pattern"),
            ("/body/title", "minLength"),
            ("/body/title", "pattern"),
            ("/header/Idempotency-Key", "pattern"),
        ]
    );
}

#[tokio::test]
async fn lengths_are_counted_in_code_points() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    // Four bytes and two UTF-16 units each.
    for (count, status) in [(200, StatusCode::CREATED), (201, StatusCode::BAD_REQUEST)] {
        let body = json!({ "title": "\u{1f499}".repeat(count) });
        let answer = ada.send(Method::POST, "/tasks").json(&body).answer().await;
        assert_eq!(answer.status, status, "{count}: {}", answer.text());
    }
    let target = format!("/tasks?q={}", "%F0%9F%92%99".repeat(100));
    assert_eq!(ada.send(Method::GET, &target).answer().await.status, StatusCode::OK);
    let answer = ada.send(Method::GET, &format!("{target}%F0%9F%92%99")).answer().await;
    assert_eq!(answer.violations(), [("/query/q", "maxLength")]);
}

/// To JSON Schema a number is an integer when its fraction is zero, however it is written.
#[tokio::test]
async fn an_integer_may_be_written_with_a_fraction_of_zero() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let body = r#"{"title":"a","reminder":{"kind":"email","address":"ada@example.org","minutesBefore":6.0e1}}"#;
    let request = ada.send(Method::POST, "/tasks").header("Content-Type", "application/json");
    let answer = request.body(body).answer().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json()["reminder"]["minutesBefore"], 60);
}

#[tokio::test]
async fn parameters_of_every_place_are_judged_together() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("/tasks?limit=0", &[("/query/limit", "minimum")]),
        ("/tasks?limit=201", &[("/query/limit", "maximum")]),
        ("/tasks?limit=ten", &[("/query/limit", "type")]),
        ("/tasks?limit=1.5", &[("/query/limit", "type")]),
        ("/tasks?status=open&status=lost", &[("/query/status/1", "enum")]),
        (
            "/tasks?cursor=%2F&dueBefore=soon&q=",
            &[("/query/cursor", "pattern"), ("/query/dueBefore", "format"), ("/query/q", "minLength")],
        ),
        ("/tasks?q=%00", &[("/query/q", "pattern")]),
        ("/tasks?cursor=AAAA", &[("/query/cursor", "pattern")]),
        ("/tasks/42", &[("/path/taskId", "format")]),
        ("/tasks/42/attachments/43/content", &[("/path/attachmentId", "format"), ("/path/taskId", "format")]),
        ("/exports/tasks?limit=1001", &[("/query/limit", "maximum")]),
    ];
    for (target, expected) in cases {
        let answer = ada.send(Method::GET, target).answer().await;
        answer.assert_problem(StatusCode::BAD_REQUEST);
        assert_eq!(answer.violations(), *expected, "{target}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_says_where_it_ends_to_be() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let send = async |body: &'static [u8]| -> Answer {
        let request = ada.send(Method::POST, "/tasks").header("Content-Type", "application/json");
        request.body(body).answer().await
    };
    for body in [&b"{\"title\": "[..], b"", b"\xff", b"{\"title\": \"a\"} trailing"] {
        let answer = send(body).await;
        answer.assert_problem(StatusCode::BAD_REQUEST);
        assert_eq!(answer.violations()[0].0, "/body", "{body:?}");
    }
    for body in [&b"null"[..], b"[]", b"\"title\""] {
        let answer = send(body).await;
        answer.assert_problem(StatusCode::BAD_REQUEST);
        assert_eq!(answer.violations(), [("/body", "type")], "{body:?}");
    }
    // NUL is a character that JSON can carry and Postgres cannot keep: the contract refuses it.
    let answer = send(br#"{"title": "a", "description": "b\u0000c"}"#).await;
    answer.assert_problem(StatusCode::BAD_REQUEST);
    assert_eq!(answer.violations(), [("/body/description", "pattern")]);
    for title in [r"\u0000", r"\u0000a", r"a\u0000", r"a\u0001b"] {
        let answer = ada.send(Method::POST, "/tasks").header("Content-Type", "application/json");
        let answer = answer.body(format!(r#"{{"title": "{title}"}}"#)).answer().await;
        assert_eq!(answer.violations(), [("/body/title", "pattern")], "{title}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    for target in ["/", "/nothing", "/tasks/", "/tasks/a/b/c/d", "//tasks", "/TASKS"] {
        ada.send(Method::GET, target).answer().await.assert_problem(StatusCode::NOT_FOUND);
    }
    let cases: &[(Method, &str, &[&str])] = &[
        (Method::PUT, "/tasks", &["GET", "POST"]),
        (Method::DELETE, "/tasks", &["GET", "POST"]),
        (Method::POST, "/tasks/0193", &["DELETE", "GET", "PATCH"]),
        (Method::POST, "/health", &["GET"]),
        (Method::PUT, "/projects/0193", &["DELETE", "GET"]),
    ];
    for (method, target, expected) in cases {
        let answer = ada.send(method.clone(), target).answer().await;
        answer.assert_problem(StatusCode::METHOD_NOT_ALLOWED);
        let allow = answer.header("allow").unwrap_or_default();
        let mut allow: Vec<_> = allow.split(',').map(str::trim).filter(|method| *method != "HEAD").collect();
        allow.sort_unstable();
        assert_eq!(allow, *expected, "{method} {target}");
    }
}

#[tokio::test]
async fn media_types_are_negotiated() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense"] {
        let request = ada.send(Method::POST, "/tasks").header("Content-Type", content_type);
        request.body("{\"title\": \"a\"}").answer().await.assert_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    // A patch is not plain JSON: the contract says merge patch.
    let id = service.client("user_ada").create_task("Water the plants").await;
    let request = ada.send(Method::PATCH, &format!("/tasks/{id}")).header("Content-Type", "application/json");
    request.body("{\"title\": \"a\"}").answer().await.assert_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let request = ada.send(Method::POST, "/tasks").header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(request.body("{\"title\": \"a\"}").answer().await.status, StatusCode::CREATED);

    for accept in ["text/html", "application/json;q=0", "image/*"] {
        let answer = ada.send(Method::GET, "/tasks").header("Accept", accept).answer().await;
        answer.assert_problem(StatusCode::NOT_ACCEPTABLE);
    }
    for accept in ["*/*", "application/*", "text/html, application/json;q=0.1"] {
        assert_eq!(ada.send(Method::GET, "/tasks").header("Accept", accept).answer().await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let request = ada.send(Method::POST, "/tasks").header("Content-Type", "application/json");
    let answer = request.body(vec![b' '; 3 * 1024 * 1024]).answer().await;
    answer.assert_problem(StatusCode::PAYLOAD_TOO_LARGE);
    // Without a token nothing of a body is read, whatever its size.
    let request = service.anonymous().send(Method::POST, "/tasks").header("Content-Type", "application/json");
    request.body(vec![b' '; 1024]).answer().await.assert_problem(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_request_has_a_name() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let answer = ada.send(Method::GET, "/tasks/42").header("x-request-id", "abc-1").answer().await;
    assert_eq!(answer.header("x-request-id"), Some("abc-1"));
    assert_eq!(answer.json()["instance"], "urn:request:abc-1");
    let answer = ada.send(Method::GET, "/tasks").answer().await;
    assert!(!answer.header("x-request-id").unwrap_or_default().is_empty());
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
