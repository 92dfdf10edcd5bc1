//! The client methods that progenitor writes.
//!
//! progenitor never sees the contract. It gets an OpenAPI 3.0 document made from the IR that holds only operations it
//! can express without loss ([`expresses`]); each type of the contract stands there as a component of a made-up name
//! that is replaced by the type of `api-types`, so progenitor's own schema conversion has nothing to do. Of its text we
//! take what makes the request, without the `api-version` header that it adds to each: it knows no typed headers, and
//! reads every response that has a documented status whatever its media type.

use std::collections::BTreeMap;

use progenitor_impl::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl};
use quote::ToTokens as _;
use serde_json::{Map, Value, json};
use syn::visit_mut::VisitMut;

use crate::Error;
use crate::emit::rust_type::rust_type;
use crate::ir::{Api, Location, MediaKind, Operation, Parameter, Style, Type, TypeKind};

/// What progenitor writes of a method: the half that makes the request. The half that reads the response is the same for
/// all methods, see [`super::model`].
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Names of the arguments after `&self`. Their types are ours.
    pub(crate) arguments: Vec<String>,
    /// The statements up to `let request = ..;`.
    pub(crate) statements: String,
}

/// The methods that progenitor writes, by Rust name of the operation.
///
/// # Errors
///
/// [`Error::Bug`] when it refuses what [`expresses`] let through.
pub(crate) fn methods(api: &Api) -> Result<BTreeMap<String, Written>, Error> {
    let expressible: Vec<&Operation> = api.operations().filter(|operation| expresses(api, operation)).collect();
    if expressible.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut document = Document::default();
    for operation in &expressible {
        document.add(operation);
    }
    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Positional).with_hooks(HooksMode::Expected);
    for (ty, name) in &document.components {
        settings.with_replacement(name, ty, [TypeImpl::Display, TypeImpl::FromStr].into_iter());
    }
    let specification: openapiv3::OpenAPI = serde_json::from_value(document.into_openapi())
        .map_err(|error| Error::Bug(format!("the lowered document: {error}")))?;
    let tokens = Generator::new(&settings)
        .generate_tokens(&specification)
        .map_err(|error| Error::Bug(format!("progenitor refused the lowered document: {error}")))?;
    let file: syn::File = syn::parse2(tokens).map_err(|error| Error::Bug(format!("progenitor's text: {error}")))?;
    let mut methods = taken_methods(file);
    methods.retain(|name, _| expressible.iter().any(|operation| plain(&operation.name.rust) == name));
    if methods.len() != expressible.len() {
        return Err(Error::Bug("progenitor left out an operation".into()));
    }
    Ok(expressible
        .iter()
        .filter_map(|operation| Some((operation.name.rust.clone(), methods.remove(plain(&operation.name.rust))?)))
        .collect())
}

/// Whether progenitor's method says everything that the contract says about an operation.
fn expresses(api: &Api, operation: &Operation) -> bool {
    // Without a parameter and a body there is nothing that it would write for us.
    if operation.parameters.is_empty() && operation.body.is_none() {
        return false;
    }
    let method = matches!(operation.method.as_str(), "GET" | "PUT" | "POST" | "DELETE" | "HEAD" | "PATCH");
    // A name that progenitor would change is not one we could find again.
    let name = operation.name.rust == plain(&operation.name.rust)
        && operation.name.rust.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let parameters = operation.parameters.iter().all(|parameter| expresses_parameter(api, parameter));
    // It knows parameters by name alone, wherever they stand.
    let distinct = operation.parameters.iter().enumerate().all(|(index, parameter)| {
        let name = heck::ToSnakeCase::to_snake_case(parameter.name.wire.as_str());
        operation.parameters[..index]
            .iter()
            .all(|other| heck::ToSnakeCase::to_snake_case(other.name.wire.as_str()) != name)
    });
    let path = operation.path.split('/').all(|segment| {
        !segment.contains('{') || (segment.starts_with('{') && segment.find('}') == Some(segment.len() - 1))
    }) && !operation.path.contains(['?', '#']);
    let body = operation.body.as_ref().is_none_or(|body| match body.media.as_slice() {
        [only] => match only.kind {
            MediaKind::Json { ref ty, .. } => {
                // It takes scalars by value.
                let scalar = matches!(ty, Type::String | Type::Boolean | Type::I32 | Type::I64 | Type::U64);
                let is_path = is_path(&rust_type(ty, "api_types::"));
                body.required && only.media_type == "application/json" && !scalar && is_path
            }
            MediaKind::Binary => body.required && only.media_type == "application/octet-stream",
            _ => false,
        },
        _ => false,
    });
    // It asks for JSON or for nothing in particular.
    let produces = matches!(operation.produces().as_slice(), [] | ["application/json"]);
    method && name && parameters && distinct && path && body && produces
}

fn expresses_parameter(api: &Api, parameter: &Parameter) -> bool {
    if parameter.content.is_some() || parameter.allow_reserved || !parameter.except.is_empty() {
        return false;
    }
    // progenitor writes names in snake_case with rules of its own; where ours differ the template keeps ours.
    let text = |ty: &Type| text_is_wire(api, ty);
    match (parameter.location, parameter.style) {
        // An empty text, or one of dots, would make progenitor's path another one.
        (Location::Path, Style::Simple) => text(&parameter.ty) && *resolved(api, &parameter.ty) != Type::String,
        // Nor does it refuse a text that a header does not keep.
        (Location::Header, Style::Simple) => text(&parameter.ty) && *resolved(api, &parameter.ty) != Type::String,
        (Location::Query, Style::Form) => match resolved(api, &parameter.ty) {
            Type::Array(item) => parameter.explode && !parameter.required && serde_is_wire(api, item),
            other => serde_is_wire(api, other),
        },
        _ => false,
    }
}

/// Whether `to_string()` gives the text on the wire.
fn text_is_wire(api: &Api, ty: &Type) -> bool {
    match resolved(api, ty) {
        Type::String
        | Type::Boolean
        | Type::I32
        | Type::I64
        | Type::U64
        | Type::Uuid
        | Type::Date
        | Type::Ipv4
        | Type::Ipv6 => true,
        Type::Named(name) => api.type_def(name).is_some_and(|def| matches!(def.kind, TypeKind::StringEnum(_))),
        _ => false,
    }
}

/// Whether serde gives the text on the wire as one scalar.
fn serde_is_wire(api: &Api, ty: &Type) -> bool {
    match resolved(api, ty) {
        Type::DateTime | Type::Base64 | Type::Decimal | Type::Duration | Type::Time | Type::F64 => true,
        Type::Named(name) => {
            api.type_def(name).is_some_and(|def| matches!(def.kind, TypeKind::StringEnum(_) | TypeKind::IntegerEnum(_)))
        }
        other => text_is_wire(api, other),
    }
}

/// Whether a type is one that typify takes as a replacement: a path, not `()`.
fn is_path(ty: &str) -> bool {
    syn::parse_str::<syn::TypePath>(ty).is_ok()
}

/// The type behind aliases.
fn resolved<'a>(api: &'a Api, ty: &'a Type) -> &'a Type {
    match ty {
        Type::Named(name) => match api.type_def(name).map(|def| &def.kind) {
            Some(TypeKind::Alias(aliased)) => resolved(api, aliased),
            _ => ty,
        },
        other => other,
    }
}

fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

/// The lowered document in the making.
#[derive(Default)]
struct Document {
    paths: BTreeMap<String, Map<String, Value>>,
    /// Rust type -> made-up component name.
    components: BTreeMap<String, String>,
}

impl Document {
    fn add(&mut self, operation: &Operation) {
        let parameters: Vec<Value> = operation
            .parameters
            .iter()
            .map(|parameter| {
                let location = match parameter.location {
                    Location::Path => "path",
                    Location::Query => "query",
                    Location::Header => "header",
                    Location::Cookie => "cookie",
                };
                json!({ "name": parameter.name.wire, "in": location, "required": parameter.required, "schema": self.schema(&parameter.ty) })
            })
            .collect();
        let mut value = json!({ "operationId": operation.name.rust, "parameters": parameters });
        if let Some(media) = operation.body.as_ref().and_then(|body| body.media.first()) {
            let schema = match &media.kind {
                MediaKind::Json { ty, .. } => self.schema(ty),
                _ => json!({ "type": "string", "format": "binary" }),
            };
            value["requestBody"] =
                json!({ "required": true, "content": { media.media_type.clone(): { "schema": schema } } });
        }
        let content =
            if operation.produces().is_empty() { json!({}) } else { json!({ "application/json": { "schema": {} } }) };
        value["responses"] = json!({ "2XX": { "description": "", "content": content } });
        self.paths.entry(operation.path.clone()).or_default().insert(operation.method.to_lowercase(), value);
    }

    /// Scalars that progenitor passes by value or as `&str` stay what they are; everything else is a replaced name.
    fn schema(&mut self, ty: &Type) -> Value {
        match ty {
            Type::String => json!({ "type": "string" }),
            Type::Boolean => json!({ "type": "boolean" }),
            Type::I32 => json!({ "type": "integer", "format": "int32" }),
            Type::I64 => json!({ "type": "integer", "format": "int64" }),
            Type::U64 => json!({ "type": "integer", "format": "uint64" }),
            other => self.reference(&rust_type(other, "api_types::")),
        }
    }

    fn reference(&mut self, rust: &str) -> Value {
        let next = format!("Replaced{}", self.components.len());
        let name = self.components.entry(rust.to_owned()).or_insert(next);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn into_openapi(self) -> Value {
        let schemas: Map<String, Value> =
            self.components.into_values().map(|name| (name, json!({ "type": "object" }))).collect();
        json!({ "openapi": "3.0.3", "info": { "title": "", "version": "" }, "paths": self.paths, "components": { "schemas": schemas } })
    }
}

/// The operations' methods: the second inherent `impl Client` of progenitor's file.
fn taken_methods(file: syn::File) -> BTreeMap<String, Written> {
    let mut methods = BTreeMap::new();
    for item in file.items {
        let syn::Item::Impl(block) = item else { continue };
        if block.trait_.is_some() {
            continue;
        }
        for item in block.items {
            let syn::ImplItem::Fn(mut method) = item else { continue };
            method.attrs.clear();
            Tidy.visit_impl_item_fn_mut(&mut method);
            let arguments = method.sig.inputs.iter().filter_map(|input| match input {
                syn::FnArg::Typed(argument) => Some(argument.pat.to_token_stream().to_string()),
                syn::FnArg::Receiver(_) => None,
            });
            let (name, arguments) = (method.sig.ident.to_string(), arguments.collect());
            let Some(made) = method.block.stmts.iter().position(makes_the_request) else { continue };
            let statements =
                method.block.stmts[..=made].iter().map(|statement| statement.to_token_stream().to_string());
            methods.insert(name, Written { arguments, statements: statements.collect::<Vec<_>>().join("\n") });
        }
    }
    methods
}

/// What a person would not have written.
struct Tidy;

impl VisitMut for Tidy {
    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(|statement| !is_api_version(statement));
        let appends = block.stmts.iter().any(|statement| {
            let text = statement.to_token_stream().to_string();
            text.contains("header_map . append")
        });
        if !appends {
            block.stmts.retain(|statement| !declares_header_map(statement));
        }
        syn::visit_mut::visit_block_mut(self, block);
        if !appends {
            DropHeaders.visit_block_mut(block);
        }
        for statement in &mut block.stmts {
            if let syn::Stmt::Local(local) = statement {
                local.attrs.clear();
                if let syn::Pat::Ident(pat) = &mut local.pat
                    && pat.ident == "request"
                {
                    pat.mutability = None;
                }
                if let Some(init) = &mut local.init
                    && declares_header_map_name(&local.pat)
                {
                    *init.expr = syn::parse_quote!(HeaderMap::new());
                }
            }
        }
    }

    /// `200u16` is `200`: the type is known.
    fn visit_lit_int_mut(&mut self, literal: &mut syn::LitInt) {
        *literal = syn::LitInt::new(literal.base10_digits(), literal.span());
    }

    /// Lifetimes that elision gives anyway.
    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        let kept = generics.params.iter().filter(|param| !matches!(param, syn::GenericParam::Lifetime(_)));
        generics.params = kept.cloned().collect();
        syn::visit_mut::visit_generics_mut(self, generics);
    }

    fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
        reference.lifetime = None;
        syn::visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_receiver_mut(&mut self, receiver: &mut syn::Receiver) {
        *receiver = syn::parse_quote!(&self);
    }

    /// `format!("..", a,)` without the last comma.
    fn visit_macro_mut(&mut self, invocation: &mut syn::Macro) {
        let mut tokens: Vec<proc_macro2::TokenTree> = invocation.tokens.clone().into_iter().collect();
        if matches!(tokens.last(), Some(proc_macro2::TokenTree::Punct(last)) if last.as_char() == ',') {
            tokens.pop();
            invocation.tokens = tokens.into_iter().collect();
        }
    }

    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        syn::visit_mut::visit_path_mut(self, path);
        path.leading_colon = None;
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let keep = match names.as_slice() {
            ["std", "vec", "Vec"] | ["std", "string", "String"] | ["reqwest", "header", _] => 1,
            ["reqwest", "header", "HeaderName" | "HeaderValue", _] | ["progenitor_client", "QueryParam", _] => 2,
            _ => return,
        };
        let segments: Vec<syn::PathSegment> = path.segments.iter().skip(names.len() - keep).cloned().collect();
        path.segments = segments.into_iter().collect();
    }
}

/// Takes `.headers(header_map)` out of a method without headers.
struct DropHeaders;

impl VisitMut for DropHeaders {
    fn visit_expr_mut(&mut self, expression: &mut syn::Expr) {
        syn::visit_mut::visit_expr_mut(self, expression);
        if let syn::Expr::MethodCall(call) = expression
            && call.method == "headers"
            && call.args.len() == 1
            && call.args[0].to_token_stream().to_string() == "header_map"
        {
            *expression = (*call.receiver).clone();
        }
    }
}

/// `let mut request = ..;`
fn makes_the_request(statement: &syn::Stmt) -> bool {
    matches!(statement, syn::Stmt::Local(local) if matches!(&local.pat, syn::Pat::Ident(pat) if pat.ident == "request"))
}

fn is_api_version(statement: &syn::Stmt) -> bool {
    let text = statement.to_token_stream().to_string();
    text.starts_with("header_map . append") && text.contains("\"api-version\"")
}

fn declares_header_map(statement: &syn::Stmt) -> bool {
    matches!(statement, syn::Stmt::Local(local) if declares_header_map_name(&local.pat))
}

fn declares_header_map_name(pattern: &syn::Pat) -> bool {
    matches!(pattern, syn::Pat::Ident(ident) if ident.ident == "header_map")
}
