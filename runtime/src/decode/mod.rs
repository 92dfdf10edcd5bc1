//! From a request to the typed input of an operation: generated code calls a [`Decoder`] once per parameter and body.
//!
//! Text becomes JSON values by the schema, values are judged by the schema, and only then become Rust types; so a handler never
//! sees a value that its contract refuses. All violations of a request are reported in one answer, each with a pointer such as
//! `/query/limit` or `/body/title`.
//!
//! ```ignore
//! let mut decoder = incoming.decoder();
//! let limit = decoder.required(&LIST_TASKS_LIMIT);
//! let body = decoder.json(&schemas::NEW_TASK).await;
//! decoder.finish()?;
//! Ok(Self { context: decoder.context(), caller: decoder.caller()?, limit: limit?, body: body? })
//! ```
//!
//! Unknown query parameters are ignored, unless the service refuses them. `readOnly` properties of a body are ignored.

mod body;
mod fields;
mod multipart;
mod parameter;
mod stream;
pub(crate) mod template;

use std::{fmt, sync::Arc, time::Instant};

use axum::{body::Body, http::request::Parts};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::multipart::{File, Files, Form, Multipart, Part, PartKind};
use crate::{
    auth::{Caller, FromCaller},
    context::{Context, RequestId},
    operation::{Location, Operation, Parameter, SchemeKind},
    problem::{Problem, ProblemError},
    schema::{Direction, Violation, validate},
    spelling::query::{self, Pair},
    value::whole_numbers,
};

/// A request on its way to a handler: routed, authenticated and negotiated, with its body still unread.
pub struct Incoming {
    pub(crate) request_id: RequestId,
    pub(crate) deadline: Instant,
    pub(crate) operation: &'static Operation,
    pub(crate) parts: Arc<Parts>,
    pub(crate) body: Option<Body>,
    /// Path parameters, as sent.
    pub(crate) path: Vec<(&'static str, String)>,
    pub(crate) query: Vec<Pair>,
    pub(crate) caller: Option<Caller>,
    /// Index into the operation's `produces`.
    pub(crate) accept: usize,
    /// In bytes.
    pub(crate) body_limit: usize,
    /// In bytes: how much of a form is held in memory.
    pub(crate) form_memory: usize,
    pub(crate) refuses_unknown_query: bool,
}

/// Reads the parts of a request and collects what is wrong with them.
#[derive(Debug)]
pub struct Decoder {
    incoming: Incoming,
    errors: Vec<ProblemError>,
    /// Something that outweighs violations, such as a body that is too large.
    refusal: Option<Problem>,
}

/// A part that could not be read; what is wrong with it is in the [`Rejection`] that [`Decoder::finish`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Invalid;

/// Why a request does not reach its handler: a problem with a 4xx status.
#[derive(Debug)]
pub struct Rejection(Box<Problem>);

impl Incoming {
    pub(crate) fn new(parts: Parts, body: Body) -> Self {
        static UNKNOWN: Operation =
            Operation { id: "", method: "", path: "", tag: "", security: &[], produces: &[], deprecated: false };
        Self {
            request_id: RequestId::of(&parts.headers),
            deadline: Instant::now(),
            operation: &UNKNOWN,
            query: parts.uri.query().map(query::pairs).unwrap_or_default(),
            parts: Arc::new(parts),
            body: Some(body),
            path: Vec::new(),
            caller: None,
            accept: 0,
            body_limit: usize::MAX,
            form_memory: usize::MAX,
            refuses_unknown_query: false,
        }
    }

    /// The operation that the request is for.
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The parameters of the path as sent, percent-encoded.
    pub fn path(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.path.iter().map(|(name, raw)| (*name, raw.as_str()))
    }

    /// Starts reading.
    pub fn decoder(self) -> Decoder {
        Decoder { incoming: self, errors: Vec::new(), refusal: None }
    }
}

impl Decoder {
    /// Reads a parameter that must be there, or has a default.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it is missing or breaks its schema.
    pub fn required<T: DeserializeOwned>(&mut self, parameter: &'static Parameter) -> Result<T, Invalid> {
        match self.optional(parameter)? {
            Some(value) => Ok(value),
            None => {
                self.complain(parameter, "required", "is required");
                Err(Invalid)
            }
        }
    }

    /// Reads a parameter that may be absent. Its default, where it has one, stands in.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where it breaks its schema.
    pub fn optional<T: DeserializeOwned>(&mut self, parameter: &'static Parameter) -> Result<Option<T>, Invalid> {
        let value = match parameter::read(&mut self.incoming, parameter) {
            Ok(value) => value,
            Err((keyword, message)) => {
                self.complain(parameter, keyword, &message);
                return Err(Invalid);
            }
        };
        let Some(value) = value else { return self.default(parameter) };
        let violations = validate(parameter.schema, &value, Direction::Request);
        if violations.is_empty() {
            return self.typed(value, &pointer(parameter)).map(Some);
        }
        if parameter.allow_empty_value && value == Value::String(String::new()) {
            return self.default(parameter);
        }
        self.collect(&pointer(parameter), violations);
        Err(Invalid)
    }

    /// Whether all is well so far: `Err` has everything that was wrong. Call it when all parts are read.
    ///
    /// # Errors
    ///
    /// 413 or 415 where a body was refused as a whole, else 400 with all violations.
    pub fn finish(&mut self) -> Result<(), Rejection> {
        if self.incoming.refuses_unknown_query {
            self.refuse_unknown_query();
        }
        if let Some(problem) = self.refusal.take() {
            return Err(Rejection(Box::new(problem)));
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(self.bad_request())
    }

    /// The request, for the handler.
    pub fn context(&self) -> Context {
        let incoming = &self.incoming;
        Context::new(incoming.request_id.clone(), Arc::clone(&incoming.parts), incoming.deadline)
    }

    /// The verified caller of a secured operation, as the type that the operation proves.
    ///
    /// # Errors
    ///
    /// 401 where there is none. The service has authenticated before, so this happens for operations only that let anonymous
    /// callers in; those use [`Decoder::optional_caller`]. 403 where the caller is of another kind, which takes an
    /// authenticator that lets in more than the contract says.
    pub fn caller<C: FromCaller>(&self) -> Result<C, Rejection> {
        self.optional_caller()?.ok_or_else(|| Rejection::new(Problem::new(StatusCode::UNAUTHORIZED)))
    }

    /// The verified caller, where there is one.
    ///
    /// # Errors
    ///
    /// 403 where there is one of another kind.
    pub fn optional_caller<C: FromCaller>(&self) -> Result<Option<C>, Rejection> {
        let Some(caller) = self.incoming.caller.clone() else { return Ok(None) };
        match C::from_caller(caller) {
            Some(caller) => Ok(Some(caller)),
            None => {
                Err(Rejection::new(Problem::new(StatusCode::FORBIDDEN).detail("the caller is not of the right kind")))
            }
        }
    }

    /// The index of the media type that was negotiated, in the operation's `produces`.
    pub fn accept(&self) -> usize {
        self.incoming.accept
    }

    fn default<T: DeserializeOwned>(&mut self, parameter: &Parameter) -> Result<Option<T>, Invalid> {
        match &parameter.default {
            Some(default) => self.typed(default.to_value(), &pointer(parameter)).map(Some),
            None => Ok(None),
        }
    }

    /// Turns a valid value into its type. A type may be narrower than its schema (an integer without a format is 64 bits wide);
    /// what does not fit is a violation too.
    fn typed<T: DeserializeOwned>(&mut self, mut value: Value, pointer: &str) -> Result<T, Invalid> {
        whole_numbers(&mut value);
        serde_json::from_value(value).map_err(|error| {
            self.errors.push(ProblemError {
                pointer: pointer.to_owned(),
                keyword: "type",
                detail: format!("cannot be represented: {error}"),
            });
            Invalid
        })
    }

    fn collect(&mut self, prefix: &str, violations: Vec<Violation>) {
        self.errors.extend(violations.into_iter().map(|violation| ProblemError {
            pointer: format!("{prefix}{}", violation.pointer),
            keyword: violation.keyword,
            detail: violation.message,
        }));
    }

    fn complain(&mut self, parameter: &Parameter, keyword: &'static str, detail: &str) {
        self.errors.push(ProblemError { pointer: pointer(parameter), keyword, detail: detail.to_owned() });
    }

    fn refuse_unknown_query(&mut self) {
        // A key that a security scheme reads is known, though no parameter asks for it.
        let schemes = self.incoming.operation.security.iter().flat_map(|requirement| requirement.iter());
        let keys: Vec<_> = schemes
            .filter_map(|(scheme, _)| match scheme.kind {
                SchemeKind::ApiKey { location: Location::Query, name } => Some(name),
                _ => None,
            })
            .collect();
        for pair in self.incoming.query.iter().filter(|pair| !pair.claimed && !keys.contains(&pair.key.as_str())) {
            self.errors.push(ProblemError {
                pointer: format!("/query/{}", escape(&pair.key)),
                keyword: "additionalProperties",
                detail: "is not a parameter of this operation".to_owned(),
            });
        }
    }

    fn bad_request(&mut self) -> Rejection {
        let errors = std::mem::take(&mut self.errors);
        let detail = match errors.as_slice() {
            [error] => format!("{} {}", error.pointer, error.detail),
            errors => format!("{} parts of the request break the contract", errors.len()),
        };
        Rejection::new(Problem::new(StatusCode::BAD_REQUEST).detail(detail).errors(errors))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "the request is refused with {}", self.0.status())
    }
}

impl std::error::Error for Rejection {}

impl Rejection {
    pub(crate) fn new(problem: Problem) -> Self {
        Self(Box::new(problem))
    }

    /// The problem that the client is told.
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    pub(crate) fn into_problem(self) -> Problem {
        *self.0
    }
}

/// The head may hold credentials, so that it is not printed.
impl fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Incoming")
            .field("request_id", &self.request_id)
            .field("operation", &self.operation.id)
            .finish_non_exhaustive()
    }
}

/// Reached only where [`Decoder::finish`] was not asked; the request is refused all the same.
impl From<Invalid> for Rejection {
    fn from(_: Invalid) -> Self {
        Self::new(Problem::new(StatusCode::BAD_REQUEST))
    }
}

/// The only query parameter of a name, decoded: for keys, which must not be read in two ways.
pub(crate) fn query_value(parts: &Parts, name: &str) -> Option<String> {
    let mut pairs = query::pairs(parts.uri.query()?).into_iter().filter(|pair| pair.key == name);
    let pair = pairs.next()?;
    pairs.next().is_none().then(|| query::decode(&pair.raw, true).ok()).flatten()
}

/// The only cookie of a name.
pub(crate) fn cookie_value(parts: &Parts, name: &str) -> Option<String> {
    let lines = parts.headers.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values =
        lines.flat_map(query::cookies).filter(|(cookie, _)| *cookie == name).map(|(_, value)| value.to_owned());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn pointer(parameter: &Parameter) -> String {
    let location = match parameter.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Cookie => "cookie",
    };
    format!("/{location}/{}", escape(parameter.name))
}

/// RFC 6901, section 3.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
