//! Schemas made of schemas: what the members of an `allOf` say together.
//!
//! Objects become one struct: a property that two members declare is the narrower of both where that can be told, and
//! both where it cannot. Objects beside one union become a union of which each member has the objects' members too.

use std::collections::{HashMap, HashSet};

use super::super::keywords::{says_type, single_type};
use super::{FieldShape, Shape, Shapes, StructShape, UnionShape};
use crate::diagnostic::Diagnostic;
use crate::document::schema::{Property, Schema, SchemaId};
use crate::ir::{Docs, JsonType};

/// What the members of an `allOf` say together.
#[derive(Default)]
pub(super) struct Atoms {
    /// Schemas whose own keywords say something about the type.
    pub(super) strong: Vec<SchemaId>,
    /// `required` of all.
    pub(super) required: Vec<String>,
    /// Schemas with a `oneOf` or `anyOf` that says something about the type.
    pub(super) unions: Vec<SchemaId>,
    pub(super) seen: HashSet<SchemaId>,
}

impl<'a> Shapes<'a> {
    /// Collects what a schema and everything it is composed of say in place. A union that contains the schema being
    /// shaped is left out: it is a base class that lists its children.
    pub(super) fn atoms(&self, id: SchemaId, whole: SchemaId, atoms: &mut Atoms) {
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
            // Constants are an enum, not a union.
            if self.constants(alternatives).is_none() {
                atoms.unions.push(id);
            } else if !atoms.strong.contains(&id) {
                atoms.strong.push(id);
            }
        }
    }

    fn leads_to(&self, from: SchemaId, to: SchemaId, depth: usize) -> bool {
        from == to || depth < 16 && self.arena[from.0].reference.is_some_and(|next| self.leads_to(next, to, depth + 1))
    }

    pub(super) fn merged_struct(&mut self, atoms: &Atoms) -> StructShape {
        let mut fields: Vec<FieldShape> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        let mut additional = None;
        for atom in &atoms.strong {
            let schema = &self.arena[atom.0];
            if schema.additional_properties.is_some() || !schema.pattern_properties.is_empty() {
                additional = self.other_members(*atom);
            }
            let properties: Vec<(usize, String, SchemaId)> = self.arena[atom.0]
                .properties
                .iter()
                .enumerate()
                .map(|(index, property)| (index, property.name.clone(), property.schema))
                .collect();
            for (index, name, schema) in properties {
                let mut field = FieldShape {
                    holder: *atom,
                    index,
                    schema,
                    required: false,
                    read_only: self.is_marked(schema, |schema| schema.read_only),
                    write_only: self.is_marked(schema, |schema| schema.write_only),
                };
                match positions.get(&name) {
                    Some(position) => {
                        let earlier = fields[*position].clone();
                        field.schema = self.both(earlier.schema, schema);
                        if earlier.read_only && !field.read_only && atoms.required.contains(&name) {
                            self.stays_read_only(schema, &name);
                        }
                        field.read_only |= earlier.read_only;
                        field.write_only |= earlier.write_only;
                        fields[*position] = field;
                    }
                    None => {
                        positions.insert(name, fields.len());
                        fields.push(field);
                    }
                }
            }
        }
        for name in &atoms.required {
            if let Some(position) = positions.get(name) {
                fields[*position].required = true;
            } else if additional.is_none() {
                fields.extend(self.undeclared(atoms, name));
            }
        }
        let mut object = StructShape { fields, additional };
        for atom in &atoms.strong {
            let schema = &self.arena[atom.0];
            let conditions = [schema.then_, schema.else_].into_iter().flatten();
            let conditional: Vec<SchemaId> =
                conditions.chain(schema.dependent_schemas.iter().map(|(_, schema)| *schema)).collect();
            self.add_conditional(&mut object, &conditional);
        }
        object
    }

    /// A member that one part of an `allOf` calls `readOnly`, and another requires and does not.
    fn stays_read_only(&self, later: SchemaId, name: &str) {
        let message =
            format!("`{name}` is `readOnly` in another part of the `allOf`, so that a request has no `{name}`");
        let warning = Diagnostic::warning("read-only-elsewhere", message)
            .note("one declaration of several is enough (JSON Schema 2020-12 Validation, section 9.4)")
            .help("leave `readOnly` out there, if clients may send it");
        self.report.add(warning.at_any(self.arena[later.0].node));
    }

    /// A member that must be there and that nothing describes: without a field for it, what arrives would lose it.
    fn undeclared(&mut self, atoms: &Atoms, name: &str) -> Option<FieldShape> {
        let first = *atoms.strong.first()?;
        let closes = |atom: &SchemaId| self.arena[atom.0].additional_properties.is_some();
        if atoms.strong.iter().any(closes) {
            return None;
        }
        self.degraded(first, "undeclared-property", &format!("`required` has `{name}`, which no property describes"));
        let schema = self.push(Schema { node: self.arena[first.0].node, ..Schema::default() });
        let property =
            Property { name: name.to_owned(), schema, docs: Docs::default(), default: None, rust_name: None };
        let holder = self.push(Schema { properties: vec![property], ..Schema::default() });
        Some(FieldShape { holder, index: 0, schema, required: true, read_only: false, write_only: false })
    }

    /// Members that only a schema declares which does not always apply: where it does not, they may be anything.
    pub(super) fn add_conditional(&mut self, object: &mut StructShape, conditional: &[SchemaId]) {
        for holder in conditional {
            let names: Vec<String> = self.arena[holder.0].properties.iter().map(|one| one.name.clone()).collect();
            for (index, name) in names.into_iter().enumerate() {
                if object.additional.is_some() || object.fields.iter().any(|field| self.property(field).name == name) {
                    continue;
                }
                let declared = self.arena[holder.0].properties[index].schema;
                self.degraded(
                    declared,
                    "degraded-conditional",
                    "only a schema that does not always apply declares this member",
                );
                let schema = self.push(Schema { node: self.arena[declared.0].node, ..Schema::default() });
                object.fields.push(FieldShape {
                    holder: *holder,
                    index,
                    schema,
                    required: false,
                    read_only: false,
                    write_only: false,
                });
            }
        }
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

    pub(super) fn push(&mut self, schema: Schema<'a>) -> SchemaId {
        self.arena.push(schema);
        SchemaId(self.arena.len() - 1)
    }

    /// Objects and one union: a union of which each member has the objects' members too.
    pub(super) fn distributed(&mut self, id: SchemaId, union: SchemaId, atoms: &Atoms) -> Shape {
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
        base.unevaluated_items = None;
        let mut parts: Vec<SchemaId> = atoms.strong.iter().copied().filter(|atom| *atom != union).collect();
        parts.retain(|part| *part != id);
        if id != union && (says_type(&self.arena[id.0]) || !self.arena[id.0].required.is_empty()) {
            let mut own = self.arena[id.0].clone();
            own.all_of = Vec::new();
            own.reference = None;
            own.unevaluated_properties = None;
            own.unevaluated_items = None;
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
    pub(super) fn merged_scalar(&mut self, id: SchemaId, atoms: &Atoms) -> Option<Shape> {
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
        let lists: Vec<SchemaId> = atoms.strong.iter().filter_map(|atom| self.arena[atom.0].items).collect();
        if first == JsonType::Array
            && lists.len() > 1
            && atoms.strong.iter().all(|atom| self.arena[atom.0].prefix_items.is_empty())
        {
            let item = lists[1..].iter().fold(lists[0], |earlier, later| self.both(earlier, *later));
            return Some(Shape::Array(Some(item)));
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
}
