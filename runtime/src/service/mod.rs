//! The service around the operations: settings, routes, and what happens to every request.
//!
//! A request passes [`Service::finish`] (request id, log, time-out, panics, fallbacks), is routed, and for its operation, in
//! this order: authenticated and authorised by the contract's security before the body is read; negotiated (406); decoded and
//! validated; handed to the handler. Every way out is a problem (RFC 9457) or a response of the contract.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use specwright_runtime::service::Service;
//!
//! let service = Service::builder().body_limit(64 * 1024).timeout(Duration::from_secs(5)).build();
//! ```
//!
//! Deliberately not here: CORS, compression, rate limits. The routes are an `axum::Router`; put a tower layer around it.

mod negotiate;
mod observe;
mod routes;
mod security;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use axum::{Router, middleware};

#[cfg(feature = "lambda")]
pub(crate) use self::observe::PlatformDeadline;
#[cfg(feature = "clerk")]
pub(crate) use self::observe::request_id;
use self::routes::Shared;
pub use self::routes::{RouteError, Routes};
use crate::{auth::Authenticator, operation::Operation};

/// Settings and authenticators, shared by all routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    inner: Arc<Inner>,
}

/// Makes a [`Service`].
#[must_use]
pub struct ServiceBuilder {
    authenticators: BTreeMap<String, Arc<dyn Authenticator>>,
    body_limits: BTreeMap<String, usize>,
    settings: Settings,
}

/// Why a service cannot serve a contract.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Operations are secured by schemes that nobody can check.
    #[error(
        "no authenticator for the security scheme{} {} (used by {operation}): call `Service::builder().authenticator(..)`",
        if schemes.len() == 1 { "" } else { "s" },
        schemes.join(", ")
    )]
    MissingAuthenticator {
        /// The names of the schemes in the contract.
        schemes: Vec<String>,
        /// An operation that uses the first of them.
        operation: String,
    },
    /// A limit is set for an operation that the contract does not have.
    #[error("a body limit is set for {operation}, which is no operation of the contract")]
    UnknownOperation {
        /// The `operationId`.
        operation: String,
    },
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    body_limit: usize,
    form_memory: usize,
    timeout: Duration,
    validates_responses: bool,
    refuses_unknown_query: bool,
}

struct Inner {
    authenticators: BTreeMap<String, Arc<dyn Authenticator>>,
    body_limits: BTreeMap<String, usize>,
    settings: Settings,
    shared: Shared,
}

impl Service {
    /// Starts with: no authenticator, bodies of 2 MiB, 2 MiB of a form in memory, 25 seconds, responses not validated, unknown query parameters ignored.
    pub fn builder() -> ServiceBuilder {
        ServiceBuilder {
            authenticators: BTreeMap::new(),
            body_limits: BTreeMap::new(),
            settings: Settings {
                body_limit: 2 * 1024 * 1024,
                form_memory: 2 * 1024 * 1024,
                // API Gateway gives up after 30 seconds; the client should hear from us first.
                timeout: Duration::from_secs(25),
                validates_responses: false,
                refuses_unknown_query: false,
            },
        }
    }

    /// Whether every security scheme of the operations has an authenticator.
    ///
    /// # Errors
    ///
    /// [`ServiceError::MissingAuthenticator`] with all schemes that have none; [`ServiceError::UnknownOperation`] where a body
    /// limit is set for an operation that is not there.
    pub fn check(&self, operations: &[&'static Operation]) -> Result<(), ServiceError> {
        let is_known = |id: &&String| operations.iter().any(|operation| operation.id == id.as_str());
        if let Some(operation) = self.inner.body_limits.keys().find(|id| !is_known(id)) {
            return Err(ServiceError::UnknownOperation { operation: operation.clone() });
        }
        let mut missing: Vec<String> = Vec::new();
        let mut first = "";
        for operation in operations {
            for (scheme, _) in operation.security.iter().flat_map(|requirement| requirement.iter()) {
                if !self.inner.authenticators.contains_key(scheme.name)
                    && !missing.iter().any(|name| name == scheme.name)
                {
                    first = if missing.is_empty() { operation.id } else { first };
                    missing.push(scheme.name.to_owned());
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(ServiceError::MissingAuthenticator { schemes: missing, operation: first.to_owned() })
    }

    /// Starts the routes of a tag.
    pub fn routes<Api: Send + Sync + 'static>(&self, api: Arc<Api>) -> Routes<Api> {
        Routes::new(api, self.clone())
    }

    /// Ends a router: what is not routed is a 404 or 405 problem, and every request gets an id, a log line, a time-out and a
    /// net under its handler's panics.
    pub fn finish(&self, router: Router) -> Router {
        self.observe(router.fallback(observe::not_found))
    }

    /// Puts around routes that are no operations of the contract what [`finish`](Self::finish) puts around those that are, so
    /// that the two can be merged.
    pub fn observe(&self, router: Router) -> Router {
        let service = self.clone();
        router
            .method_not_allowed_fallback(observe::method_not_allowed)
            .layer(middleware::from_fn(move |request, next| observe::observe(service.clone(), request, next)))
    }
}

impl ServiceBuilder {
    /// Lets an authenticator judge the credentials of a security scheme of the contract, by its name there.
    pub fn authenticator(mut self, scheme: impl Into<String>, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticators.insert(scheme.into(), authenticator);
        self
    }

    /// The most bytes of a request body; more is 413.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// The most bytes of the request bodies of one operation, by its `operationId`: for uploads.
    pub fn body_limit_of(mut self, operation: impl Into<String>, bytes: usize) -> Self {
        self.body_limits.insert(operation.into(), bytes);
        self
    }

    /// How many bytes of a multipart body are held in memory: its fields, and files until the fields are known. A body that has
    /// more streams its files; see [`decode::Files`](crate::decode::Files).
    pub fn form_memory(mut self, bytes: usize) -> Self {
        self.settings.form_memory = bytes;
        self
    }

    /// How long an operation may take until its response starts; longer is 504, and the handler is dropped.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Whether response bodies are judged by their schemas: for local runs and tests.
    pub fn validate_responses(mut self, validates: bool) -> Self {
        self.settings.validates_responses = validates;
        self
    }

    /// Whether a query parameter that the contract does not know is a 400.
    pub fn refuse_unknown_query(mut self, refuses: bool) -> Self {
        self.settings.refuses_unknown_query = refuses;
        self
    }

    /// The service.
    pub fn build(self) -> Service {
        Service {
            inner: Arc::new(Inner {
                authenticators: self.authenticators,
                body_limits: self.body_limits,
                settings: self.settings,
                shared: Shared::default(),
            }),
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("authenticators", &self.authenticators.keys())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServiceBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("ServiceBuilder")
            .field("authenticators", &self.authenticators.keys())
            .field("settings", &self.settings)
            .finish()
    }
}
