//! What an operation could not foresee: the error type of every handler.
//!
//! Foreseen outcomes are variants of the operation's response. A [`Failure`] is the rest: a database that is gone, a bug. What
//! the client is told and what the log is told are apart: the client gets a status, the log gets the cause with its sources.
//!
//! ```
//! use specwright_runtime::failure::Failure;
//!
//! fn read() -> Result<String, Failure> {
//!     std::fs::read_to_string("/nowhere").map_err(Failure::internal)
//! }
//! assert_eq!(read().unwrap_err().status(), 500);
//! ```

use std::{error::Error, fmt, time::Duration};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_body_util::LengthLimitError;

use crate::{context::RequestId, decode::Rejection, problem::Problem};

/// An error of any kind, for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why there is no response of the contract: 500, 503 or 504, or a response that an axum extractor made.
pub struct Failure {
    kind: Kind,
}

enum Kind {
    Problem {
        status: StatusCode,
        cause: Cause,
        retry_after: Option<Duration>,
    },
    /// The request is at fault, which only reading on has shown.
    Refusal(Box<Problem>),
    Response(Box<Response>),
}

impl Failure {
    /// A bug, or anything else that trying again does not mend: 500.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, cause.into(), None)
    }

    /// Something that the service depends on is away for now: 503 with `Retry-After`, one second where nothing else is said.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, cause.into(), Some(Duration::from_secs(1)))
    }

    /// Something that the service depends on takes too long: 504.
    pub fn timeout(cause: impl Into<Cause>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, cause.into(), None)
    }

    /// The rejection of an axum extractor, as it is.
    pub fn response(rejection: impl IntoResponse) -> Self {
        Self { kind: Kind::Response(Box::new(rejection.into_response())) }
    }

    /// A request that turns out to break the contract while the handler reads its body: the problem, as it is.
    pub fn problem(problem: Problem) -> Self {
        Self { kind: Kind::Refusal(Box::new(problem)) }
    }

    /// When it makes sense to try again.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        if let Kind::Problem { retry_after, .. } = &mut self.kind {
            *retry_after = Some(pause);
        }
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match &self.kind {
            Kind::Problem { status, .. } => *status,
            Kind::Refusal(problem) => problem.status(),
            Kind::Response(response) => response.status(),
        }
    }

    /// The response. The cause goes to the log, with its sources, at the level `error`.
    pub(crate) fn into_response(self, request_id: &RequestId) -> Response {
        match self.kind {
            Kind::Problem { status, cause, retry_after } => {
                tracing::error!(
                    http.status = status.as_u16(),
                    error = %Chain(cause.as_ref()),
                    "operation failed"
                );
                let problem = Problem::new(status);
                let problem = match retry_after {
                    Some(pause) => problem.retry_after(pause),
                    None => problem,
                };
                problem.into_response(Some(request_id))
            }
            Kind::Refusal(problem) => problem.into_response(Some(request_id)),
            Kind::Response(response) => *response,
        }
    }

    fn new(status: StatusCode, cause: Cause, retry_after: Option<Duration>) -> Self {
        Self { kind: Kind::Problem { status, cause, retry_after } }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match &self.kind {
            Kind::Problem { status, cause, .. } => {
                formatter.debug_struct("Failure").field("status", status).field("cause", cause).finish()
            }
            Kind::Refusal(problem) => formatter.debug_tuple("Failure").field(problem).finish(),
            Kind::Response(response) => formatter.debug_tuple("Failure").field(&response.status()).finish(),
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::problem(rejection.into_problem())
    }
}

/// A request body that cannot be read to its end: 413 where it passes the limit, else 400.
impl From<axum::Error> for Failure {
    fn from(error: axum::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE).title("Content Too Large");
                return Self::problem(problem.detail("the body has more bytes than this operation reads"));
            }
            cause = error.source();
        }
        Self::problem(Problem::new(StatusCode::BAD_REQUEST).detail("the body cannot be read"))
    }
}

/// An error and its sources on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(formatter, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
