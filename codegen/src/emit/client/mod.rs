//! The client crate: progenitor's methods where progenitor can express an operation, our template's where not.
//!
//! Both kinds have one signature: parameters in the order of progenitor (path, then the rest by name, then the body),
//! `Result<ResponseValue<T>, Error<E>>` with progenitor-client's types. What `T` and `E` are [`model`] decides: no status,
//! header or body of the contract is lost. All types of the contract come from `api-types`; the client defines none of its
//! own but those enums and structs, the multipart forms and the credentials.

pub(super) mod model;
pub(super) mod operation;
mod progenitor;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use crate::Error;
use crate::emit::schema::Printer;
use crate::emit::{File, text};
use crate::ir::{Api, SchemeKind, Tag};
use model::Item;
use operation::Method;

/// The files of the client crate.
#[derive(Clone, Debug)]
pub struct Client {
    /// Files, before `rustfmt`.
    pub files: Vec<File>,
    /// How many methods progenitor wrote.
    pub progenitor_methods: usize,
}

/// Prints the client crate.
///
/// # Errors
///
/// [`Error::Bug`] when progenitor refuses what [`progenitor`] thought it can express.
pub fn files(api: &Api) -> Result<Client, Error> {
    let written = progenitor::methods(api)?;
    let mut files = vec![File::new("lib.rs", print(&Library::new(api))?)];
    let secured = !api.security_schemes.is_empty();
    if secured {
        files.push(File::new("credentials.rs", print(&Credentials { api })?));
    }
    for tag in &api.tags {
        let methods: Vec<Method> = tag
            .operations
            .iter()
            .map(|operation| Method::new(operation, written.get(operation.name.rust.as_str()).cloned(), secured))
            .collect();
        files.extend(tag_files(api, tag, methods)?);
    }
    for tag in &api.outbound {
        let methods = tag.operations.iter().map(Method::sent).collect();
        let path = format!("{}.rs", text::file_stem(&tag.name.rust));
        files.push(File::new(path, SenderFile { api, tag, methods }.rendered()?));
    }
    Ok(Client { files, progenitor_methods: written.len() })
}

/// A tag is a file, and one with many operations a folder with a file for each, as in the server crate.
fn tag_files<'a>(api: &'a Api, tag: &'a Tag, methods: Vec<Method<'a>>) -> Result<Vec<File>, Error> {
    let stem = text::file_stem(&tag.name.rust);
    if methods.len() <= super::ONE_FILE {
        let file = TagFile { api, docs: tag_docs(tag), methods };
        return Ok(vec![File::new(format!("{stem}.rs"), file.rendered()?)]);
    }
    let mut folder = Folder { api, docs: tag_docs(tag), modules: Vec::new(), with_types: Vec::new() };
    let mut files = Vec::new();
    for (operation, method) in tag.operations.iter().zip(methods) {
        let docs = text::module_docs(&format!("{}.", method.route()), None);
        let text = TagFile { api, docs, methods: vec![method] }.rendered()?;
        let module = text::module(&operation.name.rust);
        if ["\npub struct ", "\npub enum "].iter().any(|item| text.contains(item)) {
            folder.with_types.push(module.clone());
        }
        folder.modules.push(module);
        files.push(File::new(format!("{stem}/{}.rs", text::file_stem(&operation.name.rust)), text));
    }
    files.insert(0, File::new(format!("{stem}.rs"), print(&folder)?));
    Ok(files)
}

fn tag_docs(tag: &Tag) -> String {
    text::module_docs(&format!("Operations tagged {}.", text::code(&tag.name.wire)), tag.docs.description.as_deref())
}

fn print(template: &impl Template) -> Result<String, Error> {
    template.render().map_err(|error| Error::Bug(format!("a template failed: {error}")))
}

/// `lib.rs`: the client itself.
#[derive(Template)]
#[template(path = "client/lib.rs.askama", escape = "none")]
struct Library<'a> {
    api: &'a Api,
    /// Whether the contract secures any operation.
    secured: bool,
}

impl<'a> Library<'a> {
    fn new(api: &'a Api) -> Self {
        Self { api, secured: !api.security_schemes.is_empty() }
    }

    fn module_docs(&self) -> String {
        text::crate_docs(
            &format!("A client for {}.", crate::emit::types::sentence(self.api)),
            self.api.description.as_deref(),
        )
    }

    /// What of the runtime's names stands in signatures.
    fn runtime_names(&self) -> &'static str {
        if self.api.outbound.is_empty() { "Upload" } else { "{Exchange, ExpressionError, Sender, Upload}" }
    }
}

/// `credentials.rs`: what the caller proves itself with, a field for each security scheme.
#[derive(Template)]
#[template(path = "client/credentials.rs.askama", escape = "none")]
struct Credentials<'a> {
    api: &'a Api,
}

impl Credentials<'_> {
    /// The statement that puts a scheme's secret into a request.
    fn apply(&self, scheme: &crate::ir::SecurityScheme) -> String {
        use crate::ir::Location;
        match &scheme.kind {
            SchemeKind::ApiKey { location: Location::Query, name } => {
                format!("request.url_mut().query_pairs_mut().append_pair({}, secret)", text::string_literal(name))
            }
            SchemeKind::ApiKey { location: Location::Cookie, name } => {
                format!("append_cookie(request, {}, secret)?", text::string_literal(name))
            }
            SchemeKind::ApiKey { name, .. } => {
                format!("insert_header(request, {}, secret)?", text::string_literal(&name.to_ascii_lowercase()))
            }
            SchemeKind::Basic => r#"insert_header(request, "authorization", &format!("Basic {secret}"))?"#.to_owned(),
            SchemeKind::Http(scheme) => {
                format!(
                    r#"insert_header(request, "authorization", &format!("{{}} {{secret}}", {}))?"#,
                    text::string_literal(scheme)
                )
            }
            SchemeKind::Bearer(_) | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect(_) => {
                r#"insert_header(request, "authorization", &format!("Bearer {secret}"))?"#.to_owned()
            }
            // The certificate belongs to the connection: the caller's `reqwest::Client` has it.
            SchemeKind::MutualTls => "let _ = (&request, secret)".to_owned(),
        }
    }

    /// Field of a scheme.
    fn field(&self, scheme: &crate::ir::SecurityScheme) -> String {
        match scheme.name.rust.to_lowercase().as_str() {
            // `Credentials::none()` is the start.
            "none" => "none_".to_owned(),
            name => crate::naming::raw(name),
        }
    }

    fn is_basic(&self, scheme: &crate::ir::SecurityScheme) -> bool {
        scheme.kind == SchemeKind::Basic
    }

    /// What the secret of a scheme is, for its documentation.
    fn secret(&self, scheme: &crate::ir::SecurityScheme) -> &'static str {
        match &scheme.kind {
            SchemeKind::Bearer(_) | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect(_) => {
                "the token, sent as `Authorization: Bearer`"
            }
            SchemeKind::Basic => {
                "user and password, sent as `Authorization: Basic` (RFC 7617). A user with a colon is read as another one"
            }
            SchemeKind::Http(_) => "the credentials, sent as `Authorization` under the scheme's name",
            SchemeKind::ApiKey { .. } => "the key",
            SchemeKind::MutualTls => "unused: the `reqwest::Client` holds the certificate",
        }
    }

    /// `&[&[schemes of an alternative], ..]` of an operation.
    fn alternatives(&self, operation: &crate::ir::Operation) -> String {
        let alternatives = operation.security.iter().map(|all| {
            let schemes: Vec<String> = all
                .iter()
                .filter_map(|one| self.api.security_schemes.iter().position(|scheme| scheme.name.wire == one.scheme))
                .map(|index| format!("Scheme::{}", self.variant(&self.api.security_schemes[index])))
                .collect();
            format!("&[{}]", schemes.join(", "))
        });
        format!("&[{}]", alternatives.collect::<Vec<_>>().join(", "))
    }

    fn variant(&self, scheme: &crate::ir::SecurityScheme) -> String {
        heck::ToUpperCamelCase::to_upper_camel_case(scheme.name.rust.as_str())
    }
}

/// A file of methods: an `impl Client`, and the types that only they need.
#[derive(Template)]
#[template(path = "client/tag.rs.askama", escape = "none")]
struct TagFile<'a> {
    api: &'a Api,
    docs: String,
    methods: Vec<Method<'a>>,
}

/// The file of a tag whose methods have files of their own.
#[derive(Template)]
#[template(path = "client/folder.rs.askama", escape = "none")]
struct Folder<'a> {
    api: &'a Api,
    docs: String,
    modules: Vec<String>,
    /// The modules with types that only their methods need.
    with_types: Vec<String>,
}

impl TagFile<'_> {
    fn rendered(&self) -> Result<String, Error> {
        Ok(with_imports(&print(self)?, &["Client"]))
    }

    fn items(&self) -> Vec<&Item> {
        items(&self.methods)
    }

    fn headers(&self) -> Vec<(String, String)> {
        headers(&self.methods)
    }
}

/// The file of the webhooks or of the callbacks.
#[derive(Template)]
#[template(path = "client/sender.rs.askama", escape = "none")]
struct SenderFile<'a> {
    api: &'a Api,
    tag: &'a Tag,
    methods: Vec<Method<'a>>,
}

impl SenderFile<'_> {
    fn module_docs(&self) -> String {
        let docs = if self.tag.trait_name == "Webhooks" {
            "Webhooks: what the service tells its subscribers of its own accord."
        } else {
            "Callbacks: what the service tells those that an earlier request named."
        };
        text::module_docs(docs, None)
    }

    fn rendered(&self) -> Result<String, Error> {
        Ok(with_imports(&print(self)?, &[]))
    }

    fn items(&self) -> Vec<&Item> {
        items(&self.methods)
    }

    fn headers(&self) -> Vec<(String, String)> {
        headers(&self.methods)
    }
}

/// Types that only methods of a file need.
fn items<'m>(methods: &'m [Method<'_>]) -> Vec<&'m Item> {
    methods.iter().flat_map(Method::items).collect()
}

/// The statics of documented headers: name and value.
fn headers(methods: &[Method<'_>]) -> Vec<(String, String)> {
    let mut printer = printer();
    let all = methods.iter().flat_map(|method| method.headers(&mut printer));
    all.collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// Prints schemas for a file of the client.
fn printer() -> Printer<'static> {
    Printer::new("api_types::schemas::", "api_types::schemas::patterns::".into())
}

/// A file with its imports.
fn with_imports(text: &str, own: &[&'static str]) -> String {
    let imports = imports(&text.replace(IMPORTS, ""), own);
    text.replace(IMPORTS, &imports)
}

/// Where the imports go; no text of the contract can hold it, since a NUL in it would be escaped.
const IMPORTS: &str = "\0";

/// The imports of a file, so that nothing is imported in vain.
fn imports(text: &str, own: &[&'static str]) -> String {
    let mentioned = mentioned(text);
    let used = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| mentioned.contains(name)).collect()
    };
    let progenitor = used(&["ByteStream", "Error", "QueryParam", "ResponseValue", "encode_path"]);
    let runtime = [
        "BufferedResponse",
        "Call",
        "Encoding",
        "Exchange",
        "ExpressionError",
        "Form",
        "Sender",
        "Upload",
        "execute",
        "media_type_is",
        "media_type_matches",
        "read_bytes",
        "read_header",
        "read_items",
        "read_json",
        "read_nothing",
        "read_stream",
        "read_text",
        "refusal",
        "refused",
        "wrapped",
    ];
    let mut lines = String::new();
    for (path, names) in [
        ("progenitor_client", progenitor),
        ("reqwest::header", used(&["ACCEPT", "CONTENT_TYPE", "HeaderMap", "HeaderName", "HeaderValue"])),
        ("specwright_runtime::client", used(&runtime)),
        ("specwright_runtime::operation", used(&["Parameter"])),
        ("specwright_runtime::schema", used(&["Discriminator", "Format", "Literal", "Number", "Schema", "Types"])),
        ("specwright_runtime::sequence", used(&["Framing", "ItemSource", "Items"])),
    ] {
        if !names.is_empty() {
            lines.push_str(&format!("use {path}::{{{}}};\n", names.join(", ")));
        }
    }
    if !own.is_empty() {
        lines.push_str(&format!("\nuse crate::{{{}}};\n", own.join(", ")));
    }
    lines
}

/// Names that a file refers to: identifiers that are neither the member of a path nor a method or field, and stand in
/// neither a string nor a comment.
fn mentioned(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let bytes = text.as_bytes();
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        match byte {
            b'/' if bytes.get(place + 1) == Some(&b'/') => {
                place += text[place..].find('\n').unwrap_or(text.len() - place);
            }
            b'"' => {
                place += 1;
                while let Some(&byte) = bytes.get(place).filter(|byte| **byte != b'"') {
                    place += 1 + usize::from(byte == b'\\');
                }
                place += 1;
            }
            // A character; a lifetime has no second quote there.
            b'\'' if bytes.get(place + 1) == Some(&b'\\') => place += 4,
            b'\'' if bytes.get(place + 2) == Some(&b'\'') => place += 3,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let rest = &bytes[place..];
                let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let before = text[..place].trim_end();
                let is_member = before.ends_with("::") || before.ends_with('.') && !before.ends_with("..");
                if !is_member {
                    names.insert(&text[place..place + length]);
                }
                place += length;
            }
            _ => place += 1,
        }
    }
    names
}
