//! What a schema is as a Rust type, before it has a name.
//!
//! A Rust type may be looser than its schema, never tighter: the schema decides on a request, the type only has to hold
//! whatever the schema lets through. `allOf` is merged into one struct, `oneOf` and `anyOf` become unions, a lone
//! member is that member, and what contradicts itself is untyped JSON with a warning.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::keywords::{guessed_type, says_more_than_type, says_type};
use crate::diagnostic::{Diagnostic, Reporter};
use crate::document::schema::{Property, Schema, SchemaId};
use crate::ir::{JsonType, Literal, Type};

mod compose;
mod own;

use compose::Atoms;

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
    /// A list of which each element has a schema of its own.
    Tuple(TupleShape),
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
    /// Whether a declaration of it says `readOnly`, also one that was overridden.
    pub(crate) read_only: bool,
    /// Whether one says `writeOnly`.
    pub(crate) write_only: bool,
}

/// A list of which each element has a schema of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TupleShape {
    /// The elements that are always there.
    pub(crate) required: Vec<SchemaId>,
    /// Those that a shorter list lacks.
    pub(crate) optional: Vec<SchemaId>,
    /// What comes after them: nothing, or elements of a schema or of any kind.
    pub(crate) rest: Option<Option<SchemaId>>,
}

impl TupleShape {
    /// The schemas of all elements.
    pub(crate) fn elements(&self) -> impl Iterator<Item = SchemaId> {
        self.required.iter().chain(&self.optional).copied().chain(self.rest.flatten())
    }
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
    /// What members that are not declared by name are, by the schema that says so.
    others: HashMap<SchemaId, Option<Option<SchemaId>>>,
    strong: RefCell<HashMap<SchemaId, bool>>,
    depth: usize,
    report: &'a Reporter,
}

impl<'a> Shapes<'a> {
    pub(crate) fn new(arena: Vec<Schema<'a>>, report: &'a Reporter) -> Self {
        Self {
            arena,
            known: HashMap::new(),
            nullable: HashMap::new(),
            merged: HashMap::new(),
            others: HashMap::new(),
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
            self.degraded(id, "degraded-depth", "compositions are nested too deep to be typed");
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

    /// Whether a schema, or one that always applies with it, says `readOnly` or `writeOnly`.
    pub(crate) fn is_marked(&self, id: SchemaId, mark: fn(&Schema<'_>) -> bool) -> bool {
        fn marked(arena: &[Schema<'_>], id: SchemaId, mark: fn(&Schema<'_>) -> bool, depth: usize) -> bool {
            let schema = &arena[id.0];
            // As deep as the runtime looks.
            mark(schema)
                || depth < 16
                    && schema.reference.iter().chain(&schema.all_of).any(|part| marked(arena, *part, mark, depth + 1))
        }
        marked(&self.arena, id, mark, 0)
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
        self.degraded(id, "degraded-all-of", "what these schemas say together is no type that can be generated");
        Shape::Json
    }

    /// Says that a name of the contract is another's in Rust.
    pub(crate) fn collides(&self, id: SchemaId, wanted: &str, plain: &str, name: &str) {
        let Some(node) = self.arena[id.0].node else { return };
        self.report.add(
            Diagnostic::warning(
                "name-collision",
                format!("`{wanted}` would be `{plain}` in Rust, which another name is already; it is `{name}`"),
            )
            .at(node)
            .help("`x-rust-name` in the schema gives it a name of its own"),
        );
    }

    /// Says that the type is looser than the author may think: untyped JSON.
    pub(crate) fn degraded(&self, id: SchemaId, code: &'static str, why: &str) {
        // A schema that was made here stands where the first of its members stands.
        let mut place = id;
        let mut node = self.arena[place.0].node;
        for _ in 0..8 {
            let Some(member) = self.arena[place.0].all_of.first().filter(|_| node.is_none()) else { break };
            place = *member;
            node = self.arena[place.0].node;
        }
        let warning = Diagnostic::warning(code, format!("{why}; the value is untyped JSON"))
            .note("the schema is still checked in full");
        self.report.add(warning.at_any(node));
    }

    /// The property behind a field.
    pub(crate) fn property(&self, field: &FieldShape) -> &Property<'a> {
        &self.arena[field.holder.0].properties[field.index]
    }
}
