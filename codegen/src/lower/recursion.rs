//! Types that contain themselves.
//!
//! A struct or union that contains itself in place needs a `Box`; through a list or a map it does not. An alias cannot
//! contain itself at all, so one that does ends in untyped JSON.

use std::collections::{HashMap, HashSet};

use crate::ir::{Type, TypeDef, TypeKind};

/// Puts boxes where types would have no size, and nowhere else.
pub(crate) fn break_cycles(types: &mut [TypeDef]) {
    break_aliases(types);
    let index: HashMap<String, usize> =
        types.iter().enumerate().map(|(index, def)| (def.name.rust.clone(), index)).collect();
    let edges: Vec<Vec<usize>> = types
        .iter()
        .map(|def| in_place(def).into_iter().filter_map(|name| index.get(&name).copied()).collect())
        .collect();
    let component = components(&edges);
    for (position, def) in types.iter_mut().enumerate() {
        let is_cyclic = |ty: &Type| match ty {
            Type::Named(name) => index.get(name).is_some_and(|target| {
                component[*target] == component[position] && leads_back(&edges, *target, position, &component)
            }),
            _ => false,
        };
        let wrap = |ty: &mut Type| {
            let inner = match ty {
                Type::Nullable(inner) => inner.as_mut(),
                other => other,
            };
            if is_cyclic(inner) {
                *inner = Type::Boxed(Box::new(inner.clone()));
            }
        };
        match &mut def.kind {
            TypeKind::Struct(object) => object.fields.iter_mut().for_each(|field| wrap(&mut field.ty)),
            TypeKind::Union(union) => union.variants.iter_mut().for_each(|variant| wrap(&mut variant.ty)),
            TypeKind::Alias(_) | TypeKind::StringEnum(_) | TypeKind::IntegerEnum(_) => {}
        }
    }
}

/// Names of the types that a type holds without a list or map between.
fn in_place(def: &TypeDef) -> Vec<String> {
    fn name(ty: &Type) -> Option<String> {
        match ty {
            Type::Named(name) => Some(name.clone()),
            Type::Nullable(inner) => name(inner),
            _ => None,
        }
    }
    match &def.kind {
        TypeKind::Struct(object) => object.fields.iter().filter_map(|field| name(&field.ty)).collect(),
        TypeKind::Union(union) => union.variants.iter().filter_map(|variant| name(&variant.ty)).collect(),
        TypeKind::Alias(ty) => name(ty).into_iter().collect(),
        TypeKind::StringEnum(_) | TypeKind::IntegerEnum(_) => Vec::new(),
    }
}

/// Whether one type holds another in place, at any depth within their component.
fn leads_back(edges: &[Vec<usize>], from: usize, to: usize, component: &[usize]) -> bool {
    let mut seen = HashSet::new();
    let mut waiting = vec![from];
    while let Some(next) = waiting.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            waiting.extend(edges[next].iter().copied().filter(|edge| component[*edge] == component[to]));
        }
    }
    false
}

/// Strongly connected components (Tarjan), without recursion: the number of the component of each type.
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let count = edges.len();
    let (mut order, mut low, mut component) = (vec![NEW; count], vec![0; count], vec![NEW; count]);
    let (mut stack, mut next_order, mut next_component) = (Vec::new(), 0, 0);
    for root in 0..count {
        if order[root] != NEW {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, edge)) = work.pop() {
            if edge == 0 {
                order[node] = next_order;
                low[node] = next_order;
                next_order += 1;
                stack.push(node);
            }
            match edges[node].get(edge) {
                Some(target) => {
                    work.push((node, edge + 1));
                    if order[*target] == NEW {
                        work.push((*target, 0));
                    } else if component[*target] == NEW {
                        low[node] = low[node].min(order[*target]);
                    }
                }
                None => {
                    if low[node] == order[node] {
                        while let Some(member) = stack.pop() {
                            component[member] = next_component;
                            if member == node {
                                break;
                            }
                        }
                        next_component += 1;
                    }
                    if let Some((parent, _)) = work.last() {
                        low[*parent] = low[*parent].min(low[node]);
                    }
                }
            }
        }
    }
    component
}

/// Aliases that contain themselves through aliases alone.
fn break_aliases(types: &mut [TypeDef]) {
    fn names(ty: &Type, found: &mut Vec<String>) {
        match ty {
            Type::Named(name) => found.push(name.clone()),
            Type::Array(inner) | Type::Map(inner) | Type::Nullable(inner) | Type::Boxed(inner) => names(inner, found),
            _ => {}
        }
    }
    fn untyped(ty: &mut Type, cyclic: &HashSet<String>) {
        match ty {
            Type::Named(name) if cyclic.contains(name) => *ty = Type::Json,
            Type::Array(inner) | Type::Map(inner) | Type::Nullable(inner) | Type::Boxed(inner) => {
                untyped(inner, cyclic);
            }
            _ => {}
        }
    }
    let aliases: HashMap<String, Vec<String>> = types
        .iter()
        .filter_map(|def| match &def.kind {
            TypeKind::Alias(ty) => {
                let mut found = Vec::new();
                names(ty, &mut found);
                Some((def.name.rust.clone(), found))
            }
            _ => None,
        })
        .collect();
    let mut cyclic = HashSet::new();
    for name in aliases.keys() {
        let mut seen: HashSet<&String> = HashSet::new();
        let mut waiting: Vec<&String> = aliases[name].iter().collect();
        while let Some(next) = waiting.pop() {
            if next == name {
                cyclic.insert(name.clone());
                break;
            }
            if seen.insert(next) {
                waiting.extend(aliases.get(next).into_iter().flatten());
            }
        }
    }
    for def in types {
        if let TypeKind::Alias(ty) = &mut def.kind
            && cyclic.contains(&def.name.rust)
        {
            untyped(ty, &cyclic);
        }
    }
}
