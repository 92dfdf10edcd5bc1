//! The instance's signing keys (JWKS, RFC 7517), fetched when a request needs them and remembered.
//!
//! | age of the keys | a known key id | an unknown key id |
//! |---|---|---|
//! | none yet, or past the hard life | fetch, wait | fetch, wait |
//! | below the soft life | no fetch | fetch, at most once per window |
//! | between the two | one request refreshes, and gives up after half a second; all others go on | as above |
//!
//! All fetches go through one lock: a thousand cold requests are one fetch. A failed fetch is remembered for a moment, so an
//! outage costs one request its time-out and not all of them. There is no background task: a Lambda function is frozen between
//! requests, and a task that wakes up an hour later in the middle of a dead connection is worse than none. For the same reason
//! age is measured by the wall clock.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwapOption;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, header};
use serde_json::Value;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{sleep, timeout},
};

use super::{ConfigError, key::PublicKey};

/// The time, injected.
pub(super) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How long keys are used, and how often they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lives {
    /// Keys younger than this are not refreshed.
    pub(super) soft: Duration,
    /// Keys older than this are not used.
    pub(super) hard: Duration,
    /// An unknown key id causes at most one fetch in this time.
    pub(super) unknown_key_window: Duration,
}

impl Default for Lives {
    fn default() -> Self {
        Self {
            soft: Duration::from_mins(5),
            hard: Duration::from_hours(1),
            unknown_key_window: Duration::from_secs(30),
        }
    }
}

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);
/// A request with usable keys waits no longer than this for fresh ones.
const REFRESH_PATIENCE: Duration = Duration::from_millis(500);
/// After a failed refresh of usable keys, the next one is this far off.
const REFRESH_PAUSE_MS: i64 = 30_000;
/// After a failed fetch without usable keys, requests fail for this long without another one.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// The pause doubles with each failure up to this: where the server does not even refuse, a fetch takes 4 seconds.
const MAX_FAILURE_PAUSE: Duration = Duration::from_secs(8);
/// A `Retry-After` is honoured up to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// An instance has one to three keys of about 500 bytes each.
const MAX_BODY: usize = 256 * 1024;

/// Why there is no key.
#[derive(Debug)]
pub(super) enum KeyError {
    /// The keys are known and this one is not among them.
    Unknown,
    /// The keys cannot be had at the moment.
    Unavailable { source: FetchError, retry_after: Duration },
}

/// What went wrong with a fetch. Cloned to every request that would have repeated it.
#[derive(Clone, Debug)]
pub(super) struct FetchError(Arc<str>);

impl std::error::Error for FetchError {}

impl fmt::Display for FetchError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The cache.
pub(super) struct Jwks {
    url: String,
    client: reqwest::Client,
    lives: Lives,
    clock: Clock,
    keys: ArcSwapOption<KeySet>,
    /// Held while fetching.
    fetches: Mutex<Fetches>,
}

struct KeySet {
    /// By key id. Clerk takes the last of several keys with one id; so do we.
    by_id: HashMap<String, PublicKey>,
    fetched_ms: i64,
}

/// What is known about past fetches.
#[derive(Default)]
struct Fetches {
    /// The last one caused by an unknown key id, in ms.
    unknown_key_ms: Option<i64>,
    failure: Option<Failure>,
    /// How many failed since the last that did not.
    failures: u32,
}

/// The last fetch, where it failed.
struct Failure {
    error: FetchError,
    at_ms: i64,
    /// How long no request without usable keys tries again; at least what the server asked for.
    pause: Duration,
}

impl Jwks {
    /// A cache that has fetched nothing yet.
    pub(super) fn new(url: &str, lives: Lives, clock: Clock) -> Result<Self, ConfigError> {
        let refuse = |problem| ConfigError::Jwks { url: url.to_owned(), problem };
        let parsed = reqwest::Url::parse(url).map_err(|_| refuse("it is not a URL"))?;
        let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && loopback) {
            return Err(refuse("keys are only as good as the connection they came over: it must be https"));
        }
        let mut builder = reqwest::Client::builder()
            .timeout(ATTEMPT_TIMEOUT)
            // A redirect could lead to somebody else's keys.
            .redirect(reqwest::redirect::Policy::none());
        if loopback {
            builder = builder.no_proxy();
        }
        let client =
            builder.build().map_err(|_| refuse("no TLS client can be made: are the CA certificates installed?"))?;
        Ok(Self { url: url.to_owned(), client, lives, clock, keys: ArcSwapOption::empty(), fetches: Mutex::default() })
    }

    /// Where the keys come from.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Fetches the keys where there are none, so that the first request need not.
    pub(super) async fn prefetch(&self) -> Result<(), KeyError> {
        let mut fetches = self.fetches.lock().await;
        match self.usable() {
            Some(_) => Ok(()),
            None => self.fetch(&mut fetches).await.map(drop),
        }
    }

    /// The key with this id.
    pub(super) async fn key(&self, id: &str) -> Result<PublicKey, KeyError> {
        let known = self.usable().map(|(keys, age)| (keys.by_id.get(id).cloned(), age));
        match known {
            Some((Some(key), age)) if age < self.lives.soft => Ok(key),
            Some((Some(key), _)) => self.refreshed(id).await.unwrap_or(Ok(key)),
            _ => self.fetched(id).await,
        }
    }

    /// Keys within their hard life, and their age. A clock that was set back makes keys old, not young.
    fn usable(&self) -> Option<(Arc<KeySet>, Duration)> {
        let keys = self.keys.load_full()?;
        let age_ms = u64::try_from(self.now_ms() - keys.fetched_ms).unwrap_or(u64::MAX);
        let age = Duration::from_millis(age_ms);
        (age < self.lives.hard).then_some((keys, age))
    }

    /// One request refreshes keys that are still usable; the others find the lock taken. `None`: go on with the key at hand.
    async fn refreshed(&self, id: &str) -> Option<Result<PublicKey, KeyError>> {
        let mut fetches = self.fetches.try_lock().ok()?;
        // A key that the fresh keys no longer have was withdrawn: the old one must not be used again.
        let judge = |keys: &KeySet| Some(keys.by_id.get(id).cloned().ok_or(KeyError::Unknown));
        if let Some((keys, age)) = self.usable()
            && age < self.lives.soft
        {
            return judge(&keys);
        }
        let paused = fetches
            .failure
            .as_ref()
            .is_some_and(|failure| self.is_within(failure.at_ms, REFRESH_PAUSE_MS.max(milliseconds(failure.pause))));
        if paused {
            return None;
        }
        match timeout(REFRESH_PATIENCE, self.fetch(&mut fetches)).await {
            Ok(Ok(keys)) => judge(&keys),
            Ok(Err(_)) => None,
            Err(_) => {
                let error = FetchError(format!("no signing keys from {} within half a second", self.url).into());
                self.remember(&mut fetches, error, Duration::ZERO);
                None
            }
        }
    }

    /// No usable key of this id: wait for the fetch that is under way, or fetch.
    async fn fetched(&self, id: &str) -> Result<PublicKey, KeyError> {
        let mut fetches = self.fetches.lock().await;
        // Whoever held the lock may have fetched it.
        let usable = self.usable();
        if let Some(key) = usable.as_ref().and_then(|(keys, _)| keys.by_id.get(id)) {
            return Ok(key.clone());
        }
        if let Some(failure) = &fetches.failure {
            let pause_ms = match usable {
                // While the server is down an unknown key id is no reason to hammer it, but neither is the token known to be bad.
                Some(_) => milliseconds(self.lives.unknown_key_window),
                None => milliseconds(failure.pause),
            };
            if self.is_within(failure.at_ms, pause_ms) {
                return Err(KeyError::Unavailable { source: failure.error.clone(), retry_after: failure.pause });
            }
        }
        if usable.is_some() {
            let window_ms = milliseconds(self.lives.unknown_key_window);
            if fetches.unknown_key_ms.is_some_and(|at_ms| self.is_within(at_ms, window_ms)) {
                return Err(KeyError::Unknown);
            }
            fetches.unknown_key_ms = Some(self.now_ms());
        }
        let keys = self.fetch(&mut fetches).await?;
        let key = keys.by_id.get(id).cloned();
        if key.is_none() {
            // The first fetch of all may have been for an unknown key id, too.
            fetches.unknown_key_ms = Some(self.now_ms());
        }
        key.ok_or(KeyError::Unknown)
    }

    /// Fetches the keys and remembers them, or the failure.
    async fn fetch(&self, fetches: &mut MutexGuard<'_, Fetches>) -> Result<Arc<KeySet>, KeyError> {
        let mut outcome = self.attempt().await;
        for _ in 1..ATTEMPTS {
            match &outcome {
                Err(failure) if failure.worth_another => {
                    sleep(ATTEMPT_PAUSE).await;
                    outcome = self.attempt().await;
                }
                _ => break,
            }
        }
        match outcome {
            Ok(by_id) => {
                let keys = Arc::new(KeySet { by_id, fetched_ms: self.now_ms() });
                self.keys.store(Some(Arc::clone(&keys)));
                (fetches.failure, fetches.failures) = (None, 0);
                Ok(keys)
            }
            Err(AttemptError { problem, retry_after, .. }) => {
                let error = FetchError(format!("no signing keys from {}: {problem}", self.url).into());
                let retry_after = self.remember(fetches, error.clone(), retry_after);
                Err(KeyError::Unavailable { source: error, retry_after })
            }
        }
    }

    /// Returns how long to leave the server alone.
    fn remember(&self, fetches: &mut Fetches, error: FetchError, retry_after: Duration) -> Duration {
        tracing::warn!(auth.jwks.error = %error, "signing keys could not be fetched");
        let pause = FAILURE_PAUSE.saturating_mul(2_u32.saturating_pow(fetches.failures)).min(MAX_FAILURE_PAUSE);
        let pause = pause.max(retry_after);
        fetches.failures = fetches.failures.saturating_add(1);
        fetches.failure = Some(Failure { error, at_ms: self.now_ms(), pause });
        pause
    }

    async fn attempt(&self) -> Result<HashMap<String, PublicKey>, AttemptError> {
        let again = |problem: &reqwest::Error| AttemptError {
            problem: if problem.is_timeout() { "it timed out".into() } else { chain(problem) },
            worth_another: true,
            retry_after: Duration::ZERO,
        };
        let request = self.client.get(&self.url).header(header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| again(&error))?;
        let status = response.status();
        if status != StatusCode::OK {
            let retry_after = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map_or(Duration::ZERO, Duration::from_secs)
                .min(MAX_RETRY_AFTER);
            // A refusal does not change within a second, and a server that says when means it.
            return Err(AttemptError {
                problem: format!("it answered {status}"),
                worth_another: status.is_server_error() && retry_after.is_zero(),
                retry_after,
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| again(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(AttemptError::last("the answer is longer than any key set"));
            }
            body.extend_from_slice(&chunk);
        }
        parse(&body).ok_or_else(|| AttemptError::last("the answer holds no RSA signing key"))
    }

    fn is_within(&self, since_ms: i64, window_ms: i64) -> bool {
        (0..window_ms).contains(&(self.now_ms() - since_ms))
    }

    fn now_ms(&self) -> i64 {
        let since = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        milliseconds(since)
    }
}

/// The keys that Clerk's signatures can be checked with, by id. Others are left out: for encryption, of another type, for
/// another algorithm, without an id. `None` where nothing is left, which is never a reason to forget good keys.
fn parse(body: &[u8]) -> Option<HashMap<String, PublicKey>> {
    let document = serde_json::from_slice::<Value>(body).ok()?;
    let mut keys = HashMap::new();
    for key in document.get("keys")?.as_array()? {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let for_signatures = key.get("use").is_none_or(|purpose| *purpose == "sig");
        let for_rs256 = key.get("alg").is_none_or(|algorithm| *algorithm == "RS256");
        if text("kty") != Some("RSA") || !for_signatures || !for_rs256 {
            continue;
        }
        let number = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        if let (Some(id), Some(modulus), Some(exponent)) = (text("kid"), number("n"), number("e"))
            && let Some(key) = PublicKey::from_components(&modulus, &exponent)
        {
            keys.insert(id.to_owned(), key);
        }
    }
    (!keys.is_empty()).then_some(keys)
}

struct AttemptError {
    problem: String,
    worth_another: bool,
    retry_after: Duration,
}

impl AttemptError {
    fn last(problem: &str) -> Self {
        Self { problem: problem.to_owned(), worth_another: false, retry_after: Duration::ZERO }
    }
}

/// reqwest's own text names the URL and hides the cause.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = "it cannot be reached".to_owned();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
