//! `App`: what handlers share, and how a router is built from a configuration.
//!
//! `main`, the tests and Lambda build the same router; only what goes in differs.

use std::{sync::Arc, time::Duration};

use axum::Router;
use chrono::{DateTime, SubsecRound as _, Utc};
use http::{Extensions, HeaderMap, StatusCode, Version, header::ETAG};
use specwright_runtime::{
    auth::{Authenticator, Closed},
    database::Database,
    service::{Service, ServiceError},
    webhook::{self, Verifier},
};
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate as _},
    },
    cors::CorsLayer,
};

use crate::webhooks::PATH;

/// The names of the security schemes in the contract.
const CLERK_SESSION: &str = "clerkSession";
const CLERK_API_KEY: &str = "clerkApiKey";

/// The time, injected so that tests can set it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) database: Database,
    clock: Clock,
}

/// What a router is built from. Cheap to clone.
#[derive(Clone)]
pub struct Config {
    /// Where everything is kept.
    pub database: Database,
    /// Who judges session tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who judges API keys; nobody is let in by one unless this is set.
    pub api_keys: Arc<dyn Authenticator>,
    /// Who judges what Clerk sends about its users; nothing is taken in unless this is set.
    pub webhooks: Option<Arc<Verifier>>,
    /// The time.
    pub clock: Clock,
    /// Whether answers are checked against the contract: loud in development and tests, off in production.
    pub validate_responses: bool,
    /// What browsers are told about pages of other origins; nothing unless this is set, since a gateway says it in front of a
    /// deployed service.
    pub cors: Option<CorsLayer>,
    /// How long a request may take before it is answered with 504.
    pub timeout: Duration,
}

impl Config {
    /// A configuration for production: the system's clock, answers unchecked, 25 s a request.
    pub fn new(database: Database, authenticator: Arc<dyn Authenticator>) -> Self {
        Self {
            database,
            authenticator,
            api_keys: Arc::new(Closed),
            webhooks: None,
            clock: Arc::new(Utc::now),
            validate_responses: false,
            cors: None,
            timeout: Duration::from_secs(25),
        }
    }
}

impl App {
    /// The whole service as a router.
    ///
    /// # Errors
    ///
    /// Where the contract asks for a security scheme that nothing was configured for.
    pub fn build(config: Config) -> Result<Router, ServiceError> {
        let service = Service::builder()
            .authenticator(CLERK_SESSION, config.authenticator)
            .authenticator(CLERK_API_KEY, config.api_keys)
            .timeout(config.timeout)
            .validate_responses(config.validate_responses)
            .build();
        let app = Self { database: config.database, clock: config.clock };
        let webhooks = match config.webhooks {
            Some(verifier) => webhook::routes(&service, PATH, verifier, Arc::new(app.clone())),
            None => Router::new(),
        };
        let router = api_server::router(app, &service)?
            .merge(webhooks)
            .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(untagged)));
        Ok(match config.cors {
            Some(cors) => router.layer(cors),
            None => router,
        })
    }

    /// The time as the database keeps it, to the microsecond.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.clock)().trunc_subsecs(6)
    }
}

/// What the compression layer, a tower layer like any other, leaves alone beyond its defaults: a strong entity tag names the bytes
/// of an answer (RFC 9110, section 8.8.1), so what has one is sent as it is.
fn untagged(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(ETAG)
}
