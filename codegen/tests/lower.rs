//! What the contracts in `contracts/` and `lowering/` become: an outline of the IR and every warning, in `<case>/lowered.txt`.
//!
//! `UPDATE_EXPECT=1` writes what it is now, in every case that has the file; an empty one makes a new case.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use specwright_codegen::ir::{
    Api, Field, Literal, Media, MediaKind, Number, Operation, PartKind, Presence, SchemaRef, Type, TypeDef, TypeKind,
};
use specwright_codegen::lower;

#[test]
fn contracts_lower_as_written_down() {
    let folders = ["tests/contracts", "tests/lowering"].into_iter();
    let mut cases: Vec<PathBuf> =
        folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.join("lowered.txt").is_file());
    cases.sort();
    assert!(cases.len() >= 8, "only {} cases were found", cases.len());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for case in &cases {
        let now = outline(case);
        assert_eq!(now, outline(case), "{} lowers in two ways", case.display());
        let expected = case.join("lowered.txt");
        if update {
            fs::write(&expected, &now).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != now {
            wrong.push(format!("{}\n{now}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "not what was expected (UPDATE_EXPECT=1 accepts it):\n{}", wrong.join("\n"));
}

fn outline(case: &Path) -> String {
    let lowered = lower::load(&case.join("openapi.yaml"))
        .unwrap_or_else(|diagnostics| panic!("{}\n{diagnostics}", case.display()));
    let mut out = String::new();
    let api = &lowered.api;
    writeln!(out, "{} {} at {:?}", api.title, api.version, api.base_path).unwrap();
    for scheme in &api.security_schemes {
        writeln!(out, "scheme {} {:?} {:?}", scheme.name.rust, scheme.name.wire, scheme.kind).unwrap();
    }
    for def in &api.types {
        type_def(&mut out, api, def);
    }
    for tag in &api.tags {
        writeln!(out, "\ntag {} {} {:?}", tag.name.rust, tag.trait_name, tag.name.wire).unwrap();
        for operation in &tag.operations {
            self::operation(&mut out, operation);
        }
    }
    if !lowered.warnings.is_empty() {
        write!(out, "\n{}", lowered.warnings).unwrap();
    }
    out
}

fn type_def(out: &mut String, api: &Api, def: &TypeDef) {
    let head = format!("{} {:?} in {}, {}", def.name.rust, def.name.wire, def.module, def.schema_static);
    match &def.kind {
        TypeKind::Struct(object) => {
            writeln!(out, "struct {head}").unwrap();
            object.fields.iter().for_each(|field| self::field(out, field));
            if let Some(additional) = &object.additional {
                writeln!(out, "    ..: {}", ty(additional)).unwrap();
            }
        }
        TypeKind::StringEnum(variants) => {
            writeln!(out, "enum {head}").unwrap();
            variants.iter().for_each(|variant| writeln!(out, "    {} {:?}", variant.rust, variant.value).unwrap());
        }
        TypeKind::IntegerEnum(variants) => {
            writeln!(out, "enum {head}").unwrap();
            variants.iter().for_each(|variant| writeln!(out, "    {} {}", variant.rust, variant.value).unwrap());
        }
        TypeKind::Union(union) => {
            let tag = union
                .tag
                .as_ref()
                .map(|tag| format!(" by {:?}{}", tag.property, if tag.declared { "" } else { ", added" }))
                .unwrap_or_default();
            writeln!(out, "union {head}{tag}").unwrap();
            union.variants.iter().for_each(|variant| {
                writeln!(out, "    {}({}) {:?}", variant.rust, ty(&variant.ty), variant.tags).unwrap();
            });
        }
        TypeKind::Alias(alias) => writeln!(out, "type {head} = {}", ty(alias)).unwrap(),
        TypeKind::Newtype(inner) => writeln!(out, "newtype {head}({})", ty(inner)).unwrap(),
    }
    // The schema in short: only what is there.
    if def.schema != specwright_codegen::ir::Schema::default() && def.schema.properties.is_empty() {
        let said: Vec<String> = [
            ("types", format!("{:?}", def.schema.types)),
            ("format", format!("{:?}", def.schema.format)),
            ("reference", format!("{:?}", def.schema.reference)),
            ("all_of", refs(&def.schema.all_of)),
            ("any_of", refs(&def.schema.any_of)),
            ("one_of", refs(&def.schema.one_of)),
            ("discriminator", format!("{:?}", def.schema.discriminator)),
        ]
        .into_iter()
        .filter(|(_, value)| value != "[]" && value != "None")
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
        writeln!(out, "    schema {}", said.join(", ")).unwrap();
    } else if let Some(index) = def.schema.pattern {
        writeln!(out, "    pattern {}", api.patterns[index]).unwrap();
    }
}

fn refs(schemas: &[SchemaRef]) -> String {
    let names: Vec<String> = schemas.iter().map(reference).collect();
    format!("[{}]", names.join(", "))
}

fn reference(schema: &SchemaRef) -> String {
    match schema {
        SchemaRef::Named(name) => name.clone(),
        SchemaRef::Inline(schema) => {
            let inner: Vec<String> = schema.all_of.iter().chain(&schema.any_of).map(reference).collect();
            format!(
                "{:?}{}",
                schema.types,
                if inner.is_empty() { String::new() } else { format!("<{}>", inner.join(" ")) }
            )
        }
    }
}

fn field(out: &mut String, field: &Field) {
    let presence = match &field.presence {
        Presence::Required => String::new(),
        Presence::RequiredNullable => " or null".into(),
        Presence::Optional => ", optional".into(),
        Presence::OptionalNullable => " or null, optional".into(),
        Presence::Default(value) => format!(" = {}", literal(value)),
    };
    writeln!(out, "    {} {:?}: {}{presence}", field.name.rust, field.name.wire, ty(&field.ty)).unwrap();
}

fn operation(out: &mut String, operation: &Operation) {
    let security: Vec<String> = operation
        .security
        .iter()
        .map(|all| {
            let all: Vec<String> = all.iter().map(|one| format!("{}{:?}", one.scheme, one.scopes)).collect();
            format!("({})", all.join(" and "))
        })
        .collect();
    writeln!(
        out,
        "  {} {} {} {} {} {:?} {}",
        operation.method,
        operation.path,
        operation.name.rust,
        operation.type_prefix,
        operation.constant,
        operation.name.wire,
        security.join(" or ")
    )
    .unwrap();
    for parameter in &operation.parameters {
        let default = parameter.default.as_ref().map(|value| format!(" = {}", literal(value))).unwrap_or_default();
        writeln!(
            out,
            "    {:?} {} {:?}: {}{default} {:?} explode={} required={} {} {:?}",
            parameter.location,
            parameter.name.rust,
            parameter.name.wire,
            ty(&parameter.ty),
            parameter.style,
            parameter.explode,
            parameter.required,
            parameter.constant,
            parameter.content
        )
        .unwrap();
    }
    if let Some(body) = &operation.body {
        writeln!(out, "    body required={}", body.required).unwrap();
        body.media.iter().for_each(|media| self::media(out, media));
    }
    for response in &operation.responses {
        writeln!(out, "    {} {:?}", response.variant, response.status).unwrap();
        for header in &response.headers {
            writeln!(
                out,
                "      {} {:?}: {} required={}",
                header.name.rust,
                header.name.wire,
                ty(&header.ty),
                header.required
            )
            .unwrap();
        }
        response.media.iter().for_each(|media| self::media(out, media));
    }
}

fn media(out: &mut String, media: &Media) {
    let kind = match &media.kind {
        MediaKind::Json { ty: value, .. } => format!("json {}", ty(value)),
        MediaKind::Form { ty: value, .. } => format!("form {}", ty(value)),
        MediaKind::Multipart { .. } => "multipart".into(),
        MediaKind::Text { .. } => "text".into(),
        MediaKind::Sequence { framing, ty: value, in_event, .. } => {
            format!("{framing:?} of {}{}", if *in_event { "events of " } else { "" }, ty(value))
        }
        MediaKind::Binary => "binary".into(),
    };
    writeln!(out, "      {} {}: {kind}", media.media_type, media.variant).unwrap();
    if let MediaKind::Multipart { parts, .. } = &media.kind {
        for part in parts {
            let kind = match &part.kind {
                PartKind::File => "file".into(),
                PartKind::Text { ty: value, .. } => format!("text {}", ty(value)),
                PartKind::Json { ty: value, .. } => format!("json {}", ty(value)),
                PartKind::Styled { ty: value, style, explode, .. } => format!("{style:?} {explode} {}", ty(value)),
            };
            writeln!(
                out,
                "        {} {:?}: {kind} required={} many={}",
                part.name.rust, part.name.wire, part.required, part.many
            )
            .unwrap();
        }
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Number(Number::Integer(value)) => value.to_string(),
        Literal::String(value) => format!("{value:?}"),
        Literal::Boolean(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

fn ty(value: &Type) -> String {
    match value {
        Type::Named(name) => name.clone(),
        Type::Array(item) => format!("[{}]", ty(item)),
        Type::Map(item) => format!("{{{}}}", ty(item)),
        Type::Nullable(inner) => format!("{}?", ty(inner)),
        Type::Boxed(inner) => format!("Box<{}>", ty(inner)),
        Type::Tuple(tuple) => {
            let required = tuple.required.iter().map(ty);
            let optional = tuple.optional.iter().map(|element| format!("[{}]", ty(element)));
            let rest = tuple.rest.iter().map(|rest| format!("{}..", ty(rest)));
            format!("({})", required.chain(optional).chain(rest).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}").to_lowercase(),
    }
}
