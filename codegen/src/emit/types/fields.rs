//! Fields of structs: what surrounds a type, and what serde has to be told.

use crate::emit::{literal, rust_type::rust_type, text};
use crate::ir::{Api, Field, Presence, Struct, Type};

/// A field, ready to print.
#[derive(Debug)]
pub(super) struct FieldView {
    pub(super) docs: String,
    pub(super) deprecated: bool,
    /// Arguments of `#[serde(..)]`, empty where serde needs none.
    pub(super) serde: String,
    pub(super) name: String,
    pub(super) ty: String,
    /// The value in `impl Default`.
    pub(super) default: String,
}

/// A function that returns the default of a property.
#[derive(Debug)]
pub(super) struct DefaultView {
    pub(super) name: String,
    pub(super) wire: String,
    pub(super) ty: String,
    pub(super) value: String,
}

/// The fields of a struct and the functions for their defaults.
pub(super) fn fields(api: &Api, struct_name: &str, body: &Struct) -> (Vec<FieldView>, Vec<DefaultView>) {
    let mut defaults = Vec::new();
    let mut fields: Vec<FieldView> =
        body.fields.iter().map(|field| view(api, struct_name, field, &mut defaults)).collect();
    if let Some(value) = &body.additional {
        let mut name = "additional_properties".to_owned();
        while body.fields.iter().any(|field| field.name.rust == name) {
            name.push('_');
        }
        fields.push(FieldView {
            docs: text::doc_comment("///", "Every other property.", None),
            deprecated: false,
            serde: "flatten".into(),
            name,
            ty: rust_type(&Type::Map(Box::new(value.clone())), ""),
            default: "std::collections::BTreeMap::new()".into(),
        });
    }
    (fields, defaults)
}

fn view(api: &Api, struct_name: &str, field: &Field, defaults: &mut Vec<DefaultView>) -> FieldView {
    let ty = rust_type(&field.ty, "");
    let mut serde = Vec::new();
    if field.name.rust.trim_start_matches("r#") != field.name.wire {
        serde.push(format!("rename = {}", text::string_literal(&field.name.wire)));
    }
    let (ty, default) = match &field.presence {
        Presence::Required => (ty, String::new()),
        Presence::RequiredNullable => (format!("Option<{ty}>"), "None".into()),
        Presence::Optional => {
            serde.push("default, skip_serializing_if = \"Option::is_none\"".into());
            if matches!(literal::resolved(api, &field.ty), Type::Json | Type::Null) {
                serde.push("deserialize_with = \"specwright_model::value::present\"".into());
            }
            (format!("Option<{ty}>"), "None".into())
        }
        Presence::OptionalNullable => {
            serde.push("default, skip_serializing_if = \"Patch::is_absent\"".into());
            (format!("Patch<{ty}>"), "Patch::Absent".into())
        }
        Presence::Default(value) if literal::is_type_default(api, &field.ty, value) => {
            serde.push("default".into());
            (ty, literal::expression(api, &field.ty, value, ""))
        }
        Presence::Default(value) => {
            let name = format!("default_{}", field.name.rust.trim_start_matches("r#"));
            serde.push(format!("default = {}", text::string_literal(&format!("{struct_name}::{name}"))));
            let default = format!("Self::{name}()");
            let value = literal::expression(api, &field.ty, value, "");
            defaults.push(DefaultView { name, wire: text::code(&field.name.wire), ty: ty.clone(), value });
            (ty, default)
        }
    };
    FieldView {
        docs: text::docs(&field.docs, &format!("The property {}.", text::code(&field.name.wire))),
        deprecated: field.docs.deprecated,
        serde: serde.join(", "),
        name: field.name.rust.clone(),
        ty,
        default,
    }
}
