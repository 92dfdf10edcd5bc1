//! The interpreter: every keyword, all violations in one pass, pointers to where each stands.
//!
//! Two limits keep hostile input harmless. Schemas within schemas end at a depth of 256, so that recursive data cannot overflow
//! the stack; and a value may cost two million steps, so that unions of unions cannot make a small body take minutes.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashSet},
    fmt::{self, Write as _},
};

use serde_json::{Map, Value};

use super::{
    Discriminator, Literal, Schema, Types,
    compare::{canonical, compare, is_equal, is_of},
    explore,
    number::Decimal,
    words::{Choices, Count, Kinds},
};

/// The most violations that one call reports.
const LIMIT: usize = 100;
const MAXIMUM_DEPTH: usize = 256;
const MAXIMUM_STEPS: usize = 2_000_000;

/// One way in which a value breaks its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer (RFC 6901). Empty: the whole value. A missing property is named itself.
    pub pointer: String,
    /// The keyword that is broken, for example `maxLength`.
    pub keyword: &'static str,
    /// What must hold, as the end of a sentence whose subject is the pointer, for example `must have at most 3 characters`.
    pub message: String,
}

/// Which way a value travels, for `readOnly` and `writeOnly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the service. A `readOnly` property is ignored: neither judged nor required.
    Request,
    /// From the service. A `writeOnly` property is neither judged nor required.
    Response,
}

/// Judges a value. Reports all violations, up to 100; none means that the value is valid.
pub fn validate(schema: &Schema, value: &Value, direction: Direction) -> Vec<Violation> {
    let steps = Cell::new(MAXIMUM_STEPS);
    let mut run =
        Run { violations: Vec::new(), failed: false, quiet: false, direction: Some(direction), steps: &steps };
    run.check(Place { schema, scope: schema, path: &Path::Root, depth: 0 }, value, None);
    run.violations
}

/// The index of the first member that the value satisfies: which type an untagged union is.
///
/// Which way the value travels is not known here, so missing `readOnly` and `writeOnly` properties are forgiven.
pub fn select(value: &Value, members: &[&'static Schema]) -> Option<usize> {
    let steps = Cell::new(MAXIMUM_STEPS);
    let run = Run { violations: Vec::new(), failed: false, quiet: true, direction: None, steps: &steps };
    members
        .iter()
        .position(|schema| run.holds(Place { schema, scope: schema, path: &Path::Root, depth: 0 }, value, None))
}

/// The index of the member that the value's discriminator names.
pub fn select_tagged(value: &Value, discriminator: &Discriminator) -> Option<usize> {
    let tag = value.get(discriminator.property)?.as_str()?;
    discriminator.mapping.iter().find(|(name, _)| *name == tag).map(|(_, index)| *index)
}

struct Run<'a> {
    violations: Vec<Violation>,
    failed: bool,
    /// Whether only the verdict is asked for: the first violation ends the run.
    quiet: bool,
    /// `None`: unknown, so that both kinds of property may be missing.
    direction: Option<Direction>,
    steps: &'a Cell<usize>,
}

/// A schema at a place in the value.
#[derive(Clone, Copy)]
struct Place<'a> {
    schema: &'a Schema,
    /// The schema by which the value at this place was entered: `allOf` members see each other's properties through it.
    scope: &'a Schema,
    path: &'a Path<'a>,
    depth: usize,
}

enum Path<'a> {
    Root,
    Property(&'a Path<'a>, &'a str),
    Element(&'a Path<'a>, usize),
}

/// What the keywords at a place have looked at, for `unevaluatedProperties` and `unevaluatedItems`.
#[derive(Default)]
struct Evaluated {
    every_property: bool,
    properties: BTreeSet<String>,
    /// Elements before this index.
    items_before: usize,
    items: BTreeSet<usize>,
}

impl<'a> Place<'a> {
    /// Another schema for the same value.
    fn in_place(self, schema: &'a Schema) -> Self {
        Self { schema, depth: self.depth + 1, ..self }
    }

    /// A schema for a part of the value.
    fn part<'b>(self, schema: &'b Schema, path: &'b Path<'b>) -> Place<'b> {
        Place { schema, scope: schema, path, depth: self.depth + 1 }
    }
}

impl Run<'_> {
    fn full(&self) -> bool {
        if self.quiet { self.failed } else { self.violations.len() >= LIMIT }
    }

    /// Members of unions fail all the time: what is wrong with them is not put into words.
    fn report(&mut self, path: &Path, keyword: &'static str, message: fmt::Arguments) {
        self.failed = true;
        if !self.quiet && !self.full() {
            self.violations.push(Violation { pointer: path.pointer(), keyword, message: message.to_string() });
        }
    }

    /// Whether the value satisfies the schema; nothing is reported.
    fn holds(&self, place: Place, value: &Value, evaluated: Option<&mut Evaluated>) -> bool {
        let quiet = true;
        let mut run =
            Run { violations: Vec::new(), failed: false, quiet, direction: self.direction, steps: self.steps };
        match evaluated {
            Some(evaluated) => {
                let mut own = Evaluated::default();
                run.check(place, value, Some(&mut own));
                if !run.failed {
                    evaluated.merge(own);
                }
            }
            None => run.check(place, value, None),
        }
        !run.failed
    }

    fn check(&mut self, place: Place, value: &Value, evaluated: Option<&mut Evaluated>) {
        if self.full() {
            return;
        }
        let Some(steps) = self.steps.get().checked_sub(1).filter(|_| place.depth <= MAXIMUM_DEPTH) else {
            return self.report(place.path, "depth", format_args!("is nested too deeply or takes too long to judge"));
        };
        self.steps.set(steps);
        let schema = place.schema;
        if schema.never {
            return self.report(place.path, "false", format_args!("is not allowed"));
        }
        // Annotations are collected only where some unevaluated* asks for them.
        let mut own = Evaluated::default();
        let tracking =
            evaluated.is_some() || schema.unevaluated_properties.is_some() || schema.unevaluated_items.is_some();
        {
            let mut tracked = tracking.then_some(&mut own);
            self.check_kind(place, value);
            self.check_in_place(place, value, &mut tracked);
            match value {
                Value::Object(object) => self.check_object(place, value, object, &mut tracked),
                Value::Array(array) => self.check_array(place, array, &mut tracked),
                Value::String(text) => self.check_text(place, text),
                Value::Number(number) => self.check_number(place, number),
                Value::Null | Value::Bool(_) => {}
            }
        }
        match value {
            Value::Object(object) => self.check_unevaluated_properties(place, object, &mut own),
            Value::Array(array) => self.check_unevaluated_items(place, array, &mut own),
            _ => {}
        }
        if let Some(evaluated) = evaluated {
            evaluated.merge(own);
        }
    }

    fn check_kind(&mut self, place: Place, value: &Value) {
        let Place { schema, path, .. } = place;
        if schema.types != Types::ANY && !is_of(value, schema.types) {
            self.report(path, "type", format_args!("must be {}", Kinds(schema.types)));
        }
        if let Some(format) = schema.format
            && is_of(value, schema.types)
            && let Some(wanted) = format.judge(value)
        {
            self.report(path, "format", format_args!("must be {wanted}"));
        }
        if let Some(enumeration) = schema.enumeration
            && !enumeration.iter().any(|literal| is_equal(literal, value))
        {
            self.report(path, "enum", format_args!("{}", Choices(enumeration)));
        }
    }

    fn check_number(&mut self, place: Place, number: &serde_json::Number) {
        let Place { schema, path, .. } = place;
        let bounds = [
            (schema.minimum, "minimum", "at least"),
            (schema.maximum, "maximum", "at most"),
            (schema.exclusive_minimum, "exclusiveMinimum", "more than"),
            (schema.exclusive_maximum, "exclusiveMaximum", "less than"),
        ];
        for (bound, keyword, words) in bounds {
            let Some(bound) = bound else { continue };
            let order = compare(number, bound);
            let holds = match keyword {
                "minimum" => order.is_ge(),
                "maximum" => order.is_le(),
                "exclusiveMinimum" => order.is_gt(),
                _ => order.is_lt(),
            };
            if !holds {
                self.report(path, keyword, format_args!("must be {words} {bound}"));
            }
        }
        if let Some(factor) = schema.multiple_of
            && !Decimal::of(number).is_multiple_of(factor.decimal())
        {
            self.report(path, "multipleOf", format_args!("must be a multiple of {factor}"));
        }
    }

    fn check_text(&mut self, place: Place, text: &str) {
        let Place { schema, path, .. } = place;
        let mut too_long = false;
        if schema.min_length.is_some() || schema.max_length.is_some() {
            // No text has more code points than bytes.
            let bytes = text.len() as u64;
            let needed = schema.min_length.is_some() || schema.max_length.is_some_and(|most| bytes > most);
            let length = if needed { text.chars().count() as u64 } else { bytes };
            if let Some(least) = schema.min_length.filter(|least| length < *least) {
                self.report(path, "minLength", format_args!("must have at least {}", Count(least, "character")));
            }
            if let Some(most) = schema.max_length.filter(|most| length > *most) {
                too_long = true;
                self.report(path, "maxLength", format_args!("must have at most {}", Count(most, "character")));
            }
        }
        // The engine backtracks: a text that is refused anyway is not given to it.
        if let Some(pattern) = schema.pattern.filter(|_| !too_long)
            && !pattern.is_found_in(text)
        {
            self.report(path, "pattern", format_args!("must match {}", pattern.source()));
        }
    }

    fn check_array(&mut self, place: Place, array: &[Value], evaluated: &mut Option<&mut Evaluated>) {
        let Place { schema, path, .. } = place;
        let length = array.len() as u64;
        if let Some(least) = schema.min_items.filter(|least| length < *least) {
            self.report(path, "minItems", format_args!("must have at least {}", Count(least, "element")));
        }
        if let Some(most) = schema.max_items.filter(|most| length > *most) {
            self.report(path, "maxItems", format_args!("must have at most {}", Count(most, "element")));
        }
        if schema.unique_items {
            let mut seen = HashSet::new();
            if let Some(index) = array.iter().position(|element| !seen.insert(canonical(element))) {
                self.report(path, "uniqueItems", format_args!("must not repeat an element, as element {index} does"));
            }
        }
        for (index, (element, member)) in array.iter().zip(schema.prefix_items).enumerate() {
            self.check(place.part(member, &Path::Element(path, index)), element, None);
        }
        let prefix = schema.prefix_items.len();
        if let Some(items) = schema.items {
            for (index, element) in array.iter().enumerate().skip(prefix) {
                if self.full() {
                    break;
                }
                self.check(place.part(items, &Path::Element(path, index)), element, None);
            }
        }
        if let Some(evaluated) = evaluated.as_deref_mut() {
            evaluated.items_before =
                evaluated.items_before.max(if schema.items.is_some() { usize::MAX } else { prefix });
        }
        let Some(contains) = schema.contains else { return };
        let mut found = 0;
        for (index, element) in array.iter().enumerate() {
            if self.holds(place.part(contains, &Path::Element(path, index)), element, None) {
                found += 1;
                if let Some(evaluated) = evaluated.as_deref_mut() {
                    evaluated.items.insert(index);
                }
            }
        }
        let least = schema.min_contains.unwrap_or(1);
        if found < least {
            let keyword = if schema.min_contains.is_some() { "minContains" } else { "contains" };
            self.report(
                path,
                keyword,
                format_args!("must have at least {} of the kind that is asked for", Count(least, "element")),
            );
        }
        if let Some(most) = schema.max_contains.filter(|most| found > *most) {
            self.report(
                path,
                "maxContains",
                format_args!("must have at most {} of a certain kind", Count(most, "element")),
            );
        }
    }

    fn check_object(
        &mut self,
        place: Place,
        value: &Value,
        object: &Map<String, Value>,
        evaluated: &mut Option<&mut Evaluated>,
    ) {
        let Place { schema, path, .. } = place;
        let length = object.len() as u64;
        if let Some(least) = schema.min_properties.filter(|least| length < *least) {
            self.report(path, "minProperties", format_args!("must have at least {}", Count(least, "property")));
        }
        if let Some(most) = schema.max_properties.filter(|most| length > *most) {
            self.report(path, "maxProperties", format_args!("must have at most {}", Count(most, "property")));
        }
        for name in schema.required {
            if !object.contains_key(*name) && !self.is_forgiven(place.scope, schema, name) {
                self.report(&Path::Property(path, name), "required", format_args!("is required"));
            }
        }
        for (trigger, names) in schema.dependent_required {
            if object.contains_key(*trigger) {
                for name in names.iter().filter(|name| !object.contains_key(**name)) {
                    self.report(
                        &Path::Property(path, name),
                        "dependentRequired",
                        format_args!("is required where {trigger} is there"),
                    );
                }
            }
        }
        for (trigger, dependent) in schema.dependent_schemas {
            if object.contains_key(*trigger) {
                self.check(place.in_place(dependent), value, evaluated.as_deref_mut());
            }
        }
        let judges_members = !schema.properties.is_empty()
            || !schema.pattern_properties.is_empty()
            || schema.additional_properties.is_some()
            || schema.property_names.is_some();
        if !judges_members {
            return;
        }
        for (name, member) in object {
            if self.full() {
                break;
            }
            self.check_member(place, name, member, evaluated);
        }
    }

    fn check_member(&mut self, place: Place, name: &str, member: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let Place { schema, path, .. } = place;
        let path = Path::Property(path, name);
        let mut known = false;
        if let Some((_, property)) = schema.properties.iter().find(|(property, _)| *property == name) {
            known = true;
            if !self.is_ignored(property) {
                self.check(place.part(property, &path), member, None);
            }
        }
        for (pattern, property) in schema.pattern_properties {
            if pattern.is_found_in(name) {
                known = true;
                self.check(place.part(property, &path), member, None);
            }
        }
        if let Some(additional) = schema.additional_properties.filter(|_| !known) {
            known = true;
            if additional.never {
                self.report(&path, "additionalProperties", format_args!("is not allowed"));
            } else {
                self.check(place.part(additional, &path), member, None);
            }
        }
        if let Some(names) = schema.property_names {
            let quiet = self.quiet;
            let mut run =
                Run { violations: Vec::new(), failed: false, quiet, direction: self.direction, steps: self.steps };
            run.check(place.part(names, &path), &Value::String(name.to_owned()), None);
            if run.failed {
                let reason = run.violations.pop().map_or_else(String::new, |violation| violation.message);
                self.report(&path, "propertyNames", format_args!("is not a valid name: it {reason}"));
            }
        }
        if let Some(evaluated) = evaluated.as_deref_mut().filter(|_| known) {
            evaluated.properties.insert(name.to_owned());
        }
    }

    /// `$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if`.
    fn check_in_place(&mut self, place: Place, value: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let schema = place.schema;
        for member in schema.reference.iter().chain(schema.all_of) {
            self.check(place.in_place(member), value, evaluated.as_deref_mut());
        }
        let tagged = schema.discriminator.filter(|_| value.is_object());
        if let Some(discriminator) = tagged {
            self.check_tagged(place, value, discriminator, evaluated);
        } else {
            self.check_any_of(place, value, evaluated);
            self.check_one_of(place, value, evaluated);
        }
        if let Some(not) = schema.not
            && self.holds(place.in_place(not), value, None)
        {
            self.report(place.path, "not", format_args!("must not be of the kind that is ruled out"));
        }
        if let Some(condition) = schema.if_ {
            let chosen = if self.holds(place.in_place(condition), value, evaluated.as_deref_mut()) {
                schema.then_
            } else {
                schema.else_
            };
            if let Some(chosen) = chosen {
                self.check(place.in_place(chosen), value, evaluated.as_deref_mut());
            }
        }
    }

    fn check_tagged(
        &mut self,
        place: Place,
        value: &Value,
        discriminator: &Discriminator,
        evaluated: &mut Option<&mut Evaluated>,
    ) {
        let path = Path::Property(place.path, discriminator.property);
        let members = if place.schema.one_of.is_empty() { place.schema.any_of } else { place.schema.one_of };
        match (value.get(discriminator.property), select_tagged(value, discriminator)) {
            (_, Some(index)) => {
                if let Some(member) = members.get(index) {
                    self.check(place.in_place(member), value, evaluated.as_deref_mut());
                }
            }
            (None, None) => self.report(&path, "required", format_args!("is required")),
            (Some(_), None) => {
                let names: Vec<_> = discriminator.mapping.iter().map(|(name, _)| Literal::String(name)).collect();
                self.report(&path, "discriminator", format_args!("{}", Choices(&names)));
            }
        }
    }

    fn check_any_of(&mut self, place: Place, value: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let members = place.schema.any_of;
        let mut holds = members.is_empty();
        for member in members {
            // One is enough, but each that holds says which properties it has looked at.
            if holds && evaluated.is_none() {
                break;
            }
            holds |= self.holds(place.in_place(member), value, evaluated.as_deref_mut());
        }
        if !holds {
            self.report_union(place, value, members, "anyOf", "must be of one of the kinds that are allowed");
        }
    }

    fn check_one_of(&mut self, place: Place, value: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let members = place.schema.one_of;
        if members.is_empty() {
            return;
        }
        let holding =
            members.iter().filter(|member| self.holds(place.in_place(member), value, evaluated.as_deref_mut())).count();
        match holding {
            0 => self.report_union(
                place,
                value,
                members,
                "oneOf",
                "must be of exactly one of the kinds that are allowed",
            ),
            1 => {}
            _ => {
                self.report(
                    place.path,
                    "oneOf",
                    format_args!("must be of exactly one of the kinds that are allowed, but is of {holding}"),
                );
            }
        }
    }

    /// Where only one member takes a value of this JSON type, what is wrong is what is wrong by that member.
    fn report_union(
        &mut self,
        place: Place,
        value: &Value,
        members: &[&'static Schema],
        keyword: &'static str,
        message: &str,
    ) {
        let mut candidates = members.iter().filter(|member| is_of(value, explore::accepted_types(member)));
        match (candidates.next(), candidates.next()) {
            (Some(member), None) if !self.quiet => self.check(place.in_place(member), value, None),
            _ => self.report(place.path, keyword, format_args!("{message}")),
        }
    }

    fn check_unevaluated_properties(&mut self, place: Place, object: &Map<String, Value>, own: &mut Evaluated) {
        let Some(schema) = place.schema.unevaluated_properties else { return };
        for (name, member) in object {
            if own.every_property || own.properties.contains(name) {
                continue;
            }
            let path = Path::Property(place.path, name);
            if schema.never {
                self.report(&path, "unevaluatedProperties", format_args!("is not allowed"));
            } else {
                self.check(place.part(schema, &path), member, None);
            }
        }
        own.every_property = true;
    }

    fn check_unevaluated_items(&mut self, place: Place, array: &[Value], own: &mut Evaluated) {
        let Some(schema) = place.schema.unevaluated_items else { return };
        for (index, element) in array.iter().enumerate().skip(own.items_before) {
            if own.items.contains(&index) {
                continue;
            }
            let path = Path::Element(place.path, index);
            if schema.never {
                self.report(&path, "unevaluatedItems", format_args!("is not allowed"));
            } else {
                self.check(place.part(schema, &path), element, None);
            }
        }
        own.items_before = usize::MAX;
    }

    /// Whether a property is not judged, because it does not travel this way.
    fn is_ignored(&self, property: &Schema) -> bool {
        match self.direction {
            Some(Direction::Request) => explore::is_marked(property, |schema| schema.read_only),
            Some(Direction::Response) => explore::is_marked(property, |schema| schema.write_only),
            None => false,
        }
    }

    /// Whether a required property may be missing, because it does not travel this way.
    fn is_forgiven(&self, scope: &Schema, schema: &Schema, name: &str) -> bool {
        let property = explore::property_of(schema, name).or_else(|| explore::property_of(scope, name));
        property.is_some_and(|property| match self.direction {
            Some(_) => self.is_ignored(property),
            None => explore::is_marked(property, |schema| schema.read_only || schema.write_only),
        })
    }
}

impl Evaluated {
    fn merge(&mut self, other: Self) {
        self.every_property |= other.every_property;
        self.properties.extend(other.properties);
        self.items_before = self.items_before.max(other.items_before);
        self.items.extend(other.items);
    }
}

impl Path<'_> {
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Property(parent, name) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Self::Element(parent, index) => {
                parent.write(pointer);
                let _ = write!(pointer, "/{index}");
            }
        }
    }
}
