//! A session token read and checked, in Clerk's order.
//!
//! The order is part of the contract: the signature comes before the claims, so that a forger learns nothing about the claims,
//! and everything that costs nothing comes before a key is looked up, so that a stream of rubbish costs no key fetch.
//! `jsonwebtoken` checks the signature; its claim checks are not used, because they differ from Clerk's in times (60 s leeway,
//! rounding), `azp`, `iss`, `aud` and `typ`.

use jsonwebtoken::signature::Verifier as _;

use super::{
    claims::Claims,
    json::{self, Json, Members},
    jws::Jws,
    key::PublicKey,
    reason::Reason,
};
use crate::auth::UserId;

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

/// A token that was read. Nothing in it is verified.
pub(super) struct Token<'a> {
    jws: &'a Jws<'a>,
    header: Members<'a>,
    /// `None` where the payload is JSON but no object, which Clerk reports late and differently.
    claims: Option<Members<'a>>,
    /// Whether the header repeats a member name.
    has_duplicates: bool,
}

impl<'a> Token<'a> {
    /// Reads header and payload, which must be JSON.
    pub(super) fn read(jws: &'a Jws<'a>) -> Result<Self, Reason> {
        let header = json::parse(&jws.header).ok_or(Reason::Invalid)?;
        let payload = json::parse(&jws.payload).filter(|payload| !payload.has_duplicates()).ok_or(Reason::Invalid)?;
        Ok(Self {
            jws,
            // Clerk takes the last of several members, and its reason depends on it. The token is refused either way.
            has_duplicates: header.has_duplicates(),
            // No members, no algorithm: refused below.
            header: header.into_object().unwrap_or_default(),
            claims: payload.into_object(),
        })
    }

    /// What the token says, unverified.
    pub(super) fn unverified_claims(&self) -> Option<&Members<'a>> {
        self.claims.as_ref()
    }

    /// The key's id, where the token names one.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.text("kid")
    }

    /// Whether this is something else than a session token: JWT template, machine, OAuth. An absent `cat` is a token from
    /// before the claim was introduced; one of the wrong type is nobody's.
    pub(super) fn is_not_session(&self) -> bool {
        let is_session = |class: &Json<'_>| matches!(class.as_str(), Some(SESSION | UNSPECIFIED));
        let other_class = self.header.get("cat").is_some_and(|class| !is_session(class));
        other_class || self.has_machine_subject() || self.is_oauth()
    }

    /// Whether the class (`cat`) says that this is a machine's, of which no session can come.
    pub(super) fn is_of_machine_class(&self) -> bool {
        self.header.text("cat") == Some(MACHINE)
    }

    /// Whether this is a machine's token (M2M): by its subject, and by its class where it names one.
    pub(super) fn is_machine(&self) -> bool {
        self.has_machine_subject() && self.header.get("cat").is_none_or(|class| class.as_str() == Some(MACHINE))
    }

    /// Whether the subject is a machine.
    pub(super) fn has_machine_subject(&self) -> bool {
        let subject = self.claims.as_ref().and_then(|claims| claims.text("sub"));
        subject.is_some_and(|subject| subject.starts_with(MACHINE_PREFIX))
    }

    /// Whether this is an OAuth access token (RFC 9068).
    pub(super) fn is_oauth(&self) -> bool {
        self.header.text("typ").is_some_and(|kind| OAUTH_TYPES.contains(&kind))
    }

    /// The checks of the header, none of which needs a key.
    pub(super) fn check_header(&self, rules: &Rules) -> Result<(), Reason> {
        let header = &self.header;
        let listed = match header.get("typ") {
            None => rules.header_types.is_empty(),
            Some(Json::Text(kind)) if rules.header_types.is_empty() => kind == "JWT",
            Some(Json::Text(kind)) => rules.header_types.iter().any(|listed| listed == kind),
            Some(_) => false,
        };
        if !listed {
            return Err(Reason::Invalid);
        }
        match header.text("alg") {
            Some("RS256") => {}
            // Clerk lets these two pass here and fails when it imports the key, which is for RS256.
            Some("RS384" | "RS512") => return Err(Reason::VerificationFailed),
            _ => return Err(Reason::InvalidAlgorithm),
        }
        // RFC 7515, section 4.1.11: we understand no extension, and an empty list is not allowed. Section 4.1.4: `kid` is text.
        let has_odd_key_id = header.get("kid").is_some_and(|id| id.as_str().is_none());
        if self.has_duplicates || header.get("crit").is_some() || has_odd_key_id {
            return Err(Reason::Invalid);
        }
        Ok(())
    }

    /// Whether one of the keys made the signature (RSASSA-PKCS1-v1_5 with SHA-256).
    pub(super) fn check_signature(&self, keys: &[PublicKey]) -> Result<(), Reason> {
        let Jws { message, signature, .. } = self.jws;
        let made = |key: &PublicKey| key.verifier().verify(message.as_bytes(), signature).is_ok();
        if keys.iter().any(made) { Ok(()) } else { Err(Reason::InvalidSignature) }
    }

    /// The checks of the claims, and the claims.
    pub(super) fn check_claims(
        &self,
        rules: &Rules,
        allow_missing_azp: bool,
        now_ms: f64,
    ) -> Result<Claims<'_>, Reason> {
        let claims = self.claims.as_ref().ok_or(Reason::VerificationFailed)?;
        // Stricter than Clerk, which lets an empty subject and NUL pass.
        let subject = claims.text("sub").and_then(|subject| UserId::from_verified(subject).ok());
        let subject = subject.ok_or(Reason::VerificationFailed)?;
        if !rules.audience.is_empty() {
            let audiences = claims.get("aud").into_iter().flat_map(Json::texts);
            if !audience_matches(audiences, &rules.audience) {
                return Err(Reason::VerificationFailed);
            }
        }
        if !rules.authorized_parties.is_empty() {
            let allowed = match claims.get("azp") {
                None => allow_missing_azp,
                Some(party) => is_listed(party.as_str(), &rules.authorized_parties),
            };
            if !allowed {
                return Err(Reason::InvalidAuthorizedParties);
            }
        }
        if !rules.issuer.is_empty() && !is_listed(claims.text("iss"), &rules.issuer) {
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
        Ok(Claims { subject, members: claims, json: &self.jws.payload })
    }
}

/// Where an audience is asked for, the token must name one of them. Clerk skips the check where the claim is absent or of the
/// wrong type, which turns a misconfigured token template into an open door.
pub(super) fn audience_matches<'a>(audiences: impl IntoIterator<Item = &'a str>, expected: &[String]) -> bool {
    audiences.into_iter().any(|audience| is_listed(Some(audience), expected))
}

/// Whether a claim is one of the expected texts. The empty text never is: it is what an unset variable looks like.
fn is_listed(claim: Option<&str>, expected: &[String]) -> bool {
    claim.is_some_and(|text| !text.is_empty() && expected.iter().any(|ours| ours == text))
}

/// A NumericDate (RFC 7519, section 2) in whole seconds, as milliseconds. An absent one is fine here; one that is no number, or
/// no date, is not: ECMAScript turns the latter into NaN, which no comparison refuses.
fn milliseconds(claim: Option<&Json<'_>>) -> Result<Option<f64>, Reason> {
    let Some(claim) = claim else { return Ok(None) };
    match claim.as_f64() {
        Some(seconds) if seconds.abs() <= MAX_SECONDS => Ok(Some(seconds.trunc() * 1_000.0)),
        _ => Err(Reason::VerificationFailed),
    }
}
