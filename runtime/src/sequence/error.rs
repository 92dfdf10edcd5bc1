//! What can be wrong with an item.

use crate::schema::Violation;

/// Why there is no further item. After an error a sequence ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// An item is not what its media type says.
    #[error("item {index} is malformed: {reason}")]
    Malformed {
        /// Which one, from zero.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// An item of a request breaks its schema.
    #[error("item {index} breaks its schema: {}", listed(violations))]
    Invalid {
        /// Which one, from zero.
        index: usize,
        /// Everything that is wrong with it.
        violations: Vec<Violation>,
    },
    /// An item, or the whole sequence, is longer than is read.
    #[error("item {index} is beyond the limit of {limit} bytes")]
    TooLarge {
        /// Which one, from zero.
        index: usize,
        /// In bytes.
        limit: usize,
    },
    /// The connection broke.
    #[error("the sequence cannot be read to its end")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn listed(violations: &[Violation]) -> String {
    let all: Vec<_> =
        violations.iter().map(|violation| format!("{} {}", violation.pointer, violation.message)).collect();
    all.join("; ")
}

#[cfg(feature = "server")]
mod server {
    use http::StatusCode;

    use super::ItemError;
    use crate::{
        failure::Failure,
        problem::{Problem, ProblemError},
    };

    /// A handler that hands the error on with `?` answers 400, or 413, as if the body had been judged before it was called.
    impl From<ItemError> for Failure {
        fn from(error: ItemError) -> Self {
            let bad = |errors| Self::problem(Problem::new(StatusCode::BAD_REQUEST).errors(errors));
            match error {
                ItemError::Malformed { index, reason } => bad(vec![ProblemError {
                    pointer: format!("/body/{index}"),
                    keyword: "json",
                    detail: format!("must be an item of the sequence: {reason}"),
                }]),
                ItemError::Invalid { index, violations } => bad(violations
                    .into_iter()
                    .map(|violation| ProblemError {
                        pointer: format!("/body/{index}{}", violation.pointer),
                        keyword: violation.keyword,
                        detail: violation.message,
                    })
                    .collect()),
                ItemError::TooLarge { limit, .. } => Self::problem(
                    Problem::new(StatusCode::PAYLOAD_TOO_LARGE)
                        .title("Content Too Large")
                        .detail(format!("the body must have at most {limit} bytes")),
                ),
                ItemError::Transport(_) => {
                    Self::problem(Problem::new(StatusCode::BAD_REQUEST).detail("the body cannot be read"))
                }
            }
        }
    }
}
