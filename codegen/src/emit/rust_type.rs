//! [`ir::Type`](crate::ir::Type) as Rust text, as it is written in one of the generated crates.

use crate::ir::Type;

/// The type of a sequence's items, outside `api-types`.
pub(crate) fn item_type(ty: &Type, in_event: bool) -> String {
    let ty = rust_type(ty, "api_types::");
    if in_event { format!("specwright_runtime::sequence::Event<{ty}>") } else { ty }
}

/// The text of a type; `names` is put before the names of `api-types` (`""` there, `"api_types::"` elsewhere).
///
/// The crates import nothing but `api_types` for it: everything else is written with the path that its users write. `api-types` has
/// the value types from `specwright-model`, the others from the runtime, which re-exports them.
pub(crate) fn rust_type(ty: &Type, names: &str) -> String {
    let home = if names.is_empty() { "specwright_model" } else { "specwright_runtime" };
    let value = |name: &str| format!("{home}::value::{name}");
    match ty {
        Type::Named(name) => format!("{names}{name}"),
        Type::String => "String".into(),
        Type::Boolean => "bool".into(),
        Type::I32 => "i32".into(),
        Type::I64 => "i64".into(),
        Type::U64 => "u64".into(),
        Type::F64 => "f64".into(),
        Type::Uuid => "uuid::Uuid".into(),
        Type::Date => "chrono::NaiveDate".into(),
        Type::DateTime => "chrono::DateTime<chrono::Utc>".into(),
        Type::Ipv4 => "std::net::Ipv4Addr".into(),
        Type::Ipv6 => "std::net::Ipv6Addr".into(),
        Type::Base64 => value("Base64"),
        Type::Decimal => value("Decimal"),
        Type::Duration => value("Duration"),
        Type::Time => value("Time"),
        Type::Json => "serde_json::Value".into(),
        Type::Null => "()".into(),
        Type::Array(item) => format!("Vec<{}>", rust_type(item, names)),
        Type::Map(value) => format!("std::collections::BTreeMap<String, {}>", rust_type(value, names)),
        Type::Tuple(tuple) if tuple.is_plain() => elements(&tuple.required, names),
        Type::Tuple(tuple) => {
            let rest = tuple.rest.as_ref().map_or_else(|| value("Never"), |rest| rust_type(rest, names));
            let optional: Vec<Type> = tuple.optional.iter().map(|ty| Type::Nullable(Box::new(ty.clone()))).collect();
            let (required, optional) = (elements(&tuple.required, names), elements(&optional, names));
            format!("{}<{required}, {optional}, {rest}>", value("Tuple"))
        }
        Type::Nullable(value) => format!("Option<{}>", rust_type(value, names)),
        Type::Boxed(value) => format!("Box<{}>", rust_type(value, names)),
    }
}

/// `(A, B)`.
fn elements(types: &[Type], names: &str) -> String {
    let types: Vec<String> = types.iter().map(|ty| rust_type(ty, names)).collect();
    match types.as_slice() {
        [only] => format!("({only},)"),
        several => format!("({})", several.join(", ")),
    }
}
