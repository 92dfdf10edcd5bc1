//! Values made from a schema: what a client would send and a server would answer.
//!
//! A value is made from the keywords that say what it looks like, part by part, and each part is judged by the validator; what
//! the maker does not look at (`not`, `contains` of something odd, an overlapping `oneOf`) shows in the judgement, and another
//! way is tried. So what comes out is valid, and what cannot be made is known and said.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::text::{self, Alphabet, Wanted};
use crate::schema::{Direction, Number, Schema, Types, validate};

/// What kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) direction: Direction,
    /// Every optional member, or none.
    pub(super) full: bool,
    /// Odd characters and numbers at their bounds.
    pub(super) odd: bool,
    /// Which of several ways is tried first.
    pub(super) turn: u64,
    /// Whether `null` and empty texts, arrays and objects have a spelling there: in a parameter they have none.
    pub(super) emptiness: bool,
    pub(super) alphabet: Alphabet,
}

impl Wish {
    /// Only what must be there.
    pub(super) const fn minimal(direction: Direction) -> Self {
        Self { direction, full: false, odd: false, turn: 0, emptiness: true, alphabet: Alphabet::Any }
    }

    /// The wishes that an operation is called with.
    pub(super) const fn all(direction: Direction) -> [Self; 4] {
        let minimal = Self::minimal(direction);
        let full = Self { full: true, ..minimal };
        [minimal, full, Self { odd: true, turn: 1, ..full }, Self { turn: 2, ..full }]
    }
}

/// The most parts that a value is made of; beyond it nothing optional is added.
const PARTS: usize = 400;
/// How many attempts all parts of a value take together.
const ATTEMPTS: usize = 4_000;
/// How deep optional members are added, and how deep a value can be at all.
const FULL_DEPTH: usize = 4;
const DEPTH: usize = 24;

/// A value of the schema; `None` where none could be made.
pub(super) fn example(schema: &'static Schema, wish: Wish) -> Option<Value> {
    (0..3).find_map(|attempt| {
        let maker = Maker { parts: Cell::new(0), attempts: Cell::new(0) };
        let wish = Wish { turn: wish.turn + attempt, full: wish.full && attempt < 2, ..wish };
        maker.make(&[schema], wish, 0)
    })
}

struct Maker {
    parts: Cell<usize>,
    attempts: Cell<usize>,
}

impl Maker {
    /// A value that all the schemas take.
    fn make(&self, schemas: &[&'static Schema], wish: Wish, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        self.parts.set(self.parts.get() + 1);
        let rounds = if depth == 0 { 8 } else { 4 };
        for round in 0..rounds {
            self.attempts.set(self.attempts.get() + 1);
            if self.attempts.get() > ATTEMPTS {
                return None;
            }
            let turn = wish.turn + round;
            // The more often it failed, the plainer the value.
            let wish = Wish { turn, full: wish.full && round < rounds - 1, odd: wish.odd && round < 2, ..wish };
            let mut flat = Flat::default();
            if !flat.add_all(schemas, turn, 0) {
                continue;
            }
            let Some(value) = self.of(&flat, wish, depth) else { continue };
            if schemas.iter().all(|schema| validate(schema, &value, wish.direction).is_empty()) {
                return Some(value);
            }
        }
        None
    }

    fn of(&self, flat: &Flat, wish: Wish, depth: usize) -> Option<Value> {
        let takes = |value: &Value| flat.all.iter().all(|schema| is_plainly_valid(schema, value, wish.direction));
        if let Some(first) = flat.all.iter().find_map(|schema| schema.enumeration) {
            let turn = usize::try_from(wish.turn).unwrap_or_default();
            let count = first.len();
            let values = (0..count).map(|index| first[(index + turn) % count].to_value());
            let mut values = values.filter(|value| takes(value) && (wish.emptiness || !is_empty(value)));
            // A null among others is for the minimal value.
            let nulls_last: (Vec<Value>, Vec<Value>) =
                values.by_ref().partition(|value| !value.is_null() || !wish.full);
            return nulls_last.0.into_iter().chain(nulls_last.1).next();
        }
        let types = flat.all.iter().fold(Types::ANY, |types, schema| types.and(schema.types));
        let described = flat.described_types();
        let any = types == Types::ANY;
        let order = [
            (Types::NULL, !wish.full && !any && wish.emptiness),
            (Types::OBJECT, true),
            (Types::ARRAY, true),
            (Types::STRING, true),
            (Types::NUMBER, true),
            (Types::INTEGER, true),
            (Types::BOOLEAN, true),
            (Types::NULL, wish.emptiness),
        ];
        // Where `type` is missing, the other keywords say what is meant; where there are none, a text is as good as anything.
        let described = if any && described.is_empty() { vec![Types::STRING] } else { described };
        let mut kinds: Vec<Types> = order
            .iter()
            .filter(|(kind, wanted)| *wanted && types.contains(*kind) && (!any || described.contains(kind)))
            .map(|(kind, _)| *kind)
            .collect();
        if kinds.len() > 1 && !kinds.contains(&Types::NULL) {
            let turn = usize::try_from(wish.turn).unwrap_or_default() % kinds.len();
            kinds.rotate_left(turn);
        }
        kinds.into_iter().find_map(|kind| match kind {
            Types::NULL => Some(Value::Null).filter(|value| takes(value)),
            Types::OBJECT => self.object(flat, wish, depth),
            Types::ARRAY => self.array(flat, wish, depth),
            Types::STRING => string(flat, wish, &takes),
            Types::BOOLEAN => Some(Value::Bool(wish.turn.is_multiple_of(2))).filter(|value| takes(value)),
            kind => number(flat, wish, kind == Types::INTEGER, &takes),
        })
    }

    fn array(&self, flat: &Flat, wish: Wish, depth: usize) -> Option<Value> {
        let minimum = flat.most(|schema| schema.min_items);
        let maximum = flat.least(|schema| schema.max_items);
        let deep = depth >= FULL_DEPTH || self.parts.get() > PARTS;
        let wanted = if wish.full && !deep { 2 } else { 0 };
        let floor = u64::from(!wish.emptiness);
        let count = minimum.max(wanted).max(floor).min(maximum.unwrap_or(u64::MAX)).min(10_000);
        let mut elements = Vec::new();
        for schema in flat.all.iter().filter(|schema| schema.contains.is_some()) {
            let wanted = schema.min_contains.unwrap_or(1);
            for turn in 0..wanted.min(1_000) {
                let member = schema.contains.expect("filtered above");
                elements.push(self.make(&[member], Wish { turn: wish.turn + turn, ..wish }, depth + 1)?);
            }
        }
        let unique = flat.all.iter().any(|schema| schema.unique_items);
        let mut turn = wish.turn;
        while (elements.len() as u64) < count {
            let index = elements.len();
            let schemas: Vec<&'static Schema> = flat.all.iter().filter_map(|schema| item_of(schema, index)).collect();
            // Elements of an array are not null where the whole has no spelling for it.
            let made = self.make(&schemas, Wish { turn, ..wish }, depth + 1);
            let tries = turn - wish.turn;
            turn += 1;
            match made {
                Some(value) if unique && elements.contains(&value) && tries < count + 40 => {}
                Some(value) if unique && elements.contains(&value) => break,
                Some(value) => elements.push(value),
                None if (index as u64) < minimum => return None,
                None => break,
            }
        }
        (wish.emptiness || !elements.is_empty()).then_some(Value::Array(elements))
    }

    fn object(&self, flat: &Flat, wish: Wish, depth: usize) -> Option<Value> {
        let mut members: BTreeMap<&'static str, Vec<&'static Schema>> = BTreeMap::new();
        for schema in &flat.all {
            for (name, member) in schema.properties {
                members.entry(name).or_default().push(member);
            }
        }
        let left_out = |schemas: &[&'static Schema]| {
            schemas.iter().any(|schema| match wish.direction {
                Direction::Request => is_marked(schema, |schema| schema.read_only),
                Direction::Response => is_marked(schema, |schema| schema.write_only),
            })
        };
        let mut object = Map::new();
        let mut required: Vec<&'static str> = Vec::new();
        for name in flat.all.iter().flat_map(|schema| schema.required) {
            if !required.contains(name) && !members.get(name).is_some_and(|schemas| left_out(schemas)) {
                required.push(name);
            }
        }
        let deep = depth >= FULL_DEPTH || self.parts.get() > PARTS;
        let full = wish.full && !deep;
        let inner = Wish { full, ..wish };
        // By name: the contract's order means nothing, and `Map` has one of its own.
        for name in &required {
            let value = self.member(flat, &members, name, inner, depth)?;
            object.insert((*name).to_owned(), value);
        }
        let maximum = flat.least(|schema| schema.max_properties).unwrap_or(u64::MAX);
        let minimum = flat.most(|schema| schema.min_properties).max(u64::from(!wish.emptiness));
        for (name, schemas) in &members {
            let enough = !full && object.len() as u64 >= minimum;
            if enough || object.len() as u64 >= maximum || object.contains_key(*name) || left_out(schemas) {
                continue;
            }
            if let Some(value) = self.member(flat, &members, name, inner, depth) {
                object.insert((*name).to_owned(), value);
            }
        }
        self.dependents(flat, &members, &mut object, inner, depth)?;
        let open = flat.all.iter().any(|schema| schema.additional_properties.is_some_and(|schema| !schema.never));
        let extras = if full && open { 1 } else { 0 };
        let wanted = minimum.saturating_sub(object.len() as u64).max(extras).min(1_000);
        for index in 0..wanted {
            if object.len() as u64 >= maximum {
                break;
            }
            let name = self.free_name(flat, &object, wish, index, depth);
            if let Some(name) = name
                && let Some(value) = self.free_member(flat, &name, inner, depth)
            {
                object.insert(name, value);
            }
        }
        for (name, tag) in &flat.tags {
            let takes = members.get(name).is_none_or(|schemas| {
                schemas.iter().all(|schema| validate(schema, &Value::from(*tag), wish.direction).is_empty())
            });
            if takes {
                object.insert((*name).to_owned(), Value::from(*tag));
            }
        }
        Some(Value::Object(object))
    }

    fn member(
        &self,
        flat: &Flat,
        members: &BTreeMap<&'static str, Vec<&'static Schema>>,
        name: &str,
        wish: Wish,
        depth: usize,
    ) -> Option<Value> {
        let mut schemas = members.get(name).cloned().unwrap_or_default();
        if schemas.is_empty() {
            return self.free_member(flat, name, wish, depth);
        }
        for schema in &flat.all {
            let patterns = schema.pattern_properties.iter().filter(|(pattern, _)| pattern.is_found_in(name));
            schemas.extend(patterns.map(|(_, schema)| *schema));
        }
        self.make(&schemas, wish, depth + 1)
    }

    /// A member that no `properties` names.
    fn free_member(&self, flat: &Flat, name: &str, wish: Wish, depth: usize) -> Option<Value> {
        static ANYTHING: Schema = Schema { types: Types::STRING, ..Schema::ANY };
        let mut schemas = Vec::new();
        for schema in &flat.all {
            let before = schemas.len();
            let patterns = schema.pattern_properties.iter().filter(|(pattern, _)| pattern.is_found_in(name));
            schemas.extend(patterns.map(|(_, schema)| *schema));
            if schemas.len() == before && !schema.properties.iter().any(|(property, _)| *property == name) {
                schemas.extend(schema.additional_properties.or(schema.unevaluated_properties));
            }
        }
        if schemas.is_empty() {
            schemas.push(&ANYTHING);
        }
        self.make(&schemas, wish, depth + 1)
    }

    /// A name for a member that no `properties` names.
    fn free_name(
        &self,
        flat: &Flat,
        object: &Map<String, Value>,
        wish: Wish,
        index: u64,
        depth: usize,
    ) -> Option<String> {
        let patterns =
            flat.all.iter().flat_map(|schema| schema.pattern_properties).map(|(pattern, _)| pattern.source());
        let names = flat.all.iter().filter_map(|schema| schema.property_names).collect::<Vec<_>>();
        let mut candidates = Vec::new();
        if !names.is_empty() {
            let wish = Wish { turn: wish.turn + index, odd: false, ..wish };
            candidates.extend(self.make(&names, wish, depth + 1).and_then(|name| name.as_str().map(str::to_owned)));
        }
        let closed = flat.all.iter().any(|schema| schema.additional_properties.is_some_and(|schema| schema.never));
        if !closed {
            candidates.push(format!("extra{}", index + 1));
        }
        let wanted = Wanted { patterns: patterns.collect(), ..Wanted::default() };
        if !wanted.patterns.is_empty() {
            candidates.extend(text::candidates(&wanted, Alphabet::Any, false, wish.turn + index));
        }
        let declared =
            |name: &str| flat.all.iter().any(|schema| schema.properties.iter().any(|(known, _)| *known == name));
        candidates.into_iter().find(|name| !object.contains_key(name) && !declared(name))
    }

    /// What `dependentRequired` asks for.
    fn dependents(
        &self,
        flat: &Flat,
        members: &BTreeMap<&'static str, Vec<&'static Schema>>,
        object: &mut Map<String, Value>,
        wish: Wish,
        depth: usize,
    ) -> Option<()> {
        for (name, needed) in flat.all.iter().flat_map(|schema| schema.dependent_required) {
            for other in needed.iter().filter(|_| object.contains_key(*name)).copied().collect::<Vec<_>>() {
                if !object.contains_key(other) {
                    let value = self.member(flat, members, other, wish, depth)?;
                    object.insert(other.to_owned(), value);
                }
            }
        }
        Some(())
    }
}

fn string(flat: &Flat, wish: Wish, takes: &dyn Fn(&Value) -> bool) -> Option<Value> {
    let wanted = Wanted {
        patterns: flat.all.iter().filter_map(|schema| schema.pattern).map(|pattern| pattern.source()).collect(),
        formats: flat.all.iter().filter_map(|schema| schema.format).collect(),
        minimum: flat.most(|schema| schema.min_length),
        maximum: flat.least(|schema| schema.max_length),
    };
    let mut candidates = text::candidates(&wanted, wish.alphabet, wish.odd, wish.turn);
    let odd_turn = usize::try_from(wish.turn).unwrap_or_default();
    if wish.odd && wanted.formats.is_empty() && wanted.patterns.is_empty() {
        // The odd text is the best of them.
    } else if candidates.len() > 1 && odd_turn % 2 == 1 && !wanted.formats.is_empty() {
        candidates.swap(0, 1);
    }
    let fits = |text: &String| (wish.emptiness || !text.is_empty()) && fits_alphabet(text, wish.alphabet);
    candidates.into_iter().filter(fits).map(Value::String).find(takes)
}

/// A pattern may ask for what its place cannot carry; then the first that fits is taken.
fn fits_alphabet(text: &str, alphabet: Alphabet) -> bool {
    match alphabet {
        Alphabet::Any => true,
        Alphabet::Header => {
            text.trim() == text && text.chars().all(|character| (' '..='~').contains(&character)) && !text.contains(',')
        }
        Alphabet::Delimited => !text.contains([' ', '|', ',']),
    }
}

fn number(flat: &Flat, wish: Wish, integer: bool, takes: &dyn Fn(&Value) -> bool) -> Option<Value> {
    let bounds =
        |keyword: fn(&Schema) -> Option<Number>| flat.all.iter().filter_map(move |schema| keyword(schema)).map(as_f64);
    let low = bounds(|schema| schema.minimum)
        .chain(bounds(|schema| schema.exclusive_minimum))
        .fold(f64::NEG_INFINITY, f64::max);
    let high =
        bounds(|schema| schema.maximum).chain(bounds(|schema| schema.exclusive_maximum)).fold(f64::INFINITY, f64::min);
    let step = bounds(|schema| schema.multiple_of).fold(0.0, f64::max);
    let mut candidates: Vec<f64> = Vec::new();
    if wish.odd {
        candidates.extend([high, low].into_iter().filter(|bound| bound.is_finite() && bound.abs() < 9e15));
        candidates.extend([2_147_483_647.0, -2_147_483_648.0, 127.0]);
    }
    let start = if low.is_finite() {
        low
    } else if high.is_finite() {
        high.min(1.0)
    } else {
        1.0
    };
    let turn = wish.turn as f64;
    if step > 0.0 {
        let first = (start / step).ceil();
        candidates.extend([0.0, 1.0, 2.0, -1.0].map(|offset| (first + offset + turn) * step));
        candidates.extend([0.0, 1.0, 2.0].map(|offset| (first + offset) * step));
    }
    if !integer {
        candidates.extend([start + 0.5 + turn, start + 0.25]);
    }
    candidates.extend([start + turn, start, start + 1.0, start - 1.0, 0.0, 1.0, high - 1.0, high]);
    if low.is_finite() && high.is_finite() {
        candidates.extend([low + (high - low) / 2.0, low + (high - low) / 4.0]);
    }
    candidates.into_iter().filter(|candidate| candidate.is_finite()).find_map(|candidate| {
        let whole = candidate.round();
        let as_integer = (whole.abs() < 9e15).then(|| Value::from(whole as i64)).filter(takes);
        let as_float = (!integer).then(|| Value::from(candidate)).filter(takes);
        if integer || candidate == whole { as_integer.or(as_float) } else { as_float.or(as_integer) }
    })
}

/// Schemas that apply to the same value, with one member chosen of each union.
#[derive(Default)]
struct Flat {
    all: Vec<&'static Schema>,
    /// Properties that discriminators look at, and what they must be.
    tags: Vec<(&'static str, &'static str)>,
}

impl Flat {
    fn add_all(&mut self, schemas: &[&'static Schema], turn: u64, depth: usize) -> bool {
        schemas.iter().all(|schema| self.add(schema, turn, depth))
    }

    fn add(&mut self, schema: &'static Schema, turn: u64, depth: usize) -> bool {
        if schema.never || depth > 32 {
            return false;
        }
        if self.all.iter().any(|known| std::ptr::eq(*known, schema)) {
            return true;
        }
        self.all.push(schema);
        let always = schema.reference.iter().chain(schema.all_of);
        if !always.copied().all(|member| self.add(member, turn, depth + 1)) {
            return false;
        }
        for (union, tagged) in [(schema.one_of, true), (schema.any_of, schema.one_of.is_empty())] {
            if union.is_empty() {
                continue;
            }
            let count = union.len() as u64;
            let mapping = schema.discriminator.filter(|_| tagged);
            let index = if let Some(discriminator) = mapping.filter(|mapping| !mapping.mapping.is_empty()) {
                let at = usize::try_from(turn).unwrap_or_default() % discriminator.mapping.len();
                let (tag, index) = discriminator.mapping[at];
                self.tags.push((discriminator.property, tag));
                index
            } else {
                usize::try_from(turn % count).unwrap_or_default()
            };
            let Some(member) = union.get(index) else { return false };
            if !self.add(member, turn, depth + 1) {
                return false;
            }
        }
        if schema.if_.is_some() {
            let branch = match turn % 3 {
                0 => None,
                1 => schema.then_,
                _ => schema.else_,
            };
            return branch.is_none_or(|branch| self.add(branch, turn, depth + 1));
        }
        true
    }

    fn most(&self, keyword: fn(&Schema) -> Option<u64>) -> u64 {
        self.all.iter().filter_map(|schema| keyword(schema)).max().unwrap_or_default()
    }

    fn least(&self, keyword: fn(&Schema) -> Option<u64>) -> Option<u64> {
        self.all.iter().filter_map(|schema| keyword(schema)).min()
    }

    /// The types that the keywords beside `type` are about.
    fn described_types(&self) -> Vec<Types> {
        let mut types = Vec::new();
        let mut note = |kind: Types, is: bool| {
            if is && !types.contains(&kind) {
                types.push(kind);
            }
        };
        for schema in &self.all {
            let object = !schema.properties.is_empty()
                || !schema.required.is_empty()
                || schema.additional_properties.is_some()
                || !schema.pattern_properties.is_empty()
                || schema.min_properties.is_some();
            let array = schema.items.is_some() || !schema.prefix_items.is_empty() || schema.min_items.is_some();
            let number = schema.minimum.or(schema.maximum).or(schema.multiple_of).is_some()
                || schema.exclusive_minimum.or(schema.exclusive_maximum).is_some();
            note(Types::OBJECT, object || schema.discriminator.is_some());
            note(Types::ARRAY, array);
            note(Types::NUMBER, number);
            note(Types::STRING, schema.pattern.is_some() || schema.min_length.or(schema.max_length).is_some());
        }
        types
    }
}

/// The schema itself without what it is made of: the members of unions are judged when the whole is.
fn is_plainly_valid(schema: &Schema, value: &Value, direction: Direction) -> bool {
    let violations = validate(schema, value, direction);
    violations.iter().all(|violation| matches!(violation.keyword, "oneOf" | "anyOf" | "not" | "if"))
}

pub(super) fn item_of(schema: &'static Schema, index: usize) -> Option<&'static Schema> {
    schema.prefix_items.get(index).copied().or(schema.items)
}

pub(super) fn is_marked(schema: &Schema, mark: fn(&Schema) -> bool) -> bool {
    fn marked(schema: &Schema, mark: fn(&Schema) -> bool, depth: usize) -> bool {
        mark(schema)
            || (depth < 16 && schema.reference.iter().chain(schema.all_of).any(|one| marked(one, mark, depth + 1)))
    }
    marked(schema, mark, 0)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

pub(super) fn as_f64(number: Number) -> f64 {
    match number {
        Number::Integer(integer) => integer as f64,
        Number::Float(float) => float,
    }
}
