//! [`ir::Schema`](crate::ir::Schema) as a `specwright_runtime::schema::Schema`: constant data with only the keywords that
//! are there.
//!
//! A [`Printer`] prints for one file and remembers what it named, so that the file imports that and nothing else.

use std::collections::BTreeSet;

use super::{literal, text};
use crate::ir::{JsonType, Literal, Number, Schema, SchemaRef};

/// Prints schemas for one file.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    /// What stands before the name of a schema's static; a name without it is imported, and so remembered.
    pub(crate) statics_path: &'a str,
    /// What stands before the name of a pattern's static.
    pub(crate) patterns_path: String,
    /// Names of `specwright_runtime::schema` that were used.
    pub(crate) names: BTreeSet<&'static str>,
    /// Statics of schemas that were used.
    pub(crate) statics: BTreeSet<String>,
    /// Whether a pattern was used.
    pub(crate) patterns: bool,
}

/// A keyword and its value.
type Entry = (&'static str, String);

impl<'a> Printer<'a> {
    /// For a file in which a schema's static stands at the path.
    pub(crate) fn new(statics_path: &'a str, patterns_path: String) -> Self {
        Self { statics_path, patterns_path, names: BTreeSet::new(), statics: BTreeSet::new(), patterns: false }
    }

    /// `&schemas::TASK`, or `&Schema { .. }`.
    pub(crate) fn reference(&mut self, schema: &SchemaRef) -> String {
        match schema {
            SchemaRef::Named(name) => self.named(name),
            SchemaRef::Inline(schema) => format!("&{}", self.schema(schema)),
        }
    }

    /// `Schema { .. }`.
    pub(crate) fn schema(&mut self, schema: &Schema) -> String {
        self.names.insert("Schema");
        let mut entries = Vec::new();
        self.general(schema, &mut entries);
        self.scalars(schema, &mut entries);
        self.arrays(schema, &mut entries);
        self.objects(schema, &mut entries);
        self.combinations(schema, &mut entries);
        match entries.as_slice() {
            [] => "Schema::ANY".into(),
            [(key, _)] if *key == "never" => "Schema::NEVER".into(),
            _ => {
                let fields: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("Schema {{ {}, ..Schema::ANY }}", fields.join(", "))
            }
        }
    }

    /// A literal as `specwright_runtime::schema::Literal`.
    pub(crate) fn literal(&mut self, value: &Literal) -> String {
        self.names.insert("Literal");
        if literal::has_number(value) {
            self.names.insert("Number");
        }
        literal::constant(value)
    }

    fn named(&mut self, name: &str) -> String {
        self.statics.insert(name.to_owned());
        format!("&{}{name}", self.statics_path)
    }

    fn pattern(&mut self, index: usize) -> String {
        self.patterns = true;
        format!("&{}{}", self.patterns_path, pattern_static(index))
    }

    fn references(&mut self, schemas: &[SchemaRef]) -> String {
        let schemas: Vec<String> = schemas.iter().map(|schema| self.reference(schema)).collect();
        format!("&[{}]", schemas.join(", "))
    }

    fn general(&mut self, schema: &Schema, entries: &mut Vec<Entry>) {
        if let Some(name) = &schema.reference {
            entries.push(("reference", format!("Some({})", self.named(name))));
        }
        if schema.never {
            entries.push(("never", "true".into()));
        }
        if !schema.types.is_empty() {
            self.names.insert("Types");
            entries.push(("types", types(&schema.types)));
        }
        if let Some(format) = schema.format {
            self.names.insert("Format");
            entries.push(("format", format!("Some(Format::{format})")));
        }
        if let Some(values) = &schema.enumeration {
            let values: Vec<String> = values.iter().map(|value| self.literal(value)).collect();
            entries.push(("enumeration", format!("Some(&[{}])", values.join(", "))));
        }
        for (key, set) in [("read_only", schema.read_only), ("write_only", schema.write_only)] {
            if set {
                entries.push((key, "true".into()));
            }
        }
    }

    fn scalars(&mut self, schema: &Schema, entries: &mut Vec<Entry>) {
        let numbers: [(&'static str, Option<Number>); 5] = [
            ("minimum", schema.minimum),
            ("maximum", schema.maximum),
            ("exclusive_minimum", schema.exclusive_minimum),
            ("exclusive_maximum", schema.exclusive_maximum),
            ("multiple_of", schema.multiple_of),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                self.names.insert("Number");
                entries.push((key, format!("Some({})", literal::number(number))));
            }
        }
        counts(&[("min_length", schema.min_length), ("max_length", schema.max_length)], entries);
        if let Some(index) = schema.pattern {
            entries.push(("pattern", format!("Some({})", self.pattern(index))));
        }
    }

    fn arrays(&mut self, schema: &Schema, entries: &mut Vec<Entry>) {
        self.optional("items", schema.items.as_ref(), entries);
        self.several("prefix_items", &schema.prefix_items, entries);
        self.optional("contains", schema.contains.as_ref(), entries);
        counts(
            &[
                ("min_contains", schema.min_contains),
                ("max_contains", schema.max_contains),
                ("min_items", schema.min_items),
                ("max_items", schema.max_items),
            ],
            entries,
        );
        if schema.unique_items {
            entries.push(("unique_items", "true".into()));
        }
        self.optional("unevaluated_items", schema.unevaluated_items.as_ref(), entries);
    }

    fn objects(&mut self, schema: &Schema, entries: &mut Vec<Entry>) {
        if !schema.required.is_empty() {
            entries.push(("required", strings(&schema.required)));
        }
        self.members("properties", &schema.properties, entries);
        self.optional("additional_properties", schema.additional_properties.as_ref(), entries);
        if !schema.pattern_properties.is_empty() {
            let members: Vec<String> = schema
                .pattern_properties
                .iter()
                .map(|(index, schema)| format!("({}, {})", self.pattern(*index), self.reference(schema)))
                .collect();
            entries.push(("pattern_properties", format!("&[{}]", members.join(", "))));
        }
        self.optional("property_names", schema.property_names.as_ref(), entries);
        counts(&[("min_properties", schema.min_properties), ("max_properties", schema.max_properties)], entries);
        if !schema.dependent_required.is_empty() {
            let members = schema.dependent_required.iter();
            let members = members.map(|(name, names)| format!("({}, {})", text::string_literal(name), strings(names)));
            entries.push(("dependent_required", format!("&[{}]", members.collect::<Vec<_>>().join(", "))));
        }
        self.members("dependent_schemas", &schema.dependent_schemas, entries);
        self.optional("unevaluated_properties", schema.unevaluated_properties.as_ref(), entries);
    }

    fn combinations(&mut self, schema: &Schema, entries: &mut Vec<Entry>) {
        self.several("all_of", &schema.all_of, entries);
        self.several("any_of", &schema.any_of, entries);
        self.several("one_of", &schema.one_of, entries);
        self.optional("not", schema.not.as_ref(), entries);
        self.optional("if_", schema.if_.as_ref(), entries);
        self.optional("then_", schema.then_.as_ref(), entries);
        self.optional("else_", schema.else_.as_ref(), entries);
        if let Some((property, mapping)) = &schema.discriminator {
            self.names.insert("Discriminator");
            let mapping = mapping.iter().map(|(value, index)| format!("({}, {index})", text::string_literal(value)));
            entries.push((
                "discriminator",
                format!(
                    "Some(&Discriminator {{ property: {}, mapping: &[{}] }})",
                    text::string_literal(property),
                    mapping.collect::<Vec<_>>().join(", ")
                ),
            ));
        }
    }

    fn optional(&mut self, key: &'static str, schema: Option<&SchemaRef>, entries: &mut Vec<Entry>) {
        if let Some(schema) = schema {
            entries.push((key, format!("Some({})", self.reference(schema))));
        }
    }

    fn several(&mut self, key: &'static str, schemas: &[SchemaRef], entries: &mut Vec<Entry>) {
        if !schemas.is_empty() {
            entries.push((key, self.references(schemas)));
        }
    }

    fn members(&mut self, key: &'static str, members: &[(String, SchemaRef)], entries: &mut Vec<Entry>) {
        if !members.is_empty() {
            let members: Vec<String> = members
                .iter()
                .map(|(name, schema)| format!("({}, {})", text::string_literal(name), self.reference(schema)))
                .collect();
            entries.push((key, format!("&[{}]", members.join(", "))));
        }
    }
}

/// Name of the static that holds a pattern.
pub(crate) fn pattern_static(index: usize) -> String {
    format!("PATTERN_{}", index + 1)
}

fn counts(counts: &[(&'static str, Option<u64>)], entries: &mut Vec<Entry>) {
    for (key, count) in counts {
        if let Some(count) = count {
            entries.push((key, format!("Some({count})")));
        }
    }
}

fn strings(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| text::string_literal(value)).collect();
    format!("&[{}]", values.join(", "))
}

fn types(types: &[JsonType]) -> String {
    let names = types.iter().map(|ty| match ty {
        JsonType::Null => "Types::NULL",
        JsonType::Boolean => "Types::BOOLEAN",
        JsonType::Integer => "Types::INTEGER",
        JsonType::Number => "Types::NUMBER",
        JsonType::String => "Types::STRING",
        JsonType::Array => "Types::ARRAY",
        JsonType::Object => "Types::OBJECT",
    });
    let mut names = names.map(str::to_owned);
    let first = names.next().unwrap_or_default();
    names.fold(first, |all, name| format!("{all}.or({name})"))
}
