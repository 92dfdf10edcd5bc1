//! Patterns of ECMA-262, written for an engine whose time is linear in the text.
//!
//! The two languages share most of their syntax and differ in what some of it means: `.`, `\s`, escapes, what stands for
//! itself. [`Translation`] reads the one and writes the other, and gives up where the meaning would change. Look-ahead
//! directly after the leading `^`, as rules for passwords have it, says of the same place that several things hold; so
//! each becomes a pattern of its own.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex_lite::Regex;

/// How many states may be visited for one text, all told: about a second.
const MOST_VISITS: usize = 100_000_000;

/// Patterns that must, or must not, be found.
pub(super) struct Linear {
    conditions: Vec<(bool, Regex)>,
    /// The longest text in bytes that is judged. Time is linear in a text, but for `^.{0,9999}$` the line is steep.
    pub(super) longest: usize,
}

impl Linear {
    /// `None` where the pattern means something that the engine cannot say.
    pub(super) fn new(source: &str) -> Option<Self> {
        let mut conditions = Vec::new();
        let mut states = 0_usize;
        let mut rest = source;
        if let Some(anchored) = source.strip_prefix('^') {
            rest = anchored;
            while let Some((wanted, inside, after)) = look_ahead(rest) {
                conditions.push((wanted, regex(&format!("^(?:{inside})"), &mut states)?));
                rest = after;
            }
            // `^(?=a)b|c`: the look-ahead would belong to the first alternative alone.
            if !conditions.is_empty() && has_alternatives(rest) {
                return None;
            }
        }
        let whole = if conditions.is_empty() { source.to_owned() } else { format!("^(?:{rest})") };
        conditions.push((true, regex(&whole, &mut states)?));
        Some(Self { conditions, longest: MOST_VISITS / states.max(1) })
    }

    pub(super) fn is_found_in(&self, text: &str) -> bool {
        text.len() <= self.longest && self.conditions.iter().all(|(wanted, regex)| regex.is_match(text) == *wanted)
    }
}

fn regex(source: &str, states: &mut usize) -> Option<Regex> {
    let translation = Translation::of(source)?;
    *states = states.saturating_add(translation.states);
    Regex::new(&translation.text).ok()
}

/// A look-ahead that a pattern begins with: whether it must hold, what is in it, and what follows.
fn look_ahead(source: &str) -> Option<(bool, &str, &str)> {
    let (wanted, rest) = match source.strip_prefix("(?=") {
        Some(rest) => (true, rest),
        None => (false, source.strip_prefix("(?!")?),
    };
    let end = top_level(rest, |depth, character| depth == 0 && character == ')')?;
    let after = &rest[end + 1..];
    // `(?=a)*` is nothing that anybody means.
    (!after.starts_with(['*', '+', '?', '{'])).then_some((wanted, &rest[..end], after))
}

fn has_alternatives(source: &str) -> bool {
    top_level(source, |depth, character| depth == 0 && character == '|').is_some()
}

/// The place of the first character outside of classes and escapes that is asked for by it and the depth of its group.
fn top_level(source: &str, wanted: impl Fn(usize, char) -> bool) -> Option<usize> {
    let (mut depth, mut in_class, mut escaped) = (0_usize, false, false);
    for (index, character) in source.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match character {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ if in_class => {}
            character if wanted(depth, character) => return Some(index),
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// ECMA-262, "WhiteSpace" and "LineTerminator", as the inside of a class.
const SPACE: &str = r"\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    text: String,
    /// States of the engine, about.
    states: usize,
    /// Those of the last item, which a repetition repeats.
    last: usize,
    /// States at the beginning of each open group.
    groups: Vec<usize>,
}

/// What an escape stands for.
enum Escape {
    Character(char),
    /// The inside of a class, and whether everything else is meant.
    Class(&'static str, bool),
    Boundary(char),
}

impl<'a> Translation<'a> {
    fn of(source: &'a str) -> Option<Self> {
        let rest = source.chars().peekable();
        let mut translation = Self { rest, text: String::new(), states: 0, last: 0, groups: Vec::new() };
        while let Some(character) = translation.rest.next() {
            translation.item(character)?;
        }
        Some(translation)
    }

    fn item(&mut self, character: char) -> Option<()> {
        if !matches!(character, '(' | ')' | '{' | '*' | '+' | '?') {
            self.states = self.states.saturating_add(1);
            self.last = 1;
        }
        match character {
            '(' => {
                self.groups.push(self.states);
                self.group()?;
            }
            ')' => {
                self.last = self.states.saturating_sub(self.groups.pop()?);
                self.text.push(')');
            }
            '|' | '^' | '$' | '*' | '+' | '?' => self.text.push(character),
            '.' => self.text.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            '[' => self.class()?,
            '{' => self.repetition(),
            '\\' => match self.escape(false)? {
                Escape::Character(character) => self.literal(character),
                Escape::Class(inside, negated) => {
                    let sign = if negated { "^" } else { "" };
                    let _ = write!(self.text, "[{sign}{inside}]");
                }
                Escape::Boundary(letter) => {
                    let _ = write!(self.text, "\\{letter}");
                }
            },
            other => self.literal(other),
        }
        Some(())
    }

    fn literal(&mut self, character: char) {
        if character.is_ascii_alphanumeric() {
            self.text.push(character);
        } else {
            let _ = write!(self.text, "\\x{{{:X}}}", u32::from(character));
        }
    }

    /// Groups capture nothing, since nobody asks; look-around is not for this engine.
    fn group(&mut self) -> Option<()> {
        if self.rest.next_if_eq(&'?').is_some() {
            match self.rest.next()? {
                ':' => {}
                '<' => {
                    let name: String = std::iter::from_fn(|| self.rest.next_if(|next| *next != '>')).collect();
                    self.rest.next()?;
                    if name.starts_with(['=', '!']) {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        self.text.push_str("(?:");
        Some(())
    }

    /// `{2,3}`, or a brace that stands for itself.
    fn repetition(&mut self) {
        let ahead: String = self.rest.clone().take_while(|next| *next != '}').collect();
        let closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        let (least, most) = ahead.split_once(',').unwrap_or((&ahead, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if closed && !least.is_empty() && digits(least) && digits(most) {
            let most: usize = if most.is_empty() { least } else { most }.parse().unwrap_or(usize::MAX);
            self.states = self.states.saturating_add(self.last.saturating_mul(most));
            let _ = write!(self.text, "{{{ahead}}}");
            self.rest.nth(ahead.chars().count());
        } else {
            self.literal('{');
        }
    }

    fn class(&mut self) -> Option<()> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut inside = String::new();
        loop {
            let start = match self.rest.next()? {
                ']' => break,
                '\\' => match self.escape(true)? {
                    Escape::Character(character) => character,
                    Escape::Class(class, false) => {
                        // `[\d-x]` is an error in one mode of ECMA-262 and three things in the other.
                        if self.rest.peek() == Some(&'-') && self.rest.clone().nth(1) != Some(']') {
                            return None;
                        }
                        inside.push_str(class);
                        continue;
                    }
                    Escape::Class(..) | Escape::Boundary(_) => return None,
                },
                character => character,
            };
            let _ = write!(inside, "\\x{{{:X}}}", u32::from(start));
            if self.rest.peek() == Some(&'-') && self.rest.clone().nth(1).is_some_and(|next| next != ']') {
                self.rest.next();
                let end = match self.rest.next()? {
                    '\\' => match self.escape(true)? {
                        Escape::Character(character) => character,
                        _ => return None,
                    },
                    character => character,
                };
                let _ = write!(inside, "-\\x{{{:X}}}", u32::from(end));
            }
        }
        match (inside.is_empty(), negated) {
            (false, false) => self.text.push_str(&format!("[{inside}]")),
            (false, true) => self.text.push_str(&format!("[^{inside}]")),
            // `[^]`: any character at all.
            (true, true) => self.text.push_str("(?s:.)"),
            // `[]`: none.
            (true, false) => return None,
        }
        Some(())
    }

    fn escape(&mut self, in_class: bool) -> Option<Escape> {
        Some(match self.rest.next()? {
            'd' => Escape::Class("0-9", false),
            'D' => Escape::Class("0-9", true),
            'w' => Escape::Class("0-9A-Za-z_", false),
            'W' => Escape::Class("0-9A-Za-z_", true),
            's' => Escape::Class(SPACE, false),
            'S' => Escape::Class(SPACE, true),
            'b' if in_class => Escape::Character('\u{8}'),
            letter @ ('b' | 'B') => Escape::Boundary(letter),
            't' => Escape::Character('\t'),
            'n' => Escape::Character('\n'),
            'v' => Escape::Character('\u{b}'),
            'f' => Escape::Character('\u{c}'),
            'r' => Escape::Character('\r'),
            '0' if !self.rest.peek().is_some_and(char::is_ascii_digit) => Escape::Character('\0'),
            'c' => {
                let letter = self.rest.next().filter(char::is_ascii_alphabetic)?;
                Escape::Character(char::from(letter as u8 % 32))
            }
            'x' => Escape::Character(char::from_u32(self.hexadecimal(2)?)?),
            'u' => Escape::Character(self.code_point()?),
            // Back-references, properties, and letters that mean nothing.
            letter if letter.is_ascii_alphanumeric() => return None,
            character => Escape::Character(character),
        })
    }

    /// After `\u`: `{1F499}`, `00e9`, or two halves of a surrogate pair.
    fn code_point(&mut self) -> Option<char> {
        if self.rest.next_if_eq(&'{').is_some() {
            let digits: String = std::iter::from_fn(|| self.rest.next_if(char::is_ascii_hexdigit)).collect();
            self.rest.next_if_eq(&'}')?;
            return char::from_u32(u32::from_str_radix(&digits, 16).ok()?);
        }
        let first = self.hexadecimal(4)?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if self.rest.next()? != '\\' || self.rest.next()? != 'u' {
            return None;
        }
        let second = self.hexadecimal(4)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + second.checked_sub(0xdc00).filter(|low| *low < 0x400)?)
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<u32> {
        (0..digits).try_fold(0, |value, _| Some(value * 16 + self.rest.next()?.to_digit(16)?))
    }
}
