//! What the contract says about an operation, as constant data: generated code holds one `static` of [`Operation`] each.
//!
//! The service reads it to route, to authenticate and to negotiate; the decoder reads [`Parameter`] to find and parse a value.
//! Nothing here acts.

use crate::schema::{Literal, Schema};

/// An operation of the contract.
#[derive(Debug)]
pub struct Operation {
    /// `operationId`, for example `createTask`.
    pub id: &'static str,
    /// The method in capitals, for example `POST`.
    pub method: &'static str,
    /// The path template of the contract, for example `/tasks/{taskId}`.
    pub path: &'static str,
    /// The tag that the operation is filed under.
    pub tag: &'static str,
    /// Alternatives (OR), in the contract's order. Empty: the operation is public.
    pub security: &'static [Requirement],
    /// The media types of the 2xx responses, in the contract's order. Empty: no body.
    pub produces: &'static [&'static str],
    /// `deprecated`.
    pub deprecated: bool,
}

/// Schemes that must all hold (AND), each with its scopes. An empty requirement is `{}`: anonymous callers are let in.
pub type Requirement = &'static [(&'static SecurityScheme, &'static [&'static str])];

/// A security scheme of the contract (OpenAPI, Security Scheme Object).
#[derive(Debug)]
pub struct SecurityScheme {
    /// The name under `components/securitySchemes`.
    pub name: &'static str,
    /// How a credential is sent.
    pub kind: SchemeKind,
}

/// How the credential of a security scheme is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemeKind {
    /// `http` with `bearer` (RFC 6750).
    Bearer {
        /// `bearerFormat`, for people.
        format: Option<&'static str>,
    },
    /// `http` with `basic` (RFC 7617).
    Basic,
    /// `apiKey`.
    ApiKey {
        /// Header, query or cookie.
        location: Location,
        /// The name of the header, parameter or cookie.
        name: &'static str,
    },
    /// `oauth2`: sent as a bearer token.
    OAuth2,
    /// `openIdConnect`: sent as a bearer token.
    OpenIdConnect {
        /// The discovery document.
        url: &'static str,
    },
    /// `mutualTLS`: proved by the connection, so an authenticator looks at the request's extensions.
    MutualTls,
    /// `http` with any other scheme of RFC 9110.
    Http {
        /// The scheme's name, for example `digest`.
        scheme: &'static str,
    },
}

/// Where a parameter or a key stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// In the `Cookie` header.
    Cookie,
}

/// How an array or an object is spelled in a parameter (OpenAPI, Style Values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `a,b` in paths and headers.
    Simple,
    /// `.a.b` in paths.
    Label,
    /// `;name=a,b` in paths.
    Matrix,
    /// `name=a,b` or `name=a&name=b` in queries and cookies.
    Form,
    /// `name=a%20b` in queries.
    SpaceDelimited,
    /// `name=a|b` in queries.
    PipeDelimited,
    /// `name[key]=a` in queries.
    DeepObject,
    /// `name=a` in the `Cookie` header, as it is (OpenAPI 3.2).
    Cookie,
}

/// A parameter of an operation.
#[derive(Debug)]
pub struct Parameter {
    /// The name on the wire.
    pub name: &'static str,
    /// Where it stands.
    pub location: Location,
    /// How it is spelled.
    pub style: Style,
    /// Whether each element or member is spelled on its own.
    pub explode: bool,
    /// Whether it must be there.
    pub required: bool,
    /// `allowEmptyValue`: `?name` and `?name=` count as absent where the schema refuses an empty text.
    pub allow_empty_value: bool,
    /// The media type of a `content` parameter, whose text is JSON.
    pub content: Option<&'static str>,
    /// What the value must be like.
    pub schema: &'static Schema,
    /// The value where the parameter is absent.
    pub default: Option<Literal>,
    /// Of an exploded object, the keys of the query that are other parameters and not its members.
    pub except: &'static [&'static str],
}

impl Parameter {
    /// A query parameter as OpenAPI means it where a contract says no more: a form, exploded, optional.
    pub const fn query(name: &'static str, schema: &'static Schema) -> Self {
        Self::at(Location::Query, Style::Form, name, schema).explode(true)
    }

    /// A path parameter where a contract says no more: simple, not exploded; always required.
    pub const fn path(name: &'static str, schema: &'static Schema) -> Self {
        Self::at(Location::Path, Style::Simple, name, schema).required()
    }

    /// A header where a contract says no more: simple, not exploded, optional.
    pub const fn header(name: &'static str, schema: &'static Schema) -> Self {
        Self::at(Location::Header, Style::Simple, name, schema)
    }

    /// A cookie where a contract says no more: a form, exploded, optional.
    pub const fn cookie(name: &'static str, schema: &'static Schema) -> Self {
        Self::at(Location::Cookie, Style::Form, name, schema).explode(true)
    }

    const fn at(location: Location, style: Style, name: &'static str, schema: &'static Schema) -> Self {
        Self {
            name,
            location,
            style,
            explode: false,
            required: false,
            allow_empty_value: false,
            content: None,
            schema,
            default: None,
            except: &[],
        }
    }

    /// The keys of the query that are other parameters, and not members of this exploded object.
    #[must_use]
    pub const fn except(mut self, names: &'static [&'static str]) -> Self {
        self.except = names;
        self
    }

    /// `required: true`.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// `style`.
    #[must_use]
    pub const fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// `explode`.
    #[must_use]
    pub const fn explode(mut self, explode: bool) -> Self {
        self.explode = explode;
        self
    }

    /// `allowEmptyValue: true`.
    #[must_use]
    pub const fn allow_empty_value(mut self) -> Self {
        self.allow_empty_value = true;
        self
    }

    /// `content` with a media type, instead of `schema`.
    #[must_use]
    pub const fn content(mut self, media_type: &'static str) -> Self {
        self.content = Some(media_type);
        self
    }

    /// The value where the parameter is absent.
    #[must_use]
    pub const fn default(mut self, value: Literal) -> Self {
        self.default = Some(value);
        self
    }
}
