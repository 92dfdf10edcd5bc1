//! What the server and the client say alike about a response: its documentation, and its headers as constant data, by which
//! the one writes and the other reads.

use super::schema::Printer;
use super::text;
use crate::ir::{Response, ResponseHeader, Status};

/// `Parameter::header("ETag", &Schema::STRING)`, and what the contract says beyond it.
pub(crate) fn header(header: &ResponseHeader, printer: &mut Printer<'_>) -> String {
    let mut value = format!(
        "Parameter::header({}, {})",
        text::string_literal(&header.name.wire),
        printer.reference(&header.schema)
    );
    if header.explode {
        value.push_str(".explode(true)");
    }
    if header.required {
        value.push_str(".required()");
    }
    if let Some(media_type) = &header.content {
        value.push_str(&format!(".content({})", text::string_literal(media_type)));
    }
    value
}

/// `200: A page of tasks.`
pub(crate) fn documentation(response: &Response) -> String {
    let said = response.docs.summary.iter().chain(&response.docs.description).map(|text| text.trim());
    let said = said.filter(|text| !text.is_empty()).map(text::markdown).collect::<Vec<_>>().join(
        "

",
    );
    let status = text::capitalised(&status(response.status));
    let separator = if said.is_empty() {
        "."
    } else if said.starts_with(['`', '~', '#', '|', '-', '*', '>']) {
        ":

"
    } else {
        ": "
    };
    text::comment("///", &format!("{status}{separator}{said}"))
}

/// `200`, `4XX`, or what `default` means.
pub(crate) fn status(status: Status) -> String {
    match status {
        Status::Exact(code) => code.to_string(),
        Status::Range(class) => format!("{class}XX"),
        Status::Default => "any other status".into(),
    }
}
