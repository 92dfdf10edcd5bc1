//! Named types and references to types.

use super::{Docs, Literal, Name, Schema};

/// A type that gets an item of its own in `api-types`.
#[derive(Clone, Debug)]
pub struct TypeDef {
    /// Type name (UpperCamelCase) and the schema's name in the contract (made up for hoisted inline schemas).
    pub name: Name,
    /// Name of the static that holds its schema, in `schemas` (SCREAMING_SNAKE_CASE).
    pub schema_static: String,
    /// Module (file) of `api-types` it stands in: the tag that alone uses it, or `common`. snake_case.
    pub module: String,
    /// Prose.
    pub docs: Docs,
    /// Shape.
    pub kind: TypeKind,
    /// What a value must satisfy; complete even where `kind` is looser.
    pub schema: Schema,
}

/// The shape of a named type.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// A JSON object with known fields.
    Struct(Struct),
    /// A closed set of strings. Gets `Display`, `FromStr`, `as_str`; `Default` where it has one variant.
    StringEnum(Vec<Variant<String>>),
    /// A closed set of integers, `#[serde(try_from = "i64", into = "i64")]`.
    IntegerEnum(Vec<Variant<i64>>),
    /// One of several types.
    Union(Union),
    /// A `type` alias: arrays, maps, scalars, untyped values.
    Alias(Type),
    /// A struct of one unnamed field, which serde does not see: an array, map or tuple that contains itself.
    Newtype(Type),
}

/// A JSON object with known fields.
#[derive(Clone, Debug, Default)]
pub struct Struct {
    /// Fields in the order of the contract.
    pub fields: Vec<Field>,
    /// Value type of `additionalProperties` where it is a schema or `true`: a flattened map named `additional_properties`.
    pub additional: Option<Type>,
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// snake_case field and JSON property.
    pub name: Name,
    /// Prose.
    pub docs: Docs,
    /// Type of the value itself, without what `presence` adds.
    pub ty: Type,
    /// Whether the property may be absent or null.
    pub presence: Presence,
}

/// Whether a property may be absent or null, and so what wraps its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// `T`.
    Required,
    /// `Option<T>`: null on the wire, never absent.
    RequiredNullable,
    /// `Option<T>`: absent, never null.
    Optional,
    /// `Patch<T>`: absent, null and a value are three things.
    OptionalNullable,
    /// `T`: absent means this value (it fits the type; `lower` checked).
    Default(Literal),
}

/// A variant of an enum of literals.
#[derive(Clone, Debug)]
pub struct Variant<T> {
    /// UpperCamelCase identifier.
    pub rust: String,
    /// Value on the wire.
    pub value: T,
    /// Prose.
    pub docs: Docs,
}

/// One of several types.
#[derive(Clone, Debug)]
pub struct Union {
    /// Members in the order of the contract.
    pub variants: Vec<UnionVariant>,
    /// How a value is told to be one or the other.
    pub tag: Option<Tagging>,
}

/// A member of a union.
#[derive(Clone, Debug)]
pub struct UnionVariant {
    /// UpperCamelCase identifier.
    pub rust: String,
    /// The member.
    pub ty: Type,
    /// Values of the discriminator that select it (empty without a discriminator).
    pub tags: Vec<String>,
    /// Schema of the member, for the choice without a discriminator.
    pub schema: super::SchemaRef,
    /// Prose.
    pub docs: Docs,
}

/// A discriminator.
#[derive(Clone, Debug)]
pub struct Tagging {
    /// `discriminator.propertyName`.
    pub property: String,
    /// Whether every member declares the property itself; where false, serialisation adds the first of `tags`.
    pub declared: bool,
}

/// A reference to a type.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A type of `api-types`, by Rust name.
    Named(String),
    /// `String`.
    String,
    /// `bool`.
    Boolean,
    /// `i32` (`format: int32`).
    I32,
    /// `i64` (any other integer).
    I64,
    /// `u64` (`format: uint64`).
    U64,
    /// `f64`.
    F64,
    /// `uuid::Uuid`.
    Uuid,
    /// `chrono::NaiveDate`.
    Date,
    /// `chrono::DateTime<chrono::Utc>`.
    DateTime,
    /// `std::net::Ipv4Addr`.
    Ipv4,
    /// `std::net::Ipv6Addr`.
    Ipv6,
    /// `specwright_runtime::value::Base64` (`format: byte`).
    Base64,
    /// `specwright_runtime::value::Decimal` (`format: decimal` of a string).
    Decimal,
    /// `specwright_runtime::value::Duration` (`format: duration`).
    Duration,
    /// `specwright_runtime::value::Time` (`format: time`).
    Time,
    /// `serde_json::Value`.
    Json,
    /// `()`: only `null` (a unit that serde writes as null).
    Null,
    /// `Vec<T>`.
    Array(Box<Type>),
    /// `std::collections::BTreeMap<String, T>`.
    Map(Box<Type>),
    /// `(A, B)`, or `specwright_runtime::value::Tuple` where a list may be shorter or longer.
    Tuple(Box<Tuple>),
    /// `Option<T>`: null or a value, inside arrays, maps and aliases.
    Nullable(Box<Type>),
    /// `Box<T>`: breaks a recursion.
    Boxed(Box<Type>),
}

/// A list of which each element has a type of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuple {
    /// Elements that are always there; at most twelve.
    pub required: Vec<Type>,
    /// Elements that a shorter list lacks; at most twelve.
    pub optional: Vec<Type>,
    /// Elements after them, where there may be any.
    pub rest: Option<Type>,
}

impl Tuple {
    /// Whether it is a tuple of Rust.
    pub fn is_plain(&self) -> bool {
        self.optional.is_empty() && self.rest.is_none() && !self.required.is_empty()
    }

    /// The types of all elements.
    pub fn elements(&self) -> impl Iterator<Item = &Type> {
        self.required.iter().chain(&self.optional).chain(&self.rest)
    }
}

impl Type {
    /// The types that it is made of.
    pub fn parts(&self) -> Vec<&Type> {
        match self {
            Self::Array(inner) | Self::Map(inner) | Self::Nullable(inner) | Self::Boxed(inner) => vec![inner],
            Self::Tuple(tuple) => tuple.elements().collect(),
            _ => Vec::new(),
        }
    }
}
