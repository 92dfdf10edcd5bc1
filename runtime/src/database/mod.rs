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
//! Beginning is retried, with fresh credentials where the server refused the old ones (a rotated secret), until Postgres has
//! answered `BEGIN`; after that nothing is repeated, since a statement may have had its effect. A server that comes back is
//! found again without a restart.
//!
//! Not here: an ORM, read replicas, and session state (`LISTEN`, temporary tables, session advisory locks), which a transaction
//! pooler does not carry. Columns of types that a migration creates (`CREATE TYPE`, `CREATE DOMAIN`) make sqlx ask the catalog
//! with named statements: cast them to `text` in SQL.

use std::{fmt, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
};
use tokio::{net::TcpStream, time::Instant};

mod credentials;
mod error;
mod failure;
mod query;
mod scope;
#[cfg(feature = "aws")]
mod secrets_manager;
mod settings;
mod transaction;

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

use self::{credentials::CredentialStore, settings::Endpoint, transaction::Attempt};

/// How long [`Database::begin`] goes on trying, all retries and waiting for a connection included.
const BEGIN_DEADLINE: Duration = Duration::from_secs(8);
/// How long one `BEGIN` may go unanswered before its connection counts as dead: a thawed Lambda function holds sockets whose
/// other end has gone without a word.
const BEGIN_ATTEMPT: Duration = Duration::from_secs(3);
/// A readiness probe is asked often and must answer before the prober gives up.
const PING_DEADLINE: Duration = Duration::from_secs(2);
/// A migration that cannot get its lock stops, instead of making every query of the service queue up behind it.
const MIGRATION_LOCK_TIMEOUT: &str = "SET lock_timeout = '30s'";

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
        let options = PgPoolOptions::new()
            .min_connections(0)
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .idle_timeout(settings.idle_timeout)
            .max_lifetime(settings.max_lifetime)
            // BEGIN is the test: where it is not answered, another connection is taken. Saves a round trip per request.
            .test_before_acquire(false);
        let pool = options.connect_lazy_with(settings.endpoint.options.clone());
        let credentials = settings.endpoint.secret.clone().map(CredentialStore::new);
        Ok(Self { inner: Arc::new(Inner { pool, settings, credentials }) })
    }

    /// Begins a transaction in the name of somebody: `database.begin(&caller)`, or [`Scope::Public`] where there is no caller.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Authentication`] where no connection could be had within 8 s,
    /// [`Error::Scope`] where the caller's id cannot stand in a setting.
    pub async fn begin<'scope>(&self, scope: impl Into<Scope<'scope>>) -> Result<Transaction, Error> {
        let statement = scope.into().begin_statement(&self.inner.settings)?;
        self.begin_by(&statement, Instant::now() + BEGIN_DEADLINE).await
    }

    /// Whether Postgres answers now, for a readiness probe: at most 2 s.
    ///
    /// # Errors
    ///
    /// Why it does not, as [`Database::begin`] would say it.
    pub async fn ping(&self) -> Result<(), Error> {
        self.begin_by("BEGIN READ ONLY", Instant::now() + PING_DEADLINE).await?.rollback().await
    }

    /// Applies the migrations that have not been applied yet, over a connection of its own that bypasses the pooler where the
    /// settings name a direct address: the lock that keeps two migrations apart belongs to a session.
    ///
    /// # Errors
    ///
    /// [`Error::Migration`] where a migration fails or an applied one was changed; else as [`Database::begin`].
    pub async fn migrate(&self, migrator: &Migrator) -> Result<(), Error> {
        let mut connection = self.connect_directly().await?;
        sqlx::raw_sql(MIGRATION_LOCK_TIMEOUT).execute(&mut connection).await.map_err(Error::from)?;
        let outcome = migrator.run_direct(&mut connection).await.map_err(Error::from);
        let closed = connection.close().await.map_err(Error::from);
        outcome.and(closed)
    }

    /// Where the database is, without credentials, for a start-up line: `127.0.0.1:5432/app`.
    pub fn address(&self) -> String {
        self.inner.settings.endpoint.address()
    }

    /// Closes every connection; transactions that are still open are waited for. Later calls answer [`Error::Unavailable`].
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// The loop that makes beginning safe to repeat: nothing has happened before `BEGIN` was answered.
    async fn begin_by(&self, statement: &str, deadline: Instant) -> Result<Transaction, Error> {
        let mut pause = Pause::default();
        // After a restart every idle connection is dead. Each costs one attempt, and none of them a pause.
        let mut idle_and_dead = self.inner.settings.max_connections;
        // Why the attempt before failed: says more than the time-out that the last one may end with.
        let mut before = None;
        loop {
            let generation = self.loaded_credentials().await?;
            let attempt = Attempt { pool: &self.inner.pool, statement, patience: BEGIN_ATTEMPT, deadline };
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

    async fn connect_directly(&self) -> Result<PgConnection, Error> {
        let (endpoint, shared) = match &self.inner.settings.migration {
            Some(endpoint) => (endpoint, None),
            None => (&self.inner.settings.endpoint, self.inner.credentials.as_ref()),
        };
        let own;
        let store = match (shared, &endpoint.secret) {
            (Some(store), _) => Some(store),
            (None, Some(source)) => {
                own = CredentialStore::new(source.clone());
                Some(&own)
            }
            (None, None) => None,
        };
        let deadline = Instant::now() + BEGIN_DEADLINE;
        let mut pause = Pause::default();
        loop {
            let (generation, options) = match store {
                Some(store) => {
                    let generation = store.load(|_| {}).await?;
                    (generation, store.apply(&endpoint.options).await)
                }
                None => (0, endpoint.options.clone()),
            };
            let error = match connect_once(&options, deadline).await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            match (&error, store) {
                (Error::Authentication { .. }, Some(store)) => store.refresh(generation, |_| {}).await?,
                (Error::Unavailable { .. }, _) => {}
                _ => return Err(error),
            }
            if !pause.wait(deadline).await {
                return Err(Error::unavailable(format!("no connection to {}", endpoint.address()), error));
            }
        }
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

async fn connect_once(options: &PgConnectOptions, deadline: Instant) -> Result<PgConnection, Error> {
    match tokio::time::timeout_at(deadline, options.connect()).await {
        Ok(connected) => connected.map_err(Error::from),
        Err(elapsed) => Err(Error::unavailable("the server does not answer", elapsed)),
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
