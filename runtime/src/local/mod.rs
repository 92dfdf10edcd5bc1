//! What a laptop has instead of AWS and Clerk: a private Postgres, a pooler before it, and a token issuer.
//!
//! Development and tests only. The features `local`, and `issuer` for all but Postgres and Lambda, are not part of a deployed
//! artefact, so none of this can be switched on there by a setting.

pub mod backend;
pub mod guard;
pub mod issuer;
#[cfg(feature = "local")]
pub mod lambda_runtime;
#[cfg(all(unix, feature = "local"))]
pub mod pgbouncer;
#[cfg(all(unix, feature = "local"))]
pub mod postgres;
pub mod webhook;
