//! The server crate: a trait per tag, a request struct and a response enum per operation, and the router.
//!
//! What is printed is thin. It names the contract's parts to `specwright_runtime` as constant data and moves typed
//! values; parsing, judging and answering are the runtime's. A tag with many operations gets a folder with a file per
//! operation beside the file with its trait.

mod body;
mod form;
mod operation;
pub(super) mod request;
pub(super) mod response;

use std::collections::BTreeSet;

use askama::Template;

use super::{File, text};
use crate::ir::{Api, Operation, SchemeKind, SecurityScheme, Tag};
use operation::OperationView;

/// Prints the server crate.
pub fn files(api: &Api) -> Vec<File> {
    let mut files = vec![File::new("lib.rs", library(api))];
    for tag in &api.tags {
        files.extend(tag_files(api, tag));
    }
    if !api.security_schemes.is_empty() {
        let schemes = api.security_schemes.iter().map(SchemeView::new).collect();
        files.push(File::new("schemes.rs", print(&Schemes { header: text::header(&api.contract), schemes })));
    }
    files
}

/// `lib.rs`: the whole router.
#[derive(Template)]
#[template(path = "server/lib.rs.askama", escape = "none")]
struct Library {
    header: String,
    docs: String,
    deprecated: bool,
    has_schemes: bool,
    modules: Vec<String>,
    /// Paths of the traits, `tasks::TasksApi`.
    traits: Vec<String>,
    /// Paths of the operations' statics.
    operations: Vec<String>,
}

/// The file of a tag.
#[derive(Template)]
#[template(path = "server/tag.rs.askama", escape = "none")]
struct TagFile<'a> {
    header: String,
    docs: String,
    imports: Vec<String>,
    trait_name: &'a str,
    /// The tag as a code span.
    tag: String,
    operations: &'a [OperationView],
    /// Modules of the operations where they stand in files of their own.
    modules: Vec<String>,
    /// Text of the operations where they stand here.
    items: Vec<String>,
}

/// The file of an operation.
#[derive(Template)]
#[template(path = "server/operation_file.rs.askama", escape = "none")]
struct OperationFile {
    header: String,
    docs: String,
    imports: Vec<String>,
    item: String,
}

/// `schemes.rs`.
#[derive(Template)]
#[template(path = "server/schemes.rs.askama", escape = "none")]
struct Schemes {
    header: String,
    schemes: Vec<SchemeView>,
}

/// A security scheme.
struct SchemeView {
    docs: String,
    constant: String,
    name: String,
    kind: String,
}

/// Names of `specwright_runtime` that a file uses: module and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Imports(BTreeSet<(&'static str, &'static str)>);

impl Imports {
    /// Notes names of a module of the runtime.
    pub(crate) fn add<const N: usize>(&mut self, module: &'static str, names: [&'static str; N]) {
        self.0.extend(names.map(|name| (module, name)));
    }

    /// Notes what another part of the file uses.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    /// `use` lines, those of the standard library apart.
    fn lines(&self) -> Vec<String> {
        let modules: BTreeSet<&str> = self.0.iter().map(|(module, _)| *module).collect();
        let (std, others): (Vec<&str>, Vec<&str>) = modules.into_iter().partition(|module| module.starts_with("std::"));
        let line = |module: &str| {
            let names: Vec<&str> = self.0.iter().filter(|(of, _)| *of == module).map(|(_, name)| *name).collect();
            format!("use {module}::{{{}}};", names.join(", "))
        };
        let mut lines: Vec<String> = std.into_iter().map(line).collect();
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(others.into_iter().map(line));
        lines
    }
}

fn library(api: &Api) -> String {
    let modules: Vec<String> = api.tags.iter().map(|tag| text::module(&tag.name.rust)).collect();
    let path = |tag: &Tag, name: &str| format!("{}::{name}", text::module(&tag.name.rust));
    print(&Library {
        header: text::header(&api.contract),
        docs: text::crate_docs(&format!("The operations of {}.", super::types::sentence(api)), None),
        deprecated: api.operations().any(uses_deprecated) || super::types::has_deprecations(api),
        has_schemes: !api.security_schemes.is_empty(),
        traits: api.tags.iter().map(|tag| path(tag, &tag.trait_name)).collect(),
        operations: api
            .tags
            .iter()
            .flat_map(|tag| tag.operations.iter().map(move |operation| path(tag, &operation.constant)))
            .collect(),
        modules,
    })
}

/// The files of a tag.
pub(crate) fn tag_files(api: &Api, tag: &Tag) -> Vec<File> {
    let stem = text::file_stem(&tag.name.rust);
    let wire = text::code(&tag.name.wire);
    let split = tag.operations.len() > super::ONE_FILE;
    let mut printed = BTreeSet::new();
    let views = tag.operations.iter().map(|operation| {
        if split {
            printed.clear();
        }
        OperationView::new(api, tag, operation, split, &mut printed)
    });
    let views: Vec<OperationView> = views.collect();
    let mut imports = Imports::default();
    imports.add("std::sync", ["Arc"]);
    imports.add("specwright_runtime::axum", ["Router"]);
    imports.add("specwright_runtime::failure", ["Failure"]);
    imports.add("specwright_runtime::service", ["Service"]);
    let mut files = Vec::new();
    let mut modules = Vec::new();
    let mut items = Vec::new();
    for (operation, view) in tag.operations.iter().zip(&views) {
        if split {
            modules.push(text::module(&operation.name.rust));
            let path = format!("{stem}/{}.rs", text::file_stem(&operation.name.rust));
            let file = OperationFile {
                header: text::header(&api.contract),
                docs: text::module_docs(&format!("{}.", view.route), None),
                imports: view.imports.lines(),
                item: print(view),
            };
            files.push(File::new(path, print(&file)));
        } else {
            imports.merge(&view.imports);
            items.push(print(view));
        }
    }
    let file = TagFile {
        header: text::header(&api.contract),
        docs: text::module_docs(&format!("Operations tagged {wire}."), tag.docs.description.as_deref()),
        imports: imports.lines(),
        trait_name: &tag.trait_name,
        tag: wire,
        operations: &views,
        modules,
        items,
    };
    files.insert(0, File::new(format!("{stem}.rs"), print(&file)));
    files
}

fn uses_deprecated(operation: &Operation) -> bool {
    operation.docs.deprecated
        || operation.parameters.iter().any(|parameter| parameter.docs.deprecated)
        || operation.responses.iter().flat_map(|response| &response.headers).any(|header| header.docs.deprecated)
}

impl SchemeView {
    fn new(scheme: &SecurityScheme) -> Self {
        let text = text::string_literal;
        let kind = match &scheme.kind {
            SchemeKind::Bearer(None) => "SchemeKind::Bearer { format: None }".into(),
            SchemeKind::Bearer(Some(format)) => format!("SchemeKind::Bearer {{ format: Some({}) }}", text(format)),
            SchemeKind::Basic => "SchemeKind::Basic".into(),
            SchemeKind::Http(scheme) => format!("SchemeKind::Http {{ scheme: {} }}", text(scheme)),
            SchemeKind::ApiKey { location, name } => format!(
                "SchemeKind::ApiKey {{ location: specwright_runtime::operation::Location::{location:?}, name: {} }}",
                text(name)
            ),
            SchemeKind::OAuth2 => "SchemeKind::OAuth2".into(),
            SchemeKind::OpenIdConnect(url) => format!("SchemeKind::OpenIdConnect {{ url: {} }}", text(url)),
            SchemeKind::MutualTls => "SchemeKind::MutualTls".into(),
        };
        Self {
            docs: text::docs(&scheme.docs, &format!("The security scheme {}.", text::code(&scheme.name.wire))),
            constant: scheme.name.rust.clone(),
            name: text(&scheme.name.wire),
            kind,
        }
    }
}

use super::types::print;
