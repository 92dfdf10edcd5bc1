//! Keywords about arrays.

use std::collections::HashSet;

use serde_json::Value;

use super::{Evaluated, Path, Place, Run};
use crate::schema::{compare::canonical, words::Count};

impl Run<'_> {
    pub(super) fn check_array(&mut self, place: Place, array: &[Value], evaluated: &mut Option<&mut Evaluated>) {
        let Place { schema, path, .. } = place;
        let length = array.len() as u64;
        if let Some(least) = schema.min_items.filter(|least| length < *least) {
            self.report(path, "minItems", format_args!("must have at least {}", Count(least, "element")));
        }
        if let Some(most) = schema.max_items.filter(|most| length > *most) {
            self.report(path, "maxItems", format_args!("must have at most {}", Count(most, "element")));
        }
        if schema.unique_items {
            let mut seen = HashSet::new();
            if let Some(index) = array.iter().position(|element| !seen.insert(canonical(element))) {
                self.report(path, "uniqueItems", format_args!("must not repeat an element, as element {index} does"));
            }
        }
        for (index, (element, member)) in array.iter().zip(schema.prefix_items).enumerate() {
            self.check(place.part(member, &Path::Element(path, index)), element, None);
        }
        let prefix = schema.prefix_items.len();
        if let Some(items) = schema.items {
            for (index, element) in array.iter().enumerate().skip(prefix) {
                if self.full() {
                    break;
                }
                self.check(place.part(items, &Path::Element(path, index)), element, None);
            }
        }
        if let Some(evaluated) = evaluated.as_deref_mut() {
            evaluated.items_before =
                evaluated.items_before.max(if schema.items.is_some() { usize::MAX } else { prefix });
        }
        let Some(contains) = schema.contains else { return };
        let mut found = 0;
        for (index, element) in array.iter().enumerate() {
            if self.holds(place.part(contains, &Path::Element(path, index)), element, None) {
                found += 1;
                if let Some(evaluated) = evaluated.as_deref_mut() {
                    evaluated.items.insert(index);
                }
            }
        }
        let least = schema.min_contains.unwrap_or(1);
        if found < least {
            let keyword = if schema.min_contains.is_some() { "minContains" } else { "contains" };
            self.report(
                path,
                keyword,
                format_args!("must have at least {} of the kind that is asked for", Count(least, "element")),
            );
        }
        if let Some(most) = schema.max_contains.filter(|most| found > *most) {
            self.report(
                path,
                "maxContains",
                format_args!("must have at most {} of a certain kind", Count(most, "element")),
            );
        }
    }

    pub(super) fn check_unevaluated_items(&mut self, place: Place, array: &[Value], own: &mut Evaluated) {
        let Some(schema) = place.schema.unevaluated_items else { return };
        for (index, element) in array.iter().enumerate().skip(own.items_before) {
            if own.items.contains(&index) {
                continue;
            }
            let path = Path::Element(place.path, index);
            if schema.never {
                self.report(&path, "unevaluatedItems", format_args!("is not allowed"));
            } else {
                self.check(place.part(schema, &path), element, None);
            }
        }
        own.items_before = usize::MAX;
    }
}
