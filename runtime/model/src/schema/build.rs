//! How a schema is written down: its type, then keyword after keyword.
//!
//! Everything is `const`, so that `static TITLE: Schema = Schema::STRING.max_length(200)` costs nothing at start. Each method is the
//! keyword of its name in snake case.

use super::{Discriminator, Format, Literal, Number, Pattern, Schema, Types};

/// Names of properties and their schemas.
type Members = &'static [(&'static str, &'static Schema)];

/// A keyword's method.
macro_rules! keywords {
    ($($(#[$docs:meta])* $name:ident($($argument:ident: $type:ty)?) = $value:expr;)*) => {
        impl Schema {
            $($(#[$docs])*
            #[must_use]
            pub const fn $name(mut self $(, $argument: $type)?) -> Self {
                self.$name = $value;
                self
            })*
        }
    };
}

impl Schema {
    /// `type: null`.
    pub const NULL: Self = Self::of(Types::NULL);
    /// `type: boolean`.
    pub const BOOLEAN: Self = Self::of(Types::BOOLEAN);
    /// `type: integer`.
    pub const INTEGER: Self = Self::of(Types::INTEGER);
    /// `type: number`.
    pub const NUMBER: Self = Self::of(Types::NUMBER);
    /// `type: string`.
    pub const STRING: Self = Self::of(Types::STRING);
    /// `type: array`.
    pub const ARRAY: Self = Self::of(Types::ARRAY);
    /// `type: object`.
    pub const OBJECT: Self = Self::of(Types::OBJECT);

    /// Values of some types.
    pub const fn of(types: Types) -> Self {
        Self { types, ..Self::ANY }
    }

    /// `type: array` with `items`.
    pub const fn array(items: &'static Self) -> Self {
        Self::ARRAY.items(items)
    }

    /// `type: object` with `properties`.
    pub const fn object(properties: Members) -> Self {
        Self::OBJECT.properties(properties)
    }

    /// `null` as well: `type: [string, "null"]`, or `nullable: true` in OpenAPI 3.0.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.types = self.types.or(Types::NULL);
        self
    }
}

impl Literal {
    /// An enumeration of strings.
    pub const fn strings<const N: usize>(values: [&'static str; N]) -> [Self; N] {
        let mut literals = [Self::Null; N];
        let mut index = 0;
        while index < N {
            literals[index] = Self::String(values[index]);
            index += 1;
        }
        literals
    }

    /// An enumeration of integers.
    pub const fn integers<const N: usize>(values: [i128; N]) -> [Self; N] {
        let mut literals = [Self::Null; N];
        let mut index = 0;
        while index < N {
            literals[index] = Self::Number(Number::Integer(values[index]));
            index += 1;
        }
        literals
    }
}

keywords! {
    /// `$ref`.
    reference(schema: &'static Self) = Some(schema);
    /// `format`, asserted.
    format(format: Format) = Some(format);
    /// `enum`; `const` is an enum of one.
    enumeration(values: &'static [Literal]) = Some(values);
    /// `minimum`.
    minimum(number: Number) = Some(number);
    /// `maximum`.
    maximum(number: Number) = Some(number);
    /// `exclusiveMinimum`.
    exclusive_minimum(number: Number) = Some(number);
    /// `exclusiveMaximum`.
    exclusive_maximum(number: Number) = Some(number);
    /// `multipleOf`.
    multiple_of(number: Number) = Some(number);
    /// `minLength`, in Unicode code points.
    min_length(count: u64) = Some(count);
    /// `maxLength`, in Unicode code points.
    max_length(count: u64) = Some(count);
    /// `pattern`.
    pattern(pattern: &'static Pattern) = Some(pattern);
    /// `items`.
    items(schema: &'static Self) = Some(schema);
    /// `prefixItems`.
    prefix_items(schemas: &'static [&'static Self]) = schemas;
    /// `contains`.
    contains(schema: &'static Self) = Some(schema);
    /// `minContains`.
    min_contains(count: u64) = Some(count);
    /// `maxContains`.
    max_contains(count: u64) = Some(count);
    /// `minItems`.
    min_items(count: u64) = Some(count);
    /// `maxItems`.
    max_items(count: u64) = Some(count);
    /// `uniqueItems: true`.
    unique_items() = true;
    /// `unevaluatedItems`.
    unevaluated_items(schema: &'static Self) = Some(schema);
    /// `properties`.
    properties(members: Members) = members;
    /// `required`.
    required(names: &'static [&'static str]) = names;
    /// `additionalProperties`.
    additional_properties(schema: &'static Self) = Some(schema);
    /// `patternProperties`.
    pattern_properties(members: &'static [(&'static Pattern, &'static Self)]) = members;
    /// `propertyNames`.
    property_names(schema: &'static Self) = Some(schema);
    /// `minProperties`.
    min_properties(count: u64) = Some(count);
    /// `maxProperties`.
    max_properties(count: u64) = Some(count);
    /// `dependentRequired`.
    dependent_required(members: &'static [(&'static str, &'static [&'static str])]) = members;
    /// `dependentSchemas`.
    dependent_schemas(members: Members) = members;
    /// `unevaluatedProperties`.
    unevaluated_properties(schema: &'static Self) = Some(schema);
    /// `allOf`.
    all_of(schemas: &'static [&'static Self]) = schemas;
    /// `anyOf`.
    any_of(schemas: &'static [&'static Self]) = schemas;
    /// `oneOf`.
    one_of(schemas: &'static [&'static Self]) = schemas;
    /// `not`.
    not(schema: &'static Self) = Some(schema);
    /// `if`.
    if_(schema: &'static Self) = Some(schema);
    /// `then`.
    then_(schema: &'static Self) = Some(schema);
    /// `else`.
    else_(schema: &'static Self) = Some(schema);
    /// `discriminator` (OpenAPI).
    discriminator(discriminator: &'static Discriminator) = Some(discriminator);
    /// `readOnly: true`.
    read_only() = true;
    /// `writeOnly: true`.
    write_only() = true;
}
