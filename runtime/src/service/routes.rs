//! The routes of a tag, and what an operation does with a request before its handler.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use axum::{
    Router,
    extract::Request,
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode, header};

use super::{Service, negotiate::negotiate, observe::Trace};
use crate::{
    decode::{Incoming, Rejection, template::Template},
    failure::Failure,
    operation::Operation,
    problem::Problem,
    reply::{Reply, Respond},
};

/// The operations of a tag on their way to becoming a router.
pub struct Routes<Api> {
    api: Arc<Api>,
    service: Service,
    router: Router,
}

/// Why an operation has no response of the contract.
#[derive(Debug)]
pub enum RouteError {
    /// The request breaks the contract.
    Rejection(Rejection),
    /// The handler could not do its work.
    Failure(Failure),
}

type Handler = Arc<dyn Fn(Incoming) -> BoxFuture<'static, Result<Box<dyn RespondBoxed>, RouteError>> + Send + Sync>;

/// An operation and its handler.
#[derive(Clone)]
struct Endpoint {
    operation: &'static Operation,
    template: Arc<Template>,
    handler: Handler,
}

/// Stands for all methods that axum does not know.
const OTHER: &str = "";

/// The operations of one axum route and method, the most specific template first.
type Endpoints = Arc<RwLock<Vec<Endpoint>>>;

/// The routes of all tags: two tags may have templates that are the same route to axum, such as `/f/{id}` and `/f/{id}.{ext}`.
#[derive(Default)]
pub(super) struct Shared {
    routes: Mutex<HashMap<(String, &'static str), Endpoints>>,
}

impl<Api: Send + Sync + 'static> Routes<Api> {
    pub(super) fn new(api: Arc<Api>, service: Service) -> Self {
        Self { api, service, router: Router::new() }
    }

    /// Adds an operation: `handler` decodes and calls the API.
    pub fn add<F, Fut, R>(&mut self, operation: &'static Operation, handler: F)
    where
        F: Fn(Arc<Api>, Incoming) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, RouteError>> + Send + 'static,
        R: Respond + Send + 'static,
    {
        let api = Arc::clone(&self.api);
        let handler: Handler = Arc::new(move |incoming| {
            let answer = handler(Arc::clone(&api), incoming);
            Box::pin(async move { answer.await.map(|response| Box::new(response) as Box<dyn RespondBoxed>) })
        });
        let template = Arc::new(Template::new(operation.path));
        let route = template.route();
        let endpoint = Endpoint { operation, template, handler };
        let Some(endpoints) = self.service.inner.shared.register(route.clone(), endpoint) else { return };
        let service = self.service.clone();
        let router = std::mem::take(&mut self.router);
        self.router = match filter(operation.method) {
            Some(filter) => {
                let dispatch = move |request: Request| {
                    let (service, endpoints) = (service.clone(), Arc::clone(&endpoints));
                    async move { service.dispatch(&endpoints, request).await }
                };
                router.route(&route, on(filter, dispatch))
            }
            None => {
                let own = route.clone();
                let dispatch = move |request: Request| {
                    let (service, endpoints, route) = (service.clone(), Arc::clone(&endpoints), own.clone());
                    async move { service.dispatch_other(&endpoints, &route, request).await }
                };
                router.route(&route, MethodRouter::new().fallback(dispatch))
            }
        };
    }

    /// The router: merge it with others, put tower layers around it, and give it to [`Service::finish`].
    pub fn into_router(self) -> Router {
        self.router
    }
}

impl Shared {
    /// The endpoints of a route that is new to axum; `None` where the operation joined those of another template.
    ///
    /// An operation that is registered again starts a route of its own: it is another router of the same service.
    fn register(&self, route: String, endpoint: Endpoint) -> Option<Endpoints> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let operation = endpoint.operation;
        let key = (route, if filter(operation.method).is_some() { operation.method } else { OTHER });
        if let Some(endpoints) = routes.get(&key) {
            let mut known = endpoints.write().unwrap_or_else(PoisonError::into_inner);
            let is_same = |other: &Operation| (other.path, other.method) == (operation.path, operation.method);
            if !known.iter().any(|other| is_same(other.operation)) {
                known.push(endpoint);
                known.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.template.weight()));
                return None;
            }
        }
        let endpoints: Endpoints = Arc::new(RwLock::new(vec![endpoint]));
        routes.insert(key, Arc::clone(&endpoints));
        Some(endpoints)
    }
}

impl Shared {
    /// Every method that a route knows, for `Allow`.
    fn methods(&self, route: &str) -> String {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut methods = BTreeSet::new();
        for (_, endpoints) in routes.iter().filter(|((other, _), _)| other == route) {
            let endpoints = endpoints.read().unwrap_or_else(PoisonError::into_inner);
            methods.extend(endpoints.iter().map(|endpoint| endpoint.operation.method));
        }
        methods.into_iter().collect::<Vec<_>>().join(",")
    }
}

impl Service {
    /// Dispatches what axum has no method for: `QUERY` and those of `additionalOperations` (OpenAPI 3.2). axum would say `Allow`
    /// without them.
    async fn dispatch_other(&self, endpoints: &Endpoints, route: &str, request: Request) -> Response {
        let knows = {
            let endpoints = endpoints.read().unwrap_or_else(PoisonError::into_inner);
            endpoints.iter().any(|endpoint| endpoint.operation.method == request.method().as_str())
        };
        let mut response = if knows {
            self.dispatch(endpoints, request).await
        } else {
            super::observe::method_not_allowed(request).await
        };
        if let Ok(methods) = HeaderValue::from_str(&self.inner.shared.methods(route)) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        response
    }

    async fn dispatch(&self, endpoints: &Endpoints, request: Request) -> Response {
        // Without `finish` there is no trace yet, as in a test of one tag's routes.
        let trace = request.extensions().get::<Trace>().cloned();
        let trace = trace.unwrap_or_else(|| Trace::new(&request, self.inner.settings.timeout));
        let found = {
            let endpoints = endpoints.read().unwrap_or_else(PoisonError::into_inner);
            let other = |method: &str| filter(method).is_none() && method != request.method().as_str();
            endpoints.iter().filter(|endpoint| !other(endpoint.operation.method)).find_map(|endpoint| {
                let values = endpoint.template.matches(request.uri().path())?;
                let values = values.into_iter().map(|(name, raw)| (name, raw.to_owned())).collect::<Vec<_>>();
                Some((endpoint.operation, Arc::clone(&endpoint.handler), values))
            })
        };
        let Some((operation, handler, path)) = found else { return super::observe::not_found(request).await };
        let _ = trace.route.set(operation.path);
        let _ = trace.operation.set(operation.id);
        let reply = Reply::new(trace.request_id.clone(), operation.id, self.inner.settings.validates_responses);
        match self.operate(operation, handler, path, request, &trace).await {
            Ok(response) => response.respond_boxed(reply),
            Err(RouteError::Rejection(rejection)) => rejection.into_problem().into_response(Some(&trace.request_id)),
            Err(RouteError::Failure(failure)) => failure.into_response(&trace.request_id),
        }
    }

    async fn operate(
        &self,
        operation: &'static Operation,
        handler: Handler,
        path: Vec<(&'static str, String)>,
        request: Request,
        trace: &Trace,
    ) -> Result<Box<dyn RespondBoxed>, RouteError> {
        let (parts, body) = request.into_parts();
        let caller = self.authenticate(operation, &parts).await?;
        if let Some(caller) = &caller {
            tracing::Span::current().record("user.id", caller.user_id().as_str());
        }
        let Some(accept) = negotiate(&parts.headers, operation.produces) else {
            let problem = Problem::new(StatusCode::NOT_ACCEPTABLE);
            let detail = format!("this operation answers with {}", operation.produces.join(" or "));
            return Err(Rejection::new(problem.detail(detail)).into());
        };
        let mut incoming = Incoming::new(parts, body);
        incoming.request_id = trace.request_id.clone();
        incoming.deadline = trace.deadline;
        incoming.operation = operation;
        incoming.path = path;
        incoming.caller = caller;
        incoming.accept = accept;
        let own = self.inner.body_limits.get(operation.id);
        incoming.body_limit = own.copied().unwrap_or(self.inner.settings.body_limit);
        incoming.form_memory = self.inner.settings.form_memory;
        incoming.refuses_unknown_query = self.inner.settings.refuses_unknown_query;
        handler(incoming).await
    }
}

/// [`Respond`] takes itself by value, which a trait object can only do in a box.
trait RespondBoxed: Send {
    fn respond_boxed(self: Box<Self>, reply: Reply) -> Response;
}

impl<R: Respond + Send> RespondBoxed for R {
    fn respond_boxed(self: Box<Self>, reply: Reply) -> Response {
        (*self).respond(reply)
    }
}

impl From<Rejection> for RouteError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejection(rejection)
    }
}

impl From<Failure> for RouteError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl<Api> std::fmt::Debug for Routes<Api> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.debug_struct("Routes").field("router", &self.router).finish_non_exhaustive()
    }
}

fn filter(method: &str) -> Option<MethodFilter> {
    Some(match method {
        "GET" => MethodFilter::GET,
        "HEAD" => MethodFilter::HEAD,
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        "OPTIONS" => MethodFilter::OPTIONS,
        "TRACE" => MethodFilter::TRACE,
        _ => return None,
    })
}
