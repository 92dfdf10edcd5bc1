//! Migrations at deploy: the binary as the function `migrate`, called as a deployment calls it.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use specwright_runtime::local::lambda_runtime::{InvokeError, LambdaRuntime};
use tokio::{process::Command, time::timeout};

use crate::support::Service;

/// Calls the function once; what it answers, or the message of its failure.
async fn migrate(database_url: &str) -> Result<Value, String> {
    let runtime = LambdaRuntime::start().await.unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_api"))
        .env_clear()
        .envs(runtime.environment())
        .env("_HANDLER", "migrate")
        .env("DATABASE_URL", database_url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let answer = timeout(Duration::from_secs(30), runtime.invoke(json!({}))).await.unwrap();
    drop(child);
    answer.map_err(|error| match error {
        InvokeError::Function(failure) => failure["errorMessage"].as_str().unwrap().to_owned(),
        other => panic!("{other}"),
    })
}

#[tokio::test]
async fn what_is_missing_is_applied() {
    let service = Service::start().await;
    let mut admin = service.admin().await;
    let undo = "DROP TABLE idempotency_keys; DELETE FROM _sqlx_migrations WHERE version = 20261124080400";
    sqlx::raw_sql(undo).execute(&mut admin).await.unwrap();

    assert_eq!(migrate(&service.database_url).await, Ok(Value::Null));

    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM idempotency_keys").fetch_one(&mut admin).await.unwrap();
    assert_eq!(count, 0);
    assert_eq!(migrate(&service.database_url).await, Ok(Value::Null), "a second time there is nothing to do");
}

/// A deployment that is rolled back calls the function of before, on the schema of after.
#[tokio::test]
async fn a_migration_of_a_later_version_is_left_alone() {
    let service = Service::start().await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (29991231000000, 'later', true, '', 0)";
    sqlx::raw_sql(later).execute(&mut service.admin().await).await.unwrap();

    assert_eq!(migrate(&service.database_url).await, Ok(Value::Null));
}

#[tokio::test]
async fn a_failure_says_why() {
    let service = Service::start().await;
    let change = "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 20261124080400";
    sqlx::raw_sql(change).execute(&mut service.admin().await).await.unwrap();

    let message = migrate(&service.database_url).await.unwrap_err();

    assert!(message.contains("20261124080400") && message.contains("modified"), "{message}");
    assert!(message.contains("127.0.0.1") && !message.contains("password"), "{message}");
}
