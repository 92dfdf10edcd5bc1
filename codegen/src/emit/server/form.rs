//! A multipart body: the struct of its parts, and what the decoder has to know about them.
//!
//! Fields are fields. A file is read while it arrives, so that the only file of a form is a field, too, and several are a
//! sequence in the order of the wire, told apart by an enum.

use super::Imports;
use crate::emit::rust_type::rust_type;
use crate::emit::schema::Printer;
use crate::emit::text;
use crate::ir::{Operation, Part, PartKind, SchemaRef, Style, Type};

/// A multipart body.
pub(super) struct FormView {
    pub(super) docs: String,
    pub(super) name: String,
    pub(super) parts: Vec<PartView>,
    pub(super) files: Option<FilesView>,
    /// The parts as constant data.
    pub(super) constant: String,
}

/// A part of a multipart body.
pub(super) struct PartView {
    pub(super) docs: String,
    pub(super) deprecated: bool,
    pub(super) name: String,
    pub(super) ty: String,
    pub(super) read: String,
}

/// The enum of the files, where there are several.
pub(super) struct FilesView {
    pub(super) docs: String,
    pub(super) name: String,
    /// Documentation and name.
    pub(super) variants: Vec<(String, String)>,
}

pub(super) fn form(
    operation: &Operation,
    parts: &[Part],
    additional: Option<&Type>,
    schema: &SchemaRef,
    printer: &mut Printer<'_>,
    imports: &mut Imports,
) -> FormView {
    imports.add("specwright_runtime::decode", ["Form", "Multipart"]);
    if !parts.is_empty() {
        imports.add("specwright_runtime::decode", ["Part", "PartKind"]);
    }
    let constants: Vec<String> = parts.iter().map(|part| constant(part, printer, imports)).collect();
    let files: Vec<&Part> = parts.iter().filter(|part| matches!(part.kind, PartKind::File)).collect();
    let is_one_file = matches!(files.as_slice(), [only] if !only.many);
    let mut views: Vec<PartView> = parts
        .iter()
        .filter(|part| is_one_file || !matches!(part.kind, PartKind::File))
        .map(|part| part_view(part, imports))
        .collect();
    let own = |wanted: &str, views: &[PartView]| {
        let mut name = wanted.to_owned();
        while views.iter().any(|view| view.name == name) {
            name.push('_');
        }
        name
    };
    if let Some(ty) = additional {
        views.push(PartView {
            docs: text::doc_comment("///", "The parts that the contract does not name.", None),
            deprecated: false,
            name: own("additional_properties", &views),
            ty: format!("std::collections::BTreeMap<String, {}>", rust_type(ty, "api_types::")),
            read: "form.additional_fields()?".into(),
        });
    }
    let mut several = None;
    if !files.is_empty() && !is_one_file {
        imports.add("specwright_runtime::decode", ["Files"]);
        let name = format!("{}File", operation.type_prefix);
        let names: Vec<String> = files
            .iter()
            .map(|part| format!("({}, {name}::{})", text::string_literal(&part.name.wire), part.variant))
            .collect();
        views.push(PartView {
            docs: text::doc_comment("///", "The files, as they arrive.", None),
            deprecated: false,
            name: own("files", &views),
            ty: format!("Files<{name}>"),
            read: format!("form.files(&[{}])", names.join(", ")),
        });
        let route = text::code(&operation.name.wire);
        several = Some(FilesView {
            docs: text::doc_comment("///", &format!("The parts of {route} that are files."), None),
            name,
            variants: files
                .iter()
                .map(|part| {
                    let fallback = format!("The part {}.", text::code(&part.name.wire));
                    (text::docs(&part.docs, &fallback), part.variant.clone())
                })
                .collect(),
        });
    }
    FormView {
        docs: text::doc_comment(
            "///",
            &format!("The parts of the body of {}.", text::code(&operation.name.wire)),
            None,
        ),
        name: format!("{}Form", operation.type_prefix),
        constant: format!(
            "static PARTS: Multipart = Multipart {{ schema: {}, parts: &[{}] }};\n",
            printer.reference(schema),
            constants.join(", ")
        ),
        parts: views,
        files: several,
    }
}

/// What the decoder has to know about a part.
fn constant(part: &Part, printer: &mut Printer<'_>, imports: &mut Imports) -> String {
    let kind = match part.kind {
        PartKind::File => "PartKind::File".to_owned(),
        PartKind::Json { .. } => "PartKind::Json".to_owned(),
        PartKind::Text { .. } => "PartKind::Text".to_owned(),
        PartKind::Styled { style, explode, .. } => styled(style, explode, imports),
    };
    let mut fields = Vec::new();
    if part.many {
        fields.push("many: true".to_owned());
    }
    if !part.content_types.is_empty() {
        let types: Vec<String> = part.content_types.iter().map(|name| text::string_literal(name)).collect();
        fields.push(format!("content_types: &[{}]", types.join(", ")));
    }
    if !part.headers.is_empty() {
        imports.add("specwright_runtime::operation", ["Parameter"]);
        let headers: Vec<String> = part
            .headers
            .iter()
            .map(|header| {
                let (name, required) = (text::string_literal(&header.name), header.required);
                let schema = printer.reference(&header.schema);
                let required = if required { ".required()" } else { "" };
                format!("Parameter::header({name}, {schema}){required}")
            })
            .collect();
        fields.push(format!("headers: &[{}]", headers.join(", ")));
    }
    let start = format!("Part::new({}, {kind})", text::string_literal(&part.name.wire));
    if fields.is_empty() { start } else { format!("Part {{ {}, ..{start} }}", fields.join(", ")) }
}

/// A kind of part as constant data.
pub(super) fn styled(style: Style, explode: bool, imports: &mut Imports) -> String {
    imports.add("specwright_runtime::operation", ["Style"]);
    format!("PartKind::Styled {{ style: Style::{style:?}, explode: {explode} }}")
}

fn part_view(part: &Part, imports: &mut Imports) -> PartView {
    let wire = text::string_literal(&part.name.wire);
    let (ty, read) = match &part.kind {
        PartKind::File => {
            imports.add("specwright_runtime::decode", ["File"]);
            if part.required {
                ("File<'static>".into(), format!("form.file({wire})?"))
            } else {
                ("Option<File<'static>>".into(), format!("form.optional_file({wire})"))
            }
        }
        PartKind::Json { ty, .. } | PartKind::Text { ty, .. } | PartKind::Styled { ty, .. } => {
            let ty = rust_type(&whole_type(part, ty), "api_types::");
            if part.required {
                (ty, format!("form.field({wire})?"))
            } else {
                (format!("Option<{ty}>"), format!("form.optional_field({wire})?"))
            }
        }
    };
    PartView {
        docs: text::docs(&part.docs, &format!("The part {}.", text::code(&part.name.wire))),
        deprecated: part.docs.deprecated,
        name: part.name.rust.clone(),
        ty,
        read,
    }
}

/// What a part with all its repetitions is.
fn whole_type(part: &Part, ty: &Type) -> Type {
    if part.many { Type::Array(Box::new(ty.clone())) } else { ty.clone() }
}
