//! Whether statements that are kept for `sqlx::query!` can be prepared against a database (`DATABASE_URL`).
//!
//! ```sh
//! with_postgres migrations statements_fit handlers/.sqlx
//! ```

#![allow(clippy::disallowed_types, reason = "nothing is run, and there is no pooler")]

use std::{fs, process::ExitCode};

use sqlx::{Connection as _, Executor as _, PgConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (Ok(url), Some(folder)) = (std::env::var("DATABASE_URL"), std::env::args_os().nth(1)) else {
        eprintln!("usage: DATABASE_URL=... statements_fit FOLDER");
        return ExitCode::from(2);
    };
    let mut connection = PgConnection::connect(&url).await.expect("the database answers");
    let (mut fit, mut problems) = (0, 0);
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let text = fs::read_to_string(entry.expect("the folder can be read").path()).expect("the file can be read");
        let kept: serde_json::Value = serde_json::from_str(&text).expect("sqlx writes JSON");
        let statement = kept["query"].as_str().expect("sqlx keeps the statement");
        match connection.prepare(statement).await {
            Ok(_) => fit += 1,
            Err(error) => {
                problems += 1;
                eprintln!("{error}: {statement}");
            }
        }
    }
    let forced = "SELECT count(*) FILTER (WHERE c.relrowsecurity AND c.relforcerowsecurity), count(*) FROM pg_class c \
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner_id' AND NOT a.attisdropped \
                  WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace";
    let (forced, tables): (i64, i64) =
        sqlx::query_as(forced).fetch_one(&mut connection).await.expect("the catalog answers");
    println!(
        "{fit} statements fit, {problems} do not; {forced} of {tables} tables with an owner force row level security"
    );
    if problems == 0 && forced == tables { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
