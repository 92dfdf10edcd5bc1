//! Regular expressions of the contract: ECMA-262 in Unicode mode, as JSON Schema asks for.
//!
//! Their texts come from whoever sends a request, so time matters: nearly every pattern is matched by an engine whose
//! time is linear in the text ([`linear`](super::linear)). What only a backtracking engine can do (back-references,
//! look-around in the middle, `\p`) is left to one, on texts up to [`LONGEST`]; the generator refuses patterns of that
//! kind that could take exponential time.

use std::{fmt, sync::OnceLock};

use super::linear::Linear;

/// The longest text in bytes that is given to the backtracking engine. Longer ones are refused.
pub(super) const LONGEST: usize = 2048;

/// A regular expression (`pattern`, `patternProperties`), compiled at its first use.
pub struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<Compiled>>,
}

enum Compiled {
    Linear(Linear),
    Backtracking(Box<regress::Regex>),
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
        match self.compiled() {
            Some(Compiled::Linear(linear)) => linear.is_found_in(text),
            Some(Compiled::Backtracking(regex)) => text.len() <= LONGEST && regex.find(text).is_some(),
            None => false,
        }
    }

    /// Whether the text is longer than any that the pattern is tried on.
    pub(super) fn is_too_long(&self, text: &str) -> bool {
        self.compiled().is_some_and(|compiled| match compiled {
            Compiled::Linear(linear) => text.len() > linear.longest,
            Compiled::Backtracking(_) => text.len() > LONGEST,
        })
    }

    fn compiled(&self) -> Option<&Compiled> {
        let compile = || match Linear::new(self.source) {
            Some(linear) => Some(Compiled::Linear(linear)),
            None => compile(self.source).map(|regex| Compiled::Backtracking(Box::new(regex))),
        };
        self.compiled.get_or_init(compile).as_ref()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine of linear time says what the backtracking one says, of every pattern and text here.
    #[test]
    fn engines_agree() {
        let patterns = [
            "^[a-z]+$",
            "a|b|",
            "^(a|b)*?c$",
            "^.$",
            ".",
            "^[^a]$",
            "[^]",
            r"^\d{2,3}$",
            r"^\D\S\w\W?$",
            r"^\s+$",
            r"[\s\d-]x",
            r"^[\w.%+-]+@[\w-]+\.[a-z]{2,}$",
            r"^\u{1F499}$",
            r"^\uD83D\uDC99$",
            r"\x41\cJ",
            r"^[\b]$",
            r"^\bfoo\b",
            r"o\Bo",
            r"^(?=.*\d)(?=.*[a-z]).{4,8}$",
            r"^(?!admin)\w+$",
            r"^(?<year>\d{4})-(?:\d\d)$",
            r"^a{2}$",
            r"^a{2,}b{0,1}$",
            "^$",
            "",
            r"^[a\]b]$",
            r"^[-a]$",
            r"^[a-]$",
            r"^\/\.\-$",
            "[&~]{2}",
            r"[[]",
            r"^\{x\}$",
            "a{,3}",
            "x{",
            r"^[^\d]$",
            r"^[^\s]+$",
            r"^(a+)+$",
            r"^(?!.*\.\.)[a-z.]+$",
            "^💙+$",
            r"^[\u0000-\u001f]$",
            r"^[^\u0000-\u001f]$",
            r"^\0$",
            "^(?:)$",
        ];
        let texts = [
            "",
            "a",
            "b",
            "c",
            "abc",
            "aa",
            "aab",
            "12",
            "123",
            "1",
            "x1",
            " ",
            "\u{a0}",
            "\n",
            "\u{2028}",
            "é",
            "💙",
            "💙💙",
            "foo",
            "foo bar",
            "food",
            "oo",
            "abc1",
            "abcdefgh1",
            "admin",
            "administrator",
            "user",
            "2026-01",
            "a@b.co",
            "A\n",
            "\u{8}",
            "/.-",
            "&~",
            "[",
            "]",
            "-",
            "{x}",
            "a{,3}",
            "x{",
            "aaab",
            "a..b",
            "a.b",
            "\0",
            "\u{1f}",
            "-x",
            "_",
            "a b",
            "K",
            "\u{212a}",
        ];
        let mut linear = 0;
        for pattern in patterns {
            let regex = compile(pattern).unwrap_or_else(|| panic!("{pattern}"));
            let Some(translated) = Linear::new(pattern) else { continue };
            linear += 1;
            for text in texts {
                assert_eq!(translated.is_found_in(text), regex.find(text).is_some(), "{pattern} in {text:?}");
            }
        }
        assert!(linear >= patterns.len() - 3, "{linear} of {} are linear", patterns.len());
    }

    /// With backtracking, each of these takes longer than the universe is old.
    #[test]
    fn hostile_texts_take_no_time() {
        for (pattern, text) in [
            (r"^(a+)+$", format!("{}!", "a".repeat(50_000))),
            (r"^(\w+\s?)*$", format!("{}!", "word ".repeat(10_000))),
            (r"^(a|a)*$", format!("{}!", "a".repeat(50_000))),
            (r"(x+x+)+y", "x".repeat(50_000)),
            (r"^(?=(a+)+$).*", format!("{}!", "a".repeat(50_000))),
        ] {
            let pattern = Pattern::new(pattern);
            assert!(!pattern.is_found_in(&text), "{pattern:?}");
            assert!(matches!(pattern.compiled(), Some(Compiled::Linear(_))), "{pattern:?}");
        }
    }

    #[test]
    fn the_backtracking_engine_gets_short_texts_only() {
        let pattern = Pattern::new(r"^(\w)\1+$");
        assert!(pattern.is_found_in("aaa"));
        assert!(!pattern.is_too_long("aaa"));
        let long = "a".repeat(LONGEST + 1);
        assert!(pattern.is_too_long(&long) && !pattern.is_found_in(&long));
        let steep = Pattern::new("^(.{0,1000}x){0,1000}$");
        assert!(steep.is_too_long(&"a".repeat(10_000)));
    }
}
