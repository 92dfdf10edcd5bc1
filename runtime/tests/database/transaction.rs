//! What a handler sees: begin, queries, commit, rollback, and errors that say what to do.

use std::time::Duration;

use futures_util::TryStreamExt;
use http::StatusCode;
use specwright_runtime::{
    auth::{Caller, UserId},
    database::{ConstraintKind, Database, Error, Scope, ScopedFutureExt as _, Settings, Transaction},
    failure::Failure,
};
use sqlx::{query, query_as, query_scalar};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{administer, fresh, fresh_url, server};

async fn setting(transaction: &mut Transaction, name: &str) -> Option<String> {
    transaction.fetch_one(query_scalar("SELECT current_setting($1, true)").bind(name)).await.unwrap()
}

async fn count(database: &Database) -> i64 {
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.fetch_one(query_scalar("SELECT count(*) FROM t")).await.unwrap()
}

async fn run(database: &Database, statement: &'static str) {
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.execute(statement).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn commit_keeps_and_everything_else_undoes() {
    let database = fresh(2).await;
    run(&database, "CREATE TABLE t (id int PRIMARY KEY)").await;
    let insert = |id: i32| query("INSERT INTO t VALUES ($1)").bind(id);

    let mut dropped = database.begin(Scope::Public).await.unwrap();
    assert_eq!(dropped.execute(insert(1)).await.unwrap(), 1);
    drop(dropped);
    assert_eq!(count(&database).await, 0);

    let mut undone = database.begin(Scope::Public).await.unwrap();
    undone.execute(insert(1)).await.unwrap();
    undone.rollback().await.unwrap();
    assert_eq!(count(&database).await, 0);

    let mut kept = database.begin(Scope::Public).await.unwrap();
    kept.execute(insert(1)).await.unwrap();
    kept.commit().await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn the_caller_is_bound_for_one_transaction_only() {
    // One connection, so that each transaction meets what the one before it left.
    let database = fresh(1).await;
    let caller = Caller::for_tests("user_alice");
    let user = UserId::from_verified("user_bob").unwrap();

    let mut transaction = database.begin(&caller).await.unwrap();
    assert_eq!(setting(&mut transaction, "app.user_id").await.as_deref(), Some("user_alice"));
    assert_eq!(setting(&mut transaction, "app.owner_id").await.as_deref(), Some("user_alice"));
    assert_eq!(setting(&mut transaction, "app.org_id").await.as_deref(), Some(""));
    transaction.commit().await.unwrap();

    let scope = Scope::Organization { user: &user, organization: "org_acme" };
    let mut transaction = database.begin(scope).await.unwrap();
    assert_eq!(setting(&mut transaction, "app.user_id").await.as_deref(), Some("user_bob"));
    assert_eq!(setting(&mut transaction, "app.org_id").await.as_deref(), Some("org_acme"));
    assert_eq!(setting(&mut transaction, "app.owner_id").await.as_deref(), Some("org_acme"));
    drop(transaction);

    let mut transaction = database.begin(Scope::Public).await.unwrap();
    for name in ["app.user_id", "app.org_id", "app.owner_id"] {
        assert_eq!(setting(&mut transaction, name).await.as_deref(), Some(""), "{name}");
    }
}

#[tokio::test]
async fn a_hostile_id_reaches_no_statement() {
    let database = fresh(1).await;
    let hostile = UserId::from_verified("x'; CREATE TABLE pwned (); --").unwrap();
    assert!(matches!(database.begin(Scope::User(&hostile)).await, Err(Error::Scope)));
}

#[tokio::test]
async fn a_cancelled_begin_leaves_no_transaction_on_a_connection() {
    let url = fresh_url().await;
    let far =
        url.replace(&format!(":{}/", server().await.port()), &format!(":{}/", far_away(server().await.port()).await));
    let database = Database::connect(Settings::from_url(&far).unwrap().max_connections(1)).unwrap();
    // The connection is there, so the next BEGIN is sent at once, and its answer is on the way for a while.
    database.begin(Scope::Public).await.unwrap().commit().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let caller = Caller::for_tests("user_alice");
    tokio::time::timeout(FAR / 2, database.begin(&caller)).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let near = Database::connect(Settings::from_url(&url).unwrap().max_connections(1)).unwrap();
    let mut transaction = near.begin(Scope::Public).await.unwrap();
    let open: Vec<String> = transaction
        .fetch_all(query_scalar(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND state LIKE 'idle in transaction%'",
        ))
        .await
        .unwrap();
    assert_eq!(open, Vec::<String>::new());
    let mut next = database.begin(Scope::Public).await.unwrap();
    assert_eq!(setting(&mut next, "app.user_id").await.as_deref(), Some(""));
}

/// How long an answer takes from a server that is far away.
const FAR: Duration = Duration::from_millis(200);

/// Puts a port of this machine far away: whatever it sends arrives late.
async fn far_away(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = TcpStream::connect(("127.0.0.1", port)).await.unwrap().into_split();
            tokio::spawn(async move {
                let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
                let _ = to_server.shutdown().await;
            });
            tokio::spawn(async move {
                let mut buffer = [0; 8192];
                while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                    tokio::time::sleep(FAR).await;
                    if to_client.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    far
}

#[tokio::test]
async fn row_level_security_shows_each_caller_their_own() {
    let database = fresh(2).await;
    run(
        &database,
        "CREATE TABLE t (id int PRIMARY KEY, owner_id text NOT NULL);
         ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         ALTER TABLE t FORCE ROW LEVEL SECURITY;
         CREATE POLICY own ON t USING (owner_id = (SELECT nullif(current_setting('app.owner_id', true), '')));",
    )
    .await;
    let alice = Caller::for_tests("user_alice");
    let mut transaction = database.begin(&alice).await.unwrap();
    transaction.execute(query("INSERT INTO t VALUES (1, $1)").bind("user_alice")).await.unwrap();
    transaction.commit().await.unwrap();

    let mut transaction = database.begin(&alice).await.unwrap();
    assert_eq!(transaction.fetch_all(query("SELECT id FROM t")).await.unwrap().len(), 1);
    drop(transaction);
    let mut transaction = database.begin(&Caller::for_tests("user_bob")).await.unwrap();
    assert_eq!(transaction.fetch_all(query("SELECT id FROM t")).await.unwrap().len(), 0);
    let foreign = transaction.execute(query("INSERT INTO t VALUES (2, $1)").bind("user_alice")).await.unwrap_err();
    assert_eq!(foreign.sqlstate().as_deref(), Some("42501"));
    drop(transaction);
    assert_eq!(count(&database).await, 0, "nobody sees nothing");
}

#[tokio::test]
async fn statements_have_no_names_whatever_way_they_are_run() {
    let database = fresh(1).await;
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.fetch_one(query("SELECT $1::int8").bind(1_i64)).await.unwrap();
    transaction.fetch_all(query_as::<_, (i64,)>("SELECT $1::int8 + 1").bind(1_i64)).await.unwrap();
    transaction.fetch_optional(query_scalar::<_, i64>("SELECT $1::int8 + 2").bind(1_i64)).await.unwrap();
    transaction.execute(query("SELECT $1::int8 + 3").bind(1_i64)).await.unwrap();
    transaction.fetch_one(query("SELECT $1::int8 + 4").bind(1_i64).try_map(|_| Ok(()))).await.unwrap();
    let rows: Vec<_> =
        query("SELECT $1::int8 + 5").bind(1_i64).persistent(true).fetch(&mut transaction).try_collect().await.unwrap();
    assert_eq!(rows.len(), 1);
    query("SELECT $1::int8 + 6").bind(1_i64).fetch_one(&mut transaction).await.unwrap();
    let named: Vec<(String, String)> =
        transaction.fetch_all(query_as("SELECT name, statement FROM pg_prepared_statements")).await.unwrap();
    assert_eq!(named, []);
    assert!(sqlx::Executor::prepare(&mut transaction, "SELECT 1").await.is_err());
}

#[tokio::test]
async fn a_broken_constraint_is_named() {
    let database = fresh(1).await;
    run(
        &database,
        "CREATE TABLE p (id int CONSTRAINT p_key PRIMARY KEY);
         CREATE TABLE t (id int CONSTRAINT t_id_unique UNIQUE, n int CONSTRAINT n_positive CHECK (n > 0),
             p int CONSTRAINT t_p_exists REFERENCES p, m int NOT NULL DEFAULT 0,
             r int4range, CONSTRAINT no_overlap EXCLUDE USING gist (r WITH &&));
         INSERT INTO t (id, r) VALUES (1, '[1,5]')",
    )
    .await;
    for (statement, kind, constraint) in [
        ("INSERT INTO t (id) VALUES (1)", ConstraintKind::Unique, Some("t_id_unique")),
        ("INSERT INTO t (n) VALUES (0)", ConstraintKind::Check, Some("n_positive")),
        ("INSERT INTO t (p) VALUES (7)", ConstraintKind::ForeignKey, Some("t_p_exists")),
        ("INSERT INTO t (m) VALUES (NULL)", ConstraintKind::NotNull, None),
        ("INSERT INTO t (r) VALUES ('[2,3]')", ConstraintKind::Exclusion, Some("no_overlap")),
    ] {
        let mut transaction = database.begin(Scope::Public).await.unwrap();
        let error = transaction.execute(query(statement)).await.unwrap_err();
        assert_eq!(error.constraint(), constraint, "{statement}");
        assert!(matches!(error, Error::Constraint { kind: found, .. } if found == kind), "{statement}: {error:?}");
        assert!(!error.is_unavailable());
    }
}

#[tokio::test]
async fn a_failed_transaction_is_not_committed_in_silence() {
    let database = fresh(1).await;
    run(&database, "CREATE TABLE t (id int PRIMARY KEY)").await;

    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.execute("INSERT INTO t VALUES (1)").await.unwrap();
    transaction.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
    assert!(matches!(transaction.commit().await, Err(Error::Aborted)));
    assert_eq!(count(&database).await, 0);

    // sqlx's own methods are watched too.
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    query("SELECT 1 / $1::int").bind(0).fetch_one(&mut transaction).await.unwrap_err();
    assert!(matches!(transaction.commit().await, Err(Error::Aborted)));

    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.execute("INSERT INTO t VALUES (1)").await.unwrap();
    transaction.execute("SAVEPOINT a").await.unwrap();
    transaction.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
    transaction.execute("ROLLBACK TO a").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_deferred_constraint_fails_the_commit() {
    let database = fresh(1).await;
    run(
        &database,
        "CREATE TABLE t (id int PRIMARY KEY, t int CONSTRAINT later REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.execute("INSERT INTO t VALUES (1, 2)").await.unwrap();
    assert_eq!(transaction.commit().await.unwrap_err().constraint(), Some("later"));
    assert_eq!(count(&database).await, 0);
}

#[tokio::test]
async fn time_limits_end_what_was_given_up() {
    let settings = Settings::from_url(&fresh_url().await).unwrap().max_connections(1);
    let database = Database::connect(
        settings.statement_timeout(Duration::from_millis(50)).idle_in_transaction_timeout(Duration::from_millis(100)),
    )
    .unwrap();
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    let error = transaction.execute("SELECT pg_sleep(5)").await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    drop(transaction);

    let mut transaction = database.begin(Scope::Public).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let error = transaction.execute("SELECT 1").await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    drop(transaction);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn two_transactions_that_collide_say_so() {
    let database = fresh(2).await;
    run(&database, "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)").await;
    let isolate = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    let (mut first, mut second) =
        (database.begin(Scope::Public).await.unwrap(), database.begin(Scope::Public).await.unwrap());
    for transaction in [&mut first, &mut second] {
        transaction.execute(isolate).await.unwrap();
        transaction.fetch_one(query("SELECT n FROM t")).await.unwrap();
    }
    first.execute("UPDATE t SET n = 1").await.unwrap();
    first.commit().await.unwrap();
    let error = second.execute("UPDATE t SET n = 2").await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
}

#[tokio::test]
async fn errors_become_answers() {
    let database = fresh(1).await;
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    let error = transaction.fetch_one(query_scalar::<_, i32>("SELECT 1 WHERE false")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound));
    assert_eq!(Failure::from(error).status(), StatusCode::INTERNAL_SERVER_ERROR);
    let error = transaction.execute("SELEC 1").await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42601"));
    assert_eq!(Failure::from(error).status(), StatusCode::INTERNAL_SERVER_ERROR);
    drop(transaction);
    database.close().await;
    let error = database.begin(Scope::Public).await.unwrap_err();
    assert_eq!(Failure::from(error).status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_read_only_transaction_cannot_write_and_that_is_a_mistake_and_no_outage() {
    let database = fresh(1).await;
    let mut transaction = database.begin_read_only(Scope::Public).await.unwrap();
    let error = transaction.execute("CREATE TABLE t (id int)").await.unwrap_err();
    assert!(matches!(error, Error::Query(_)), "{error:?}");
    drop(transaction);
    let written =
        database.read(Scope::Public, |transaction| transaction.execute("CREATE TABLE t (id int)").scope_boxed()).await;
    assert_eq!(Failure::from(written.unwrap_err()).status(), StatusCode::INTERNAL_SERVER_ERROR);
    let answer = database
        .read(Scope::Public, |transaction| transaction.fetch_one(query_scalar::<_, i32>("SELECT 42")).scope_boxed());
    assert_eq!(answer.await.unwrap(), 42);
}

#[tokio::test]
async fn a_transaction_takes_on_a_role_that_owns_nothing() {
    let url = fresh_url().await;
    administer(
        server().await,
        "DO $$ BEGIN CREATE ROLE tenant NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT tenant TO app",
    )
    .await;
    let owner = Database::connect(Settings::from_url(&url).unwrap()).unwrap();
    let mut transaction = owner.begin(Scope::Public).await.unwrap();
    transaction.execute("CREATE TABLE t (id int)").await.unwrap();
    transaction.execute("GRANT SELECT ON t TO tenant").await.unwrap();
    transaction.commit().await.unwrap();

    let settings = Settings::from_url(&url).unwrap().role("tenant").unwrap().max_connections(1);
    let database = Database::connect(settings).unwrap();
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    assert_eq!(transaction.fetch_one(query_scalar::<_, String>("SELECT current_user::text")).await.unwrap(), "tenant");
    assert_eq!(transaction.fetch_one(query_scalar::<_, i64>("SELECT count(*) FROM t")).await.unwrap(), 0);
    let error = transaction.execute("ALTER TABLE t DISABLE ROW LEVEL SECURITY").await.unwrap_err();
    assert_eq!(error.sqlstate().as_deref(), Some("42501"));
    drop(transaction);
    // It ends with the transaction: a migration on the same connection is the login's again.
    let mut transaction = database.begin_read_only(Scope::Public).await.unwrap();
    assert_eq!(transaction.fetch_one(query_scalar::<_, String>("SELECT session_user::text")).await.unwrap(), "app");
}
