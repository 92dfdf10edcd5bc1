//! What must hold, in words: the pieces that messages are made of.

use std::fmt;

use super::{Literal, Types};

/// `a string or null`.
pub(super) struct Kinds(pub(super) Types);

/// `must be one of "a", "b"`.
pub(super) struct Choices<'a>(pub(super) &'a [Literal]);

/// `1 character`, `2 characters`.
pub(super) struct Count(pub(super) u64, pub(super) &'static str);

impl fmt::Display for Kinds {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let names = [
            (Types::STRING, "a string"),
            (Types::NUMBER, "a number"),
            (Types::INTEGER, "an integer"),
            (Types::BOOLEAN, "true or false"),
            (Types::ARRAY, "an array"),
            (Types::OBJECT, "an object"),
            (Types::NULL, "null"),
        ];
        let mut separator = "";
        for (kind, name) in names {
            let covered = kind == Types::INTEGER && self.0.contains(Types::NUMBER);
            if self.0.contains(kind) && !covered {
                write!(formatter, "{separator}{name}")?;
                separator = " or ";
            }
        }
        Ok(())
    }
}

impl fmt::Display for Choices<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        const SHOWN: usize = 20;
        formatter.write_str(if self.0.len() == 1 { "must be " } else { "must be one of " })?;
        for (index, literal) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(formatter, "{separator}{}", literal.to_value())?;
        }
        match self.0.len().checked_sub(SHOWN) {
            Some(rest) if rest > 0 => write!(formatter, " and {rest} more"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self(number, noun) = self;
        match (number, noun.strip_suffix('y')) {
            (1, _) => write!(formatter, "1 {noun}"),
            (_, Some(stem)) => write!(formatter, "{number} {stem}ies"),
            (_, None) => write!(formatter, "{number} {noun}s"),
        }
    }
}
