//! Questions about a schema itself: which types it takes, which schema a property has.
//!
//! The answers look through `$ref`, `allOf`, `anyOf` and `oneOf`.

use super::{Literal, Schema, Types};

/// How far references are followed: a schema that only refers to itself ends here.
pub(super) const MAXIMUM_DEPTH: usize = 16;

/// The JSON types that a value of the schema can have.
pub fn accepted_types(schema: &Schema) -> Types {
    fn accepted(schema: &Schema, depth: usize) -> Types {
        if schema.never {
            return Types::NONE;
        }
        if depth > MAXIMUM_DEPTH {
            return Types::ANY;
        }
        let mut types = schema.types;
        if let Some(enumeration) = schema.enumeration {
            types = types.and(enumeration.iter().map(type_of).fold(Types::NONE, Types::or));
        }
        for member in schema.reference.iter().chain(schema.all_of) {
            types = types.and(accepted(member, depth + 1));
        }
        for union in [schema.any_of, schema.one_of] {
            if !union.is_empty() {
                types = types.and(union.iter().map(|member| accepted(member, depth + 1)).fold(Types::NONE, Types::or));
            }
        }
        types
    }
    accepted(schema, 0)
}

/// The schema of a property.
pub fn property_of<'a>(schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    find(schema, &|schema| schema.properties.iter().find(|(property, _)| *property == name).map(|(_, schema)| *schema))
}

/// The schema of the element at an index.
pub fn items_of(schema: &Schema, index: usize) -> Option<&Schema> {
    find(schema, &|schema| schema.prefix_items.get(index).copied().or(schema.items))
}

/// Whether a declaration of a property has what is asked for, in the schema or one that always applies with it.
pub(super) fn any_declaration(schema: &Schema, name: &str, question: &dyn Fn(&Schema) -> bool) -> bool {
    fn any(schema: &Schema, name: &str, question: &dyn Fn(&Schema) -> bool, depth: usize) -> bool {
        schema.properties.iter().any(|(property, schema)| *property == name && question(schema))
            || (depth < MAXIMUM_DEPTH
                && schema.reference.iter().chain(schema.all_of).any(|member| any(member, name, question, depth + 1)))
    }
    any(schema, name, question, 0)
}

/// Whether the schema, or one that always applies with it, has a mark.
pub(super) fn is_marked(schema: &Schema, mark: fn(&Schema) -> bool) -> bool {
    fn marked(schema: &Schema, mark: fn(&Schema) -> bool, depth: usize) -> bool {
        mark(schema)
            || (depth < MAXIMUM_DEPTH
                && schema.reference.iter().chain(schema.all_of).any(|member| marked(member, mark, depth + 1)))
    }
    marked(schema, mark, 0)
}

fn type_of(literal: &Literal) -> Types {
    match literal {
        Literal::Null => Types::NULL,
        Literal::Boolean(_) => Types::BOOLEAN,
        Literal::Number(number) if number.decimal().is_integer() => Types::INTEGER,
        Literal::Number(_) => Types::NUMBER,
        Literal::String(_) => Types::STRING,
        Literal::Array(_) => Types::ARRAY,
        Literal::Object(_) => Types::OBJECT,
    }
}

/// The first answer, looking at the schema itself before those that it is made of.
pub(super) fn find<'a>(schema: &'a Schema, question: &dyn Fn(&'a Schema) -> Option<&'a Schema>) -> Option<&'a Schema> {
    fn search<'a>(
        schema: &'a Schema,
        question: &dyn Fn(&'a Schema) -> Option<&'a Schema>,
        depth: usize,
    ) -> Option<&'a Schema> {
        question(schema).or_else(|| {
            if depth >= MAXIMUM_DEPTH {
                return None;
            }
            in_place(schema).find_map(|member| search(member, question, depth + 1))
        })
    }
    search(schema, question, 0)
}

/// The schemas that apply to the same value.
pub(super) fn in_place(schema: &Schema) -> impl Iterator<Item = &'static Schema> {
    schema
        .reference
        .into_iter()
        .chain(schema.all_of.iter().chain(schema.any_of).chain(schema.one_of).copied())
        .chain([schema.if_, schema.then_, schema.else_].into_iter().flatten())
}
