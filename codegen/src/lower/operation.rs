//! Operations.
//!
//! An operation without an `operationId` is named after its method and path: `GET /repos/{owner}/{repo}` is
//! `getReposByOwnerByRepo`. A name that is taken gets a number, in the order of the contract.

use std::collections::HashMap;

use openapiv3::{Header, Parameter, ParameterSchemaOrContent, PathStyle, QueryStyle, ReferenceOr, StatusCode};

use super::Lowerer;
use crate::document::schema::SchemaId;
use crate::document::{COOKIE_STYLE, Document, EXPLODE};
use crate::ir::{self, Docs, Location, Name, Status, Style};
use crate::naming::{self, Table};

/// An operation of the document with the names that everything about it begins with.
#[derive(Debug)]
pub(crate) struct Listed<'d> {
    direction: Direction,
    operation: &'d openapiv3::Operation,
    path: &'d str,
    method: &'d str,
    /// Tag of the contract.
    tag: String,
    /// Module of the tag.
    pub(super) module: String,
    /// Method of the trait, not yet raw.
    method_name: String,
    /// operationId, given or made.
    wire: String,
    /// Prefix of its types.
    pub(super) type_prefix: String,
}

impl<'d> Listed<'d> {
    /// Parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'d Parameter> {
        self.operation.parameters.iter().filter_map(ReferenceOr::as_item)
    }

    /// Request body.
    pub(super) fn request_body(&self) -> Option<&'d openapiv3::RequestBody> {
        self.operation.request_body.as_ref().and_then(ReferenceOr::as_item)
    }

    /// Responses: exact statuses ascending, then ranges, then default.
    pub(super) fn responses(&self) -> Vec<(Status, &'d openapiv3::Response)> {
        let responses = &self.operation.responses;
        let mut all: Vec<(Status, &openapiv3::Response)> = responses
            .responses
            .iter()
            .filter_map(|(code, response)| {
                let status = match code {
                    StatusCode::Code(code) => Status::Exact(*code),
                    StatusCode::Range(digit) => Status::Range(u8::try_from(*digit).ok()?),
                };
                Some((status, response.as_item()?))
            })
            .collect();
        all.extend(
            responses.default.as_ref().and_then(ReferenceOr::as_item).map(|response| (Status::Default, response)),
        );
        all.sort_by_key(|(status, _)| *status);
        all
    }

    /// The status whose response is meant when one speaks of the operation's response: the only documented success.
    pub(super) fn main_status(&self) -> Option<Status> {
        let successes: Vec<Status> = self
            .responses()
            .into_iter()
            .filter(|(status, response)| status.is_success() && !response.content.is_empty())
            .map(|(status, _)| status)
            .collect();
        match successes.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }
}

/// Who asks whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// A client asks the service.
    Inbound,
    /// The service asks a subscriber, who is known beforehand.
    Webhook,
    /// The service asks whoever an earlier request named.
    Callback,
}

/// All operations in the order of the contract, then webhooks and callbacks.
pub(crate) fn list<'d>(document: &'d Document<'_>) -> Vec<Listed<'d>> {
    let mut methods = Table::default();
    let mut prefixes = Table::default();
    let mut modules: Vec<(String, String)> = Vec::new();
    let mut module_names = Table::default();
    for tag in &document.api.tags {
        module(&tag.name, &mut modules, &mut module_names);
    }
    let mut listed = Vec::new();
    for (path, item) in document.api.paths.iter() {
        let Some(item) = item.as_item() else { continue };
        let extra = document.extra.iter().filter(|extra| extra.path == *path);
        let known = item.iter().map(|(method, operation)| (upper(method), operation));
        for (method, operation) in known.chain(extra.map(|extra| (extra.method.as_str(), &extra.operation))) {
            let wire = operation.operation_id.clone().unwrap_or_else(|| naming::made_up(method, path));
            let tag = operation.tags.first().cloned().unwrap_or_else(|| "default".into());
            let module = module(&tag, &mut modules, &mut module_names);
            let method_name = methods.claim(&naming::field(&wire), "_");
            let type_prefix = prefixes.claim(&prefix(&wire), "");
            let direction = Direction::Inbound;
            listed.push(Listed { direction, operation, path, method, tag, module, method_name, wire, type_prefix });
        }
    }
    for direction in [Direction::Webhook, Direction::Callback] {
        let of_direction: Vec<_> = document
            .outbound
            .iter()
            .filter(|outbound| outbound.expression.is_some() == (direction == Direction::Callback))
            .collect();
        if of_direction.is_empty() {
            continue;
        }
        let tag = if direction == Direction::Webhook { "webhooks" } else { "callbacks" };
        // A tag of the contract may be called so, too.
        let module = module_names.claim(tag, "_");
        let mut methods = Table::default();
        for outbound in of_direction {
            let wire = outbound.name.clone();
            listed.push(Listed {
                direction,
                operation: &outbound.operation,
                path: outbound.expression.as_deref().unwrap_or_default(),
                method: &outbound.method,
                tag: tag.to_owned(),
                module: module.clone(),
                method_name: methods.claim(&naming::field(&wire), "_"),
                type_prefix: prefixes.claim(&prefix(&wire), ""),
                wire,
            });
        }
    }
    listed
}

/// The module of a tag.
fn module(tag: &str, modules: &mut Vec<(String, String)>, names: &mut Table) -> String {
    if let Some((_, module)) = modules.iter().find(|(known, _)| known == tag) {
        return module.clone();
    }
    let module = names.claim(&naming::module(tag), "_");
    modules.push((tag.to_owned(), module.clone()));
    module
}

/// What the names of an operation's types begin with.
fn prefix(operation_id: &str) -> String {
    let prefix = naming::type_part(operation_id);
    if prefix.starts_with(|character: char| character.is_ascii_digit()) { format!("N{prefix}") } else { prefix }
}

fn upper(method: &str) -> &'static str {
    match method {
        "get" => "GET",
        "put" => "PUT",
        "post" => "POST",
        "delete" => "DELETE",
        "options" => "OPTIONS",
        "head" => "HEAD",
        "patch" => "PATCH",
        _ => "TRACE",
    }
}

/// The variant of a status in a response enum.
pub(crate) fn variant(status: Status) -> String {
    let name = match status {
        Status::Exact(code) => match code {
            100 => "Continue",
            101 => "SwitchingProtocols",
            102 => "Processing",
            103 => "EarlyHints",
            200 => "Ok",
            201 => "Created",
            202 => "Accepted",
            203 => "NonAuthoritativeInformation",
            204 => "NoContent",
            205 => "ResetContent",
            206 => "PartialContent",
            207 => "MultiStatus",
            208 => "AlreadyReported",
            226 => "ImUsed",
            300 => "MultipleChoices",
            301 => "MovedPermanently",
            302 => "Found",
            303 => "SeeOther",
            304 => "NotModified",
            305 => "UseProxy",
            307 => "TemporaryRedirect",
            308 => "PermanentRedirect",
            400 => "BadRequest",
            401 => "Unauthorized",
            402 => "PaymentRequired",
            403 => "Forbidden",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            406 => "NotAcceptable",
            407 => "ProxyAuthenticationRequired",
            408 => "RequestTimeout",
            409 => "Conflict",
            410 => "Gone",
            411 => "LengthRequired",
            412 => "PreconditionFailed",
            413 => "ContentTooLarge",
            414 => "UriTooLong",
            415 => "UnsupportedMediaType",
            416 => "RangeNotSatisfiable",
            417 => "ExpectationFailed",
            418 => "ImATeapot",
            421 => "MisdirectedRequest",
            422 => "UnprocessableContent",
            423 => "Locked",
            424 => "FailedDependency",
            425 => "TooEarly",
            426 => "UpgradeRequired",
            428 => "PreconditionRequired",
            429 => "TooManyRequests",
            431 => "RequestHeaderFieldsTooLarge",
            451 => "UnavailableForLegalReasons",
            500 => "InternalServerError",
            501 => "NotImplemented",
            502 => "BadGateway",
            503 => "ServiceUnavailable",
            504 => "GatewayTimeout",
            505 => "HttpVersionNotSupported",
            506 => "VariantAlsoNegotiates",
            507 => "InsufficientStorage",
            508 => "LoopDetected",
            511 => "NetworkAuthenticationRequired",
            other => return format!("Status{other}"),
        },
        Status::Range(1) => "Informational",
        Status::Range(2) => "Success",
        Status::Range(3) => "Redirection",
        Status::Range(4) => "ClientError",
        Status::Range(_) => "ServerError",
        Status::Default => "Default",
    };
    name.into()
}

impl Lowerer<'_, '_> {
    /// Tags with their operations: the declared tags that have any, then the others in the order of their first use.
    pub(super) fn tags(&mut self, operations: &[Listed<'_>]) -> Vec<ir::Tag> {
        let operations: Vec<&Listed<'_>> =
            operations.iter().filter(|listed| listed.direction == Direction::Inbound).collect();
        let mut order: Vec<&str> = self.document.api.tags.iter().map(|tag| tag.name.as_str()).collect();
        order.extend(operations.iter().map(|listed| listed.tag.as_str()));
        let mut traits = Table::default();
        let mut tags: Vec<ir::Tag> = Vec::new();
        for tag in order {
            let of_tag: Vec<&Listed<'_>> = operations.iter().copied().filter(|listed| listed.tag == tag).collect();
            let Some(first) = of_tag.first() else { continue };
            if tags.iter().any(|known| known.name.wire == tag) {
                continue;
            }
            let description = self
                .document
                .api
                .tags
                .iter()
                .find(|declared| declared.name == tag)
                .and_then(|declared| declared.description.clone());
            let mut constants = Constants::default();
            let names: Vec<String> = of_tag
                .iter()
                .map(|listed| constants.table.claim(&naming::constant(&listed.method_name), "_"))
                .collect();
            tags.push(ir::Tag {
                name: Name { rust: first.module.clone(), wire: tag.to_owned() },
                trait_name: traits.claim(&format!("{}Api", prefix(tag)), ""),
                docs: Docs { description, ..Docs::default() },
                operations: of_tag
                    .iter()
                    .zip(names)
                    .map(|(listed, constant)| self.operation(listed, constant, &mut constants))
                    .collect(),
            });
        }
        tags
    }

    /// Webhooks and callbacks.
    pub(super) fn outbound(&mut self, operations: &[Listed<'_>]) -> Vec<ir::Tag> {
        let mut tags = Vec::new();
        for direction in [Direction::Webhook, Direction::Callback] {
            let all: Vec<&Listed<'_>> = operations.iter().filter(|listed| listed.direction == direction).collect();
            let Some(first) = all.first() else { continue };
            let mut constants = Constants::default();
            tags.push(ir::Tag {
                name: Name { rust: first.module.clone(), wire: first.tag.clone() },
                trait_name: if direction == Direction::Webhook { "Webhooks" } else { "Callbacks" }.into(),
                docs: Docs::default(),
                operations: all
                    .iter()
                    .map(|listed| {
                        let constant = constants.table.claim(&naming::constant(&listed.method_name), "_");
                        ir::Operation { security: Vec::new(), ..self.operation(listed, constant, &mut constants) }
                    })
                    .collect(),
            });
        }
        tags
    }

    fn operation(&mut self, listed: &Listed<'_>, constant: String, constants: &mut Constants) -> ir::Operation {
        let operation = listed.operation;
        let mut parameters: Vec<&Parameter> = listed.parameters().collect();
        parameters.sort_by_key(|parameter| location(parameter));
        let mut fields = Table::default();
        let (mut parameters, ids): (Vec<ir::Parameter>, Vec<SchemaId>) = parameters
            .into_iter()
            .filter_map(|parameter| self.parameter(parameter, &constant, &mut fields, &mut constants.table))
            .unzip();
        self.tell_members_from_parameters(&mut parameters, &ids);
        self.check_segments(listed.path, &parameters, &ids);
        let body = listed.request_body().map(|body| self.request_body(body));
        let mut variants = Table::default();
        let responses = listed
            .responses()
            .into_iter()
            .map(|(status, response)| ir::Response {
                variant: variants.claim(&variant(status), ""),
                status,
                docs: Docs {
                    description: Some(response.description.clone()).filter(|text| !text.is_empty()),
                    ..Docs::default()
                },
                headers: self.headers(&response.headers, constants),
                // The answer to HEAD has no content (RFC 9110, section 9.3.2): what is described is that of GET.
                media: match listed.method.eq_ignore_ascii_case("head") {
                    true => Vec::new(),
                    false => self.media(&response.content, false),
                },
            })
            .collect();
        ir::Operation {
            name: Name { rust: naming::raw(&listed.method_name), wire: listed.wire.clone() },
            type_prefix: listed.type_prefix.clone(),
            constant,
            method: listed.method.to_owned(),
            path: listed.path.to_owned(),
            docs: Docs {
                summary: operation.summary.clone(),
                description: operation.description.clone(),
                deprecated: operation.deprecated,
            },
            security: self.requirements(operation.security.as_ref().or(self.document.api.security.as_ref())),
            parameters,
            body,
            responses,
            extensions: operation.extensions.clone().into_iter().collect(),
        }
    }

    fn parameter(
        &mut self,
        parameter: &Parameter,
        operation: &str,
        fields: &mut Table,
        constants: &mut Table,
    ) -> Option<(ir::Parameter, SchemaId)> {
        let data = parameter.parameter_data_ref();
        let location = location(parameter);
        let (style, allow_empty_value, allow_reserved) = match parameter {
            Parameter::Query { style, allow_empty_value, allow_reserved, .. } => {
                let style = match style {
                    QueryStyle::Form => Style::Form,
                    QueryStyle::SpaceDelimited => Style::SpaceDelimited,
                    QueryStyle::PipeDelimited => Style::PipeDelimited,
                    QueryStyle::DeepObject => Style::DeepObject,
                };
                (style, allow_empty_value.unwrap_or(false), *allow_reserved)
            }
            Parameter::Path { style, .. } => {
                let style = match style {
                    PathStyle::Simple => Style::Simple,
                    PathStyle::Label => Style::Label,
                    PathStyle::Matrix => Style::Matrix,
                };
                (style, false, false)
            }
            Parameter::Header { .. } => (Style::Simple, false, false),
            Parameter::Cookie { .. } if data.extensions.contains_key(COOKIE_STYLE) => (Style::Cookie, false, false),
            Parameter::Cookie { .. } => (Style::Form, false, false),
        };
        let (content, schema) = match &data.format {
            ParameterSchemaOrContent::Schema(schema) => (None, Some(schema)),
            ParameterSchemaOrContent::Content(content) => {
                let (name, media) = content.first()?;
                (Some(name.clone()), media.schema.as_ref())
            }
        };
        let id = schema.and_then(|schema| self.document.schema_of(schema))?;
        self.check_style(&data.name, style, data.explode, id);
        let chosen = data.extensions.get("x-rust-name").and_then(serde_json::Value::as_str);
        let wanted = naming::request_field(chosen.unwrap_or(&data.name));
        // `id` in the path and `id` in the query are two fields: the second is `id_query`.
        let wanted = if fields.has(&wanted) { format!("{wanted}_{}", location_word(location)) } else { wanted };
        let field = fields.claim(&wanted, "_");
        let fallback = self.shapes.schema(id).default.filter(|_| !data.required);
        let default = fallback.and_then(|node| self.default(node, id));
        let own = &self.shapes.schema(id).docs;
        let docs = Docs {
            summary: None,
            description: data.description.clone().or_else(|| own.description.clone()),
            deprecated: data.deprecated.unwrap_or(false),
        };
        let parameter = ir::Parameter {
            constant: constants.claim(&format!("{operation}_{}", naming::constant(&field)), "_"),
            name: Name { rust: naming::raw(&field), wire: data.name.clone() },
            docs,
            location,
            style,
            explode: data.explode.unwrap_or(matches!(style, Style::Form | Style::DeepObject | Style::Cookie)),
            required: data.required,
            allow_empty_value,
            allow_reserved,
            content,
            default,
            ty: self.value_type(id),
            schema: self.schema_ref(id),
            except: Vec::new(),
        };
        Some((parameter, id))
    }

    fn headers(
        &mut self,
        headers: &indexmap::IndexMap<String, ReferenceOr<Header>>,
        constants: &mut Constants,
    ) -> Vec<ir::ResponseHeader> {
        let mut fields = Table::default();
        fields.claim("body", "_");
        let headers = headers.iter().filter_map(|(name, header)| Some((name, header.as_item()?)));
        headers
            .filter_map(|(name, header)| {
                let (content, schema) = match &header.format {
                    ParameterSchemaOrContent::Schema(schema) => (None, Some(schema)),
                    ParameterSchemaOrContent::Content(content) => {
                        let (media_type, media) = content.first()?;
                        (Some(media_type.clone()), media.schema.as_ref())
                    }
                };
                let id = schema.and_then(|schema| self.document.schema_of(schema))?;
                let field = fields.claim(&naming::field(name), "_");
                // A header has no spelling for null: one that may be null may be absent.
                let nullable = self.shapes.is_nullable(id);
                let mut header = ir::ResponseHeader {
                    constant: String::new(),
                    name: Name { rust: naming::raw(&field), wire: name.clone() },
                    docs: Docs {
                        description: header.description.clone(),
                        deprecated: header.deprecated.unwrap_or(false),
                        ..Docs::default()
                    },
                    required: header.required && !nullable,
                    explode: header.extensions.get(EXPLODE).is_some_and(|explode| explode == true),
                    content,
                    ty: self.ty(id),
                    schema: self.schema_ref(id),
                };
                header.constant = constants.header(&header);
                Some(header)
            })
            .collect()
    }
}

/// The statics of a tag's file.
#[derive(Default)]
struct Constants {
    table: Table,
    /// Headers that say the same share one.
    headers: HashMap<String, String>,
}

impl Constants {
    fn header(&mut self, header: &ir::ResponseHeader) -> String {
        let says = format!(
            "{} {} {} {:?} {:?}",
            header.name.wire, header.required, header.explode, header.content, header.schema
        );
        if let Some(constant) = self.headers.get(&says) {
            return constant.clone();
        }
        let constant = self.table.claim(&format!("{}_HEADER", naming::constant(&header.name.wire)), "_");
        self.headers.insert(says, constant.clone());
        constant
    }
}

fn location(parameter: &Parameter) -> Location {
    match parameter {
        Parameter::Path { .. } => Location::Path,
        Parameter::Query { .. } => Location::Query,
        Parameter::Header { .. } => Location::Header,
        Parameter::Cookie { .. } => Location::Cookie,
    }
}

fn location_word(location: Location) -> &'static str {
    match location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Cookie => "cookie",
    }
}
