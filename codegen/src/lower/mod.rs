//! Document to IR: the only code that knows both.
//!
//! Shapes of schemas first ([`shape`]), then one name for each that needs one ([`names`]), then definitions and
//! operations. What the IR cannot hold is reported with its place; nothing is left out in silence.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostics, Reporter};
use crate::document::schema::SchemaId;
use crate::document::{self, Document};
use crate::ir;
use crate::source::Sources;

mod body;
mod default;
mod form;
mod keywords;
mod modules;
mod names;
mod operation;
mod overlap;
mod reach;
mod recursion;
mod schema;
mod security;
mod shape;
mod style;
mod types;

pub(crate) use body::{Treatment, treatment};
use shape::Shapes;

/// A contract, lowered.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// What will be generated.
    pub api: ir::Api,
    /// What the author should know although the contract was accepted.
    pub warnings: Diagnostics,
    /// Every file that was read, the contract first.
    pub sources: Vec<PathBuf>,
}

/// Reads a contract and decides what will be generated.
///
/// # Errors
///
/// Every finding, where at least one of them is an error.
pub fn load(contract: &Path) -> Result<Lowered, Diagnostics> {
    let report = Reporter::default();
    let sources = Sources::load(contract, &report);
    let identities = document::Identities::of(&sources);
    let document = document::read(&sources, &identities, &report);
    let api = match document {
        Some(document) if !report.has_errors() => Some(lower(document, contract, &report)),
        _ => None,
    };
    let diagnostics = report.finish(&sources);
    match api {
        Some(api) if !diagnostics.has_errors() => {
            let files = sources.files().iter().map(|file| file.path.clone()).collect();
            Ok(Lowered { api, warnings: diagnostics, sources: files })
        }
        _ => Err(diagnostics),
    }
}

/// What is known while lowering.
struct Lowerer<'d, 'a> {
    document: &'d Document<'a>,
    report: &'a Reporter,
    shapes: Shapes<'a>,
    /// Rust names of the schemas that have a type of their own.
    names: BTreeMap<SchemaId, String>,
    /// Their statics.
    statics: HashMap<SchemaId, String>,
    /// Schemas whose values are in requests and in responses.
    in_requests: BTreeSet<SchemaId>,
    in_responses: BTreeSet<SchemaId>,
    patterns: Vec<String>,
    /// Whether any schema has `unevaluatedProperties` or `unevaluatedItems`.
    has_unevaluated: bool,
}

fn lower<'a>(mut document: Document<'a>, contract: &Path, report: &'a Reporter) -> ir::Api {
    let arena = std::mem::take(&mut document.schemas);
    let has_unevaluated =
        arena.iter().any(|schema| schema.unevaluated_properties.is_some() || schema.unevaluated_items.is_some());
    let operations = operation::list(&document);
    let mut shapes = Shapes::new(arena, report);
    let names = names::assign(&document, &operations, &mut shapes);
    let statics = names::statics(&names);
    let mut lowerer = Lowerer {
        document: &document,
        report,
        shapes,
        names,
        statics,
        in_requests: BTreeSet::new(),
        in_responses: BTreeSet::new(),
        patterns: Vec::new(),
        has_unevaluated,
    };
    let modules = lowerer.reach_types(&operations);
    lowerer.warn_of_overlaps();
    let mut types = lowerer.types(&modules);
    types.sort_by(|left, right| left.name.rust.cmp(&right.name.rust));
    recursion::break_cycles(&mut types);
    let tags = lowerer.tags(&operations);
    let outbound = lowerer.outbound(&operations);
    let mut taken: BTreeSet<String> = tags.iter().chain(&outbound).map(|tag| tag.name.rust.clone()).collect();
    taken.extend(["common", "lib", "schemas", "patterns"].map(str::to_owned));
    modules::part(&mut types, &taken);
    let api = &document.api;
    let base_path = api.servers.first().map(|server| base_path(&server.url)).unwrap_or_default();
    let security_schemes = lowerer.security_schemes(&tags);
    ir::Api {
        title: api.info.title.clone(),
        version: api.info.version.clone(),
        description: api.info.description.clone(),
        contract: contract.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        base_path,
        types,
        patterns: lowerer.patterns,
        security_schemes,
        tags,
        extensions: api.extensions.clone().into_iter().collect(),
        outbound,
    }
}

/// The path of a server's URL without a trailing slash.
fn base_path(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |slash| &rest[slash..]));
    let path = after_scheme.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if path.starts_with('/') { path.to_owned() } else { String::new() }
}
