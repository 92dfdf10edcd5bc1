//! Migrations through a transaction pooler.
//!
//! sqlx's own runner holds a lock of the session and prepares named statements; behind RDS Proxy the one pins the connection
//! and the other collides. Here everything that is pending is one transaction: it begins by taking a lock that ends with the
//! transaction, so a second run waits and then finds nothing to do, and a failure leaves the database as it was.
//!
//! A migration that starts with `-- no-transaction` (`CREATE INDEX CONCURRENTLY`) is sent by itself as one message of the simple
//! protocol, after what comes before it was committed. It is noted before it runs and again when it is through: one that was
//! interrupted is called dirty, and a person looks at it.
//!
//! The table is sqlx's `_sqlx_migrations`, so `sqlx migrate info` and databases that sqlx migrated go on working. Versions that
//! are newer than all of ours are no error: the version of the service before the newest one may start again, and by the rules
//! of expand and contract it can run against the newer schema.

use sqlx::{
    migrate::{MigrateError, Migration, Migrator},
    query, query_as, raw_sql,
};
use tokio::time::Instant;

use super::{BEGIN_DEADLINE, Database, Error, Transaction, scope::Access};

/// Another run may be busy for a while; then there is nothing left to do. A migration that cannot get the lock of a table stops
/// sooner, instead of making every query of the service queue up behind it.
const LOCK: &str = "SET LOCAL lock_timeout = '5min'; SELECT pg_advisory_xact_lock(6013546873219184231); SET LOCAL lock_timeout = '30s'";

/// As sqlx makes it.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
     installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
     execution_time BIGINT NOT NULL)";

/// Applies what is pending; how many that were.
pub(super) async fn run(database: &Database, migrator: &Migrator) -> Result<usize, Error> {
    let mut applied = 0;
    loop {
        let mut transaction = lock(database).await?;
        let pending = pending(&mut transaction, migrator).await?;
        let together = pending.iter().take_while(|migration| !migration.no_tx).count();
        for migration in &pending[..together] {
            execute(&mut transaction, migration, &migration.sql).await?;
            note(&mut transaction, migration, true).await?;
        }
        applied += together;
        let Some(alone) = pending.get(together) else {
            transaction.commit().await?;
            return Ok(applied);
        };
        note(&mut transaction, alone, false).await?;
        transaction.commit().await?;
        run_alone(database, alone).await?;
        applied += 1;
    }
}

/// A transaction in which no other run of this function is.
async fn lock(database: &Database) -> Result<Transaction, Error> {
    let access = Access::ReadWrite;
    let mut transaction = database.begin_by(access, access.begin(), Instant::now() + BEGIN_DEADLINE).await?;
    transaction.execute(raw_sql(LOCK)).await?;
    transaction.execute(raw_sql(TABLE)).await?;
    Ok(transaction)
}

/// What is not applied yet, in order.
async fn pending<'a>(transaction: &mut Transaction, migrator: &'a Migrator) -> Result<Vec<&'a Migration>, Error> {
    let query =
        query_as::<_, (i64, Vec<u8>, bool)>("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version");
    let applied = transaction.fetch_all(query).await?;
    let ours: Vec<&Migration> =
        migrator.iter().filter(|migration| !migration.migration_type.is_down_migration()).collect();
    let newest = ours.iter().map(|migration| migration.version).max();
    for (version, checksum, success) in &applied {
        let problem = match ours.iter().find(|migration| migration.version == *version) {
            _ if !success => MigrateError::Dirty(*version),
            Some(migration) if migration.checksum != *checksum => MigrateError::VersionMismatch(*version),
            Some(_) => continue,
            None if migrator.ignore_missing => continue,
            None if newest.is_none_or(|newest| *version > newest) => {
                tracing::warn!(
                    migration.version = version,
                    "the database was migrated by a newer version of this service"
                );
                continue;
            }
            None => MigrateError::VersionMissing(*version),
        };
        return Err(Error::Migration(Box::new(problem)));
    }
    Ok(ours
        .into_iter()
        .filter(|migration| !applied.iter().any(|(version, ..)| *version == migration.version))
        .collect())
}

async fn execute(transaction: &mut Transaction, migration: &Migration, sql: &str) -> Result<(), Error> {
    let outcome = sqlx::Executor::execute(&mut *transaction, raw_sql(sql)).await;
    outcome.map(drop).map_err(|error| failed(error, migration))
}

async fn note(transaction: &mut Transaction, migration: &Migration, success: bool) -> Result<(), Error> {
    let query = query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, $2, $3, $4, -1)",
    )
    .bind(migration.version)
    .bind(&*migration.description)
    .bind(success)
    .bind(&*migration.checksum);
    transaction.execute(query).await.map(drop)
}

/// One message of the simple protocol, outside a transaction: right behind a pooler, because nothing follows it.
async fn run_alone(database: &Database, migration: &Migration) -> Result<(), Error> {
    let mut connection = database.inner.pool.acquire().await?;
    let outcome = sqlx::Executor::execute(&mut *connection, raw_sql(&migration.sql)).await;
    drop(connection);
    if let Err(error) = outcome {
        // It may have had a part of its effect, so it stays noted as dirty.
        return Err(failed(error, migration));
    }
    let mut transaction = lock(database).await?;
    let done = query("UPDATE _sqlx_migrations SET success = TRUE WHERE version = $1").bind(migration.version);
    transaction.execute(done).await?;
    transaction.commit().await
}

/// Sorted, as everywhere, by what can be done about it: a server that went away is no fault of the migration.
fn failed(error: sqlx::Error, migration: &Migration) -> Error {
    match Error::from(error) {
        Error::Query(error) => Error::Migration(Box::new(MigrateError::ExecuteMigration(error, migration.version))),
        other => other,
    }
}
