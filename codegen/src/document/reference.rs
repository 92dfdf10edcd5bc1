//! `$ref`: where a reference leads.
//!
//! A reference may name another file and a JSON pointer of any depth. Remote documents are not fetched, since a build
//! must not depend on a network. What a schema names itself by `$id` or `$anchor` is found by that name ([`identity`]).
//!
//! [`identity`]: super::identity

use std::collections::HashSet;

use super::identity::Identities;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::source::{Node, Sources, is_remote, percent_decoded};

/// Where a reference led.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    /// The value; never itself only a reference.
    pub(crate) node: &'a Node,
    /// Last part of the last pointer or file name: a name for what is there.
    pub(crate) name: String,
    /// Whether the contract gives it that name: a component or a file, not a place somewhere.
    pub(crate) is_named: bool,
    /// Kind of component, such as `responses`, where the reference is to one.
    pub(crate) component: Option<String>,
}

/// Follows references.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) identities: &'a Identities<'a>,
    pub(crate) report: &'a Reporter,
}

impl<'a> Resolver<'a> {
    /// The value itself, or what it refers to, to the end of the chain. A reference that leads nowhere is reported.
    pub(crate) fn follow(&self, node: &'a Node) -> Option<Target<'a>> {
        self.follow_while(node, |_| true, |_| ())
    }

    /// The same for a reference that must be followed, to the first value that is more than a reference; `visit` is told
    /// of every value on the way.
    pub(crate) fn follow_while(
        &self,
        node: &'a Node,
        is_reference: impl Fn(&Node) -> bool,
        mut visit: impl FnMut(&'a Node),
    ) -> Option<Target<'a>> {
        let mut target = Target { node, name: String::new(), is_named: false, component: None };
        let mut seen = HashSet::new();
        while let Some(reference) = target.node.get("$ref") {
            if !seen.is_empty() && !is_reference(target.node) {
                break;
            }
            if !seen.insert(target.node.id) {
                self.report.add(
                    Diagnostic::error("reference-cycle", "this reference leads back to itself")
                        .at(reference)
                        .help("refer to a value that is not only a reference"),
                );
                return None;
            }
            let Some(text) = reference.as_str() else {
                self.report.add(
                    Diagnostic::error(
                        "invalid-reference",
                        format!("`$ref` must be a string, not {}", reference.describe()),
                    )
                    .at(reference),
                );
                return None;
            };
            let found = self.locate(reference, text)?;
            let (name, component, is_named) = names(text);
            visit(found);
            target = Target { node: found, name, is_named, component: component.or(target.component) };
        }
        Some(target)
    }

    /// One step: what a reference that stands at a place names.
    pub(crate) fn locate(&self, place: &'a Node, text: &str) -> Option<&'a Node> {
        match self.lookup(place, text) {
            Ok(node) => Some(node),
            Err(diagnostic) => {
                self.report.add((*diagnostic).at(place));
                None
            }
        }
    }

    /// What a reference at a place names, without following what it finds.
    pub(crate) fn lookup(&self, place: &'a Node, text: &str) -> Result<&'a Node, Box<Diagnostic>> {
        let (uri, fragment) = text.split_once('#').unwrap_or((text, ""));
        let identities = self.identities;
        let own = identities.resource_of(place);
        let resource = own.and_then(|own| if uri.is_empty() { Some(own) } else { identities.named(own, uri) });
        let resource = resource.or_else(|| identities.resource_of(self.sources.referred(place.span.file, uri)?));
        let Some(resource) = resource else { return self.in_file(place.span.file, text, 0) };
        let root = identities.resource(resource).root;
        let fragment = percent_decoded(fragment);
        if fragment.is_empty() {
            return Ok(root);
        }
        if fragment.starts_with('/') {
            // A pointer is relative to the resource; authors who give a component an `$id` mean the file all the same.
            let found = root.pointer(&fragment);
            let again = || match self.sources.referred(place.span.file, uri) {
                Some(_) => self.in_file(place.span.file, text, 0),
                None => self.in_file(root.span.file, &text[uri.len()..], 0),
            };
            return found.map_or_else(again, Ok);
        }
        identities.anchor(resource, &fragment).ok_or_else(|| {
            Box::new(
                Diagnostic::error("unresolved-reference", format!("`{text}` does not exist"))
                    .help(format!("no schema there has `$anchor: {fragment}`")),
            )
        })
    }

    /// What a file and a JSON pointer in it name.
    fn in_file(&self, from: usize, text: &str, depth: usize) -> Result<&'a Node, Box<Diagnostic>> {
        let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
        if is_remote(file) {
            return Err(Box::new(
                Diagnostic::error(
                    "unsupported-remote-reference",
                    format!("`{text}` is not on this machine, and specwright fetches nothing"),
                )
                .help("copy the document beside the contract and refer to the copy"),
            ));
        }
        let sources = self.sources;
        let root = if file.is_empty() {
            sources.files().get(from).and_then(|file| file.root.as_ref())
        } else {
            sources.referred(from, file)
        };
        let Some(root) = root else {
            return Err(Box::new(
                Diagnostic::error("unresolved-reference", format!("the file `{file}` cannot be read"))
                    .help("a reference is relative to the file it stands in"),
            ));
        };
        let pointer = percent_decoded(fragment);
        let mut node = root;
        for token in pointer.split('/').skip(1) {
            let step = format!("/{token}");
            node = match node.pointer(&step) {
                Some(next) => next,
                // A pointer may lead through a reference.
                None => match node.get("$ref").and_then(Node::as_str) {
                    Some(inner) if depth < 32 => {
                        let through = self.in_file(node.span.file, inner, depth + 1)?;
                        through.pointer(&step).ok_or_else(|| dangling(text, through, token))?
                    }
                    _ => return Err(dangling(text, node, token)),
                },
            };
        }
        Ok(node)
    }
}

/// A reference to nothing, with the nearest name that is there.
fn dangling(text: &str, parent: &Node, token: &str) -> Box<Diagnostic> {
    let diagnostic = Diagnostic::error("unresolved-reference", format!("`{text}` does not exist"));
    let wanted = token.replace("~1", "/").replace("~0", "~");
    let nearest = parent.entries().iter().map(|entry| (distance(&entry.key, &wanted), &entry.key)).min();
    Box::new(match nearest {
        Some((distance, key)) if distance <= wanted.chars().count() / 3 + 1 => {
            diagnostic.help(format!("there is `{key}`"))
        }
        _ => diagnostic.help(format!("nothing here is called `{wanted}`")),
    })
}

/// Edit distance, for suggestions.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, character) in left.chars().take(80).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 0..right.len() {
            let substitution = diagonal + usize::from(right[column] != character);
            diagonal = row[column + 1];
            row[column + 1] = substitution.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// A name for what a reference names, and the kind of component it is.
fn names(text: &str) -> (String, Option<String>, bool) {
    let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
    let pointer = percent_decoded(fragment);
    let tokens: Vec<String> =
        pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    match tokens.as_slice() {
        [] => {
            let stem = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or(file);
            (percent_decoded(stem), None, true)
        }
        [first, kind, name] if first == "components" => (name.clone(), Some(kind.clone()), true),
        [kind, name] if kind == "$defs" || kind == "definitions" => (name.clone(), None, true),
        [.., last] => (last.clone(), None, false),
    }
}
