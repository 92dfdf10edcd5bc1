//! `#[derive(Deserialize)]` and `#[derive(Serialize)]` for generated types.
//!
//! They take serde's attributes and give serde's traits. Of what serde's own derives make, they leave out what a contract's
//! types have no use for (sequences and numbers in place of names, borrowed fields, generics), and what remains is a call
//! of `specwright-model` for each field. A contract has hundreds of such types, and the compiler checks a third of the code.

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
/// for every other property); what [`macro@Serialize`] alone reads is ignored. A field without a default has to be there, an
/// `Option` too. Unknown properties are skipped where nothing takes them; a property that is there twice is an error.
#[proc_macro_derive(Deserialize, attributes(serde))]
pub fn deserialize(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    reading(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// How a struct becomes an object; a struct around a value becomes the value, and so does a variant of an enum.
///
/// Fields take `#[serde(rename = "..")]`, `skip_serializing_if = "path"` and `flatten` (of a map); what [`macro@Deserialize`] alone
/// reads is ignored. `#[serde(transparent)]` and `#[serde(untagged)]` say what is done anyway.
#[proc_macro_derive(Serialize, attributes(serde))]
pub fn serialize(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    writing(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn reading(input: &DeriveInput) -> Result<Tokens> {
    let name = plain_name(input)?;
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

fn writing(input: &DeriveInput) -> Result<Tokens> {
    let name = plain_name(input)?;
    let body = match &input.data {
        Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) => {
            let fields = fields.named.iter().map(Property::read).collect::<Result<Vec<_>>>()?;
            let writes = fields.iter().map(Property::write);
            let object = if fields.is_empty() { quote!(_) } else { quote!(object) };
            quote!(::specwright_model::value::write(serializer, |#object| { #(#writes)* }))
        }
        Data::Struct(DataStruct { fields: Fields::Unnamed(fields), .. }) if fields.unnamed.len() == 1 => {
            quote!(#SERDE::Serialize::serialize(&self.0, serializer))
        }
        Data::Enum(data) if !data.variants.is_empty() && data.variants.iter().all(|one| is_around_one(&one.fields)) => {
            let arms = data.variants.iter().map(|variant| {
                let variant = &variant.ident;
                quote!(Self::#variant(value) => #SERDE::Serialize::serialize(value, serializer),)
            });
            quote!(match self { #(#arms)* })
        }
        _ => {
            return Err(Error::new(
                name.span(),
                "only structs with named fields, and those and enums around one value",
            ));
        }
    };
    Ok(quote! {
        impl #SERDE::Serialize for #name {
            fn serialize<S: #SERDE::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                #body
            }
        }
    })
}

fn plain_name(input: &DeriveInput) -> Result<&Ident> {
    if !input.generics.params.is_empty() {
        return Err(Error::new(input.generics.span(), "generated types have no parameters"));
    }
    Ok(&input.ident)
}

fn is_around_one(fields: &Fields) -> bool {
    matches!(fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1)
}

/// A field, as its attributes say.
struct Property<'a> {
    name: &'a Ident,
    ty: &'a Type,
    wire: String,
    absent: Absent,
    reads: Option<ExprPath>,
    skipped_if: Option<ExprPath>,
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
            skipped_if: None,
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
                    property.skipped_if = Some(text()?.parse()?);
                } else {
                    return Err(meta.error("not an attribute of generated types"));
                }
                Ok(())
            })?;
        }
        Ok(property)
    }

    /// The statement that writes it.
    fn write(&self) -> Tokens {
        let (name, wire) = (self.name, &self.wire);
        if self.flatten {
            return quote!(object.rest(&self.#name););
        }
        match &self.skipped_if {
            None => quote!(object.put(#wire, &self.#name);),
            Some(path) => quote!(object.put_unless(#path(&self.#name), #wire, &self.#name);),
        }
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
    let implemented = implemented(name, &quote!(::specwright_model::value::object(deserializer)));
    Ok(quote! {
        #implemented

        impl<'de> ::specwright_model::value::Object<'de> for #name {
            const NAME: &'static str = #text;
            const PROPERTIES: &'static [&'static str] = &[#(#wires,)*];

            fn read<A: #SERDE::de::MapAccess<'de>>(
                mut object: ::specwright_model::value::Properties<A>,
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

/// serde, by way of `specwright-model`: a crate of types need not depend on it.
#[allow(clippy::upper_case_acronyms, reason = "it stands for a path")]
struct SERDE;

impl ToTokens for SERDE {
    fn to_tokens(&self, tokens: &mut Tokens) {
        tokens.extend(quote!(::specwright_model::serde));
    }
}
