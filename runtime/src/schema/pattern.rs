//! Regular expressions of the contract: ECMA-262 in Unicode mode, as JSON Schema asks for.

use std::{fmt, sync::OnceLock};

/// A regular expression (`pattern`, `patternProperties`), compiled at its first use.
pub struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<regress::Regex>>,
}

impl Pattern {
    /// A pattern of the contract. The generator has checked that it compiles.
    pub const fn new(source: &'static str) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The pattern as written.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Whether the pattern is found anywhere in the text. A pattern that does not compile is found nowhere: a contract that
    /// cannot be read lets nothing in.
    pub fn is_found_in(&self, text: &str) -> bool {
        self.compiled.get_or_init(|| compile(self.source)).as_ref().is_some_and(|regex| regex.find(text).is_some())
    }
}

/// Unicode mode first; patterns in the wild also have escapes such as `\-` that only the older mode allows.
pub(super) fn compile(source: &str) -> Option<regress::Regex> {
    regress::Regex::with_flags(source, "u").or_else(|_| regress::Regex::new(source)).ok()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "Pattern({:?})", self.source)
    }
}
