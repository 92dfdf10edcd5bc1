//! Keywords that apply other schemas to the same value.

use serde_json::Value;

use super::{Evaluated, Path, Place, Run, select_tagged};
use crate::schema::{Discriminator, Literal, Schema, compare::is_of, explore, words::Choices};

impl Run<'_> {
    /// `$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if`.
    pub(super) fn check_in_place(&mut self, place: Place, value: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let schema = place.schema;
        for member in schema.reference.iter().chain(schema.all_of) {
            self.check(place.in_place(member), value, evaluated.as_deref_mut());
        }
        let tagged = schema.discriminator.filter(|_| value.is_object());
        if let Some(discriminator) = tagged {
            self.check_tagged(place, value, discriminator, evaluated);
        } else {
            self.check_any_of(place, value, evaluated);
            self.check_one_of(place, value, evaluated);
        }
        if let Some(not) = schema.not
            && self.holds(place.in_place(not), value, None)
        {
            self.report(place.path, "not", format_args!("must not be of the kind that is ruled out"));
        }
        if let Some(condition) = schema.if_ {
            let chosen = if self.holds(place.in_place(condition), value, evaluated.as_deref_mut()) {
                schema.then_
            } else {
                schema.else_
            };
            if let Some(chosen) = chosen {
                self.check(place.in_place(chosen), value, evaluated.as_deref_mut());
            }
        }
    }

    pub(super) fn check_tagged(
        &mut self,
        place: Place,
        value: &Value,
        discriminator: &Discriminator,
        evaluated: &mut Option<&mut Evaluated>,
    ) {
        let path = Path::Property(place.path, discriminator.property);
        let members = if place.schema.one_of.is_empty() { place.schema.any_of } else { place.schema.one_of };
        match (value.get(discriminator.property), select_tagged(value, discriminator)) {
            (_, Some(index)) => {
                if let Some(member) = members.get(index) {
                    self.check(place.in_place(member), value, evaluated.as_deref_mut());
                }
            }
            (None, None) => self.report(&path, "required", format_args!("is required")),
            (Some(_), None) => {
                let names: Vec<_> = discriminator.mapping.iter().map(|(name, _)| Literal::String(name)).collect();
                self.report(&path, "discriminator", format_args!("{}", Choices(&names)));
            }
        }
    }

    pub(super) fn check_any_of(&mut self, place: Place, value: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let members = place.schema.any_of;
        let mut holds = members.is_empty();
        for member in members {
            // One is enough, but each that holds says which properties it has looked at.
            if holds && evaluated.is_none() {
                break;
            }
            holds |= self.holds(place.in_place(member), value, evaluated.as_deref_mut());
        }
        if !holds {
            self.report_union(place, value, members, "anyOf", "must be of one of the kinds that are allowed");
        }
    }

    pub(super) fn check_one_of(&mut self, place: Place, value: &Value, evaluated: &mut Option<&mut Evaluated>) {
        let members = place.schema.one_of;
        if members.is_empty() {
            return;
        }
        let holding =
            members.iter().filter(|member| self.holds(place.in_place(member), value, evaluated.as_deref_mut())).count();
        match holding {
            0 => self.report_union(
                place,
                value,
                members,
                "oneOf",
                "must be of exactly one of the kinds that are allowed",
            ),
            1 => {}
            _ => {
                self.report(
                    place.path,
                    "oneOf",
                    format_args!("must be of exactly one of the kinds that are allowed, but is of {holding}"),
                );
            }
        }
    }

    /// Where only one member takes a value of this JSON type, what is wrong is what is wrong by that member.
    fn report_union(
        &mut self,
        place: Place,
        value: &Value,
        members: &[&'static Schema],
        keyword: &'static str,
        message: &str,
    ) {
        let mut candidates = members.iter().filter(|member| is_of(value, explore::accepted_types(member)));
        match (candidates.next(), candidates.next()) {
            (Some(member), None) if !self.quiet => self.check(place.in_place(member), value, None),
            _ => self.report(place.path, keyword, format_args!("{message}")),
        }
    }
}
