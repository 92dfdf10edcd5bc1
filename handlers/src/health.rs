//! Liveness and readiness.

use api_server::health::{GetHealthRequest, GetHealthResponse, GetReadinessRequest, GetReadinessResponse, HealthApi};
use api_types::{Health, HealthStatus, Readiness, ReadinessDatabase, ReadinessStatus};
use specwright_runtime::failure::Failure;

use crate::{App, problem};

/// When to ask again, in seconds.
const RETRY_AFTER: i64 = 1;

impl HealthApi for App {
    async fn get_health(&self, _: GetHealthRequest) -> Result<GetHealthResponse, Failure> {
        Ok(GetHealthResponse::Ok(Health { status: HealthStatus::Ok, version: env!("CARGO_PKG_VERSION").to_owned() }))
    }

    async fn get_readiness(&self, request: GetReadinessRequest) -> Result<GetReadinessResponse, Failure> {
        Ok(match self.database.ping().await {
            Ok(()) => {
                GetReadinessResponse::Ok(Readiness { status: ReadinessStatus::Ok, database: ReadinessDatabase::Ok })
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
                let body = problem::unavailable(&request.context, "the database does not answer");
                GetReadinessResponse::ServiceUnavailable { body, retry_after: Some(RETRY_AFTER) }
            }
        })
    }
}
