//! One operation: its request struct, its response enum and its constant data.

use std::collections::BTreeSet;

use askama::Template;

use super::Imports;
use super::body::BodyView;
use super::request::{FieldView, ParameterView, StepView};
use super::response::{EnumView, ResponseView};
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{Api, Operation, Tag};

/// An operation, ready to print.
#[derive(Template)]
#[template(path = "server/operation.rs.askama", escape = "none")]
pub(super) struct OperationView {
    /// `GET /tasks` as a code span.
    pub(super) route: String,
    /// Documentation of the trait's method.
    pub(super) method_docs: String,
    pub(super) deprecated: bool,
    pub(super) method: String,
    pub(super) prefix: String,
    pub(super) constant: String,
    /// What this text needs imported.
    pub(super) imports: Imports,
    /// `pub(super) ` where the tag's file is another one.
    visibility: &'static str,
    fields: Vec<FieldView>,
    steps: Vec<StepView>,
    accept: Option<AcceptView>,
    body: Option<BodyView>,
    responses: Vec<ResponseView>,
    bodies: Vec<EnumView>,
    parameters: Vec<ParameterView>,
    data: DataView,
}

/// The operation as constant data.
struct DataView {
    id: String,
    method: String,
    path: String,
    tag: String,
    security: String,
    produces: String,
    deprecated: bool,
}

/// The choice of a media type of the response.
struct AcceptView {
    name: String,
    variants: Vec<AcceptVariantView>,
}

/// A media type that the client may prefer.
struct AcceptVariantView {
    docs: String,
    name: String,
    /// Index among the media types of the operation; `_` for the last.
    selector: String,
}

impl OperationView {
    pub(super) fn new(
        api: &Api,
        tag: &Tag,
        operation: &Operation,
        split: bool,
        printed: &mut BTreeSet<String>,
    ) -> Self {
        let mut imports = Imports::default();
        imports.add("specwright_runtime::axum::response", ["Response"]);
        imports.add("specwright_runtime::context", ["Context"]);
        imports.add("specwright_runtime::decode", ["Incoming", "Rejection"]);
        imports.add("specwright_runtime::operation", ["Operation"]);
        imports.add("specwright_runtime::reply", ["Reply", "Respond"]);
        let mut printer = Printer::new("api_types::schemas::", "api_types::schemas::patterns::".into());

        let accept = accept(operation);
        let body = operation.body.as_ref().map(|body| BodyView::new(operation, body, &mut printer, &mut imports));
        let fields = super::request::fields(operation, body.as_ref(), accept.is_some(), &mut imports);
        let steps = super::request::steps(operation, body.as_ref(), accept.as_ref().map(choice));
        let (responses, bodies) = super::response::views(operation, &mut printer, &mut imports);
        let parameters = super::request::parameters(operation, printed, &mut printer, &mut imports);
        for name in &printer.names {
            imports.0.insert(("specwright_runtime::schema", name));
        }

        let route = text::code(&format!("{} {}", operation.method, operation.path));
        Self {
            method_docs: text::docs_then(&operation.docs, &format!("{route}.")),
            deprecated: operation.docs.deprecated,
            method: operation.name.rust.clone(),
            prefix: operation.type_prefix.clone(),
            constant: operation.constant.clone(),
            imports,
            visibility: if split { "pub(super) " } else { "" },
            fields,
            steps,
            accept,
            body,
            responses,
            bodies,
            parameters,
            data: data(api, tag, operation),
            route,
        }
    }
}

/// The enum of response media types, where there are several.
fn accept(operation: &Operation) -> Option<AcceptView> {
    let produces = operation.produces();
    if produces.len() < 2 {
        return None;
    }
    let media =
        || operation.responses.iter().filter(|response| response.status.is_success()).flat_map(|one| &one.media);
    let mut variants: Vec<AcceptVariantView> = Vec::new();
    for (index, media_type) in produces.iter().enumerate() {
        let variant = media().find(|media| media.media_type == *media_type).map(|media| media.variant.clone());
        let mut name = variant.unwrap_or_default();
        // Two responses may call different media types by one name.
        if variants.iter().any(|variant| variant.name == name) {
            name = format!("{name}{}", index + 1);
        }
        let last = index + 1 == produces.len();
        variants.push(AcceptVariantView {
            docs: text::doc_comment("///", &format!("{}.", text::code(media_type)), None),
            name,
            selector: if last { "_".into() } else { index.to_string() },
        });
    }
    Some(AcceptView { name: format!("{}Accept", operation.type_prefix), variants })
}

/// The expression that turns the negotiated index into the enum.
fn choice(accept: &AcceptView) -> String {
    let arms =
        accept.variants.iter().map(|variant| format!("{} => {}::{}", variant.selector, accept.name, variant.name));
    format!("match decoder.accept() {{ {} }}", arms.collect::<Vec<_>>().join(", "))
}

fn data(api: &Api, tag: &Tag, operation: &Operation) -> DataView {
    let strings = |values: &mut dyn Iterator<Item = &str>| {
        format!("&[{}]", values.map(text::string_literal).collect::<Vec<_>>().join(", "))
    };
    let requirement = |requirement: &crate::ir::SecurityRequirement| {
        let scheme = api.security_schemes.iter().find(|scheme| scheme.name.wire == requirement.scheme);
        let scheme = scheme.map_or_else(String::new, |scheme| format!("&crate::schemes::{}", scheme.name.rust));
        format!("({scheme}, {})", strings(&mut requirement.scopes.iter().map(String::as_str)))
    };
    let security = operation
        .security
        .iter()
        .map(|all| format!("&[{}]", all.iter().map(requirement).collect::<Vec<_>>().join(", ")));
    DataView {
        id: text::string_literal(&operation.name.wire),
        method: text::string_literal(&operation.method),
        path: text::string_literal(&operation.path),
        tag: text::string_literal(&tag.name.wire),
        security: format!("&[{}]", security.collect::<Vec<_>>().join(", ")),
        produces: strings(&mut operation.produces().into_iter()),
        deprecated: operation.docs.deprecated,
    }
}
