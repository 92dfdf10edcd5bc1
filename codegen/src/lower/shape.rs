//! What a schema is as a Rust type, before it has a name.
//!
//! A Rust type may be looser than its schema, never tighter: the schema decides on a request, the type only has to hold
//! whatever the schema lets through. `allOf` is merged into one struct, `oneOf` and `anyOf` become unions, a lone
//! member is that member, and what contradicts itself is untyped JSON with a warning.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::keywords::{guessed_type, integer_type, says_more_than_type, says_type, single_type, string_type};
use crate::diagnostic::{Diagnostic, Reporter};
use crate::document::schema::{Property, Schema, SchemaId};
use crate::ir::{JsonType, Literal, Number, Type};

/// How deep compositions of compositions are typed; deeper ones are untyped JSON.
const MAX_DEPTH: usize = 128;

/// A kind of type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Anything.
    Json,
    /// A type without a name of its own.
    Scalar(Type),
    /// A list.
    Array(Option<SchemaId>),
    /// An object with keys that are data.
    Map(Option<SchemaId>),
    /// An object with known members.
    Struct(StructShape),
    /// A closed set of strings.
    StringEnum(Vec<String>),
    /// A closed set of integers.
    IntegerEnum(Vec<i64>),
    /// One of several.
    Union(UnionShape),
    /// The type of another schema.
    Same(SchemaId),
}

/// An object with known members.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StructShape {
    /// The schema that declares each property, and which of its properties.
    pub(crate) fields: Vec<FieldShape>,
    /// `additionalProperties`, unless it is absent or `false`: a schema, or anything.
    pub(crate) additional: Option<Option<SchemaId>>,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldShape {
    /// Where the property is declared.
    pub(crate) holder: SchemaId,
    /// Its index there.
    pub(crate) index: usize,
    /// Its schema; not the declared one where two declarations were merged.
    pub(crate) schema: SchemaId,
    /// Whether it must be there.
    pub(crate) required: bool,
}

/// One of several.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnionShape {
    /// The members.
    pub(crate) members: Vec<SchemaId>,
    /// The member of the contract that each stands for; another one where a base was merged into it.
    pub(crate) originals: Vec<SchemaId>,
    /// The schema that has the discriminator.
    pub(crate) tagged: Option<SchemaId>,
}

/// Shapes of schemas, each worked out once.
#[derive(Debug)]
pub(crate) struct Shapes<'a> {
    pub(crate) arena: Vec<Schema<'a>>,
    known: HashMap<SchemaId, Rc<Shape>>,
    nullable: HashMap<SchemaId, bool>,
    merged: HashMap<Vec<SchemaId>, SchemaId>,
    strong: RefCell<HashMap<SchemaId, bool>>,
    depth: usize,
    report: &'a Reporter,
}

/// What the members of an `allOf` say together.
#[derive(Default)]
struct Atoms {
    /// Schemas whose own keywords say something about the type.
    strong: Vec<SchemaId>,
    /// `required` of all.
    required: Vec<String>,
    /// Schemas with a `oneOf` or `anyOf` that says something about the type.
    unions: Vec<SchemaId>,
    seen: HashSet<SchemaId>,
}

impl<'a> Shapes<'a> {
    pub(crate) fn new(arena: Vec<Schema<'a>>, report: &'a Reporter) -> Self {
        Self {
            arena,
            known: HashMap::new(),
            nullable: HashMap::new(),
            merged: HashMap::new(),
            strong: RefCell::default(),
            depth: 0,
            report,
        }
    }

    pub(crate) fn schema(&self, id: SchemaId) -> &Schema<'a> {
        &self.arena[id.0]
    }

    /// The shape of a schema.
    pub(crate) fn shape(&mut self, id: SchemaId) -> Rc<Shape> {
        if let Some(shape) = self.known.get(&id) {
            return Rc::clone(shape);
        }
        // Until it is known, a schema that needs itself in place is anything.
        self.known.insert(id, Rc::new(Shape::Json));
        if self.depth >= MAX_DEPTH {
            return Rc::new(Shape::Json);
        }
        self.depth += 1;
        let shape = Rc::new(self.work_out(id));
        self.depth -= 1;
        self.known.insert(id, Rc::clone(&shape));
        shape
    }

    /// The shape at the end of a chain of [`Shape::Same`].
    pub(crate) fn final_shape(&mut self, id: SchemaId) -> Rc<Shape> {
        let mut shape = self.shape(id);
        for _ in 0..64 {
            let Shape::Same(next) = *shape else { break };
            shape = self.shape(next);
        }
        shape
    }

    /// Whether `null` is a value, besides what the shape holds.
    pub(crate) fn is_nullable(&mut self, id: SchemaId) -> bool {
        if let Some(known) = self.nullable.get(&id) {
            return *known;
        }
        self.nullable.insert(id, false);
        let schema = &self.arena[id.0];
        let members: Vec<SchemaId> = schema.reference.iter().chain(&schema.all_of).copied().collect();
        let alternatives = if schema.one_of.is_empty() { schema.any_of.clone() } else { schema.one_of.clone() };
        let nullable = if schema.nullable {
            true
        } else if let Some(members) = &schema.enumeration {
            members.contains(&Literal::Null) && schema.may_be(JsonType::Null)
        } else if !schema.types.is_empty() {
            schema.types.contains(&JsonType::Null)
        } else if !alternatives.is_empty() {
            alternatives.iter().any(|member| self.is_nullable(*member))
        } else {
            let strong: Vec<SchemaId> = members.into_iter().filter(|member| self.is_strong(*member)).collect();
            !strong.is_empty() && strong.iter().all(|member| self.is_nullable(*member))
        };
        self.nullable.insert(id, nullable);
        nullable
    }

    /// Whether only `null` is a value.
    fn is_null_only(&self, id: SchemaId) -> bool {
        let schema = &self.arena[id.0];
        schema.types == [JsonType::Null]
            || schema.enumeration.as_ref().is_some_and(|members| members.as_slice() == [Literal::Null])
    }

    /// Whether a schema, with what it is composed of, says what type a value has.
    fn is_strong(&self, id: SchemaId) -> bool {
        if let Some(known) = self.strong.borrow().get(&id) {
            return *known;
        }
        // What says its type only by way of itself does not say it.
        self.strong.borrow_mut().insert(id, false);
        let schema = &self.arena[id.0];
        let strong = says_type(schema)
            || schema.reference.iter().chain(&schema.all_of).any(|member| self.is_strong(*member))
            || schema.alternatives().iter().any(|member| self.is_strong(*member));
        self.strong.borrow_mut().insert(id, strong);
        strong
    }

    fn work_out(&mut self, id: SchemaId) -> Shape {
        let schema = &self.arena[id.0];
        if schema.never {
            return Shape::Json;
        }
        if schema.reference.is_none() && schema.all_of.is_empty() {
            return self.own_shape(id);
        }
        let members: Vec<SchemaId> = schema.reference.iter().chain(&schema.all_of).copied().collect();
        let own_is_plain =
            !says_more_than_type(schema) && schema.alternatives().is_empty() && schema.required.is_empty();
        let strong: Vec<SchemaId> = members.iter().copied().filter(|member| self.is_strong(*member)).collect();
        let others_require =
            members.iter().any(|member| !strong.contains(member) && !self.arena[member.0].required.is_empty());
        match strong.as_slice() {
            [] => return self.own_shape(id),
            [only] if own_is_plain && !others_require => return Shape::Same(*only),
            _ => {}
        }

        let mut atoms = Atoms::default();
        self.atoms(id, id, &mut atoms);
        let is_object = |schema: &Schema<'_>| {
            schema.types_but_null() == [JsonType::Object]
                || schema.types.is_empty() && guessed_type(schema) == Some(JsonType::Object)
        };
        let objects = atoms.strong.iter().filter(|atom| is_object(&self.arena[atom.0])).count();
        if objects == atoms.strong.len() {
            match atoms.unions.as_slice() {
                [] => return Shape::Struct(self.merged_struct(&atoms)),
                [union] => return self.distributed(id, *union, &atoms),
                _ => {}
            }
        } else if objects == 0
            && atoms.unions.is_empty()
            && let Some(shape) = self.merged_scalar(id, &atoms)
        {
            return shape;
        }
        if let Some(node) = self.arena[id.0].node {
            self.report.add(
                Diagnostic::warning(
                    "degraded-all-of",
                    "what these schemas say together is no type that can be generated; the value is untyped JSON",
                )
                .at(node)
                .note("the schema is still checked in full"),
            );
        }
        Shape::Json
    }

    /// Collects what a schema and everything it is composed of say in place. A union that contains the schema being
    /// shaped is left out: it is a base class that lists its children.
    fn atoms(&self, id: SchemaId, whole: SchemaId, atoms: &mut Atoms) {
        if !atoms.seen.insert(id) {
            return;
        }
        let schema = &self.arena[id.0];
        for name in &schema.required {
            if !atoms.required.contains(name) {
                atoms.required.push(name.clone());
            }
        }
        for member in schema.reference.iter().chain(&schema.all_of) {
            self.atoms(*member, whole, atoms);
        }
        if says_type(schema) {
            atoms.strong.push(id);
        }
        let alternatives = schema.alternatives();
        let lists_whole = alternatives
            .iter()
            .any(|member| self.leads_to(*member, whole, 0) || id != whole && atoms.seen.contains(member));
        if !lists_whole && alternatives.iter().any(|member| self.is_strong(*member)) {
            atoms.unions.push(id);
        }
    }

    fn leads_to(&self, from: SchemaId, to: SchemaId, depth: usize) -> bool {
        from == to || depth < 16 && self.arena[from.0].reference.is_some_and(|next| self.leads_to(next, to, depth + 1))
    }

    fn merged_struct(&mut self, atoms: &Atoms) -> StructShape {
        let mut fields: Vec<FieldShape> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        let mut additional = None;
        for atom in &atoms.strong {
            let schema = &self.arena[atom.0];
            if let Some(value) = schema.additional_properties {
                additional = self.additional(value);
            }
            let patterns: Vec<SchemaId> = schema.pattern_properties.iter().map(|(_, pattern)| *pattern).collect();
            // Names that a pattern knows have schemas of their own, which one type may not be able to hold.
            let fits = additional.flatten().is_some_and(|additional| {
                patterns.iter().all(|pattern| {
                    self.final_shape(*pattern) == self.final_shape(additional)
                        && self.is_nullable(*pattern) == self.is_nullable(additional)
                })
            });
            if !patterns.is_empty() && !fits {
                additional = Some(None);
            }
            let properties: Vec<(usize, String, SchemaId)> = self.arena[atom.0]
                .properties
                .iter()
                .enumerate()
                .map(|(index, property)| (index, property.name.clone(), property.schema))
                .collect();
            for (index, name, schema) in properties {
                match positions.get(&name) {
                    Some(position) => {
                        let earlier = fields[*position].schema;
                        let merged = self.both(earlier, schema);
                        fields[*position] = FieldShape { holder: *atom, index, schema: merged, required: false };
                    }
                    None => {
                        positions.insert(name, fields.len());
                        fields.push(FieldShape { holder: *atom, index, schema, required: false });
                    }
                }
            }
        }
        for name in &atoms.required {
            if let Some(position) = positions.get(name) {
                fields[*position].required = true;
            }
        }
        StructShape { fields, additional }
    }

    /// Two declarations of one property.
    fn both(&mut self, earlier: SchemaId, later: SchemaId) -> SchemaId {
        if earlier == later || !self.is_strong(earlier) {
            return later;
        }
        if !self.is_strong(later) {
            return earlier;
        }
        let (first, second) = (self.final_shape(earlier), self.final_shape(later));
        match (&*first, &*second) {
            (Shape::Scalar(left), Shape::Scalar(right)) if left == right => later,
            // An enum says more than the scalar it is made of.
            (Shape::Scalar(_), Shape::StringEnum(_) | Shape::IntegerEnum(_)) => later,
            (Shape::StringEnum(_) | Shape::IntegerEnum(_), Shape::Scalar(_)) => earlier,
            (Shape::StringEnum(left), Shape::StringEnum(right)) if right.iter().all(|value| left.contains(value)) => {
                later
            }
            (Shape::StringEnum(left), Shape::StringEnum(right)) if left.iter().all(|value| right.contains(value)) => {
                earlier
            }
            _ => self.all_of(vec![earlier, later], Some(later)),
        }
    }

    /// A schema that the contract does not have: all of these.
    fn all_of(&mut self, members: Vec<SchemaId>, like: Option<SchemaId>) -> SchemaId {
        if let Some(id) = self.merged.get(&members) {
            return *id;
        }
        let like = like.map(|like| &self.arena[like.0]);
        let schema = Schema {
            node: like.and_then(|like| like.node),
            docs: like.map(|like| like.docs.clone()).unwrap_or_default(),
            title: like.and_then(|like| like.title.clone()),
            all_of: members.clone(),
            ..Schema::default()
        };
        let id = self.push(schema);
        self.merged.insert(members, id);
        id
    }

    fn push(&mut self, schema: Schema<'a>) -> SchemaId {
        self.arena.push(schema);
        SchemaId(self.arena.len() - 1)
    }

    /// Objects and one union: a union of which each member has the objects' members too.
    fn distributed(&mut self, id: SchemaId, union: SchemaId, atoms: &Atoms) -> Shape {
        let originals: Vec<SchemaId> =
            self.arena[union.0].alternatives().iter().copied().filter(|member| !self.is_null_only(*member)).collect();
        let mut base = self.arena[union.0].clone();
        base.one_of = Vec::new();
        base.any_of = Vec::new();
        base.discriminator = None;
        base.component = None;
        base.referenced = false;
        base.all_of = Vec::new();
        base.reference = None;
        base.unevaluated_properties = None;
        let mut parts: Vec<SchemaId> = atoms.strong.iter().copied().filter(|atom| *atom != union).collect();
        parts.retain(|part| *part != id);
        if id != union && (says_type(&self.arena[id.0]) || !self.arena[id.0].required.is_empty()) {
            let mut own = self.arena[id.0].clone();
            own.all_of = Vec::new();
            own.reference = None;
            own.unevaluated_properties = None;
            own.component = None;
            own.referenced = false;
            parts.push(self.push(own));
        }
        parts.push(self.push(Schema { required: atoms.required.clone(), ..base }));
        let members = originals
            .iter()
            .map(|member| {
                let mut all = parts.clone();
                all.push(*member);
                self.all_of(all, Some(*member))
            })
            .collect();
        let tagged = self.arena[union.0].discriminator.is_some().then_some(union);
        Shape::Union(UnionShape { members, originals, tagged })
    }

    /// Scalars or arrays of one type: the one that says most.
    fn merged_scalar(&mut self, id: SchemaId, atoms: &Atoms) -> Option<Shape> {
        let types: Vec<JsonType> = atoms.strong.iter().filter_map(|atom| single_type(&self.arena[atom.0])).collect();
        let same = |left: JsonType, right: JsonType| {
            left == right
                || matches!(
                    (left, right),
                    (JsonType::Integer, JsonType::Number) | (JsonType::Number, JsonType::Integer)
                )
        };
        let first = *types.first()?;
        if types.len() != atoms.strong.len() || !types.iter().all(|ty| same(*ty, first)) {
            return None;
        }
        let best = atoms.strong.iter().copied().max_by_key(|atom| {
            let schema = &self.arena[atom.0];
            (
                schema.enumeration.is_some(),
                schema.items.is_some(),
                single_type(schema) == Some(JsonType::Integer),
                schema.format.is_some(),
                schema.component.is_some(),
            )
        })?;
        if best == id { Some(self.own_shape(id)) } else { Some(Shape::Same(best)) }
    }

    /// The shape that a schema's own keywords give, without `$ref` and `allOf`.
    fn own_shape(&mut self, id: SchemaId) -> Shape {
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
                let base = schema.clone();
                let several = several.to_vec();
                let members: Vec<SchemaId> = several
                    .iter()
                    .map(|ty| {
                        let mut member = Schema {
                            types: vec![*ty],
                            component: None,
                            referenced: false,
                            rust_name: None,
                            title: None,
                            nullable: false,
                            ..base.clone()
                        };
                        member.docs = crate::ir::Docs::default();
                        self.push(member)
                    })
                    .collect();
                Shape::Union(UnionShape { originals: members.clone(), members, tagged: None })
            }
        }
    }

    fn enumerated(&self, id: SchemaId) -> Option<Shape> {
        let schema = &self.arena[id.0];
        let members: Vec<&Literal> =
            schema.enumeration.as_ref()?.iter().filter(|member| **member != Literal::Null).collect();
        if members.is_empty() {
            return Some(if schema.enumeration.as_ref().is_some_and(|all| !all.is_empty()) {
                Shape::Scalar(Type::Null)
            } else {
                Shape::Json
            });
        }
        let strings: Option<Vec<String>> = members
            .iter()
            .map(|member| if let Literal::String(text) = member { Some(text.clone()) } else { None })
            .collect();
        if let Some(strings) = strings {
            return Some(Shape::StringEnum(strings));
        }
        let integers: Option<Vec<i64>> = members
            .iter()
            .map(|member| match member {
                Literal::Number(Number::Integer(value)) => i64::try_from(*value).ok(),
                _ => None,
            })
            .collect();
        if let Some(integers) = integers {
            // An enum of numbers that all happen to be integers may be written 1.0.
            return Some(if schema.types.contains(&JsonType::Number) {
                Shape::Scalar(Type::F64)
            } else {
                Shape::IntegerEnum(integers)
            });
        }
        if members.iter().all(|member| matches!(member, Literal::Boolean(_))) {
            return Some(Shape::Scalar(Type::Boolean));
        }
        if members.iter().all(|member| matches!(member, Literal::Number(_))) {
            return Some(Shape::Scalar(Type::F64));
        }
        Some(Shape::Json)
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
            JsonType::Number => {
                Shape::Scalar(if schema.format.as_deref() == Some("float") { Type::F32 } else { Type::F64 })
            }
            JsonType::Array => Shape::Array(if schema.prefix_items.is_empty() { schema.items } else { None }),
            JsonType::Object if schema.has_properties() => {
                let atoms = Atoms { strong: vec![id], required: schema.required.clone(), ..Atoms::default() };
                Shape::Struct(self.merged_struct(&atoms))
            }
            JsonType::Object => {
                let closed = schema.additional_properties.is_none_or(|value| self.arena[value.0].never);
                match schema.pattern_properties.as_slice() {
                    [(_, only)] if closed => Shape::Map(Some(*only)),
                    [] if !closed => Shape::Map(schema.additional_properties),
                    _ => Shape::Map(None),
                }
            }
        }
    }

    /// `additionalProperties` as a flattened map.
    fn additional(&self, value: SchemaId) -> Option<Option<SchemaId>> {
        let schema = &self.arena[value.0];
        if schema.never {
            None
        } else if self.is_strong(value) {
            Some(Some(value))
        } else {
            Some(None)
        }
    }

    /// The property behind a field.
    pub(crate) fn property(&self, field: &FieldShape) -> &Property<'a> {
        &self.arena[field.holder.0].properties[field.index]
    }
}
