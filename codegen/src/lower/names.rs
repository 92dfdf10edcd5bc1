//! Which schemas get a type of their own, and what it is called.
//!
//! Named are: components and files that are referred to, and inline objects, enums and unions. Components take their
//! names first, in the order of the contract; then schemas of shared responses, bodies and parameters take the
//! component's; then every inline schema is named from its place. One table holds all names, so a name that is taken
//! gets a number, in the order of the contract. `x-rust-name` wins over all of that.

use std::collections::{BTreeMap, HashMap, HashSet};

use openapiv3::{Content, ParameterSchemaOrContent};

use super::body::{self, Treatment};
use super::operation::Listed;
use super::shape::{Shape, Shapes};
use crate::document::Document;
use crate::document::schema::SchemaId;
use crate::ir::Literal;
use crate::naming::{self, Table};

/// Rust names by schema.
pub(crate) fn assign<'a>(
    document: &Document<'a>,
    operations: &[Listed<'_>],
    shapes: &mut Shapes<'a>,
) -> BTreeMap<SchemaId, String> {
    let mut namer =
        Namer { document, shapes, table: Table::default(), names: BTreeMap::new(), visited: HashSet::new() };
    for (name, id) in &document.components {
        namer.claim(*id, name);
    }
    for index in 0..namer.shapes.arena.len() {
        let id = SchemaId(index);
        if let Some(name) = namer.shapes.schema(id).component.clone()
            && !namer.names.contains_key(&id)
        {
            namer.claim(id, &name);
        }
    }
    for (name, id) in &document.components {
        namer.visit(*id, name);
    }
    for (id, name) in &document.shared {
        namer.visit(*id, &naming::type_part(name));
    }
    for operation in operations {
        namer.operation(operation);
    }
    for index in 0..namer.shapes.arena.len() {
        let id = SchemaId(index);
        if namer.names.contains_key(&id) {
            namer.visit(id, "");
        }
    }
    namer.names
}

/// Statics by schema: the names in capitals, unique among themselves.
pub(crate) fn statics(names: &BTreeMap<SchemaId, String>) -> HashMap<SchemaId, String> {
    let mut table = Table::default();
    // In the order of Rust names, which does not depend on how schemas are numbered.
    let mut ordered: Vec<(&String, &SchemaId)> = names.iter().map(|(id, name)| (name, id)).collect();
    ordered.sort();
    ordered.into_iter().map(|(name, id)| (*id, table.claim(&naming::constant(name), "_"))).collect()
}

struct Namer<'n, 'a> {
    document: &'n Document<'a>,
    shapes: &'n mut Shapes<'a>,
    table: Table,
    names: BTreeMap<SchemaId, String>,
    visited: HashSet<SchemaId>,
}

impl Namer<'_, '_> {
    fn claim(&mut self, id: SchemaId, wanted: &str) -> String {
        let schema = self.shapes.schema(id);
        let wanted = &schema.rust_name.clone().unwrap_or_else(|| wanted.to_owned());
        let plain = naming::type_name(wanted);
        let name = self.table.claim(&plain, "");
        if name != plain && schema.component.is_some() {
            self.shapes.collides(id, wanted, &plain, &name);
        }
        self.names.insert(id, name.clone());
        name
    }

    /// Names a schema, if it needs a name, and whatever is inline in it.
    fn visit(&mut self, id: SchemaId, hint: &str) {
        if !self.visited.insert(id) {
            return;
        }
        let shape = self.shapes.shape(id);
        let base = match self.names.get(&id) {
            Some(name) => name.clone(),
            None if needs_name(&shape, self.shapes.schema(id).referenced) => self.claim(id, hint),
            None => hint.to_owned(),
        };
        match &*shape {
            Shape::Struct(object) => {
                for field in &object.fields {
                    let name = self.shapes.property(field).name.clone();
                    self.visit(field.schema, &format!("{base}{}", naming::type_part(&name)));
                }
                if let Some(Some(value)) = object.additional {
                    self.visit(value, &format!("{base}Value"));
                }
            }
            Shape::Array(Some(item)) => self.visit(*item, &naming::item(&base)),
            Shape::Map(Some(value)) => self.visit(*value, &format!("{base}Value")),
            Shape::Tuple(tuple) => {
                for (index, element) in tuple.required.iter().chain(&tuple.optional).enumerate() {
                    self.visit(*element, &format!("{base}Element{}", index + 1));
                }
                if let Some(Some(rest)) = tuple.rest {
                    self.visit(rest, &naming::item(&base));
                }
            }
            Shape::Union(union) => {
                for (index, (member, original)) in union.members.iter().zip(&union.originals).enumerate() {
                    let part = self
                        .member_part(union.tagged, *member, *original)
                        .unwrap_or_else(|| format!("Variant{}", index + 1));
                    self.visit(*member, &format!("{base}{part}"));
                }
            }
            Shape::Same(target) => self.visit(*target, &base),
            Shape::Json
            | Shape::Scalar(_)
            | Shape::Array(None)
            | Shape::Map(None)
            | Shape::StringEnum(_)
            | Shape::IntegerEnum(_) => {}
        }
    }

    /// What tells an inline member of a union: its title, the value of its discriminator, or the component it extends.
    fn member_part(&mut self, tagged: Option<SchemaId>, member: SchemaId, original: SchemaId) -> Option<String> {
        let schema = self.shapes.schema(original);
        if let Some(title) = schema.component.as_ref().or(schema.title.as_ref()) {
            let words = naming::type_part(title);
            return (!words.is_empty() && words.len() < 50).then_some(words);
        }
        let property =
            tagged.and_then(|tagged| self.shapes.schema(tagged).discriminator.as_ref().map(|tag| tag.property.clone()));
        let Shape::Struct(object) = &*self.shapes.final_shape(member) else { return None };
        let single = object.fields.iter().find_map(|field| {
            let declared = self.shapes.property(field);
            if property.as_ref().is_some_and(|property| *property != declared.name) {
                return None;
            }
            match self.shapes.schema(field.schema).enumeration.as_deref() {
                Some([Literal::String(value)]) => Some(value.clone()),
                _ => None,
            }
        });
        single.map(|value| naming::type_part(&value))
    }

    fn operation(&mut self, listed: &Listed<'_>) {
        let prefix = &listed.type_prefix;
        for parameter in listed.parameters() {
            let data = parameter.parameter_data_ref();
            let hint = format!("{prefix}{}", naming::type_part(&data.name));
            self.parameter(&data.format, &hint);
        }
        if let Some(body) = listed.request_body() {
            let several = body.content.len() > 1;
            self.content(&body.content, true, |media| {
                if several {
                    format!("{prefix}{}RequestBody", body::variant(media))
                } else {
                    format!("{prefix}RequestBody")
                }
            });
        }
        for (status, response) in listed.responses() {
            let variant = super::operation::variant(status);
            let is_main = listed.main_status() == Some(status);
            let several = response.content.len() > 1;
            self.content(&response.content, false, |media| {
                let status = if is_main { String::new() } else { variant.clone() };
                let media = if several { body::variant(media) } else { String::new() };
                format!("{prefix}{status}{media}Response")
            });
            for (name, header) in &response.headers {
                if let Some(header) = header.as_item() {
                    self.parameter(&header.format, &format!("{prefix}{variant}{}", naming::type_part(name)));
                }
            }
        }
    }

    fn parameter(&mut self, format: &ParameterSchemaOrContent, hint: &str) {
        let schema = match format {
            ParameterSchemaOrContent::Schema(schema) => Some(schema),
            ParameterSchemaOrContent::Content(content) => content.first().and_then(|(_, media)| media.schema.as_ref()),
        };
        if let Some(id) = schema.and_then(|schema| self.document.schema_of(schema)) {
            self.visit(id, hint);
        }
    }

    fn content(&mut self, content: &Content, is_request: bool, hint: impl Fn(&str) -> String) {
        for (name, media) in content {
            if let Treatment::Sequence(framing) = body::treatment(name) {
                if let Some(id) = body::item(self.document, self.shapes, framing, media).id {
                    self.visit(id, &naming::item(&hint(name)));
                }
                continue;
            }
            let Some(id) = media.schema.as_ref().and_then(|schema| self.document.schema_of(schema)) else { continue };
            match body::treatment(name) {
                Treatment::Json | Treatment::Form => self.visit(id, &hint(name)),
                // The form is a struct of the server's own; only what its parts hold needs names.
                Treatment::Multipart if is_request => {
                    if let Shape::Struct(object) = &*self.shapes.final_shape(id) {
                        for field in &object.fields {
                            let part = naming::type_part(&self.shapes.property(field).name);
                            self.visit(field.schema, &format!("{}{part}", hint(name)));
                        }
                        if let Some(Some(value)) = object.additional {
                            self.visit(value, &format!("{}Value", hint(name)));
                        }
                    }
                }
                Treatment::Multipart | Treatment::Sequence(_) | Treatment::Text | Treatment::Binary => {}
            }
        }
    }
}

/// Whether a shape cannot be written without a name.
fn needs_name(shape: &Shape, referenced: bool) -> bool {
    match shape {
        Shape::Struct(_) | Shape::StringEnum(_) | Shape::IntegerEnum(_) | Shape::Union(_) => true,
        // A place that is referred to may contain itself.
        Shape::Array(_) | Shape::Map(_) | Shape::Tuple(_) => referenced,
        Shape::Json | Shape::Scalar(_) | Shape::Same(_) => false,
    }
}
