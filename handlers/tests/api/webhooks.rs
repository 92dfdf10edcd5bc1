//! Users, as Clerk's webhooks tell of them.

use std::time::SystemTime;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use specwright_runtime::local::webhook::sign;

use crate::support::{Answer, Sends as _, Service, WEBHOOK_SECRET};

#[tokio::test]
async fn users_follow_clerk() {
    let service = Service::start().await;
    let created = deliver(&service, "msg_1", &user("user.created", "Ada", 1_000)).await;
    assert_eq!(created.status, StatusCode::NO_CONTENT, "{}", created.text());
    assert_eq!(name(&service).await.as_deref(), Some("Ada"));
    deliver(&service, "msg_3", &user("user.updated", "Ada Lovelace", 3_000)).await;
    // Late: sent before, and come after.
    deliver(&service, "msg_2", &user("user.updated", "Ada Byron", 2_000)).await;
    assert_eq!(name(&service).await.as_deref(), Some("Ada Lovelace"));
    deliver(&service, "msg_4", &json!({"type": "user.deleted", "data": {"id": "user_ada"}})).await;
    assert_eq!(name(&service).await, None);
    // What was deleted does not come back, and its name is gone.
    deliver(&service, "msg_5", &user("user.updated", "Ada", 9_000_000_000_000)).await;
    assert_eq!(name(&service).await, None);
    assert_eq!(service.text_of("SELECT count(*)::text FROM users").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_message_is_processed_once() {
    let service = Service::start().await;
    let body = user("user.created", "Ada", 1_000);
    deliver(&service, "msg_1", &body).await;
    service.text_of("UPDATE users SET name = 'changed', updated_at = '1970-01-01' RETURNING id").await;
    // At the same time, as after a time-out on Clerk's side.
    let (first, second) = tokio::join!(deliver(&service, "msg_1", &body), deliver(&service, "msg_1", &body));
    assert_eq!((first.status, second.status), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
    assert_eq!(name(&service).await.as_deref(), Some("changed"));
    let many = (0..8).map(|_| deliver(&service, "msg_2", &body));
    for answer in futures_util::future::join_all(many).await {
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(service.text_of("SELECT count(*)::text FROM webhook_messages").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn others_are_refused_and_unknown_kinds_are_taken() {
    let service = Service::start().await;
    let body = user("user.created", "Eve", 1_000).to_string();
    let answer = service.anonymous().send(Method::POST, "/webhooks/clerk").body(body.clone()).answer().await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let signed = sign(WEBHOOK_SECRET, "msg_1", SystemTime::now(), &body.replace("Eve", "Ada"));
    let mut request = service.anonymous().send(Method::POST, "/webhooks/clerk").body(body);
    for (name, value) in signed {
        request = request.header(name, value);
    }
    assert_eq!(request.answer().await.status, StatusCode::BAD_REQUEST);
    assert_eq!(service.text_of("SELECT count(*)::text FROM users").await.as_deref(), Some("0"));
    let other = deliver(&service, "msg_1", &json!({"type": "session.created", "data": {"id": "sess_1"}})).await;
    assert_eq!(other.status, StatusCode::NO_CONTENT);
    assert_eq!(
        service.anonymous().send(Method::GET, "/webhooks/clerk").answer().await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

fn user(kind: &str, name: &str, updated_at: i64) -> Value {
    json!({"type": kind, "data": {
        "id": "user_ada", "first_name": name, "updated_at": updated_at,
        "primary_email_address_id": "idn_1", "email_addresses": [{"id": "idn_1", "email_address": "ada@example.org"}],
    }})
}

async fn name(service: &Service) -> Option<String> {
    service.text_of("SELECT name FROM users WHERE id = 'user_ada'").await
}

async fn deliver(service: &Service, id: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let mut request = service.anonymous().send(Method::POST, "/webhooks/clerk");
    for (name, value) in sign(WEBHOOK_SECRET, id, SystemTime::now(), &body) {
        request = request.header(name, value);
    }
    request.body(body).answer().await
}
