//! The database part against a real Postgres: one server for all tests, a database for each.

#![cfg(all(unix, feature = "database", feature = "local"))]
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_types, reason = "tests look at the database past the service")]

mod migrations;
mod pooler;
mod recovery;
mod rotation;
mod transaction;

use std::sync::atomic::{AtomicU32, Ordering};

use specwright_runtime::{
    database::{Database, Settings},
    local::postgres::{LocalPostgres, Options},
};
use tokio::sync::OnceCell;

/// The server of this test process. Never dropped: it ends when the process does.
async fn server() -> &'static LocalPostgres {
    static SERVER: OnceCell<LocalPostgres> = OnceCell::const_new();
    SERVER.get_or_init(|| async { LocalPostgres::start(Options::temporary()).await.unwrap() }).await
}

/// The address of a new database.
async fn fresh_url() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    server().await.create_database(&name).await.unwrap()
}

async fn fresh(connections: u32) -> Database {
    Database::connect(Settings::from_url(&fresh_url().await).unwrap().max_connections(connections)).unwrap()
}

/// Runs SQL as the superuser.
async fn administer(server: &LocalPostgres, statement: &str) {
    use sqlx::{ConnectOptions, Connection};
    let options: sqlx::postgres::PgConnectOptions = server.admin_url().parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
