//! A session token taken apart and checked, in Clerk's order.
//!
//! The order is part of the contract: the signature comes before the claims, so that a forger learns nothing about the claims,
//! and everything that costs nothing comes before a key is looked up, so that a stream of rubbish costs no key fetch.
//! `jsonwebtoken` checks the signature; its claim checks are not used, because they differ from Clerk's in times (60 s leeway,
//! rounding), `azp`, `iss`, `aud` and `typ`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::signature::Verifier as _;
use serde_json::{Map, Value};

use super::{json, key::PublicKey, reason::Reason};

/// A longer token is refused before any work. Clerk keeps tokens below 4 KB for the sake of cookies.
const MAX_LENGTH: usize = 64 * 1024;

/// Seconds beyond which ECMAScript dates, and with them Clerk's own check, stop working.
const MAX_SECONDS: f64 = 8.64e12;

/// The header's `cat`: the class of token.
const SESSION: &str = "cl_B7d4PD111AAA";
const MACHINE: &str = "cl_B7d4PD333AAA";
/// Some instances stamp this one on all classes, so it says nothing.
const UNSPECIFIED: &str = "cl_I7d4PD111III";
/// The header's `typ` of an OAuth access token (RFC 9068, section 2.1).
pub(super) const OAUTH_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// What a machine's `sub` begins with.
pub(super) const MACHINE_PREFIX: &str = "mch_";

/// What a token must say besides being signed.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) authorized_parties: Vec<String>,
    pub(super) allow_missing_azp: bool,
    pub(super) audience: Vec<String>,
    pub(super) issuer: Vec<String>,
    /// Required values of `typ`; empty: absent or `JWT`.
    pub(super) header_types: Vec<String>,
    pub(super) clock_skew_ms: i64,
}

/// A decoded token. Nothing in it is verified.
pub(super) struct Token<'a> {
    header: Map<String, Value>,
    payload: Payload,
    /// Whether the header repeats a member name.
    has_duplicates: bool,
    /// `header.payload`, as sent: what the signature is over.
    message: &'a str,
    signature: Vec<u8>,
}

/// Clerk reports a payload that is JSON but no object late and differently, so the difference is kept.
enum Payload {
    Object(Map<String, Value>),
    Other,
}

impl<'a> Token<'a> {
    /// Takes a token apart: three parts of canonical base64url, the first two JSON.
    pub(super) fn decode(text: &'a str) -> Result<Self, Reason> {
        if text.len() > MAX_LENGTH {
            return Err(Reason::Invalid);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Reason::Invalid)?;
        let (header, payload) = message.split_once('.').ok_or(Reason::Invalid)?;
        if payload.contains('.') {
            return Err(Reason::Invalid);
        }
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Reason::Invalid);
        let header = part(header)?;
        let (header, has_duplicates) = match json::parse(&header) {
            Some(header) => (header, false),
            // Clerk takes the last of several members, and its reason depends on it. The token is refused either way.
            None => (serde_json::from_slice(&header).map_err(|_| Reason::Invalid)?, true),
        };
        let payload = json::parse(&part(payload)?).ok_or(Reason::Invalid)?;
        let signature = part(signature)?;
        Ok(Self {
            header: match header {
                Value::Object(members) => members,
                // No members, no algorithm: refused below.
                _ => Map::new(),
            },
            payload: match payload {
                Value::Object(members) => Payload::Object(members),
                _ => Payload::Other,
            },
            has_duplicates,
            message,
            signature,
        })
    }

    /// What the token says, unverified.
    pub(super) fn into_unverified_claims(self) -> Map<String, Value> {
        match self.payload {
            Payload::Object(claims) => claims,
            Payload::Other => Map::new(),
        }
    }

    /// The key's id, where the token names one.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Whether this is something else than a session token: JWT template, machine, OAuth. An absent `cat` is a token from
    /// before the claim was introduced; one of the wrong type is nobody's.
    pub(super) fn is_not_session(&self) -> bool {
        let other_class = self.header.get("cat").is_some_and(|class| *class != SESSION && *class != UNSPECIFIED);
        other_class || self.has_machine_subject() || self.is_oauth()
    }

    /// Whether the class (`cat`) says that this is a machine's, of which no session can come.
    pub(super) fn is_of_machine_class(&self) -> bool {
        self.header.get("cat").is_some_and(|class| *class == MACHINE)
    }

    /// Whether this is a machine's token (M2M): by its subject, and by its class where it names one.
    pub(super) fn is_machine(&self) -> bool {
        self.has_machine_subject() && self.header.get("cat").is_none_or(|class| *class == MACHINE)
    }

    /// Whether the subject is a machine.
    pub(super) fn has_machine_subject(&self) -> bool {
        match &self.payload {
            Payload::Object(claims) => {
                claims.get("sub").and_then(Value::as_str).is_some_and(|subject| subject.starts_with(MACHINE_PREFIX))
            }
            Payload::Other => false,
        }
    }

    /// Whether this is an OAuth access token (RFC 9068).
    pub(super) fn is_oauth(&self) -> bool {
        self.header.get("typ").and_then(Value::as_str).is_some_and(|kind| OAUTH_TYPES.contains(&kind))
    }

    /// The checks of the header, none of which needs a key.
    pub(super) fn check_header(&self, rules: &Rules) -> Result<(), Reason> {
        let header = &self.header;
        let listed = match header.get("typ") {
            None => rules.header_types.is_empty(),
            Some(Value::String(kind)) if rules.header_types.is_empty() => kind == "JWT",
            Some(Value::String(kind)) => rules.header_types.contains(kind),
            Some(_) => false,
        };
        if !listed {
            return Err(Reason::Invalid);
        }
        match header.get("alg").and_then(Value::as_str) {
            Some("RS256") => {}
            // Clerk lets these two pass here and fails when it imports the key, which is for RS256.
            Some("RS384" | "RS512") => return Err(Reason::VerificationFailed),
            _ => return Err(Reason::InvalidAlgorithm),
        }
        // RFC 7515, section 4.1.11: we understand no extension, and an empty list is not allowed. Section 4.1.4: `kid` is text.
        if self.has_duplicates || header.contains_key("crit") || header.get("kid").is_some_and(|id| !id.is_string()) {
            return Err(Reason::Invalid);
        }
        Ok(())
    }

    /// Whether one of the keys made the signature (RSASSA-PKCS1-v1_5 with SHA-256).
    pub(super) fn check_signature(&self, keys: &[PublicKey]) -> Result<(), Reason> {
        let made = |key: &PublicKey| key.verifier().verify(self.message.as_bytes(), &self.signature).is_ok();
        if keys.iter().any(made) { Ok(()) } else { Err(Reason::InvalidSignature) }
    }

    /// The checks of the claims, and the claims.
    pub(super) fn check_claims(
        self,
        rules: &Rules,
        allow_missing_azp: bool,
        now_ms: f64,
    ) -> Result<Map<String, Value>, Reason> {
        let Payload::Object(claims) = self.payload else {
            return Err(Reason::VerificationFailed);
        };
        match claims.get("sub") {
            Some(Value::String(subject)) if is_subject(subject) => {}
            _ => return Err(Reason::VerificationFailed),
        }
        if !rules.audience.is_empty() && !audience_matches(claims.get("aud"), &rules.audience) {
            return Err(Reason::VerificationFailed);
        }
        if !rules.authorized_parties.is_empty() {
            let allowed = match claims.get("azp") {
                None => allow_missing_azp,
                party => is_listed(party, &rules.authorized_parties),
            };
            if !allowed {
                return Err(Reason::InvalidAuthorizedParties);
            }
        }
        if !rules.issuer.is_empty() && !is_listed(claims.get("iss"), &rules.issuer) {
            return Err(Reason::InvalidIssuer);
        }
        #[expect(clippy::cast_precision_loss, reason = "a clock skew is far below 2^53 ms")]
        let skew_ms = rules.clock_skew_ms as f64;
        let expires = milliseconds(claims.get("exp"))?.ok_or(Reason::VerificationFailed)?;
        if expires <= now_ms - skew_ms {
            return Err(Reason::Expired);
        }
        if milliseconds(claims.get("nbf"))?.is_some_and(|not_before| not_before > now_ms + skew_ms) {
            return Err(Reason::NotActiveYet);
        }
        if milliseconds(claims.get("iat"))?.is_some_and(|issued| issued > now_ms + skew_ms) {
            return Err(Reason::IssuedInTheFuture);
        }
        Ok(claims)
    }
}

/// Stricter than Clerk, which lets an empty subject and NUL pass.
fn is_subject(subject: &str) -> bool {
    crate::auth::UserId::from_verified(subject).is_ok()
}

/// Where an audience is asked for, the token must name one of them. Clerk skips the check where the claim is absent or of the
/// wrong type, which turns a misconfigured token template into an open door.
pub(super) fn audience_matches(claim: Option<&Value>, expected: &[String]) -> bool {
    match claim {
        Some(Value::Array(audiences)) => audiences.iter().any(|audience| is_listed(Some(audience), expected)),
        Some(audience) => is_listed(Some(audience), expected),
        None => false,
    }
}

/// Whether a claim is one of the expected texts. The empty text never is: it is what an unset variable looks like.
fn is_listed(claim: Option<&Value>, expected: &[String]) -> bool {
    claim.and_then(Value::as_str).is_some_and(|text| !text.is_empty() && expected.iter().any(|ours| ours == text))
}

/// A NumericDate (RFC 7519, section 2) in whole seconds, as milliseconds. An absent one is fine here; one that is no number, or
/// no date, is not: ECMAScript turns the latter into NaN, which no comparison refuses.
fn milliseconds(claim: Option<&Value>) -> Result<Option<f64>, Reason> {
    let Some(claim) = claim else { return Ok(None) };
    match claim.as_f64() {
        Some(seconds) if seconds.abs() <= MAX_SECONDS => Ok(Some(seconds.trunc() * 1_000.0)),
        _ => Err(Reason::VerificationFailed),
    }
}
