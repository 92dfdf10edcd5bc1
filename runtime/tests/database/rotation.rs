//! The password changes while the service runs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use specwright_runtime::{
    auth::Secret,
    database::{Credentials, Database, Error, Scope, SecretSource, Settings, Source, Stage},
};
use sqlx::query_scalar;

use super::{administer, fresh_url, server};

/// A secret with its two versions; `None` in both is one that cannot be read.
#[derive(Default)]
struct Vault {
    user: String,
    versions: Mutex<(Option<&'static str>, Option<&'static str>)>,
    asked: AtomicU32,
}

impl Vault {
    fn put(&self, current: Option<&'static str>, pending: Option<&'static str>) {
        *self.versions.lock().unwrap() = (current, pending);
    }
}

impl SecretSource for Vault {
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<Credentials>, Source>> {
        async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
            let versions = *self.versions.lock().unwrap();
            let password = match (stage, versions) {
                (_, (None, None)) => return Err("access denied".into()),
                (Stage::Current, (current, _)) => current,
                (Stage::Pending, (_, pending)) => pending,
            };
            Ok(password.map(|text| Credentials { user: self.user.clone(), password: Secret::new(text) }))
        }
        .boxed()
    }
}

/// A role of its own, a vault that knows its password, and a database that asks the vault.
struct Case {
    vault: Arc<Vault>,
    database: Database,
}

impl Case {
    async fn new(password: &str, connections: u32) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let user = format!("rotated_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        administer(server().await, &format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'")).await;
        let vault = Arc::new(Vault { user, ..Vault::default() });
        let url = fresh_url().await;
        let settings = Settings::from_url_and_secret(&url, vault.clone()).unwrap().max_connections(connections);
        // Tests of a debug build share a busy machine, and SCRAM is slow there.
        let settings = settings.acquire_timeout(Duration::from_secs(8));
        Self { vault, database: Database::connect(settings).unwrap() }
    }

    /// What rotation does to the server: a new password, and for good measure no connection stays.
    async fn change_password(&self, password: &str) {
        let user = &self.vault.user;
        let statement = format!(
            "ALTER ROLE {user} PASSWORD '{password}'; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"
        );
        administer(server().await, &statement).await;
    }

    async fn who(&self) -> Result<String, Error> {
        let mut transaction = self.database.begin(Scope::Public).await?;
        transaction.fetch_one(query_scalar("SELECT current_user::text")).await
    }

    fn asked(&self) -> u32 {
        self.vault.asked.swap(0, Ordering::Relaxed)
    }
}

#[tokio::test]
async fn the_secret_is_read_once_and_again_when_refused() {
    let case = Case::new("one", 4).await;
    case.vault.put(Some("one"), None);
    for who in join_all((0..24).map(|_| case.who())).await {
        assert_eq!(who.unwrap(), case.vault.user);
    }
    assert_eq!(case.asked(), 1);

    case.change_password("two").await;
    case.vault.put(Some("two"), None);
    for who in join_all((0..24).map(|_| case.who())).await {
        assert_eq!(who.unwrap(), case.vault.user);
    }
    assert_eq!(case.asked(), 1, "one request asks for all of them");
}

#[tokio::test]
async fn a_process_that_migrates_and_serves_reads_the_secret_once() {
    let case = Case::new("one", 2).await;
    case.vault.put(Some("one"), None);
    let migrator = sqlx::migrate::Migrator::DEFAULT;
    // Nothing to apply: the login may not make the table, and that is found out after the login was accepted.
    let error = case.database.migrate(&migrator).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42501"), "{error:?}");
    assert_eq!(case.who().await.unwrap(), case.vault.user);
    assert_eq!(case.asked(), 1);

    // Each of the two pools goes through a rotation by itself.
    case.change_password("two").await;
    case.vault.put(Some("two"), None);
    let error = case.database.migrate(&migrator).await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42501"), "{error:?}");
    assert_eq!(case.who().await.unwrap(), case.vault.user);
    assert_eq!(case.asked(), 2);
}

#[tokio::test]
async fn an_outage_of_the_secret_is_not_noticed_while_the_password_is_good() {
    let case = Case::new("one", 2).await;
    case.vault.put(Some("one"), None);
    case.who().await.unwrap();
    case.vault.put(None, None);
    let user = &case.vault.user;
    let statement = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'");
    administer(server().await, &statement).await;
    for who in join_all((0..24).map(|_| case.who())).await {
        assert_eq!(who.unwrap(), case.vault.user);
    }
    assert_eq!(case.asked(), 1, "new connections are made with what is known");
}

#[tokio::test]
async fn the_pending_version_bridges_the_middle_of_a_rotation() {
    let case = Case::new("one", 4).await;
    case.vault.put(Some("one"), None);
    case.who().await.unwrap();
    // The server knows the new password, and the secret still calls it pending.
    case.change_password("two").await;
    case.vault.put(Some("one"), Some("two"));
    let since = Instant::now();
    for who in join_all((0..24).map(|_| case.who())).await {
        assert_eq!(who.unwrap(), case.vault.user);
    }
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    case.vault.put(Some("two"), None);
    case.who().await.unwrap();
}

#[tokio::test]
async fn a_secret_that_is_ahead_of_the_server_is_waited_for() {
    let case = Case::new("one", 2).await;
    case.vault.put(Some("two"), None);
    let late = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        case.change_password("two").await;
    };
    let (who, ()) = tokio::join!(case.who(), late);
    assert_eq!(who.unwrap(), case.vault.user);
}

#[tokio::test]
async fn a_rotation_that_is_taken_back_is_followed() {
    let case = Case::new("one", 2).await;
    case.vault.put(Some("one"), None);
    case.who().await.unwrap();
    case.change_password("two").await;
    case.vault.put(Some("one"), Some("two"));
    case.who().await.unwrap();
    case.change_password("one").await;
    case.vault.put(Some("one"), None);
    assert_eq!(case.who().await.unwrap(), case.vault.user);
}

#[tokio::test]
async fn credentials_that_stay_wrong_are_an_outage_and_not_a_storm() {
    let case = Case::new("right", 8).await;
    case.vault.put(Some("wrong"), Some("wrong as well"));
    let since = Instant::now();
    for outcome in join_all((0..8).map(|_| case.who())).await {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
        assert!(error.is_unavailable());
    }
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
    let asked = case.asked();
    assert!(asked <= 90, "the secret was asked {asked} times in 8 s by 8 requests");
    case.vault.put(Some("right"), None);
    assert_eq!(case.who().await.unwrap(), case.vault.user);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_said_so() {
    let case = Case::new("one", 2).await;
    let error = case.who().await.unwrap_err();
    assert!(matches!(error, Error::Secret { .. }) && error.is_unavailable(), "{error:?}");
    case.vault.put(Some("one"), None);
    case.who().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_without_a_secret_is_said_at_once() {
    let url = fresh_url().await.replace("app:", "app:not");
    let database = Database::connect(Settings::from_url(&url).unwrap()).unwrap();
    let since = Instant::now();
    let error = database.begin(Scope::Public).await.unwrap_err();
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    assert_eq!(error.sqlstate().as_deref(), Some("28P01"));
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
}
