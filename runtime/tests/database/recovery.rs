//! Postgres goes away and comes back while the service runs.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use specwright_runtime::{
    database::{Database, Error, Scope, ScopedFutureExt as _, Settings, Transaction},
    local::postgres::{LocalPostgres, Options},
};
use sqlx::query_scalar;

use super::{administer, fresh, fresh_url, server};

async fn answers(database: &Database) -> Result<i32, Error> {
    let mut transaction = database.begin(Scope::Public).await?;
    let answer = transaction.fetch_one(query_scalar("SELECT 42")).await?;
    transaction.commit().await?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap();
    let port = postgres.port();
    let settings = Settings::from_url(postgres.url()).unwrap().max_connections(4);
    let database = Database::connect(settings.acquire_timeout(Duration::from_secs(5))).unwrap();
    // Four connections that will be dead.
    for answer in join_all((0..8).map(|_| answers(&database))).await {
        assert_eq!(answer.unwrap(), 42);
    }

    postgres.stop().await.unwrap();
    let since = Instant::now();
    let error = answers(&database).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("refused"), "the log says why: {cause}");
    assert!(database.ping().await.unwrap_err().is_unavailable());
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());

    let postgres = LocalPostgres::start(Options::in_directory(folder.path()).port(port)).await.unwrap();
    database.ping().await.unwrap();
    assert_eq!(answers(&database).await.unwrap(), 42);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn connections_that_died_while_idle_cost_no_request() {
    let database = fresh(4).await;
    let name = database.address().rsplit_once('/').unwrap().1.to_owned();
    for answer in join_all((0..8).map(|_| answers(&database))).await {
        assert_eq!(answer.unwrap(), 42);
    }
    for _ in 0..3 {
        let kill = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        administer(server().await, &kill).await;
        for answer in join_all((0..8).map(|_| answers(&database))).await {
            assert_eq!(answer.unwrap(), 42);
        }
    }
}

#[tokio::test]
async fn a_full_pool_is_said_to_be_full() {
    let database = fresh(1).await;
    let held = database.begin(Scope::Public).await.unwrap();
    let since = Instant::now();
    assert!(database.ping().await.unwrap_err().is_unavailable());
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    held.commit().await.unwrap();
    database.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_waited_for() {
    let url = fresh_url().await;
    administer(server().await, "CREATE ROLE crowded LOGIN PASSWORD 'crowded' CONNECTION LIMIT 1").await;
    let mut url = reqwest::Url::parse(&url).unwrap();
    url.set_username("crowded").unwrap();
    url.set_password(Some("crowded")).unwrap();
    let connect = || Database::connect(Settings::from_url(url.as_str()).unwrap().max_connections(1)).unwrap();
    let (first, second) = (connect(), connect());
    first.ping().await.unwrap();
    // sqlx goes on trying by itself, so the error says no more than that time is up.
    let error = second.ping().await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    let freed = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        first.close().await;
    };
    let (answer, ()) = tokio::join!(answers(&second), freed);
    assert_eq!(answer.unwrap(), 42);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    // Takes connections and says nothing, as a peer does whose host is gone.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("postgres://app:x@{address}/app?sslmode=disable");
    let settings = Settings::from_url(&url).unwrap().acquire_timeout(Duration::from_millis(300));
    let database = Database::connect(settings).unwrap();
    let since = Instant::now();
    assert!(answers(&database).await.unwrap_err().is_unavailable());
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

/// Loses its connection in the middle, at the first attempt.
async fn broken_once(transaction: &mut Transaction, attempts: &AtomicU32) -> Result<i32, Error> {
    if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
        transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())").await?;
    }
    transaction.fetch_one(query_scalar("SELECT 42")).await
}

#[tokio::test]
async fn a_read_whose_connection_breaks_is_read_again_and_a_write_is_not() {
    let database = fresh(2).await;
    let attempts = AtomicU32::new(0);
    let attempts = &attempts;
    let answer = database.read(Scope::Public, |transaction| broken_once(transaction, attempts).scope_boxed());
    assert_eq!(answer.await.unwrap(), 42);
    assert_eq!(attempts.swap(0, Ordering::Relaxed), 2);

    let mut transaction = database.begin(Scope::Public).await.unwrap();
    let error = broken_once(&mut transaction, attempts).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
    drop(transaction);
    assert_eq!(answers(&database).await.unwrap(), 42);
}

#[tokio::test]
async fn a_read_is_not_repeated_for_ever() {
    let database = fresh(2).await;
    let attempts = AtomicU32::new(0);
    let since = Instant::now();
    let outcome = database
        .read(Scope::Public, |transaction| {
            attempts.fetch_add(1, Ordering::Relaxed);
            async move { broken_once(transaction, &AtomicU32::new(0)).await }.scope_boxed()
        })
        .await;
    assert!(outcome.unwrap_err().is_unavailable());
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
    assert!(attempts.load(Ordering::Relaxed) > 1);
}

#[tokio::test]
async fn a_server_that_does_not_write_for_a_while_is_an_outage_for_writes_only() {
    let database = fresh(1).await;
    let name = database.address().rsplit_once('/').unwrap().1.to_owned();
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.execute("CREATE TABLE t (id int)").await.unwrap();
    transaction.commit().await.unwrap();
    let pid = async || {
        let read = database.read(Scope::Public, |transaction| {
            transaction.fetch_one(query_scalar::<_, i32>("SELECT pg_backend_pid()")).scope_boxed()
        });
        read.await.unwrap()
    };
    let before = pid().await;
    administer(server().await, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    administer(server().await, &format!("SELECT pg_terminate_backend({before})")).await;
    let demoted = pid().await;
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    let error = transaction.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
    assert!(error.is_unavailable() && error.sqlstate().as_deref() == Some("25006"), "{error:?}");
    drop(transaction);
    // The connection to the server that was demoted is not used again: the name leads to another one by now.
    administer(server().await, &format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    assert_ne!(pid().await, demoted);
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    assert_eq!(transaction.execute("INSERT INTO t VALUES (1)").await.unwrap(), 1);
}
