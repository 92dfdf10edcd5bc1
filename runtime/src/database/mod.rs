//! The way to Postgres: a small pool behind RDS Proxy or any transaction pooler, given out one request transaction at a time.
//!
//! ```ignore
//! let database = Database::connect(Settings::from_environment()?)?;
//! let mut transaction = database.begin(&caller).await?;          // BEGIN; SET LOCAL app.user_id = '...'
//! let task: Option<TaskRow> = transaction
//!     .fetch_optional(sqlx::query_as("SELECT id, title FROM tasks WHERE id = $1").bind(id))
//!     .await?;
//! transaction.commit().await?;
//! ```
//!
//! Three rules are built in, because each was seen to fail when left to the caller:
//!
//! 1. **No bare pool.** sqlx sends one bound query as two protocol transactions (Parse and Sync, then Bind, Execute and Sync).
//!    Behind a transaction pooler the two can reach different backends: of 1440 queries of 24 clients, up to 1213 returned the
//!    rows of another statement, without an error. Within `BEGIN` and `COMMIT` all were right, so there is only [`Transaction`].
//! 2. **No named statements.** Even in a transaction, named ones collide (`42P05`), so [`Transaction`] overrides
//!    `persistent` for whatever it is given.
//! 3. **The caller is bound first.** [`Scope`] travels with `BEGIN`, in one round trip, where row level security reads it.
//!
//! [`Database::read`] is the way to read: in a transaction that cannot write, and once more where the connection breaks.
//! Beginning is retried, with fresh credentials where the server refused the old ones (a rotated secret), until Postgres has
//! answered `BEGIN`; after that no write is repeated, since a statement may have had its effect. A server that comes back is
//! found again without a restart.
//!
//! Not here: an ORM, read replicas, and session state (`LISTEN`, temporary tables, session advisory locks), which a transaction
//! pooler does not carry. Columns of types that a migration creates (`CREATE TYPE`, `CREATE DOMAIN`) make sqlx ask the catalog
//! with named statements: cast them to `text` in SQL.

#![allow(clippy::disallowed_types, reason = "the one place that makes these safe")]

use std::{fmt, sync::Arc, time::Duration};

use scoped_futures::ScopedBoxFuture;
use sqlx::{PgPool, migrate::Migrator, postgres::PgPoolOptions};
use tokio::{net::TcpStream, time::Instant};

mod credentials;
mod error;
mod failure;
mod migrate;
mod query;
mod scope;
#[cfg(feature = "aws")]
mod secrets_manager;
mod settings;
mod transaction;

pub use scoped_futures::ScopedFutureExt;

#[cfg(feature = "aws")]
pub use self::secrets_manager::SecretsManager;
pub use self::{
    credentials::{Credentials, SecretSource, Stage},
    error::{ConstraintKind, Error, Source},
    query::Statement,
    scope::Scope,
    settings::Settings,
    transaction::Transaction,
};

use self::{credentials::CredentialStore, scope::Access, settings::Endpoint, transaction::Attempt};

/// How long [`Database::begin`] goes on trying, all retries and waiting for a connection included.
const BEGIN_DEADLINE: Duration = Duration::from_secs(8);
/// How long one `BEGIN` may go unanswered before its connection counts as dead: a thawed Lambda function holds sockets whose
/// other end has gone without a word.
const BEGIN_ATTEMPT: Duration = Duration::from_secs(3);
/// A readiness probe is asked often and must answer before the prober gives up.
const PING_DEADLINE: Duration = Duration::from_secs(2);
/// A Lambda function has 10 s to start, and the keys of the token issuer are fetched meanwhile.
const WARM_UP_DEADLINE: Duration = Duration::from_secs(5);

/// The database of a service: cheap to clone, connecting when first used, and recovering by itself.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    settings: Settings,
    /// Present where the password comes from a secret that may be rotated.
    credentials: Option<CredentialStore>,
}

impl Database {
    /// Prepares the pool. Nothing is sent before the first use, so this succeeds while Postgres is away;
    /// [`Database::ping`] tells whether it is there.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// None at present; settings that cannot work are refused by [`Settings`].
    pub fn connect(settings: Settings) -> Result<Self, Error> {
        let credentials = settings.endpoint.secret.clone().map(CredentialStore::new);
        Ok(Self::with(settings, credentials))
    }

    fn with(settings: Settings, credentials: Option<CredentialStore>) -> Self {
        let options = PgPoolOptions::new()
            .min_connections(0)
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .idle_timeout(settings.idle_timeout)
            .max_lifetime(settings.max_lifetime)
            // BEGIN is the test: where it is not answered, another connection is taken. Saves a round trip per request.
            .test_before_acquire(false);
        let pool = options.connect_lazy_with(settings.endpoint.options.clone());
        Self { inner: Arc::new(Inner { pool, settings, credentials }) }
    }

    /// Begins a transaction in the name of somebody: `database.begin(&caller)`, or [`Scope::Public`] where there is no caller.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Authentication`] where no connection could be had within 8 s,
    /// [`Error::Scope`] where the caller's id cannot stand in a setting.
    pub async fn begin<'scope>(&self, scope: impl Into<Scope<'scope>>) -> Result<Transaction, Error> {
        let statement = scope.into().begin_statement(Access::ReadWrite, &self.inner.settings)?;
        self.begin_by(Access::ReadWrite, &statement, Instant::now() + BEGIN_DEADLINE).await
    }

    /// Begins a transaction that cannot write: `BEGIN READ ONLY`. It also works while the server is read-only for a while.
    ///
    /// # Errors
    ///
    /// As [`Database::begin`].
    pub async fn begin_read_only<'scope>(&self, scope: impl Into<Scope<'scope>>) -> Result<Transaction, Error> {
        let statement = scope.into().begin_statement(Access::ReadOnly, &self.inner.settings)?;
        self.begin_by(Access::ReadOnly, &statement, Instant::now() + BEGIN_DEADLINE).await
    }

    /// Reads in a transaction that cannot write, and reads again where the connection breaks in the middle (a failover, a
    /// restart of the pooler): at most 8 s in all. Reading twice harms nobody, so this is the way of every idempotent read.
    ///
    /// ```ignore
    /// let task = database.read(&caller, |transaction| rows::find(transaction, &owner, id).scope_boxed()).await?;
    /// ```
    ///
    /// `scope_boxed` is of [`ScopedFutureExt`]; an `async` closure would be prettier, but the compiler cannot prove yet that
    /// what becomes of it can be sent to another thread (rust-lang/rust#100013).
    ///
    /// # Errors
    ///
    /// What `work` returns; [`Error::Unavailable`] and [`Error::Conflict`] only where time is up.
    pub async fn read<'scope, 'env, T, W>(&self, scope: impl Into<Scope<'scope>>, work: W) -> Result<T, Error>
    where
        W: for<'t> Fn(&'t mut Transaction) -> ScopedBoxFuture<'env, 't, Result<T, Error>>,
    {
        let statement = scope.into().begin_statement(Access::ReadOnly, &self.inner.settings)?;
        let deadline = Instant::now() + BEGIN_DEADLINE;
        let mut pause = Pause::default();
        loop {
            // Beginning has its own retries; when it gives up, time is up.
            let mut transaction = self.begin_by(Access::ReadOnly, &statement, deadline).await?;
            let outcome = match work(&mut transaction).await {
                Ok(found) => transaction.commit().await.map(|()| found),
                Err(error) => Err(error),
            };
            match outcome {
                Err(error @ (Error::Unavailable { .. } | Error::Conflict { .. })) => {
                    if !pause.wait(deadline).await {
                        return Err(error);
                    }
                    tracing::debug!(error = &error as &dyn std::error::Error, "reading again");
                }
                done => return done,
            }
        }
    }

    /// Fetches the credentials, where a secret has them, and connects, so that the first request need not: for the start of a
    /// Lambda function, beside the fetch of the issuer's keys. At most 5 s, since a start has 10 s. A failure is no reason not to
    /// start: every request tries again.
    ///
    /// # Errors
    ///
    /// As [`Database::begin`].
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.probe(WARM_UP_DEADLINE).await
    }

    /// Whether Postgres answers now, for a readiness probe: at most 2 s.
    ///
    /// # Errors
    ///
    /// Why it does not, as [`Database::begin`] would say it.
    pub async fn ping(&self) -> Result<(), Error> {
        self.probe(PING_DEADLINE).await
    }

    /// Applies the migrations that have not been applied yet, in one transaction: all or none. Safe when two run at once, and
    /// through a transaction pooler. Where the settings name another address for migrations, that is used, and its login, which
    /// owns the tables.
    ///
    /// Returns how many were applied.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`] where a migration fails, an applied one was changed, or one without a transaction was interrupted;
    /// else as [`Database::begin`].
    pub async fn migrate(&self, migrator: &Migrator) -> Result<usize, Error> {
        let settings = &self.inner.settings;
        let endpoint = settings.migration.as_ref().unwrap_or(&settings.endpoint).clone();
        let mut own = Settings { endpoint, migration: None, role: None, ..settings.clone() }.max_connections(1);
        let own = match (&self.inner.credentials, &own.endpoint.secret) {
            // The service's own secret: read once, for both pools.
            (Some(store), Some(secret)) if store.is_of(secret) => {
                self.loaded_credentials().await?;
                let (shared, in_use) = store.share().await;
                if let Some(in_use) = in_use {
                    own.endpoint.options = in_use.apply(&own.endpoint.options);
                }
                Self::with(own, Some(shared))
            }
            _ => Self::connect(own)?,
        };
        let outcome = migrate::run(&own, migrator).await;
        own.close().await;
        outcome
    }

    /// Where the database is, without credentials, for a start-up line: `127.0.0.1:5432/app`.
    pub fn address(&self) -> String {
        self.inner.settings.endpoint.address()
    }

    /// Closes every connection; transactions that are still open are waited for. Later calls answer [`Error::Unavailable`].
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    async fn probe(&self, patience: Duration) -> Result<(), Error> {
        let access = Access::ReadOnly;
        self.begin_by(access, access.begin(), Instant::now() + patience).await?.rollback().await
    }

    /// The loop that makes beginning safe to repeat: nothing has happened before `BEGIN` was answered.
    async fn begin_by(&self, access: Access, statement: &str, deadline: Instant) -> Result<Transaction, Error> {
        let mut pause = Pause::default();
        // After a restart every idle connection is dead. Each costs one attempt, and none of them a pause.
        let mut idle_and_dead = self.inner.settings.max_connections;
        // Why the attempt before failed: says more than the time-out that the last one may end with.
        let mut before = None;
        loop {
            let generation = self.loaded_credentials().await?;
            let attempt = Attempt { pool: &self.inner.pool, access, statement, patience: BEGIN_ATTEMPT, deadline };
            let (error, reached) = match attempt.run().await {
                Ok(transaction) => return Ok(transaction),
                Err(failed) => failed,
            };
            match (&error, &self.inner.credentials) {
                (Error::Authentication { .. }, Some(store)) => {
                    store.refresh(generation, |fresh| self.use_credentials(fresh)).await?;
                }
                (Error::Unavailable { .. }, _) if reached && idle_and_dead > 0 => {
                    idle_and_dead -= 1;
                    continue;
                }
                // The pool has waited for its time-out already.
                (Error::Unavailable { source: Some(source), .. }, _) if is_pool_timeout(source) => {
                    return Err(match before {
                        Some(before) => before,
                        None => self.explain_timeout(error).await,
                    });
                }
                (Error::Unavailable { .. }, _) => {}
                _ => return Err(error),
            }
            if !pause.wait(deadline).await {
                return Err(error);
            }
            before = Some(error);
        }
    }

    /// The generation of the credentials in use, fetched now where they never were.
    async fn loaded_credentials(&self) -> Result<u64, Error> {
        match &self.inner.credentials {
            Some(store) => store.load(|fresh| self.use_credentials(fresh)).await,
            None => Ok(0),
        }
    }

    fn use_credentials(&self, fresh: &Credentials) {
        self.inner.pool.set_connect_options(fresh.apply(&self.inner.settings.endpoint.options));
    }

    /// sqlx retries a refused connection by itself and then only says that time is up. Whoever reads the log wants the cause.
    async fn explain_timeout(&self, error: Error) -> Error {
        let Endpoint { options, .. } = &self.inner.settings.endpoint;
        if self.inner.pool.num_idle() > 0 || options.get_socket().is_some() {
            return error;
        }
        let address = (options.get_host(), options.get_port());
        match tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
            Ok(Err(cause)) => Error::unavailable(format!("no connection to {}", self.address()), cause),
            Ok(Ok(_)) | Err(_) => error,
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Database").field("address", &self.address()).finish_non_exhaustive()
    }
}

fn is_pool_timeout(source: &Source) -> bool {
    matches!(source.downcast_ref::<sqlx::Error>(), Some(sqlx::Error::PoolTimedOut))
}

/// Grows from 20 to 250 ms.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(20))
    }
}

impl Pause {
    /// Waits; `false`, at once, where the deadline would pass meanwhile.
    async fn wait(&mut self, deadline: Instant) -> bool {
        let until = Instant::now() + self.0;
        if until >= deadline {
            return false;
        }
        tokio::time::sleep_until(until).await;
        self.0 = (self.0 * 2).min(Duration::from_millis(250));
        true
    }
}
