//! Contract text as a tree in which every value knows its place.
//!
//! A contract is one file and whatever it refers to; [`Sources`] holds them all. YAML and JSON give the same tree of
//! [`Node`]s: no type of any OpenAPI library, no resolving, no defaults. Positions are one-based lines and columns in
//! characters, as editors count.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Reporter};

mod json;
mod node;
mod yaml;

pub(crate) use node::number;
pub use node::{Entry, Kind, Node, Span};

/// The deepest nesting that is read; real contracts stay below 60.
const MAX_DEPTH: usize = 128;

/// Every file of a contract.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<File>,
    by_path: HashMap<PathBuf, Option<usize>>,
}

/// One file.
#[derive(Debug)]
pub struct File {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its tree; absent when it could not be parsed.
    pub root: Option<Node>,
}

/// Where the numbers of nodes come from.
#[derive(Debug, Default)]
pub(crate) struct Numbers(u32);

impl Numbers {
    pub(crate) fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

impl Sources {
    /// Reads a contract and, through its `$ref`s, every file that it consists of.
    ///
    /// What cannot be read or parsed is reported; a missing file that is referred to is reported where the reference
    /// is resolved.
    pub fn load(contract: &Path, report: &Reporter) -> Self {
        let mut sources = Self::default();
        let mut numbers = Numbers::default();
        let mut queue = VecDeque::from([contract.to_owned()]);
        while let Some(path) = queue.pop_front() {
            if sources.by_path.contains_key(&path) {
                continue;
            }
            let is_contract = sources.files.is_empty();
            match read(&path) {
                Ok(text) => {
                    let index = sources.files.len();
                    let root = parse(&path, &text, index, &mut numbers, report);
                    if let Some(root) = &root {
                        let mut found = Vec::new();
                        referred_files(root, &mut found);
                        queue.extend(found.iter().map(|reference| joined(&path, reference)));
                    }
                    sources.by_path.insert(path.clone(), Some(index));
                    sources.files.push(File { path, text, root });
                }
                Err(message) => {
                    if is_contract {
                        report.add(Diagnostic::error("unreadable", format!("{}: {message}", path.display())));
                        return sources;
                    }
                    sources.by_path.insert(path, None);
                }
            }
        }
        sources
    }

    /// The files, the contract first.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The tree of the contract itself.
    pub fn root(&self) -> Option<&Node> {
        self.files.first().and_then(|file| file.root.as_ref())
    }

    /// The tree of the file that a reference in another file names, if it could be read.
    pub fn referred(&self, from: usize, reference: &str) -> Option<&Node> {
        let path = joined(&self.files.get(from)?.path, reference);
        let index = (*self.by_path.get(&path)?)?;
        self.files[index].root.as_ref()
    }

    /// JSON pointers of the nodes with these numbers.
    pub fn pointers(&self, wanted: &std::collections::BTreeSet<u32>) -> BTreeMap<u32, String> {
        let mut found = BTreeMap::new();
        for root in self.files.iter().filter_map(|file| file.root.as_ref()) {
            let mut path = String::new();
            collect_pointers(root, &mut path, wanted, &mut found);
        }
        found
    }
}

/// The text of a file, without a byte order mark.
fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("this is UTF-16; save it as UTF-8".into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("not UTF-8 at line {line}")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn parse(path: &Path, text: &str, file: usize, numbers: &mut Numbers, report: &Reporter) -> Option<Node> {
    // What starts like JSON is JSON: a YAML parser would take it too, but not its escapes for characters beyond the BMP.
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        || text.trim_start().starts_with('{');
    if is_json { json::parse(text, file, numbers, report) } else { yaml::parse(text, file, numbers, report) }
}

/// File parts of the references below a node. Extensions and examples are data, not contract.
fn referred_files(node: &Node, found: &mut Vec<String>) {
    match &node.kind {
        Kind::Mapping(entries) => {
            for entry in entries.iter() {
                match entry.value.as_str() {
                    Some(reference) if entry.key == "$ref" => {
                        let file = reference.split('#').next().unwrap_or_default();
                        if !file.is_empty() && !is_remote(file) && !found.iter().any(|known| known == file) {
                            found.push(file.to_owned());
                        }
                    }
                    _ if entry.key.starts_with("x-") || entry.key == "example" || entry.key == "examples" => {}
                    _ => referred_files(&entry.value, found),
                }
            }
        }
        Kind::Sequence(items) => items.iter().for_each(|item| referred_files(item, found)),
        _ => {}
    }
}

/// Whether the file part of a reference is a URL of some scheme.
pub(crate) fn is_remote(reference: &str) -> bool {
    reference.starts_with("//")
        || reference.split_once(':').is_some_and(|(scheme, _)| scheme.len() > 1 && !scheme.contains(['/', '\\', '.']))
}

/// The path that a reference in a file names; `..` is removed by the text of the path.
fn joined(from: &Path, reference: &str) -> PathBuf {
    let mut path = from.parent().map(Path::to_owned).unwrap_or_default();
    for part in percent_decoded(reference).split('/') {
        match part {
            "." | "" => {}
            ".." => {
                if path.file_name().is_none() || !path.pop() {
                    path.push("..");
                }
            }
            other => path.push(other),
        }
    }
    path
}

/// A reference is a URI: `%20` is a space.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hexadecimal = (first == b'%').then(|| tail.get(..2)).flatten();
        match hexadecimal
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn collect_pointers(
    node: &Node,
    path: &mut String,
    wanted: &std::collections::BTreeSet<u32>,
    found: &mut BTreeMap<u32, String>,
) {
    if wanted.contains(&node.id) {
        found.entry(node.id).or_insert_with(|| path.clone());
    }
    let length = path.len();
    match &node.kind {
        Kind::Mapping(entries) => {
            for entry in entries.iter() {
                path.push('/');
                path.push_str(&entry.key.replace('~', "~0").replace('/', "~1"));
                collect_pointers(&entry.value, path, wanted, found);
                path.truncate(length);
            }
        }
        Kind::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                collect_pointers(item, path, wanted, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Two members of a mapping with one key.
fn duplicate(first: &Entry, key: &str, span: Span) -> Diagnostic {
    Diagnostic::error("duplicate-key", format!("the key `{key}` stands here a second time"))
        .span(span)
        .note(format!("the first is at line {}", first.span.line))
        .help("remove one, or merge them")
}
