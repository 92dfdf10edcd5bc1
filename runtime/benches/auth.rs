//! What it costs to verify a Clerk session token, and to see one again. `cargo xtask bench auth` runs this beside Clerk's own SDK.
//!
//! Prints one line of JSON: nanoseconds of processor time, each the median of batches, and the token and the key, so that the other
//! side verifies the same.

#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use specwright_runtime::{
    auth::{Authenticator, Credential, Organization, clerk::ClerkVerifier},
    local::issuer::{AUTHORIZED_PARTY, ISSUER, LocalIssuer, TokenRequest},
    operation::{SchemeKind, SecurityScheme},
};

static SESSION: SecurityScheme = SecurityScheme { name: "session", kind: SchemeKind::Bearer { format: None } };

fn main() {
    // `cargo test --all-targets` runs benchmarks with `--test`: enough to know that it works.
    let batches = if std::env::args().any(|argument| argument == "--bench") { 21 } else { 1 };
    let folder = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(folder.path()).unwrap();
    let organization = ["manage", "read", "delete", "invite"]
        .into_iter()
        .fold(Organization::new("org_2acme").with_slug("acme").with_role("admin"), |organization, name| {
            organization.with_permission(&format!("org:projects:{name}"))
        });
    let request = TokenRequest::new("user_2benchmark").organization(organization).plan("o:pro").feature("o:export");
    let token = issuer.mint(&request.expires_in(Duration::from_hours(10))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let fresh = issuer.verifier().remember_tokens(0).build().unwrap();
    let remembering = issuer.verifier().build().unwrap();
    // A batch takes a hundred milliseconds and more: Linux brings the count of `processor_time` up to date every few only.
    let measure = |verifier: &ClerkVerifier, each: u32| {
        let each = if batches > 1 { each } else { 10 };
        let (parts, ()) = http::Request::new(()).into_parts();
        let once = async || {
            let outcome = verifier.authenticate(Credential::Bearer(&token), &SESSION, &["org:projects:manage"], &parts);
            black_box(outcome.await.unwrap());
        };
        runtime.block_on(async {
            once().await;
            let mut costs = Vec::new();
            for _ in 0..batches {
                let start = processor_time();
                for _ in 0..each {
                    once().await;
                }
                costs.push((processor_time() - start).as_nanos() / u128::from(each));
            }
            costs.sort_unstable();
            costs[costs.len() / 2]
        })
    };
    let line = json!({
        "verify_ns": measure(&fresh, 5_000),
        "repeat_ns": measure(&remembering, 100_000),
        "token": token,
        "token_bytes": token.len(),
        "key": issuer.public_key(),
        "issuer": ISSUER,
        "authorized_party": AUTHORIZED_PARTY,
    });
    assert!(Path::new(issuer.key_file()).exists());
    println!("{line}");
}

/// What this thread has used of a processor; on a busy machine the wall clock counts the others too. Where the system does not say,
/// the wall clock.
fn processor_time() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = said.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(wall_clock, Duration::from_nanos)
}

fn wall_clock() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}
