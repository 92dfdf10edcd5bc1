//! Who is calling, and may they?
//!
//! The contract says which operations are secured, by which scheme and with which scopes; the service asks an
//! [`Authenticator`] per scheme and hands the resulting [`Caller`] to the handler. An authenticator sees the credential that
//! was found where the scheme says it is, never the body, and answers with a caller or an [`AuthError`], which alone decides
//! between 401, 403 and 503.
//!
//! Deliberately not here: where a credential is read from (the service does that, from the contract), sessions, sign-in pages
//! and redirects. A JSON interface answers 401 and leaves the rest to the client.

use std::{error::Error, fmt, time::Duration};

use futures_util::future::BoxFuture;

use crate::operation::SecurityScheme;

mod caller;
mod check;
#[cfg(feature = "clerk")]
pub mod clerk;
#[cfg(feature = "clerk")]
mod condition;
mod proof;

pub use self::{
    caller::{Actor, Caller, CallerParts, Factors, InvalidUserId, Organization, UserId},
    check::{Check, Level, Reverification},
    proof::{AnyCaller, FromCaller, Machine, OrganizationCaller},
};

/// Turns the credential of one security scheme into a [`Caller`].
///
/// Implementations are shared by all requests, so state goes behind atomics or locks.
pub trait Authenticator: Send + Sync + 'static {
    /// Judges one credential.
    ///
    /// `scopes` are those of the contract's security requirement: all of them must hold. `parts` is the request without its
    /// body, for schemes that look at more than the credential.
    ///
    /// # Errors
    ///
    /// [`AuthError::Invalid`] where the credential proves nothing, [`AuthError::Forbidden`] where it proves a caller that lacks
    /// a scope, [`AuthError::Unavailable`] where nobody can tell at the moment. An outage is never `Invalid`: a client would
    /// throw away a good session.
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        scopes: &'a [&'static str],
        parts: &'a http::request::Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>>;

    /// Whether the request has a credential of the scheme although nothing stands where the contract says. The credential that
    /// [`authenticate`](Self::authenticate) is asked about is empty then. For schemes that a contract cannot describe, such as
    /// cookies whose names differ from one deployment to the next.
    fn finds_credential(&self, _scheme: &'static SecurityScheme, _parts: &http::request::Parts) -> bool {
        false
    }
}

/// Lets nobody in: for a security scheme of the contract that a deployment does without, where the other alternatives of its
/// operations are enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Closed;

impl Authenticator for Closed {
    fn authenticate<'a>(
        &'a self,
        _credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        _scopes: &'a [&'static str],
        _parts: &'a http::request::Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        let reason = format!("{} is not configured here", scheme.name);
        Box::pin(async move { Err(AuthError::Invalid { reason }) })
    }
}

/// A credential as found in the request. `Debug` prints its kind only.
#[non_exhaustive]
pub enum Credential<'a> {
    /// `Authorization: Bearer ...` (RFC 6750): the token without the scheme.
    Bearer(&'a str),
    /// `Authorization: Basic ...` (RFC 7617), decoded.
    Basic {
        /// The part before the first colon.
        user: String,
        /// The part after it.
        password: Secret,
    },
    /// The value of the header, query parameter or cookie that an `apiKey` scheme names.
    ApiKey(&'a str),
    /// Any other `Authorization` scheme of the contract: the text after the scheme's name.
    Other(&'a str),
}

/// Why there is no caller. The reasons go to the log; a client sees the status and a fixed text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No credential where the contract asks for one: 401 with a bare `WWW-Authenticate` (RFC 6750, section 3.1).
    #[error("no credential was sent")]
    Missing,
    /// A credential that proves nothing: 401 with `error="invalid_token"`.
    #[error("the credential is invalid: {reason}")]
    Invalid {
        /// Why, for the log only: a client that learns the reason learns how to get further.
        reason: String,
    },
    /// A verified caller that lacks what the operation asks for: 403.
    #[error("the caller is not allowed to do this: {reason}")]
    Forbidden {
        /// Why, for the log only.
        reason: String,
        /// The scopes of the contract that do not hold, as the contract spells them.
        missing: Vec<String>,
    },
    /// A verified caller whose last verification is too long ago: 403, with the body that Clerk's front-end answers by asking
    /// the user to verify again (RFC 9470, too).
    #[error("the caller must verify again")]
    Reverification {
        /// What would be recent enough.
        needed: Reverification,
    },
    /// Nobody can tell at the moment, for example because the signing keys cannot be fetched: 503 with `Retry-After`.
    #[error("the credential cannot be checked at the moment")]
    Unavailable {
        /// What failed, for the log only.
        #[source]
        source: Box<dyn Error + Send + Sync>,
        /// When it makes sense to try again.
        retry_after: Duration,
    },
}

/// A text that must not reach a log. `Debug` prints dots; the text is asked for by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("Secret(...)")
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bearer(_) => "Bearer(...)",
            Self::Basic { .. } => "Basic(...)",
            Self::ApiKey(_) => "ApiKey(...)",
            Self::Other(_) => "Other(...)",
        })
    }
}
