//! JSON Schema 2020-12 as constant data, and the interpreter that judges a JSON value by it.
//!
//! Generated code holds one `static` of [`Schema`] per schema of the contract and nothing else: no generated `if`, no macro. A
//! schema costs no time at start (patterns are compiled at first use) and the interpreter is the same for every contract.
//!
//! ```
//! use specwright_model::schema::{Direction, Schema, validate};
//!
//! static TITLE: Schema = Schema::STRING.max_length(3);
//! static TASK: Schema = Schema::object(&[("title", &TITLE)]).required(&["title"]);
//!
//! let violations = validate(&TASK, &serde_json::json!({ "title": "four" }), Direction::Request);
//! assert_eq!(violations[0].pointer, "/title");
//! assert_eq!(violations[0].keyword, "maxLength");
//! ```
//!
//! Deliberately not here: loading schemas at run time, annotations, and `$id`, `$anchor` and `$dynamicRef`, which the generator
//! has followed. Formats are asserted: a contract that says `format: uuid` means it.

mod build;
mod compare;
mod explore;
mod format;
mod linear;
mod number;
mod pattern;
mod prepare;
mod reading;
mod validate;
mod words;

pub(crate) use self::format::{is_decimal, is_duration, is_time};
// What the runtime asks of a schema to read text by it.
#[doc(hidden)]
pub use self::{
    explore::{accepted_types, items_of, property_of},
    reading::{additional_of, properties_of, read_number, takes_additional},
};
pub use self::{
    format::Format,
    number::Number,
    pattern::Pattern,
    prepare::{Marks, marks, prepare_request, strip_write_only},
    validate::{Direction, Violation, no_member, select, select_tagged, unknown_tag, validate},
};

/// A JSON Schema (2020-12). Begin with its type ([`Schema::STRING`], [`Schema::object`], ...), then say its keywords.
///
/// Each field is the keyword of its name in snake case; an absent keyword is `None`, an empty slice, [`Types::ANY`] or `false`.
#[derive(Debug)]
pub struct Schema {
    /// `$ref`. Keywords beside it apply too. Statics may refer to each other in circles.
    pub reference: Option<&'static Schema>,
    /// The schema `false`: nothing is valid.
    pub never: bool,
    /// `type`.
    pub types: Types,
    /// `format`, asserted.
    pub format: Option<Format>,
    /// `enum`; `const` is an enum of one.
    pub enumeration: Option<&'static [Literal]>,
    /// `minimum`.
    pub minimum: Option<Number>,
    /// `maximum`.
    pub maximum: Option<Number>,
    /// `exclusiveMinimum`.
    pub exclusive_minimum: Option<Number>,
    /// `exclusiveMaximum`.
    pub exclusive_maximum: Option<Number>,
    /// `multipleOf`, judged in decimal: 0.3 is a multiple of 0.1.
    pub multiple_of: Option<Number>,
    /// `minLength`, in Unicode code points.
    pub min_length: Option<u64>,
    /// `maxLength`, in Unicode code points.
    pub max_length: Option<u64>,
    /// `pattern`, not anchored. Not tried on a string that is longer than `maxLength`.
    pub pattern: Option<&'static Pattern>,
    /// `items`: the elements after `prefixItems`.
    pub items: Option<&'static Schema>,
    /// `prefixItems`.
    pub prefix_items: &'static [&'static Schema],
    /// `contains`.
    pub contains: Option<&'static Schema>,
    /// `minContains`; 1 where absent.
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
    pub unevaluated_items: Option<&'static Schema>,
    /// `properties`.
    pub properties: &'static [(&'static str, &'static Schema)],
    /// `required`.
    pub required: &'static [&'static str],
    /// `additionalProperties`; `false` is `Some(&Schema::NEVER)`.
    pub additional_properties: Option<&'static Schema>,
    /// `patternProperties`.
    pub pattern_properties: &'static [(&'static Pattern, &'static Schema)],
    /// `propertyNames`.
    pub property_names: Option<&'static Schema>,
    /// `minProperties`.
    pub min_properties: Option<u64>,
    /// `maxProperties`.
    pub max_properties: Option<u64>,
    /// `dependentRequired`.
    pub dependent_required: &'static [(&'static str, &'static [&'static str])],
    /// `dependentSchemas`.
    pub dependent_schemas: &'static [(&'static str, &'static Schema)],
    /// `unevaluatedProperties`.
    pub unevaluated_properties: Option<&'static Schema>,
    /// `allOf`.
    pub all_of: &'static [&'static Schema],
    /// `anyOf`.
    pub any_of: &'static [&'static Schema],
    /// `oneOf`.
    pub one_of: &'static [&'static Schema],
    /// `not`.
    pub not: Option<&'static Schema>,
    /// `if`.
    pub if_: Option<&'static Schema>,
    /// `then`.
    pub then_: Option<&'static Schema>,
    /// `else`.
    pub else_: Option<&'static Schema>,
    /// `discriminator` (OpenAPI): chooses the member of `oneOf` or `anyOf` that the value is judged by.
    pub discriminator: Option<&'static Discriminator>,
    /// `readOnly`: ignored in requests.
    pub read_only: bool,
    /// `writeOnly`: left out of responses.
    pub write_only: bool,
}

/// A set of JSON types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u8);

/// OpenAPI's `discriminator`: the value of a property names the member of the union.
#[derive(Debug)]
pub struct Discriminator {
    /// The name of the property.
    pub property: &'static str,
    /// A value of the property, and the index of its member in `oneOf` (or `anyOf`).
    pub mapping: &'static [(&'static str, usize)],
}

/// A JSON value as constant data, for `enum`, `const` and `default`.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(&'static str),
    /// An array.
    Array(&'static [Literal]),
    /// An object.
    Object(&'static [(&'static str, Literal)]),
}

impl Schema {
    /// The schema `true`: everything is valid.
    pub const ANY: Self = Self {
        reference: None,
        never: false,
        types: Types::ANY,
        format: None,
        enumeration: None,
        minimum: None,
        maximum: None,
        exclusive_minimum: None,
        exclusive_maximum: None,
        multiple_of: None,
        min_length: None,
        max_length: None,
        pattern: None,
        items: None,
        prefix_items: &[],
        contains: None,
        min_contains: None,
        max_contains: None,
        min_items: None,
        max_items: None,
        unique_items: false,
        unevaluated_items: None,
        properties: &[],
        required: &[],
        additional_properties: None,
        pattern_properties: &[],
        property_names: None,
        min_properties: None,
        max_properties: None,
        dependent_required: &[],
        dependent_schemas: &[],
        unevaluated_properties: None,
        all_of: &[],
        any_of: &[],
        one_of: &[],
        not: None,
        if_: None,
        then_: None,
        else_: None,
        discriminator: None,
        read_only: false,
        write_only: false,
    };

    /// The schema `false`: nothing is valid.
    pub const NEVER: Self = Self { never: true, ..Self::ANY };
}

impl Types {
    /// Every type: the keyword is absent.
    pub const ANY: Self = Self(0b111_1111);
    /// `null`.
    pub const NULL: Self = Self(1);
    /// `boolean`.
    pub const BOOLEAN: Self = Self(1 << 1);
    /// `integer`: a number without a fraction, so `1.0` is one.
    pub const INTEGER: Self = Self(1 << 2);
    /// `number`, integers included.
    pub const NUMBER: Self = Self(1 << 3 | 1 << 2);
    /// `string`.
    pub const STRING: Self = Self(1 << 4);
    /// `array`.
    pub const ARRAY: Self = Self(1 << 5);
    /// `object`.
    pub const OBJECT: Self = Self(1 << 6);
    /// No type at all: what two schemas without a common type accept.
    pub(crate) const NONE: Self = Self(0);

    /// The types of both sets: `Types::STRING.or(Types::NULL)`.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The types common to both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all types of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Literal {
    /// The literal as a JSON value.
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Bool(*boolean),
            Self::Number(number) => number.to_value(),
            Self::String(text) => Value::String((*text).to_owned()),
            Self::Array(elements) => elements.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                Value::Object(members.iter().map(|(name, member)| ((*name).to_owned(), member.to_value())).collect())
            }
        }
    }
}
