//! The client crate: every operation is there, and every type of the contract is the one of `api-types`.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use specwright_codegen::File;

/// What the client may define: itself, its credentials, and what only a method's signature needs.
fn is_the_clients_own(name: &str) -> bool {
    matches!(name, "Client" | "Credentials" | "Secret" | "Scheme" | "Provider" | "Webhooks" | "Callbacks")
        || ["Success", "Error", "Body", "Form", "Accept"].iter().any(|suffix| name.ends_with(suffix))
}

/// Types that a file defines.
fn defined(file: &File) -> Vec<String> {
    let parsed = syn::parse_file(&file.text).unwrap();
    let names = parsed.items.iter().filter_map(|item| match item {
        syn::Item::Struct(item) => Some(&item.ident),
        syn::Item::Enum(item) => Some(&item.ident),
        syn::Item::Type(item) => Some(&item.ident),
        syn::Item::Mod(item) if item.content.is_some() => Some(&item.ident),
        _ => None,
    });
    names.map(ToString::to_string).collect()
}

/// Public methods of `Client` in a file, but for its constructors.
fn methods(file: &File) -> usize {
    let parsed = syn::parse_file(&file.text).unwrap();
    let blocks = parsed.items.iter().filter_map(|item| match item {
        syn::Item::Impl(block) if block.trait_.is_none() => Some(block),
        _ => None,
    });
    let of_client =
        blocks.filter(|block| matches!(&*block.self_ty, syn::Type::Path(path) if path.path.is_ident("Client")));
    let functions = of_client.flat_map(|block| &block.items).filter_map(|item| match item {
        syn::ImplItem::Fn(function) => Some(function),
        _ => None,
    });
    functions
        .filter(|function| matches!(function.vis, syn::Visibility::Public(_)) && function.sig.asyncness.is_some())
        .count()
}

#[test]
fn the_client_defines_no_type_of_the_contract() {
    for case in support::cases() {
        for file in support::generate(&case).client {
            for name in defined(&file) {
                assert!(is_the_clients_own(&name), "{}: {} defines {name}", support::name(&case), file.path);
            }
        }
    }
}

#[test]
fn every_operation_is_a_method() {
    let mut by_progenitor = 0;
    for case in support::cases() {
        let generated = support::generate(&case);
        let methods: usize = generated.client.iter().map(methods).sum();
        assert_eq!(methods, generated.statistics.operations, "{}", support::name(&case));
        by_progenitor += generated.statistics.progenitor_methods;
    }
    assert!(by_progenitor > 0, "progenitor wrote nothing");
}
