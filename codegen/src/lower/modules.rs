//! Which file a type stands in: that of the tag that alone uses it, else `common`; and no file larger than a person opens.
//!
//! A module that would grow too long is parted by the first letter of its types, and a part that is still too long by the
//! first word, then by two and three. So a new type changes the file of its name and no other.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToSnakeCase as _;

use crate::ir::{Docs, Schema, SchemaRef, TypeDef, TypeKind};

/// Lines that a file may have, as they are estimated here.
const MOST: usize = 1_500;

/// Parts modules that are too long; `taken` are names of modules that mean something else.
pub(super) fn part(types: &mut [TypeDef], taken: &BTreeSet<String>) {
    let mut modules: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, def) in types.iter().enumerate() {
        modules.entry(def.module.clone()).or_default().push(index);
    }
    for (module, members) in modules {
        for (key, members) in parts(types, members, 0) {
            for member in members.into_iter().filter(|_| !key.is_empty()) {
                let mut name = format!("{module}_{key}");
                while taken.contains(&name) {
                    name.push_str("_types");
                }
                types[member].module = name;
            }
        }
    }
}

/// The parts of a module, each with what the names in it begin with: nothing, a letter, or some words.
fn parts(types: &[TypeDef], members: Vec<usize>, level: usize) -> Vec<(String, Vec<usize>)> {
    let sum = |lines: fn(&TypeDef) -> usize| members.iter().map(|member| lines(&types[*member])).sum::<usize>();
    let is_short = sum(type_lines) <= MOST && sum(|def| schema_lines(&def.schema)) <= MOST;
    let own = || members.first().map(|first| key(&types[*first].name.rust, level)).unwrap_or_default();
    if is_short || members.len() == 1 || level > 3 {
        return vec![(own(), members)];
    }
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for member in &members {
        groups.entry(key(&types[*member].name.rust, level + 1)).or_default().push(*member);
    }
    groups.into_values().flat_map(|group| parts(types, group, level + 1)).collect()
}

/// What a name begins with.
fn key(name: &str, level: usize) -> String {
    let name = name.trim_start_matches("r#").to_snake_case();
    match level {
        0 => String::new(),
        1 => name.chars().take(1).collect(),
        words => name.split('_').take(words - 1).collect::<Vec<_>>().join("_"),
    }
}

/// Lines that a type takes, about.
fn type_lines(def: &TypeDef) -> usize {
    let own = match &def.kind {
        TypeKind::Struct(object) => object.fields.iter().map(|field| 2 + docs_lines(&field.docs)).sum::<usize>() + 6,
        TypeKind::StringEnum(variants) => {
            variants.iter().map(|variant| 1 + docs_lines(&variant.docs)).sum::<usize>() + 5
        }
        TypeKind::IntegerEnum(variants) => {
            variants.iter().map(|variant| 1 + docs_lines(&variant.docs)).sum::<usize>() + 5
        }
        TypeKind::Union(union) => {
            union.variants.iter().map(|variant| 9 + docs_lines(&variant.docs)).sum::<usize>() + 22
        }
        TypeKind::Alias(_) | TypeKind::Newtype(_) => 4,
    };
    own + docs_lines(&def.docs)
}

/// Lines of prose at the width of rustfmt.
fn docs_lines(docs: &Docs) -> usize {
    let texts = docs.summary.iter().chain(&docs.description);
    1 + texts.map(|text| text.lines().map(|line| 1 + line.len() / 115).sum::<usize>() + 1).sum::<usize>()
}

/// Lines that a schema takes, about.
fn schema_lines(schema: &Schema) -> usize {
    let inner = |schema: &SchemaRef| match schema {
        SchemaRef::Named(_) => 1,
        SchemaRef::Inline(inner) => schema_lines(inner),
    };
    let members = schema.properties.iter().map(|(_, schema)| inner(schema)).sum::<usize>();
    let parts = schema.all_of.iter().chain(&schema.any_of).chain(&schema.one_of).chain(&schema.items);
    let words = schema.enumeration.as_ref().map_or(0, |members| members.len() / 3);
    1 + members + parts.map(inner).sum::<usize>() + words + usize::from(!schema.properties.is_empty()) * 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Field, Name, Presence, Struct, Type};

    fn def(name: &str, fields: usize) -> TypeDef {
        let field = Field {
            name: Name { rust: "f".into(), wire: "f".into() },
            docs: Docs::default(),
            ty: Type::String,
            presence: Presence::Required,
        };
        TypeDef {
            name: Name { rust: name.into(), wire: name.into() },
            schema_static: String::new(),
            module: "common".into(),
            docs: Docs::default(),
            kind: TypeKind::Struct(Struct { fields: vec![field; fields], additional: None }),
            schema: Schema::default(),
        }
    }

    #[test]
    fn a_module_that_is_too_long_is_parted_by_names() {
        let names = ["Account", "PaymentCard", "PaymentLink", "Plan", "Pot"];
        let mut types: Vec<TypeDef> = names.iter().map(|name| def(name, 190)).collect();
        part(&mut types, &BTreeSet::from(["common_plan".to_owned()]));
        let modules: Vec<&str> = types.iter().map(|def| def.module.as_str()).collect();
        assert_eq!(modules, ["common_a", "common_payment", "common_payment", "common_plan_types", "common_pot"]);
    }

    #[test]
    fn a_module_that_is_short_stays_whole() {
        let mut types = [def("Account", 3), def("Plan", 4)];
        part(&mut types, &BTreeSet::new());
        assert!(types.iter().all(|def| def.module == "common"));
    }
}
