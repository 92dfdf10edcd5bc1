//! How the process begins and ends: the environment is read once, here, and everything wrong with it is said before serving.
//!
//! | variable | meaning |
//! |---|---|
//! | `DATABASE_URL`, or `DATABASE_HOST` and its kin | where the database is; see [`Settings::from_environment`] |
//! | `CLERK_JWT_KEY`, `CLERK_PUBLISHABLE_KEY` and their kin | whose tokens count; see [`ClerkVerifier::from_environment`] |
//! | `CLERK_SECRET_KEY` | Clerk's Backend API, which judges API keys; without, none counts |
//! | `CLERK_WEBHOOK_SIGNING_SECRET` | messages about users are taken in at `POST /webhooks/clerk` |
//! | `ADDRESS`, `PORT` | where to listen: `127.0.0.1` and `8080` unless set; `ADDRESS` may be a name, and have the port (`localhost:8080`) |
//! | `SPECWRIGHT_DATA` | where a local run keeps its database and its key: `.specwright` in the workspace unless set |
//!
//! A local run (feature `local`, and not on Lambda) starts what the variables do not name: a private Postgres, and an issuer whose
//! tokens pass the same verifier that production uses. A deployed artefact is built without the feature and can do neither.

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use specwright_runtime::{
    auth::{
        Authenticator, Closed,
        clerk::{BackendApi, ClerkVerifier, ConfigError, MachineVerifier},
    },
    database::{self, Database, Settings},
    serve,
    webhook::{InvalidSecret, Verifier},
};
use tokio::net::TcpListener;

use crate::Config;

mod address;
#[cfg(feature = "local")]
mod local;

/// The role that owns no table, made by the migrations, in which every request's transaction runs.
const ROLE: &str = "task_tracker";

/// The migrations, as they were when this was built.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// What a process serves with.
pub struct Startup {
    /// What the router is built from.
    pub config: Config,
    /// The socket, bound; on Lambda there is none.
    pub listener: Option<TcpListener>,
    #[cfg(feature = "local")]
    local: Option<local::Local>,
}

/// Why there is nothing to serve with. Each line says one thing, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The environment is incomplete or wrong.
    #[error("{}", problems.join("\n"))]
    Configuration {
        /// One line for each problem.
        problems: Vec<String>,
    },
    /// The address cannot be listened on.
    #[error("{0} (set by ADDRESS and PORT)")]
    Listen(serve::Error),
    /// The database that was configured does not answer.
    #[error("the database at {address} cannot be used")]
    Database {
        /// Without credentials.
        address: String,
        /// What failed.
        #[source]
        source: database::Error,
    },
    /// The private Postgres of a local run does not start.
    #[cfg(feature = "local")]
    #[error("the local database does not start")]
    Postgres(#[source] specwright_runtime::local::postgres::Error),
    /// The token issuer of a local run does not start.
    #[cfg(feature = "local")]
    #[error("the local token issuer does not start")]
    Issuer(#[source] specwright_runtime::local::issuer::IssuerError),
}

impl Startup {
    /// Reads the environment, binds the socket and starts what a local run needs.
    ///
    /// # Errors
    ///
    /// [`Error`], with everything that is wrong where several things are.
    pub async fn from_environment() -> Result<Self, Error> {
        if variable("AWS_LAMBDA_RUNTIME_API").is_some() {
            // A database that is away must not make the function fail to start: it would be started again and again.
            let (config, verifier) = configured()?;
            // While the platform still gives the start more than the requests, and at the same time.
            let (database, keys) = tokio::join!(config.database.warm_up(), verifier.prefetch());
            if let Err(error) = database {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database is not there yet");
            }
            if let Err(error) = keys {
                tracing::warn!(error = &error as &dyn std::error::Error, "the signing keys are not there yet");
            }
            return Ok(Self::new(config, None));
        }
        // First, because it is cheap and often taken: nothing else has to be stopped then.
        let listener = address::listen(variable("ADDRESS"), variable("PORT")).await?;
        #[cfg(feature = "local")]
        return local::start(listener).await;
        #[cfg(not(feature = "local"))]
        {
            let (config, _) = configured()?;
            reach(&config.database).await?;
            Ok(Self::new(config, Some(listener)))
        }
    }

    /// What to tell whoever started this at a terminal, one line each; nothing on Lambda.
    pub fn announcement(&self) -> Vec<String> {
        let Some(address) = self.listener.as_ref().and_then(|listener| listener.local_addr().ok()) else {
            return Vec::new();
        };
        let lines =
            vec![format!("serving on http://{address}"), format!("database on {}", self.config.database.address())];
        #[cfg(feature = "local")]
        let lines =
            lines.into_iter().chain(self.local.as_ref().and_then(|local| local.announcement(address))).collect();
        lines
    }

    /// Ends what was started: connections are closed, and the private Postgres of a local run stops.
    pub async fn stop(self) {
        self.config.database.close().await;
        #[cfg(feature = "local")]
        if let Some(local) = self.local {
            local.stop().await;
        }
    }

    fn new(config: Config, listener: Option<TcpListener>) -> Self {
        Self {
            config,
            listener,
            #[cfg(feature = "local")]
            local: None,
        }
    }
}

/// Brings the configured database up to date.
///
/// # Errors
///
/// [`Error::Configuration`] and [`Error::Database`].
pub async fn migrate() -> Result<(), Error> {
    let settings = Settings::from_environment().map_err(|error| configuration([error.to_string()]))?;
    let database = Database::connect(settings).map_err(|error| configuration([error.to_string()]))?;
    let migrated = database.migrate(&MIGRATIONS).await;
    if let Ok(applied) = &migrated {
        tracing::info!(migrations.applied = applied, "the database is up to date");
    }
    let address = database.address();
    database.close().await;
    migrated.map(drop).map_err(|source| Error::Database { address, source })
}

/// As [`migrate`], for a function that a deployment calls: it waits for a database that was made a moment ago.
///
/// # Errors
///
/// As [`migrate`].
pub async fn migrate_at_deployment() -> Result<(), Error> {
    let begin = Instant::now();
    loop {
        match migrate().await {
            Err(Error::Database { address, source }) if source.is_unavailable() && begin.elapsed() < PATIENCE => {
                tracing::warn!(
                    error = &source as &dyn std::error::Error,
                    "the database at {address} does not answer yet"
                );
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// How long a deployment waits for its database: a new proxy takes some minutes to know its target.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(5);

/// Whether this is a function on Lambda whose handler is called `migrate`.
pub fn migrates_on_lambda() -> bool {
    variable("AWS_LAMBDA_RUNTIME_API").is_some() && variable("_HANDLER").is_some_and(|handler| handler == "migrate")
}

/// What the environment names: a database and a verifier, both of which a deployed service needs, and perhaps a secret key.
fn configured() -> Result<(Config, Arc<ClerkVerifier>), Error> {
    let database = Settings::from_environment().and_then(connect);
    match (database, ClerkVerifier::from_environment(), api_keys(), webhooks()) {
        (Ok(database), Ok(verifier), Ok(api_keys), Ok(webhooks)) => {
            let verifier = Arc::new(verifier);
            Ok((Config { api_keys, webhooks, ..Config::new(database, Arc::clone(&verifier) as _) }, verifier))
        }
        (database, verifier, api_keys, webhooks) => {
            let problems = [
                database.err().map(|error| error.to_string()),
                verifier.err().map(|error| error.to_string()),
                api_keys.err().map(|error| error.to_string()),
                webhooks.err().map(|error| error.to_string()),
            ];
            Err(configuration(problems.into_iter().flatten()))
        }
    }
}

/// Who judges API keys: Clerk, where we have its secret key.
fn api_keys() -> Result<Arc<dyn Authenticator>, ConfigError> {
    Ok(match BackendApi::from_environment()? {
        Some(backend) => Arc::new(MachineVerifier::api_keys(Arc::new(backend))),
        None => Arc::new(Closed),
    })
}

/// Who judges what Clerk sends, where it sends anything.
fn webhooks() -> Result<Option<Arc<Verifier>>, InvalidSecret> {
    Ok(Verifier::from_environment()?.map(Arc::new))
}

/// The database as handlers use it.
///
/// # Errors
///
/// None at present.
pub fn connect(settings: Settings) -> Result<Database, database::Error> {
    Database::connect(settings.role(ROLE)?)
}

/// Whether the database answers. A typing error in an address should not wait for the first request.
async fn reach(database: &Database) -> Result<(), Error> {
    database.ping().await.map_err(|source| Error::Database { address: database.address(), source })
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn configuration(problems: impl IntoIterator<Item = String>) -> Error {
    Error::Configuration { problems: problems.into_iter().collect() }
}
