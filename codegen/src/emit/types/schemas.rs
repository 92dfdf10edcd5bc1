//! `schemas`: what a value of each type must satisfy, as constant data.

use askama::Template;

use super::print;
use crate::emit::schema::{Printer, pattern_static};
use crate::emit::{File, layout, text};
use crate::ir::{Api, TypeDef};

/// Prints the module and its files.
pub(super) fn files(api: &Api, modules: &[String]) -> Vec<File> {
    let root = Root {
        header: text::header(&api.contract),
        modules: modules.iter().map(|module| text::module(module)).collect(),
        patterns: !api.patterns.is_empty(),
    };
    let mut files = vec![File::new("schemas.rs", print(&root))];
    for module in modules {
        let types: Vec<&TypeDef> = api.types.iter().filter(|def| def.module == *module).collect();
        files.push(File::formatted(format!("schemas/{}.rs", text::file_stem(module)), schema_file(api, &types)));
    }
    if !api.patterns.is_empty() {
        let patterns_file = Patterns {
            header: text::header(&api.contract),
            patterns: api
                .patterns
                .iter()
                .enumerate()
                .map(|(index, pattern)| PatternView {
                    docs: text::doc_comment("///", &format!("{}.", text::code(pattern)), None),
                    name: pattern_static(index),
                    pattern: text::raw_string_literal(pattern),
                })
                .collect(),
        };
        files.push(File::new("schemas/patterns.rs", print(&patterns_file)));
    }
    files
}

fn schema_file(api: &Api, types: &[&TypeDef]) -> String {
    let mut printer = Printer::new("", "patterns::".into());
    let schemas: Vec<SchemaView> = types
        .iter()
        .map(|def| SchemaView {
            docs: text::doc_comment(
                "///",
                &format!("What a [`{0}`](crate::{0}) must satisfy.", def.name.rust.trim_start_matches("r#")),
                None,
            ),
            item: layout::statement(
                &format!("pub static {}: Schema = ", def.schema_static),
                &printer.schema(&def.schema),
                ";",
            ),
        })
        .collect();
    let own: Vec<&str> = types.iter().map(|def| def.schema_static.as_str()).collect();
    let mut siblings: Vec<&str> =
        printer.statics.iter().map(String::as_str).filter(|name| !own.contains(name)).collect();
    if printer.patterns {
        siblings.push("patterns");
    }
    print(&SchemaFile {
        header: text::header(&api.contract),
        imports: [
            import("specwright_model::schema", &printer.names.iter().copied().collect::<Vec<_>>()),
            import("super", &siblings),
        ]
        .concat(),
        schemas,
    })
}

/// A `use` line and a blank one; nothing where there is nothing to import.
fn import(module: &str, names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => format!("use {module}::{only};\n\n"),
        several => {
            let mut names = several.to_vec();
            // As rustfmt sorts them: modules, types, statics.
            names.sort_by_key(|name| (name.chars().all(|one| !one.is_lowercase()), *name));
            layout::statement(&format!("use {module}::"), &format!("{{{}}}", names.join(", ")), ";\n\n")
        }
    }
}

/// `schemas.rs`.
#[derive(Template)]
#[template(path = "types/schemas.rs.askama", escape = "none")]
struct Root {
    header: String,
    modules: Vec<String>,
    patterns: bool,
}

/// The schemas of a module.
#[derive(Template)]
#[template(path = "types/schemas/module.rs.askama", escape = "none")]
struct SchemaFile {
    header: String,
    imports: String,
    schemas: Vec<SchemaView>,
}

/// A schema.
struct SchemaView {
    docs: String,
    /// `pub static TASK: Schema = ...;`
    item: String,
}

/// `schemas/patterns.rs`.
#[derive(Template)]
#[template(path = "types/schemas/patterns.rs.askama", escape = "none")]
struct Patterns {
    header: String,
    patterns: Vec<PatternView>,
}

/// A pattern.
struct PatternView {
    docs: String,
    name: String,
    pattern: String,
}
