//! Schemas in one normal form: JSON Schema 2020-12, whatever version the contract is in.
//!
//! Schemas stand in an arena and name each other by [`SchemaId`], so recursion is no special case. A `$ref` without
//! siblings that matter is not a schema of its own: it is its target's id.

use crate::ir::{Docs, JsonType, Literal, Number};
use crate::source::Node;

/// A schema of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub usize);

/// A schema in normal form. Names of fields are those of the keywords.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the keywords of JSON Schema")]
pub struct Schema<'a> {
    /// The value in the contract.
    pub node: Option<&'a Node>,
    pub title: Option<String>,
    pub docs: Docs,
    /// `x-rust-name`.
    pub rust_name: Option<String>,
    /// The name that a component or a file gives it.
    pub component: Option<String>,
    /// Whether some `$ref` leads to it.
    pub referenced: bool,
    pub never: bool,
    /// `$ref` with siblings that matter.
    pub reference: Option<SchemaId>,
    pub types: Vec<JsonType>,
    /// `nullable` of OpenAPI 3.0, also where there is no `type` that could hold `null`.
    pub nullable: bool,
    pub format: Option<String>,
    pub enumeration: Option<Vec<Literal>>,
    /// `x-enum-varnames` or `x-enumNames`.
    pub enum_names: Vec<String>,
    pub default: Option<&'a Node>,
    pub minimum: Option<Number>,
    pub maximum: Option<Number>,
    pub exclusive_minimum: Option<Number>,
    pub exclusive_maximum: Option<Number>,
    pub multiple_of: Option<Number>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub pattern: Option<String>,
    pub content_media_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_schema: Option<SchemaId>,
    pub items: Option<SchemaId>,
    pub prefix_items: Vec<SchemaId>,
    pub contains: Option<SchemaId>,
    pub min_contains: Option<u64>,
    pub max_contains: Option<u64>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub unique_items: bool,
    pub unevaluated_items: Option<SchemaId>,
    pub properties: Vec<Property<'a>>,
    pub required: Vec<String>,
    pub additional_properties: Option<SchemaId>,
    pub pattern_properties: Vec<(String, SchemaId)>,
    pub property_names: Option<SchemaId>,
    pub min_properties: Option<u64>,
    pub max_properties: Option<u64>,
    pub dependent_required: Vec<(String, Vec<String>)>,
    pub dependent_schemas: Vec<(String, SchemaId)>,
    pub unevaluated_properties: Option<SchemaId>,
    pub all_of: Vec<SchemaId>,
    pub any_of: Vec<SchemaId>,
    pub one_of: Vec<SchemaId>,
    pub not: Option<SchemaId>,
    pub if_: Option<SchemaId>,
    pub then_: Option<SchemaId>,
    pub else_: Option<SchemaId>,
    pub discriminator: Option<Discriminator>,
    pub read_only: bool,
    pub write_only: bool,
}

/// A property, with what stands beside its `$ref`.
#[derive(Clone, Debug)]
pub struct Property<'a> {
    /// Name on the wire.
    pub name: String,
    /// Its schema.
    pub schema: SchemaId,
    /// Prose beside the `$ref`.
    pub docs: Docs,
    /// `default` beside the `$ref`, or in the schema itself.
    pub default: Option<&'a Node>,
    /// `x-rust-name`: what its field is called.
    pub rust_name: Option<String>,
}

/// `discriminator`.
#[derive(Clone, Debug)]
pub struct Discriminator {
    /// `propertyName`.
    pub property: String,
    /// Values and the schemas they stand for.
    pub mapping: Vec<(String, SchemaId)>,
}

impl Schema<'_> {
    /// Whether it says anything about members of an object.
    pub fn has_properties(&self) -> bool {
        !self.properties.is_empty()
    }

    /// `oneOf`, or else `anyOf`.
    pub fn alternatives(&self) -> &[SchemaId] {
        if self.one_of.is_empty() { &self.any_of } else { &self.one_of }
    }

    /// Whether `type` allows it, or says nothing.
    pub fn may_be(&self, ty: JsonType) -> bool {
        self.types.is_empty() || self.types.contains(&ty)
    }

    /// Types without `null`.
    pub fn types_but_null(&self) -> Vec<JsonType> {
        self.types.iter().copied().filter(|ty| *ty != JsonType::Null).collect()
    }
}
