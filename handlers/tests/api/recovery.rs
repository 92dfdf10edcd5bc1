//! The database goes away, or is slow, while the service runs: 503 or 504 meanwhile, and nobody restarts anything.
//! `docs/database.md` has the table.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use serde_json::json;
use sqlx::Connection as _;

use crate::support::{Answer, Proxy, Sends as _, Service};

#[tokio::test]
async fn a_lost_database_is_a_503_until_it_is_back() {
    let proxy = Proxy::start().await;
    let service = Service::start_behind(&proxy).await;
    let ada = service.client("user_ada");
    let task = ada.create_task("before").await;

    proxy.cut();
    for (method, target) in [(Method::GET, "/tasks"), (Method::GET, "/health/ready")] {
        let started = Instant::now();
        let answer = ada.send(method, target).answer().await;
        assert_unavailable(&answer);
        assert!(started.elapsed() < Duration::from_secs(20), "{target} took {:?}", started.elapsed());
        // What failed is for the log.
        assert!(!answer.text().contains("127.0.0.1") && !answer.text().contains("sqlx"), "{}", answer.text());
    }
    assert_eq!(ada.send(Method::GET, "/health").answer().await.status, StatusCode::OK);
    assert_eq!(ada.send(Method::GET, "/me").answer().await.status, StatusCode::OK);

    proxy.restore();
    let answer = ada.send(Method::GET, &format!("/tasks/{task}")).answer().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(ada.send(Method::GET, "/health/ready").answer().await.status, StatusCode::OK);
}

/// One connection, and a statement that waits for a lock until its time is up.
#[tokio::test]
async fn a_slow_database_is_a_504_and_a_full_pool_a_503() {
    let tight = |settings: specwright_runtime::database::Settings| {
        settings
            .max_connections(1)
            .acquire_timeout(Duration::from_millis(500))
            .statement_timeout(Duration::from_secs(3))
    };
    let service = Service::start_on(tight).await;
    let ada = service.client("user_ada");
    ada.create_task("before").await;

    let mut admin = service.admin().await;
    let mut lock = admin.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE tasks").execute(&mut *lock).await.unwrap();
    let write = || ada.send(Method::POST, "/tasks").json(&json!({ "title": "never" })).answer();
    let (one, other) = tokio::join!(write(), write());
    let (slow, full) = if one.status == StatusCode::GATEWAY_TIMEOUT { (one, other) } else { (other, one) };
    slow.assert_problem(StatusCode::GATEWAY_TIMEOUT);
    assert_unavailable(&full);
    ada.send(Method::GET, "/tasks").answer().await.assert_problem(StatusCode::GATEWAY_TIMEOUT);
    lock.rollback().await.unwrap();

    let listed = ada.send(Method::GET, "/tasks").answer().await;
    let titles: Vec<_> = listed.json()["items"].as_array().unwrap().iter().map(|task| task["title"].clone()).collect();
    assert_eq!(titles, [json!("before")], "nothing of what was refused was stored");
}

fn assert_unavailable(answer: &Answer) {
    answer.assert_problem(StatusCode::SERVICE_UNAVAILABLE);
    let pause = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(pause.is_some_and(|seconds| (1..=60).contains(&seconds)), "{:?}", answer.headers);
}
