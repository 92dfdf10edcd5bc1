//! Why a token is not accepted, in Clerk's words.

use std::fmt;

/// Why a token is not accepted. [`Reason::as_str`] is Clerk's own name for it, so that a log line can be looked up in Clerk's
/// documentation. For logs only: a response says no more than that the token is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Not a token: form, encoding, JSON, duplicate members, `typ`, size.
    Invalid,
    /// Signed with something else than RSA.
    InvalidAlgorithm,
    /// The signature is not by one of our keys.
    InvalidSignature,
    /// The signature could not be checked, or a claim is missing or of the wrong type.
    VerificationFailed,
    /// The token's origin (`azp`) is not one of ours.
    InvalidAuthorizedParties,
    /// Another issuer (`iss`).
    InvalidIssuer,
    /// Past its `exp`.
    Expired,
    /// Before its `nbf`.
    NotActiveYet,
    /// Before its `iat`.
    IssuedInTheFuture,
    /// A genuine token of another class: JWT template, machine, OAuth.
    TypeMismatch,
    /// No key of this id (`kid`), also not after fetching the keys again.
    KeyMismatch,
    /// A genuine session with tasks left to do (`sts` is `pending`): signed out until they are done.
    SessionPending,
    /// No session cookie.
    SessionMissing,
    /// A session cookie of a user who has signed out, or in again, since.
    SignedOut,
    /// A session that Clerk says is over, where sessions are asked about.
    SessionEnded,
    /// A machine token, OAuth token or API key that was revoked.
    Revoked,
}

impl Reason {
    /// Clerk's name, for example `token-expired`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "token-invalid",
            Self::InvalidAlgorithm => "token-invalid-algorithm",
            Self::InvalidSignature => "token-invalid-signature",
            Self::VerificationFailed => "token-verification-failed",
            Self::InvalidAuthorizedParties => "token-invalid-authorized-parties",
            Self::InvalidIssuer => "token-invalid-issuer",
            Self::Expired => "token-expired",
            Self::NotActiveYet => "token-not-active-yet",
            Self::IssuedInTheFuture => "token-iat-in-the-future",
            Self::TypeMismatch => "token-type-mismatch",
            Self::KeyMismatch => "jwk-kid-mismatch",
            Self::SessionPending => "session-pending",
            Self::SessionMissing => "session-token-missing",
            Self::SignedOut => "session-token-iat-before-client-uat",
            Self::SessionEnded => "session-ended",
            Self::Revoked => "token-revoked",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
