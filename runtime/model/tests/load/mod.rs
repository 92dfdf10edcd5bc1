//! A JSON Schema document as the constant data that generated code holds. Test-only: it leaks, and it unfolds a recursive
//! `$ref` a few times instead of closing the circle.

use serde_json::{Map, Value};
use specwright_model::schema::{Discriminator, Format, Literal, Number, Pattern, Schema, Types};

const UNFOLDED: usize = 8;

/// The schema at the document's root.
pub(crate) fn load(document: &Value) -> &'static Schema {
    Loader { document, depth: 0 }.schema(document)
}

#[derive(Clone, Copy)]
struct Loader<'a> {
    document: &'a Value,
    depth: usize,
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn leak_all<T>(values: Vec<T>) -> &'static [T] {
    Box::leak(values.into_boxed_slice())
}

fn text(value: &str) -> &'static str {
    Box::leak(value.to_owned().into_boxed_str())
}

impl Loader<'_> {
    fn schema(self, source: &Value) -> &'static Schema {
        match source {
            Value::Bool(true) => leak(Schema::ANY),
            Value::Bool(false) => leak(Schema::NEVER),
            Value::Object(source) => leak(self.object(source)),
            other => panic!("not a schema: {other}"),
        }
    }

    fn object(self, source: &Map<String, Value>) -> Schema {
        let one = |name: &str| source.get(name).map(|schema| self.schema(schema));
        let many =
            |name: &str| {
                leak_all(source.get(name).map_or(Vec::new(), |list| {
                    list.as_array().unwrap().iter().map(|schema| self.schema(schema)).collect()
                }))
            };
        let members = |name: &str| {
            leak_all(source.get(name).map_or(Vec::new(), |members| {
                members.as_object().unwrap().iter().map(|(name, schema)| (text(name), self.schema(schema))).collect()
            }))
        };
        let patterns: Vec<_> = source.get("patternProperties").map_or(Vec::new(), |members| {
            let members = members.as_object().unwrap().iter();
            members.map(|(name, schema)| (leak(Pattern::new(text(name))), self.schema(schema))).collect()
        });
        let whole = |name: &str| source.get(name).map(|number| number.as_f64().unwrap() as u64);
        let flag = |name: &str| source.get(name) == Some(&Value::Bool(true));
        let enumeration = match (source.get("enum"), source.get("const")) {
            (Some(values), _) => Some(leak_all(values.as_array().unwrap().iter().map(literal).collect())),
            (None, Some(value)) => Some(leak_all(vec![literal(value)])),
            (None, None) => None,
        };
        let dependent_required = source.get("dependentRequired").map_or(Vec::new(), |members| {
            members.as_object().unwrap().iter().map(|(name, names)| (text(name), names_of(names))).collect()
        });
        Schema {
            reference: source.get("$ref").map(|reference| self.resolve(reference.as_str().unwrap())),
            never: false,
            types: source.get("type").map_or(Types::ANY, types),
            format: source.get("format").and_then(|format| Format::from_name(format.as_str()?)),
            enumeration,
            minimum: source.get("minimum").map(number),
            maximum: source.get("maximum").map(number),
            exclusive_minimum: source.get("exclusiveMinimum").map(number),
            exclusive_maximum: source.get("exclusiveMaximum").map(number),
            multiple_of: source.get("multipleOf").map(number),
            min_length: whole("minLength"),
            max_length: whole("maxLength"),
            pattern: source.get("pattern").map(|pattern| leak(Pattern::new(text(pattern.as_str().unwrap())))),
            items: one("items"),
            prefix_items: many("prefixItems"),
            contains: one("contains"),
            min_contains: whole("minContains"),
            max_contains: whole("maxContains"),
            min_items: whole("minItems"),
            max_items: whole("maxItems"),
            unique_items: flag("uniqueItems"),
            unevaluated_items: one("unevaluatedItems"),
            properties: members("properties"),
            required: source.get("required").map_or(&[], names_of),
            additional_properties: one("additionalProperties"),
            pattern_properties: leak_all(patterns),
            property_names: one("propertyNames"),
            min_properties: whole("minProperties"),
            max_properties: whole("maxProperties"),
            dependent_required: leak_all(dependent_required),
            dependent_schemas: members("dependentSchemas"),
            unevaluated_properties: one("unevaluatedProperties"),
            all_of: many("allOf"),
            any_of: many("anyOf"),
            one_of: many("oneOf"),
            not: one("not"),
            if_: one("if"),
            then_: one("then"),
            else_: one("else"),
            discriminator: source.get("discriminator").map(|discriminator| {
                let mapping = discriminator["mapping"].as_object().unwrap().iter();
                leak(Discriminator {
                    property: text(discriminator["propertyName"].as_str().unwrap()),
                    mapping: leak_all(
                        mapping.map(|(name, index)| (text(name), index.as_u64().unwrap() as usize)).collect(),
                    ),
                })
            }),
            read_only: flag("readOnly"),
            write_only: flag("writeOnly"),
        }
    }

    fn resolve(mut self, reference: &str) -> &'static Schema {
        if self.depth == UNFOLDED {
            return leak(Schema::ANY);
        }
        self.depth += 1;
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("not a local reference: {reference}"));
        let pointer = pointer.replace("%25", "%").replace("%22", "\"");
        self.schema(self.document.pointer(&pointer).unwrap_or_else(|| panic!("dangling: {reference}")))
    }
}

fn names_of(names: &Value) -> &'static [&'static str] {
    leak_all(names.as_array().unwrap().iter().map(|name| text(name.as_str().unwrap())).collect())
}

fn types(value: &Value) -> Types {
    let names = match value {
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        name => vec![name.as_str().unwrap()],
    };
    let kinds = names.into_iter().map(|name| match name {
        "null" => Types::NULL,
        "boolean" => Types::BOOLEAN,
        "integer" => Types::INTEGER,
        "number" => Types::NUMBER,
        "string" => Types::STRING,
        "array" => Types::ARRAY,
        "object" => Types::OBJECT,
        other => panic!("no type: {other}"),
    });
    kinds.reduce(Types::or).unwrap()
}

fn number(value: &Value) -> Number {
    match value.as_i64() {
        Some(integer) => Number::Integer(integer.into()),
        None => value
            .as_u64()
            .map_or_else(|| Number::Float(value.as_f64().unwrap()), |integer| Number::Integer(integer.into())),
    }
}

fn literal(value: &Value) -> Literal {
    match value {
        Value::Null => Literal::Null,
        Value::Bool(boolean) => Literal::Boolean(*boolean),
        Value::Number(_) => Literal::Number(number(value)),
        Value::String(string) => Literal::String(text(string)),
        Value::Array(elements) => Literal::Array(leak_all(elements.iter().map(literal).collect())),
        Value::Object(members) => {
            Literal::Object(leak_all(members.iter().map(|(name, member)| (text(name), literal(member))).collect()))
        }
    }
}
