//! `x-clerk`: the vendor extension by which a security scheme says that Clerk's tokens satisfy it, and which.
//!
//! With it the generator knows what the scheme proves, so that a handler's caller has the type for it, and what the names in a
//! requirement mean, so that a misspelt permission check is an error of the contract and not an operation that nobody may call.

use openapiv3::{APIKeyLocation, SecurityScheme};

/// The name of the extension.
pub(crate) const X_CLERK: &str = "x-clerk";

/// Whose tokens satisfy a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clerk {
    /// A user's session.
    Session,
    /// A machine.
    Machine,
    /// A user, through an OAuth client.
    OAuth,
    /// A user or an organization, by an API key.
    ApiKey,
}

impl Clerk {
    /// The values of the extension.
    pub(crate) const VALUES: [(&'static str, Self); 4] =
        [("session", Self::Session), ("m2m", Self::Machine), ("oauth", Self::OAuth), ("api-key", Self::ApiKey)];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::VALUES.into_iter().find(|(value, _)| *value == text).map(|(_, clerk)| clerk)
    }

    /// What a scheme says of itself.
    pub(crate) fn of(scheme: &SecurityScheme) -> Option<Self> {
        let (SecurityScheme::HTTP { extensions, .. }
        | SecurityScheme::APIKey { extensions, .. }
        | SecurityScheme::OAuth2 { extensions, .. }
        | SecurityScheme::OpenIDConnect { extensions, .. }) = scheme;
        Self::parse(extensions.get(X_CLERK)?.as_str()?)
    }

    /// Why the scheme cannot carry these tokens; `None` where it can.
    pub(crate) fn objection(self, scheme: &SecurityScheme) -> Option<&'static str> {
        let is_bearer = match scheme {
            SecurityScheme::HTTP { scheme, .. } => scheme.eq_ignore_ascii_case("bearer"),
            SecurityScheme::OAuth2 { .. } | SecurityScheme::OpenIDConnect { .. } => true,
            SecurityScheme::APIKey { .. } => false,
        };
        let cookie = matches!(scheme, SecurityScheme::APIKey { location: APIKeyLocation::Cookie, .. });
        let header = matches!(scheme, SecurityScheme::APIKey { location: APIKeyLocation::Header, .. });
        match self {
            Self::Session if !is_bearer && !cookie => Some(
                "a Clerk session is a bearer token (`type: http`, `scheme: bearer`) or a cookie (`type: apiKey`, `in: cookie`)",
            ),
            Self::Machine | Self::OAuth | Self::ApiKey if !is_bearer && !header => Some(
                "a token or key of Clerk is a bearer token (`type: http`, `scheme: bearer`) or stands in a header (`type: apiKey`, `in: header`)",
            ),
            _ => None,
        }
    }
}

/// Whether a scope of a session means something. `runtime/src/auth/condition.rs` says what.
pub(crate) fn is_condition(scope: &str) -> bool {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    let (kind, rest) = scope.split_once(':').unwrap_or(("", scope));
    match kind {
        "" => scope == "organization",
        "role" => plain(rest),
        "feature" | "plan" => {
            let scopes = ["u", "user", "o", "org", "organization"];
            plain(rest) && rest.split_once(':').is_none_or(|(scope, id)| scopes.contains(&scope) && plain(id))
        }
        "reverification" => {
            let level = |text: &str| ["first_factor", "second_factor", "multi_factor"].contains(&text);
            ["strict_mfa", "strict", "moderate", "lax"].contains(&rest)
                || rest.split_once(':').is_some_and(|(factor, minutes)| {
                    level(factor) && minutes.parse::<u32>().is_ok_and(|minutes| minutes > 0)
                })
        }
        // `org:projects:manage`; the prefix may be left out.
        _ => {
            let rest = scope.strip_prefix("org:").unwrap_or(scope);
            rest.split_once(':').is_some_and(|(feature, name)| plain(feature) && plain(name) && !name.contains(':'))
        }
    }
}

/// Whether a session that fulfils the scope acts in an organization.
pub(crate) fn implies_organization(scope: &str) -> bool {
    !["feature:", "plan:", "reverification:"].iter().any(|kind| scope.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_mean_something_or_nothing() {
        for scope in [
            "organization",
            "org:projects:manage",
            "projects:manage",
            "org:feature:read",
            "role:admin",
            "role:org:admin",
            "feature:export",
            "feature:org:export",
            "plan:user:pro",
            "reverification:strict",
            "reverification:multi_factor:5",
        ] {
            assert!(is_condition(scope), "{scope}");
        }
        for scope in [
            "",
            "organisation",
            "admin",
            "org:projects",
            "org:projects:manage:all",
            "org::manage",
            "org:projects:",
            "org:projects:re ad",
            "role:",
            "feature:team:export",
            "feature:org:",
            "reverification:strct",
            "reverification:second_factor",
            "reverification:second_factor:0",
        ] {
            assert!(!is_condition(scope), "{scope}");
        }
    }
}
