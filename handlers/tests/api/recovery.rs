//! The database goes away while the service runs, and comes back: 503 meanwhile, and nobody restarts anything.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use crate::support::{Proxy, Sends as _, Service};

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
        answer.assert_problem(StatusCode::SERVICE_UNAVAILABLE);
        let pause = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
        assert!(pause.is_some_and(|seconds| (1..=60).contains(&seconds)), "{:?}", answer.headers);
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
