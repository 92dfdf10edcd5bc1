//! The verifier's configuration, checked when the service starts: a wrong key is one clear line then, not a stream of 401.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    BackendApi, ClerkVerifier, Keys, PublishableKey,
    cache::TokenCache,
    jwks::{Clock, Jwks, Lives},
    pem,
    token::Rules,
};

/// Clerk's default: clocks may differ by this much.
const CLOCK_SKEW_MS: i64 = 5_000;

/// How many verified tokens are remembered: with their claims, about 4 MB.
const REMEMBERED: usize = 1_024;
/// A key that was withdrawn is noticed after this, in milliseconds.
const REMEMBERED_MS: f64 = 60_000.0;

/// What is wrong with the configuration. One line each, naming the variable to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nothing to check a signature with.
    #[error("no Clerk key: set CLERK_JWT_KEY (the PEM public key) or CLERK_PUBLISHABLE_KEY")]
    NoKey,
    /// The PEM is not one.
    #[error("the Clerk JWT key (CLERK_JWT_KEY) cannot be used: {problem}")]
    JwtKey {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The publishable key is not one.
    #[error("the Clerk publishable key (CLERK_PUBLISHABLE_KEY) cannot be used: {problem}")]
    PublishableKey {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Cookies are wanted, and what makes them safe is not there.
    #[error(
        "the session cookie (CLERK_SESSION_COOKIE) needs CLERK_AUTHORIZED_PARTIES, against requests that other sites cause, \
         and CLERK_PUBLISHABLE_KEY, which names the cookie"
    )]
    SessionCookie,
    /// The address of the keys is not one.
    #[error("the address of the signing keys (CLERK_JWKS_URL) cannot be used, {url}: {problem}")]
    Jwks {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The client of Clerk's Backend API cannot be made.
    #[error("Clerk's Backend API cannot be used: {problem}")]
    BackendApi {
        /// What is wrong.
        problem: &'static str,
    },
    /// Two instances in one configuration: no token could ever satisfy it, or the wrong ones would.
    #[error(
        "the issuer (CLERK_ISSUER) {issuer} is not the one of the publishable key (CLERK_PUBLISHABLE_KEY): {expected}"
    )]
    IssuerMismatch {
        /// As given.
        issuer: String,
        /// As the publishable key says.
        expected: String,
    },
}

/// Collects a configuration; [`build`](Self::build) checks it.
#[must_use]
pub struct ClerkVerifierBuilder {
    jwt_keys: Vec<String>,
    jwks: Option<String>,
    publishable_key: Option<String>,
    issuer: Vec<String>,
    authorized_parties: Vec<String>,
    audience: Vec<String>,
    header_types: Vec<String>,
    clock_skew_ms: i64,
    allow_missing_azp: bool,
    session_cookie: bool,
    clock: Clock,
    lives: Lives,
    remembered: usize,
    sessions: Option<Arc<BackendApi>>,
}

impl ClerkVerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            jwt_keys: Vec::new(),
            jwks: None,
            publishable_key: None,
            issuer: Vec::new(),
            authorized_parties: Vec::new(),
            audience: Vec::new(),
            header_types: Vec::new(),
            clock_skew_ms: CLOCK_SKEW_MS,
            allow_missing_azp: false,
            session_cookie: false,
            clock: Arc::new(SystemTime::now),
            lives: Lives::default(),
            remembered: REMEMBERED,
            sessions: None,
        }
    }

    /// See [`ClerkVerifier::from_environment`]. The lookup is a parameter so that a test needs no process environment.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let list = |name: &str| {
            let value = set(name).unwrap_or_default();
            value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut builder =
            Self::new().authorized_parties(list("CLERK_AUTHORIZED_PARTIES")).audience(list("CLERK_AUDIENCE"));
        builder.jwt_keys.extend(set("CLERK_JWT_KEY"));
        builder.jwks = set("CLERK_JWKS_URL").map(|url| url.trim().to_owned());
        builder.publishable_key = set("CLERK_PUBLISHABLE_KEY");
        builder.issuer.extend(set("CLERK_ISSUER").map(|issuer| issuer.trim().to_owned()));
        let is_true = |name: &str| set(name).is_some_and(|value| value.trim() == "true");
        builder.allow_missing_azp = is_true("CLERK_ALLOW_MISSING_AZP");
        builder.session_cookie = is_true("CLERK_SESSION_COOKIE");
        if set("CLERK_TOKEN_CACHE").is_some_and(|value| value.trim() == "false") {
            builder.remembered = 0;
        }
        builder
    }

    /// Adds a public key, PEM in any spelling (`CLERK_JWT_KEY`). Several keys, in one text or by several calls, serve a
    /// rotation. Given keys win over fetched ones.
    pub fn jwt_key(mut self, pem: impl Into<String>) -> Self {
        self.jwt_keys.push(pem.into());
        self
    }

    /// Where to fetch the keys: `https`, or `http` to this machine. Nothing is fetched before the first token needs it.
    pub fn jwks(mut self, url: impl Into<String>) -> Self {
        self.jwks = Some(url.into());
        self
    }

    /// The instance's publishable key: sets the issuer, and where the keys are unless they are given otherwise.
    pub fn publishable_key(mut self, key: impl Into<String>) -> Self {
        self.publishable_key = Some(key.into());
        self
    }

    /// Adds an issuer (`iss`), for example `https://clerk.example.com`. Without any, the claim is not checked.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer.push(issuer.into());
        self
    }

    /// The origins (`azp`) that tokens may come from, for example `https://app.example.com`. Compared as they are. Without
    /// any, the claim is not checked.
    pub fn authorized_parties(mut self, parties: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.authorized_parties = parties.into_iter().map(Into::into).collect();
        self
    }

    /// Lets a bearer token without `azp` pass although authorized parties are set. Tokens made by Clerk's Backend API and by
    /// native apps have none. A wrong `azp` is refused all the same.
    pub fn allow_missing_azp_on_bearer(mut self) -> Self {
        self.allow_missing_azp = true;
        self
    }

    /// Accepts the session cookie where the contract has a scheme for it (`type: apiKey`, `in: cookie`, `name: __session`).
    /// Needs authorized parties and a publishable key; a token without `azp` never counts as a cookie.
    pub fn session_cookie(mut self) -> Self {
        self.session_cookie = true;
        self
    }

    /// Audiences (`aud`) of which a token must name one. Without any, the claim is not checked.
    pub fn audience(mut self, audience: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.audience = audience.into_iter().map(Into::into).collect();
        self
    }

    /// Values of the header's `typ`, one of which must be there. Without any: absent, or `JWT`.
    pub fn header_types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.header_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// How far the clocks may differ; 5 seconds unless set.
    pub fn clock_skew(self, skew: Duration) -> Self {
        self.clock_skew_ms(i64::try_from(skew.as_millis()).unwrap_or(i64::MAX))
    }

    /// As Clerk's `clockSkewInMs`: a negative skew ends tokens early.
    pub fn clock_skew_ms(mut self, skew_ms: i64) -> Self {
        self.clock_skew_ms = skew_ms;
        self
    }

    /// The clock, for tests and replays.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long fetched keys are used without asking again (5 minutes unless set), and how long at most while they cannot be
    /// fetched (1 hour unless set).
    pub fn key_lives(mut self, soft: Duration, hard: Duration) -> Self {
        self.lives.soft = soft;
        self.lives.hard = hard.max(soft);
        self
    }

    /// How many verified tokens are remembered, so that a token that is sent again costs no signature check; 1,024 unless set,
    /// none with 0. An entry never outlives its token, nor a minute.
    pub fn remember_tokens(mut self, tokens: usize) -> Self {
        self.remembered = tokens;
        self
    }

    /// Asks Clerk at each request whether the session is still active, so that a session that was ended is refused at once and
    /// not when its token expires. Costs a call of the Backend API per request, and nothing is remembered; while Clerk does not
    /// answer, requests fail with 503.
    pub fn check_sessions(mut self, backend: Arc<BackendApi>) -> Self {
        self.sessions = Some(backend);
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: no key, or one that cannot be used; a publishable key and an issuer of two instances.
    pub fn build(self) -> Result<ClerkVerifier, ConfigError> {
        let publishable_key = self.publishable_key.as_deref().map(PublishableKey::parse).transpose()?;
        let mut issuer = self.issuer;
        if let Some(key) = &publishable_key {
            let expected = key.issuer();
            if issuer.is_empty() {
                issuer.push(expected);
            } else if !issuer.contains(&expected) {
                return Err(ConfigError::IssuerMismatch { issuer: issuer.join(", "), expected });
            }
            warn_of_any_origin(key, &self.authorized_parties);
        }
        let cookie_key = match (self.session_cookie, self.authorized_parties.is_empty(), &publishable_key) {
            (false, ..) => None,
            (true, false, Some(key)) => Some(key.clone()),
            (true, ..) => return Err(ConfigError::SessionCookie),
        };
        let mut given = Vec::new();
        for text in &self.jwt_keys {
            given.extend(pem::parse(text)?);
        }
        let keys = if given.is_empty() {
            let url =
                self.jwks.or_else(|| publishable_key.as_ref().map(PublishableKey::jwks)).ok_or(ConfigError::NoKey)?;
            Keys::Fetched(Box::new(Jwks::new(&url, self.lives, Arc::clone(&self.clock))?))
        } else {
            Keys::Given(given)
        };
        let rules = Rules {
            authorized_parties: self.authorized_parties,
            allow_missing_azp: self.allow_missing_azp,
            audience: self.audience,
            issuer,
            header_types: self.header_types,
            clock_skew_ms: self.clock_skew_ms,
        };
        let remembers = self.remembered > 0 && self.sessions.is_none();
        let remembered = remembers.then(|| TokenCache::new(self.remembered, REMEMBERED_MS));
        Ok(ClerkVerifier { keys, rules, cookie_key, clock: self.clock, remembered, sessions: self.sessions })
    }
}

fn warn_of_any_origin(key: &PublishableKey, authorized_parties: &[String]) {
    if key.is_production() && authorized_parties.is_empty() {
        tracing::warn!(
            "CLERK_AUTHORIZED_PARTIES is not set for a production instance: tokens of any origin are accepted"
        );
    }
}
