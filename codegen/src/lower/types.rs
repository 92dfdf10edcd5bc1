//! Definitions of named types, and references to types.

use std::collections::HashMap;

use super::Lowerer;
use super::default;
use super::shape::{FieldShape, Shape, StructShape, UnionShape};
use crate::diagnostic::Diagnostic;
use crate::document::schema::SchemaId;
use crate::ir::{
    Docs, Field, JsonType, Literal, Name, Number, Presence, Struct, Tagging, Tuple, Type, TypeDef, TypeKind, Union,
    UnionVariant, Variant,
};
use crate::naming::{self, Table};

/// Characters up to which the title of a constant is a name.
const LONGEST_TITLE: usize = 40;

impl<'a> Lowerer<'_, 'a> {
    /// Definitions of all named types.
    pub(super) fn types(&mut self, modules: &HashMap<SchemaId, String>) -> Vec<TypeDef> {
        let names: Vec<(SchemaId, String)> = self.names.iter().map(|(id, name)| (*id, name.clone())).collect();
        names
            .into_iter()
            .map(|(id, rust)| {
                let shape = self.shapes.shape(id);
                let kind = self.kind(id, &shape);
                let mut schema = self.schema(id);
                // A struct is an object even where the contract forgot to say so.
                if schema.types.is_empty()
                    && schema.reference.is_none()
                    && matches!(kind, TypeKind::Struct(_))
                    && schema.all_of.is_empty()
                {
                    schema.types = vec![JsonType::Object];
                    if self.shapes.is_nullable(id) {
                        schema.types.push(JsonType::Null);
                    }
                }
                let source = self.shapes.schema(id);
                TypeDef {
                    name: Name { wire: source.component.clone().unwrap_or_else(|| rust.clone()), rust },
                    schema_static: self.statics[&id].clone(),
                    module: modules.get(&id).cloned().unwrap_or_else(|| "common".into()),
                    docs: source.docs.clone(),
                    kind,
                    schema,
                }
            })
            .collect()
    }

    fn kind(&mut self, id: SchemaId, shape: &Shape) -> TypeKind {
        match shape {
            Shape::Struct(object) => TypeKind::Struct(self.structure(id, object)),
            Shape::StringEnum(values) => TypeKind::StringEnum(self.variants(id, values, |value| value.clone())),
            Shape::IntegerEnum(values) => TypeKind::IntegerEnum(self.variants(id, values, i64::to_string)),
            Shape::Union(union) => TypeKind::Union(self.union(id, union)),
            other => TypeKind::Alias(self.unnamed(other)),
        }
    }

    fn structure(&mut self, id: SchemaId, object: &StructShape) -> Struct {
        let mut table = Table::default();
        if object.additional.is_some() {
            table.claim("additional_properties", "_");
        }
        let fields = object.fields.iter().map(|field| self.field(id, field, &mut table)).collect();
        let additional = object.additional.map(|value| value.map_or(Type::Json, |value| self.value_type(value)));
        Struct { fields, additional }
    }

    fn field(&mut self, holder: SchemaId, field: &FieldShape, table: &mut Table) -> Field {
        let property = self.shapes.property(field).clone();
        let plain = naming::field(property.rust_name.as_deref().unwrap_or(&property.name));
        let claimed = table.claim(&plain, "_");
        if claimed != plain {
            self.shapes.collides(field.schema, &property.name, &plain, &claimed);
        }
        let rust = naming::raw(&claimed);
        let nullable = self.shapes.is_nullable(field.schema);
        let ty = self.ty(field.schema);
        let nullable = nullable && !matches!(ty, Type::Json | Type::Null);
        // A request leaves readOnly members out and a response writeOnly ones, whatever `required` says.
        let may_lack = field.read_only && self.in_requests.contains(&holder)
            || field.write_only && self.in_responses.contains(&holder);
        let required = field.required && !may_lack;
        let fallback = property.default.or_else(|| self.default_of(field.schema)).filter(|_| !required && !may_lack);
        let fallback = fallback.and_then(|node| self.default(node, field.schema));
        let schema = self.shapes.schema(field.schema);
        let docs = if property.docs.description.is_some() || property.docs.summary.is_some() {
            property.docs
        } else {
            Docs { deprecated: property.docs.deprecated, ..schema.docs.clone() }
        };
        let presence = match (required, nullable, fallback) {
            (true, false, _) => Presence::Required,
            (true, true, _) => Presence::RequiredNullable,
            (false, _, Some(value)) => Presence::Default(value),
            (false, true, None) => Presence::OptionalNullable,
            (false, false, None) => Presence::Optional,
        };
        let ty = match presence {
            Presence::Default(_) if nullable => Type::Nullable(Box::new(ty)),
            _ => ty,
        };
        Field { name: Name { rust, wire: property.name }, docs, ty, presence }
    }

    /// `default` of a schema, or of what it is another name for.
    fn default_of(&mut self, id: SchemaId) -> Option<&'a crate::source::Node> {
        let mut id = id;
        for _ in 0..64 {
            if let Some(default) = self.shapes.schema(id).default {
                return Some(default);
            }
            let Shape::Same(next) = *self.shapes.shape(id) else { break };
            id = next;
        }
        None
    }

    /// The default that a value in the contract is, if it fits the schema; one that does not is reported.
    pub(super) fn default(&mut self, node: &crate::source::Node, schema: SchemaId) -> Option<Literal> {
        let literal = node.literal();
        if literal == Literal::Null {
            return None;
        }
        if default::fits(&mut self.shapes, &literal, schema, 0) {
            return Some(literal);
        }
        self.report.add(
            Diagnostic::warning("default-does-not-fit", "this default breaks its own schema and is left out")
                .at(node)
                .help("change the default, or the schema"),
        );
        None
    }

    fn variants<T: Clone>(&self, id: SchemaId, values: &[T], text: impl Fn(&T) -> String) -> Vec<Variant<T>> {
        let schema = self.shapes.schema(id);
        let mut table = Table::default();
        let named = schema.enum_names.len() >= values.len();
        let mut first_collision: Option<(String, String, String)> = None;
        // `oneOf` of constants: each has prose of its own.
        let members = schema.alternatives().iter().map(|member| self.shapes.schema(*member));
        let prose: HashMap<String, (Docs, Option<String>)> = members
            .filter_map(|member| match member.enumeration.as_deref() {
                Some([Literal::String(value)]) => Some((value.clone(), (member.docs.clone(), None))),
                // A number is no name, and its title may be one.
                Some([Literal::Number(Number::Integer(value))]) => {
                    let title = member.title.clone().filter(|title| title.chars().count() <= LONGEST_TITLE);
                    Some((value.to_string(), (member.docs.clone(), title)))
                }
                _ => None,
            })
            .collect();
        let variants = values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let (docs, title) = prose.get(&text(value)).cloned().unwrap_or_default();
                let word = if named { schema.enum_names[index].clone() } else { title.unwrap_or_else(|| text(value)) };
                let rust = naming::variant(&word);
                let claimed = table.claim(&rust, "");
                if claimed != rust && first_collision.is_none() {
                    first_collision = Some((word, rust, claimed.clone()));
                }
                Variant { rust: claimed, value: value.clone(), docs }
            })
            .collect();
        if let (Some((word, plain, claimed)), Some(node)) = (first_collision, schema.node) {
            let message = format!("`{word}` would be `{plain}`, as another value is already; it is `{claimed}`");
            let place = node.get("enum").unwrap_or(node);
            let help = "`x-enum-varnames` beside `enum` gives the values names of their own";
            self.report.add(Diagnostic::warning("name-collision", message).at(place).help(help));
        }
        variants
    }

    fn union(&mut self, id: SchemaId, union: &UnionShape) -> Union {
        let prefix = self.names.get(&id).cloned().unwrap_or_default();
        let discriminator = union.tagged.and_then(|tagged| self.shapes.schema(tagged).discriminator.clone());
        let mut table = Table::default();
        let mut variants = Vec::new();
        let mut declared = true;
        for (member, original) in union.members.iter().zip(&union.originals) {
            let ty = self.ty(*member);
            let mut tags = Vec::new();
            if let Some(discriminator) = &discriminator {
                tags = self.tags_of(*original, *member, discriminator);
                declared &= self.declares(*member, &discriminator.property, 0);
            }
            // An inline member's type is named after the union, which its variant need not repeat.
            let is_inline = self.shapes.schema(*member).component.is_none();
            let own = |name: String| match name.strip_prefix(&prefix) {
                Some(part) if is_inline && part.starts_with(|first: char| first.is_ascii_uppercase()) => {
                    part.to_owned()
                }
                _ => name,
            };
            let word = variant_name(&ty)
                .map(own)
                .or_else(|| self.shapes.schema(*original).title.clone())
                .unwrap_or_else(|| format!("Variant{}", variants.len() + 1));
            let rust = table.claim(&naming::variant(&word), "");
            let schema = self.schema_ref(*member);
            let docs = self.shapes.schema(*original).docs.clone();
            variants.push(UnionVariant { rust, ty, tags, schema, docs });
        }
        // A value that two members claim selects the first; one that no member claims selects none.
        let mut seen = std::collections::HashSet::new();
        for variant in &mut variants {
            variant.tags.retain(|tag| seen.insert(tag.clone()));
        }
        let all_tagged = variants.iter().all(|variant| !variant.tags.is_empty());
        let tag = discriminator
            .filter(|_| all_tagged)
            .map(|discriminator| Tagging { property: discriminator.property, declared });
        if tag.is_none() {
            variants.iter_mut().for_each(|variant| variant.tags.clear());
        }
        Union { variants, tag }
    }

    /// Values of the discriminator that select a member: those of the mapping, else those that the member's property
    /// allows, else the name of the component ("Discriminator Object": the implicit mapping).
    pub(super) fn tags_of(
        &mut self,
        original: SchemaId,
        member: SchemaId,
        discriminator: &crate::document::schema::Discriminator,
    ) -> Vec<String> {
        let mapped: Vec<String> = discriminator
            .mapping
            .iter()
            .filter(|(_, target)| *target == original)
            .map(|(value, _)| value.clone())
            .collect();
        if !mapped.is_empty() {
            return mapped;
        }
        let shape = self.shapes.final_shape(member);
        match &*shape {
            Shape::Struct(object) => {
                for field in &object.fields {
                    if self.shapes.property(field).name == discriminator.property
                        && let Shape::StringEnum(values) = &*self.shapes.final_shape(field.schema)
                    {
                        return values.clone();
                    }
                }
            }
            Shape::Union(union) => {
                let members: Vec<(SchemaId, SchemaId)> =
                    union.members.iter().copied().zip(union.originals.iter().copied()).collect();
                let inner = union
                    .tagged
                    .and_then(|tagged| self.shapes.schema(tagged).discriminator.clone())
                    .unwrap_or_else(|| discriminator.clone());
                if inner.property == discriminator.property && members.iter().all(|(member, _)| *member != original) {
                    return members
                        .into_iter()
                        .flat_map(|(member, original)| self.tags_of(original, member, &inner))
                        .collect();
                }
            }
            _ => {}
        }
        self.shapes.schema(original).component.iter().cloned().collect()
    }

    /// Whether every value of a schema has the property by itself: it is declared and required.
    fn declares(&mut self, id: SchemaId, property: &str, depth: usize) -> bool {
        match &*self.shapes.final_shape(id) {
            Shape::Struct(object) => {
                object.fields.iter().any(|field| field.required && self.shapes.property(field).name == property)
            }
            Shape::Union(union) if depth < 8 => {
                union.members.iter().all(|member| self.declares(*member, property, depth + 1))
            }
            _ => false,
        }
    }

    /// The type of a schema's values but `null`.
    pub(super) fn ty(&mut self, id: SchemaId) -> Type {
        if let Some(name) = self.names.get(&id) {
            return Type::Named(name.clone());
        }
        let shape = self.shapes.shape(id);
        if matches!(*shape, Shape::Struct(_) | Shape::StringEnum(_) | Shape::IntegerEnum(_) | Shape::Union(_)) {
            self.shapes.degraded(id, "degraded-unnamed", "this schema stands where no type was named");
        }
        self.unnamed(&shape)
    }

    /// The type of a schema's values.
    pub(super) fn value_type(&mut self, id: SchemaId) -> Type {
        let ty = self.ty(id);
        if self.shapes.is_nullable(id) && !matches!(ty, Type::Json | Type::Null) {
            Type::Nullable(Box::new(ty))
        } else {
            ty
        }
    }

    fn unnamed(&mut self, shape: &Shape) -> Type {
        match shape {
            Shape::Scalar(ty) => ty.clone(),
            Shape::Array(item) => Type::Array(Box::new(item.map_or(Type::Json, |item| self.value_type(item)))),
            Shape::Map(value) => Type::Map(Box::new(value.map_or(Type::Json, |value| self.value_type(value)))),
            Shape::Tuple(tuple) => {
                let types =
                    |lowerer: &mut Self, ids: &[SchemaId]| ids.iter().map(|id| lowerer.value_type(*id)).collect();
                let required = types(self, &tuple.required);
                let optional = types(self, &tuple.optional);
                let rest = tuple.rest.map(|rest| rest.map_or(Type::Json, |rest| self.value_type(rest)));
                Type::Tuple(Box::new(Tuple { required, optional, rest }))
            }
            Shape::Same(target) => self.ty(*target),
            // Everything else has a name; what has none after all is untyped.
            Shape::Json | Shape::Struct(_) | Shape::StringEnum(_) | Shape::IntegerEnum(_) | Shape::Union(_) => {
                Type::Json
            }
        }
    }
}

/// The name of a variant by what it holds.
fn variant_name(ty: &Type) -> Option<String> {
    Some(match ty {
        Type::Named(name) => name.clone(),
        Type::String => "String".into(),
        Type::Boolean => "Boolean".into(),
        Type::I32 | Type::I64 | Type::U64 => "Integer".into(),
        Type::F64 => "Number".into(),
        Type::Uuid => "Uuid".into(),
        Type::Date => "Date".into(),
        Type::DateTime => "DateTime".into(),
        Type::Ipv4 => "Ipv4".into(),
        Type::Ipv6 => "Ipv6".into(),
        Type::Base64 => "Bytes".into(),
        Type::Decimal => "Decimal".into(),
        Type::Duration => "Duration".into(),
        Type::Time => "Time".into(),
        Type::Tuple(_) => "Tuple".into(),
        Type::Json => "Any".into(),
        Type::Null => "Null".into(),
        Type::Array(item) => format!("{}List", variant_name(item)?),
        Type::Map(_) => "Map".into(),
        Type::Nullable(inner) | Type::Boxed(inner) => variant_name(inner)?,
    })
}
