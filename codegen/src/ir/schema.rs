//! Schemas as data: the mirror of `specwright_runtime::schema::Schema`, printed as statics.
//!
//! Nothing is lost here: whatever keyword the contract uses stands in one of these fields, or `lower` has
//! reported a diagnostic. Rust types may be looser than a schema; the schema is what decides on a request.

/// A schema used somewhere: by name, or in place.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaRef {
    /// The static of a named type: the `schema_static` of a [`super::TypeDef`].
    Named(String),
    /// In place.
    Inline(Box<Schema>),
}

/// JSON Schema 2020-12, normalised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// `$ref` with siblings.
    pub reference: Option<String>,
    /// The schema `false`.
    pub never: bool,
    /// `type`; empty means any.
    pub types: Vec<JsonType>,
    /// `format`, the variant's name in `specwright_runtime::schema::Format`; unknown formats are dropped (annotation).
    pub format: Option<&'static str>,
    /// `enum` (`const` is an enum of one).
    pub enumeration: Option<Vec<Literal>>,
    /// `minimum`.
    pub minimum: Option<Number>,
    /// `maximum`.
    pub maximum: Option<Number>,
    /// `exclusiveMinimum`.
    pub exclusive_minimum: Option<Number>,
    /// `exclusiveMaximum`.
    pub exclusive_maximum: Option<Number>,
    /// `multipleOf`.
    pub multiple_of: Option<Number>,
    /// `minLength`.
    pub min_length: Option<u64>,
    /// `maxLength`.
    pub max_length: Option<u64>,
    /// `pattern`: an index into [`super::Api::patterns`].
    pub pattern: Option<usize>,
    /// `items`.
    pub items: Option<SchemaRef>,
    /// `prefixItems`.
    pub prefix_items: Vec<SchemaRef>,
    /// `contains`.
    pub contains: Option<SchemaRef>,
    /// `minContains`.
    pub min_contains: Option<u64>,
    /// `maxContains`.
    pub max_contains: Option<u64>,
    /// `minItems`.
    pub min_items: Option<u64>,
    /// `maxItems`.
    pub max_items: Option<u64>,
    /// `uniqueItems`.
    pub unique_items: bool,
    /// `unevaluatedItems`.
    pub unevaluated_items: Option<SchemaRef>,
    /// `properties`.
    pub properties: Vec<(String, SchemaRef)>,
    /// `required`.
    pub required: Vec<String>,
    /// `additionalProperties` (`false` is [`Schema::never`]; `true` is left out).
    pub additional_properties: Option<SchemaRef>,
    /// `patternProperties`: pattern index and schema.
    pub pattern_properties: Vec<(usize, SchemaRef)>,
    /// `propertyNames`.
    pub property_names: Option<SchemaRef>,
    /// `minProperties`.
    pub min_properties: Option<u64>,
    /// `maxProperties`.
    pub max_properties: Option<u64>,
    /// `dependentRequired`.
    pub dependent_required: Vec<(String, Vec<String>)>,
    /// `dependentSchemas`.
    pub dependent_schemas: Vec<(String, SchemaRef)>,
    /// `unevaluatedProperties`.
    pub unevaluated_properties: Option<SchemaRef>,
    /// `allOf`.
    pub all_of: Vec<SchemaRef>,
    /// `anyOf`.
    pub any_of: Vec<SchemaRef>,
    /// `oneOf`.
    pub one_of: Vec<SchemaRef>,
    /// `not`.
    pub not: Option<SchemaRef>,
    /// `if`.
    pub if_: Option<SchemaRef>,
    /// `then`.
    pub then_: Option<SchemaRef>,
    /// `else`.
    pub else_: Option<SchemaRef>,
    /// `discriminator`: property name, and value -> index into `one_of` (or `any_of`).
    pub discriminator: Option<(String, Vec<(String, usize)>)>,
    /// `readOnly`.
    pub read_only: bool,
    /// `writeOnly`.
    pub write_only: bool,
}

/// `type` of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of JSON Schema")]
pub enum JsonType {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// A number of the contract, exact where it is an integer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i128),
    /// Anything else.
    Float(f64),
}

/// A JSON value of the contract.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the kinds of JSON")]
pub enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    String(String),
    Array(Vec<Literal>),
    Object(Vec<(String, Literal)>),
}
