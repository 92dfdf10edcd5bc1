//! Claims of a verified Clerk session token, versions 1 and 2, to a [`Caller`].
//!
//! Only the subject is demanded. Everything else is read leniently: a claim of the wrong type counts as absent, because Clerk
//! accepts such tokens too and a session must not end over a decoration. Permissions fail closed: what cannot be decoded
//! grants nothing.

use serde_json::{Map, Value};

use super::json::{self, Json, Members};
use crate::auth::{Actor, Caller, CallerParts, Factors, Organization, UserId, caller::UnreadClaims};

/// The claims of a token whose signature and times were checked.
pub(super) struct Claims<'a> {
    pub(super) subject: UserId,
    pub(super) members: &'a Members<'a>,
    /// What `members` were read from.
    pub(super) json: &'a str,
}

/// A session: a user, perhaps in an organization.
pub(super) fn session(claims: Claims<'_>, scheme: &'static str) -> Caller {
    let Claims { subject, members, json } = claims;
    let mut parts = CallerParts::new(subject, scheme);
    parts.session_id = members.text("sid").map(str::to_owned);
    parts.status = members.text("sts").map(str::to_owned);
    parts.features = members.text("fea").map(str::to_owned);
    parts.plans = members.text("pla").map(str::to_owned);
    parts.factors = factors(members);
    parts.actor = actor(members);
    parts.expires = expires(members);
    parts.organization = organization(members);
    parts.unread = Some(UnreadClaims::new(json, read));
    Caller::new(parts)
}

/// A machine (M2M). Its scopes are in `scopes`, else it may speak to the audiences.
pub(super) fn machine(claims: Claims<'_>, scheme: &'static str) -> Caller {
    let members = claims.members;
    let scopes = words(members.get("scopes")).or_else(|| words(members.get("aud")));
    let mut parts = bare(claims, scheme, read_unregistered);
    parts.machine = true;
    parts.scopes = scopes.unwrap_or_default();
    Caller::new(parts)
}

/// An OAuth access token: a user who lets a client act.
pub(super) fn oauth(claims: Claims<'_>, scheme: &'static str) -> Caller {
    let members = claims.members;
    let mut parts = bare(claims, scheme, read);
    parts.actor = actor(members);
    parts.scopes = words(members.get("scp")).or_else(|| words(members.get("scope"))).unwrap_or_default();
    Caller::new(parts)
}

fn bare(claims: Claims<'_>, scheme: &'static str, read: fn(&str) -> Map<String, Value>) -> CallerParts {
    let mut parts = CallerParts::new(claims.subject, scheme);
    parts.credential_id = non_empty(claims.members, "jti").map(str::to_owned);
    parts.expires = expires(claims.members);
    parts.unread = Some(UnreadClaims::new(claims.json, read));
    parts
}

/// All claims. The text was read before, so it is an object.
fn read(text: &str) -> Map<String, Value> {
    json::parse(text).and_then(Json::into_object).map(Map::from).unwrap_or_default()
}

/// The claims without those that every JWT has (RFC 7519, section 4.1).
fn read_unregistered(text: &str) -> Map<String, Value> {
    let mut claims = read(text);
    for registered in ["iss", "sub", "exp", "nbf", "iat", "jti"] {
        claims.remove(registered);
    }
    claims
}

/// A list of texts, or one text with spaces.
fn words(claim: Option<&Json<'_>>) -> Option<Vec<String>> {
    match claim? {
        Json::Text(text) => Some(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()),
        list @ Json::List(_) => Some(list.texts().into_iter().map(str::to_owned).collect()),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "times were checked to be within the range of a date")]
fn expires(claims: &Members<'_>) -> Option<i64> {
    claims.number("exp").map(|seconds| seconds as i64)
}

fn organization(claims: &Members<'_>) -> Option<Organization> {
    if claims.number("v") == Some(2.0) {
        let claim = claims.get("o")?.as_object()?;
        let mut organization = Organization::new(non_empty(claim, "id")?);
        organization.slug = claim.text("slg").map(str::to_owned);
        organization.role = non_empty(claim, "rol").map(|role| ["org:", role].concat());
        organization.permissions =
            permissions(claims.text("fea"), claim.text("per"), claim.text("fpm")).unwrap_or_default();
        return Some(organization);
    }
    let mut organization = Organization::new(non_empty(claims, "org_id")?);
    organization.slug = claims.text("org_slug").map(str::to_owned);
    organization.role = non_empty(claims, "org_role").map(str::to_owned);
    let permissions = claims.get("org_permissions").and_then(Json::as_list).unwrap_or_default();
    organization.permissions = permissions.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    Some(organization)
}

/// The compressed permissions of version 2: `per` lists names, `fea` features, and `fpm` has one bit set per feature of the
/// organization. Features of the user alone take no bit set. `None` where one of the claims is missing or malformed.
fn permissions(features: Option<&str>, names: Option<&str>, bit_sets: Option<&str>) -> Option<Vec<String>> {
    let names = names.filter(|names| !names.is_empty())?.split(',').map(str::trim).collect::<Vec<_>>();
    let bit_sets = bit_sets.filter(|bit_sets| !bit_sets.is_empty())?.split(',').map(str::trim);
    let elements = features
        .filter(|features| !features.is_empty())?
        .split(',')
        .map(|element| element.trim().split_once(':'))
        .collect::<Option<Vec<_>>>()?;
    let of_organization =
        elements.into_iter().filter(|(scope, _)| matches!(*scope, "o" | "ou" | "uo")).map(|(_, feature)| feature);
    let mut permissions = Vec::new();
    for (feature, bit_set) in of_organization.zip(bit_sets) {
        for (name, bit) in names.iter().zip(bits(bit_set)) {
            if bit {
                permissions.push(["org:", feature, ":", name].concat());
            }
        }
    }
    Some(permissions)
}

/// The bits of a decimal number of any length, lowest first; none where it is no number. Organizations have more than 64
/// permissions, and 128 would only move the cliff. A token holds at most 64 KiB, so the quadratic loop is bounded by
/// [`MAX_DIGITS`].
fn bits(decimal: &str) -> Vec<bool> {
    if decimal.len() > MAX_DIGITS || !decimal.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let mut digits = decimal.bytes().map(|byte| byte - b'0').collect::<Vec<_>>();
    let mut bits = Vec::new();
    let mut start = 0;
    while start < digits.len() {
        let mut remainder = 0;
        for digit in &mut digits[start..] {
            let value = remainder * 10 + *digit;
            *digit = value / 2;
            remainder = value % 2;
        }
        bits.push(remainder == 1);
        while start < digits.len() && digits[start] == 0 {
            start += 1;
        }
    }
    bits
}

/// Digits enough for 4,000 permissions.
const MAX_DIGITS: usize = 1_205;

fn factors(claims: &Members<'_>) -> Option<Factors> {
    let [first, second] = claims.get("fva")?.as_list()? else { return None };
    let minutes = |value: &Json<'_>| match value.as_f64() {
        Some(-1.0) => Some(None),
        Some(minutes) if minutes >= 0.0 && minutes.is_finite() => Some(Some(minutes)),
        _ => None,
    };
    Some(Factors { first: minutes(first)?, second: minutes(second)? })
}

fn actor(claims: &Members<'_>) -> Option<Actor> {
    let claim = claims.get("act")?.as_object()?;
    let mut actor = Actor::new(claim.text("sub")?);
    actor.session_id = claim.text("sid").map(str::to_owned);
    actor.issuer = claim.text("iss").map(str::to_owned);
    actor.kind = claim.text("type").map(str::to_owned);
    Some(actor)
}

fn non_empty<'a>(claims: &'a Members<'_>, name: &str) -> Option<&'a str> {
    claims.text(name).filter(|text| !text.is_empty())
}
