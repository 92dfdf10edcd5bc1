//! The shape that a schema's own keywords give, without `$ref` and `allOf`.

use std::rc::Rc;

use super::super::keywords::{guessed_type, integer_type, says_type, string_type};
use super::{Atoms, Shape, Shapes, TupleShape, UnionShape};
use crate::document::schema::{Schema, SchemaId};
use crate::ir::{JsonType, Literal, Number, Type};

impl<'a> Shapes<'a> {
    /// The shape that a schema's own keywords give, without `$ref` and `allOf`.
    pub(super) fn own_shape(&mut self, id: SchemaId) -> Shape {
        if let Some(shape) = self.enumerated(id) {
            return shape;
        }
        if let Some(shape) = self.united(id) {
            return shape;
        }
        let schema = &self.arena[id.0];
        let mut types = schema.types_but_null();
        if types.contains(&JsonType::Number) {
            types.retain(|ty| *ty != JsonType::Integer);
        }
        match types.as_slice() {
            [] if schema.types == [JsonType::Null] => Shape::Scalar(Type::Null),
            [] => match guessed_type(schema) {
                Some(ty) => self.typed(id, ty),
                None => Shape::Json,
            },
            [only] => self.typed(id, *only),
            several if several.len() >= 5 => Shape::Json,
            several => {
                let several = several.to_vec();
                let base = self.unnamed_copy(id);
                let members: Vec<SchemaId> =
                    several.iter().map(|ty| self.push(Schema { types: vec![*ty], ..base.clone() })).collect();
                Shape::Union(UnionShape { originals: members.clone(), members, tagged: None })
            }
        }
    }

    fn enumerated(&mut self, id: SchemaId) -> Option<Shape> {
        let schema = &self.arena[id.0];
        let all = schema.enumeration.as_ref()?;
        let members: Vec<Literal> =
            all.iter().filter(|member| **member != Literal::Null && may_have(schema, member)).cloned().collect();
        if members.is_empty() {
            return Some(if all.contains(&Literal::Null) { Shape::Scalar(Type::Null) } else { Shape::Json });
        }
        // Integers among other numbers are numbers.
        let has_fractions = members.iter().any(|member| kind(member).1 == JsonType::Number);
        let kind = |member: &Literal| match kind(member) {
            (_, JsonType::Integer) if has_fractions => ("Number", JsonType::Number),
            other => other,
        };
        let mut kinds: Vec<(&'static str, JsonType)> = Vec::new();
        for member in &members {
            if !kinds.contains(&kind(member)) {
                kinds.push(kind(member));
            }
        }
        if kinds.iter().any(|(_, ty)| matches!(ty, JsonType::Array | JsonType::Object)) {
            self.degraded(id, "degraded-enum", "an `enum` of arrays or objects is not typed");
            return Some(Shape::Json);
        }
        if let [(_, ty)] = kinds.as_slice() {
            return Some(self.one_kind(id, *ty, &members));
        }
        let base = self.unnamed_copy(id);
        let union: Vec<SchemaId> = kinds
            .iter()
            .map(|one| {
                let own = members.iter().filter(|member| kind(member) == *one).cloned().collect();
                let (word, ty) = *one;
                self.push(Schema {
                    title: Some(word.to_owned()),
                    types: vec![ty],
                    enumeration: Some(own),
                    ..base.clone()
                })
            })
            .collect();
        Some(Shape::Union(UnionShape { originals: union.clone(), members: union, tagged: None }))
    }

    /// An enum whose members are of one type.
    fn one_kind(&self, id: SchemaId, ty: JsonType, members: &[Literal]) -> Shape {
        let is_number = self.arena[id.0].types.contains(&JsonType::Number);
        match ty {
            JsonType::String => Shape::StringEnum(
                members
                    .iter()
                    .filter_map(|member| if let Literal::String(text) = member { Some(text.clone()) } else { None })
                    .collect(),
            ),
            // An enum of numbers that all happen to be integers may be written 1.0.
            JsonType::Integer if !is_number => {
                let integers: Option<Vec<i64>> = members
                    .iter()
                    .map(|member| match member {
                        Literal::Number(Number::Integer(value)) => i64::try_from(*value).ok(),
                        _ => None,
                    })
                    .collect();
                integers.map_or(Shape::Scalar(Type::U64), Shape::IntegerEnum)
            }
            JsonType::Boolean => Shape::Scalar(Type::Boolean),
            _ => Shape::Scalar(Type::F64),
        }
    }

    /// The schema without what names it, to make parts of.
    fn unnamed_copy(&self, id: SchemaId) -> Schema<'a> {
        Schema {
            component: None,
            referenced: false,
            rust_name: None,
            title: None,
            nullable: false,
            default: None,
            docs: crate::ir::Docs::default(),
            ..self.arena[id.0].clone()
        }
    }

    /// `oneOf` or `anyOf`, where it says something about the type.
    fn united(&mut self, id: SchemaId) -> Option<Shape> {
        let schema = &self.arena[id.0];
        let mut members: Vec<SchemaId> = Vec::new();
        for member in schema.alternatives() {
            if !self.is_null_only(*member) && !members.contains(member) {
                members.push(*member);
            }
        }
        let strong = members.iter().filter(|member| self.is_strong(**member)).count();
        let has_properties = schema.has_properties();
        if strong == 0 {
            let only_null = !schema.alternatives().is_empty() && members.is_empty() && !says_type(schema);
            return only_null.then_some(Shape::Scalar(Type::Null));
        }
        if let Some(shape) = self.constants(&members) {
            return Some(shape);
        }
        if has_properties {
            let tells_objects = members
                .iter()
                .all(|member| matches!(*self.final_shape(*member), Shape::Struct(_) | Shape::Map(_) | Shape::Union(_)));
            if !tells_objects {
                // The alternatives only constrain the members that are declared here.
                return None;
            }
            let mut atoms = Atoms::default();
            self.atoms(id, id, &mut atoms);
            return Some(self.distributed(id, id, &atoms));
        }
        if strong < members.len() {
            // `{}` says on purpose that it may be anything; other members say something that no type holds.
            let says_something = |member: &SchemaId| !self.is_strong(*member) && self.says_anything(*member);
            if members.iter().any(says_something) {
                self.degraded(id, "degraded-union", "some of these alternatives do not say what type a value has");
            }
            return Some(Shape::Json);
        }
        if let [only] = members.as_slice() {
            return Some(Shape::Same(*only));
        }
        let shapes: Vec<Rc<Shape>> = members.iter().map(|member| self.final_shape(*member)).collect();
        let is_one_scalar = matches!(*shapes[0], Shape::Scalar(_)) && shapes.iter().all(|shape| *shape == shapes[0]);
        if is_one_scalar && members.iter().all(|member| self.arena[member.0].component.is_none()) {
            return Some((*shapes[0]).clone());
        }
        let tagged = self.arena[id.0].discriminator.is_some().then_some(id);
        Some(Shape::Union(UnionShape { originals: members.clone(), members, tagged }))
    }

    fn typed(&mut self, id: SchemaId, ty: JsonType) -> Shape {
        let schema = &self.arena[id.0];
        match ty {
            JsonType::Null => Shape::Scalar(Type::Null),
            JsonType::Boolean => Shape::Scalar(Type::Boolean),
            JsonType::String => Shape::Scalar(string_type(schema)),
            JsonType::Integer => Shape::Scalar(integer_type(schema)),
            // `float` too: as `f32`, 999999.99 would go out as 1000000 and break its `maximum`.
            JsonType::Number => Shape::Scalar(Type::F64),
            JsonType::Array if !schema.prefix_items.is_empty() => self.tuple(id),
            JsonType::Array => Shape::Array(schema.items),
            JsonType::Object if schema.has_properties() => {
                let atoms = Atoms { strong: vec![id], required: schema.required.clone(), ..Atoms::default() };
                let mut object = self.merged_struct(&atoms);
                let alternatives = self.arena[id.0].alternatives().to_vec();
                self.add_conditional(&mut object, &alternatives);
                Shape::Struct(object)
            }
            JsonType::Object => {
                // An object without declared members keeps what it has.
                Shape::Map(self.other_members(id).flatten())
            }
        }
    }

    /// `prefixItems`. Only `minItems` makes an element certain, and only `items: false` or `maxItems` ends the list.
    fn tuple(&mut self, id: SchemaId) -> Shape {
        const MOST: usize = 12;
        let schema = &self.arena[id.0];
        let count = |bound: Option<u64>, otherwise: usize| {
            bound.map_or(otherwise, |bound| usize::try_from(bound).unwrap_or(usize::MAX))
        };
        let most = count(schema.max_items, usize::MAX);
        let mut elements = schema.prefix_items.clone();
        // What other schemas look at is evaluated too, so it may be longer than its own `prefixItems`.
        let alone = schema.reference.is_none()
            && schema.all_of.is_empty()
            && schema.alternatives().is_empty()
            && schema.contains.is_none()
            && schema.if_.is_none();
        let beyond = schema.items.or(schema.unevaluated_items.filter(|_| alone));
        let ends = most <= elements.len() || beyond.is_some_and(|rest| self.arena[rest.0].never);
        elements.truncate(most);
        let rest = (!ends).then_some(beyond);
        let optional = elements.split_off(count(schema.min_items, 0).min(elements.len()));
        if elements.len() > MOST || optional.len() > MOST {
            self.degraded(id, "degraded-tuple", "a list with this many schemas of its own is not typed");
            return Shape::Array(None);
        }
        Shape::Tuple(TupleShape { required: elements, optional, rest })
    }

    /// `oneOf: [{ const: a, title: .., description: .. }, ..]`, an enum of which each value has prose.
    pub(super) fn constants(&self, members: &[SchemaId]) -> Option<Shape> {
        let (mut texts, mut integers) = (Vec::new(), Vec::new());
        for member in members.iter().filter(|member| !self.is_null_only(**member)) {
            let schema = &self.arena[member.0];
            let is_plain = schema.component.is_none() && schema.reference.is_none() && schema.all_of.is_empty();
            match schema.enumeration.as_deref() {
                Some([Literal::String(value)]) if is_plain && !texts.contains(value) => texts.push(value.clone()),
                Some([Literal::Number(Number::Integer(value))]) if is_plain => {
                    integers.push(i64::try_from(*value).ok().filter(|value| !integers.contains(value))?);
                }
                _ => return None,
            }
        }
        match (texts.len(), integers.len()) {
            (2.., 0) => Some(Shape::StringEnum(texts)),
            (0, 2..) => Some(Shape::IntegerEnum(integers)),
            _ => None,
        }
    }

    /// Whether a schema says more than `true` does.
    fn says_anything(&self, id: SchemaId) -> bool {
        let schema = &self.arena[id.0];
        let says = |schema: &Schema<'_>| {
            says_type(schema)
                || schema.never
                || !schema.required.is_empty()
                || schema.min_properties.is_some()
                || schema.max_properties.is_some()
                || schema.pattern.is_some()
                || schema.min_length.is_some()
                || schema.max_length.is_some()
                || schema.not.is_some()
                || schema.if_.is_some()
        };
        says(schema) || schema.reference.is_some() || !schema.all_of.is_empty() || !schema.alternatives().is_empty()
    }

    /// Members of an object that are not declared by name: none that are kept, those of a schema, or any.
    pub(super) fn other_members(&mut self, id: SchemaId) -> Option<Option<SchemaId>> {
        if let Some(known) = self.others.get(&id) {
            return *known;
        }
        let schema = &self.arena[id.0];
        let additional = schema.additional_properties;
        let mut values: Vec<SchemaId> = Vec::new();
        for (_, value) in &schema.pattern_properties {
            if !values.contains(value) && !self.arena[value.0].never {
                values.push(*value);
            }
        }
        let is_typed = values.iter().all(|value| self.is_strong(*value));
        let others = match additional {
            _ if schema.pattern_properties.is_empty() => additional.and_then(|value| self.additional(value)),
            Some(value) if is_typed && self.arena[value.0].never => self.any_of(id, values),
            Some(value) if is_typed && self.is_strong(value) => {
                values.push(value);
                self.any_of(id, values)
            }
            None if is_typed => {
                self.degraded(
                    id,
                    "degraded-pattern-properties",
                    "members that match no pattern may be anything, so that none can be typed (`additionalProperties: \
                     false` would type them)",
                );
                Some(None)
            }
            _ => Some(None),
        };
        self.others.insert(id, others);
        others
    }

    /// A schema that the contract does not have: one of these.
    fn any_of(&mut self, holder: SchemaId, mut values: Vec<SchemaId>) -> Option<Option<SchemaId>> {
        values.dedup();
        Some(Some(match values.as_slice() {
            [] => return None,
            [only] => *only,
            _ => self.push(Schema { node: self.arena[holder.0].node, any_of: values, ..Schema::default() }),
        }))
    }

    /// `additionalProperties` as a flattened map.
    pub(super) fn additional(&self, value: SchemaId) -> Option<Option<SchemaId>> {
        let schema = &self.arena[value.0];
        if schema.never {
            None
        } else if self.is_strong(value) {
            Some(Some(value))
        } else {
            Some(None)
        }
    }
}

/// Whether an `enum` member can be a value at all: `type` stands beside it.
fn may_have(schema: &Schema<'_>, member: &Literal) -> bool {
    let (_, ty) = kind(member);
    schema.may_be(ty) || ty == JsonType::Integer && schema.may_be(JsonType::Number)
}

/// The type of an `enum` member, and a word for it.
fn kind(member: &Literal) -> (&'static str, JsonType) {
    match member {
        Literal::Null => ("Null", JsonType::Null),
        Literal::Boolean(_) => ("Boolean", JsonType::Boolean),
        Literal::Number(Number::Integer(_)) => ("Integer", JsonType::Integer),
        Literal::Number(Number::Float(_)) => ("Number", JsonType::Number),
        Literal::String(_) => ("String", JsonType::String),
        Literal::Array(_) => ("List", JsonType::Array),
        Literal::Object(_) => ("Map", JsonType::Object),
    }
}
