//! YAML 1.2 with the core schema, over saphyr-parser's events.
//!
//! Aliases are copies, with a budget: a few lines of YAML must not become gigabytes. `<<` merges as YAML 1.1 has it,
//! because real contracts use it. Only the first document of a stream is read.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Position};

use super::{Entry, Kind, MAX_DEPTH, Node, Numbers, Span};
use crate::diagnostic::{Diagnostic, Reporter};

/// How many nodes all aliases of a file may copy together. The largest contract known, 4 MB, has 150,000 nodes.
const ALIAS_BUDGET: usize = 200_000;

/// How many nodes all anchors of a file may keep: anchors within anchors keep the same nodes again.
const ANCHOR_BUDGET: usize = 1_000_000;

/// Parses a file; what is wrong with its syntax is reported.
pub(super) fn parse(text: &str, file: usize, numbers: &mut Numbers, report: &Reporter) -> Option<Node> {
    let mut builder = Builder {
        file,
        numbers,
        report,
        stack: Vec::new(),
        anchors: HashMap::new(),
        budget: ALIAS_BUDGET,
        kept: 0,
        root: None,
    };
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((event, position)) => builder.take(event, position),
            Err(error) => {
                let marker = error.marker();
                let span = Span { file, line: marker.line(), column: marker.col() + 1, length: 1 };
                Err(Box::new(Diagnostic::error("syntax", format!("this is not YAML: {}", error.info())).span(span)))
            }
        };
        if let Err(diagnostic) = step {
            report.add(*diagnostic);
            return None;
        }
    }
    if builder.root.is_none() {
        report.add(Diagnostic::error("syntax", "the file is empty").span(Span { file, line: 1, column: 1, length: 1 }));
    }
    builder.root
}

struct Builder<'a> {
    file: usize,
    numbers: &'a mut Numbers,
    report: &'a Reporter,
    stack: Vec<Open>,
    anchors: HashMap<usize, Option<(Node, usize)>>,
    budget: usize,
    /// Nodes that anchors keep.
    kept: usize,
    root: Option<Node>,
}

/// A collection whose end has not come yet.
struct Open {
    id: u32,
    span: Span,
    anchor: usize,
    content: Content,
    /// Nodes in it, itself included.
    size: usize,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: HashMap<String, usize>, merged: Vec<Node>, key: Option<(String, Span, bool)> },
}

type Step = Result<(), Box<Diagnostic>>;

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, position: Position) -> Step {
        let span = self.span(position);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_string = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let kind = if style == ScalarStyle::Plain && !is_string {
                    plain(&text)
                } else {
                    Kind::String(text.into_owned())
                };
                if let Some(Open { content: Content::Mapping { key: key @ None, .. }, .. }) = self.stack.last_mut() {
                    // A key is a string whatever it looks like: `200:` and `on:` are names.
                    let text = match kind {
                        Kind::String(text) | Kind::Number(text) => text,
                        _ => return self.other_key(span, &kind),
                    };
                    let merge = text == "<<" && style == ScalarStyle::Plain;
                    *key = Some((text, span, merge));
                    return Ok(());
                }
                let node = Node { id: self.numbers.next(), span, kind };
                self.finish(node, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.open(span, anchor, Content::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => {
                let content =
                    Content::Mapping { entries: Vec::new(), seen: HashMap::new(), merged: Vec::new(), key: None };
                self.open(span, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    /// `true:`, `null:` and `~:` as keys.
    fn other_key(&mut self, span: Span, kind: &Kind) -> Step {
        let text = match kind {
            Kind::Boolean(value) => value.to_string(),
            _ => "null".to_owned(),
        };
        if let Some(Open { content: Content::Mapping { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some((text, span, false));
        }
        Ok(())
    }

    fn open(&mut self, span: Span, anchor: usize, content: Content) -> Step {
        if let Some(Open { content: Content::Mapping { key: None, .. }, .. }) = self.stack.last() {
            return Err(Box::new(Diagnostic::error("syntax", "a key must be a string").span(span)));
        }
        if self.stack.len() > MAX_DEPTH {
            return Err(Box::new(
                Diagnostic::error("too-deep", format!("values are nested more than {MAX_DEPTH} deep")).span(span),
            ));
        }
        if anchor != 0 {
            // Until it is closed, an alias to it would contain itself.
            self.anchors.insert(anchor, None);
        }
        // Only the bracket, or the place of the first key: a collection has no text of its own.
        let span = Span { length: 1, ..span };
        self.stack.push(Open { id: self.numbers.next(), span, anchor, content, size: 1 });
        Ok(())
    }

    fn close(&mut self) -> Step {
        let Some(Open { id, span, anchor, content, size }) = self.stack.pop() else { return Ok(()) };
        let kind = match content {
            Content::Sequence(items) => Kind::Sequence(items),
            Content::Mapping { mut entries, mut seen, merged, .. } => {
                for source in merged {
                    self.merge(&source, &mut entries, &mut seen)?;
                }
                Kind::Mapping(entries.into())
            }
        };
        self.finish(Node { id, span, kind }, anchor, size)
    }

    /// Members of the merged mapping that the mapping itself does not have.
    fn merge(&self, source: &Node, entries: &mut Vec<Entry>, seen: &mut HashMap<String, usize>) -> Step {
        match &source.kind {
            Kind::Mapping(members) => {
                for member in members.iter() {
                    if !seen.contains_key(&member.key) {
                        seen.insert(member.key.clone(), entries.len());
                        entries.push(member.clone());
                    }
                }
                Ok(())
            }
            Kind::Sequence(sources) => sources.iter().try_for_each(|source| self.merge(source, entries, seen)),
            _ => Err(Box::new(
                Diagnostic::error("syntax", format!("`<<` merges mappings, not {}", source.describe()))
                    .span(source.span),
            )),
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Step {
        let Some((node, size)) = self.anchors.get(&anchor).and_then(Option::as_ref) else {
            return Err(Box::new(
                Diagnostic::error("alias-cycle", "this alias is inside the value that it stands for")
                    .span(span)
                    .help("use `$ref` for what contains itself"),
            ));
        };
        if *size > self.budget {
            return Err(Box::new(
                Diagnostic::error(
                    "alias-budget",
                    format!("the aliases of this file stand for more than {ALIAS_BUDGET} values"),
                )
                .span(span)
                .help("use `$ref`, which copies nothing"),
            ));
        }
        self.budget -= size;
        let (node, size) = (node.clone(), *size);
        if let Some(Open { content: Content::Mapping { key: key @ None, .. }, .. }) = self.stack.last_mut() {
            let text = node.as_str().map(str::to_owned);
            let text =
                text.ok_or_else(|| Box::new(Diagnostic::error("syntax", "a key must be a string").span(span)))?;
            *key = Some((text, span, false));
            return Ok(());
        }
        self.finish(node, 0, size)
    }

    /// Puts a value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, size: usize) -> Step {
        if anchor != 0 {
            self.kept += size;
            if self.kept > ANCHOR_BUDGET {
                return Err(Box::new(
                    Diagnostic::error(
                        "alias-budget",
                        format!("the anchors of this file stand for more than {ANCHOR_BUDGET} values"),
                    )
                    .span(node.span)
                    .help("use `$ref`, which copies nothing"),
                ));
            }
            self.anchors.insert(anchor, Some((node.clone(), size)));
        }
        let Some(parent) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.size += size;
        match &mut parent.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, seen, merged, key } => match key.take() {
                Some((_, _, true)) => merged.push(node),
                Some((key, span, false)) => match seen.get(&key) {
                    Some(first) => self.report.add(super::duplicate(&entries[*first], &key, span)),
                    None => {
                        seen.insert(key.clone(), entries.len());
                        entries.push(Entry { key, span, value: node });
                    }
                },
                None => {}
            },
        }
        Ok(())
    }

    fn span(&self, position: Position) -> Span {
        let (start, end) = (position.start, position.end);
        let length = if start.line() == end.line() { end.col().saturating_sub(start.col()).max(1) } else { 1 };
        Span { file: self.file, line: start.line(), column: start.col() + 1, length }
    }
}

/// A plain scalar by the core schema (YAML 1.2.2, section 10.3.2).
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Boolean(true),
        "false" | "False" | "FALSE" => return Kind::Boolean(false),
        _ => {}
    }
    if let Some(octal) = text.strip_prefix("0o").and_then(|digits| i128::from_str_radix(digits, 8).ok()) {
        return Kind::Number(octal.to_string());
    }
    if let Some(hexadecimal) = text.strip_prefix("0x").and_then(|digits| i128::from_str_radix(digits, 16).ok()) {
        return Kind::Number(hexadecimal.to_string());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if has_digits && digits(whole) && digits(fraction) && exponent_fits {
        return Kind::Number(text.strip_prefix('+').unwrap_or(text).to_owned());
    }
    Kind::String(text.to_owned())
}
