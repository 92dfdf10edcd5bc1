//! Migrations: once each, all or none, two runs at once, and through a transaction pooler.

use std::{fs, path::Path};

use futures_util::future::join_all;
use specwright_runtime::database::{Database, Error, Scope, Settings};
use sqlx::{migrate::Migrator, query_scalar};

use super::{fresh, fresh_url, pooler::pooler};

async fn count(database: &Database) -> i64 {
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    transaction.fetch_one(query_scalar("SELECT count(*) FROM t")).await.unwrap()
}

#[tokio::test]
async fn migrations_are_applied_once_and_not_rewritten() {
    let database = fresh(1).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, sql: &str| fs::write(folder.path().join(name), sql).unwrap();
    let load = |folder: &Path| Migrator::new(folder.to_owned());
    write("1_t.sql", "CREATE TABLE t (id int)");
    database.migrate(&load(folder.path()).await.unwrap()).await.unwrap();
    write("2_u.sql", "INSERT INTO t VALUES (1)");
    for _ in 0..2 {
        database.migrate(&load(folder.path()).await.unwrap()).await.unwrap();
    }
    assert_eq!(count(&database).await, 1);
    write("1_t.sql", "CREATE TABLE t (id bigint)");
    let error = database.migrate(&load(folder.path()).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Migration(_)), "{error:?}");
}

#[tokio::test]
async fn migrations_may_have_an_address_of_their_own() {
    let direct = fresh_url().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1_t.sql"), "CREATE TABLE t (id int)").unwrap();
    let migrator = Migrator::new(folder.path().to_owned()).await.unwrap();
    let settings = Settings::from_url("postgres://app@127.0.0.1:9/nowhere").unwrap().migration_url(&direct).unwrap();
    Database::connect(settings).unwrap().migrate(&migrator).await.unwrap();
    assert_eq!(count(&Database::connect(Settings::from_url(&direct).unwrap()).unwrap()).await, 0);
}

#[tokio::test]
async fn two_runs_at_once_apply_each_migration_once() {
    let url = fresh_url().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1_t.sql"), "CREATE TABLE t (id int); SELECT pg_sleep(0.3)").unwrap();
    fs::write(folder.path().join("2_row.sql"), "INSERT INTO t VALUES (1)").unwrap();
    let migrator = Migrator::new(folder.path().to_owned()).await.unwrap();
    let databases: Vec<_> = (0..4).map(|_| Database::connect(Settings::from_url(&url).unwrap()).unwrap()).collect();
    let runs = join_all(databases.iter().map(|database| database.migrate(&migrator))).await;
    let mut applied: Vec<_> = runs.into_iter().map(Result::unwrap).collect();
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, 2]);
    assert_eq!(count(&databases[0]).await, 1);
}

#[tokio::test]
async fn a_failed_migration_leaves_the_database_as_it_was() {
    let database = fresh(1).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1_t.sql"), "CREATE TABLE t (id int)").unwrap();
    fs::write(folder.path().join("2_broken.sql"), "CREATE TABLE u (id int); SELECT 1 / 0").unwrap();
    let error = database.migrate(&Migrator::new(folder.path().to_owned()).await.unwrap()).await.unwrap_err();
    assert!(matches!(&error, Error::Migration(_)), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("migration 2") && cause.contains("division by zero"), "{cause}");
    let mut transaction = database.begin(Scope::Public).await.unwrap();
    let tables = query_scalar::<_, i64>("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(transaction.fetch_one(tables).await.unwrap(), 0);
}

#[tokio::test]
async fn a_migration_without_a_transaction_is_noted_before_and_after() {
    let database = fresh(1).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, sql: &str| fs::write(folder.path().join(name), sql).unwrap();
    write("1_t.sql", "CREATE TABLE t (id int)");
    write("2_index.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY t_id ON t (id)");
    write("3_row.sql", "INSERT INTO t VALUES (1)");
    let load = || Migrator::new(folder.path().to_owned());
    assert_eq!(database.migrate(&load().await.unwrap()).await.unwrap(), 3);
    assert_eq!(count(&database).await, 1);

    write("4_broken.sql", "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_one ON t ((id / 0))");
    assert!(database.migrate(&load().await.unwrap()).await.is_err());
    let error = database.migrate(&load().await.unwrap()).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("migration 4 is partially applied"), "{cause}");
}

#[tokio::test]
async fn the_version_before_starts_on_a_newer_schema() {
    let database = fresh(1).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1_t.sql"), "CREATE TABLE t (id int)").unwrap();
    let old = Migrator::new(folder.path().to_owned()).await.unwrap();
    fs::write(folder.path().join("3_u.sql"), "CREATE TABLE u (id int)").unwrap();
    database.migrate(&Migrator::new(folder.path().to_owned()).await.unwrap()).await.unwrap();
    assert_eq!(database.migrate(&old).await.unwrap(), 0);
    // One that is missing in the middle is a mistake.
    fs::remove_file(folder.path().join("1_t.sql")).unwrap();
    let error = database.migrate(&Migrator::new(folder.path().to_owned()).await.unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Migration(_)), "{error:?}");
}

#[tokio::test]
async fn a_pooler_is_no_obstacle() {
    let url = fresh_url().await;
    let Some(pooler) = pooler(&url).await else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1_t.sql"), "CREATE TABLE t (id int)").unwrap();
    fs::write(folder.path().join("2_index.sql"), "-- no-transaction\nCREATE INDEX CONCURRENTLY t_id ON t (id)")
        .unwrap();
    fs::write(folder.path().join("3_row.sql"), "INSERT INTO t VALUES (1)").unwrap();
    let migrator = Migrator::new(folder.path().to_owned()).await.unwrap();
    let databases: Vec<_> =
        (0..3).map(|_| Database::connect(Settings::from_url(pooler.url()).unwrap()).unwrap()).collect();
    // One after the other, since a run that meets another's `no-transaction` under way says so.
    assert_eq!(databases[0].migrate(&migrator).await.unwrap(), 3);
    for run in join_all(databases.iter().map(|database| database.migrate(&migrator))).await {
        assert_eq!(run.unwrap(), 0);
    }
    assert_eq!(count(&databases[0]).await, 1);
}
