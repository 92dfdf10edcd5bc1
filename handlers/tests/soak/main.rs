//! The deployed shape of the service on one machine, under load, while what it depends on changes and breaks.
//!
//! ```text
//! generated client -> api (its own process) -> PgBouncer (transaction mode, TLS, SCRAM) -> Postgres (TLS)
//!                          \-> moto (Secrets Manager, through the SDK's AWS_ENDPOINT_URL)
//! ```
//!
//! The password is rotated twice, once for a single user and once for alternating users; PgBouncer is restarted; Postgres is
//! stopped and started again. Rotation may cost no request. A restart may cost the requests that were under way, each with a
//! 503, and no write may be half done or done twice: each has an `Idempotency-Key` and is sent again until it is acknowledged.
//!
//! `SOAK_SECONDS` (30) and `SOAK_RATE` (40 a second) change the load; the report is printed with `--nocapture`. `cargo xtask soak` does it
//! at 200 a second in an optimised build: unoptimised, client and service take more of a processor for a request than a machine that
//! compiles at the same time has left at that rate, and what fails then is the machine.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::disallowed_types, reason = "the test looks at the database past the service")]

mod load;
mod stack;

use std::{env, time::Duration};

use self::{
    load::{Load, Outage},
    stack::{Missing, Stack},
};

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_costs_no_request_and_a_restart_none_that_was_not_under_way() {
    let mut stack = match Stack::start().await {
        Ok(stack) => stack,
        Err(Missing(what)) => {
            assert!(env::var("CI").as_deref() != Ok("true"), "CI has no {what}");
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: there is no {what}\n"));
            return;
        }
    };
    let part = Duration::from_secs(number("SOAK_SECONDS", 30)) / 6;
    let load = Load::start(stack.client(), number("SOAK_RATE", 40));

    tokio::time::sleep(part).await;
    let fetches_at_start = stack.secret_fetches();
    stack.rotate_single_user().await;
    tokio::time::sleep(part).await;
    stack.rotate_to_another_user().await;
    tokio::time::sleep(part).await;
    let fetches_after_rotations = stack.secret_fetches();

    let restart = Outage::begins();
    stack.restart_pooler().await;
    let restart = restart.ends("the pooler was restarted");
    tokio::time::sleep(part).await;
    let failover = Outage::begins();
    stack.restart_postgres().await;
    let failover = failover.ends("Postgres was restarted");
    tokio::time::sleep(part * 2).await;

    let report = load.finish().await;
    println!("{report}");
    println!(
        "secret fetches: {fetches_at_start} at the start, {} for two rotations, {} after that",
        fetches_after_rotations - fetches_at_start,
        stack.secret_fetches() - fetches_after_rotations
    );

    let unexplained = report.unexplained(&[restart, failover]);
    assert!(
        unexplained.is_empty(),
        "{} failures that no outage explains: {:?}",
        unexplained.len(),
        unexplained.first()
    );
    assert_eq!(report.never_acknowledged(), 0, "every write was acknowledged in the end");
    stack.assert_written_once(&report.acknowledged).await;
    // It has migrated too, over a pool of its own.
    assert_eq!(fetches_at_start, 1, "how often the secret was read when the service started");
    // Each rotation: the current version, and the pending one where the current one was just refused.
    assert!(fetches_after_rotations - fetches_at_start <= 8, "{fetches_after_rotations}");
    stack.stop().await;
}
