//! The program that proves a contract: a plan, a call and a handler per operation.
//!
//! What is printed ties the typed client to the typed server and decides nothing: which values are sent, what is broken and what
//! counts as equal is `specwright_runtime::proof`'s. Arguments and fields take their types from the signatures that they are
//! given to, so that hardly any type is named here.

mod handler;

use std::fmt::Write as _;

use super::client::model::{Field, Outcome, Variant};
use super::client::operation::{accept, argument_names, encoding_of, form_members};
use super::schema::Printer;
use super::server::{Imports, request};
use super::{File, text};
use crate::ir::{Api, Body, CallerKind, Media, MediaKind, Operation, Part, PartKind, Response, Status, Tag};

/// Where the receivers of webhooks and callbacks stand on the proof's server.
const RECEIVED: &str = "/specwright-received";

/// Prints the program: `main.rs`, and a file per tag. Webhooks and callbacks are received by a server that is printed for them
/// as if they were operations, in `received`.
pub fn files(api: &Api) -> Vec<File> {
    let received: Vec<Tag> = api.outbound.iter().map(received).collect();
    let mut files = vec![File::new("main.rs", main(api, &received))];
    for tag in &api.tags {
        let stem = text::file_stem(&tag.name.rust);
        files.push(File::new(format!("{stem}.rs"), tag_file(api, tag, &received, Side::Served)));
    }
    for tag in &received {
        let stem = text::file_stem(&tag.name.rust);
        files.push(File::new(format!("{stem}.rs"), tag_file(api, tag, &received, Side::Sent)));
        for file in super::server::tag_files(api, tag) {
            files.push(File::new(format!("received/{}", file.path), file.text));
        }
    }
    if !received.is_empty() {
        let modules: String =
            received.iter().map(|tag| format!("pub(crate) mod {};\n", text::module(&tag.name.rust))).collect();
        let docs = text::module_docs("Who is told: a server of the webhooks and callbacks.", None);
        files.push(File::new("received.rs", format!("{}{docs}\n{modules}", text::header(&api.contract))));
    }
    files
}

/// Which way the requests of an operation go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// From the client to the service.
    Served,
    /// From the service to a receiver.
    Sent,
}

/// Webhooks or callbacks as operations of a server, each with a path of its own.
fn received(tag: &Tag) -> Tag {
    let mut tag = tag.clone();
    for operation in &mut tag.operations {
        operation.path = format!("/{}/{}", tag.name.rust, operation.name.rust.trim_start_matches("r#"));
    }
    tag
}

fn main(api: &Api, received: &[Tag]) -> String {
    let modules: Vec<String> = api.tags.iter().chain(received).map(|tag| text::module(&tag.name.rust)).collect();
    let mut out = text::header(&api.contract);
    out.push_str(&text::crate_docs(&format!("Proves the crates of {}.", super::types::sentence(api)), None));
    out.push_str("\n#![allow(deprecated, reason = \"deprecated operations are still operations\")]\n");
    out.push_str("#![allow(dead_code, reason = \"a contract may have no operation\")]\n\n");
    for module in &modules {
        let _ = writeln!(out, "mod {module};");
    }
    if !received.is_empty() {
        out.push_str("#[allow(unreachable_pub, reason = \"it is written as a crate\")]\nmod received;\n");
    }
    let cases: String = modules.iter().map(|module| format!("cases.extend({module}::cases());\n")).collect();
    let credentials = if api.security_schemes.is_empty() { "" } else { ", api_client::Credentials::none()" };
    let mutable = if modules.is_empty() { "" } else { "mut " };
    let (client, clients, router) = if received.is_empty() {
        ("api_client::Client".to_owned(), String::new(), "api_server::router(Api(stage), service)".to_owned())
    } else {
        let routes: String = received
            .iter()
            .map(|tag| {
                let module = text::module(&tag.name.rust);
                format!(".merge(received::{module}::routes(std::sync::Arc::new(Api(stage.clone())), service))")
            })
            .collect();
        let clients = "
            /// The client, and what sends without being asked.
            struct Clients {
                api: api_client::Client,
                sender: api_client::Sender,
                base_url: String,
            }
            ";
        let router = format!(
            "{{
                let received = service.finish(specwright_runtime::axum::Router::new(){routes});
                let router = api_server::router(Api(stage), service)?;
                Ok(specwright_runtime::axum::Router::new().nest({RECEIVED:?}, received).fallback_service(router))
            }}"
        );
        ("Clients".to_owned(), clients.to_owned(), router)
    };
    let made = if received.is_empty() {
        format!("api_client::Client::with_client(base_url, http{credentials})")
    } else {
        format!(
            "Clients {{
                api: api_client::Client::with_client(base_url, http.clone(){credentials}),
                sender: api_client::Sender::with_client(http),
                base_url: format!(\"{{base_url}}{RECEIVED}\"),
            }}"
        )
    };
    let _ = write!(
        out,
        "
        use std::process::ExitCode;

        use specwright_runtime::proof;

        /// Handlers that show what they are given.
        struct Api(proof::Stage);
        {clients}
        fn main() -> ExitCode {{
            let {mutable}cases: Vec<proof::Case<{client}>> = Vec::new();
            {cases}
            let proved = proof::run(
                &cases,
                |stage, service| {router},
                |base_url, http| {made},
            );
            match proved {{
                Ok(report) => report.finish(),
                Err(error) => {{
                    eprintln!(\"{{error}}\");
                    ExitCode::FAILURE
                }}
            }}
        }}
        "
    );
    out
}

fn tag_file(api: &Api, tag: &Tag, received: &[Tag], side: Side) -> String {
    let module = text::module(&tag.name.rust);
    let server = match side {
        Side::Served => format!("api_server::{module}"),
        Side::Sent => format!("crate::received::{module}"),
    };
    let (imported, client) =
        if received.is_empty() { ("Api", "api_client::Client") } else { ("{Api, Clients}", "Clients") };
    let mut printer = Printer::new("api_types::schemas::", "api_types::schemas::patterns::".into());
    let plans: String = tag.operations.iter().map(|operation| plan(operation, &server, &mut printer)).collect();
    let cases: String = tag
        .operations
        .iter()
        .map(|operation| match side {
            Side::Served if received.is_empty() => case(operation, "api_client", "client", None),
            Side::Served => case(operation, "api_client", "client.api", None),
            Side::Sent => {
                let names = format!("api_client::{module}");
                let sender = format!("{names}::{}::new(client.sender.clone())", tag.trait_name);
                case(operation, &names, &sender, Some(&operation.path))
            }
        })
        .collect();
    let methods: String = tag.operations.iter().map(|operation| handler::handler(operation, &server)).collect();
    let mut out = text::header(&api.contract);
    out.push_str(&text::module_docs(&format!("Operations tagged {}.", text::code(&tag.name.wire)), None));
    out.push_str("\n#![allow(unused_imports, reason = \"not every tag needs every name\")]\n");
    let _ = write!(
        out,
        "
        use specwright_runtime::failure::Failure;
        use specwright_runtime::operation::{{Parameter, Style}};
        use specwright_runtime::client::Encoding;
        use specwright_runtime::proof::{{Answer, Body, Case, Content, Header, Part, Plan, Spelling, Status}};
        use specwright_runtime::schema::{{Discriminator, Format, Literal, Number, Schema, Types}};

        use crate::{imported};

        pub(crate) fn cases() -> Vec<Case<{client}>> {{
            vec![{cases}]
        }}

        impl {server}::{} for Api {{
            {methods}
        }}
        {plans}
        ",
        tag.trait_name
    );
    out
}

/// The operation as constant data.
fn plan(operation: &Operation, server: &str, printer: &mut Printer<'_>) -> String {
    let mut imports = Imports::default();
    let parameters: Vec<String> = operation
        .parameters
        .iter()
        .map(|parameter| request::parameter_value(parameter, printer, &mut imports))
        .collect();
    let bodies: Vec<String> =
        operation.body.iter().flat_map(|body| &body.media).map(|media| body(media, printer)).collect();
    let answers: Vec<String> = cases_of(operation).map(|(response, media)| answer(response, media, printer)).collect();
    format!(
        "static {constant}: Plan = Plan {{
            operation: &{server}::{constant},
            machine: {},
            parameters: &[{}],
            body_required: {},
            bodies: &[{}],
            answers: &[{}],
        }};\n",
        operation.caller_kind() == Some(CallerKind::Machine),
        parameters.join(", "),
        operation.body.as_ref().is_some_and(|body| body.required),
        bodies.join(", "),
        answers.join(", "),
        constant = operation.constant,
    )
}

/// Every documented response with each of its media types, in the order of the plan's answers.
fn cases_of(operation: &Operation) -> impl Iterator<Item = (&Response, Option<&Media>)> {
    operation.responses.iter().flat_map(|response| {
        let none = response.media.is_empty().then_some((response, None));
        none.into_iter().chain(response.media.iter().map(move |media| (response, Some(media))))
    })
}

fn answer(response: &Response, media: Option<&Media>, printer: &mut Printer<'_>) -> String {
    let status = match response.status {
        Status::Exact(status) => format!("Status::Exact({status})"),
        Status::Range(class) => format!("Status::Class({class})"),
        Status::Default => "Status::Other".into(),
    };
    let headers: Vec<String> = response
        .headers
        .iter()
        .map(|header| {
            format!(
                "Header {{ name: {}, required: {}, schema: {} }}",
                text::string_literal(&header.name.wire),
                header.required,
                printer.reference(&header.schema)
            )
        })
        .collect();
    let body = media.map_or_else(|| "None".into(), |media| format!("Some({})", answer_body(media, printer)));
    format!("Answer {{ status: {status}, body: {body}, headers: &[{}] }}", headers.join(", "))
}

fn body(media: &Media, printer: &mut Printer<'_>) -> String {
    let content = match &media.kind {
        MediaKind::Json { schema, .. } => format!("Content::Json({})", printer.reference(schema)),
        MediaKind::Form { schema, members, .. } => {
            format!("Content::Form({}, &[{}])", printer.reference(schema), form_members(members))
        }
        MediaKind::Text { schema } => format!("Content::Text({})", printer.reference(schema)),
        MediaKind::Sequence { schema, .. } => format!("Content::Items({})", printer.reference(schema)),
        MediaKind::Binary => "Content::Bytes".into(),
        MediaKind::Multipart { parts, .. }
            if parts.iter().flat_map(|part| &part.headers).any(|header| header.required) =>
        {
            "Content::Unproved(\"a part must have headers of its own\")".into()
        }
        MediaKind::Multipart { parts, schema, .. } => {
            let parts: Vec<String> = parts.iter().map(|part| part_plan(part, printer)).collect();
            format!("Content::Parts({}, &[{}])", printer.reference(schema), parts.join(", "))
        }
    };
    format!("Body {{ media_type: {}, content: {content} }}", text::string_literal(&media.media_type))
}

/// A form or a multipart body of a response is what the handler writes.
fn answer_body(media: &Media, printer: &mut Printer<'_>) -> String {
    let content = match &media.kind {
        MediaKind::Multipart { .. } => "Content::Bytes",
        MediaKind::Form { .. } => "Content::Text(&Schema::STRING)",
        _ => return body(media, printer),
    };
    format!("Body {{ media_type: {}, content: {content} }}", text::string_literal(&media.media_type))
}

fn part_plan(part: &Part, printer: &mut Printer<'_>) -> String {
    let schema = match &part.kind {
        PartKind::File => "None".into(),
        PartKind::Text { schema, .. } | PartKind::Json { schema, .. } | PartKind::Styled { schema, .. }
            if part.many =>
        {
            format!("Some(&Schema::array({}))", printer.reference(schema))
        }
        PartKind::Text { schema, .. } | PartKind::Json { schema, .. } | PartKind::Styled { schema, .. } => {
            format!("Some({})", printer.reference(schema))
        }
    };
    let spelling = match &part.kind {
        PartKind::File | PartKind::Text { .. } => "Spelling::Text".into(),
        PartKind::Json { .. } if part.many => "Spelling::JsonItems".into(),
        PartKind::Json { .. } => "Spelling::Json".into(),
        PartKind::Styled { style, explode, .. } => {
            format!("Spelling::Styled({})", encoding_of(*style, *explode, false))
        }
    };
    format!(
        "Part {{ name: {}, required: {}, schema: {schema}, many: {}, spelling: {spelling}, media_type: {} }}",
        text::string_literal(&part.name.wire),
        part.required,
        part.many,
        part_media_type(part)
    )
}

/// The media type that a part is sent with.
fn part_media_type(part: &Part) -> String {
    let usual = match part.kind {
        PartKind::Json { .. } => "application/json",
        _ => "application/octet-stream",
    };
    let wanted = part.content_types.first().map_or(usual, String::as_str);
    text::string_literal(&wanted.replace("*/", "application/").replace('*', "x-proof"))
}

/// The call of the client's method, or of the sender's with the URL that is this path on the proof's server. The operation's
/// types stand in the module `names`.
fn case(operation: &Operation, names: &str, client: &str, path: Option<&str>) -> String {
    let made = if path.is_some() { "sent" } else { "new" };
    let mut arguments: Vec<String> =
        path.map(|path| format!("&format!(\"{{}}{path}\", client.base_url)")).into_iter().collect();
    arguments.extend(argument_names(operation).iter().map(|name| {
        match operation.parameters.iter().position(|parameter| plain(&parameter.name.rust) == plain(name)) {
            Some(index) => format!("given.argument({index})?"),
            None if name == "accept" => accept_argument(operation, names),
            None => operation.body.as_ref().map(|body| body_argument(operation, body, names)).unwrap_or_default(),
        }
    }));
    format!(
        "Case::{made}(&{}, |client, given| Box::pin(async move {{
            let result = {client}.{}({}).await;
            {}
        }})),\n",
        operation.constant,
        operation.name.rust,
        arguments.join(", "),
        arrived(operation, names)
    )
}

/// A name without what keeps it from being a keyword: progenitor writes `type_` for `r#type`.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#").trim_end_matches('_')
}

/// The media type that is asked for.
fn accept_argument(operation: &Operation, names: &str) -> String {
    let Some(accept) = accept(operation) else { return String::new() };
    let last = accept.variants.len() - 1;
    let arms: Vec<String> = accept
        .variants
        .iter()
        .enumerate()
        .map(|(index, (variant, _))| {
            let selector = if index == last { "_".into() } else { index.to_string() };
            format!("{selector} => {names}::{}::{variant}", accept.name)
        })
        .collect();
    format!("match given.accept() {{ {} }}", arms.join(", "))
}

/// The expression that reads the client's result.
fn arrived(operation: &Operation, names: &str) -> String {
    let success = Outcome::success(operation);
    let Some(item) = &success.item else {
        return match success.ty.as_str() {
            "ByteStream" => "given.arrived_stream(result).await".into(),
            ty if is_stream(ty) => "given.arrived_items(result).await".into(),
            _ => "given.arrived(result).await".into(),
        };
    };
    let of_fields = |fields: &[Field]| fields.iter().find(|field| field.name == "body").map(|field| field.ty.clone());
    let body_of = |variant: &Variant| variant.content.clone().or_else(|| of_fields(&variant.fields));
    let read = |ty: &str, body: &str| match ty {
        "ByteStream" => format!("given.stream(status, {body}).await"),
        ty if is_stream(ty) => format!("given.all_items(status, {body}).await"),
        _ => format!("given.value(status, &{body})"),
    };
    let value = match of_fields(&item.fields) {
        Some(ty) if is_stream(&ty) => read(&ty, "value.into_inner().body"),
        _ if item.variants.iter().any(|variant| body_of(variant).is_some_and(|ty| is_stream(&ty))) => {
            let arms: String = item
                .variants
                .iter()
                .map(|variant| {
                    let path = format!("{names}::{}::{}", item.name, variant.name);
                    match (&variant.content, body_of(variant)) {
                        (Some(ty), _) => format!("{path}(body) => {},\n", read(ty, "body")),
                        (None, Some(ty)) => format!("{path} {{ body, .. }} => {},\n", read(&ty, "body")),
                        (None, None) => format!("{path} {{ .. }} => given.value(status, &()),\n"),
                    }
                })
                .collect();
            format!("match value.into_inner() {{ {arms} }}")
        }
        _ => return "given.arrived(result).await".into(),
    };
    format!(
        "match result {{
            Ok(value) => {{
                let status = value.status();
                {value}
            }}
            Err(error) => given.error(error).await,
        }}"
    )
}

/// Whether a body of this type is read to its end before it is compared.
fn is_stream(ty: &str) -> bool {
    ty == "ByteStream" || ty.starts_with("Items<")
}

fn body_argument(operation: &Operation, body: &Body, names: &str) -> String {
    let prefix = &format!("{names}::{}", operation.type_prefix);
    if let [media] = body.media.as_slice() {
        return match (&media.kind, body.required) {
            (MediaKind::Json { .. } | MediaKind::Form { .. } | MediaKind::Text { .. }, _) => "given.body()?".into(),
            (MediaKind::Sequence { .. }, true) => "given.items()?".into(),
            (MediaKind::Sequence { .. }, false) => {
                "match given.media() { Some(_) => Some(given.items()?), None => None }".into()
            }
            (MediaKind::Binary, true) => "given.bytes()".into(),
            (MediaKind::Binary, false) => "given.media().map(|_| given.bytes())".into(),
            (MediaKind::Multipart { parts, additional, .. }, true) => form(prefix, parts, additional.is_some()),
            (MediaKind::Multipart { parts, additional, .. }, false) => {
                let form = form(prefix, parts, additional.is_some());
                format!("match given.media() {{ Some(_) => Some({form}), None => None }}")
            }
        };
    }
    let last = body.media.len() - 1;
    let mut arms: Vec<String> = body
        .media
        .iter()
        .enumerate()
        .map(|(index, media)| {
            let value = match &media.kind {
                MediaKind::Json { .. } | MediaKind::Form { .. } | MediaKind::Text { .. } => "given.owned()?".into(),
                MediaKind::Sequence { .. } => "given.items()?".into(),
                MediaKind::Binary => "given.bytes()".into(),
                MediaKind::Multipart { parts, additional, .. } => form(prefix, parts, additional.is_some()),
            };
            let value = format!("{prefix}Body::{}({value})", media.variant);
            match (body.required, index == last) {
                (true, true) => format!("_ => {value}"),
                (true, false) => format!("Some({index}) => {value}"),
                (false, true) => format!("Some(_) => Some({value})"),
                (false, false) => format!("Some({index}) => Some({value})"),
            }
        })
        .collect();
    if !body.required {
        arms.push("None => None".into());
    }
    format!("match given.media() {{ {} }}", arms.join(", "))
}

/// A name that no part has.
fn free(wanted: &str, parts: &[Part]) -> String {
    let mut name = wanted.to_owned();
    while parts.iter().any(|part| part.name.rust == name) {
        name.push('_');
    }
    name
}

fn form(prefix: &str, parts: &[Part], additional: bool) -> String {
    let mut fields: Vec<String> = parts
        .iter()
        .map(|part| {
            let (name, media_type) = (text::string_literal(&part.name.wire), part_media_type(part));
            let value = match &part.kind {
                PartKind::File if part.many => format!("given.uploads({name}, {media_type})"),
                PartKind::File if part.required => format!("given.upload({name}, {media_type})?"),
                PartKind::File => format!("given.optional_upload({name}, {media_type})"),
                _ => format!("given.part({name})?"),
            };
            format!("{}: {value}", part.name.rust)
        })
        .collect();
    if additional {
        fields.push(format!("{}: Default::default()", free("additional_properties", parts)));
    }
    format!("{prefix}Form {{ {} }}", fields.join(", "))
}
