//! Keywords about objects, and what `readOnly` and `writeOnly` forgive.

use serde_json::{Map, Value};

use super::{Direction, Evaluated, Path, Place, Run};
use crate::schema::{Schema, explore, words::Count};

impl Run<'_> {
    pub(super) fn check_object(
        &mut self,
        place: Place,
        value: &Value,
        object: &Map<String, Value>,
        evaluated: &mut Option<&mut Evaluated>,
    ) {
        let Place { schema, path, .. } = place;
        let length = object.len() as u64;
        if let Some(least) = schema.min_properties.filter(|least| length < *least) {
            self.report(path, "minProperties", format_args!("must have at least {}", Count(least, "property")));
        }
        if let Some(most) = schema.max_properties.filter(|most| length > *most) {
            self.report(path, "maxProperties", format_args!("must have at most {}", Count(most, "property")));
        }
        for name in schema.required {
            if !object.contains_key(*name) && !self.is_forgiven(place.scope, schema, name) {
                self.report(&Path::Property(path, name), "required", format_args!("is required"));
            }
        }
        for (trigger, names) in schema.dependent_required {
            if object.contains_key(*trigger) {
                for name in names.iter().filter(|name| !object.contains_key(**name)) {
                    self.report(
                        &Path::Property(path, name),
                        "dependentRequired",
                        format_args!("is required where {trigger} is there"),
                    );
                }
            }
        }
        for (trigger, dependent) in schema.dependent_schemas {
            if object.contains_key(*trigger) {
                self.check(place.in_place(dependent), value, evaluated.as_deref_mut());
            }
        }
        let judges_members = !schema.properties.is_empty()
            || !schema.pattern_properties.is_empty()
            || schema.additional_properties.is_some()
            || schema.property_names.is_some();
        if !judges_members {
            return;
        }
        for (name, member) in object {
            if self.full() {
                break;
            }
            self.check_member(place, name, member, evaluated);
        }
    }

    pub(super) fn check_member(
        &mut self,
        place: Place,
        name: &str,
        member: &Value,
        evaluated: &mut Option<&mut Evaluated>,
    ) {
        let Place { schema, path, .. } = place;
        let path = Path::Property(path, name);
        let mut known = false;
        if let Some((_, property)) = schema.properties.iter().find(|(property, _)| *property == name) {
            known = true;
            if !self.is_ignored(property) {
                self.check(place.part(property, &path), member, None);
            }
        }
        for (pattern, property) in schema.pattern_properties {
            if pattern.is_found_in(name) {
                known = true;
                self.check(place.part(property, &path), member, None);
            }
        }
        if let Some(additional) = schema.additional_properties.filter(|_| !known) {
            known = true;
            if additional.never {
                self.report(&path, "additionalProperties", format_args!("is not allowed"));
            } else {
                self.check(place.part(additional, &path), member, None);
            }
        }
        if let Some(names) = schema.property_names {
            let quiet = self.quiet;
            let mut run =
                Run { violations: Vec::new(), failed: false, quiet, direction: self.direction, budget: self.budget };
            run.check(place.part(names, &path), &Value::String(name.to_owned()), None);
            if run.failed {
                let reason = run.violations.pop().map_or_else(String::new, |violation| violation.message);
                self.report(&path, "propertyNames", format_args!("is not a valid name: it {reason}"));
            }
        }
        if let Some(evaluated) = evaluated.as_deref_mut().filter(|_| known) {
            evaluated.properties.insert(name.to_owned());
        }
    }

    pub(super) fn check_unevaluated_properties(
        &mut self,
        place: Place,
        object: &Map<String, Value>,
        own: &mut Evaluated,
    ) {
        let Some(schema) = place.schema.unevaluated_properties else { return };
        for (name, member) in object {
            if own.every_property || own.properties.contains(name) {
                continue;
            }
            let path = Path::Property(place.path, name);
            if schema.never {
                self.report(&path, "unevaluatedProperties", format_args!("is not allowed"));
            } else {
                self.check(place.part(schema, &path), member, None);
            }
        }
        own.every_property = true;
    }

    /// Whether a property is not judged, because it does not travel this way.
    pub(super) fn is_ignored(&self, property: &Schema) -> bool {
        match self.direction {
            Some(Direction::Request) => explore::is_marked(property, |schema| schema.read_only),
            Some(Direction::Response) => explore::is_marked(property, |schema| schema.write_only),
            None => false,
        }
    }

    /// Whether a required property may be missing, because it does not travel this way: one declaration of it that always applies
    /// is enough (JSON Schema 2020-12 Validation, section 9.4).
    fn is_forgiven(&self, scope: &Schema, schema: &Schema, name: &str) -> bool {
        let stays = |property: &Schema| match self.direction {
            Some(_) => self.is_ignored(property),
            None => explore::is_marked(property, |schema| schema.read_only || schema.write_only),
        };
        let nearest = explore::property_of(schema, name).or_else(|| explore::property_of(scope, name));
        nearest.is_some_and(&stays) || explore::any_declaration(scope, name, &stays)
    }
}
