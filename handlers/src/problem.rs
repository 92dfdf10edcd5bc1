//! The problems (RFC 9457) that handlers answer with. What the framework itself finds wrong never gets here.
//!
//! A handler says what is specific, `detail`; the status and its title come together from the constructor, so they cannot
//! disagree. Nothing private goes into a problem: causes belong to `Failure`, which the log gets.

use api_types::{FieldError, Problem};
use http::StatusCode;
use specwright_runtime::context::Context;

/// 404: there is no such thing, or it has another owner. The two are not told apart.
pub fn not_found(context: &Context, thing: &str) -> Problem {
    problem(context, StatusCode::NOT_FOUND, format!("there is no such {thing}"))
}

/// 409: the state of things forbids it.
pub fn conflict(context: &Context, detail: impl Into<String>) -> Problem {
    problem(context, StatusCode::CONFLICT, detail)
}

/// 412: what the client decided on has changed.
pub fn precondition_failed(context: &Context) -> Problem {
    problem(context, StatusCode::PRECONDITION_FAILED, "the task has been changed since; read it again")
}

/// 413: a file that is larger than the contract allows.
pub fn too_large(context: &Context, limit: usize) -> Problem {
    problem(context, StatusCode::PAYLOAD_TOO_LARGE, format!("a file has at most {limit} bytes"))
}

/// 503: something that the service needs does not answer.
pub fn unavailable(context: &Context, detail: impl Into<String>) -> Problem {
    problem(context, StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// 400 for what no schema can say, with the place: `pointer` is one into the request, such as `/query/cursor`.
pub fn bad_request(context: &Context, pointer: &str, keyword: &str, detail: &str) -> Problem {
    at(context, StatusCode::BAD_REQUEST, pointer, keyword, detail)
}

/// 422: the request names something that does not exist, at `pointer`.
pub fn unprocessable(context: &Context, pointer: &str, detail: &str) -> Problem {
    at(context, StatusCode::UNPROCESSABLE_ENTITY, pointer, "reference", detail)
}

fn at(context: &Context, status: StatusCode, pointer: &str, keyword: &str, detail: &str) -> Problem {
    let error = FieldError { pointer: pointer.to_owned(), keyword: keyword.to_owned(), detail: detail.to_owned() };
    Problem { errors: Some(vec![error]), ..problem(context, status, format!("{pointer} {detail}")) }
}

fn problem(context: &Context, status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem {
        r#type: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Problem").to_owned(),
        status: i32::from(status.as_u16()),
        detail: Some(detail.into()),
        instance: Some(context.request_id().urn()),
        errors: None,
    }
}
