//! Schemas that need themselves to judge the very same value: no validator would come to an end ("Guarding Against
//! Infinite Recursion", JSON Schema 2020-12 Core, section 9.4.1). Recursion through a member or an item is fine.

use std::collections::HashSet;

use super::schema::{Schema, SchemaId};
use crate::diagnostic::{Diagnostic, Reporter};

/// Where the search stands with a schema.
#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// Reports every schema that contains itself in place.
pub(crate) fn check(schemas: &[Schema<'_>], report: &Reporter) {
    let mut states = vec![State::New; schemas.len()];
    for root in 0..schemas.len() {
        if states[root] != State::New {
            continue;
        }
        let mut path = vec![(root, in_place(schemas, SchemaId(root)))];
        states[root] = State::Open;
        while let Some((id, edges)) = path.last_mut() {
            let Some(next) = edges.pop() else {
                states[*id] = State::Done;
                path.pop();
                continue;
            };
            match states[next.0] {
                State::New => {
                    states[next.0] = State::Open;
                    path.push((next.0, in_place(schemas, next)));
                }
                State::Open => {
                    if let Some(node) = schemas[next.0].node {
                        report.add(
                            Diagnostic::error("recursive-schema", "to check a value against this schema, the same value has to be checked against it first")
                                .at(node)
                                .help("let it refer to itself in a property or in items, not in `allOf`, `anyOf`, `oneOf` or `not`"),
                        );
                    }
                }
                State::Done => {}
            }
        }
    }
}

/// How many properties all schemas of a contract may have together, inherited ones counted with each heir. The largest
/// contract known has 50,000.
const MOST_PROPERTIES: usize = 500_000;

/// Reports a hierarchy in which so much is inherited that what is generated would have no bounds: a chain of a thousand
/// schemas, each with the properties of all before it, has half a million.
pub(crate) fn bound(schemas: &[Schema<'_>], report: &Reporter) {
    let mut total = 0;
    for (index, schema) in schemas.iter().enumerate().filter(|(_, schema)| !schema.all_of.is_empty()) {
        let mut seen = HashSet::new();
        let mut waiting = vec![SchemaId(index)];
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                let part = &schemas[id.0];
                total += 1 + part.properties.len();
                waiting.extend(part.reference.iter().chain(&part.all_of));
            }
            if total > MOST_PROPERTIES {
                if let Some(node) = schema.node {
                    report.add(
                        Diagnostic::error(
                            "too-large",
                            format!(
                                "with this schema, all `allOf` together inherit more than {MOST_PROPERTIES} properties"
                            ),
                        )
                        .at(node)
                        .help("let schemas refer to each other in properties instead"),
                    );
                }
                return;
            }
        }
    }
}

/// Schemas that judge the same value. A base class that lists its children in `oneOf` is not led back to the child:
/// its alternatives are left out there.
fn in_place(schemas: &[Schema<'_>], id: SchemaId) -> Vec<SchemaId> {
    let schema = &schemas[id.0];
    let mut found = Vec::new();
    let mut bases: Vec<SchemaId> = schema.all_of.clone();
    let mut seen = Vec::new();
    while let Some(base) = bases.pop() {
        if seen.contains(&base) {
            continue;
        }
        seen.push(base);
        if schemas[base.0].alternatives().contains(&id) {
            bases.extend(&schemas[base.0].all_of);
            found.extend(schemas[base.0].reference);
        } else {
            found.push(base);
        }
    }
    found.extend(schema.reference);
    found.extend(schema.any_of.iter().chain(&schema.one_of));
    found.extend([schema.not, schema.if_, schema.then_, schema.else_].into_iter().flatten());
    found.extend(schema.dependent_schemas.iter().map(|(_, id)| *id));
    found.reverse();
    found
}
