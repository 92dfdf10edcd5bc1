//! Credentials that change while the service runs: a secret that is rotated.
//!
//! A rotation changes the password in the database and in the secret, and not at the same instant. When the server refuses
//! what is in use, one request asks the secret again while the others wait: first the current version, then the pending one,
//! which is what the server knows already in the middle of a rotation. What the server has just refused is not tried again
//! for a while: flipping between two refused versions was seen to cost five seconds.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnectOptions;
use tokio::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{Error, error::Source};
use crate::auth::Secret;

/// For how long refused credentials are not tried again. They may become right: a rotation can be taken back.
const REFUSED_FOR: Duration = Duration::from_secs(2);
/// The secret is asked no more often than this, however many requests wait.
const ASK_AT_MOST_EVERY: Duration = Duration::from_millis(200);
/// How long the secret may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where credentials are kept: Secrets Manager, or a test's own.
pub trait SecretSource: Send + Sync + 'static {
    /// Reads one version of the secret, past any cache; `None` where there is no such version.
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<Credentials>, Source>>;
}

/// Which version of a secret (the staging labels of Secrets Manager).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `AWSCURRENT`.
    Current,
    /// `AWSPENDING`: there is one in the middle of a rotation.
    Pending,
}

/// A user and a password. `Debug` prints the user only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

impl Credentials {
    /// Reads the JSON that RDS keeps in a secret: an object with `username` and `password`; the rest is ignored.
    ///
    /// # Errors
    ///
    /// Where it is not such an object. The error does not repeat the text.
    pub fn from_secret_json(text: &str) -> Result<Self, Source> {
        #[derive(serde::Deserialize)]
        struct Stored {
            username: String,
            password: String,
        }
        let Stored { username, password } = serde_json::from_str(text)
            .map_err(|_| "the secret is not a JSON object with the texts `username` and `password`")?;
        Ok(Self { user: username, password: Secret::new(password) })
    }

    pub(super) fn apply(&self, options: &PgConnectOptions) -> PgConnectOptions {
        options.clone().username(&self.user).password(self.password.expose())
    }
}

/// The credentials in use, and the way to fresh ones.
pub(super) struct CredentialStore {
    source: Arc<dyn SecretSource>,
    /// Counts what was put in use; 0 is before the first. An attempt that failed with an older one need only try again.
    generation: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_use: Option<Credentials>,
    refused: Vec<(Credentials, Instant)>,
    asked: Option<Instant>,
}

impl CredentialStore {
    pub(super) fn new(source: Arc<dyn SecretSource>) -> Self {
        Self { source, generation: AtomicU64::new(0), state: Mutex::default() }
    }

    /// Whether this is the store of a secret.
    pub(super) fn is_of(&self, secret: &Arc<dyn SecretSource>) -> bool {
        Arc::ptr_eq(&self.source, secret)
    }

    /// A store of the same secret for another pool, which begins with what is in use here: the secret is not read again for it.
    pub(super) async fn share(&self) -> (Self, Option<Credentials>) {
        let in_use = self.state.lock().await.in_use.clone();
        let generation = AtomicU64::new(u64::from(in_use.is_some()));
        let state = Mutex::new(State { in_use: in_use.clone(), ..State::default() });
        (Self { source: Arc::clone(&self.source), generation, state }, in_use)
    }

    /// The generation in use, after the first fetch where that is still to do.
    pub(super) async fn load(&self, install: impl Fn(&Credentials)) -> Result<u64, Error> {
        let generation = self.generation.load(Ordering::Acquire);
        if generation > 0 {
            return Ok(generation);
        }
        let mut state = self.state.lock().await;
        if state.in_use.is_none() {
            let missing = || Error::Secret { source: "the secret has no current version".into() };
            let fresh = self.ask(Stage::Current).await?.ok_or_else(missing)?;
            self.put_in_use(&mut state, fresh, install);
        }
        Ok(self.generation.load(Ordering::Acquire))
    }

    /// After the server refused the credentials of `generation`: puts others in use where there are others.
    ///
    /// Finding none is no error: in the middle of a rotation the same ones, or a version that appears in a moment, may be
    /// accepted at the next attempt.
    pub(super) async fn refresh(&self, generation: u64, install: impl Fn(&Credentials)) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        if self.generation.load(Ordering::Acquire) != generation {
            return Ok(());
        }
        let now = Instant::now();
        if state.asked.is_some_and(|asked| now.duration_since(asked) < ASK_AT_MOST_EVERY) {
            return Ok(());
        }
        state.asked = Some(now);
        state.refused.retain(|(_, since)| now.duration_since(*since) < REFUSED_FOR);
        if let Some(in_use) = state.in_use.clone() {
            state.refused.retain(|(credentials, _)| *credentials != in_use);
            state.refused.push((in_use, now));
        }
        for stage in [Stage::Current, Stage::Pending] {
            let Some(fresh) = self.ask(stage).await? else { continue };
            if !state.refused.iter().any(|(refused, _)| *refused == fresh) {
                tracing::info!(database.secret_stage = ?stage, "the database refused the credentials: others are in use now");
                self.put_in_use(&mut state, fresh, install);
                return Ok(());
            }
        }
        Ok(())
    }

    async fn ask(&self, stage: Stage) -> Result<Option<Credentials>, Error> {
        match tokio::time::timeout(PATIENCE, self.source.fetch(stage)).await {
            Ok(answer) => answer.map_err(|source| Error::Secret { source }),
            Err(elapsed) => Err(Error::Secret { source: elapsed.into() }),
        }
    }

    fn put_in_use(&self, state: &mut State, fresh: Credentials, install: impl Fn(&Credentials)) {
        install(&fresh);
        state.in_use = Some(fresh);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for CredentialStore {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("CredentialStore").field("generation", &self.generation).finish_non_exhaustive()
    }
}
