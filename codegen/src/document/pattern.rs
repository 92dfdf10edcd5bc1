//! Regular expressions of the contract, checked as the runtime will compile them.

/// Whether a pattern is a regular expression of ECMA-262.
#[derive(Clone, Debug)]
pub(crate) enum Regularity {
    Fine,
    /// It is after `\A`, `\Z` and `\z` are replaced.
    Foreign(String),
    Wrong(String),
    /// Only a backtracking engine can match it, and that could take exponential time.
    Explosive,
}

impl Regularity {
    /// Unicode mode first, as JSON Schema asks for; the runtime then tries the older mode, which knows escapes such as
    /// `\-`. There an escaped letter stands for itself, which is never what the author meant.
    pub(crate) fn of(pattern: &str) -> Self {
        match Self::compiled(pattern) {
            Self::Fine if is_explosive(pattern) => Self::Explosive,
            Self::Foreign(meant) if is_explosive(&meant) => Self::Explosive,
            other => other,
        }
    }

    fn compiled(pattern: &str) -> Self {
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

/// Whether a pattern needs a backtracking engine (back-references, look-around, properties) and repeats without bound
/// what already repeats without bound: `(a+)+`. The runtime matches everything else in linear time.
fn is_explosive(pattern: &str) -> bool {
    let mut characters = pattern.chars().peekable();
    let (mut in_class, mut backtracks, mut nested) = (false, false, false);
    // For each open group: whether something in it repeats without bound, and whether it is look-around, into which no
    // engine goes back.
    let mut groups = vec![(false, false)];
    let mut closed = false;
    while let Some(character) = characters.next() {
        let repeats = match character {
            '\\' => {
                let escaped = characters.next().unwrap_or_default();
                backtracks |= matches!(escaped, '1'..='9' | 'k' | 'p' | 'P');
                false
            }
            ']' => {
                in_class = false;
                false
            }
            _ if in_class => false,
            '[' => {
                in_class = true;
                false
            }
            '(' => {
                let mut ahead = characters.clone();
                let kind = (ahead.next(), ahead.next(), ahead.next());
                let looks = matches!(kind, (Some('?'), Some('=' | '!'), _) | (Some('?'), Some('<'), Some('=' | '!')));
                backtracks |= looks;
                groups.push((false, looks));
                false
            }
            ')' => {
                let (repeats, looks) = groups.pop().unwrap_or_default();
                closed = repeats && !looks && !groups.is_empty();
                if let Some((outer, _)) = groups.last_mut() {
                    *outer |= closed;
                }
                continue;
            }
            '*' | '+' => true,
            '{' => {
                let count: String = characters.clone().take_while(|next| *next != '}').collect();
                count.strip_suffix(',').is_some_and(|least| least.bytes().all(|byte| byte.is_ascii_digit()))
            }
            _ => false,
        };
        if repeats {
            nested |= closed;
            if let Some((group, _)) = groups.last_mut() {
                *group = true;
            }
        }
        closed = false;
    }
    backtracks && nested
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

#[cfg(test)]
mod tests {
    use super::is_explosive;

    #[test]
    fn patterns_that_explode_are_known() {
        for pattern in [r"^(\w+)+\1$", r"(?<!x)(a*)*$", r"^(\p{L}+\s?)*$", r"((a+)b?)+(?=c)", r"(a{2,})+\1"] {
            assert!(is_explosive(pattern), "{pattern}");
        }
        for pattern in [
            r"^(a+)+$",
            r"^(?=.*\d)(?=.*[a-z]).{8,}$",
            r"^(\w)\1+$",
            r"^\p{L}+( \p{L}+){0,3}$",
            r"[(+)+]*\1",
            "(",
            r"^((?![_-]{2,})[a-z-_])+$",
        ] {
            assert!(!is_explosive(pattern), "{pattern}");
        }
    }
}
