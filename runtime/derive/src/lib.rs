//! `#[derive(Deserialize)]` for the structs of generated types.
//!
//! It takes serde's attributes and gives serde's trait. Of what serde's own derive makes, it leaves out what a contract's
//! types have no use for (sequences and numbers in place of names, borrowed fields, generics), and what remains is a call
//! of the runtime for each field. A contract has hundreds of such types, and the compiler checks a third of the code.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, format_ident, quote};
use syn::{
    Data, DataStruct, DeriveInput, Error, ExprPath, Field, Fields, Ident, LitStr, Result, Type, ext::IdentExt as _,
    parse_macro_input, spanned::Spanned as _,
};

/// How an object becomes a struct, or a value a struct around it.
///
/// Fields take `#[serde(rename = "..")]`, `default`, `default = "path"`, `deserialize_with = "path"` and `flatten` (of a map,
/// for every other property); what serde's `Serialize` alone reads is ignored. A field without a default has to be there, an
/// `Option` too. Unknown properties are skipped where nothing takes them; a property that is there twice is an error.
#[proc_macro_derive(Deserialize, attributes(serde))]
pub fn deserialize(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expanded(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expanded(input: &DeriveInput) -> Result<Tokens> {
    if !input.generics.params.is_empty() {
        return Err(Error::new(input.generics.span(), "generated types have no parameters"));
    }
    let name = &input.ident;
    match &input.data {
        Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) => {
            let fields = fields.named.iter().map(Property::read).collect::<Result<Vec<_>>>()?;
            object(name, &fields)
        }
        Data::Struct(DataStruct { fields: Fields::Unnamed(fields), .. }) if fields.unnamed.len() == 1 => {
            Ok(implemented(name, &quote!(#SERDE::Deserialize::deserialize(deserializer).map(Self))))
        }
        _ => Err(Error::new(name.span(), "only structs with named fields, and those around one value")),
    }
}

/// A field, as its attributes say.
struct Property<'a> {
    name: &'a Ident,
    ty: &'a Type,
    wire: String,
    absent: Absent,
    reads: Option<ExprPath>,
    flatten: bool,
}

/// What stands for a property that is not there.
enum Absent {
    Error,
    Default,
    Value(ExprPath),
}

impl<'a> Property<'a> {
    fn read(field: &'a Field) -> Result<Self> {
        let name = field.ident.as_ref().ok_or_else(|| Error::new(field.span(), "a field with a name"))?;
        let mut property = Self {
            name,
            ty: &field.ty,
            wire: name.unraw().to_string(),
            absent: Absent::Error,
            reads: None,
            flatten: false,
        };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                let text = || meta.value()?.parse::<LitStr>();
                if meta.path.is_ident("rename") {
                    property.wire = text()?.value();
                } else if meta.path.is_ident("deserialize_with") {
                    property.reads = Some(text()?.parse()?);
                } else if meta.path.is_ident("flatten") {
                    property.flatten = true;
                } else if meta.path.is_ident("default") {
                    let has_path = meta.input.peek(syn::Token![=]);
                    property.absent = if has_path { Absent::Value(text()?.parse()?) } else { Absent::Default };
                } else if meta.path.is_ident("skip_serializing_if") {
                    text()?;
                } else {
                    return Err(meta.error("not an attribute of generated types"));
                }
                Ok(())
            })?;
        }
        Ok(property)
    }
}

fn object(name: &Ident, properties: &[Property<'_>]) -> Result<Tokens> {
    let (rest, known): (Vec<_>, Vec<_>) = properties.iter().partition(|property| property.flatten);
    let next = match rest.as_slice() {
        [] => quote!(object.next_index()?),
        [_] => quote!(object.next_index_or_rest(&mut rest)?),
        [_, second, ..] => return Err(Error::new(second.name.span(), "one field takes every other property")),
    };
    let rest = rest.first().map(|property| property.name);
    let declared = rest.map(|_| quote!(let mut rest = ::std::default::Default::default();));
    let slots: Vec<Ident> = (0..known.len()).map(|index| format_ident!("slot{index}")).collect();
    let wires = known.iter().map(|property| property.wire.as_str());
    let arms = known.iter().zip(&slots).enumerate().map(|(index, (property, slot))| match &property.reads {
        None => quote!(#index => object.read(&mut #slot),),
        Some(path) => {
            let ty = property.ty;
            quote! {
                #index => {
                    struct Read(#ty);
                    impl<'de> #SERDE::Deserialize<'de> for Read {
                        fn deserialize<D: #SERDE::Deserializer<'de>>(
                            deserializer: D,
                        ) -> ::std::result::Result<Self, D::Error> {
                            #path(deserializer).map(Self)
                        }
                    }
                    object.read_as(&mut #slot, |Read(value)| value)
                }
            }
        }
    });
    let values = known.iter().zip(&slots).enumerate().map(|(index, (property, slot))| {
        let name = property.name;
        match &property.absent {
            Absent::Error => quote!(#name: object.required(#slot, #index)?,),
            Absent::Default => quote!(#name: #slot.unwrap_or_default(),),
            Absent::Value(path) => quote!(#name: #slot.unwrap_or_else(#path),),
        }
    });
    let rest = rest.map(|name| quote!(#name: rest,));
    let text = name.unraw().to_string();
    let implemented = implemented(name, &quote!(::specwright_runtime::value::object(deserializer)));
    Ok(quote! {
        #implemented

        impl<'de> ::specwright_runtime::value::Object<'de> for #name {
            const NAME: &'static str = #text;
            const PROPERTIES: &'static [&'static str] = &[#(#wires,)*];

            fn read<A: #SERDE::de::MapAccess<'de>>(
                mut object: ::specwright_runtime::value::Properties<A>,
            ) -> ::std::result::Result<Self, A::Error> {
                #(let mut #slots = ::std::option::Option::None;)*
                #declared
                while let ::std::option::Option::Some(property) = #next {
                    match property {
                        #(#arms)*
                        _ => object.skip(),
                    }?;
                }
                ::std::result::Result::Ok(Self { #(#values)* #rest })
            }
        }
    })
}

fn implemented(name: &Ident, body: &Tokens) -> Tokens {
    quote! {
        impl<'de> #SERDE::Deserialize<'de> for #name {
            fn deserialize<D: #SERDE::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                #body
            }
        }
    }
}

/// serde, by way of the runtime: a crate of types need not depend on it.
#[allow(clippy::upper_case_acronyms, reason = "it stands for a path")]
struct SERDE;

impl ToTokens for SERDE {
    fn to_tokens(&self, tokens: &mut Tokens) {
        tokens.extend(quote!(::specwright_runtime::serde));
    }
}
