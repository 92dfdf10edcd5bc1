//! Regular expressions of the contract, checked as the runtime will compile them.

/// Whether a pattern is a regular expression of ECMA-262.
#[derive(Clone, Debug)]
pub(crate) enum Regularity {
    Fine,
    /// It is after `\A`, `\Z` and `\z` are replaced.
    Foreign(String),
    Wrong(String),
}

impl Regularity {
    /// Unicode mode first, as JSON Schema asks for; the runtime then tries the older mode, which knows escapes such as
    /// `\-`. There an escaped letter stands for itself, which is never what the author meant.
    pub(crate) fn of(pattern: &str) -> Self {
        let error = match regress::Regex::with_flags(pattern, "u") {
            Ok(_) => return Self::Fine,
            Err(error) => error.text,
        };
        let escapes: Vec<char> = escaped(pattern).collect();
        let is_known = |letter: &char| !letter.is_ascii_alphabetic() || "dDwWsSbBnrtfv0xuckpP".contains(*letter);
        if escapes.iter().all(is_known) {
            return if regress::Regex::new(pattern).is_ok() { Self::Fine } else { Self::Wrong(error) };
        }
        if escapes.iter().all(|letter| is_known(letter) || "AZz".contains(*letter)) {
            let meant = pattern.replace("\\A", "^").replace("\\Z", "$").replace("\\z", "$");
            if regress::Regex::new(&meant).is_ok() {
                return Self::Foreign(meant);
            }
        }
        Self::Wrong(error)
    }
}

/// Characters after a backslash.
fn escaped(pattern: &str) -> impl Iterator<Item = char> + '_ {
    let mut characters = pattern.chars();
    std::iter::from_fn(move || characters.find(|character| *character == '\\').and_then(|_| characters.next()))
}

/// A message of a library as ours are: in lower case.
pub(crate) fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
