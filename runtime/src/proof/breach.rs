//! A valid value with exactly one keyword broken, once for each keyword that the schema and its parts have.
//!
//! Nothing here asks the validator: what it should say is known from how the value was broken. A member of a
//! union is broken where a discriminator chooses it; otherwise another member may take what this one refuses, and the union is
//! broken as a whole, by a value of a type that none takes.

use serde_json::{Map, Value, json};

use super::example::{Wish, as_f64, example, is_marked, item_of};
use crate::schema::{Direction, Format, Schema, Types, accepted_types, select_tagged};

/// A broken value.
#[derive(Debug)]
pub(super) struct Breach {
    pub(super) value: Value,
    /// Where it is broken, a JSON pointer into the value.
    pub(super) pointer: String,
    /// What a server says of it: one of these.
    pub(super) keywords: &'static [&'static str],
}

/// The most breaches of one value.
const MOST: usize = 300;
/// No text and no array is made longer than this to be too long.
const LONGEST: u64 = 200_000;

/// Every way to break the value once.
pub(super) fn breaches(schema: &'static Schema, value: &Value) -> Vec<Breach> {
    let mut found = Found { whole: value, breaches: Vec::new() };
    found.at(&[schema], value, "", 0);
    found.breaches
}

struct Found<'a> {
    whole: &'a Value,
    breaches: Vec<Breach>,
}

impl Found<'_> {
    /// Breaks the part at the pointer, then its parts.
    fn at(&mut self, schemas: &[&'static Schema], value: &Value, pointer: &str, depth: usize) {
        if depth > 12 || self.breaches.len() >= MOST {
            return;
        }
        let mut all = Vec::new();
        for schema in schemas {
            flatten(schema, value, &mut all, 0);
        }
        // A part that is ignored in requests cannot break them.
        if all.iter().any(|schema| is_marked(schema, |schema| schema.read_only)) && !pointer.is_empty() {
            return;
        }
        self.kind(&all, value, pointer);
        self.ruled_out(&all, pointer);
        match value {
            Value::String(text) => self.text(&all, text, pointer),
            Value::Number(_) => self.number(&all, value, pointer),
            Value::Array(elements) => self.array(&all, elements, pointer, depth),
            Value::Object(members) => self.object(&all, members, pointer, depth),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn push(&mut self, pointer: &str, part: Value, keywords: &'static [&'static str]) {
        self.push_at(pointer, pointer.to_owned(), part, keywords);
    }

    /// `said` is where the server finds fault, where that is not the part that was changed.
    fn push_at(&mut self, pointer: &str, said: String, part: Value, keywords: &'static [&'static str]) {
        let mut value = self.whole.clone();
        if let Some(place) = value.pointer_mut(pointer) {
            *place = part;
            self.breaches.push(Breach { value, pointer: said, keywords });
        }
    }

    fn kind(&mut self, all: &[&'static Schema], value: &Value, pointer: &str) {
        let types = all.iter().map(|schema| accepted_types(schema)).fold(Types::ANY, Types::and);
        let others = [
            (Types::STRING, json!("no value of this type")),
            (Types::OBJECT, json!({ "no": "value" })),
            (Types::ARRAY, json!([["no value"]])),
            (Types::BOOLEAN, json!(true)),
            (Types::INTEGER, json!(7)),
        ];
        if let Some((_, other)) = others.into_iter().find(|(kind, _)| types.and(*kind) != *kind) {
            self.push(pointer, other, &["type", "enum", "oneOf", "anyOf", "not", "discriminator", "required"]);
        }
        if types.contains(Types::INTEGER) && !types.contains(Types::NUMBER) && value.is_number() {
            self.push(pointer, json!(7.5), &["type", "enum", "oneOf", "anyOf"]);
        }
        if all.iter().any(|schema| schema.enumeration.is_some()) {
            let other = match value {
                Value::String(_) => json!("none of the values"),
                Value::Number(_) => json!(-987_654_321),
                Value::Bool(known) => json!(!known),
                _ => return,
            };
            let listed = |schema: &&Schema| {
                schema.enumeration.is_none_or(|values| values.iter().any(|literal| literal.to_value() == other))
            };
            if !all.iter().all(listed) {
                self.push(pointer, other, &["enum"]);
            }
        }
    }

    /// A value of the kind that `not` rules out.
    fn ruled_out(&mut self, all: &[&'static Schema], pointer: &str) {
        for schema in all {
            let wish = Wish { full: true, ..Wish::minimal(Direction::Request) };
            if let Some(value) = schema.not.and_then(|not| example(not, wish)) {
                self.push(pointer, value, &["not"]);
            }
        }
    }

    fn text(&mut self, all: &[&'static Schema], text: &str, pointer: &str) {
        let length = text.chars().count() as u64;
        for schema in all {
            if let Some(least) = schema.min_length.filter(|least| *least > 0) {
                let short = text.chars().take(usize::try_from(least - 1).unwrap_or_default()).collect::<String>();
                self.push(pointer, short.into(), &["minLength"]);
            }
            if let Some(most) = schema.max_length.filter(|most| *most < LONGEST) {
                let more = usize::try_from((most + 1).saturating_sub(length)).unwrap_or_default();
                self.push(pointer, format!("{text}{}", "x".repeat(more)).into(), &["maxLength"]);
            }
            if let Some(pattern) = schema.pattern {
                let others = ["", " ", "!", "\u{1f499}", "none of these", "!!!!!!!!", "a", "1", "\n"];
                let fits = |other: &&&str| {
                    let length = other.chars().count() as u64;
                    let bounded = all.iter().all(|schema| {
                        schema.max_length.is_none_or(|most| length <= most)
                            && schema.min_length.is_none_or(|least| length >= least)
                    });
                    bounded && !pattern.is_found_in(other)
                };
                if let Some(other) = others.iter().find(fits) {
                    self.push(pointer, Value::from(*other), &["pattern"]);
                }
            }
            if let Some(format) = schema.format
                && let Some(other) = outside(format)
            {
                self.push(pointer, other.into(), &["format"]);
            }
        }
    }

    fn number(&mut self, all: &[&'static Schema], value: &Value, pointer: &str) {
        let as_number = |float: f64| {
            if float.fract() == 0.0 && float.abs() < 9e15 { Value::from(float as i64) } else { Value::from(float) }
        };
        for schema in all {
            if let Some(bound) = schema.minimum.map(as_f64).filter(|bound| bound.abs() < 9e15) {
                self.push(pointer, as_number(bound - 1.0), &["minimum"]);
            }
            if let Some(bound) = schema.maximum.map(as_f64).filter(|bound| bound.abs() < 9e15) {
                self.push(pointer, as_number(bound + 1.0), &["maximum"]);
            }
            if let Some(bound) = schema.exclusive_minimum.map(as_f64).filter(|bound| bound.abs() < 9e15) {
                self.push(pointer, as_number(bound), &["exclusiveMinimum"]);
            }
            if let Some(bound) = schema.exclusive_maximum.map(as_f64).filter(|bound| bound.abs() < 9e15) {
                self.push(pointer, as_number(bound), &["exclusiveMaximum"]);
            }
            let integers = all.iter().any(|schema| schema.types == Types::INTEGER);
            if let Some(step) = schema.multiple_of.map(as_f64).filter(|step| !integers || *step > 1.0) {
                let off = if integers { 1.0 } else { step / 2.0 };
                let now = value.as_f64().unwrap_or_default();
                if now.abs() < 9e15 {
                    self.push(pointer, as_number(now + off), &["multipleOf"]);
                }
            }
            let beyond = match schema.format {
                Some(Format::Int32) => Some(json!(2_147_483_648_i64)),
                Some(Format::Uint8) => Some(json!(256)),
                Some(Format::Int8) => Some(json!(128)),
                Some(Format::Uint32 | Format::Uint64 | Format::Uint16) => Some(json!(-1)),
                _ => None,
            };
            if let Some(beyond) = beyond {
                self.push(pointer, beyond, &["format", "minimum"]);
            }
        }
    }

    fn array(&mut self, all: &[&'static Schema], elements: &[Value], pointer: &str, depth: usize) {
        for schema in all {
            if let Some(least) = schema.min_items.filter(|least| *least > 0) {
                let short = elements.iter().take(usize::try_from(least - 1).unwrap_or_default()).cloned();
                self.push(pointer, short.collect(), &["minItems"]);
            }
            if let Some(most) = schema.max_items.filter(|most| *most < LONGEST / 10)
                && let Some(last) = elements.last()
            {
                let most = usize::try_from(most).unwrap_or_default();
                let more = (most + 1).saturating_sub(elements.len());
                let long = elements.iter().cloned().chain(std::iter::repeat_n(last.clone(), more));
                self.push(pointer, long.collect(), &["maxItems"]);
            }
            if schema.contains.is_some() && schema.min_contains != Some(0) {
                self.push(pointer, Value::Array(Vec::new()), &["contains", "minContains"]);
            }
            if schema.unique_items && elements.len() >= 2 {
                let mut twice = elements.to_vec();
                twice[1] = twice[0].clone();
                self.push(pointer, Value::Array(twice), &["uniqueItems"]);
            }
        }
        for (index, element) in elements.iter().enumerate().take(2) {
            let schemas: Vec<_> = all.iter().filter_map(|schema| item_of(schema, index)).collect();
            self.at(&schemas, element, &format!("{pointer}/{index}"), depth + 1);
        }
    }

    fn object(&mut self, all: &[&'static Schema], members: &Map<String, Value>, pointer: &str, depth: usize) {
        for name in all.iter().flat_map(|schema| schema.required) {
            if members.contains_key(*name) {
                let mut fewer = members.clone();
                fewer.remove(*name);
                let said = format!("{pointer}/{}", escape(name));
                self.push_at(pointer, said, Value::Object(fewer), &["required", "discriminator", "minProperties"]);
            }
        }
        for schema in all {
            self.names(schema, members, pointer);
            let closes = |schema: Option<&Schema>| schema.is_some_and(|schema| schema.never);
            if schema.pattern_properties.is_empty()
                && (closes(schema.additional_properties) || closes(schema.unevaluated_properties))
            {
                let mut more = members.clone();
                more.insert("notDeclared".to_owned(), Value::Null);
                let said = format!("{pointer}/notDeclared");
                let keywords = &["additionalProperties", "false", "unevaluatedProperties"];
                self.push_at(pointer, said, Value::Object(more), keywords);
            }
            if let Some(least) = schema.min_properties.filter(|least| *least > 0) {
                let fewer: Map<String, Value> =
                    members.clone().into_iter().take(usize::try_from(least - 1).unwrap_or_default()).collect();
                self.push(pointer, Value::Object(fewer), &["minProperties"]);
            }
            let closed = all.iter().any(|schema| schema.additional_properties.is_some_and(|schema| schema.never));
            if let Some(most) = schema.max_properties.filter(|most| *most < 2_000 && !closed) {
                let mut more = members.clone();
                let like = members.values().next().cloned().unwrap_or(Value::Null);
                for index in 0..=most {
                    more.insert(format!("more{index}"), like.clone());
                }
                self.push(pointer, Value::Object(more), &["maxProperties"]);
            }
        }
        for (name, member) in members {
            // Another value of a discriminator chooses another member, or none.
            if all.iter().filter_map(|schema| schema.discriminator).any(|chooser| chooser.property == name) {
                if member.is_string() {
                    let place = format!("{pointer}/{}", escape(name));
                    self.push(&place, "none of the values".into(), &["discriminator", "enum"]);
                }
                continue;
            }
            let named = |schema: &&'static Schema| {
                let found = schema.properties.iter().find(|(property, _)| property == name).map(|(_, schema)| *schema);
                found.or(if schema.pattern_properties.is_empty() { schema.additional_properties } else { None })
            };
            let schemas: Vec<&'static Schema> = all.iter().filter_map(named).collect();
            if !schemas.is_empty() {
                self.at(&schemas, member, &format!("{pointer}/{}", escape(name)), depth + 1);
            }
        }
    }
}

impl Found<'_> {
    /// `propertyNames` and `dependentRequired`.
    fn names(&mut self, schema: &'static Schema, members: &Map<String, Value>, pointer: &str) {
        if let (Some(names), Some((name, member))) = (schema.property_names, members.iter().next()) {
            let others = breaches(names, &Value::from(name.as_str()));
            let other =
                others.iter().find_map(|breach| breach.value.as_str().filter(|name| !members.contains_key(*name)));
            if let Some(other) = other {
                let mut more = members.clone();
                more.insert(other.to_owned(), member.clone());
                let said = format!("{pointer}/{}", escape(other));
                self.push_at(pointer, said, Value::Object(more), &["propertyNames"]);
            }
        }
        for (trigger, names) in schema.dependent_required {
            if let Some(name) = names.iter().find(|name| members.contains_key(*trigger) && members.contains_key(**name))
            {
                let mut fewer = members.clone();
                fewer.remove(*name);
                let said = format!("{pointer}/{}", escape(name));
                self.push_at(pointer, said, Value::Object(fewer), &["dependentRequired", "required"]);
            }
        }
    }
}

/// The schemas that apply to the value whatever is changed in it but its discriminators.
fn flatten(schema: &'static Schema, value: &Value, all: &mut Vec<&'static Schema>, depth: usize) {
    if depth > 32 || all.iter().any(|known| std::ptr::eq(*known, schema)) {
        return;
    }
    all.push(schema);
    let members = if schema.one_of.is_empty() { schema.any_of } else { schema.one_of };
    let chosen = schema.discriminator.and_then(|chooser| members.get(select_tagged(value, chooser)?));
    for member in schema.reference.iter().chain(schema.all_of).chain(chosen) {
        flatten(member, value, all, depth + 1);
    }
}

/// A text that is not of the format; `None` for formats that every text has.
fn outside(format: Format) -> Option<&'static str> {
    match format {
        Format::Binary | Format::Password | Format::Double | Format::Float => None,
        Format::Int8 | Format::Int16 | Format::Int32 | Format::Uint8 | Format::Uint16 | Format::Uint32 => None,
        Format::UriTemplate | Format::UriReference | Format::IriReference => Some("{ "),
        Format::Regex => Some("(["),
        _ => Some("?? nothing of the kind ??"),
    }
}

/// RFC 6901, section 3.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::schema::{Discriminator, Literal, Number, Pattern, validate};

    static PATTERN: Pattern = Pattern::new("^[a-z]{2,5}$");
    static PART: Schema = Schema::object(&[
        ("code", &Schema::STRING.pattern(&PATTERN).max_length(5)),
        (
            "size",
            &Schema::NUMBER
                .minimum(Number::Integer(1))
                .exclusive_maximum(Number::Integer(9))
                .multiple_of(Number::Float(0.5)),
        ),
        ("id", &Schema::STRING.format(Format::Uuid)),
        ("seen", &Schema::BOOLEAN.read_only()),
    ])
    .required(&["code", "size"])
    .additional_properties(&Schema::NEVER);
    static CAT: Schema =
        Schema::object(&[("kind", &Schema::STRING), ("lives", &Schema::INTEGER.maximum(Number::Integer(9)))])
            .required(&["kind", "lives"]);
    static DOG: Schema = Schema::object(&[("kind", &Schema::STRING)]).unevaluated_properties(&Schema::NEVER);
    static WHOLE: Schema = Schema::object(&[
        ("parts", &Schema::array(&PART).min_items(1).max_items(3).unique_items()),
        ("word", &Schema::ANY.enumeration(&Literal::strings(["a", "b"]))),
        ("text", &Schema::STRING.min_length(3)),
        (
            "pet",
            &Schema::ANY
                .one_of(&[&CAT, &DOG])
                .discriminator(&Discriminator { property: "kind", mapping: &[("cat", 0), ("dog", 1)] }),
        ),
        ("marks", &Schema::array(&Schema::STRING).contains(&Schema::STRING.enumeration(&Literal::strings(["x"])))),
        (
            "labels",
            &Schema::OBJECT.additional_properties(&Schema::STRING).property_names(&Schema::STRING.max_length(6)),
        ),
        ("other", &Schema::STRING.not(&Schema::ANY.enumeration(&Literal::strings(["ruled out"])))),
    ])
    .required(&["parts"])
    .dependent_required(&[("word", &["text"])]);

    #[test]
    fn every_breach_is_one_that_the_validator_names() {
        for wish in Wish::all(Direction::Request) {
            let value = example(&WHOLE, wish).unwrap();
            assert!(validate(&WHOLE, &value, Direction::Request).is_empty(), "{value}");
            let breaches = breaches(&WHOLE, &value);
            for breach in &breaches {
                let violations = validate(&WHOLE, &breach.value, Direction::Request);
                let named = violations.iter().any(|violation| {
                    violation.pointer == breach.pointer && breach.keywords.contains(&violation.keyword)
                });
                assert!(named, "{breach:?}: {violations:?}");
            }
            if wish.full {
                for keyword in [
                    "type",
                    "enum",
                    "pattern",
                    "maxLength",
                    "minLength",
                    "minimum",
                    "exclusiveMaximum",
                    "multipleOf",
                    "format",
                    "required",
                    "additionalProperties",
                    "minItems",
                    "maxItems",
                    "uniqueItems",
                    "discriminator",
                    "contains",
                    "propertyNames",
                    "dependentRequired",
                    "not",
                ] {
                    assert!(
                        breaches.iter().any(|breach| breach.keywords.contains(&keyword)),
                        "nothing breaks {keyword}"
                    );
                }
                let chosen = breaches
                    .iter()
                    .any(|breach| breach.pointer == "/pet/lives" || breach.pointer == "/pet/notDeclared");
                assert!(chosen, "the member that the discriminator chooses is not broken");
            }
        }
    }
}
