//! Paths and operations.

use std::collections::HashMap;

use indexmap::IndexMap;
use openapiv3::{Operation, Parameter, PathItem, Paths, ReferenceOr, Responses, StatusCode};

use super::normalise::{strings, text};
use super::{Reader, schema_reference};
use crate::diagnostic::Diagnostic;
use crate::source::{Entry, Kind, Node};

/// Methods that become routes.
pub(super) const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl<'a> Reader<'a> {
    pub(super) fn paths(&mut self, root: &'a Node) -> Paths {
        let mut paths: IndexMap<String, ReferenceOr<PathItem>> = IndexMap::new();
        // Templates that differ in nothing but the names of their variables are one route.
        let mut routes: HashMap<String, (String, &'a Entry)> = HashMap::new();
        let Some(entries) = root.get("paths") else {
            if self.version == super::Version::V3_0 {
                self.report.add(Diagnostic::warning("missing-paths", "the contract has no `paths`").at(root));
            }
            return Paths::default();
        };
        for entry in entries.entries() {
            if entry.key.starts_with("x-") {
                continue;
            }
            let Some(template) = self.template(entry) else { continue };
            let Some(mut item) = self.path_item(entry, &template) else { continue };
            let route = route(&template);
            if let Some((first, place)) = routes.get(&route) {
                let Some(ReferenceOr::Item(other)) = paths.get_mut(first) else { continue };
                let line = place.span.line;
                for (slot, mine) in slots(other).into_iter().zip(slots(&mut item)) {
                    match (&slot, mine.take()) {
                        (None, Some(operation)) if *first == template => *slot = Some(operation),
                        (_, None) => {}
                        (_, Some(_)) => self.report.add(
                            Diagnostic::warning(
                                "duplicate-path",
                                format!("`{}` is the same route as `{first}`; its operation is left out", entry.key),
                            )
                            .at_key(entry)
                            .note(format!(
                                "the first is at line {line}; paths that differ in the names of their variables alone are identical \
                                 and invalid (OpenAPI, \"Paths Object\")"
                            ))
                            .help("tell the paths apart by more than the names of their variables or a query"),
                        ),
                    }
                }
                continue;
            }
            routes.insert(route, (template.clone(), entry));
            paths.insert(template, ReferenceOr::Item(item));
        }
        Paths { paths, extensions: IndexMap::new() }
    }

    /// The path of an entry, without query and fragment.
    fn template(&self, entry: &'a Entry) -> Option<String> {
        let path = entry.key.as_str();
        if !path.starts_with('/') {
            self.report
                .add(Diagnostic::error("invalid-path", format!("the path `{path}` must begin with `/`")).at_key(entry));
            return None;
        }
        let end = path.find(['?', '#']).unwrap_or(path.len());
        if end < path.len() {
            self.report.add(
                Diagnostic::warning(
                    "invalid-path",
                    format!("a path has no query and no fragment; `{}` is left out", &path[end..]),
                )
                .at_key(entry)
                .help("declare query parameters"),
            );
        }
        if variables(&path[..end]).is_none() {
            self.report
                .add(Diagnostic::error("invalid-path", format!("the braces of `{path}` do not match")).at_key(entry));
            return None;
        }
        Some(path[..end].to_owned())
    }

    pub(super) fn path_item(&mut self, entry: &'a Entry, template: &str) -> Option<PathItem> {
        let node = self.resolver.follow(&entry.value)?.node;
        if !node.is_mapping() {
            self.report.add(
                Diagnostic::error("invalid-path", format!("a path item must be a mapping, not {}", node.describe()))
                    .at(node),
            );
            return None;
        }
        let shared = self.parameters(node);
        let mut item =
            PathItem { summary: text(node, "summary"), description: text(node, "description"), ..Default::default() };
        for member in node.entries() {
            match member.key.as_str() {
                "$ref" | "summary" | "description" | "servers" | "parameters" => {}
                "query" if self.version == super::Version::V3_2 => self.extra(member, "QUERY", template, &shared, node),
                "additionalOperations" if self.version == super::Version::V3_2 => {
                    for entry in member.value.entries().iter().filter(|entry| !entry.key.starts_with("x-")) {
                        self.extra(entry, &entry.key, template, &shared, node);
                    }
                }
                method if METHODS.contains(&method) => {
                    let operation = self.operation(member, template, &shared).map(|operation| inherit(operation, node));
                    let index = METHODS.iter().position(|known| *known == method).unwrap_or_default();
                    if let Some(slot) = slots(&mut item).into_iter().nth(index) {
                        *slot = operation;
                    }
                }
                key if key.starts_with("x-") => {}
                key => self.report.add(
                    Diagnostic::warning("unknown-key", format!("`{key}` is no method and says nothing")).at_key(member),
                ),
            }
        }
        Some(item)
    }

    /// An operation of a method that openapiv3 does not know.
    fn extra(&mut self, entry: &'a Entry, method: &str, template: &str, shared: &[(Parameter, &'a Node)], item: &Node) {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let known = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) || method == "CONNECT";
        if method.is_empty() || !method.bytes().all(is_token) || known {
            self.report.add(
                Diagnostic::error(
                    "invalid-method",
                    format!("`{method}` is no method for `additionalOperations`"),
                )
                .at_key(entry)
                .help("a method that has a key of its own, such as `post`, stands under that (OpenAPI 3.2, Path Item Object)"),
            );
            return;
        }
        let operation = self.operation(entry, template, shared).map(|operation| inherit(operation, item));
        if let Some(operation) = operation {
            self.extra.push(super::ExtraOperation { path: template.to_owned(), method: method.to_owned(), operation });
        }
    }

    fn operation(&mut self, entry: &'a Entry, template: &str, shared: &[(Parameter, &'a Node)]) -> Option<Operation> {
        let node = &entry.value;
        if !node.is_mapping() {
            self.report.add(
                Diagnostic::error(
                    "invalid-operation",
                    format!("an operation must be a mapping, not {}", node.describe()),
                )
                .at(node),
            );
            return None;
        }
        self.operation_id(node);
        let parameters = self.operation_parameters(entry, template, shared);
        self.callbacks(entry, template);
        Some(Operation {
            tags: node.get("tags").map(strings).unwrap_or_default(),
            summary: text(node, "summary"),
            description: text(node, "description"),
            operation_id: text(node, "operationId").filter(|id| !id.is_empty()),
            parameters: parameters.into_iter().map(ReferenceOr::Item).collect(),
            request_body: node.get("requestBody").and_then(|body| self.request_body(body)).map(ReferenceOr::Item),
            responses: self.responses(entry),
            deprecated: node.get("deprecated").and_then(Node::as_bool).unwrap_or(false),
            security: self.security(node),
            extensions: extensions(node),
            ..Default::default()
        })
    }

    /// Says where two operationIds become one name: the one that comes later in the contract gets a number.
    fn operation_id(&mut self, node: &'a Node) {
        let Some(id) = node.entry("operationId") else { return };
        let Some(text) = id.value.as_str().filter(|text| !text.is_empty()) else { return };
        let name = crate::naming::field(text);
        match self.operation_ids.get(&name) {
            None => {
                self.operation_ids.insert(name, text.to_owned());
            }
            Some(first) if first == text => self.report.add(
                Diagnostic::warning(
                    "duplicate-operation-id",
                    format!("another operation is called `{text}` too; one of them gets a number"),
                )
                .at(&id.value)
                .help("an operationId must be unique (OpenAPI, \"Operation Object\")"),
            ),
            Some(first) => self.report.add(
                Diagnostic::warning(
                    "name-collision",
                    format!("`{first}` and `{text}` are both `{name}` in Rust; one of them gets a number"),
                )
                .at(&id.value)
                .help("let the operationIds differ in more than case and punctuation"),
            ),
        }
    }

    /// Parameters of the operation and of its path; what the template and they say differently is reported.
    fn operation_parameters(
        &mut self,
        entry: &'a Entry,
        template: &str,
        shared: &[(Parameter, &'a Node)],
    ) -> Vec<Parameter> {
        let own = self.parameters(&entry.value);
        let overridden = |one: &Parameter| own.iter().any(|(other, _)| identity(other) == identity(one));
        let mut all: Vec<(Parameter, &'a Node)> =
            shared.iter().filter(|(parameter, _)| !overridden(parameter)).cloned().collect();
        all.extend(own.iter().cloned());

        let variables = variables(template).unwrap_or_default();
        all.retain(|(parameter, place)| {
            let (location, name) = identity(parameter);
            let is_there = location != "path" || variables.contains(&name);
            if !is_there {
                self.report.add(
                    Diagnostic::warning(
                        "unused-path-parameter",
                        format!("`{template}` has no `{{{name}}}`; the parameter is left out"),
                    )
                    .at(place),
                );
            }
            is_there
        });
        for variable in variables {
            if !all.iter().any(|(parameter, _)| identity(parameter) == ("path", variable)) {
                self.report.add(
                    Diagnostic::warning(
                        "missing-path-parameter",
                        format!("`{{{variable}}}` of `{template}` is not declared; it is taken as a string"),
                    )
                    .at_key(entry)
                    .help(format!(
                        "declare it: `{{ name: {variable}, in: path, required: true, schema: {{ type: string }} }}`"
                    )),
                );
                let schema = self.schemas.any_string();
                all.push((super::parts::path_parameter(variable, schema_reference(schema)), &entry.value));
            }
        }
        all.into_iter().map(|(parameter, _)| parameter).collect()
    }

    fn responses(&mut self, entry: &'a Entry) -> Responses {
        let mut responses = Responses::default();
        let Some(node) = entry.value.get("responses") else {
            self.report.add(
                Diagnostic::warning(
                    "missing-responses",
                    "the operation documents no response; it answers 200 without a body",
                )
                .at_key(entry),
            );
            responses.responses.insert(StatusCode::Code(200), ReferenceOr::Item(openapiv3::Response::default()));
            return responses;
        };
        for member in node.entries() {
            if member.key.starts_with("x-") {
                continue;
            }
            let key = member.key.to_ascii_uppercase();
            let range = key
                .strip_suffix("XX")
                .and_then(|digit| digit.parse::<u16>().ok())
                .filter(|digit| (1..=5).contains(digit));
            let code = key.parse::<u16>().ok().filter(|code| (100..=599).contains(code));
            let status = match (key.as_str(), range, code) {
                ("DEFAULT", ..) => None,
                (_, Some(range), _) => Some(StatusCode::Range(range)),
                (_, _, Some(code)) => Some(StatusCode::Code(code)),
                _ => {
                    self.report.add(
                        Diagnostic::error("invalid-status", format!("`{}` is no status", member.key))
                            .at_key(member)
                            .help("a key of `responses` is a status such as 200, a range such as 4XX, or `default`"),
                    );
                    continue;
                }
            };
            let has_body = !matches!(status, Some(StatusCode::Code(204 | 205 | 304)) | Some(StatusCode::Range(1)));
            let Some(response) = self.response(member, has_body) else { continue };
            match status {
                Some(status) => {
                    responses.responses.insert(status, ReferenceOr::Item(response));
                }
                None => responses.default = Some(ReferenceOr::Item(response)),
            }
        }
        responses
    }
}

/// The specification extensions of an object, `x-` and whatever follows, as they were written.
pub(super) fn extensions(node: &Node) -> IndexMap<String, serde_json::Value> {
    let extensions = node.entries().iter().filter(|entry| entry.key.starts_with("x-"));
    extensions.map(|entry| (entry.key.clone(), json(&entry.value))).collect()
}

/// What a path says in an extension, it says for those of its operations that do not say it themselves.
fn inherit(mut operation: Operation, path: &Node) -> Operation {
    for (name, value) in extensions(path) {
        operation.extensions.entry(name).or_insert(value);
    }
    operation
}

/// A value as JSON; what is no number for JSON is text.
fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value;
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Boolean(value) => Value::Bool(*value),
        Kind::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        Kind::String(text) => Value::String(text.clone()),
        Kind::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Kind::Mapping(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect())
        }
    }
}

/// Location and name: what makes two parameters the same.
pub(crate) fn identity(parameter: &Parameter) -> (&'static str, &str) {
    let location = match parameter {
        Parameter::Query { .. } => "query",
        Parameter::Header { .. } => "header",
        Parameter::Path { .. } => "path",
        Parameter::Cookie { .. } => "cookie",
    };
    (location, &parameter.parameter_data_ref().name)
}

/// Names in the braces of a template; `None` where the braces do not match.
pub(crate) fn variables(template: &str) -> Option<Vec<&str>> {
    let mut names: Vec<&str> = Vec::new();
    let mut rest = template;
    while let Some(position) = rest.find(['{', '}']) {
        let (_, tail) = rest[position..].split_once('{').filter(|(before, _)| before.is_empty())?;
        let (name, after) = tail.split_once('}')?;
        if name.is_empty() || name.contains('{') {
            return None;
        }
        if !names.contains(&name) {
            names.push(name);
        }
        rest = after;
    }
    Some(names)
}

/// A template without the names of its variables.
fn route(template: &str) -> String {
    let mut route = template.to_owned();
    for name in variables(template).unwrap_or_default() {
        route = route.replace(&format!("{{{name}}}"), "{}");
    }
    route
}

/// The operations of a path in the order of [`METHODS`].
pub(super) fn slots(item: &mut PathItem) -> [&mut Option<Operation>; 8] {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.options,
        &mut item.head,
        &mut item.patch,
        &mut item.trace,
    ]
}
