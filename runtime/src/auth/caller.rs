//! The verified caller: what a handler may know about who sent the request.
//!
//! A [`Caller`] exists only where an authenticator made one, so a handler that has one need not check anything. The typed
//! accessors cover what Clerk's session tokens say; [`Caller::claims`] has the rest, unread.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde_json::{Map, Value};

use super::check::{Check, with_organization_prefix, without_organization_prefix};

/// A caller whose credential was verified. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    parts: Arc<CallerParts>,
}

/// What an authenticator knows about a caller. [`Caller::new`] turns it into a [`Caller`].
///
/// Everything but the user and the scheme is optional: an API key of one's own authenticator has no session.
#[derive(Clone)]
#[non_exhaustive]
pub struct CallerParts {
    /// The verified user.
    pub user_id: UserId,
    /// The name of the security scheme in the contract, for the log.
    pub scheme: &'static str,
    /// The session (`sid`), where there is one.
    pub session_id: Option<String>,
    /// The organization that the session acts in.
    pub organization: Option<Organization>,
    /// The features claim as sent (`fea`), for example `o:dashboard,u:basic`.
    pub features: Option<String>,
    /// The plans claim as sent (`pla`), for example `u:free,o:pro`.
    pub plans: Option<String>,
    /// How long ago the factors were verified (`fva`).
    pub factors: Option<Factors>,
    /// Who acts in the user's name, where somebody does (`act`).
    pub actor: Option<Actor>,
    /// The session's status (`sts`), for example `active`.
    pub status: Option<String>,
    /// When the credential ends, in seconds since 1970-01-01T00:00:00Z.
    pub expires: Option<i64>,
    /// All claims, as sent.
    pub claims: Map<String, Value>,
    /// What the token or key may do, as its owner set it (OAuth and machine tokens, API keys).
    pub scopes: Vec<String>,
    /// The token's or key's own id, where it has one besides the session.
    pub credential_id: Option<String>,
    /// Whether this is no person: `user_id` is then the machine, or the organization whose key it is.
    pub machine: bool,
    /// What the claims are read from at the first question, instead of `claims`.
    pub(super) unread: Option<UnreadClaims>,
}

/// The claims as JSON text: few handlers ask for them, and a map of all costs more than the checks of those that count.
#[derive(Clone)]
pub(super) struct UnreadClaims {
    json: Box<str>,
    read: fn(&str) -> Map<String, Value>,
    claims: OnceLock<Map<String, Value>>,
}

/// The id of a verified user, for example `user_2abc`.
///
/// Never empty and free of control characters (Postgres cannot store NUL in text, and a line break could forge a log line).
/// Other characters are the issuer's business: whoever puts an id in SQL text or in a path must quote it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

/// An organization that the caller acts in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Organization {
    /// For example `org_2v2`.
    pub id: String,
    /// For example `acme`.
    pub slug: Option<String>,
    /// With its prefix, for example `org:admin`.
    pub role: Option<String>,
    /// With their prefix, for example `org:projects:manage`. System permissions (`org:sys_...`) are never in a token.
    pub permissions: Vec<String>,
}

/// Who acts in the name of the user (impersonation): belongs in every audit line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actor {
    /// The subject that really sends the requests (`act.sub`).
    pub subject: String,
    /// Its session (`act.sid`).
    pub session_id: Option<String>,
    /// Who vouches for it (`act.iss`).
    pub issuer: Option<String>,
    /// Its kind (`act.type`), for example `agent`.
    pub kind: Option<String>,
}

/// Minutes since the caller's factors were last verified; `None` where a factor is not enrolled (-1 in the claim).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// Minutes since the first factor.
    pub first: Option<f64>,
    /// Minutes since the second factor.
    pub second: Option<f64>,
}

/// A text that cannot be a user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user id has at least one character and no control characters")]
pub struct InvalidUserId;

impl Caller {
    /// For authenticators: the caller that a verified credential proves.
    pub fn new(parts: CallerParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// For tests of handlers: a caller that nobody verified. Exists only with the feature `issuer`.
    ///
    /// # Panics
    ///
    /// Where `user_id` cannot be one (see [`UserId`]).
    #[cfg(feature = "issuer")]
    pub fn for_tests(user_id: &str) -> Self {
        Self::new(CallerParts::new(
            UserId::from_verified(user_id).expect("a test names a user id that can be one"),
            "test",
        ))
    }

    /// For tests of handlers: a caller in an organization. Exists only with the feature `issuer`.
    ///
    /// # Panics
    ///
    /// Where `user_id` cannot be one (see [`UserId`]).
    #[cfg(feature = "issuer")]
    pub fn for_tests_in(user_id: &str, organization: Organization) -> Self {
        let mut parts =
            CallerParts::new(UserId::from_verified(user_id).expect("a test names a user id that can be one"), "test");
        parts.organization = Some(organization);
        Self::new(parts)
    }

    /// The verified user.
    pub fn user_id(&self) -> &UserId {
        &self.parts.user_id
    }

    /// The session, where the credential belongs to one.
    pub fn session_id(&self) -> Option<&str> {
        self.parts.session_id.as_deref()
    }

    /// The session's status, for example `active`.
    pub fn status(&self) -> Option<&str> {
        self.parts.status.as_deref()
    }

    /// The organization that the caller acts in.
    pub fn organization(&self) -> Option<&Organization> {
        self.parts.organization.as_ref()
    }

    /// Whether the caller has a permission in the organization, for example `org:projects:manage`; the prefix may be left out.
    pub fn has_permission(&self, permission: &str) -> bool {
        self.parts.has_permission(permission)
    }

    /// Whether the caller has a role in the organization, for example `org:admin`; the prefix may be left out.
    pub fn has_role(&self, role: &str) -> bool {
        self.has(&Check::new().role(role))
    }

    /// Whether all that is asked for holds; nothing asked for is `false`. Clerk's `has()`.
    pub fn has(&self, check: &Check) -> bool {
        check.holds(&self.parts)
    }

    /// Who acts in the user's name, where somebody does. Handlers that write an audit trail record both.
    pub fn actor(&self) -> Option<&Actor> {
        self.parts.actor.as_ref()
    }

    /// The features claim as sent, for example `o:dashboard,u:basic`. Ask with [`Check::feature`].
    pub fn features(&self) -> Option<&str> {
        self.parts.features.as_deref()
    }

    /// The plans claim as sent, for example `u:free,o:pro`. Ask with [`Check::plan`].
    pub fn plans(&self) -> Option<&str> {
        self.parts.plans.as_deref()
    }

    /// How long ago the factors were verified. Ask with [`Check::reverification`].
    pub fn factors(&self) -> Option<Factors> {
        self.parts.factors
    }

    /// The name of the security scheme in the contract that the credential satisfied.
    pub fn scheme(&self) -> &'static str {
        self.parts.scheme
    }

    /// When the credential ends, in seconds since 1970-01-01T00:00:00Z.
    pub fn expires(&self) -> Option<i64> {
        self.parts.expires
    }

    /// What the token or key may do, as its owner set it; empty for sessions, whose rights are in the organization.
    pub fn scopes(&self) -> &[String] {
        &self.parts.scopes
    }

    /// The token's or key's own id (OAuth tokens, API keys): for an audit line.
    pub fn credential_id(&self) -> Option<&str> {
        self.parts.credential_id.as_deref()
    }

    /// Whether this is no person. A handler's `Caller` never is; see [`FromCaller`](super::FromCaller).
    pub(crate) fn is_machine(&self) -> bool {
        self.parts.machine
    }

    /// All claims, as sent. Custom claims of the session token are here.
    pub fn claims(&self) -> &Map<String, Value> {
        match &self.parts.unread {
            Some(unread) => unread.claims.get_or_init(|| (unread.read)(&unread.json)),
            None => &self.parts.claims,
        }
    }
}

#[cfg(feature = "clerk")]
impl UnreadClaims {
    pub(super) fn new(json: &str, read: fn(&str) -> Map<String, Value>) -> Self {
        Self { json: json.into(), read, claims: OnceLock::new() }
    }
}

impl CallerParts {
    /// A user and nothing else.
    pub fn new(user_id: UserId, scheme: &'static str) -> Self {
        Self {
            user_id,
            scheme,
            session_id: None,
            organization: None,
            features: None,
            plans: None,
            factors: None,
            actor: None,
            status: None,
            expires: None,
            claims: Map::new(),
            scopes: Vec::new(),
            credential_id: None,
            machine: false,
            unread: None,
        }
    }

    pub(super) fn has_permission(&self, permission: &str) -> bool {
        let asked = without_organization_prefix(permission);
        self.organization.as_ref().is_some_and(|organization| {
            organization.permissions.iter().any(|has| has.strip_prefix("org:") == Some(asked))
        })
    }
}

impl UserId {
    /// Takes a text that an authenticator has verified: nobody else has a reason to call this.
    ///
    /// # Errors
    ///
    /// [`InvalidUserId`] where it is empty or has control characters.
    pub fn from_verified(text: &str) -> Result<Self, InvalidUserId> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(InvalidUserId);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Organization {
    /// An organization without role and permissions.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), slug: None, role: None, permissions: Vec::new() }
    }

    /// Sets the slug, for example `acme`.
    #[must_use]
    pub fn with_slug(mut self, slug: impl Into<String>) -> Self {
        self.slug = Some(slug.into());
        self
    }

    /// Sets the caller's role, for example `org:admin`; a missing prefix is added.
    #[must_use]
    pub fn with_role(mut self, role: &str) -> Self {
        self.role = Some(with_organization_prefix(role));
        self
    }

    /// Adds a permission, for example `org:projects:manage`; a missing prefix is added.
    #[must_use]
    pub fn with_permission(mut self, permission: &str) -> Self {
        self.permissions.push(with_organization_prefix(permission));
        self
    }
}

impl Actor {
    /// An actor of whom only the subject is known.
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), session_id: None, issuer: None, kind: None }
    }
}

/// Claims can hold personal data, so only ids are printed.
impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Caller")
            .field("user_id", &self.parts.user_id)
            .field("session_id", &self.parts.session_id)
            .field("organization", &self.parts.organization.as_ref().map(|organization| &organization.id))
            .field("actor", &self.parts.actor.as_ref().map(|actor| &actor.subject))
            .field("scheme", &self.parts.scheme)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "UserId({})", self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for UserId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for UserId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
