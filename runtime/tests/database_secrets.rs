//! Reading a secret with the AWS SDK, against a small stand-in for Secrets Manager.

#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, missing_docs)]

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Credentials as AwsCredentials, Region},
};
use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::{Value, json};
use specwright_runtime::database::{SecretSource, SecretsManager, Stage};

/// Secrets by name. `plain` has no pending version, `binary` no text, `odd` another shape; all else is forbidden.
async fn answer(Json(request): Json<Value>) -> (StatusCode, Json<Value>) {
    let pending = request["VersionStage"] == "AWSPENDING";
    let user = if pending { "pending" } else { "current" };
    let text = json!({"username": user, "password": "p'ß\"", "host": "ignored", "port": 5432}).to_string();
    let refuse = |kind: &str| (StatusCode::BAD_REQUEST, Json(json!({"__type": kind, "Message": "no"})));
    match request["SecretId"].as_str().unwrap() {
        "plain" if pending => refuse("ResourceNotFoundException"),
        "plain" | "rotating" => (StatusCode::OK, Json(json!({"Name": "n", "SecretString": text}))),
        "binary" => (StatusCode::OK, Json(json!({"Name": "n", "SecretBinary": "AAAA"}))),
        "odd" => (StatusCode::OK, Json(json!({"Name": "n", "SecretString": "hunter2"}))),
        "missing" => refuse("ResourceNotFoundException"),
        _ => refuse("AccessDeniedException"),
    }
}

async fn secret(name: &str) -> SecretsManager {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer_any))).await });
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(AwsCredentials::new("id", "key", None, None, "test"))
        .endpoint_url(endpoint)
        .build();
    SecretsManager::with_client(name, Client::from_conf(config))
}

/// The SDK sends `application/x-amz-json-1.1`, which axum's `Json` does not take for JSON.
async fn answer_any(body: axum::body::Bytes) -> (StatusCode, Json<Value>) {
    answer(Json(serde_json::from_slice(&body).unwrap())).await
}

#[tokio::test]
async fn each_version_is_asked_for_by_its_label() {
    let source = secret("rotating").await;
    let current = source.fetch(Stage::Current).await.unwrap().unwrap();
    assert_eq!((current.user.as_str(), current.password.expose()), ("current", "p'ß\""));
    assert_eq!(source.fetch(Stage::Pending).await.unwrap().unwrap().user, "pending");
    assert!(!format!("{current:?}").contains("p'"));
}

#[tokio::test]
async fn no_pending_version_is_no_error() {
    assert!(secret("plain").await.fetch(Stage::Pending).await.unwrap().is_none());
}

#[tokio::test]
async fn what_cannot_be_read_is_said_without_the_secret() {
    for (name, said) in [
        ("missing", "ResourceNotFoundException"),
        ("forbidden", "AccessDeniedException"),
        ("binary", "binary"),
        ("odd", "`username` and `password`"),
    ] {
        let error = secret(name).await.fetch(Stage::Current).await.unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("hunter2"), "{name}: {error}");
    }
}
