//! Types that contain themselves.
//!
//! A struct or union that contains itself in place needs a `Box`; through a list or a map it does not. An alias cannot
//! contain itself at all, so one that does becomes a struct of one field.

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
            in_place_mut(ty, &mut |inner| {
                if is_cyclic(inner) {
                    *inner = Type::Boxed(Box::new(inner.clone()));
                }
            });
        };
        match &mut def.kind {
            TypeKind::Struct(object) => object.fields.iter_mut().for_each(|field| wrap(&mut field.ty)),
            TypeKind::Union(union) => union.variants.iter_mut().for_each(|variant| wrap(&mut variant.ty)),
            TypeKind::Newtype(ty) => wrap(ty),
            TypeKind::Alias(_) | TypeKind::StringEnum(_) | TypeKind::IntegerEnum(_) => {}
        }
    }
}

/// Names of the types that a type holds without a list or map between.
fn in_place(def: &TypeDef) -> Vec<String> {
    fn names(ty: &Type, found: &mut Vec<String>) {
        match ty {
            Type::Named(name) => found.push(name.clone()),
            Type::Nullable(inner) => names(inner, found),
            Type::Tuple(tuple) => tuple.required.iter().chain(&tuple.optional).for_each(|ty| names(ty, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match &def.kind {
        TypeKind::Struct(object) => object.fields.iter().for_each(|field| names(&field.ty, &mut found)),
        TypeKind::Union(union) => union.variants.iter().for_each(|variant| names(&variant.ty, &mut found)),
        TypeKind::Alias(ty) | TypeKind::Newtype(ty) => names(ty, &mut found),
        TypeKind::StringEnum(_) | TypeKind::IntegerEnum(_) => {}
    }
    found
}

/// The types that a type holds without a list or map between, to be changed.
fn in_place_mut(ty: &mut Type, change: &mut impl FnMut(&mut Type)) {
    match ty {
        Type::Nullable(inner) => in_place_mut(inner, change),
        Type::Tuple(tuple) => {
            tuple.required.iter_mut().chain(&mut tuple.optional).for_each(|ty| in_place_mut(ty, change));
        }
        other => change(other),
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

/// Aliases that contain themselves through aliases alone become structs.
fn break_aliases(types: &mut [TypeDef]) {
    fn names<'t>(ty: &'t Type, found: &mut Vec<&'t str>) {
        if let Type::Named(name) = ty {
            found.push(name);
        }
        ty.parts().into_iter().for_each(|part| names(part, found));
    }
    let mut aliases: HashMap<&str, Vec<&str>> = HashMap::new();
    for def in types.iter() {
        if let TypeKind::Alias(ty) = &def.kind {
            names(ty, aliases.entry(&def.name.rust).or_default());
        }
    }
    let contains_itself = |name: &str| {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut waiting: Vec<&str> = aliases.get(name).into_iter().flatten().copied().collect();
        while let Some(next) = waiting.pop() {
            if next == name {
                return true;
            }
            if seen.insert(next) {
                waiting.extend(aliases.get(next).into_iter().flatten());
            }
        }
        false
    };
    let cyclic: Vec<bool> = types.iter().map(|def| contains_itself(&def.name.rust)).collect();
    for (def, _) in types.iter_mut().zip(cyclic).filter(|(_, cyclic)| *cyclic) {
        if let TypeKind::Alias(ty) = &def.kind {
            def.kind = TypeKind::Newtype(ty.clone());
        }
    }
}
