//! The dynamic scope of a schema: what `$dynamicRef` means where it is evaluated (JSON Schema 2020-12 Core, sections 7.1
//! and 8.2.3.2).
//!
//! A `$dynamicRef` leads to the outermost of the resources on the way to it that has its `$dynamicAnchor`. That way is
//! known when a contract is read, since schemas do not depend on values. So a schema that is reached in two scopes and
//! depends on them becomes two schemas, as a generic type becomes one for each argument; the validator needs to know
//! nothing of it, and each has a type that says what it holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::reference::Resolver;
use crate::source::{Kind, Node};

/// A scope; [`Scope::NONE`] for whatever does not depend on one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope(usize);

impl Scope {
    pub(crate) const NONE: Self = Self(0);
}

/// All scopes that were entered.
#[derive(Debug)]
pub(crate) struct Scopes<'a> {
    resolver: Resolver<'a>,
    /// What each dynamic anchor stands for; the first is empty.
    scopes: Vec<BTreeMap<&'a str, &'a Node>>,
    known: HashMap<Vec<(&'a str, u32)>, Scope>,
    depends: HashMap<u32, bool>,
}

impl<'a> Scopes<'a> {
    pub(crate) fn new(resolver: Resolver<'a>) -> Self {
        let known = HashMap::from([(Vec::new(), Scope::NONE)]);
        Self { resolver, scopes: vec![BTreeMap::new()], known, depends: HashMap::new() }
    }

    /// The scope after a value was entered from another: anchors that were seen before win.
    pub(crate) fn enter(&mut self, scope: Scope, node: &'a Node) -> Scope {
        let identities = self.resolver.identities;
        if !identities.is_dynamic {
            return Scope::NONE;
        }
        let Some(resource) = identities.resource_of(node).map(|index| identities.resource(index)) else { return scope };
        let mut anchors = self.scopes[scope.0].clone();
        for (name, node) in &resource.dynamic {
            anchors.entry(name).or_insert(node);
        }
        let key = anchors.iter().map(|(name, node)| (*name, node.id)).collect();
        *self.known.entry(key).or_insert_with(|| {
            self.scopes.push(anchors);
            Scope(self.scopes.len() - 1)
        })
    }

    /// The scope as far as a value depends on it.
    pub(crate) fn narrowed(&mut self, scope: Scope, node: &'a Node) -> Scope {
        if scope == Scope::NONE || self.depends(node) { scope } else { Scope::NONE }
    }

    /// Where a `$dynamicRef` leads in a scope.
    pub(crate) fn lookup(&self, scope: Scope, place: &'a Node, text: &str) -> Option<&'a Node> {
        let lexical = self.resolver.locate(place, text)?;
        let name = text.split_once('#').map_or("", |(_, fragment)| fragment);
        let is_dynamic = !name.is_empty() && lexical.get("$dynamicAnchor").and_then(Node::as_str) == Some(name);
        Some(if is_dynamic { self.scopes[scope.0].get(name).copied().unwrap_or(lexical) } else { lexical })
    }

    /// Whether a `$dynamicRef` can be reached from a value.
    fn depends(&mut self, node: &'a Node) -> bool {
        if let Some(known) = self.depends.get(&node.id) {
            return *known;
        }
        let mut seen = HashSet::new();
        let mut waiting = vec![node];
        let mut found = false;
        while let Some(next) = waiting.pop() {
            match self.depends.get(&next.id) {
                Some(true) => found = true,
                Some(false) => continue,
                None => {}
            }
            found |= next.get("$dynamicRef").is_some();
            if found {
                break;
            }
            if !seen.insert(next.id) {
                continue;
            }
            if let Some(reference) = next.get("$ref")
                && let Some(text) = reference.as_str()
                && let Ok(target) = self.resolver.lookup(reference, text)
            {
                waiting.push(target);
            }
            match &next.kind {
                Kind::Mapping(entries) => waiting.extend(entries.iter().map(|entry| &entry.value)),
                Kind::Sequence(items) => waiting.extend(items),
                _ => {}
            }
        }
        if !found {
            self.depends.extend(seen.into_iter().map(|id| (id, false)));
        }
        self.depends.insert(node.id, found);
        found
    }
}
