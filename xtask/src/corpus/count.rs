//! How many operations a document has, counted by looking at the tree of its text: a generator that drops operations must not
//! be the one that counts them.

use std::path::Path;

use specwright_codegen::diagnostic::Reporter;
use specwright_codegen::source::{Node, Sources};

/// The fixed fields of a Path Item Object that are operations (OpenAPI 3.2 adds `query`).
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// Operations under `paths`; `None` where the document cannot be read.
pub(super) fn operations(contract: &Path) -> Option<u64> {
    let sources = Sources::load(contract, &Reporter::default());
    let root = sources.root()?;
    let items = root.get("paths").map(Node::entries).unwrap_or_default();
    // The other keys are extensions.
    let items = items.iter().filter(|entry| entry.key.starts_with('/'));
    Some(items.map(|entry| of_item(&sources, 0, root, &entry.value, 0)).sum())
}

fn of_item(sources: &Sources, file: usize, root: &Node, item: &Node, depth: usize) -> u64 {
    let own = METHODS.iter().filter(|method| item.get(method).is_some()).count();
    let more = item.get("additionalOperations").map_or(0, |more| more.entries().len());
    let own = (own + more) as u64;
    let Some(reference) = item.get("$ref").and_then(Node::as_str).filter(|_| depth < 8) else { return own };
    let (other, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    let (file, root) = match sources.referred(file, other) {
        Some(root) if !other.is_empty() => {
            let index = sources.files().iter().position(|one| one.root.as_ref().is_some_and(|one| one.id == root.id));
            (index.unwrap_or(file), root)
        }
        _ => (file, root),
    };
    let pointer = pointer.replace("%7B", "{").replace("%7D", "}");
    own + root.pointer(&pointer).map_or(0, |item| of_item(sources, file, root, item, depth + 1))
}
