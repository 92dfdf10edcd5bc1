//! Keywords about a value by itself: its type, format and members of `enum`, numbers and texts.

use serde_json::Value;

use super::{Place, Run};
use crate::schema::{
    Types,
    compare::{compare, is_equal, is_of},
    number::Decimal,
    words::{Choices, Count, Kinds},
};

impl Run<'_> {
    pub(super) fn check_kind(&mut self, place: Place, value: &Value) {
        let Place { schema, path, .. } = place;
        if schema.types != Types::ANY && !is_of(value, schema.types) {
            self.report(path, "type", format_args!("must be {}", Kinds(schema.types)));
        }
        if let Some(format) = schema.format
            && is_of(value, schema.types)
            && let Some(wanted) = format.judge(value)
        {
            self.report(path, "format", format_args!("must be {wanted}"));
        }
        if let Some(enumeration) = schema.enumeration
            && !enumeration.iter().any(|literal| is_equal(literal, value))
        {
            self.report(path, "enum", format_args!("{}", Choices(enumeration)));
        }
    }

    pub(super) fn check_number(&mut self, place: Place, number: &serde_json::Number) {
        let Place { schema, path, .. } = place;
        let bounds = [
            (schema.minimum, "minimum", "at least"),
            (schema.maximum, "maximum", "at most"),
            (schema.exclusive_minimum, "exclusiveMinimum", "more than"),
            (schema.exclusive_maximum, "exclusiveMaximum", "less than"),
        ];
        for (bound, keyword, words) in bounds {
            let Some(bound) = bound else { continue };
            let order = compare(number, bound);
            let holds = match keyword {
                "minimum" => order.is_ge(),
                "maximum" => order.is_le(),
                "exclusiveMinimum" => order.is_gt(),
                _ => order.is_lt(),
            };
            if !holds {
                self.report(path, keyword, format_args!("must be {words} {bound}"));
            }
        }
        if let Some(factor) = schema.multiple_of
            && !Decimal::of(number).is_multiple_of(factor.decimal())
        {
            self.report(path, "multipleOf", format_args!("must be a multiple of {factor}"));
        }
    }

    pub(super) fn check_text(&mut self, place: Place, text: &str) {
        let Place { schema, path, .. } = place;
        let mut too_long = false;
        if schema.min_length.is_some() || schema.max_length.is_some() {
            // No text has more code points than bytes.
            let bytes = text.len() as u64;
            let needed = schema.min_length.is_some() || schema.max_length.is_some_and(|most| bytes > most);
            let length = if needed { text.chars().count() as u64 } else { bytes };
            if let Some(least) = schema.min_length.filter(|least| length < *least) {
                self.report(path, "minLength", format_args!("must have at least {}", Count(least, "character")));
            }
            if let Some(most) = schema.max_length.filter(|most| length > *most) {
                too_long = true;
                self.report(path, "maxLength", format_args!("must have at most {}", Count(most, "character")));
            }
        }
        // A text that is refused anyway need not be matched.
        if let Some(pattern) = schema.pattern.filter(|_| !too_long)
            && !pattern.is_found_in(text)
        {
            let words = if pattern.is_too_long(text) { "is too long to be compared with" } else { "must match" };
            self.report(path, "pattern", format_args!("{words} {}", pattern.source()));
        }
    }
}
