//! A local run: what the environment does not name is started here, kept in a data folder, and stopped again.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderValue, Uri};
use specwright_runtime::{
    auth::{Authenticator, Organization, clerk::ClerkVerifier},
    database::{Database, Settings},
    local::{
        issuer::{LocalIssuer, TokenRequest},
        postgres::{LocalPostgres, Options},
    },
};
use tokio::net::TcpListener;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, Any, CorsLayer};

use super::{Error, MIGRATIONS, Startup, api_keys, configuration, reach, variable, webhooks};
use crate::Config;

/// How long the printed token lives: a working day.
const TOKEN_LIFE: Duration = Duration::from_hours(12);

/// The only permission that the contract asks for.
const PERMISSION: &str = "org:projects:manage";

/// What was started, to be stopped again.
pub(super) struct Local {
    postgres: Option<LocalPostgres>,
    /// Present where tokens are our own.
    token: Option<String>,
}

/// Starts what is missing. What was started is stopped again where something later fails.
pub(super) async fn start(listener: TcpListener) -> Result<Startup, Error> {
    let (authenticator, token) = authenticator()?;
    let api_keys = api_keys().map_err(|error| configuration([error.to_string()]))?;
    let webhooks = webhooks().map_err(|error| configuration([error.to_string()]))?;
    let (settings, postgres) = match variable("DATABASE_URL").or_else(|| variable("DATABASE_HOST")) {
        Some(_) => (Settings::from_environment().map_err(|error| configuration([error.to_string()]))?, None),
        None => {
            let postgres = LocalPostgres::start(Options::in_directory(data_folder().join("postgres")))
                .await
                .map_err(Error::Postgres)?;
            let settings = Settings::from_url(postgres.url()).map_err(|error| configuration([error.to_string()]))?;
            (settings, Some(postgres))
        }
    };
    let local = Local { postgres, token };
    match prepare(settings).await {
        Ok(database) => {
            let config = Config {
                validate_responses: true,
                api_keys,
                webhooks,
                cors: Some(pages_of_this_machine()),
                ..Config::new(database, authenticator)
            };
            Ok(Startup { config, listener: Some(listener), local: Some(local) })
        }
        Err(error) => {
            local.stop().await;
            Err(error)
        }
    }
}

impl Local {
    /// The line to copy.
    pub(super) fn announcement(&self, address: SocketAddr) -> Option<String> {
        let token = self.token.as_ref()?;
        Some(format!("try it: curl -i http://{address}/me -H 'Authorization: Bearer {token}'"))
    }

    /// Stops the Postgres that was started.
    pub(super) async fn stop(self) {
        if let Some(postgres) = self.postgres
            && let Err(error) = postgres.stop().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the local database did not stop");
        }
    }
}

/// A database that answers and has all migrations.
async fn prepare(settings: Settings) -> Result<Database, Error> {
    let database = super::connect(settings).map_err(|error| configuration([error.to_string()]))?;
    reach(&database).await?;
    let migrated = database.migrate(&MIGRATIONS).await;
    migrated.map_err(|source| Error::Database { address: database.address(), source })?;
    Ok(database)
}

/// Clerk's verifier with the keys of the environment, else with the key of our own issuer, and a token for whoever tries it out.
fn authenticator() -> Result<(Arc<dyn Authenticator>, Option<String>), Error> {
    if ["CLERK_JWT_KEY", "CLERK_PUBLISHABLE_KEY", "CLERK_JWKS_URL"].into_iter().any(|name| variable(name).is_some()) {
        let verifier = ClerkVerifier::from_environment().map_err(|error| configuration([error.to_string()]))?;
        return Ok((Arc::new(verifier), None));
    }
    let issuer = LocalIssuer::open(&data_folder().join("issuer")).map_err(Error::Issuer)?;
    let verifier = issuer.verifier().build().map_err(|error| configuration([error.to_string()]))?;
    let acme = Organization::new("org_acme").with_slug("acme").with_role("admin").with_permission(PERMISSION);
    let request = TokenRequest::new("user_1").organization(acme).expires_in(TOKEN_LIFE);
    let token = issuer.mint(&request).map_err(Error::Issuer)?;
    Ok((Arc::new(verifier), Some(token)))
}

/// A page that is developed on this machine may call, whatever its port; a page from elsewhere may not.
fn pages_of_this_machine() -> CorsLayer {
    let local = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.is_some_and(|origin| matches!(origin.host(), Some("localhost" | "127.0.0.1" | "[::1]")))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| local(origin)))
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
}

/// In the workspace, where it is ignored by git and easily found and deleted.
fn data_folder() -> PathBuf {
    match variable("SPECWRIGHT_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.specwright")),
    }
}
