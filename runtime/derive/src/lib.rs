//! `#[derive(Deserialize)]` and `#[derive(Serialize)]` for generated types.
//!
//! They take serde's attributes and give serde's traits. Of what serde's own derives make, they leave out what a contract's
//! types have no use for (sequences and numbers in place of names, borrowed fields, generics), and what remains is a call
//! of `specwright-model` for each field. A contract has hundreds of such types, and the compiler checks a third of the code.
//!
//! Nor do they parse Rust: of a type they read the names of fields and variants, and what `serde` is told about them. A build
//! without optimisation runs them without, and a whole parser took a seventh of the time that the types of a large contract take.

use std::fmt::Write as _;

use proc_macro::TokenStream;

mod item;

use item::{Absent, Field, Item, Shape};

/// How an object becomes a struct, or a value a struct around it.
///
/// Fields take `#[serde(rename = "..")]`, `default`, `default = "path"`, `deserialize_with = "path"` and `flatten` (of a map,
/// for every other property); what [`macro@Serialize`] alone reads is ignored. A field without a default has to be there, an
/// `Option` too. Unknown properties are skipped where nothing takes them; a property that is there twice is an error.
#[proc_macro_derive(Deserialize, attributes(serde))]
pub fn deserialize(input: TokenStream) -> TokenStream {
    derived(input, reading)
}

/// How a struct becomes an object; a struct around a value becomes the value, and so does a variant of an enum.
///
/// Fields take `#[serde(rename = "..")]`, `skip_serializing_if = "path"` and `flatten` (of a map); what [`macro@Deserialize`] alone
/// reads is ignored. `#[serde(transparent)]` and `#[serde(untagged)]` say what is done anyway.
#[proc_macro_derive(Serialize, attributes(serde))]
pub fn serialize(input: TokenStream) -> TokenStream {
    derived(input, writing)
}

fn derived(input: TokenStream, print: fn(&Item) -> Result<String, String>) -> TokenStream {
    let text = Item::read(input).and_then(|item| print(&item));
    let text = text.unwrap_or_else(|error| format!("::core::compile_error!({error:?});"));
    text.parse().expect("what is printed has tokens")
}

fn reading(item: &Item) -> Result<String, String> {
    let name = &item.name;
    match &item.shape {
        Shape::Object(fields) => object(name, fields),
        Shape::Around => Ok(reads(name, &format!("{SERDE}::Deserialize::deserialize(deserializer).map(Self)"))),
        Shape::Union(_) => Err("only structs with named fields, and those around one value".to_owned()),
    }
}

fn object(name: &str, fields: &[Field]) -> Result<String, String> {
    let (rest, known): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.flatten);
    let (next, declared) = match rest.as_slice() {
        [] => ("object.next_index()", ""),
        [_] => ("object.next_index_or_rest(&mut rest)", "let mut rest = ::std::default::Default::default();"),
        _ => return Err("one field takes every other property".to_owned()),
    };
    let [mut wires, mut slots, mut arms, mut values] = [const { String::new() }; 4];
    // Those that have to be there: their indices, their slots, and what these must hold.
    let [mut required, mut needed, mut there] = [const { String::new() }; 3];
    for (index, field) in known.iter().enumerate() {
        let Field { name, wire, .. } = field;
        let _ = write!(wires, "{wire},");
        let _ =
            write!(slots, "let mut slot{index}: ::std::option::Option<{}> = ::std::option::Option::None;", field.ty);
        let _ = match &field.reads {
            None => write!(arms, "{index} => object.read({index}, &mut slot{index}),"),
            Some(path) => {
                let ty = &field.ty;
                write!(
                    arms,
                    "{index} => {{
                        struct Read({ty});
                        impl<'de> {SERDE}::Deserialize<'de> for Read {{
                            fn deserialize<D: {SERDE}::Deserializer<'de>>(
                                deserializer: D,
                            ) -> ::std::result::Result<Self, D::Error> {{
                                {path}(deserializer).map(Self)
                            }}
                        }}
                        object.read_as({index}, &mut slot{index}, |Read(value)| value)
                    }}"
                )
            }
        };
        let _ = match &field.absent {
            Absent::Error => {
                let _ = write!(required, "{index},");
                let _ = write!(needed, "slot{index},");
                let _ = write!(there, "::std::option::Option::Some(slot{index}),");
                write!(values, "{name}: slot{index},")
            }
            Absent::Default => write!(values, "{name}: slot{index}.unwrap_or_default(),"),
            Absent::Value(path) => write!(values, "{name}: slot{index}.unwrap_or_else({path}),"),
        };
    }
    if let [rest] = rest.as_slice() {
        let _ = write!(values, "{}: rest,", rest.name);
    }
    let complete = if required.is_empty() {
        String::new()
    } else {
        format!(
            "let ({there}) = ({needed}) else {{ return ::std::result::Result::Err(object.incomplete(&[{required}])); }};"
        )
    };
    let text = name.trim_start_matches("r#");
    let reads = reads(name, "::specwright_model::value::object(deserializer)");
    Ok(format!(
        "{reads}
        impl<'de> ::specwright_model::value::Object<'de> for {name} {{
            const NAME: &'static str = {text:?};
            const PROPERTIES: &'static [&'static str] = &[{wires}];

            fn read<A: {SERDE}::de::MapAccess<'de>>(
                mut object: ::specwright_model::value::Properties<'de, A>,
            ) -> ::std::result::Result<Self, A::Error> {{
                {slots}
                {declared}
                while let ::std::option::Option::Some(property) = {next} {{
                    match property {{
                        {arms}
                        _ => object.skip(),
                    }}
                }}
                {complete}
                object.done(Self {{ {values} }})
            }}
        }}"
    ))
}

fn reads(name: &str, body: &str) -> String {
    format!(
        "impl<'de> {SERDE}::Deserialize<'de> for {name} {{
            fn deserialize<D: {SERDE}::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {{
                {body}
            }}
        }}"
    )
}

fn writing(item: &Item) -> Result<String, String> {
    let name = &item.name;
    let mut body = String::new();
    match &item.shape {
        Shape::Object(fields) => {
            let object = if fields.is_empty() { "_" } else { "object" };
            let _ = write!(body, "::specwright_model::value::write(serializer, |{object}| {{");
            for Field { name, wire, flatten, skipped_if, .. } in fields {
                let _ = match (flatten, skipped_if) {
                    (true, _) => write!(body, "object.rest(&self.{name});"),
                    (false, None) => write!(body, "object.put({wire}, &self.{name});"),
                    (false, Some(path)) => {
                        write!(body, "object.put_unless({path}(&self.{name}), {wire}, &self.{name});")
                    }
                };
            }
            body.push_str("})");
        }
        Shape::Around => {
            let _ = write!(body, "{SERDE}::Serialize::serialize(&self.0, serializer)");
        }
        Shape::Union(variants) => {
            body.push_str("match self {");
            for variant in variants {
                let _ = write!(body, "Self::{variant}(value) => {SERDE}::Serialize::serialize(value, serializer),");
            }
            body.push('}');
        }
    }
    Ok(format!(
        "impl {SERDE}::Serialize for {name} {{
            fn serialize<S: {SERDE}::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {{
                {body}
            }}
        }}"
    ))
}

/// serde, by way of `specwright-model`: a crate of types need not depend on it.
const SERDE: &str = "::specwright_model::serde";
