//! The session cookie of a browser, for a service on the same site as the page.
//!
//! Clerk keeps each value twice: `__session`, and `__session_<suffix>` with a suffix per instance, since two applications on
//! `localhost` would overwrite each other's. Which of the two counts, and whether the user has signed out meanwhile
//! (`__client_uat`), is decided here by Clerk's rules, from what the cookies say of themselves; the chosen token is verified
//! like any other. Clerk's answer to a stale cookie is a redirect, ours is 401.

use http::{HeaderMap, header};

use super::{PublishableKey, jws::Jws, reason::Reason, token::Token};

const SESSION: &str = "__session";
/// When the user last signed in or out in this browser, in seconds since 1970; 0 after the last session ended.
const CLIENT_UAT: &str = "__client_uat";

/// The session token among the cookies.
pub(super) fn session<'a>(headers: &'a HeaderMap, key: &PublishableKey, now_seconds: f64) -> Result<&'a str, Reason> {
    let cookies = Cookies::read(headers, key.cookie_suffix());
    let (session, updated) = if cookies.suffixed_count(key, now_seconds) {
        (cookies.suffixed_session, cookies.suffixed_updated)
    } else {
        (cookies.session, cookies.updated)
    };
    let session = session.ok_or(Reason::SessionMissing)?;
    let updated = updated.and_then(|text| text.parse::<f64>().ok()).filter(|seconds| *seconds > 0.0);
    let updated = updated.ok_or(Reason::SignedOut)?;
    // A token from before the last sign-in belongs to a session that is no more.
    if Unverified::read(session).issued < updated {
        return Err(Reason::SignedOut);
    }
    Ok(session)
}

/// Whether there is a session cookie, of either name and however often.
pub(super) fn is_sent(headers: &HeaderMap, key: &PublishableKey) -> bool {
    let cookies = Cookies::read(headers, key.cookie_suffix());
    cookies.session.or(cookies.suffixed_session).is_some()
}

/// Whether the `Authorization` header has a token, good or bad: who says who they are is not taken for whom the browser knows.
/// Clerk reads a header without a scheme as a token, too. Other schemes, as of a test stage behind a password, say nothing here.
pub(super) fn is_outranked(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).iter().any(|value| {
        let text = value.as_bytes().trim_ascii();
        match text.iter().position(|byte| *byte == b' ') {
            Some(end) => text[..end].eq_ignore_ascii_case(b"bearer"),
            None => !text.is_empty(),
        }
    })
}

#[derive(Default)]
struct Cookies<'a> {
    session: Option<&'a str>,
    updated: Option<&'a str>,
    suffixed_session: Option<&'a str>,
    suffixed_updated: Option<&'a str>,
}

impl<'a> Cookies<'a> {
    /// Cut apart first (RFC 6265, section 5.4); values are not decoded at all, since no token needs it. Decoding the header
    /// first let one cookie's value forge another cookie.
    fn read(headers: &'a HeaderMap, suffix: &str) -> Self {
        let mut cookies = Self::default();
        let headers = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        for (name, value) in headers.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('=')) {
            let suffixed = |plain: &str| {
                name.strip_prefix(plain).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| rest == suffix)
            };
            let slot = match name {
                SESSION => &mut cookies.session,
                CLIENT_UAT => &mut cookies.updated,
                _ if suffixed(SESSION) => &mut cookies.suffixed_session,
                _ if suffixed(CLIENT_UAT) => &mut cookies.suffixed_updated,
                _ => continue,
            };
            // The first of several: the browser sends the one of the longest path first.
            if slot.is_none() && !value.is_empty() {
                *slot = Some(value);
            }
        }
        cookies
    }

    /// Clerk's `usesSuffixedCookies()`.
    fn suffixed_count(&self, key: &PublishableKey, now_seconds: f64) -> bool {
        let plain = self.session.map(Unverified::read).unwrap_or_default();
        if self.session.is_some() {
            match plain.issuer.as_str() {
                "" => return false,
                issuer if issuer != key.issuer() => return true,
                _ => {}
            }
        }
        if self.suffixed_updated.is_none() && self.suffixed_session.is_none() {
            return false;
        }
        let suffixed = self.suffixed_session.map(Unverified::read).unwrap_or_default();
        let (plain_out, suffixed_out) = (self.updated == Some("0"), self.suffixed_updated == Some("0"));
        if !suffixed_out && !plain_out && plain.issued > suffixed.issued {
            return false;
        }
        if suffixed_out && !plain_out {
            return false;
        }
        let expired = self.suffixed_session.is_some() && suffixed.expires <= now_seconds;
        if !key.is_production() && !suffixed_out && plain_out && expired {
            return false;
        }
        self.suffixed_updated.is_some()
    }
}

/// What a token says of itself, unverified: good enough to choose between two cookies, both of which the browser holds. What
/// it does not say is empty or zero.
#[derive(Default)]
struct Unverified {
    issuer: String,
    issued: f64,
    expires: f64,
}

impl Unverified {
    fn read(token: &str) -> Self {
        if let Ok(jws) = Jws::decode(token)
            && let Ok(token) = Token::read(&jws)
            && let Some(claims) = token.unverified_claims()
        {
            let number = |name| claims.number(name).unwrap_or_default();
            let issuer = claims.text("iss").unwrap_or_default().to_owned();
            return Self { issuer, issued: number("iat"), expires: number("exp") };
        }
        Self::default()
    }
}
