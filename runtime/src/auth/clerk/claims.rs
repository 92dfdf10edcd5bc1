//! Claims of a verified Clerk session token, versions 1 and 2, to a [`Caller`].
//!
//! Only the subject is demanded. Everything else is read leniently: a claim of the wrong type counts as absent, because Clerk
//! accepts such tokens too and a session must not end over a decoration. Permissions fail closed: what cannot be decoded
//! grants nothing.

use serde_json::{Map, Value};

use crate::auth::{Actor, Caller, CallerParts, Factors, InvalidUserId, Organization, UserId};

/// Reads the claims of a token whose signature and times were checked.
pub(super) fn caller(claims: Map<String, Value>, scheme: &'static str) -> Result<Caller, InvalidUserId> {
    let user_id = UserId::from_verified(text(&claims, "sub").unwrap_or_default())?;
    let mut parts = CallerParts::new(user_id, scheme);
    parts.session_id = text(&claims, "sid").map(str::to_owned);
    parts.status = text(&claims, "sts").map(str::to_owned);
    parts.features = text(&claims, "fea").map(str::to_owned);
    parts.plans = text(&claims, "pla").map(str::to_owned);
    parts.factors = factors(&claims);
    parts.actor = actor(&claims);
    parts.expires = expires(&claims);
    parts.organization = organization(&claims);
    parts.claims = claims;
    Ok(Caller::new(parts))
}

/// Reads the claims of a machine's token (M2M). Its scopes are in `scopes`, else it may speak to the audiences.
pub(super) fn machine(claims: Map<String, Value>, scheme: &'static str) -> Result<Caller, InvalidUserId> {
    let mut parts = bare(&claims, scheme)?;
    parts.machine = true;
    parts.scopes = words(claims.get("scopes")).or_else(|| words(claims.get("aud"))).unwrap_or_default();
    parts.claims = claims;
    for registered in ["iss", "sub", "exp", "nbf", "iat", "jti"] {
        parts.claims.remove(registered);
    }
    Ok(Caller::new(parts))
}

/// Reads the claims of an OAuth access token: a user who lets a client act.
pub(super) fn oauth(claims: Map<String, Value>, scheme: &'static str) -> Result<Caller, InvalidUserId> {
    let mut parts = bare(&claims, scheme)?;
    parts.actor = actor(&claims);
    parts.scopes = words(claims.get("scp")).or_else(|| words(claims.get("scope"))).unwrap_or_default();
    parts.claims = claims;
    Ok(Caller::new(parts))
}

fn bare(claims: &Map<String, Value>, scheme: &'static str) -> Result<CallerParts, InvalidUserId> {
    let mut parts = CallerParts::new(UserId::from_verified(text(claims, "sub").unwrap_or_default())?, scheme);
    parts.credential_id = non_empty(claims, "jti").map(str::to_owned);
    parts.expires = expires(claims);
    Ok(parts)
}

/// A list of texts, or one text with spaces.
fn words(claim: Option<&Value>) -> Option<Vec<String>> {
    match claim? {
        Value::String(text) => Some(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "times were checked to be within the range of a date")]
fn expires(claims: &Map<String, Value>) -> Option<i64> {
    claims.get("exp").and_then(Value::as_f64).map(|seconds| seconds as i64)
}

fn organization(claims: &Map<String, Value>) -> Option<Organization> {
    if claims.get("v").and_then(Value::as_f64) == Some(2.0) {
        let claim = claims.get("o")?.as_object()?;
        let mut organization = Organization::new(non_empty(claim, "id")?);
        organization.slug = text(claim, "slg").map(str::to_owned);
        organization.role = non_empty(claim, "rol").map(|role| format!("org:{role}"));
        organization.permissions =
            permissions(text(claims, "fea"), text(claim, "per"), text(claim, "fpm")).unwrap_or_default();
        return Some(organization);
    }
    let mut organization = Organization::new(non_empty(claims, "org_id")?);
    organization.slug = text(claims, "org_slug").map(str::to_owned);
    organization.role = non_empty(claims, "org_role").map(str::to_owned);
    organization.permissions = claims
        .get("org_permissions")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
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
                permissions.push(format!("org:{feature}:{name}"));
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

fn factors(claims: &Map<String, Value>) -> Option<Factors> {
    let [first, second] = claims.get("fva")?.as_array()?.as_slice() else { return None };
    let minutes = |value: &Value| match value.as_f64() {
        Some(-1.0) => Some(None),
        Some(minutes) if minutes >= 0.0 && minutes.is_finite() => Some(Some(minutes)),
        _ => None,
    };
    Some(Factors { first: minutes(first)?, second: minutes(second)? })
}

fn actor(claims: &Map<String, Value>) -> Option<Actor> {
    let claim = claims.get("act")?.as_object()?;
    let mut actor = Actor::new(text(claim, "sub")?);
    actor.session_id = text(claim, "sid").map(str::to_owned);
    actor.issuer = text(claim, "iss").map(str::to_owned);
    actor.kind = text(claim, "type").map(str::to_owned);
    Some(actor)
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn non_empty<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    text(claims, name).filter(|text| !text.is_empty())
}
