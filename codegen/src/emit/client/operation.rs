//! A client method: progenitor's text where there is one, else ours.

use askama::Template;

use super::model::{Case, Held, Item, Outcome, Variant};
use super::progenitor::Written;
use crate::emit::rust_type::{item_type, rust_type};
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{Location, Media, MediaKind, MemberStyle, Operation, Parameter, Part, PartKind, Status, Style, Type};
use crate::lower::{Treatment, treatment};

/// A method and the types that only it needs.
#[derive(Debug)]
pub(crate) struct Method<'a> {
    operation: &'a Operation,
    success: Outcome,
    error: Outcome,
    body: Option<Item>,
    /// Without attributes and documentation.
    text: String,
}

impl<'a> Method<'a> {
    /// `written` is what progenitor wrote for the operation; `secured` says whether the contract has security schemes.
    pub(crate) fn new(operation: &'a Operation, written: Option<Written>, secured: bool) -> Self {
        Self::made(operation, written, if secured { Target::SecuredClient } else { Target::Client })
    }

    /// A webhook or callback.
    pub(crate) fn sent(operation: &'a Operation) -> Self {
        Self::made(operation, None, Target::Sender)
    }

    fn made(operation: &'a Operation, written: Option<Written>, target: Target) -> Self {
        let (success, error) = (Outcome::success(operation), Outcome::error(operation));
        let body = body_enum(operation);
        let mut template = OwnMethod { operation, written, target, success: &success, error: &error };
        // progenitor names and orders arguments by rules of its own; where they differ, the method is ours.
        if !template.written.as_ref().is_none_or(|written| template.names(&written.arguments)) {
            template.written = None;
        }
        let text = template.render().expect("the template only prints");
        Self { operation, success, error, body, text }
    }

    /// The method, without attributes and documentation.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// `GET /tasks` as a code span.
    pub(crate) fn route(&self) -> String {
        text::code(&format!("{} {}", self.operation.method, self.operation.path))
    }

    /// Doc lines and attributes.
    pub(crate) fn head(&self) -> String {
        let operation = self.operation;
        let mut head = text::docs_then(&operation.docs, &self.route());
        if operation.docs.deprecated {
            head.push_str("#[deprecated]\n");
        }
        head
    }

    /// The runtime expression of a callback, as the text of a code span and as a literal.
    pub(crate) fn expression(&self) -> Option<(String, String)> {
        let expression = &self.operation.path;
        (!expression.is_empty()).then(|| (text::code(expression), text::string_literal(expression)))
    }

    /// The function that evaluates it.
    pub(crate) fn url_name(&self) -> String {
        format!("{}_url", self.operation.name.rust.trim_start_matches("r#"))
    }

    pub(crate) fn wire(&self) -> String {
        text::code(&self.operation.name.wire)
    }

    /// Types that only this method needs.
    pub(crate) fn items(&self) -> Vec<&Item> {
        [&self.success.item, &self.error.item, &self.body].into_iter().flatten().collect()
    }

    /// The documented headers of its responses: name and value of the static of each.
    pub(crate) fn headers(&self, printer: &mut Printer<'_>) -> Vec<(String, String)> {
        let headers = self.operation.responses.iter().flat_map(|response| &response.headers);
        headers.map(|header| (header.constant.clone(), crate::emit::response::header(header, printer))).collect()
    }

    /// Name of the enum of media types to ask for, where there are several.
    pub(crate) fn accept(&self) -> Option<Accept> {
        accept(self.operation)
    }

    /// The multipart form of the operation.
    pub(crate) fn form(&self) -> Option<FormStruct<'a>> {
        let media = &self.operation.body.as_ref()?.media;
        media.iter().find_map(|one| match &one.kind {
            MediaKind::Multipart { parts, additional, .. } => Some(FormStruct {
                name: format!("{}Form", self.operation.type_prefix),
                operation: &self.operation.name.wire,
                parts,
                additional: additional.as_ref(),
            }),
            _ => None,
        })
    }
}

/// The enum of media types that a caller may ask for.
#[derive(Debug)]
pub(crate) struct Accept {
    /// Its name.
    pub(crate) name: String,
    /// Operation, for its documentation.
    pub(crate) operation: String,
    /// Variant and media type.
    pub(crate) variants: Vec<(String, String)>,
}

/// A multipart form.
#[derive(Debug)]
pub(crate) struct FormStruct<'a> {
    /// Its name.
    pub(crate) name: String,
    /// Operation, for its documentation.
    pub(crate) operation: &'a str,
    parts: &'a [Part],
    additional: Option<&'a Type>,
}

impl FormStruct<'_> {
    /// Field, type and documentation.
    pub(crate) fn fields(&self) -> Vec<(String, String, String)> {
        let mut fields: Vec<(String, String, String)> = self
            .parts
            .iter()
            .map(|part| {
                let ty = match &part.kind {
                    PartKind::File => "Upload".to_owned(),
                    PartKind::Text { ty, .. } | PartKind::Json { ty, .. } | PartKind::Styled { ty, .. } => {
                        rust_type(ty, "api_types::")
                    }
                };
                let ty = if part.many { format!("Vec<{ty}>") } else { ty };
                let ty = match (part.many && matches!(part.kind, PartKind::File), part.required) {
                    (true, _) | (false, true) => ty,
                    (false, false) => format!("Option<{ty}>"),
                };
                (
                    part.name.rust.clone(),
                    ty,
                    text::docs_then(&part.docs, &format!("Part {}.", text::code(&part.name.wire))),
                )
            })
            .collect();
        if let Some(ty) = self.additional {
            let ty = format!("std::collections::BTreeMap<String, {}>", rust_type(ty, "api_types::"));
            let docs = text::doc_comment("///", "Parts that the contract does not name.", None);
            fields.push((self.additional_field(), ty, docs));
        }
        fields
    }

    /// The field of the parts that the contract does not name.
    fn additional_field(&self) -> String {
        let mut name = "additional_properties".to_owned();
        while self.parts.iter().any(|part| part.name.rust == name) {
            name.push('_');
        }
        name
    }

    /// The statement that adds each part to `form`. Files come last: a server reads them while they arrive, and wants to
    /// know the fields by then.
    pub(crate) fn statements(&self) -> Vec<String> {
        let (files, fields): (Vec<&Part>, Vec<&Part>) =
            self.parts.iter().partition(|part| matches!(part.kind, PartKind::File));
        let mut statements: Vec<String> = fields.into_iter().map(field_statement).collect();
        if self.additional.is_some() {
            statements.push(format!("let form = form.additional(&self.{})?;", self.additional_field()));
        }
        statements.extend(files.into_iter().map(file_statement));
        statements
    }
}

fn field_statement(part: &Part) -> String {
    let (field, name) = (&part.name.rust, text::string_literal(&part.name.wire));
    match &part.kind {
        PartKind::Json { .. } => {
            let media_type = part.content_types.first().map_or("application/json", String::as_str);
            let method = if part.many { "json_items" } else { "json" };
            format!("let form = form.{method}({name}, {}, &self.{field})?;", text::string_literal(media_type))
        }
        PartKind::Styled { style, explode, .. } => {
            format!("let form = form.styled({name}, {}, &self.{field})?;", encoding_of(*style, *explode, false))
        }
        PartKind::Text { .. } | PartKind::File => format!("let form = form.text({name}, &self.{field})?;"),
    }
}

fn file_statement(part: &Part) -> String {
    let (field, name) = (&part.name.rust, text::string_literal(&part.name.wire));
    // What the contract wants, where the caller does not say.
    let usual = part.content_types.first().filter(|media_type| !media_type.contains('*'));
    let usual = usual.map_or("None".to_owned(), |media_type| format!("Some({})", text::string_literal(media_type)));
    let files = if part.many || !part.required { format!("self.{field}") } else { format!("[self.{field}]") };
    format!("let form = form.files({name}, {usual}, {files})?;")
}

/// Whose method it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The client of a contract without security schemes.
    Client,
    /// The client of a contract with some.
    SecuredClient,
    /// The sender of webhooks or callbacks.
    Sender,
}

/// A method in our template, in the style of progenitor's.
#[derive(Template)]
#[template(path = "client/method.rs.askama", escape = "none")]
struct OwnMethod<'a> {
    operation: &'a Operation,
    /// The half that makes the request, where progenitor wrote it.
    written: Option<Written>,
    target: Target,
    success: &'a Outcome,
    error: &'a Outcome,
}

impl OwnMethod<'_> {
    fn name(&self) -> &str {
        &self.operation.name.rust
    }

    /// What the method waits for.
    fn held(&self) -> Held {
        let mut cases = self.success.cases.iter().chain(&self.error.cases);
        if cases.any(Case::is_streamed) { Held::Beginning } else { Held::Whole }
    }

    /// The call that sends the `request` that progenitor's half has made, or what ours has put together.
    fn sends(&self) -> String {
        // A secured client looks up by the name what the operation has to be proved with.
        let id = text::string_literal(self.operation.name.rust.trim_start_matches("r#"));
        match (self.target, &self.written, self.held()) {
            (Target::Sender, _, Held::Whole) => "self.sender.send(call, url)".to_owned(),
            (Target::Sender, _, Held::Beginning) => "self.sender.open(call, url)".to_owned(),
            (Target::SecuredClient, Some(_), Held::Whole) => format!("self.send(request, {id})"),
            (Target::SecuredClient, Some(_), Held::Beginning) => format!("self.open(request, {id})"),
            (Target::SecuredClient, None, Held::Whole) => format!("self.call(call, {id})"),
            (Target::SecuredClient, None, Held::Beginning) => {
                format!("self.open(call.build(&self.client, &self.baseurl)?, {id})")
            }
            (Target::Client, Some(_), Held::Whole) => "execute(&self.client, request)".to_owned(),
            (Target::Client, Some(_), Held::Beginning) => "self.client.execute(request)".to_owned(),
            (Target::Client, None, Held::Whole) => "call.send(&self.client, &self.baseurl)".to_owned(),
            (Target::Client, None, Held::Beginning) => "call.open(&self.client, &self.baseurl)".to_owned(),
        }
    }

    /// `reqwest::Method` of the operation.
    fn method(&self) -> String {
        match self.operation.method.as_str() {
            "GET" | "PUT" | "POST" | "DELETE" | "OPTIONS" | "HEAD" | "PATCH" | "TRACE" => {
                format!("reqwest::Method::{}", self.operation.method)
            }
            other => format!(
                "reqwest::Method::from_bytes({}.as_bytes()).expect(\"a method of the contract\")",
                text::string_literal(other)
            ),
        }
    }

    fn path(&self) -> String {
        text::string_literal(if self.target == Target::Sender { "" } else { &self.operation.path })
    }

    fn is_sent(&self) -> bool {
        self.target == Target::Sender
    }

    /// Parameters in progenitor's order.
    fn parameters(&self) -> Vec<&Parameter> {
        ordered(self.operation)
    }

    /// Whether these are the names of the arguments.
    fn names(&self, names: &[String]) -> bool {
        let ours = self.arguments();
        ours.len() == names.len()
            && ours.iter().zip(names).all(|(ours, name)| ours.split_once(':').is_some_and(|(ours, _)| ours == name))
    }

    /// `name: type` of each argument, after `&self`.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = self
            .parameters()
            .iter()
            .map(|parameter| format!("{}: {}", parameter.name.rust, argument(parameter)))
            .collect();
        if let Some(accept) = accept(self.operation) {
            arguments.push(format!("accept: {}", accept.name));
        }
        if let Some(body) = &self.operation.body {
            let (name, ty) = match body.media.as_slice() {
                [only] => match &only.kind {
                    MediaKind::Json { ty, .. } | MediaKind::Form { ty, .. } => {
                        ("body", format!("&{}", rust_type(ty, "api_types::")))
                    }
                    MediaKind::Text { .. } => ("body", "&str".to_owned()),
                    MediaKind::Sequence { ty, in_event, .. } => ("body", source(ty, *in_event)),
                    MediaKind::Binary if body.required => ("body", "impl Into<reqwest::Body>".to_owned()),
                    MediaKind::Binary => ("body", "reqwest::Body".to_owned()),
                    MediaKind::Multipart { .. } => ("form", format!("{}Form", self.operation.type_prefix)),
                },
                _ => ("body", format!("{}Body", self.operation.type_prefix)),
            };
            arguments.push(if body.required { format!("{name}: {ty}") } else { format!("{name}: Option<{ty}>") });
        }
        arguments
    }

    /// The statement that puts a parameter into `call`.
    fn statement(&self, parameter: &Parameter) -> String {
        let (field, name) = (&parameter.name.rust, text::string_literal(&parameter.name.wire));
        let place = match parameter.location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
            Location::Cookie => "cookie",
        };
        let encoding = encoding(parameter);
        if parameter.content.as_deref().is_some_and(|content| treatment(content) == Treatment::Json) {
            return format!(
                "let {field} = call.json_text({name}, &{field});\ncall.{place}({name}, {encoding}, &{field});"
            );
        }
        if !parameter.except.is_empty() {
            let names: Vec<String> = parameter.except.iter().map(|name| text::string_literal(name)).collect();
            let names = names.join(", ");
            return format!("call.query_except({name}, {encoding}, &{field}, &[{names}]);");
        }
        format!("call.{place}({name}, {encoding}, &{field});")
    }

    /// What is sent as `Accept`, where the caller does not choose.
    fn accepted(&self) -> Option<String> {
        let produces = self.operation.produces();
        (!produces.is_empty()).then(|| text::string_literal(&produces.join(", ")))
    }

    /// Whether anything is put into the call after its start.
    fn changes(&self) -> bool {
        !self.operation.parameters.is_empty()
            || self.chooses()
            || self.accepted().is_some()
            || self.operation.body.is_some()
    }

    fn chooses(&self) -> bool {
        accept(self.operation).is_some()
    }

    /// The statements that put the body into `call`.
    fn body(&self) -> Option<String> {
        let body = self.operation.body.as_ref()?;
        let (name, statement) = match body.media.as_slice() {
            [only] => {
                let name = if matches!(only.kind, MediaKind::Multipart { .. }) { "form" } else { "body" };
                (name, format!("{}{}", self.check(only, name), send(only, name)))
            }
            several => {
                let arms: Vec<String> = several
                    .iter()
                    .map(|media| {
                        format!(
                            "{}Body::{}(body) => {{\n{}{}\n}}",
                            self.operation.type_prefix,
                            media.variant,
                            self.check(media, "&body"),
                            send_owned(media)
                        )
                    })
                    .collect();
                ("body", format!("match body {{\n{}\n}}", arms.join("\n")))
            }
        };
        Some(if body.required { statement } else { format!("if let Some({name}) = {name} {{\n{statement}\n}}") })
    }

    /// The statement that judges a body that nobody else will judge by this contract.
    fn check(&self, media: &Media, value: &str) -> String {
        match &media.kind {
            MediaKind::Json { schema, .. } | MediaKind::Form { schema, .. } if self.target == Target::Sender => {
                format!("call.check({}, {value});\n", super::printer().reference(schema))
            }
            _ => String::new(),
        }
    }

    /// The arms of the match over the status, exact statuses before the ranges that hold them, and `default` last.
    fn arms(&self) -> Vec<String> {
        let held = self.held();
        let mut arms: Vec<Arm> = Vec::new();
        for (outcome, success) in [(self.success, true), (self.error, false)] {
            arms.extend(outcome.cases.iter().map(|case| Arm {
                order: match case.status {
                    Status::Exact(code) => (0, code),
                    Status::Range(digit) => (1, u16::from(digit)),
                    Status::Default => (2, 0),
                },
                pattern: case.pattern(),
                guard: case.guard(),
                expression: case.expression(success, held),
            }));
        }
        arms.sort_by_key(|arm| arm.order);
        if !arms.iter().any(|arm| arm.order.0 == 2 && arm.guard.is_none()) {
            let expression = format!("Err({})", held.unexpected());
            arms.push(Arm { order: (3, 0), pattern: "_".into(), guard: None, expression });
        }
        let rest = arms.last().map(|arm| arm.expression.clone()).unwrap_or_default();
        // What is read like the rest needs no arm, unless another arm would catch it on its way there.
        if arms.iter().filter(|arm| arm.order.0 > 0).all(|arm| arm.expression == rest && arm.guard.is_none()) {
            let last = arms.len() - 1;
            let mut index = 0;
            arms.retain(|arm| {
                index += 1;
                index > last || arm.expression != rest || arm.guard.is_some()
            });
        }
        let mut printed: Vec<Arm> = Vec::new();
        for arm in arms {
            let same = |other: &&mut Arm| {
                other.order.0 == arm.order.0
                    && other.expression == arm.expression
                    && other.guard.is_none()
                    && arm.guard.is_none()
            };
            match printed.iter_mut().find(same) {
                Some(other) => other.pattern.push_str(&format!(" | {}", arm.pattern)),
                None => printed.push(arm),
            }
        }
        printed
            .into_iter()
            .map(|arm| match arm.guard {
                Some(guard) => format!("{} if {guard} => {},", arm.pattern, arm.expression),
                None => format!("{} => {},", arm.pattern, arm.expression),
            })
            .collect()
    }
}

/// An arm of the match over the status.
struct Arm {
    order: (u8, u16),
    pattern: String,
    guard: Option<String>,
    expression: String,
}

/// The names of a method's arguments, in order.
pub(in crate::emit) fn argument_names(operation: &Operation) -> Vec<String> {
    let (success, error) = (Outcome::success(operation), Outcome::error(operation));
    let method = OwnMethod { operation, written: None, target: Target::Client, success: &success, error: &error };
    let name = |argument: String| argument.split(':').next().unwrap_or_default().trim().to_owned();
    method.arguments().into_iter().map(name).collect()
}

/// Path parameters as they stand in the path, then the others by name: the order of progenitor.
fn ordered(operation: &Operation) -> Vec<&Parameter> {
    let mut parameters: Vec<&Parameter> = operation.parameters.iter().collect();
    parameters.sort_by_key(|parameter| match parameter.location {
        Location::Path => {
            (0, operation.path.find(&format!("{{{}}}", parameter.name.wire)).unwrap_or(usize::MAX), String::new())
        }
        _ => (1, 0, parameter.name.wire.clone()),
    });
    parameters
}

/// The type of a parameter's argument.
fn argument(parameter: &Parameter) -> String {
    let ty = match &parameter.ty {
        Type::String => "&str".to_owned(),
        Type::Boolean | Type::I32 | Type::I64 | Type::U64 | Type::F64 => rust_type(&parameter.ty, "api_types::"),
        Type::Array(item) => format!("&[{}]", rust_type(item, "api_types::")),
        other => format!("&{}", rust_type(other, "api_types::")),
    };
    if parameter.required { ty } else { format!("Option<{ty}>") }
}

fn encoding(parameter: &Parameter) -> String {
    // Only there can a value be spelled by nothing.
    let lists = parameter.explode && matches!(parameter.location, Location::Query | Location::Cookie);
    let lists = lists && matches!(parameter.ty, Type::Array(_) | Type::Map(_) | Type::Named(_));
    let required = if parameter.required && lists { ".required()" } else { "" };
    format!("{}{required}", encoding_of(parameter.style, parameter.explode, parameter.allow_reserved))
}

pub(in crate::emit) fn encoding_of(style: Style, explode: bool, allow_reserved: bool) -> String {
    let name = match style {
        Style::Simple => "SIMPLE",
        Style::Label => "LABEL",
        Style::Matrix => "MATRIX",
        Style::Form => "FORM",
        Style::SpaceDelimited => "SPACE_DELIMITED",
        Style::PipeDelimited => "PIPE_DELIMITED",
        Style::DeepObject => "DEEP_OBJECT",
        Style::Cookie => "COOKIE",
    };
    let exploded = if explode && style != Style::DeepObject { "_EXPLODED" } else { "" };
    let reserved = if allow_reserved { ".reserved()" } else { "" };
    format!("Encoding::{name}{exploded}{reserved}")
}

/// The type of a sequence that is sent.
fn source(ty: &Type, in_event: bool) -> String {
    format!("ItemSource<{}>", item_type(ty, in_event))
}

/// The members of a form that are spelled in a way of their own, for the runtime.
pub(in crate::emit) fn form_members(members: &[(String, MemberStyle)]) -> String {
    let members = members.iter().map(|(name, style)| {
        let encoding = match style {
            MemberStyle::Json => "None".to_owned(),
            MemberStyle::Styled { style, explode, allow_reserved } => {
                format!("Some({})", encoding_of(*style, *explode, *allow_reserved))
            }
        };
        format!("({}, {encoding})", text::string_literal(name))
    });
    members.collect::<Vec<_>>().join(", ")
}

/// Sends an argument that is the body itself.
fn send(media: &Media, name: &str) -> String {
    let media_type = text::string_literal(&concrete(&media.media_type));
    match &media.kind {
        MediaKind::Json { .. } => format!("call.json_body({media_type}, {name});"),
        MediaKind::Form { members, .. } if members.is_empty() => {
            format!("call.form_body({name});")
        }
        MediaKind::Form { members, .. } => {
            format!("call.form_body_with({name}, &[{}]);", form_members(members))
        }
        MediaKind::Text { .. } => format!("call.bytes_body({media_type}, {name}.to_owned());"),
        MediaKind::Sequence { framing, .. } => format!("call.items_body({media_type}, Framing::{framing:?}, {name});"),
        MediaKind::Binary => format!("call.bytes_body({media_type}, {name});"),
        MediaKind::Multipart { .. } => format!("call.multipart_body({name}.into_form()?);"),
    }
}

/// Sends the content of a variant of a body enum.
fn send_owned(media: &Media) -> String {
    match &media.kind {
        MediaKind::Json { .. } | MediaKind::Form { .. } => send(media, "&body"),
        MediaKind::Text { .. } => {
            format!("call.bytes_body({}, body);", text::string_literal(&concrete(&media.media_type)))
        }
        MediaKind::Sequence { .. } | MediaKind::Binary | MediaKind::Multipart { .. } => send(media, "body"),
    }
}

/// A media type that can be sent for a range of the contract.
fn concrete(media_type: &str) -> String {
    match media_type {
        "*/*" => "application/octet-stream".to_owned(),
        other => other.replace("/*", "/octet-stream"),
    }
}

fn body_enum(operation: &Operation) -> Option<Item> {
    let body = operation.body.as_ref()?;
    if body.media.len() < 2 {
        return None;
    }
    let variants = body.media.iter().map(|media| {
        let ty = match &media.kind {
            MediaKind::Json { ty, .. } | MediaKind::Form { ty, .. } => rust_type(ty, "api_types::"),
            MediaKind::Text { .. } => "String".into(),
            MediaKind::Sequence { ty, in_event, .. } => source(ty, *in_event),
            MediaKind::Binary => "reqwest::Body".into(),
            MediaKind::Multipart { .. } => format!("{}Form", operation.type_prefix),
        };
        Variant {
            name: media.variant.clone(),
            docs: text::doc_comment("///", &format!("{}.", text::code(&media.media_type)), None),
            content: Some(ty),
            fields: Vec::new(),
        }
    });
    Some(Item {
        name: format!("{}Body", operation.type_prefix),
        docs: format!("Request bodies of {}.", text::code(&operation.name.wire)),
        fields: Vec::new(),
        variants: variants.collect(),
    })
}

pub(in crate::emit) fn accept(operation: &Operation) -> Option<Accept> {
    let mut variants: Vec<(String, String)> = Vec::new();
    for response in operation.responses.iter().filter(|response| response.status.is_success()) {
        for media in &response.media {
            if !variants.iter().any(|(_, media_type)| *media_type == media.media_type) {
                variants.push((media.variant.clone(), media.media_type.clone()));
            }
        }
    }
    (variants.len() > 1).then(|| Accept {
        name: format!("{}Accept", operation.type_prefix),
        operation: operation.name.wire.clone(),
        variants,
    })
}
