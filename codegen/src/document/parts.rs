//! Parameters, headers, bodies and responses.

use indexmap::IndexMap;
use openapiv3::{
    Content, CookieStyle, Encoding, Header, HeaderStyle, MediaType, Parameter, ParameterData, ParameterSchemaOrContent,
    PathStyle, QueryStyle, ReferenceOr, RequestBody, Response,
};

use super::normalise::text;
use super::reference::Target;
use super::schema::SchemaId;
use super::{Reader, schema_reference};
use crate::diagnostic::Diagnostic;
use crate::naming;
use crate::source::{Entry, Node};

/// Extension that tells `lower` the chosen field name.
pub(crate) const RUST_NAME: &str = "x-rust-name";

/// Extension that holds the number of a media type's `itemSchema`.
const ITEM_SCHEMA: &str = "itemSchema";

/// Where openapiv3, whose headers have no place for it, holds `explode` of a header.
pub(crate) const EXPLODE: &str = "explode";

/// Where openapiv3 holds that the style of a cookie is `cookie` (OpenAPI 3.2).
pub(crate) const COOKIE_STYLE: &str = "cookie";

impl<'a> Reader<'a> {
    /// `parameters` of a path or an operation, with the place of each.
    pub(super) fn parameters(&mut self, holder: &'a Node) -> Vec<(Parameter, &'a Node)> {
        let mut parameters: Vec<(Parameter, &'a Node)> = Vec::new();
        for item in holder.get("parameters").map(Node::items).unwrap_or_default() {
            let Some(parameter) = self.parameter(item) else { continue };
            let same =
                |(other, _): &(Parameter, &Node)| super::paths::identity(other) == super::paths::identity(&parameter);
            if parameters.iter().any(same) {
                let (location, name) = super::paths::identity(&parameter);
                self.report.add(
                    Diagnostic::warning(
                        "duplicate-parameter",
                        format!("the {location} parameter `{name}` stands here a second time"),
                    )
                    .at(item),
                );
            } else {
                parameters.push((parameter, item));
            }
        }
        parameters
    }

    fn parameter(&mut self, item: &'a Node) -> Option<Parameter> {
        let target = self.resolver.follow(item)?;
        let node = target.node;
        let Some(name) = text(node, "name") else {
            self.report.add(Diagnostic::error("invalid-parameter", "a parameter needs `name`").at(node));
            return None;
        };
        let location = text(node, "in").unwrap_or_default();
        // "Accept, Content-Type or Authorization [...] shall be ignored" (OpenAPI 3.1, "Parameter Object").
        let is_ignored =
            ["accept", "content-type", "authorization"].iter().any(|ignored| name.eq_ignore_ascii_case(ignored));
        if location == "header" && is_ignored {
            return None;
        }
        let style = text(node, "style");
        let explode = node.get("explode").and_then(Node::as_bool);
        let mut extensions = IndexMap::new();
        if let Some(rust_name) = text(node, RUST_NAME) {
            extensions.insert(RUST_NAME.to_owned(), serde_json::Value::String(rust_name));
        }
        let is_path = location == "path";
        if is_path && node.get("required").and_then(Node::as_bool) != Some(true) {
            self.report.add(
                Diagnostic::warning(
                    "optional-path-parameter",
                    format!("the path parameter `{name}` is always required"),
                )
                .at(node)
                .help("write `required: true`"),
            );
        }
        let format = self.schema_or_content(node, &target)?;
        let mut parameter_data = ParameterData {
            name,
            description: text(node, "description"),
            required: is_path || node.get("required").and_then(Node::as_bool).unwrap_or(false),
            deprecated: node.get("deprecated").and_then(Node::as_bool),
            format,
            example: None,
            examples: IndexMap::new(),
            explode,
            extensions,
        };
        let wrong_style = |style: &str| {
            let message = format!("a {location} parameter has no style `{style}`; its default style is taken");
            self.report.add(Diagnostic::warning("invalid-style", message).at(node));
        };
        Some(match location.as_str() {
            "path" => {
                let style = match style.as_deref() {
                    None | Some("simple") => PathStyle::Simple,
                    Some("label") => PathStyle::Label,
                    Some("matrix") => PathStyle::Matrix,
                    Some(other) => {
                        wrong_style(other);
                        PathStyle::Simple
                    }
                };
                Parameter::Path { parameter_data, style }
            }
            "query" => {
                let style = match style.as_deref() {
                    None | Some("form") => QueryStyle::Form,
                    Some("spaceDelimited") => QueryStyle::SpaceDelimited,
                    Some("pipeDelimited") => QueryStyle::PipeDelimited,
                    Some("deepObject") => QueryStyle::DeepObject,
                    Some(other) => {
                        wrong_style(other);
                        QueryStyle::Form
                    }
                };
                let allow_reserved = node.get("allowReserved").and_then(Node::as_bool).unwrap_or(false);
                let allow_empty_value = node.get("allowEmptyValue").and_then(Node::as_bool);
                Parameter::Query { parameter_data, allow_reserved, style, allow_empty_value }
            }
            "header" => {
                if let Some(other) = style.as_deref().filter(|style| *style != "simple") {
                    wrong_style(other);
                }
                Parameter::Header { parameter_data, style: HeaderStyle::Simple }
            }
            "cookie" => {
                match style.as_deref() {
                    None | Some("form") => {}
                    Some("cookie") if self.version == super::Version::V3_2 => {
                        parameter_data.extensions.insert(COOKIE_STYLE.to_owned(), true.into());
                    }
                    Some(other) => wrong_style(other),
                }
                Parameter::Cookie { parameter_data, style: CookieStyle::Form }
            }
            "querystring" => self.querystring(node, parameter_data)?,
            other => {
                self.report.add(
                    Diagnostic::error("invalid-parameter", format!("`in: {other}` is no place for a parameter"))
                        .at(node)
                        .help("places are path, query, header and cookie"),
                );
                return None;
            }
        })
    }

    /// The whole query (OpenAPI 3.2). A form is what an exploded object in the query is; anything else is reported.
    fn querystring(&mut self, node: &'a Node, data: ParameterData) -> Option<Parameter> {
        let form = match &data.format {
            ParameterSchemaOrContent::Content(content) => content.get("application/x-www-form-urlencoded"),
            ParameterSchemaOrContent::Schema(_) => None,
        };
        let Some(schema) = form.filter(|form| form.encoding.is_empty()).and_then(|form| form.schema.clone()) else {
            self.report.add(
                Diagnostic::warning("unsupported-querystring", "nothing is generated for this `in: querystring`")
                    .at(node)
                    .help(
                        "a query is read as `application/x-www-form-urlencoded` with a schema and without `encoding`",
                    ),
            );
            return None;
        };
        let format = ParameterSchemaOrContent::Schema(schema);
        let parameter_data = ParameterData { format, explode: Some(true), ..data };
        let style = QueryStyle::Form;
        Some(Parameter::Query { parameter_data, allow_reserved: false, style, allow_empty_value: None })
    }

    fn schema_or_content(&mut self, node: &'a Node, target: &Target<'a>) -> Option<ParameterSchemaOrContent> {
        if let Some(content) = node.get("content").filter(|content| !content.entries().is_empty()) {
            let content = self.content(content, target);
            return Some(ParameterSchemaOrContent::Content(content));
        }
        let id = match node.get("schema") {
            Some(schema) => self.schemas.intern(schema)?,
            None => {
                self.report
                    .add(Diagnostic::warning("missing-schema", "this has no schema; it is taken as a string").at(node));
                self.schemas.any_string()
            }
        };
        if target.component.is_some() {
            self.shared.push((id, target.name.clone()));
        }
        Some(ParameterSchemaOrContent::Schema(schema_reference(id)))
    }

    pub(super) fn request_body(&mut self, node: &'a Node) -> Option<RequestBody> {
        let mut target = self.resolver.follow(node)?;
        let node = target.node;
        if target.component.is_some() && !target.name.ends_with("Body") && !target.name.ends_with("Request") {
            target.name.push_str("RequestBody");
        }
        let content = node.get("content").map(|content| self.content(content, &target)).unwrap_or_default();
        if content.is_empty() {
            self.report.add(
                Diagnostic::warning("missing-content", "this request body has no media type; it is left out").at(node),
            );
            return None;
        }
        Some(RequestBody {
            description: text(node, "description"),
            content,
            required: node.get("required").and_then(Node::as_bool).unwrap_or(false),
            extensions: IndexMap::new(),
        })
    }

    pub(super) fn response(&mut self, entry: &'a Entry, has_body: bool) -> Option<Response> {
        let mut target = self.resolver.follow(&entry.value)?;
        let node = target.node;
        if !node.is_mapping() {
            self.report.add(
                Diagnostic::error("invalid-response", format!("a response must be a mapping, not {}", node.describe()))
                    .at(node),
            );
            return None;
        }
        if target.component.is_some() && !target.name.ends_with("Response") {
            target.name.push_str("Response");
        }
        let mut headers = IndexMap::new();
        for member in node.get("headers").map(Node::entries).unwrap_or_default() {
            // "If a response header is defined with the name "Content-Type", it SHALL be ignored."
            if member.key.eq_ignore_ascii_case("content-type") {
                continue;
            }
            if let Some(header) = self.header(&member.value) {
                headers.insert(member.key.clone(), ReferenceOr::Item(header));
            }
        }
        let content = match node.entry("content") {
            Some(content) if has_body => self.content(&content.value, &target),
            Some(content) if content.value.entries().iter().any(|media| media.value.get("schema").is_some()) => {
                self.report.add(
                    Diagnostic::warning(
                        "body-not-allowed",
                        format!("a response with status {} has no body; it is left out", entry.key),
                    )
                    .at_key(content),
                );
                Content::new()
            }
            _ => Content::new(),
        };
        Some(Response {
            description: text(node, "description").unwrap_or_default(),
            headers,
            content,
            ..Default::default()
        })
    }

    fn header(&mut self, node: &'a Node) -> Option<Header> {
        let target = self.resolver.follow(node)?;
        let node = target.node;
        let explode = node.get("explode").and_then(Node::as_bool).unwrap_or(false);
        Some(Header {
            description: text(node, "description"),
            style: HeaderStyle::Simple,
            required: node.get("required").and_then(Node::as_bool).unwrap_or(false),
            deprecated: node.get("deprecated").and_then(Node::as_bool),
            format: self.schema_or_content(node, &target)?,
            example: None,
            examples: IndexMap::new(),
            extensions: IndexMap::from([(EXPLODE.to_owned(), explode.into())]),
        })
    }

    /// Media types; their schemas are named after the component that has them, if one does.
    fn content(&mut self, content: &'a Node, target: &Target<'a>) -> Content {
        let mut media = Content::new();
        let Some(content) = self.resolver.follow(content).map(|found| found.node) else { return media };
        for member in content.entries().iter().filter(|member| !member.key.starts_with("x-")) {
            let name = member.key.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if !is_media_type(&name) {
                self.report.add(
                    Diagnostic::warning(
                        "invalid-media-type",
                        format!("`{}` is no media type; it is left out", member.key),
                    )
                    .at_key(member),
                );
                continue;
            }
            if media.contains_key(&name) {
                self.report.add(
                    Diagnostic::warning(
                        "duplicate-media-type",
                        format!("`{name}` stands here a second time; parameters of media types are not told apart"),
                    )
                    .at_key(member),
                );
                continue;
            }
            let Some(node) = self.resolver.follow(&member.value).map(|found| found.node) else { continue };
            let mut extensions = IndexMap::new();
            if let Some(item) = node.get("itemSchema").and_then(|item| self.schemas.intern(item)) {
                extensions.insert(ITEM_SCHEMA.to_owned(), item.0.into());
                if name == "text/event-stream" {
                    self.events.push(item);
                }
                if target.component.is_some() {
                    self.shared.push((item, naming::item(&target.name)));
                }
            }
            for key in ["prefixEncoding", "itemEncoding"] {
                if let Some(encoding) = node.entry(key) {
                    self.report.add(
                        Diagnostic::warning(
                            "degraded-media-type",
                            format!("`{key}` is not read; the body is a stream of bytes"),
                        )
                        .at_key(encoding),
                    );
                }
            }
            let schema = node.get("schema").and_then(|schema| self.schemas.intern(schema));
            if let (Some(id), true) = (schema, target.component.is_some()) {
                self.shared.push((id, target.name.clone()));
            }
            let is_structured = name.ends_with("/xml") || name.ends_with("+xml");
            if is_structured && schema.is_some() {
                self.report.add(
                    Diagnostic::warning(
                        "degraded-media-type",
                        format!("`{name}` is a stream of bytes; its schema is not checked"),
                    )
                    .at_key(member),
                );
            }
            let mut encoding = IndexMap::new();
            for part in node.get("encoding").map(Node::entries).unwrap_or_default() {
                encoding.insert(part.key.clone(), self.encoding(&name, &part.value));
            }
            media.insert(
                name,
                MediaType { schema: schema.map(schema_reference), encoding, extensions, ..Default::default() },
            );
        }
        media
    }
}

impl<'a> Reader<'a> {
    /// How a member of a form is spelled. There is a style where the contract says anything about one: "if the value of any of
    /// these is explicitly set, contentType is ignored" (OpenAPI 3.1, Encoding Object).
    fn encoding(&mut self, media_type: &str, node: &'a Node) -> Encoding {
        let boolean = |key: &str| node.get(key).and_then(Node::as_bool);
        // "This property SHALL be ignored if the request body media type is not application/x-www-form-urlencoded" (3.0).
        let has_styles = self.version.is_2020() || media_type == "application/x-www-form-urlencoded";
        let mut says_style = has_styles && ["explode", "allowReserved"].iter().any(|key| boolean(key).is_some());
        let style = match text(node, "style").as_deref().filter(|_| has_styles) {
            Some("spaceDelimited") => QueryStyle::SpaceDelimited,
            Some("pipeDelimited") => QueryStyle::PipeDelimited,
            Some("deepObject") => QueryStyle::DeepObject,
            other => {
                says_style |= other == Some("form");
                if let Some(other) = other.filter(|style| *style != "form") {
                    let message = format!("a form has no style `{other}`; its default style is taken");
                    self.report.add(Diagnostic::warning("invalid-style", message).at(node));
                }
                QueryStyle::Form
            }
        };
        says_style |= style != QueryStyle::Form;
        let mut headers = IndexMap::new();
        for member in node.get("headers").map(Node::entries).unwrap_or_default() {
            if member.key.eq_ignore_ascii_case("content-type") {
                continue;
            }
            if let Some(header) = self.header(&member.value) {
                headers.insert(member.key.clone(), ReferenceOr::Item(header));
            }
        }
        Encoding {
            content_type: text(node, "contentType"),
            headers,
            explode: boolean("explode").unwrap_or(matches!(style, QueryStyle::Form | QueryStyle::DeepObject)),
            style: says_style.then_some(style),
            allow_reserved: boolean("allowReserved").unwrap_or(false),
            extensions: IndexMap::new(),
        }
    }
}

/// `itemSchema` of a media type (OpenAPI 3.2).
pub(crate) fn item_schema(media: &MediaType) -> Option<SchemaId> {
    media.extensions.get(ITEM_SCHEMA)?.as_u64().and_then(|id| usize::try_from(id).ok()).map(SchemaId)
}

/// A path parameter that only the template knows.
pub(crate) fn path_parameter(name: &str, schema: ReferenceOr<openapiv3::Schema>) -> Parameter {
    Parameter::Path {
        parameter_data: ParameterData {
            name: name.to_owned(),
            description: None,
            required: true,
            deprecated: None,
            format: ParameterSchemaOrContent::Schema(schema),
            example: None,
            examples: IndexMap::new(),
            explode: None,
            extensions: IndexMap::new(),
        },
        style: PathStyle::Simple,
    }
}

/// Whether the text is a media type or a range of them (RFC 9110, section 8.3.1).
fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}
