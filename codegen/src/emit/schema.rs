//! [`ir::Schema`](crate::ir::Schema) as a `specwright_model::schema::Schema`: constant data, keyword after
//! keyword.
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
    /// Names of `specwright_model::schema` that were used.
    pub(crate) names: BTreeSet<&'static str>,
    /// Statics of schemas that were used.
    pub(crate) statics: BTreeSet<String>,
    /// Whether a pattern was used.
    pub(crate) patterns: bool,
}

/// A keyword and its argument.
type Keyword = (&'static str, String);

impl<'a> Printer<'a> {
    /// For a file in which a schema's static stands at the path.
    pub(crate) fn new(statics_path: &'a str, patterns_path: String) -> Self {
        Self { statics_path, patterns_path, names: BTreeSet::new(), statics: BTreeSet::new(), patterns: false }
    }

    /// `&schemas::TASK`, or `&Schema::STRING`.
    pub(crate) fn reference(&mut self, schema: &SchemaRef) -> String {
        match schema {
            SchemaRef::Named(name) => self.named(name),
            SchemaRef::Inline(schema) => format!("&{}", self.schema(schema)),
        }
    }

    /// `Schema::STRING.max_length(200)`.
    pub(crate) fn schema(&mut self, schema: &Schema) -> String {
        self.names.insert("Schema");
        let mut keywords = Vec::new();
        let start = self.start(schema, &mut keywords);
        self.general(schema, &mut keywords);
        self.scalars(schema, &mut keywords);
        self.arrays(schema, &mut keywords);
        self.objects(schema, &mut keywords);
        self.combinations(schema, &mut keywords);
        // `false` refuses whatever stands beside it.
        if schema.never {
            return "Schema::NEVER".into();
        }
        keywords.into_iter().fold(start, |all, (keyword, value)| format!("{all}.{keyword}({value})"))
    }

    /// What the keywords are added to: the type, with the one keyword that most of its schemas have.
    fn start(&mut self, schema: &Schema, keywords: &mut Vec<Keyword>) -> String {
        let (types, nullable) = match schema.types.as_slice() {
            [first @ .., JsonType::Null] | [JsonType::Null, first @ ..] if first.len() == 1 => (first, true),
            all => (all, false),
        };
        if nullable {
            keywords.push(("nullable", String::new()));
        }
        match types {
            [] => "Schema::ANY".into(),
            [JsonType::Array] if schema.items.is_some() => {
                let items = schema.items.as_ref().map(|items| self.reference(items)).unwrap_or_default();
                format!("Schema::array({items})")
            }
            [JsonType::Object] if !schema.properties.is_empty() => {
                format!("Schema::object({})", self.members(&schema.properties))
            }
            [only] => format!("Schema::{}", type_constant(*only)),
            several => {
                self.names.insert("Types");
                let names = several.iter().map(|ty| format!("Types::{}", type_constant(*ty)));
                let all = names.reduce(|all, name| format!("{all}.or({name})")).unwrap_or_default();
                format!("Schema::of({all})")
            }
        }
    }

    /// A literal as `specwright_model::schema::Literal`.
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

    fn general(&mut self, schema: &Schema, keywords: &mut Vec<Keyword>) {
        if let Some(name) = &schema.reference {
            keywords.push(("reference", self.named(name)));
        }
        if let Some(format) = schema.format {
            self.names.insert("Format");
            keywords.push(("format", format!("Format::{format}")));
        }
        if let Some(values) = &schema.enumeration {
            keywords.push(("enumeration", self.enumeration(values)));
        }
        flags(&[("read_only", schema.read_only), ("write_only", schema.write_only)], keywords);
    }

    fn enumeration(&mut self, values: &[Literal]) -> String {
        let strings: Option<Vec<String>> = values
            .iter()
            .map(|value| match value {
                Literal::String(text) => Some(text::string_literal(text)),
                _ => None,
            })
            .collect();
        let integers: Option<Vec<String>> = values
            .iter()
            .map(|value| match value {
                Literal::Number(Number::Integer(integer)) => Some(literal::digits(&integer.to_string())),
                _ => None,
            })
            .collect();
        let (function, values) = match (strings, integers) {
            (Some(strings), _) => ("strings", strings),
            (None, Some(integers)) => ("integers", integers),
            (None, None) => {
                let values: Vec<String> = values.iter().map(|value| self.literal(value)).collect();
                return format!("&[{}]", values.join(", "));
            }
        };
        self.names.insert("Literal");
        format!("&Literal::{function}([{}])", values.join(", "))
    }

    fn scalars(&mut self, schema: &Schema, keywords: &mut Vec<Keyword>) {
        let numbers: [(&'static str, Option<Number>); 5] = [
            ("minimum", schema.minimum),
            ("maximum", schema.maximum),
            ("exclusive_minimum", schema.exclusive_minimum),
            ("exclusive_maximum", schema.exclusive_maximum),
            ("multiple_of", schema.multiple_of),
        ];
        for (keyword, number) in numbers {
            if let Some(number) = number {
                self.names.insert("Number");
                keywords.push((keyword, literal::number(number)));
            }
        }
        counts(&[("min_length", schema.min_length), ("max_length", schema.max_length)], keywords);
        if let Some(index) = schema.pattern {
            keywords.push(("pattern", self.pattern(index)));
        }
    }

    fn arrays(&mut self, schema: &Schema, keywords: &mut Vec<Keyword>) {
        if !is_only(schema, JsonType::Array) {
            self.optional("items", schema.items.as_ref(), keywords);
        }
        self.several("prefix_items", &schema.prefix_items, keywords);
        self.optional("contains", schema.contains.as_ref(), keywords);
        counts(
            &[
                ("min_contains", schema.min_contains),
                ("max_contains", schema.max_contains),
                ("min_items", schema.min_items),
                ("max_items", schema.max_items),
            ],
            keywords,
        );
        flags(&[("unique_items", schema.unique_items)], keywords);
        self.optional("unevaluated_items", schema.unevaluated_items.as_ref(), keywords);
    }

    fn objects(&mut self, schema: &Schema, keywords: &mut Vec<Keyword>) {
        if !schema.properties.is_empty() && !is_only(schema, JsonType::Object) {
            keywords.push(("properties", self.members(&schema.properties)));
        }
        if !schema.required.is_empty() {
            keywords.push(("required", strings(&schema.required)));
        }
        self.optional("additional_properties", schema.additional_properties.as_ref(), keywords);
        if !schema.pattern_properties.is_empty() {
            let members: Vec<String> = schema
                .pattern_properties
                .iter()
                .map(|(index, schema)| format!("({}, {})", self.pattern(*index), self.reference(schema)))
                .collect();
            keywords.push(("pattern_properties", format!("&[{}]", members.join(", "))));
        }
        self.optional("property_names", schema.property_names.as_ref(), keywords);
        counts(&[("min_properties", schema.min_properties), ("max_properties", schema.max_properties)], keywords);
        if !schema.dependent_required.is_empty() {
            let members = schema.dependent_required.iter();
            let members = members.map(|(name, names)| format!("({}, {})", text::string_literal(name), strings(names)));
            keywords.push(("dependent_required", format!("&[{}]", members.collect::<Vec<_>>().join(", "))));
        }
        if !schema.dependent_schemas.is_empty() {
            keywords.push(("dependent_schemas", self.members(&schema.dependent_schemas)));
        }
        self.optional("unevaluated_properties", schema.unevaluated_properties.as_ref(), keywords);
    }

    fn combinations(&mut self, schema: &Schema, keywords: &mut Vec<Keyword>) {
        self.several("all_of", &schema.all_of, keywords);
        self.several("any_of", &schema.any_of, keywords);
        self.several("one_of", &schema.one_of, keywords);
        self.optional("not", schema.not.as_ref(), keywords);
        self.optional("if_", schema.if_.as_ref(), keywords);
        self.optional("then_", schema.then_.as_ref(), keywords);
        self.optional("else_", schema.else_.as_ref(), keywords);
        if let Some((property, mapping)) = &schema.discriminator {
            self.names.insert("Discriminator");
            let mapping = mapping.iter().map(|(value, index)| format!("({}, {index})", text::string_literal(value)));
            keywords.push((
                "discriminator",
                format!(
                    "&Discriminator {{ property: {}, mapping: &[{}] }}",
                    text::string_literal(property),
                    mapping.collect::<Vec<_>>().join(", ")
                ),
            ));
        }
    }

    fn optional(&mut self, keyword: &'static str, schema: Option<&SchemaRef>, keywords: &mut Vec<Keyword>) {
        if let Some(schema) = schema {
            keywords.push((keyword, self.reference(schema)));
        }
    }

    fn several(&mut self, keyword: &'static str, schemas: &[SchemaRef], keywords: &mut Vec<Keyword>) {
        if !schemas.is_empty() {
            keywords.push((keyword, self.references(schemas)));
        }
    }

    /// `&[("title", &TITLE)]`.
    fn members(&mut self, members: &[(String, SchemaRef)]) -> String {
        let members: Vec<String> = members
            .iter()
            .map(|(name, schema)| format!("({}, {})", text::string_literal(name), self.reference(schema)))
            .collect();
        format!("&[{}]", members.join(", "))
    }
}

/// Whether this is the only type apart from `null`, so that the schema starts from it.
fn is_only(schema: &Schema, ty: JsonType) -> bool {
    let mut others = schema.types.iter().filter(|one| **one != JsonType::Null);
    others.next() == Some(&ty) && others.next().is_none()
}

/// Name of the static that holds a pattern.
pub(crate) fn pattern_static(index: usize) -> String {
    format!("PATTERN_{}", index + 1)
}

fn counts(counts: &[(&'static str, Option<u64>)], keywords: &mut Vec<Keyword>) {
    keywords
        .extend(counts.iter().filter_map(|(keyword, count)| Some((*keyword, literal::digits(&(*count)?.to_string())))));
}

fn flags(flags: &[(&'static str, bool)], keywords: &mut Vec<Keyword>) {
    keywords.extend(flags.iter().filter(|(_, set)| *set).map(|(keyword, _)| (*keyword, String::new())));
}

fn strings(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| text::string_literal(value)).collect();
    format!("&[{}]", values.join(", "))
}

fn type_constant(ty: JsonType) -> &'static str {
    match ty {
        JsonType::Null => "NULL",
        JsonType::Boolean => "BOOLEAN",
        JsonType::Integer => "INTEGER",
        JsonType::Number => "NUMBER",
        JsonType::String => "STRING",
        JsonType::Array => "ARRAY",
        JsonType::Object => "OBJECT",
    }
}
