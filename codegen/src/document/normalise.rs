//! Schema values to schemas in normal form.
//!
//! OpenAPI 3.0 keywords become those of 2020-12: `nullable`, Boolean `exclusiveMinimum`, ignored siblings of `$ref`.
//! `const` becomes an `enum` of one. What a keyword cannot mean is reported and left out; annotations that generate
//! nothing are left out silently, and so are extensions.

use std::collections::{HashMap, HashSet};

use super::Version;
use super::pattern::Regularity;
use super::reference::{Resolver, Target};
use super::schema::{Discriminator, Property, Schema, SchemaId};
use super::scope::{Scope, Scopes};
use crate::diagnostic::{Diagnostic, Reporter};
use crate::ir::{Docs, JsonType, Literal, Number};
use crate::source::{Entry, Kind, Node};

/// Schemas as they are found.
#[derive(Debug)]
pub(crate) struct Schemas<'a> {
    pub(crate) arena: Vec<Schema<'a>>,
    by_node: HashMap<(u32, Scope), SchemaId>,
    queue: Vec<(SchemaId, &'a Node, Scope)>,
    resolver: Resolver<'a>,
    scopes: Scopes<'a>,
    /// That of the schema that is being read.
    scope: Scope,
    version: Version,
    /// Where references lead that stand on the way of one that was followed: long chains are walked once.
    followed: HashMap<u32, SchemaId>,
    /// Patterns that were compiled before.
    pub(super) patterns: HashMap<String, Regularity>,
    pub(super) unknown: HashMap<String, ()>,
    /// Every `contentSchema`.
    pub(super) content_schemas: Vec<(&'a Entry, SchemaId)>,
}

/// Keywords beside a `$ref` that change what it means or how it is typed.
const MEANINGLESS_SIBLINGS: &[&str] = &[
    "$ref",
    "$comment",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "title",
    "summary",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "externalDocs",
    "xml",
    "$defs",
    "definitions",
];

/// Keywords that say nothing about values.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "deprecated",
    "default",
    "example",
    "examples",
    "externalDocs",
    "xml",
    "readOnly",
    "writeOnly",
    "nullable",
    "summary",
];

impl<'a> Schemas<'a> {
    pub(crate) fn new(resolver: Resolver<'a>, version: Version) -> Self {
        Self {
            arena: Vec::new(),
            by_node: HashMap::new(),
            queue: Vec::new(),
            resolver,
            scopes: Scopes::new(resolver),
            scope: Scope::NONE,
            version,
            followed: HashMap::new(),
            patterns: HashMap::new(),
            unknown: HashMap::new(),
            content_schemas: Vec::new(),
        }
    }

    /// A component: it has an entry of its own even where it only refers to another.
    pub(crate) fn component(&mut self, name: &str, node: &'a Node) -> SchemaId {
        let id = if node.get("$ref").is_some() && !self.has_siblings(node) {
            match self.intern(node) {
                Some(target) => self.push(Schema {
                    node: Some(node),
                    docs: docs(node),
                    reference: Some(target),
                    ..Schema::default()
                }),
                None => self.push(Schema { node: Some(node), ..Schema::default() }),
            }
        } else {
            self.own(node)
        };
        self.arena[id.0].component.get_or_insert_with(|| name.to_owned());
        id
    }

    /// The schema that a value is or refers to; `None` if the reference leads nowhere (which is reported).
    pub(crate) fn intern(&mut self, node: &'a Node) -> Option<SchemaId> {
        if node.get("$ref").is_none() || self.has_siblings(node) {
            return Some(self.own(node));
        }
        self.referred(node)
    }

    /// The schema that a reference leads to.
    fn referred(&mut self, node: &'a Node) -> Option<SchemaId> {
        let mut scope = self.scopes.enter(self.scope, node);
        let resolver = self.resolver;
        let is_2020 = self.version.is_2020();
        let scopes = &mut self.scopes;
        // What a reference means depends on nothing but itself where no schema has a `$dynamicRef`.
        let followed = if resolver.identities.is_dynamic { &HashMap::new() } else { &self.followed };
        let mut passed = Vec::new();
        let target = resolver.follow_while(
            node,
            |node| !has_siblings(node, is_2020) && !followed.contains_key(&node.id),
            |next| {
                scope = scopes.enter(scope, next);
                passed.push(next.id);
            },
        )?;
        let id = match followed.get(&target.node.id) {
            Some(id) => *id,
            None => self.target(&target, scope),
        };
        passed.pop();
        self.followed.extend(passed.into_iter().map(|passed| (passed, id)));
        Some(id)
    }

    /// The schema that a `$dynamicRef` leads to.
    fn dynamically_referred(&mut self, reference: &'a Node) -> Option<SchemaId> {
        let Some(text) = reference.as_str() else {
            self.string(reference);
            return None;
        };
        let node = self.scopes.lookup(self.scope, reference, text)?;
        let scope = self.scopes.enter(self.scope, node);
        let id = self.own_in(node, scope);
        self.arena[id.0].referenced = true;
        Some(id)
    }

    /// `type: string`, where the contract has no schema.
    pub(crate) fn any_string(&mut self) -> SchemaId {
        self.push(Schema { types: vec![JsonType::String], ..Schema::default() })
    }

    /// Reads what has been found and not read yet.
    pub(crate) fn complete(&mut self) {
        while let Some((id, node, scope)) = self.queue.pop() {
            self.scope = scope;
            let schema = self.read(node);
            let slot = &mut self.arena[id.0];
            *slot = Schema { component: slot.component.take(), referenced: slot.referenced, ..schema };
        }
        self.scope = Scope::NONE;
    }

    fn has_siblings(&self, node: &Node) -> bool {
        has_siblings(node, self.version.is_2020())
    }

    fn target(&mut self, target: &Target<'a>, scope: Scope) -> SchemaId {
        let id = self.own_in(target.node, scope);
        let schema = &mut self.arena[id.0];
        schema.referenced = true;
        if target.is_named {
            schema.component.get_or_insert_with(|| target.name.clone());
        }
        id
    }

    fn own(&mut self, node: &'a Node) -> SchemaId {
        let scope = self.scopes.enter(self.scope, node);
        self.own_in(node, scope)
    }

    fn own_in(&mut self, node: &'a Node, scope: Scope) -> SchemaId {
        let scope = self.scopes.narrowed(scope, node);
        if let Some(id) = self.by_node.get(&(node.id, scope)) {
            return *id;
        }
        let id = self.push(Schema::default());
        self.by_node.insert((node.id, scope), id);
        self.queue.push((id, node, scope));
        id
    }

    fn push(&mut self, schema: Schema<'a>) -> SchemaId {
        self.arena.push(schema);
        SchemaId(self.arena.len() - 1)
    }

    pub(super) fn report(&self) -> &'a Reporter {
        self.resolver.report
    }

    fn read(&mut self, node: &'a Node) -> Schema<'a> {
        let mut schema = Schema { node: Some(node), ..Schema::default() };
        match &node.kind {
            Kind::Boolean(true) => return schema,
            Kind::Boolean(false) => {
                schema.never = true;
                return schema;
            }
            Kind::Mapping(_) => {}
            _ => {
                self.report().add(
                    Diagnostic::error("invalid-schema", format!("a schema must be a mapping, not {}", node.describe()))
                        .at(node),
                );
                return schema;
            }
        }
        if node.get("$ref").is_some() {
            schema.reference = self.referred(node);
        }
        if let Some(reference) = node.get("$dynamicRef")
            && let Some(target) = self.dynamically_referred(reference)
        {
            match schema.reference {
                None => schema.reference = Some(target),
                Some(_) => schema.all_of.push(target),
            }
        }
        schema.docs = docs(node);
        schema.title = text(node, "title");
        schema.rust_name = text(node, "x-rust-name");
        for entry in node.entries() {
            if !entry.key.starts_with("x-") {
                self.keyword(&mut schema, node, entry);
            }
        }
        for key in ["x-enum-varnames", "x-enumNames"] {
            if let Some(names) = node.get(key) {
                schema.enum_names = names.items().iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            }
        }
        super::dialect::old_forms(&mut schema, node, self.version, self.report());
        super::dialect::fit_members(&mut schema, self.report());
        schema
    }

    fn keyword(&mut self, schema: &mut Schema<'a>, node: &'a Node, entry: &'a Entry) {
        let value = &entry.value;
        match entry.key.as_str() {
            "$ref" | "$dynamicRef" | "$id" | "$anchor" | "$dynamicAnchor" if self.version.is_2020() => {}
            "$ref" => {}
            "type" => self.types(schema, value),
            "format" => schema.format = self.string(value),
            "enum" => {
                if matches!(value.kind, Kind::Sequence(_)) {
                    if value.items().is_empty() {
                        let warning = Diagnostic::warning(
                            "empty-enum",
                            "this `enum` has no values, so that every value is refused",
                        );
                        self.report().add(
                            warning
                                .at(value)
                                .note("it should have at least one (JSON Schema 2020-12 Validation, section 6.1.2)"),
                        );
                    }
                    schema.enumeration = Some(self.members(value));
                } else {
                    self.wrong(entry, "a list");
                }
            }
            "const" => schema.enumeration = Some(vec![value.literal()]),
            "minimum" => schema.minimum = self.bound(entry),
            "maximum" => schema.maximum = self.bound(entry),
            "exclusiveMinimum" if value.as_bool().is_none() => schema.exclusive_minimum = self.bound(entry),
            "exclusiveMaximum" if value.as_bool().is_none() => schema.exclusive_maximum = self.bound(entry),
            "exclusiveMinimum" | "exclusiveMaximum" => {}
            "multipleOf" => schema.multiple_of = self.bound(entry).filter(|number| positive(*number)),
            "minLength" => schema.min_length = self.count(entry),
            "maxLength" => schema.max_length = self.count(entry),
            "pattern" => schema.pattern = self.string(value).and_then(|pattern| self.pattern(pattern, value)),
            "contentMediaType" => schema.content_media_type = self.string(value),
            "contentEncoding" => schema.content_encoding = self.string(value),
            "contentSchema" => {
                schema.content_schema = self.intern(value);
                self.content_schemas.extend(schema.content_schema.map(|id| (entry, id)));
            }
            "items" => match &value.kind {
                Kind::Sequence(_) => {
                    self.report().add(
                        Diagnostic::warning(
                            "old-keyword",
                            "a list of `items` is the older form of a tuple; it is taken as `prefixItems`",
                        )
                        .at_key(entry)
                        .help("write `prefixItems`"),
                    );
                    schema.prefix_items = self.list(entry);
                    schema.items = node.get("additionalItems").and_then(|rest| self.intern(rest));
                }
                _ => schema.items = self.intern(value),
            },
            "prefixItems" => schema.prefix_items = self.list(entry),
            "contains" => schema.contains = self.intern(value),
            "minContains" => schema.min_contains = self.count(entry),
            "maxContains" => schema.max_contains = self.count(entry),
            "minItems" => schema.min_items = self.count(entry),
            "maxItems" => schema.max_items = self.count(entry),
            "uniqueItems" => schema.unique_items = self.boolean(entry),
            "unevaluatedItems" => schema.unevaluated_items = self.intern(value),
            "properties" => self.properties(schema, entry),
            "required" => self.required(schema, entry),
            "additionalProperties" => schema.additional_properties = self.intern(value),
            "patternProperties" => {
                let members = self.map(entry).into_iter();
                schema.pattern_properties =
                    members.filter_map(|(pattern, id)| Some((self.pattern(pattern, value)?, id))).collect();
            }
            "propertyNames" => schema.property_names = self.intern(value),
            "minProperties" => schema.min_properties = self.count(entry),
            "maxProperties" => schema.max_properties = self.count(entry),
            "dependentRequired" => {
                let members = value.entries().iter();
                schema.dependent_required =
                    members.map(|member| (member.key.clone(), strings(&member.value))).collect();
            }
            "dependentSchemas" => schema.dependent_schemas = self.map(entry),
            "unevaluatedProperties" => schema.unevaluated_properties = self.intern(value),
            "allOf" => schema.all_of.extend(self.list(entry)),
            "anyOf" => schema.any_of = self.list(entry),
            "oneOf" => schema.one_of = self.list(entry),
            "not" => schema.not = self.intern(value),
            "if" => schema.if_ = self.intern(value),
            "then" => schema.then_ = self.intern(value),
            "else" => schema.else_ = self.intern(value),
            "discriminator" => self.discriminator(schema, value),
            "readOnly" => schema.read_only = self.boolean(entry),
            "writeOnly" => schema.write_only = self.boolean(entry),
            "default" => schema.default = Some(value),
            "$recursiveRef" | "$recursiveAnchor" | "$dynamicRef" | "$dynamicAnchor" => {
                self.report().add(
                    Diagnostic::warning("unsupported-keyword", format!("`{}` is not checked", entry.key))
                        .at_key(entry)
                        .help("values that only this keyword forbids are accepted"),
                );
            }
            "$schema" => self.dialect(entry),
            "dependencies" => self.dependencies(schema, entry),
            "additionalItems" if node.get("items").is_some_and(|items| matches!(items.kind, Kind::Sequence(_))) => {}
            key if ANNOTATIONS.contains(&key) => {}
            _ => self.unknown(entry),
        }
    }

    fn types(&self, schema: &mut Schema<'a>, value: &'a Node) {
        let names: Vec<&Node> = match &value.kind {
            Kind::Sequence(items) => items.iter().collect(),
            _ => vec![value],
        };
        for name in names {
            let ty = match (&name.kind, name.as_str()) {
                (_, Some("null")) | (Kind::Null, _) => JsonType::Null,
                (_, Some("boolean")) => JsonType::Boolean,
                (_, Some("integer")) => JsonType::Integer,
                (_, Some("number")) => JsonType::Number,
                (_, Some("string")) => JsonType::String,
                (_, Some("array")) => JsonType::Array,
                (_, Some("object")) => JsonType::Object,
                (_, other) => {
                    let shown = other.map_or_else(|| name.describe().to_owned(), |other| format!("`{other}`"));
                    let mut diagnostic = Diagnostic::error("invalid-type", format!("{shown} is not a type")).at(name);
                    diagnostic = match other {
                        Some("file") => diagnostic.help("write `type: string` and `format: binary`"),
                        Some("any") => diagnostic.help("leave `type` out"),
                        _ => diagnostic.help("types are null, boolean, integer, number, string, array and object"),
                    };
                    self.report().add(diagnostic);
                    continue;
                }
            };
            if !schema.types.contains(&ty) {
                schema.types.push(ty);
            }
        }
    }

    /// `enum` without repetitions.
    fn members(&self, value: &'a Node) -> Vec<Literal> {
        let mut members: Vec<Literal> = Vec::new();
        let mut seen = HashSet::new();
        for item in value.items() {
            let literal = item.literal();
            // Floats have no hash; their text does.
            if seen.insert(format!("{literal:?}")) {
                members.push(literal);
            } else {
                self.report()
                    .add(Diagnostic::warning("repeated-enum-value", "this value stands in the list already").at(item));
            }
        }
        members
    }

    fn properties(&mut self, schema: &mut Schema<'a>, entry: &'a Entry) {
        if !entry.value.is_mapping() {
            self.wrong(entry, "a mapping");
            return;
        }
        for member in entry.value.entries() {
            let Some(id) = self.intern(&member.value) else { continue };
            schema.properties.push(Property {
                name: member.key.clone(),
                schema: id,
                docs: docs(&member.value),
                default: member.value.get("default"),
                rust_name: text(&member.value, "x-rust-name"),
            });
        }
    }

    fn required(&self, schema: &mut Schema<'a>, entry: &'a Entry) {
        match &entry.value.kind {
            Kind::Sequence(items) => {
                for item in items {
                    match item.as_str() {
                        Some(name) if !schema.required.iter().any(|known| known == name) => {
                            schema.required.push(name.to_owned());
                        }
                        Some(_) => {}
                        None => {
                            self.report()
                                .add(Diagnostic::warning("ignored-keyword", "`required` lists names").at(item));
                        }
                    }
                }
            }
            Kind::Boolean(_) => self.report().add(
                Diagnostic::warning(
                    "ignored-keyword",
                    "`required` of a property says nothing: it belongs to the object, as a list of names",
                )
                .at_key(entry)
                .help("list the property in `required` of the schema that has it"),
            ),
            Kind::Null => {}
            _ => self.wrong(entry, "a list of names"),
        }
    }

    fn discriminator(&mut self, schema: &mut Schema<'a>, value: &'a Node) {
        // A bare string is the discriminator of Swagger 2.0.
        let Some(property) = text(value, "propertyName").or_else(|| value.as_str().map(str::to_owned)) else {
            self.report()
                .add(Diagnostic::error("invalid-discriminator", "a discriminator needs `propertyName`").at(value));
            return;
        };
        let mut mapping = Vec::new();
        for member in value.get("mapping").map(Node::entries).unwrap_or_default() {
            let Some(reference) = member.value.as_str() else {
                self.wrong(member, "a reference");
                continue;
            };
            // "Schema names or URI references" (OpenAPI 3.1, "Discriminator Object"): a name that exists comes first.
            let by_name = reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            let place = &member.value;
            let found = match by_name.then(|| self.resolver.lookup(place, &format!("#/components/schemas/{reference}")))
            {
                Some(Ok(node)) => Ok(node),
                _ => self.resolver.lookup(place, reference),
            };
            match found.map(|node| self.resolver.follow(node)) {
                Ok(Some(target)) => {
                    let id = self.own(target.node);
                    mapping.push((member.key.clone(), id));
                }
                Ok(None) => {}
                Err(diagnostic) => self.report().add((*diagnostic).at(&member.value)),
            }
        }
        schema.discriminator = Some(Discriminator { property, mapping });
    }

    fn list(&mut self, entry: &'a Entry) -> Vec<SchemaId> {
        if !matches!(entry.value.kind, Kind::Sequence(_)) {
            self.wrong(entry, "a list of schemas");
        }
        entry.value.items().iter().filter_map(|item| self.intern(item)).collect()
    }

    fn map(&mut self, entry: &'a Entry) -> Vec<(String, SchemaId)> {
        if !entry.value.is_mapping() {
            self.wrong(entry, "a mapping");
        }
        entry
            .value
            .entries()
            .iter()
            .filter_map(|member| Some((member.key.clone(), self.intern(&member.value)?)))
            .collect()
    }
}

/// Whether what stands beside a `$ref` changes what it means or how it is typed.
fn has_siblings(node: &Node, is_2020: bool) -> bool {
    is_2020
        && node
            .entries()
            .iter()
            .any(|entry| !MEANINGLESS_SIBLINGS.contains(&entry.key.as_str()) && !entry.key.starts_with("x-"))
}

/// Prose of a schema.
pub(crate) fn docs(node: &Node) -> Docs {
    Docs {
        summary: text(node, "title").or_else(|| text(node, "summary")),
        description: text(node, "description"),
        deprecated: node.get("deprecated").and_then(Node::as_bool).unwrap_or(false),
    }
}

/// A member that is text.
pub(crate) fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::as_str).map(str::to_owned)
}

/// A list of texts.
pub(crate) fn strings(node: &Node) -> Vec<String> {
    node.items().iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn positive(number: Number) -> bool {
    match number {
        Number::Integer(value) => value > 0,
        Number::Float(value) => value > 0.0,
    }
}
