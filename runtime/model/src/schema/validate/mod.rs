//! The interpreter: every keyword, all violations in one pass, pointers to where each stands.
//!
//! Two limits keep hostile input harmless. Schemas within schemas end at a depth of 256, so that recursive data cannot overflow
//! the stack; and a value may cost two million steps, so that unions of unions cannot make a small body take minutes. A value
//! that meets a limit is refused, also where a `not` asked.

mod arrays;
mod combinations;
mod objects;
mod scalars;

use std::{
    cell::Cell,
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use serde_json::Value;

use super::{
    Discriminator, Schema,
    explore::{items_of, property_of},
};

/// The most violations that one call reports.
const LIMIT: usize = 100;
const MAXIMUM_DEPTH: usize = 256;
const MAXIMUM_STEPS: usize = 2_000_000;
const TOO_MUCH: &str = "is nested too deeply or takes too long to judge";

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
    let budget = Budget::default();
    let mut run =
        Run { violations: Vec::new(), failed: false, quiet: false, direction: Some(direction), budget: &budget };
    run.check(Place { schema, scope: schema, path: &Path::Root, depth: 0 }, value, None);
    if budget.exceeded.get() && run.violations.is_empty() {
        run.report(&Path::Root, "depth", format_args!("{TOO_MUCH}"));
    }
    run.violations
}

/// The error of a value that [`select`] finds no member for.
pub fn no_member(union: &str) -> serde_json::Error {
    serde::de::Error::custom(format_args!("the value fits no member of {union}"))
}

/// The error of a value whose discriminator names no member of a union.
pub fn unknown_tag(property: &str, union: &str) -> serde_json::Error {
    serde::de::Error::custom(format_args!("the property {property:?} names no member of {union}"))
}

/// The index of the member that the value satisfies: which type an untagged union is. Of several, the one that declares most of
/// the value's properties, at any depth, so that least is lost where objects are open; of these, the first.
///
/// Which way the value travels is not known here, so missing `readOnly` and `writeOnly` properties are forgiven.
pub fn select(value: &Value, members: &[&'static Schema]) -> Option<usize> {
    let budget = Budget::default();
    let run = Run { violations: Vec::new(), failed: false, quiet: true, direction: None, budget: &budget };
    let all = properties_within(value, 0);
    let mut best: Option<(usize, usize)> = None;
    for (index, schema) in members.iter().enumerate() {
        let place = Place { schema, scope: schema, path: &Path::Root, depth: 0 };
        let declared = declared_within(schema, value, 0);
        if best.is_none_or(|(_, most)| declared > most) && run.holds(place, value, None) {
            best = Some((index, declared));
        }
        if best.is_some_and(|(_, most)| all == most) {
            break;
        }
    }
    best.map(|(index, _)| index).filter(|_| !budget.exceeded.get())
}

/// How deep a value's properties count.
const COUNTED_DEPTH: usize = 6;

/// How many properties a value has, with those of its parts.
fn properties_within(value: &Value, depth: usize) -> usize {
    match value {
        _ if depth == COUNTED_DEPTH => 0,
        Value::Object(members) => members.values().map(|member| 1 + properties_within(member, depth + 1)).sum(),
        Value::Array(elements) => elements.iter().map(|element| properties_within(element, depth + 1)).sum(),
        _ => 0,
    }
}

/// How many of them the schema declares.
fn declared_within(schema: &Schema, value: &Value, depth: usize) -> usize {
    match value {
        _ if depth == COUNTED_DEPTH => 0,
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, member)| Some(1 + declared_within(property_of(schema, name)?, member, depth + 1)))
            .sum(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .filter_map(|(index, element)| Some(declared_within(items_of(schema, index)?, element, depth + 1)))
            .sum(),
        _ => 0,
    }
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
    budget: &'a Budget,
}

/// What a value may cost.
struct Budget {
    steps: Cell<usize>,
    /// Whether a limit was met: what was found since is no verdict.
    exceeded: Cell<bool>,
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
            Run { violations: Vec::new(), failed: false, quiet, direction: self.direction, budget: self.budget };
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
        // A long enumeration is compared member by member.
        let cost = 1 + place.schema.enumeration.map_or(0, <[_]>::len) / 64;
        if place.depth > MAXIMUM_DEPTH || !self.budget.spend(cost) {
            self.budget.exceeded.set(true);
            return self.report(place.path, "depth", format_args!("{TOO_MUCH}"));
        }
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
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: Cell::new(MAXIMUM_STEPS), exceeded: Cell::new(false) }
    }
}

impl Budget {
    /// Takes steps; whether there were as many left.
    fn spend(&self, steps: usize) -> bool {
        self.steps.get().checked_sub(steps).map(|left| self.steps.set(left)).is_some()
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
