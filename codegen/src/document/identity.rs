//! What schemas are called besides their place: `$id`, `$anchor` and `$dynamicAnchor` (JSON Schema 2020-12 Core,
//! section 8.2), and `$self` of OpenAPI 3.2.
//!
//! A file is a resource, and so is each schema with an `$id`; a reference is read from the resource it stands in. A URI
//! is only a name here: it is compared with the names that the files of the contract give themselves, never fetched.

use std::collections::{BTreeMap, HashMap};

use crate::source::{Kind, Node, Sources};

/// Something that references can be relative to.
#[derive(Debug)]
pub(crate) struct Resource<'a> {
    /// Its URI, without a fragment; that of a file is made up.
    uri: String,
    pub(crate) root: &'a Node,
    /// The largest number of a node in it.
    last: u32,
    parent: Option<usize>,
    /// `$anchor` and `$dynamicAnchor`: names within the resource.
    anchors: HashMap<&'a str, &'a Node>,
    /// `$dynamicAnchor` alone.
    pub(crate) dynamic: BTreeMap<&'a str, &'a Node>,
}

/// The resources of a contract.
#[derive(Debug, Default)]
pub(crate) struct Identities<'a> {
    /// In the order of the numbers of their roots.
    resources: Vec<Resource<'a>>,
    by_uri: HashMap<String, usize>,
    /// Whether any schema has a `$dynamicRef`.
    pub(crate) is_dynamic: bool,
}

/// Mappings from names, which are not keywords, to schemas and other things.
const NAMES: &[&str] = &[
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "schemas",
    "parameters",
    "responses",
];

/// Keywords whose values are data.
const DATA: &[&str] = &["enum", "const", "default", "example", "examples"];

impl<'a> Identities<'a> {
    pub(crate) fn of(sources: &'a Sources) -> Self {
        let mut identities = Self::default();
        for (index, root) in sources.files().iter().enumerate().filter_map(|(i, file)| Some((i, file.root.as_ref()?))) {
            let resource = identities.push(format!("file:///{index}/"), root, None);
            if let Some(uri) = root.get("$self").and_then(Node::as_str) {
                identities.rename(resource, uri);
            }
            identities.resources[resource].last = identities.walk(root, resource, false);
        }
        identities
    }

    /// The resource that a node stands in.
    pub(crate) fn resource_of(&self, node: &Node) -> Option<usize> {
        let after = self.resources.partition_point(|resource| resource.root.id <= node.id);
        let mut index = after.checked_sub(1)?;
        while self.resources[index].last < node.id {
            index = self.resources[index].parent?;
        }
        Some(index)
    }

    pub(crate) fn resource(&self, index: usize) -> &Resource<'a> {
        &self.resources[index]
    }

    /// The resource that a reference without its fragment names, read from another resource.
    pub(crate) fn named(&self, from: usize, reference: &str) -> Option<usize> {
        self.by_uri.get(&resolved(&self.resources[from].uri, reference)).copied()
    }

    /// What a plain name stands for in a resource.
    pub(crate) fn anchor(&self, resource: usize, name: &str) -> Option<&'a Node> {
        self.resources[resource].anchors.get(name).copied()
    }

    fn push(&mut self, uri: String, root: &'a Node, parent: Option<usize>) -> usize {
        let (anchors, dynamic) = (HashMap::new(), BTreeMap::new());
        self.by_uri.entry(uri.clone()).or_insert(self.resources.len());
        self.resources.push(Resource { uri, root, last: root.id, parent, anchors, dynamic });
        self.resources.len() - 1
    }

    /// Gives a file the URI that it says it has.
    fn rename(&mut self, resource: usize, uri: &str) {
        let uri = resolved(&self.resources[resource].uri, uri);
        self.by_uri.entry(uri.clone()).or_insert(resource);
        self.resources[resource].uri = uri;
    }

    /// Finds what is named below a node; the largest number of a node in it.
    fn walk(&mut self, node: &'a Node, mut resource: usize, are_names: bool) -> u32 {
        let mut last = node.id;
        match &node.kind {
            Kind::Mapping(entries) => {
                if !are_names {
                    resource = self.identify(node, resource);
                }
                for entry in entries.iter() {
                    if !are_names && (DATA.contains(&entry.key.as_str()) || entry.key.starts_with("x-")) {
                        last = last.max(largest(&entry.value));
                    } else {
                        let names = !are_names && NAMES.contains(&entry.key.as_str());
                        last = last.max(self.walk(&entry.value, resource, names));
                    }
                }
            }
            Kind::Sequence(items) => {
                for item in items {
                    last = last.max(self.walk(item, resource, false));
                }
            }
            _ => {}
        }
        if self.resources[resource].root.id == node.id {
            self.resources[resource].last = last;
        }
        last
    }

    /// Reads what a schema calls itself; the resource that it stands in from here on.
    fn identify(&mut self, node: &'a Node, mut resource: usize) -> usize {
        let text = |key: &str| node.get(key).and_then(Node::as_str);
        match text("$id").map(|id| id.trim_end_matches('#')) {
            // The older form of `$anchor`.
            Some(id) if id.starts_with('#') => {
                self.resources[resource].anchors.entry(&id[1..]).or_insert(node);
            }
            Some(id) if !id.is_empty() && self.resources[resource].root.id == node.id => self.rename(resource, id),
            Some(id) if !id.is_empty() => {
                let uri = resolved(&self.resources[resource].uri, id);
                resource = self.push(uri, node, Some(resource));
            }
            _ => {}
        }
        for key in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = text(key) {
                self.resources[resource].anchors.entry(name).or_insert(node);
            }
        }
        if let Some(name) = text("$dynamicAnchor") {
            self.resources[resource].dynamic.entry(name).or_insert(node);
        }
        self.is_dynamic |= text("$dynamicRef").is_some();
        resource
    }
}

/// The largest number of a node in a value.
fn largest(node: &Node) -> u32 {
    match &node.kind {
        Kind::Mapping(entries) => entries.iter().map(|entry| largest(&entry.value)).fold(node.id, u32::max),
        Kind::Sequence(items) => items.iter().map(largest).fold(node.id, u32::max),
        _ => node.id,
    }
}

/// A reference resolved against a base (RFC 3986, section 5.2), both without fragments.
fn resolved(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_owned();
    }
    let has_scheme = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    if has_scheme {
        return reference.to_owned();
    }
    let (scheme, rest) = base.split_once(':').unwrap_or(("", base));
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}");
    }
    let Some(after) = rest.strip_prefix("//") else { return reference.to_owned() };
    let (authority, path) = after.find('/').map_or((after, "/"), |slash| after.split_at(slash));
    let path = path.split('?').next().unwrap_or_default();
    let joined = if reference.starts_with('/') {
        reference.to_owned()
    } else if reference.starts_with('?') {
        format!("{path}{reference}")
    } else {
        format!("{}{reference}", &path[..=path.rfind('/').unwrap_or(0)])
    };
    format!("{scheme}://{authority}{}", without_dots(&joined))
}

/// A path without `.` and `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let (path, query) = path.find('?').map_or((path, ""), |start| path.split_at(start));
    let mut segments: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        match *part {
            "." | ".." => {
                if *part == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            part => segments.push(part),
        }
    }
    format!("/{}{query}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::resolved;

    /// RFC 3986, section 5.4, as far as fragments are not concerned.
    #[test]
    fn references_are_resolved() {
        let base = "http://a/b/c/d;p?q";
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("g;x=1/../y", "http://a/b/c/y"),
        ] {
            assert_eq!(resolved(base, reference), expected, "{reference}");
        }
        assert_eq!(resolved("urn:uuid:1", "urn:uuid:2"), "urn:uuid:2");
    }
}
