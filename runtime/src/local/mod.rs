//! What a laptop has instead of AWS and Clerk: a private Postgres and a token issuer.
//!
//! Development and tests only. The feature `local` is not part of a deployed artefact, so none of this can be switched on
//! there by a setting.

pub mod backend;
pub mod guard;
pub mod issuer;
pub mod lambda_runtime;
#[cfg(unix)]
pub mod postgres;
