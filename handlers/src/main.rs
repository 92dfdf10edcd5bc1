//! The `api` binary, on a laptop and on Lambda: it wires what `startup` found in the environment to the router and serves it.
//!
//! `api` serves; `api migrate` brings the database up to date and ends. On Lambda, a function whose handler is called
//! `migrate` does so at each event, and fails with the reason.

use std::process::ExitCode;

use axum::Router;
use handlers::{
    App,
    startup::{Startup, migrate, migrate_at_deployment, migrates_on_lambda},
};
use specwright_runtime::{lambda, serve, service::ServiceError, telemetry};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::init();
    let outcome = match std::env::args().nth(1).as_deref() {
        None if migrates_on_lambda() => {
            lambda::run_task(migrate_at_deployment).await.map_err(anyhow::Error::from_boxed)
        }
        None => run().await,
        Some("migrate") => migrate().await.map_err(anyhow::Error::from),
        Some(other) => Err(anyhow::anyhow!("{other:?} is not a command; there are \"migrate\" and, to serve, nothing")),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    for line in one_text(&error).lines() {
        eprintln!("error: {line}");
    }
    ExitCode::FAILURE
}

async fn run() -> anyhow::Result<()> {
    let mut startup = Startup::from_environment().await?;
    for line in startup.announcement() {
        println!("{line}");
    }
    let listener = startup.listener.take();
    let served = serve_on(listener, App::build(startup.config.clone())).await;
    startup.stop().await;
    served
}

/// Serves on a socket until the process is told to end, or on Lambda until the platform ends it.
async fn serve_on(listener: Option<TcpListener>, router: Result<Router, ServiceError>) -> anyhow::Result<()> {
    match listener {
        Some(listener) => serve::listen(router?, listener, serve::end_signal()?).await,
        None => lambda::run(router?).await.map_err(anyhow::Error::from_boxed)?,
    }
    Ok(())
}

/// An error with its causes.
fn one_text(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
