//! Texts that satisfy `pattern`, `format` and the bounds of length, made by trying: whatever is made is judged by the validator
//! before it is used, so a candidate that is wrong costs time and nothing else.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::schema::Format;

/// Characters that mean something in a URL, in a header or in a delimited list, and two that are not ASCII.
const ODD: &str = "a/b?c&d=e%f+g;h,i j\u{fc}\u{1f499}";

/// The same for a header value, where only printable ASCII is safe and a comma is the delimiter.
const ODD_HEADER: &str = "a/b?c&d=e%f+g;h j";

/// The same without what delimits the elements of a `spaceDelimited` or `pipeDelimited` parameter.
const ODD_DELIMITED: &str = "a/b?c&d=e%f+g;h\u{fc}\u{1f499}";

/// Which characters a place can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Any: JSON, forms, paths and queries.
    Any,
    /// What a header can hold.
    Header,
    /// What an element between delimiters can hold.
    Delimited,
}

/// What is asked of a text.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) patterns: Vec<&'static str>,
    pub(super) formats: Vec<Format>,
    /// In code points.
    pub(super) minimum: u64,
    pub(super) maximum: Option<u64>,
}

/// Texts that may do, best first.
pub(super) fn candidates(wanted: &Wanted, alphabet: Alphabet, odd: bool, turn: u64) -> Vec<String> {
    let mut texts = Vec::new();
    for format in &wanted.formats {
        texts.extend(of_format(*format).iter().map(|text| (*text).to_owned()));
    }
    for pattern in &wanted.patterns {
        texts.extend(of_pattern(pattern, wanted, turn));
    }
    let plain = match alphabet {
        _ if !odd => "text",
        Alphabet::Any => ODD,
        Alphabet::Header => ODD_HEADER,
        Alphabet::Delimited => ODD_DELIMITED,
    };
    let mut base = if turn < 2 { plain.to_owned() } else { format!("{plain}{turn}") };
    let length = |text: &str| text.chars().count() as u64;
    if wanted.maximum.is_some_and(|maximum| length(&base) > maximum) {
        // The first characters would be plain ones: the last are odd, and tell the turns apart.
        let skipped = length(&base) - wanted.maximum.unwrap_or_default();
        base = base.chars().skip(usize::try_from(skipped).unwrap_or_default()).collect();
        base = base.trim().to_owned();
    }
    // A text of a million code points proves no more than one of a thousand, but it must be long enough.
    let missing = wanted.minimum.saturating_sub(length(&base)).min(1 << 20);
    base.extend(std::iter::repeat_n('x', usize::try_from(missing).unwrap_or_default()));
    texts.push(base);
    texts.extend(
        ["a", "A", "1", "a1", "0", "ab", "12", "1.0", "https://example.com/a", "a@example.com"].map(str::to_owned),
    );
    texts
}

fn of_format(format: Format) -> &'static [&'static str] {
    match format {
        Format::Byte => &["c3BlY3dyaWdodA==", "YQ==", ""],
        Format::Date => &["2024-02-29", "1999-12-31"],
        Format::DateTime => &["2024-02-29T12:34:56Z", "1999-12-31T23:59:59Z"],
        Format::Decimal => &["12.5", "0"],
        Format::Duration => &["P1DT2H", "PT5M"],
        Format::Email | Format::IdnEmail => &["ada@example.com", "bob@example.org"],
        Format::Hostname | Format::IdnHostname => &["host.example.com", "example.org"],
        Format::Ipv4 => &["192.0.2.7", "198.51.100.1"],
        Format::Ipv6 => &["2001:db8::7", "2001:db8::1"],
        Format::Iri | Format::Uri => &["https://example.com/a?b=c", "urn:example:a"],
        Format::IriReference | Format::UriReference => &["/a?b=c", "https://example.com/a"],
        Format::JsonPointer => &["/a/b", ""],
        Format::Regex => &["^a$", "b"],
        Format::RelativeJsonPointer => &["1/a", "0"],
        Format::Time => &["12:34:56Z", "23:59:59Z"],
        Format::UriTemplate => &["/a/{b}", "/c"],
        Format::Uuid => &["67e55044-10b1-426f-9247-bb680e5fe0c8", "936da01f-9abd-4d9d-80c7-02af85c822a8"],
        _ => &[],
    }
}

/// Texts that an ECMA-262 pattern describes. Look-arounds are left out and left to the validator.
fn of_pattern(pattern: &str, wanted: &Wanted, turn: u64) -> Vec<String> {
    let mut parser = regex_syntax::ParserBuilder::new().build();
    let Ok(hir) = parser.parse(&translated(pattern)) else { return Vec::new() };
    let mut texts = Vec::new();
    for attempt in 0..24u64 {
        let mut sampler = Sampler { state: attempt.wrapping_mul(0x9e37_79b9).wrapping_add(turn + 1), spread: attempt };
        let mut text = String::new();
        if !sampler.sample(&hir, &mut text) {
            continue;
        }
        let length = text.chars().count() as u64;
        if length < wanted.minimum {
            // Without an end the pattern is a beginning, and anything may follow.
            let missing = usize::try_from((wanted.minimum - length).min(1 << 16)).unwrap_or_default();
            texts.push(text.clone() + &"x".repeat(missing));
            texts.push(text.clone() + &"0".repeat(missing));
            let mut repeated = text.clone();
            while !text.is_empty() && (repeated.chars().count() as u64) < wanted.minimum {
                repeated.push_str(&text);
            }
            texts.push(repeated);
        }
        texts.push(text);
    }
    texts
}

/// The pattern in the syntax of `regex_syntax`: its classes nest, its look-arounds are missing.
fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let characters: Vec<char> = pattern.chars().collect();
    let (mut index, mut in_class) = (0, false);
    while let Some(&character) = characters.get(index) {
        let rest = &characters[index..];
        match character {
            '\\' => {
                match (rest.get(1), rest.get(2)) {
                    (Some('c'), Some(letter)) => {
                        out.push_str(&format!("\\x{:02x}", u32::from(*letter) % 32));
                        index += 1;
                    }
                    // ASCII only, as in ECMA-262.
                    (Some('d'), _) => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                    (Some('w'), _) => out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                    (Some('s'), _) => out.push(' '),
                    (Some(other), _) if other.is_ascii_digit() && *other != '0' => {} // a back-reference
                    (Some('0'), _) => out.push_str("\\x00"),
                    (Some(other), _) if other.is_ascii_alphabetic() => {
                        out.push('\\');
                        out.push(*other);
                    }
                    (Some(other), _) => out.push_str(&regex_syntax::escape(&other.to_string())),
                    (None, _) => out.push_str("\\\\"),
                }
                index += 2;
                continue;
            }
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
                if rest.get(1) == Some(&'^') {
                    out.push('^');
                    index += 1;
                }
                // `]` ends a class at once in ECMA-262.
                if characters.get(index + 1) == Some(&']') {
                    out.push_str("\\x00-\\x{10ffff}");
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            '(' if !in_class && rest.get(1) == Some(&'?') => {
                let behind = rest.get(2) == Some(&'<');
                let look = if behind { rest.get(3) } else { rest.get(2) };
                if matches!(look, Some('=' | '!')) {
                    index += group_length(rest);
                    continue;
                }
                out.push('(');
            }
            other => out.push(other),
        }
        index += 1;
    }
    out
}

/// How many characters the group at the start has.
fn group_length(characters: &[char]) -> usize {
    let (mut depth, mut in_class, mut index) = (0usize, false, 0);
    while index < characters.len() {
        match characters[index] {
            '\\' => index += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
        index += 1;
    }
    characters.len()
}

/// Walks a pattern; each attempt takes other turns, the same in every run.
struct Sampler {
    state: u64,
    /// How many repetitions beyond the fewest are tried.
    spread: u64,
}

impl Sampler {
    fn next(&mut self, bound: u64) -> u64 {
        // A linear congruential generator (Knuth's MMIX): what matters is that runs are alike.
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if bound == 0 { 0 } else { (self.state >> 33) % bound }
    }

    /// Whether there is a text.
    fn sample(&mut self, hir: &Hir, text: &mut String) -> bool {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => true,
            HirKind::Literal(literal) => {
                text.push_str(&String::from_utf8_lossy(&literal.0));
                true
            }
            HirKind::Class(class) => match self.character(class) {
                Some(character) => {
                    text.push(character);
                    true
                }
                None => false,
            },
            HirKind::Repetition(repetition) => {
                let fewest = u64::from(repetition.min);
                let most = repetition.max.map_or(fewest + 40, u64::from).min(fewest + self.spread * 2);
                let times = fewest + self.next(most - fewest + 1);
                (0..times.min(4096)).all(|_| self.sample(&repetition.sub, text))
            }
            HirKind::Capture(capture) => self.sample(&capture.sub, text),
            HirKind::Concat(parts) => parts.iter().all(|part| self.sample(part, text)),
            HirKind::Alternation(choices) => {
                let index = usize::try_from(self.next(choices.len() as u64)).unwrap_or_default();
                self.sample(&choices[index], text)
            }
        }
    }

    fn character(&mut self, class: &Class) -> Option<char> {
        let ranges: Vec<(char, char)> = match class {
            Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
            Class::Bytes(class) => {
                class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
            }
        };
        // Printable ASCII first: letters and digits, then the rest of it, then anything.
        let holds = |character: char| ranges.iter().any(|(start, end)| (*start..=*end).contains(&character));
        for kind in [|c: &char| c.is_ascii_alphanumeric(), |c: &char| c.is_ascii_graphic()] {
            let fitting: Vec<char> = (' '..='~').filter(kind).filter(|character| holds(*character)).collect();
            if !fitting.is_empty() {
                let index = usize::try_from(self.next(fitting.len() as u64)).unwrap_or_default();
                return fitting.get(index).copied();
            }
        }
        ranges.first().map(|(start, _)| *start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Pattern;

    #[track_caller]
    fn check(pattern: &'static str) {
        let compiled = Pattern::new(pattern);
        let wanted = Wanted { patterns: vec![pattern], ..Wanted::default() };
        let texts = candidates(&wanted, Alphabet::Any, false, 0);
        assert!(texts.iter().any(|text| compiled.is_found_in(text)), "{pattern}: {texts:?}");
    }

    #[test]
    fn patterns_of_real_contracts_have_texts() {
        for pattern in [
            "^[a-z0-9]+(?:-[a-z0-9]+)*$",
            "^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$",
            r"^\d{4}-\d{2}$",
            r"^arn:aws[a-zA-Z-]*:s3:::.+$",
            r"^[^\s@]+@[^\s@]+\.[a-z]{2,}$",
            r"^([a-f0-9]{2}){16}$",
            r"^#[\[\]\w&&-]+$",
            r"\S",
            r"^(?=.*\d)[a-z\d]{8,}$",
            r"^\/v1\/[-\w.~]+$",
            r"^[\u0020-\u007e]*$",
        ] {
            check(pattern);
        }
    }

    #[test]
    fn texts_have_the_length_that_is_asked_for() {
        let wanted = Wanted { minimum: 3, maximum: Some(5), ..Wanted::default() };
        let first = candidates(&wanted, Alphabet::Any, true, 0).into_iter().next();
        assert!(first.is_some_and(|text| (3..=5).contains(&text.chars().count())));
    }
}
