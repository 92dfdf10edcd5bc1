//! Base schemas with a discriminator and without a union: `Pet` has the discriminator, `Cat` is `allOf` of `Pet` and more.
//!
//! A value of `Pet` then is one of the schemas that extend it ("Discriminator Object" of OpenAPI 3.0 and 3.1: "to provide
//! polymorphism"), though nothing lists them. Here the list is made: `Pet` becomes the union of its base and of the components
//! that are `allOf` of it, and those extend the base. A value that names none of them is refused ("no schema can be
//! determined and validation SHOULD fail", OpenAPI 3.1.1).

use std::collections::{HashMap, HashSet};

use super::schema::{Discriminator, Schema, SchemaId};
use crate::diagnostic::{Diagnostic, Reporter};
use crate::ir::{JsonType, Literal};

/// Makes the unions that discriminators without a union mean.
pub(crate) fn spread(arena: &mut Vec<Schema<'_>>, report: &Reporter) {
    let parents: Vec<SchemaId> = (0..arena.len())
        .map(SchemaId)
        .filter(|id| arena[id.0].discriminator.is_some() && arena[id.0].alternatives().is_empty())
        .collect();
    if parents.is_empty() {
        return;
    }
    let children = Children::of(arena, &parents);
    let mut bases = HashMap::new();
    for parent in &parents {
        let source = &arena[parent.0];
        if children.direct[parent].is_empty() {
            if let Some(node) = source.node.and_then(|node| node.get("discriminator")) {
                report.add(
                    Diagnostic::warning("discriminator-alone", "this discriminator chooses nothing")
                        .at(node)
                        .help("list the schemas in `oneOf`, or let components be `allOf` of this one"),
                );
            }
            arena[parent.0].discriminator = None;
            continue;
        }
        let base = Schema {
            title: Some("Base".into()),
            component: None,
            referenced: false,
            rust_name: None,
            discriminator: None,
            nullable: false,
            default: None,
            read_only: false,
            write_only: false,
            types: source.types_but_null(),
            ..source.clone()
        };
        arena.push(base);
        bases.insert(*parent, SchemaId(arena.len() - 1));
    }
    let tags: HashMap<SchemaId, Vec<(String, SchemaId)>> =
        bases.iter().map(|(parent, base)| (*parent, children.tags(arena, *parent, *base))).collect();
    for extending in children.extending {
        for member in &mut arena[extending.0].all_of {
            *member = bases.get(member).copied().unwrap_or(*member);
        }
    }
    // A base extends its own parent as any child does.
    for base in bases.values() {
        let mut all_of = std::mem::take(&mut arena[base.0].all_of);
        for member in &mut all_of {
            *member = bases.get(member).copied().unwrap_or(*member);
        }
        arena[base.0].all_of = all_of;
    }
    for (parent, mapping) in tags {
        let source = &arena[parent.0];
        let mut any_of: Vec<SchemaId> = Vec::new();
        for (_, member) in &mapping {
            if !any_of.contains(member) {
                any_of.push(*member);
            }
        }
        // Names of inline schemas come from the base, so that it is first.
        any_of.sort_by_key(|member| Some(member) != bases.get(&parent));
        let property = source.discriminator.as_ref().map(|own| own.property.clone()).unwrap_or_default();
        arena[parent.0] = Schema {
            node: source.node,
            title: source.title.clone(),
            docs: source.docs.clone(),
            rust_name: source.rust_name.clone(),
            component: source.component.clone(),
            referenced: source.referenced,
            nullable: source.nullable || source.types.contains(&JsonType::Null),
            default: source.default,
            read_only: source.read_only,
            write_only: source.write_only,
            any_of,
            discriminator: Some(Discriminator { property, mapping }),
            ..Schema::default()
        };
    }
}

/// Who extends whom.
struct Children {
    /// By parent, in the order of the contract: components that extend it, not by way of another parent, and what its mapping
    /// names besides.
    direct: HashMap<SchemaId, Vec<SchemaId>>,
    /// Schemas whose `allOf` leads from a component to a parent.
    extending: HashSet<SchemaId>,
}

impl Children {
    fn of(arena: &[Schema<'_>], parents: &[SchemaId]) -> Self {
        let mut direct: HashMap<SchemaId, Vec<SchemaId>> = parents.iter().map(|parent| (*parent, Vec::new())).collect();
        let mut extending = HashSet::new();
        for child in (0..arena.len()).map(SchemaId).filter(|id| arena[id.0].component.is_some()) {
            let mut seen = HashSet::from([child]);
            let mut waiting = vec![child];
            while let Some(next) = waiting.pop() {
                for member in &arena[next.0].all_of {
                    match direct.get_mut(member) {
                        Some(children) => {
                            extending.insert(next);
                            if *member != child && !children.contains(&child) {
                                children.push(child);
                            }
                        }
                        None if seen.insert(*member) => waiting.push(*member),
                        None => {}
                    }
                }
            }
        }
        for parent in parents {
            let mapping = arena[parent.0].discriminator.iter().flat_map(|own| &own.mapping);
            for (_, target) in mapping {
                let children = direct.entry(*parent).or_default();
                if target != parent && !children.contains(target) && !leads_to(arena, *target, *parent) {
                    children.push(*target);
                }
            }
        }
        Self { direct, extending }
    }

    /// Values of the discriminator and what each selects.
    fn tags(&self, arena: &[Schema<'_>], parent: SchemaId, base: SchemaId) -> Vec<(String, SchemaId)> {
        let mut found: Vec<(String, SchemaId)> = Vec::new();
        let Some(own) = arena[parent.0].discriminator.clone() else { return found };
        let mut add = |tag: String, member: SchemaId| {
            if !found.iter().any(|(known, _)| *known == tag) {
                found.push((tag, member));
            }
        };
        for child in &self.direct[&parent] {
            for tag in self.tags_of_child(arena, *child, &own, &mut HashSet::from([parent])) {
                add(tag, *child);
            }
        }
        for (tag, _) in own.mapping.iter().filter(|(_, target)| *target == parent) {
            add(tag.clone(), base);
        }
        // The base itself has the name of its component, unless its own property forbids that.
        if let Some(name) = &arena[parent.0].component
            && values_of(arena, parent, &own.property).is_none_or(|values| values.contains(name))
            && !own.mapping.iter().any(|(_, target)| *target == parent)
        {
            add(name.clone(), base);
        }
        found
    }

    /// What a child is called: as the mapping says, as its own property says, or as its component is called.
    fn tags_of_child(
        &self,
        arena: &[Schema<'_>],
        child: SchemaId,
        discriminator: &Discriminator,
        seen: &mut HashSet<SchemaId>,
    ) -> Vec<String> {
        let mapped = discriminator.mapping.iter().filter(|(_, target)| *target == child);
        let mut tags: Vec<String> = mapped.map(|(tag, _)| tag.clone()).collect();
        if tags.is_empty() {
            tags = values_of(arena, child, &discriminator.property)
                .unwrap_or_else(|| arena[child.0].component.iter().cloned().collect());
        }
        // A child that is a parent stands for its own children too.
        if seen.insert(child) {
            let inner = arena[child.0].discriminator.clone();
            for grandchild in self.direct.get(&child).into_iter().flatten() {
                tags.extend(self.tags_of_child(arena, *grandchild, inner.as_ref().unwrap_or(discriminator), seen));
            }
        }
        tags
    }
}

/// The values that a schema itself allows its property, where it lists them.
fn values_of(arena: &[Schema<'_>], id: SchemaId, property: &str) -> Option<Vec<String>> {
    let schema = &arena[id.0];
    let inline = schema.all_of.iter().filter(|member| arena[member.0].component.is_none());
    let holders = std::iter::once(&id).chain(inline);
    for holder in holders {
        let declared = arena[holder.0].properties.iter().find(|one| one.name == property);
        let members = declared.and_then(|declared| arena[declared.schema.0].enumeration.as_ref());
        if let Some(members) = members {
            let texts = members.iter().filter_map(|member| match member {
                Literal::String(text) => Some(text.clone()),
                _ => None,
            });
            return Some(texts.collect());
        }
    }
    None
}

/// Whether judging one schema takes judging the same value by another.
fn leads_to(arena: &[Schema<'_>], from: SchemaId, to: SchemaId) -> bool {
    let mut seen = HashSet::new();
    let mut waiting = vec![from];
    while let Some(next) = waiting.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            let schema = &arena[next.0];
            waiting.extend(schema.any_of.iter().chain(&schema.one_of).chain(&schema.all_of).chain(&schema.reference));
        }
    }
    false
}
