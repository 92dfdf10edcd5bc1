//! Runs a command with a private, migrated Postgres, whose address it finds in `DATABASE_URL`.
//!
//! ```sh
//! cargo run -p specwright-runtime --all-features --example with_postgres -- migrations psql
//! ```

use std::{path::PathBuf, process::ExitCode};

use specwright_runtime::{
    database::{Database, Settings},
    local::postgres::{LocalPostgres, Options},
};
use sqlx::migrate::Migrator;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(migrations), Some(program)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: with_postgres MIGRATIONS PROGRAM [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let postgres = LocalPostgres::start(Options::temporary()).await.expect("the local Postgres starts");
    let database = Database::connect(Settings::from_url(postgres.url()).expect("a local address is accepted"))
        .expect("connecting is lazy");
    let migrator = Migrator::new(PathBuf::from(migrations)).await.expect("the migrations can be read");
    database.migrate(&migrator).await.expect("the migrations can be applied");
    database.close().await;

    let mut command = tokio::process::Command::new(program);
    let status = command.args(arguments).env("DATABASE_URL", postgres.url()).status().await;
    postgres.stop().await.expect("the local Postgres stops");
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the program cannot be run: {error}");
            ExitCode::FAILURE
        }
    }
}
