//! Operations: what becomes a trait method, a request struct, a response enum and a client method.

use std::collections::BTreeMap;

use super::{Docs, Literal, Name, SchemaRef, Type};

/// A tag and its operations: one trait, one file per crate.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Module name (snake_case) and the tag of the contract (`default` for untagged operations).
    pub name: Name,
    /// Trait name, such as `TasksApi`.
    pub trait_name: String,
    /// Prose.
    pub docs: Docs,
    /// Operations in the order of the contract.
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Method name (snake_case, unique in the contract) and the operationId (made up by the documented rule where missing).
    pub name: Name,
    /// UpperCamelCase prefix of its types, such as `CreateTask`.
    pub type_prefix: String,
    /// Name of its static, such as `CREATE_TASK`.
    pub constant: String,
    /// Upper case, such as `GET`.
    pub method: String,
    /// Path template of the contract, such as `/tasks/{taskId}`.
    pub path: String,
    /// Prose.
    pub docs: Docs,
    /// Alternatives (OR), each a conjunction (AND); empty means public.
    pub security: Vec<Vec<SecurityRequirement>>,
    /// Parameters, path-level ones merged in: path, query, header, cookie, each in the order of the contract.
    pub parameters: Vec<Parameter>,
    /// Request body.
    pub body: Option<Body>,
    /// Responses: exact statuses ascending, then ranges, then default.
    pub responses: Vec<Response>,
    /// Its extensions (`x-...`), those of its path among them.
    pub extensions: BTreeMap<String, serde_json::Value>,
}

/// A security scheme with what an operation asks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityRequirement {
    /// Name of the scheme in the contract.
    pub scheme: String,
    /// Scopes or roles.
    pub scopes: Vec<String>,
    /// What a credential that satisfies it proves.
    pub proves: CallerKind,
}

/// What is known about the caller of an operation, from its security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A user.
    User,
    /// A user who acts in an organization.
    OrganizationMember,
    /// A machine.
    Machine,
    /// A user or a machine.
    Any,
}

/// A security scheme of the contract.
#[derive(Clone, Debug)]
pub struct SecurityScheme {
    /// Name of its static (SCREAMING_SNAKE_CASE) and name in the contract.
    pub name: Name,
    /// Prose.
    pub docs: Docs,
    /// Kind.
    pub kind: SchemeKind,
}

/// Kinds of security scheme, OpenAPI "Security Scheme Object".
#[derive(Clone, Debug, PartialEq)]
pub enum SchemeKind {
    /// `http`, `bearer`, with its `bearerFormat`.
    Bearer(Option<String>),
    /// `http`, `basic`.
    Basic,
    /// `http` with any other scheme.
    Http(String),
    /// `apiKey`.
    ApiKey {
        /// Query, header or cookie.
        location: Location,
        /// Name of the parameter.
        name: String,
    },
    /// `oauth2`.
    OAuth2,
    /// `openIdConnect` with its URL.
    OpenIdConnect(String),
    /// `mutualTLS`.
    MutualTls,
}

/// `in` of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names of OpenAPI")]
pub enum Location {
    Path,
    Query,
    Header,
    Cookie,
}

/// `style` of a parameter or header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of OpenAPI")]
pub enum Style {
    Simple,
    Label,
    Matrix,
    Form,
    SpaceDelimited,
    PipeDelimited,
    DeepObject,
    Cookie,
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Field of the request struct (unique there) and name on the wire.
    pub name: Name,
    /// Name of its static in the tag's file, such as `LIST_TASKS_LIMIT`.
    pub constant: String,
    /// Prose.
    pub docs: Docs,
    /// `in`.
    pub location: Location,
    /// `style`.
    pub style: Style,
    /// `explode`.
    pub explode: bool,
    /// `required` (always true in a path).
    pub required: bool,
    /// `allowEmptyValue`.
    pub allow_empty_value: bool,
    /// `allowReserved`.
    pub allow_reserved: bool,
    /// Media type of a `content` parameter.
    pub content: Option<String>,
    /// `default` of its schema, where it fits and the parameter is not required: the field is then not an `Option`.
    pub default: Option<Literal>,
    /// Type of the value.
    pub ty: Type,
    /// Schema of the value.
    pub schema: SchemaRef,
    /// Of an exploded object, the keys of the query that are other parameters and not its members.
    pub except: Vec<String>,
}

/// A request body.
#[derive(Clone, Debug)]
pub struct Body {
    /// `required`.
    pub required: bool,
    /// Prose.
    pub docs: Docs,
    /// Media types in the order of the contract; more than one makes an enum `<Prefix>Body` with a variant each.
    pub media: Vec<Media>,
}

/// One media type of a request or response body.
#[derive(Clone, Debug)]
pub struct Media {
    /// Variant of the enum (UpperCamelCase: `Json`, `Form`, `Text`, `MergePatchJson`..) where there are several.
    pub variant: String,
    /// Media type or range without parameters, lower case, such as `application/json`.
    pub media_type: String,
    /// How it is read and written.
    pub kind: MediaKind,
}

/// How a body is read and written.
#[derive(Clone, Debug)]
pub enum MediaKind {
    /// `application/json` and `+json`: a value of a type.
    Json {
        /// Type.
        ty: Type,
        /// Schema.
        schema: SchemaRef,
    },
    /// `application/x-www-form-urlencoded`.
    Form {
        /// Type.
        ty: Type,
        /// Schema.
        schema: SchemaRef,
        /// Members that are spelled otherwise than by default (`encoding`).
        members: Vec<(String, MemberStyle)>,
    },
    /// `multipart/form-data`: a struct `<Prefix>Form` of the parts.
    Multipart {
        /// Parts in the order of the contract.
        parts: Vec<Part>,
        /// Type of the parts that the contract does not name, where it speaks of them.
        additional: Option<Type>,
        /// Schema of the whole.
        schema: SchemaRef,
    },
    /// `text/*`: a `String`.
    Text {
        /// Schema of the string.
        schema: SchemaRef,
    },
    /// JSON lines, JSON text sequences, server-sent events: typed items, one by one.
    Sequence {
        /// How items follow each other.
        framing: Framing,
        /// Type of an item, or of the data of an event.
        ty: Type,
        /// Whether an item is an event around the type: `Event<T>`.
        in_event: bool,
        /// Schema of an item.
        schema: SchemaRef,
    },
    /// Everything else: a stream of bytes.
    Binary,
}

/// How items follow each other: the mirror of `specwright_runtime::sequence::Framing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `application/jsonl`, `application/x-ndjson`.
    Lines,
    /// `application/json-seq`.
    Records,
    /// `text/event-stream`.
    Events,
}

/// How a member of a form is spelled (OpenAPI, Encoding Object).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStyle {
    /// As JSON.
    Json,
    /// As a query parameter is.
    Styled {
        /// `style`.
        style: Style,
        /// `explode`.
        explode: bool,
        /// `allowReserved`.
        allow_reserved: bool,
    },
}

/// A part of a multipart body.
#[derive(Clone, Debug)]
pub struct Part {
    /// Field and `name` of the part.
    pub name: Name,
    /// Variant of the enum that tells files apart, where there are several.
    pub variant: String,
    /// Prose.
    pub docs: Docs,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be there several times (an array of files or values).
    pub many: bool,
    /// Kind.
    pub kind: PartKind,
    /// The media types that `encoding` lists, ranges included, without parameters and in lower case.
    pub content_types: Vec<String>,
    /// The headers that `encoding` describes; of files only.
    pub headers: Vec<PartHeader>,
}

/// A header of a part.
#[derive(Clone, Debug)]
pub struct PartHeader {
    /// On the wire.
    pub name: String,
    /// `required`.
    pub required: bool,
    /// Schema.
    pub schema: SchemaRef,
}

/// Kinds of part.
#[derive(Clone, Debug)]
pub enum PartKind {
    /// A file: bytes with a name and a content type.
    File,
    /// A scalar in text, through its schema.
    Text {
        /// Type.
        ty: Type,
        /// Schema.
        schema: SchemaRef,
    },
    /// JSON.
    Json {
        /// Type.
        ty: Type,
        /// Schema.
        schema: SchemaRef,
    },
    /// Text in the style of a query parameter (`encoding`).
    Styled {
        /// Type.
        ty: Type,
        /// Schema.
        schema: SchemaRef,
        /// `style`.
        style: Style,
        /// `explode`.
        explode: bool,
    },
}

/// One documented response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Variant (unique in the enum): `Ok`, `Created`, `Status299`, `ClientError`, `Default`.
    pub variant: String,
    /// Which statuses.
    pub status: Status,
    /// `description`.
    pub docs: Docs,
    /// Documented headers.
    pub headers: Vec<ResponseHeader>,
    /// Media types; empty means no body; more than one makes an enum `<Prefix><Variant>Body`.
    pub media: Vec<Media>,
}

/// Which statuses a response is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// One.
    Exact(u16),
    /// `4XX`: the first digit.
    Range(u8),
    /// `default`.
    Default,
}

/// A documented response header.
#[derive(Clone, Debug)]
pub struct ResponseHeader {
    /// Field and header name.
    pub name: Name,
    /// Name of its static in the tag's file, such as `LOCATION_HEADER`. Headers of a tag that say the same share one.
    pub constant: String,
    /// Prose.
    pub docs: Docs,
    /// `required` and never null: otherwise the field is an `Option`.
    pub required: bool,
    /// `explode`: members of an object as `name=value`.
    pub explode: bool,
    /// Media type of a `content` header.
    pub content: Option<String>,
    /// Type.
    pub ty: Type,
    /// Schema.
    pub schema: SchemaRef,
}

impl Operation {
    /// Whether a caller must be there (secured and no alternative is empty).
    pub fn requires_caller(&self) -> bool {
        !self.security.is_empty() && self.security.iter().all(|all| !all.is_empty())
    }

    /// Whether a caller may be there: secured, but one alternative is `{}`.
    pub fn optional_caller(&self) -> bool {
        !self.security.is_empty() && !self.requires_caller()
    }

    /// What is known of every caller that is let in, anonymous ones apart; of schemes that must hold together the first names
    /// the caller. `None` where the operation is public.
    pub fn caller_kind(&self) -> Option<CallerKind> {
        let callers = self.security.iter().filter_map(|all| all.first()).map(|requirement| requirement.proves);
        callers.reduce(CallerKind::or)
    }

    /// Media types of the 2xx responses, without repetition, in the order of the contract.
    pub fn produces(&self) -> Vec<&str> {
        let mut media: Vec<&str> = Vec::new();
        for response in self.responses.iter().filter(|response| response.status.is_success()) {
            for one in &response.media {
                if !media.contains(&one.media_type.as_str()) {
                    media.push(&one.media_type);
                }
            }
        }
        media
    }
}

impl CallerKind {
    /// What is known where the one or the other is.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::User | Self::OrganizationMember, Self::User | Self::OrganizationMember) => Self::User,
            _ => Self::Any,
        }
    }
}

impl Status {
    /// 2xx.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Exact(200..=299) | Self::Range(2))
    }
}
