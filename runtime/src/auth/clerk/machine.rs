//! Callers that are no session: machines (M2M), OAuth clients, API keys.
//!
//! | scheme of the contract | tokens | verified | the handler's caller |
//! |---|---|---|---|
//! | `x-clerk: m2m` | JWT of a machine; `mt_...` | here; by the Backend API | `Machine` |
//! | `x-clerk: oauth` | JWT with `typ: at+jwt` (RFC 9068); `oat_...` | here; by the Backend API | `Caller`, the user |
//! | `x-clerk: api-key` | `ak_...` | by the Backend API | `AnyCaller`: the key of a user or of an organization |
//!
//! The names that a security requirement lists are scopes of the token or key; all must be there. A token that its own
//! issuer can revoke at any time, which all opaque ones are, is remembered for half a minute after Clerk said yes; a no is never
//! remembered. JWTs cannot be revoked before they expire.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    BackendApi, ClerkVerifier, Reason, VerifyError,
    backend::{Opaque, Verified},
    cache::TokenCache,
    claims::{self, Claims},
    jws::Jws,
    token::{MACHINE_PREFIX, OAUTH_TYPES, Rules, Token, audience_matches},
};
use crate::{
    auth::{AuthError, Authenticator, Caller, CallerParts, Credential, Organization, UserId},
    operation::SecurityScheme,
};

/// A longer text is no opaque token; Clerk's have about 50 characters.
const MAX_LENGTH: usize = 512;
/// How many are remembered, and for how long: a key that was revoked is noticed after this.
const REMEMBERED: usize = 1_024;
const REMEMBERED_MS: f64 = 30_000.0;

/// Verifies the tokens of one kind of caller that is no session. One for each security scheme of the contract.
pub struct MachineVerifier {
    kind: Opaque,
    /// Who verifies JWTs, where the kind has any.
    verifier: Option<Arc<ClerkVerifier>>,
    rules: Rules,
    /// Who is asked about opaque tokens.
    backend: Option<Arc<BackendApi>>,
    remembered: Option<TokenCache>,
}

impl MachineVerifier {
    /// For a scheme with `x-clerk: m2m`: JWTs, and opaque tokens once there is a [`backend`](Self::backend).
    pub fn m2m(verifier: Arc<ClerkVerifier>) -> Self {
        Self::new(Opaque::MachineToken, Some(verifier), None)
    }

    /// For a scheme with `x-clerk: oauth`: JWTs, and opaque tokens once there is a [`backend`](Self::backend). Where the
    /// verifier has audiences, a token must name one of them.
    pub fn oauth(verifier: Arc<ClerkVerifier>) -> Self {
        Self::new(Opaque::OAuthToken, Some(verifier), None)
    }

    /// For a scheme with `x-clerk: api-key`.
    pub fn api_keys(backend: Arc<BackendApi>) -> Self {
        Self::new(Opaque::ApiKey, None, Some(backend))
    }

    /// Who is asked about opaque tokens. Without, they are refused.
    #[must_use]
    pub fn backend(mut self, backend: Arc<BackendApi>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Asks about every request: what was revoked is refused at once, and each request costs a call.
    #[must_use]
    pub fn remember_nothing(mut self) -> Self {
        self.remembered = None;
        self
    }

    fn new(kind: Opaque, verifier: Option<Arc<ClerkVerifier>>, backend: Option<Arc<BackendApi>>) -> Self {
        let ours = verifier.as_ref().map(|verifier| &verifier.rules);
        let rules = Rules {
            // Who asked for the token is its client, not a page.
            authorized_parties: Vec::new(),
            allow_missing_azp: true,
            audience: ours.map(|rules| rules.audience.clone()).unwrap_or_default(),
            issuer: ours.map(|rules| rules.issuer.clone()).unwrap_or_default(),
            header_types: match kind {
                Opaque::OAuthToken => OAUTH_TYPES.map(str::to_owned).to_vec(),
                Opaque::MachineToken | Opaque::ApiKey => Vec::new(),
            },
            clock_skew_ms: ours.map_or(0, |rules| rules.clock_skew_ms),
        };
        Self { kind, verifier, rules, backend, remembered: Some(TokenCache::new(REMEMBERED, REMEMBERED_MS)) }
    }

    async fn verify(&self, text: &str, scheme: &'static str) -> Result<Caller, VerifyError> {
        if text.starts_with(self.kind.prefix()) {
            return self.opaque(text, scheme).await;
        }
        let Some(verifier) = &self.verifier else { return Err(Reason::TypeMismatch.into()) };
        let jws = Jws::decode(text)?;
        let token = Token::read(&jws)?;
        let read: fn(Claims<'_>, &'static str) -> Caller = match self.kind {
            Opaque::MachineToken if token.is_machine() => claims::machine,
            // Clerk asks about the subject first: a machine is never a user.
            Opaque::OAuthToken if token.is_oauth() && !token.has_machine_subject() => claims::oauth,
            _ => return Err(Reason::TypeMismatch.into()),
        };
        Ok(read(verifier.check(&token, &self.rules, true).await?, scheme))
    }

    async fn opaque(&self, text: &str, scheme: &'static str) -> Result<Caller, VerifyError> {
        let plausible =
            text.len() <= MAX_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !plausible {
            return Err(Reason::Invalid.into());
        }
        let Some(backend) = &self.backend else { return Err(Reason::TypeMismatch.into()) };
        let key = TokenCache::key(text, &[scheme]);
        let now_ms = super::now_ms(&backend.clock);
        if let Some(caller) = self.remembered.as_ref().and_then(|cache| cache.get(&key, now_ms)) {
            return Ok(caller);
        }
        let verified = backend.verify(self.kind, text).await?;
        if verified.is_over {
            return Err(Reason::Revoked.into());
        }
        if verified.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Err(Reason::Expired.into());
        }
        let audiences = &self.rules.audience;
        if self.kind == Opaque::OAuthToken
            && !audiences.is_empty()
            && !audience_matches(verified.audiences.iter().map(String::as_str), audiences)
        {
            return Err(Reason::VerificationFailed.into());
        }
        let caller = self.caller(verified, scheme)?;
        if let Some(cache) = &self.remembered {
            // From before the call: a key that was revoked meanwhile is not remembered longer for it.
            cache.insert(key, &caller, now_ms);
        }
        Ok(caller)
    }

    fn caller(&self, verified: Verified, scheme: &'static str) -> Result<Caller, Reason> {
        let subject = UserId::from_verified(&verified.subject).map_err(|_| Reason::VerificationFailed)?;
        let is = |prefix: &str| verified.subject.starts_with(prefix);
        let (machine, organization) = match self.kind {
            Opaque::MachineToken if is(MACHINE_PREFIX) => (true, None),
            Opaque::OAuthToken | Opaque::ApiKey if is("user_") => (false, None),
            Opaque::ApiKey if is("org_") => (true, Some(Organization::new(&verified.subject))),
            _ => return Err(Reason::VerificationFailed),
        };
        let mut parts = CallerParts::new(subject, scheme);
        parts.machine = machine;
        parts.organization = organization;
        parts.scopes = verified.scopes;
        parts.claims = verified.claims;
        parts.credential_id = Some(verified.id);
        #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
        let expires = verified.expires_ms.map(|expires_ms| (expires_ms / 1_000.0) as i64);
        parts.expires = expires;
        Ok(Caller::new(parts))
    }
}

impl Authenticator for MachineVerifier {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        scopes: &'a [&'static str],
        _parts: &'a http::request::Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        Box::pin(async move {
            let (Credential::Bearer(text) | Credential::ApiKey(text)) = credential else {
                return Err(AuthError::Invalid { reason: "a machine's token is sent as it is".to_owned() });
            };
            let caller = self.verify(text, scheme.name).await?;
            let has = |scope: &str| caller.scopes().iter().any(|has| has == scope);
            let missing: Vec<String> =
                scopes.iter().filter(|scope| !has(scope)).map(|scope| (*scope).to_owned()).collect();
            if missing.is_empty() {
                return Ok(caller);
            }
            let reason = format!("{} lacks {}", caller.user_id(), missing.join(", "));
            Err(AuthError::Forbidden { reason, missing })
        })
    }
}
