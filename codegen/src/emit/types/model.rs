//! A module of the types crate: structs, enums, unions and aliases.

use std::collections::BTreeSet;

use askama::Template;

use super::fields::{self, DefaultView, FieldView};
use super::print;
use crate::emit::{literal, rust_type::rust_type, schema::Printer, text};
use crate::ir::{Api, Presence, Struct, Tuple, Type, TypeDef, TypeKind, Union, Variant};

/// Prints a module of types.
pub(super) fn module(api: &Api, module: &str, types: &[&TypeDef]) -> String {
    let mut uses = Uses::default();
    let items = types.iter().map(|def| item(api, def, &mut uses)).collect();
    print(&Module {
        header: text::header(&api.contract),
        docs: text::module_docs(&about(api, module, types), None),
        imports: uses.lines(api, module),
        items,
    })
}

/// A file of types.
#[derive(Template)]
#[template(path = "types/module.rs.askama", escape = "none")]
struct Module {
    header: String,
    docs: String,
    imports: Vec<String>,
    items: Vec<String>,
}

/// A struct.
#[derive(Template)]
#[template(path = "types/struct.rs.askama", escape = "none")]
struct StructView<'a> {
    docs: String,
    deprecated: bool,
    name: &'a str,
    /// Whether `#[derive(Default)]` gives the defaults of the contract.
    derives_default: bool,
    /// Whether every field has a default, but some is not the type's.
    has_default: bool,
    fields: Vec<FieldView>,
    defaults: Vec<DefaultView>,
}

/// A closed set of strings, or of integers.
#[derive(Template)]
#[template(path = "types/enum.rs.askama", escape = "none")]
struct EnumView<'a> {
    /// The runtime's macro that makes the enum.
    macro_name: &'static str,
    docs: String,
    deprecated: bool,
    name: &'a str,
    variants: Vec<VariantView>,
}

/// A variant of an enum.
struct VariantView {
    docs: String,
    deprecated: bool,
    name: String,
    /// The value as a literal.
    value: String,
}

/// One of several types.
#[derive(Template)]
#[template(path = "types/union.rs.askama", escape = "none")]
struct UnionView<'a> {
    docs: String,
    deprecated: bool,
    name: &'a str,
    /// Name of the type, as a literal.
    quoted_name: String,
    variants: Vec<MemberView>,
    /// The discriminator, where there is one.
    tag: Option<TagView>,
    /// Whether serialisation has to add it.
    adds_tag: bool,
    /// `&[&schemas::CAT, ..]`, for the choice without a discriminator.
    schemas: String,
    conversions: Vec<ConversionView>,
}

/// The property that tells the members apart.
struct TagView {
    property: String,
}

/// A member of a union.
struct MemberView {
    docs: String,
    deprecated: bool,
    name: String,
    ty: String,
    /// `Some("cat" | "kitten")`, or `Some(0)`.
    selector: String,
    /// Values of the discriminator that select it: `"cat", "kitten"`.
    tags: String,
    /// Whether any value selects it.
    selectable: bool,
}

/// `From<Member>`.
struct ConversionView {
    variant: String,
    ty: String,
    boxed: bool,
}

/// A type alias.
#[derive(Template)]
#[template(path = "types/alias.rs.askama", escape = "none")]
struct AliasView<'a> {
    docs: String,
    deprecated: bool,
    name: &'a str,
    ty: String,
}

/// A type that contains itself, so that an alias cannot be it.
#[derive(Template)]
#[template(path = "types/newtype.rs.askama", escape = "none")]
struct NewtypeView<'a> {
    docs: String,
    deprecated: bool,
    name: &'a str,
    ty: String,
}

/// What a file has to import.
#[derive(Default)]
struct Uses {
    /// Types of other modules.
    types: BTreeSet<String>,
    /// Statics of schemas.
    schemas: bool,
    /// Whether anything is read and written.
    serde: bool,
    patch: bool,
    with_tag: bool,
    /// Names of `specwright_model::schema`.
    runtime_schema: BTreeSet<&'static str>,
}

impl Uses {
    fn ty(&mut self, ty: &Type) {
        match ty {
            Type::Named(name) => {
                self.types.insert(name.clone());
            }
            other => other.parts().into_iter().for_each(|part| self.ty(part)),
        }
    }

    fn lines(&self, api: &Api, module: &str) -> Vec<String> {
        let braced = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
        let mut lines = Vec::new();
        if !self.runtime_schema.is_empty() {
            let names = braced(&mut self.runtime_schema.iter().map(|name| (*name).to_owned()));
            lines.push(format!("use specwright_model::schema::{{{names}}};"));
        }
        let values: Vec<&str> = [
            (self.serde, "Deserialize"),
            (self.patch, "Patch"),
            (self.serde, "Serialize"),
            (self.with_tag, "with_tag"),
        ]
        .into_iter()
        .filter_map(|(used, name)| used.then_some(name))
        .collect();
        if !values.is_empty() {
            lines.push(format!("use specwright_model::value::{{{}}};", values.join(", ")));
        }
        let foreign = self.types.iter().filter(|name| api.type_def(name).is_some_and(|def| def.module != module));
        let mut local: Vec<String> = foreign.cloned().collect();
        if self.schemas {
            local.insert(0, "schemas".into());
        }
        if !local.is_empty() {
            // A blank line between others' names and ours.
            lines.push(String::new());
            lines.push(format!("use crate::{{{}}};", local.join(", ")));
        }
        lines
    }
}

fn about(api: &Api, module: &str, types: &[&TypeDef]) -> String {
    // A module that was too long is several, named after what they hold.
    let is_of = |name: &str| module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let tag = api.tags.iter().filter(|tag| is_of(&tag.name.rust)).max_by_key(|tag| tag.name.rust.len());
    let whole = match tag {
        Some(tag) => format!("Types of the operations tagged {}", text::code(&tag.name.wire)),
        None => "Types that several tags share".into(),
    };
    let is_part = module != "common" && tag.is_none_or(|tag| tag.name.rust != module);
    match types {
        [first, .., last] if is_part => {
            format!("{whole}, {} to {}.", text::code(&first.name.rust), text::code(&last.name.rust))
        }
        [only] if is_part => format!("{whole}: {}.", text::code(&only.name.rust)),
        _ => format!("{whole}."),
    }
}

fn item(api: &Api, def: &TypeDef, uses: &mut Uses) -> String {
    let name = def.name.rust.as_str();
    let deprecated = def.docs.deprecated;
    let docs = text::docs(&def.docs, &fallback(def));
    match &def.kind {
        TypeKind::Struct(body) => struct_item(api, name, docs, deprecated, body, uses),
        TypeKind::StringEnum(variants) => {
            let variants = variants.iter().map(|variant| variant_view(variant, text::string_literal(&variant.value)));
            enum_item("string_enum", name, &docs, deprecated, variants.collect())
        }
        TypeKind::IntegerEnum(variants) => {
            let variants =
                variants.iter().map(|variant| variant_view(variant, literal::digits(&variant.value.to_string())));
            enum_item("integer_enum", name, &docs, deprecated, variants.collect())
        }
        TypeKind::Union(union) => union_item(api, name, docs, deprecated, union, uses),
        TypeKind::Alias(ty) => {
            uses.ty(ty);
            print(&AliasView { docs, deprecated, name, ty: rust_type(ty, "") })
        }
        TypeKind::Newtype(ty) => {
            uses.serde = true;
            uses.ty(ty);
            print(&NewtypeView { docs, deprecated, name, ty: rust_type(ty, "") })
        }
    }
}

fn fallback(def: &TypeDef) -> String {
    format!("The schema {}.", text::code(&def.name.wire))
}

/// rustfmt leaves the inside of the macro as it is, so what stands there is laid out here.
fn enum_item(macro_name: &'static str, name: &str, docs: &str, deprecated: bool, variants: Vec<VariantView>) -> String {
    print(&EnumView { macro_name, docs: text::indented(docs, 4), deprecated, name, variants })
}

fn variant_view<T: std::fmt::Display>(variant: &Variant<T>, literal: String) -> VariantView {
    let value = text::code(&variant.value.to_string());
    VariantView {
        docs: text::indented(&text::docs(&variant.docs, &format!("{value}.")), 8),
        deprecated: variant.docs.deprecated,
        name: variant.rust.clone(),
        value: literal,
    }
}

fn struct_item(api: &Api, name: &str, docs: String, deprecated: bool, body: &Struct, uses: &mut Uses) -> String {
    uses.serde = true;
    for field in &body.fields {
        uses.ty(&field.ty);
        uses.patch |= field.presence == Presence::OptionalNullable;
    }
    if let Some(value) = &body.additional {
        uses.ty(value);
    }
    let all_default = body
        .fields
        .iter()
        .all(|field| matches!(field.presence, Presence::Optional | Presence::OptionalNullable | Presence::Default(_)));
    let (fields, defaults) = fields::fields(api, name, body);
    let derives_default = all_default && defaults.is_empty();
    print(&StructView {
        docs,
        deprecated,
        name,
        derives_default,
        has_default: all_default && !derives_default,
        fields,
        defaults,
    })
}

fn union_item(api: &Api, name: &str, docs: String, deprecated: bool, union: &Union, uses: &mut Uses) -> String {
    uses.serde = true;
    for variant in &union.variants {
        uses.ty(&variant.ty);
    }
    let mut printer = Printer::new("schemas::", "schemas::patterns::".into());
    let mut schemas = String::new();
    if union.tag.is_none() {
        let members: Vec<String> = union.variants.iter().map(|variant| printer.reference(&variant.schema)).collect();
        schemas = members.join(", ");
        uses.schemas |= !printer.statics.is_empty() || printer.patterns;
        uses.runtime_schema.extend(&printer.names);
        uses.runtime_schema.extend(["Schema", "no_member", "select"]);
    } else {
        uses.runtime_schema.insert("unknown_tag");
    }
    let tagged = union.tag.is_some();
    uses.with_tag |= union.tag.as_ref().is_some_and(|tag| !tag.declared);
    let variants = union.variants.iter().enumerate().map(|(index, variant)| {
        let tags: Vec<String> = variant.tags.iter().map(|tag| text::string_literal(tag)).collect();
        MemberView {
            docs: text::docs(&variant.docs, &format!("A value of {}.", text::code(&rust_type(&variant.ty, "")))),
            deprecated: variant.docs.deprecated,
            name: variant.rust.clone(),
            ty: rust_type(&variant.ty, ""),
            selector: if tagged { format!("Some({})", tags.join(" | ")) } else { format!("Some({index})") },
            tags: tags.join(", "),
            selectable: !tagged || !tags.is_empty(),
        }
    });
    print(&UnionView {
        docs,
        deprecated,
        name,
        quoted_name: text::string_literal(name),
        variants: variants.collect(),
        tag: union.tag.as_ref().map(|tag| TagView { property: text::string_literal(&tag.property) }),
        adds_tag: union.tag.as_ref().is_some_and(|tag| !tag.declared),
        schemas,
        conversions: conversions(api, name, union),
    })
}

/// `From` for members whose type is no other member's.
fn conversions(api: &Api, name: &str, union: &Union) -> Vec<ConversionView> {
    let unboxed = |ty: &Type| match ty {
        Type::Boxed(inner) => (**inner).clone(),
        other => other.clone(),
    };
    let identity = |ty: &Type| deep(api, ty, 0);
    let own = Type::Named(name.to_owned());
    union
        .variants
        .iter()
        .filter(|variant| {
            let ty = identity(&variant.ty);
            ty != own && union.variants.iter().filter(|other| identity(&other.ty) == ty).count() == 1
        })
        .map(|variant| ConversionView {
            variant: variant.rust.clone(),
            ty: rust_type(&unboxed(&variant.ty), ""),
            boxed: matches!(variant.ty, Type::Boxed(_)),
        })
        .collect()
}

/// The type without aliases and boxes at any depth: what rustc compares.
fn deep(api: &Api, ty: &Type, depth: usize) -> Type {
    let ty = literal::resolved(api, ty);
    if depth > 32 {
        return ty.clone();
    }
    let inner = |inner: &Type| Box::new(deep(api, inner, depth + 1));
    match ty {
        Type::Array(item) => Type::Array(inner(item)),
        Type::Map(value) => Type::Map(inner(value)),
        Type::Nullable(value) => Type::Nullable(inner(value)),
        Type::Tuple(tuple) => {
            let all = |types: &[Type]| types.iter().map(|ty| deep(api, ty, depth + 1)).collect();
            Type::Tuple(Box::new(Tuple {
                required: all(&tuple.required),
                optional: all(&tuple.optional),
                rest: tuple.rest.as_ref().map(|rest| deep(api, rest, depth + 1)),
            }))
        }
        other => other.clone(),
    }
}
