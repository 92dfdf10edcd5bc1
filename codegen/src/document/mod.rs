//! A contract, checked and in one normal form.
//!
//! What real contracts write is wider than what openapiv3 can parse, so values come first: [`read`] checks the version,
//! follows every `$ref`, reports what is wrong, and builds `openapiv3::OpenAPI` from what is right, with no reference
//! left in it but those to schemas. Schemas are JSON Schema 2020-12 in [`schema::Schema`]; where openapiv3 holds a
//! schema, it holds a reference whose last part is the [`SchemaId`].
//!
//! After this stage nothing fails on what the author wrote.

use std::collections::BTreeMap;

use openapiv3::{Info, OpenAPI, ReferenceOr, Server};

use crate::diagnostic::{Diagnostic, Reporter};
use crate::source::{Kind, Node, Sources};

mod clerk;
mod dialect;
mod events;
mod identity;
mod normalise;
mod outbound;
mod parts;
mod paths;
mod pattern;
mod polymorphism;
mod recursion;
mod reference;
pub mod schema;
mod scope;
mod security;
mod values;

pub(crate) use identity::Identities;
use normalise::{Schemas, text};
use reference::Resolver;
use schema::{Schema, SchemaId};

pub(crate) use clerk::{Clerk, implies_organization};
pub(crate) use parts::{COOKIE_STYLE, EXPLODE, item_schema};
pub(crate) use security::MUTUAL_TLS;

/// Version of OpenAPI, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.0.x: its own dialect of JSON Schema.
    V3_0,
    /// 3.1.x: JSON Schema 2020-12.
    V3_1,
    /// 3.2.x.
    V3_2,
}

/// A contract in normal form.
#[derive(Debug)]
pub struct Document<'a> {
    /// Everything but schemas.
    pub api: OpenAPI,
    /// Operations whose methods openapiv3 does not know.
    pub extra: Vec<ExtraOperation>,
    /// Webhooks and callbacks.
    pub outbound: Vec<Outbound>,
    /// All schemas, by [`SchemaId`].
    pub schemas: Vec<Schema<'a>>,
    /// `components/schemas` in the order of the contract.
    pub components: Vec<(String, SchemaId)>,
    /// Schemas of shared components, with the names that the components give them.
    pub shared: Vec<(SchemaId, String)>,
}

/// An operation of a method that OpenAPI has since 3.2: `query`, and those of `additionalOperations`.
#[derive(Debug)]
pub struct ExtraOperation {
    /// Path template.
    pub path: String,
    /// As it is sent: methods are case-sensitive (RFC 9110, section 9.1).
    pub method: String,
    /// The operation.
    pub operation: openapiv3::Operation,
}

/// An operation that the service asks of somebody else.
#[derive(Debug)]
pub struct Outbound {
    /// The name of the webhook or callback, with the operation that a callback belongs to.
    pub name: String,
    /// The runtime expression that says where a callback is sent; `None` for a webhook.
    pub expression: Option<String>,
    /// In capitals.
    pub method: String,
    /// The operation.
    pub operation: openapiv3::Operation,
}

impl Version {
    /// Whether schemas are JSON Schema 2020-12.
    pub fn is_2020(self) -> bool {
        self != Self::V3_0
    }
}

impl Document<'_> {
    /// The schema that openapiv3 holds as a reference.
    pub fn schema_of(&self, reference: &ReferenceOr<openapiv3::Schema>) -> Option<SchemaId> {
        match reference {
            ReferenceOr::Reference { reference } => reference.rsplit('/').next()?.parse().ok().map(SchemaId),
            ReferenceOr::Item(_) => None,
        }
    }
}

/// What openapiv3 holds in place of a schema.
fn schema_reference<T>(id: SchemaId) -> ReferenceOr<T> {
    ReferenceOr::Reference { reference: format!("#/components/schemas/{}", id.0) }
}

/// Checks a contract and brings it into normal form; `None` where nothing can be made of it.
pub(crate) fn read<'a>(
    sources: &'a Sources,
    identities: &'a Identities<'a>,
    report: &'a Reporter,
) -> Option<Document<'a>> {
    let root = sources.root()?;
    let version = version(root, report)?;
    let resolver = Resolver { sources, identities, report };
    let mut reader = Reader {
        resolver,
        report,
        schemas: Schemas::new(resolver, version),
        version,
        shared: Vec::new(),
        events: Vec::new(),
        extra: Vec::new(),
        operation_ids: BTreeMap::new(),
        outbound: Vec::new(),
        in_callback: false,
        schemes: Vec::new(),
        clerk: BTreeMap::new(),
    };

    if let Some(dialect) = root.entry("jsonSchemaDialect") {
        reader.schemas.dialect(dialect);
    }
    let mut components = Vec::new();
    if let Some(schemas) = root.pointer("/components/schemas") {
        for entry in schemas.entries() {
            components.push((entry.key.clone(), reader.schemas.component(&entry.key, &entry.value)));
        }
    }
    let security_schemes = reader.security_schemes(root);
    let api = OpenAPI {
        openapi: text(root, "openapi").unwrap_or_default(),
        info: info(root, report),
        servers: servers(root),
        tags: tags(root),
        components: Some(openapiv3::Components { security_schemes, ..Default::default() }),
        security: reader.security(root),
        paths: reader.paths(root),
        extensions: paths::extensions(root),
        ..Default::default()
    };
    reader.webhooks(root);
    reader.schemas.complete();
    reader.schemas.type_events(&reader.events);
    polymorphism::spread(&mut reader.schemas.arena, report);
    recursion::check(&reader.schemas.arena, report);
    recursion::bound(&reader.schemas.arena, report);
    let (extra, outbound) = (reader.extra, reader.outbound);
    Some(Document { api, extra, outbound, schemas: reader.schemas.arena, components, shared: reader.shared })
}

/// What the readers of the parts share.
struct Reader<'a> {
    /// Webhooks and callbacks, as they are met.
    outbound: Vec<Outbound>,
    /// Whether the operation that is read is a callback.
    in_callback: bool,
    resolver: Resolver<'a>,
    report: &'a Reporter,
    schemas: Schemas<'a>,
    version: Version,
    shared: Vec<(SchemaId, String)>,
    /// `itemSchema` of server-sent events.
    events: Vec<SchemaId>,
    extra: Vec<ExtraOperation>,
    /// What operations are called in Rust, and the operationId that is called so first.
    operation_ids: BTreeMap<String, String>,
    /// Names of the security schemes of the contract.
    schemes: Vec<String>,
    /// Those of them that Clerk's tokens satisfy.
    clerk: BTreeMap<String, Clerk>,
}

fn version(root: &Node, report: &Reporter) -> Option<Version> {
    if !root.is_mapping() {
        report.add(
            Diagnostic::error("not-openapi", format!("a contract is a mapping, not {}", root.describe())).at(root),
        );
        return None;
    }
    if let Some(swagger) = root.entry("swagger") {
        report.add(
            Diagnostic::error(
                "unsupported-version",
                "this is a contract in Swagger 2.0; specwright reads OpenAPI 3.0, 3.1 and 3.2",
            )
            .at_key(swagger)
            .help("convert it, for example with https://converter.swagger.io"),
        );
        return None;
    }
    let Some(openapi) = root.entry("openapi") else {
        report.add(
            Diagnostic::error("not-openapi", "the key `openapi` with the version is missing")
                .at(root)
                .help("begin the file with `openapi: 3.1.0`"),
        );
        return None;
    };
    let text = match &openapi.value.kind {
        Kind::String(text) | Kind::Number(text) => text.as_str(),
        _ => "",
    };
    match text.split('.').take(2).collect::<Vec<_>>().as_slice() {
        ["3", "0"] => Some(Version::V3_0),
        ["3", "1"] => Some(Version::V3_1),
        ["3", "2"] => Some(Version::V3_2),
        _ => {
            report.add(
                Diagnostic::error(
                    "unsupported-version",
                    format!("OpenAPI `{text}` is not known; specwright reads 3.0, 3.1 and 3.2"),
                )
                .at(&openapi.value),
            );
            None
        }
    }
}

fn info(root: &Node, report: &Reporter) -> Info {
    let Some(info) = root.get("info") else {
        report.add(
            Diagnostic::warning("missing-info", "the contract has no `info`")
                .at(root)
                .help("give it a title and a version"),
        );
        return Info { title: "API".into(), version: "0".into(), ..Default::default() };
    };
    let version = info.get("version").map(|version| match &version.kind {
        Kind::String(text) | Kind::Number(text) => text.clone(),
        _ => String::new(),
    });
    Info {
        title: text(info, "title").unwrap_or_else(|| "API".into()),
        description: text(info, "description").or_else(|| text(info, "summary")),
        version: version.unwrap_or_default(),
        ..Default::default()
    }
}

fn servers(root: &Node) -> Vec<Server> {
    let servers = root.get("servers").map(Node::items).unwrap_or_default().iter();
    servers
        .filter_map(|server| {
            let mut url = text(server, "url")?;
            for variable in server.get("variables").map(Node::entries).unwrap_or_default() {
                if let Some(default) = text(&variable.value, "default") {
                    url = url.replace(&format!("{{{}}}", variable.key), &default);
                }
            }
            Some(Server { url, ..Default::default() })
        })
        .collect()
}

fn tags(root: &Node) -> Vec<openapiv3::Tag> {
    let tags = root.get("tags").map(Node::items).unwrap_or_default().iter();
    tags.filter_map(|tag| {
        Some(openapiv3::Tag {
            name: text(tag, "name")?,
            description: text(tag, "description").or_else(|| text(tag, "summary")),
            ..Default::default()
        })
    })
    .collect()
}
