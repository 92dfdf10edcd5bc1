//! The request of an operation: the fields of its struct, and the steps that fill them.

use super::Imports;
use super::body::BodyView;
use crate::emit::rust_type::rust_type;
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{Location, Operation, Parameter, Style};

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
    pub(super) docs: String,
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
    if operation.requires_caller() {
        imports.add("specwright_runtime::auth", ["Caller"]);
        fields.push(own("Who is calling, verified.", "caller", "Caller".into()));
    } else if operation.optional_caller() {
        imports.add("specwright_runtime::auth", ["Caller"]);
        fields.push(own("Who is calling, verified; `None` for anonymous callers.", "caller", "Option<Caller>".into()));
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
        steps.push(own("caller", "decoder.optional_caller()"));
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

/// The parameters as constant data.
pub(super) fn parameters(
    operation: &Operation,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> Vec<ParameterView> {
    if !operation.parameters.is_empty() {
        imports.add("specwright_runtime::operation", ["Location", "Parameter", "Style"]);
    }
    let views = operation.parameters.iter().map(|parameter| {
        let default = match &parameter.default {
            Some(value) if !parameter.required => format!("Some({})", printer.literal(value)),
            _ => "None".into(),
        };
        let content = match &parameter.content {
            Some(media_type) => format!("Some({})", text::string_literal(media_type)),
            None => "None".into(),
        };
        ParameterView {
            docs: text::doc_comment(
                "//",
                &format!("{} of {}.", text::capitalised(&described(parameter)), text::code(&operation.name.wire)),
                None,
            ),
            constant: parameter.constant.clone(),
            value: format!(
                "Parameter {{ name: {}, location: Location::{}, style: Style::{}, explode: {}, required: {}, \
                 allow_empty_value: {}, content: {content}, schema: {}, default: {default} }}",
                text::string_literal(&parameter.name.wire),
                location(parameter.location),
                style(parameter.style),
                parameter.explode,
                parameter.required,
                parameter.allow_empty_value,
                printer.reference(&parameter.schema),
            ),
        }
    });
    views.collect()
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

fn location(location: Location) -> &'static str {
    match location {
        Location::Path => "Path",
        Location::Query => "Query",
        Location::Header => "Header",
        Location::Cookie => "Cookie",
    }
}

fn style(style: Style) -> &'static str {
    match style {
        Style::Simple => "Simple",
        Style::Label => "Label",
        Style::Matrix => "Matrix",
        Style::Form => "Form",
        Style::SpaceDelimited => "SpaceDelimited",
        Style::PipeDelimited => "PipeDelimited",
        Style::DeepObject => "DeepObject",
    }
}
