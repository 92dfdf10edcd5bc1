//! Clerk session tokens, verified without Clerk.
//!
//! With the instance's public key (`CLERK_JWT_KEY`) a token is verified without any network: a function in a private subnet
//! needs no way out. With a publishable key instead, the signing keys are fetched from the instance and remembered.
//!
//! The verdicts are those of Clerk's own SDK (`@clerk/backend` 3.25), proved against it row by row, with these exceptions. All
//! but the last refuse what the SDK lets pass:
//!
//! - a header with `crit` (RFC 7515, section 4.1.11), a `kid` that is no text, a repeated member name at any depth;
//! - base64 with padding, text that is not UTF-8, nesting beyond 128, more than 64 KiB;
//! - a subject that is empty or has control characters, or is a machine's;
//! - a token of another class (`cat`), where the SDK's lower level does not look;
//! - times that overflow an ECMAScript date, which the SDK never finds expired;
//! - an absent or malformed `aud` where audiences are configured;
//! - a session cookie without authorized parties;
//! - the operator's key may be written in more ways, and be of another size than 2048 bits.
//!
//! Machines and API keys: [`MachineVerifier`]. Not here: the browser's handshake and redirects.
//!
//! ```no_run
//! use std::sync::Arc;
//! use specwright_runtime::auth::clerk::ClerkVerifier;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Arc::new(ClerkVerifier::from_environment()?);
//! // Service::builder().authenticator("clerkSession", verifier)
//! # drop(verifier);
//! # Ok(())
//! # }
//! ```

use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;

use super::{AuthError, Authenticator, Caller, Credential, condition::Condition};
use crate::operation::{Location, SchemeKind, SecurityScheme};

mod backend;
mod builder;
mod cache;
mod claims;
mod cookie;
mod json;
mod jwks;
mod jws;
mod key;
mod machine;
mod pem;
mod publishable_key;
mod reason;
mod token;

pub use self::{
    backend::{BackendApi, BackendApiBuilder, BackendError},
    builder::{ClerkVerifierBuilder, ConfigError},
    machine::MachineVerifier,
    publishable_key::PublishableKey,
    reason::Reason,
};
use self::{
    cache::TokenCache,
    claims::Claims,
    jwks::{Clock, Jwks, KeyError},
    jws::Jws,
    key::PublicKey,
    token::{Rules, Token},
};

/// Verifies Clerk session tokens. Made by [`ClerkVerifier::builder`] or [`ClerkVerifier::from_environment`].
pub struct ClerkVerifier {
    keys: Keys,
    rules: Rules,
    /// The instance whose session cookies are accepted, where any are.
    cookie_key: Option<PublishableKey>,
    clock: Clock,
    /// Verified tokens, where they are remembered.
    remembered: Option<TokenCache>,
    /// Who is asked whether a session is still active, where anybody is.
    sessions: Option<Arc<BackendApi>>,
}

/// Where the keys come from.
enum Keys {
    /// The operator gave them; a token's `kid` is ignored, as Clerk does.
    Given(Vec<PublicKey>),
    /// The instance publishes them.
    Fetched(Box<Jwks>),
}

/// Why [`ClerkVerifier::verify`] has no caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is not accepted.
    #[error("{0}")]
    Rejected(Reason),
    /// The signing keys cannot be had at the moment, so the token can be neither accepted nor refused.
    #[error("the signing keys are not available")]
    Unavailable {
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// When it makes sense to try again.
        retry_after: Duration,
    },
}

impl ClerkVerifier {
    /// Starts a configuration.
    pub fn builder() -> ClerkVerifierBuilder {
        ClerkVerifierBuilder::new()
    }

    /// The configuration in the environment:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `CLERK_JWT_KEY` | the public key, PEM (one or more, any spelling); no network is needed then |
    /// | `CLERK_JWKS_URL` | where to fetch the keys instead |
    /// | `CLERK_PUBLISHABLE_KEY` | names the instance: its issuer, and where its keys are unless given above |
    /// | `CLERK_ISSUER` | the issuer (`iss`), where there is no publishable key; must agree with it where there is |
    /// | `CLERK_AUTHORIZED_PARTIES` | comma list of the origins (`azp`) that tokens may come from |
    /// | `CLERK_AUDIENCE` | comma list; a token must name one of them (`aud`) |
    /// | `CLERK_SESSION_COOKIE` | `true`: the session cookie counts as well as a bearer token |
    /// | `CLERK_TOKEN_CACHE` | `false`: verified tokens are not remembered |
    /// | `CLERK_ALLOW_MISSING_AZP` | `true`: a bearer token without `azp` passes nevertheless (native apps, Backend API tokens) |
    ///
    /// An empty variable counts as unset.
    ///
    /// # Errors
    ///
    /// As [`ClerkVerifierBuilder::build`].
    pub fn from_environment() -> Result<Self, ConfigError> {
        ClerkVerifierBuilder::from_variables(|name| std::env::var(name).ok()).build()
    }

    /// Fetches the signing keys, where they have to be fetched, so that the first request need not wait: for the start of a
    /// Lambda function. At most about 4 s, since a start has 10 s. A failure is no reason not to start: a request tries again.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Unavailable`].
    pub async fn prefetch(&self) -> Result<(), VerifyError> {
        match &self.keys {
            Keys::Given(_) => Ok(()),
            Keys::Fetched(jwks) => Ok(jwks.prefetch().await?),
        }
    }

    /// Clerk's `verifyToken()`: the caller that a session token proves, whatever the session's status is.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Rejected`] with the first check that fails, in Clerk's order; [`VerifyError::Unavailable`] where the
    /// keys have to be fetched and cannot be.
    pub async fn verify(&self, token: &str) -> Result<Caller, VerifyError> {
        let jws = Jws::decode(token)?;
        let token = Token::read(&jws)?;
        if token.is_of_machine_class() {
            return Err(Reason::Invalid.into());
        }
        let of_other_class = token.is_not_session();
        let claims = self.check(&token, &self.rules, self.rules.allow_missing_azp).await?;
        // Last, so that all other reasons are those of `verifyToken()`, which lets other classes through.
        if of_other_class {
            return Err(Reason::TypeMismatch.into());
        }
        Ok(claims::session(claims, ""))
    }

    /// Clerk's `authenticateRequest()`: other classes of token and pending sessions are signed out.
    async fn session(&self, text: &str, scheme: &'static str, allow_missing_azp: bool) -> Result<Caller, VerifyError> {
        let remembered = self.remembered.as_ref().map(|cache| {
            let parties = if allow_missing_azp { "azp may be missing" } else { "azp" };
            (cache, TokenCache::key(text, &[scheme, parties]))
        });
        if let Some((cache, key)) = &remembered
            && let Some(caller) = cache.get(key, self.now_ms())
        {
            return Ok(caller);
        }
        let jws = Jws::decode(text)?;
        let token = Token::read(&jws)?;
        if token.is_not_session() {
            return Err(Reason::TypeMismatch.into());
        }
        let claims = self.check(&token, &self.rules, allow_missing_azp).await?;
        let caller = claims::session(claims, scheme);
        if caller.status() == Some("pending") {
            return Err(Reason::SessionPending.into());
        }
        if let Some(backend) = &self.sessions {
            let session = caller.session_id().ok_or(Reason::SessionEnded)?;
            if !backend.session_is_active(session).await? {
                return Err(Reason::SessionEnded.into());
            }
        }
        if let Some((cache, key)) = remembered {
            cache.insert(key, &caller, self.now_ms());
        }
        Ok(caller)
    }

    /// Everything but what a token is: header, signature, claims, in this order.
    async fn check<'a>(
        &self,
        token: &'a Token<'_>,
        rules: &Rules,
        allow_missing_azp: bool,
    ) -> Result<Claims<'a>, VerifyError> {
        token.check_header(rules)?;
        match &self.keys {
            Keys::Given(keys) => token.check_signature(keys)?,
            Keys::Fetched(jwks) => {
                let id = token.key_id().ok_or(Reason::KeyMismatch)?;
                let key = jwks.key(id).await?;
                token.check_signature(&[key])?;
            }
        }
        Ok(token.check_claims(rules, allow_missing_azp, self.now_ms())?)
    }

    fn now_ms(&self) -> f64 {
        now_ms(&self.clock)
    }
}

/// Whole milliseconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact until the year 287396")]
fn now_ms(clock: &Clock) -> f64 {
    let now = clock().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() as f64 * 1_000.0 + f64::from(now.subsec_millis())
}

impl Authenticator for ClerkVerifier {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        scopes: &'a [&'static str],
        parts: &'a http::request::Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        Box::pin(async move {
            let caller = match (credential, scheme.kind, &self.cookie_key) {
                (Credential::Bearer(token), ..) => {
                    self.session(token, scheme.name, self.rules.allow_missing_azp).await?
                }
                // Which of the cookies counts is Clerk's rule, so the one that the contract names is not taken as it is. A
                // cookie travels with requests of any page: one without `azp` could be a stranger's doing.
                (Credential::ApiKey(_), SchemeKind::ApiKey { location: Location::Cookie, .. }, Some(key)) => {
                    if cookie::is_outranked(&parts.headers) {
                        let reason = "a token in the Authorization header counts before the cookie".to_owned();
                        return Err(AuthError::Invalid { reason });
                    }
                    let token =
                        cookie::session(&parts.headers, key, self.now_ms() / 1_000.0).map_err(VerifyError::from)?;
                    self.session(token, scheme.name, false).await?
                }
                _ => {
                    let reason =
                        "a Clerk session is a bearer token, or a cookie where session_cookie() is set".to_owned();
                    return Err(AuthError::Invalid { reason });
                }
            };
            authorize(&caller, scopes)?;
            Ok(caller)
        })
    }

    /// A contract can name the plain session cookie only; the instance's own may come without it.
    fn finds_credential(&self, scheme: &'static SecurityScheme, parts: &http::request::Parts) -> bool {
        let of_cookies = matches!(scheme.kind, SchemeKind::ApiKey { location: Location::Cookie, .. });
        of_cookies && self.cookie_key.as_ref().is_some_and(|key| cookie::is_sent(&parts.headers, key))
    }
}

/// All scopes of a requirement must hold. To verify again helps only whoever lacks nothing else.
fn authorize(caller: &Caller, scopes: &[&str]) -> Result<(), AuthError> {
    let (mut missing, mut again) = (Vec::new(), None);
    for scope in scopes {
        match Condition::parse(scope) {
            Some(condition) if condition.holds(caller) => {}
            Some(Condition::Reverification(needed)) => again = Some(needed),
            _ => missing.push((*scope).to_owned()),
        }
    }
    if missing.is_empty() {
        return match again {
            Some(needed) => Err(AuthError::Reverification { needed }),
            None => Ok(()),
        };
    }
    let reason = match caller.organization() {
        None => "the session acts in no organization".to_owned(),
        Some(organization) => format!("in organization {} the caller lacks {}", organization.id, missing.join(", ")),
    };
    Err(AuthError::Forbidden { reason, missing })
}

impl From<Reason> for VerifyError {
    fn from(reason: Reason) -> Self {
        Self::Rejected(reason)
    }
}

impl From<KeyError> for VerifyError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown => Self::Rejected(Reason::KeyMismatch),
            KeyError::Unavailable { source, retry_after } => Self::Unavailable { source: source.into(), retry_after },
        }
    }
}

impl From<VerifyError> for AuthError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Rejected(reason) => Self::Invalid { reason: reason.as_str().to_owned() },
            VerifyError::Unavailable { source, retry_after } => Self::Unavailable { source, retry_after },
        }
    }
}

impl fmt::Debug for ClerkVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let keys = match &self.keys {
            Keys::Given(keys) => format!("{} given", keys.len()),
            Keys::Fetched(jwks) => format!("from {}", jwks.url()),
        };
        formatter.debug_struct("ClerkVerifier").field("keys", &keys).field("rules", &self.rules).finish_non_exhaustive()
    }
}
