//! Liveness and readiness: public, and told apart.

use reqwest::{Method, StatusCode};

use crate::support::{Sends as _, Service};

#[tokio::test]
async fn health_is_public() {
    let service = Service::start().await;
    let anonymous = service.anonymous().typed();
    let health = anonymous.get_health().await.unwrap().into_inner();
    assert_eq!((health.status.as_str(), health.version.as_str()), ("ok", env!("CARGO_PKG_VERSION")));
    let ready = anonymous.get_readiness().await.unwrap().into_inner();
    assert_eq!((ready.status.as_str(), ready.database.as_str()), ("ok", "ok"));
    // A token that proves nothing is nobody's business here.
    let answer = service.with_token("nonsense").send(Method::GET, "/health").answer().await;
    assert_eq!(answer.status, StatusCode::OK);
}
