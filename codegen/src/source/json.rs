//! JSON (RFC 8259) with places. Strict: no comments, no trailing commas.

use std::collections::HashMap;

use super::{Entry, Kind, MAX_DEPTH, Node, Numbers, Span};
use crate::diagnostic::{Diagnostic, Reporter};

/// Parses a file; what is wrong with its syntax is reported.
pub(super) fn parse(text: &str, file: usize, numbers: &mut Numbers, report: &Reporter) -> Option<Node> {
    let mut parser = Parser { rest: text.chars(), next: None, line: 1, column: 0, file, numbers, report };
    parser.advance();
    let parsed = parser.value(0).and_then(|root| {
        parser.skip_space();
        match parser.next {
            None => Ok(root),
            Some(_) => Err(parser.fail("expected the end of the file")),
        }
    });
    parsed.map_err(|diagnostic| report.add(*diagnostic)).ok()
}

struct Parser<'a> {
    rest: std::str::Chars<'a>,
    next: Option<char>,
    line: usize,
    /// Of `next`, from 1.
    column: usize,
    file: usize,
    numbers: &'a mut Numbers,
    report: &'a Reporter,
}

type Parsed<T> = Result<T, Box<Diagnostic>>;

impl Parser<'_> {
    fn advance(&mut self) -> Option<char> {
        let taken = self.next;
        if taken == Some('\n') {
            self.line += 1;
            self.column = 0;
        }
        self.next = self.rest.next();
        self.column += 1;
        taken
    }

    fn span(&self) -> Span {
        Span { file: self.file, line: self.line, column: self.column, length: 1 }
    }

    fn fail(&self, message: &str) -> Box<Diagnostic> {
        let found = match self.next {
            Some(character) => format!("found `{}`", character.escape_default()),
            None => "found the end of the file".into(),
        };
        Box::new(Diagnostic::error("syntax", format!("this is not JSON: {message}, {found}")).span(self.span()))
    }

    fn skip_space(&mut self) {
        while matches!(self.next, Some(' ' | '\t' | '\n' | '\r')) {
            self.advance();
        }
    }

    fn expect(&mut self, character: char) -> Parsed<()> {
        self.skip_space();
        if self.next == Some(character) {
            self.advance();
            return Ok(());
        }
        Err(self.fail(&format!("expected `{character}`")))
    }

    fn value(&mut self, depth: usize) -> Parsed<Node> {
        self.skip_space();
        let mut span = self.span();
        if depth > MAX_DEPTH {
            return Err(Box::new(
                Diagnostic::error("too-deep", format!("values are nested more than {MAX_DEPTH} deep")).span(span),
            ));
        }
        let id = self.numbers.next();
        let kind = match self.next {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Kind::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('a'..='z') => self.word()?,
            _ => return Err(self.fail("expected a value")),
        };
        if !matches!(kind, Kind::Mapping(_) | Kind::Sequence(_)) && self.line == span.line {
            span.length = (self.column - span.column).max(1);
        }
        Ok(Node { id, span, kind })
    }

    fn object(&mut self, depth: usize) -> Parsed<Kind> {
        self.advance();
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        self.skip_space();
        if self.next == Some('}') {
            self.advance();
            return Ok(Kind::Mapping(entries.into()));
        }
        loop {
            self.skip_space();
            let mut span = self.span();
            if self.next != Some('"') {
                return Err(self.fail("expected a key in double quotes"));
            }
            let key = self.string()?;
            span.length = self.column.saturating_sub(span.column).max(1);
            self.expect(':')?;
            let value = self.value(depth + 1)?;
            match seen.get(&key) {
                Some(first) => self.report.add(super::duplicate(&entries[*first], &key, span)),
                None => {
                    seen.insert(key.clone(), entries.len());
                    entries.push(Entry { key, span, value });
                }
            }
            self.skip_space();
            match self.next {
                Some(',') => self.advance(),
                Some('}') => {
                    self.advance();
                    return Ok(Kind::Mapping(entries.into()));
                }
                _ => return Err(self.fail("expected `,` or `}`")),
            };
        }
    }

    fn array(&mut self, depth: usize) -> Parsed<Kind> {
        self.advance();
        let mut items = Vec::new();
        self.skip_space();
        if self.next == Some(']') {
            self.advance();
            return Ok(Kind::Sequence(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.next {
                Some(',') => self.advance(),
                Some(']') => {
                    self.advance();
                    return Ok(Kind::Sequence(items));
                }
                _ => return Err(self.fail("expected `,` or `]`")),
            };
        }
    }

    fn string(&mut self) -> Parsed<String> {
        self.advance();
        let mut text = String::new();
        loop {
            match self.next {
                Some('"') => {
                    self.advance();
                    return Ok(text);
                }
                Some('\\') => {
                    self.advance();
                    text.push(self.escape()?);
                }
                Some(character) if character >= ' ' => {
                    text.push(character);
                    self.advance();
                }
                _ => return Err(self.fail("expected `\"` before the end of the line")),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let character = match self.next {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.advance();
                let first = self.unit()?;
                if (0xd800..0xdc00).contains(&first) && self.next == Some('\\') {
                    self.advance();
                    if self.next != Some('u') {
                        return Err(self.fail("expected the second half of a surrogate pair"));
                    }
                    self.advance();
                    let second = self.unit()?;
                    let pair = char::decode_utf16([first, second]).next().and_then(Result::ok);
                    return Ok(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                // A lone surrogate is no character; no text of a contract depends on it.
                return Ok(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => return Err(self.fail("expected an escape")),
        };
        self.advance();
        Ok(character)
    }

    fn unit(&mut self) -> Parsed<u16> {
        let mut unit = 0_u16;
        for _ in 0..4 {
            let digit = self
                .next
                .and_then(|character| character.to_digit(16))
                .ok_or_else(|| self.fail("expected four hexadecimal digits"))?;
            unit = unit << 4 | u16::try_from(digit).unwrap_or_default();
            self.advance();
        }
        Ok(unit)
    }

    fn number(&mut self) -> Parsed<Kind> {
        let mut text = String::new();
        while let Some(character @ ('-' | '+' | '.' | 'e' | 'E' | '0'..='9')) = self.next {
            text.push(character);
            self.advance();
        }
        match serde_json::from_str::<serde_json::Number>(&text) {
            Ok(_) => Ok(Kind::Number(text)),
            Err(_) => Err(self.fail(&format!("`{text}` is not a number"))),
        }
    }

    fn word(&mut self) -> Parsed<Kind> {
        let mut text = String::new();
        while let Some(character @ 'a'..='z') = self.next {
            text.push(character);
            self.advance();
        }
        match text.as_str() {
            "true" => Ok(Kind::Boolean(true)),
            "false" => Ok(Kind::Boolean(false)),
            "null" => Ok(Kind::Null),
            _ => Err(self.fail(&format!("`{text}` is not a value"))),
        }
    }
}
