//! What a handler's `?` makes of a database error. What the contract documents (a duplicate title is 409) is mapped by the
//! handler before that, by [`Error::constraint`].

use super::Error;
use crate::failure::Failure;

/// Unavailable is 503 with `Retry-After`, too slow is 504, everything else is 500; the log gets the cause.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            error if error.is_unavailable() => Self::unavailable(error),
            // Nothing was stored, and the same request will most likely pass.
            error @ Error::Conflict { .. } => Self::unavailable(error),
            error @ Error::Timeout { .. } => Self::timeout(error),
            error => Self::internal(error),
        }
    }
}

/// As [`Error`] sorts it: for handlers that call sqlx themselves.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::from(Error::from(error))
    }
}
