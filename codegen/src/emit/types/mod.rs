//! The types crate: every named type of the contract with its serde, and every schema as data.
//!
//! `lib.rs` re-exports one module per tag (and `common`), so users write `api_types::Task`; `schemas` has a file per
//! module too. Types are as strict as Rust makes natural, the schemas are exact: the server judges by them before it
//! decodes, so a type that is looser than its schema lets nothing in.

mod fields;
mod model;
mod schemas;

use askama::Template;

use super::{File, text};
use crate::ir::{Api, TypeDef};

/// Prints the types crate.
pub fn files(api: &Api) -> Vec<File> {
    let modules = modules(api);
    let library = Library {
        header: text::header(&api.contract),
        docs: text::crate_docs(&format!("The types of {}.", sentence(api)), api.description.as_deref()),
        deprecated: has_deprecations(api),
        modules: modules.iter().map(|module| text::module(module)).collect(),
    };
    let mut files = vec![File::new("lib.rs", print(&library))];
    for module in &modules {
        let types: Vec<&TypeDef> = api.types.iter().filter(|def| def.module == *module).collect();
        let path = format!("{}.rs", text::file_stem(module));
        files.push(File::new(path, model::module(api, module, &types)));
    }
    files.extend(schemas::files(api, &modules));
    files
}

/// `lib.rs`.
#[derive(Template)]
#[template(path = "types/lib.rs.askama", escape = "none")]
struct Library {
    header: String,
    docs: String,
    /// Whether anything is deprecated: generated code uses its own deprecated items.
    deprecated: bool,
    modules: Vec<String>,
}

/// Title and version of the contract.
pub(crate) fn sentence(api: &Api) -> String {
    let title = text::markdown(&text::one_line(&api.title));
    match text::markdown(&text::one_line(&api.version)) {
        version if version.is_empty() => title,
        version => format!("{title}, version {version}"),
    }
}

/// The modules that types stand in, sorted.
fn modules(api: &Api) -> Vec<String> {
    let mut modules: Vec<String> = api.types.iter().map(|def| def.module.clone()).collect();
    modules.sort();
    modules.dedup();
    modules
}

pub(crate) fn has_deprecations(api: &Api) -> bool {
    use crate::ir::TypeKind;
    api.types.iter().any(|def| {
        def.docs.deprecated
            || match &def.kind {
                TypeKind::Struct(fields) => fields.fields.iter().any(|field| field.docs.deprecated),
                TypeKind::StringEnum(variants) => variants.iter().any(|variant| variant.docs.deprecated),
                TypeKind::IntegerEnum(variants) => variants.iter().any(|variant| variant.docs.deprecated),
                TypeKind::Union(union) => union.variants.iter().any(|variant| variant.docs.deprecated),
                TypeKind::Alias(_) | TypeKind::Newtype(_) => false,
            }
    })
}

/// Renders a template. Ours call nothing that fails.
pub(crate) fn print(template: &impl Template) -> String {
    template.render().expect("rendering into a String fails only where a filter does, and there is none")
}
