//! The request of an operation: the fields of its struct, and the steps that fill them.

use std::collections::BTreeSet;

use super::Imports;
use super::body::BodyView;
use crate::emit::rust_type::rust_type;
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{CallerKind, Location, Operation, Parameter, Style};

/// A field of the request struct.
pub(super) struct FieldView {
    pub(super) docs: String,
    pub(super) deprecated: bool,
    pub(super) name: String,
    pub(super) ty: String,
}

/// A step of decoding.
pub(super) struct StepView {
    /// An item that the statement needs.
    pub(super) constant: String,
    /// A statement before all violations are reported; empty where there is none.
    pub(super) statement: String,
    /// The field and its value.
    pub(super) field: String,
}

/// A parameter as constant data.
pub(super) struct ParameterView {
    pub(super) constant: String,
    pub(super) value: String,
}

/// The fields, in the order in which the contract and the request have them.
pub(super) fn fields(
    operation: &Operation,
    body: Option<&BodyView>,
    accept: bool,
    imports: &mut Imports,
) -> Vec<FieldView> {
    let own = |docs: &str, name: &str, ty: String| FieldView {
        docs: text::doc_comment("///", docs, None),
        deprecated: false,
        name: name.into(),
        ty,
    };
    let mut fields = vec![own("The request around the values of the contract.", "context", "Context".into())];
    if let Some(kind) = operation.caller_kind() {
        let (ty, who) = match kind {
            CallerKind::User => ("Caller", "Who is calling, verified"),
            CallerKind::OrganizationMember => {
                ("OrganizationCaller", "Who is calling, verified, and in which organization")
            }
            CallerKind::Machine => ("Machine", "The machine that is calling, verified"),
            CallerKind::Any => ("AnyCaller", "Who is calling, a user or a machine, verified"),
        };
        imports.add("specwright_runtime::auth", [ty]);
        fields.push(if operation.optional_caller() {
            own(&format!("{who}; `None` for anonymous callers."), "caller", format!("Option<{ty}>"))
        } else {
            own(&format!("{who}."), "caller", ty.into())
        });
    }
    if accept {
        let ty = format!("{}Accept", operation.type_prefix);
        fields.push(own("The media type of the response that the client likes best.", "accept", ty));
    }
    fields.extend(operation.parameters.iter().map(|parameter| FieldView {
        docs: text::docs(&parameter.docs, &format!("The {}.", described(parameter))),
        deprecated: parameter.docs.deprecated,
        name: parameter.name.rust.clone(),
        ty: if is_always_there(parameter) {
            rust_type(&parameter.ty, "api_types::")
        } else {
            format!("Option<{}>", rust_type(&parameter.ty, "api_types::"))
        },
    }));
    if let Some(body) = body {
        fields.push(FieldView {
            docs: body.docs.clone(),
            deprecated: false,
            name: "body".into(),
            ty: body.field_type(),
        });
    }
    fields
}

/// The steps: everything is read before anything is reported, so that one answer names all violations.
pub(super) fn steps(operation: &Operation, body: Option<&BodyView>, accept: Option<String>) -> Vec<StepView> {
    let own = |field: &str, value: &str| StepView {
        constant: String::new(),
        statement: String::new(),
        field: format!("{field}: {value}"),
    };
    let mut steps = vec![own("context", "decoder.context()")];
    if operation.requires_caller() {
        steps.push(own("caller", "decoder.caller()?"));
    } else if operation.optional_caller() {
        steps.push(own("caller", "decoder.optional_caller()?"));
    }
    if let Some(choice) = accept {
        steps.push(own("accept", &choice));
    }
    steps.extend(operation.parameters.iter().map(|parameter| {
        let field = &parameter.name.rust;
        let local = match field.as_str() {
            taken @ ("decoder" | "incoming") => format!("{taken}_parameter"),
            free => free.to_owned(),
        };
        let read = if is_always_there(parameter) { "required" } else { "optional" };
        StepView {
            constant: String::new(),
            statement: format!("let {local} = decoder.{read}(&{});", parameter.constant),
            field: format!("{field}: {local}?"),
        }
    }));
    if let Some(body) = body {
        steps.push(StepView {
            constant: body.constant.clone(),
            statement: body.statement.clone(),
            field: format!("body: {}", body.value),
        });
    }
    steps
}

/// The parameters and the headers of the responses as constant data; `printed` has the headers that the file has already.
pub(super) fn parameters(
    operation: &Operation,
    printed: &mut BTreeSet<String>,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> Vec<ParameterView> {
    let views = operation.parameters.iter().map(|parameter| {
        imports.add("specwright_runtime::operation", ["Parameter"]);
        ParameterView { constant: parameter.constant.clone(), value: parameter_value(parameter, printer, imports) }
    });
    let mut all: Vec<ParameterView> = views.collect();
    for header in operation.responses.iter().flat_map(|response| &response.headers) {
        imports.add("specwright_runtime::operation", ["Parameter"]);
        if printed.insert(header.constant.clone()) {
            all.push(ParameterView {
                constant: header.constant.clone(),
                value: crate::emit::response::header(header, printer),
            });
        }
    }
    all
}

/// `Parameter::query("limit", &Schema::INTEGER)`, and what the contract says beyond what its place means.
pub(in crate::emit) fn parameter_value(
    parameter: &Parameter,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> String {
    let (start, usual_style, usual_explode) = match parameter.location {
        Location::Path => ("path", Style::Simple, false),
        Location::Query => ("query", Style::Form, true),
        Location::Header => ("header", Style::Simple, false),
        Location::Cookie => ("cookie", Style::Form, true),
    };
    let name = text::string_literal(&parameter.name.wire);
    let mut value = format!("Parameter::{start}({name}, {})", printer.reference(&parameter.schema));
    if parameter.required && parameter.location != Location::Path {
        value.push_str(".required()");
    }
    if parameter.style != usual_style {
        imports.add("specwright_runtime::operation", ["Style"]);
        value.push_str(&format!(".style(Style::{:?})", parameter.style));
    }
    if parameter.explode != usual_explode {
        value.push_str(&format!(".explode({})", parameter.explode));
    }
    if parameter.allow_empty_value {
        value.push_str(".allow_empty_value()");
    }
    if let Some(media_type) = &parameter.content {
        value.push_str(&format!(".content({})", text::string_literal(media_type)));
    }
    if let Some(default) = parameter.default.as_ref().filter(|_| !parameter.required) {
        value.push_str(&format!(".default({})", printer.literal(default)));
    }
    if !parameter.except.is_empty() {
        let names: Vec<String> = parameter.except.iter().map(|name| text::string_literal(name)).collect();
        value.push_str(&format!(".except(&[{}])", names.join(", ")));
    }
    value
}

/// Whether the field is no `Option`.
fn is_always_there(parameter: &Parameter) -> bool {
    parameter.required || parameter.default.is_some()
}

fn described(parameter: &Parameter) -> String {
    let name = text::code(&parameter.name.wire);
    match parameter.location {
        Location::Path => format!("path parameter {name}"),
        Location::Query => format!("query parameter {name}"),
        Location::Header => format!("header {name}"),
        Location::Cookie => format!("cookie {name}"),
    }
}
