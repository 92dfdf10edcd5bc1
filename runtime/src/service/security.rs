//! The contract's security: alternatives of schemes that must hold together, judged before the body is read.
//!
//! A caller that sends no credential is anonymous where the contract has `{}`; one that sends a bad credential is refused even
//! there, since it believes to be somebody.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode, header, request::Parts};

use super::Service;
use crate::{
    auth::{AuthError, Caller, Credential, Secret},
    decode::Rejection,
    failure::Chain,
    operation::{Location, Operation, Requirement, SchemeKind, SecurityScheme},
    problem::Problem,
};

impl Service {
    /// The verified caller, `None` for an anonymous one.
    pub(super) async fn authenticate(
        &self,
        operation: &'static Operation,
        parts: &Parts,
    ) -> Result<Option<Caller>, Rejection> {
        let mut worst: Option<AuthError> = None;
        let mut anonymous = operation.security.is_empty();
        for requirement in operation.security {
            if requirement.is_empty() {
                anonymous = true;
                continue;
            }
            match self.satisfy(requirement, parts).await {
                Ok(caller) => return Ok(Some(caller)),
                Err(error) if worst.as_ref().is_none_or(|worst| rank(&error) > rank(worst)) => worst = Some(error),
                Err(_) => {}
            }
        }
        match worst {
            Some(error) if !(anonymous && matches!(error, AuthError::Missing)) => {
                log(&error, operation);
                Err(refuse(error, operation))
            }
            _ => Ok(None),
        }
    }

    /// All schemes of one alternative. The first that names a caller speaks for the request.
    async fn satisfy(&self, requirement: Requirement, parts: &Parts) -> Result<Caller, AuthError> {
        let mut first = None;
        for (scheme, scopes) in requirement {
            let Some(authenticator) = self.inner.authenticators.get(scheme.name) else {
                // `check` refuses such a service at start; who skips it gets no open door.
                let reason = format!("no authenticator for the security scheme {}", scheme.name);
                return Err(AuthError::Invalid { reason });
            };
            let text = match credential_text(scheme, parts) {
                Err(AuthError::Missing) if authenticator.finds_credential(scheme, parts) => String::new(),
                outcome => outcome?,
            };
            let caller = authenticator.authenticate(credential(scheme, &text)?, scheme, scopes, parts).await?;
            first.get_or_insert(caller);
        }
        first.ok_or(AuthError::Missing)
    }
}

/// What stands where the scheme says.
fn credential_text(scheme: &SecurityScheme, parts: &Parts) -> Result<String, AuthError> {
    let text = match scheme.kind {
        SchemeKind::Bearer { .. } | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect { .. } => {
            authorization(parts, "bearer")?
        }
        SchemeKind::Basic => authorization(parts, "basic")?,
        SchemeKind::Http { scheme } => authorization(parts, scheme)?,
        SchemeKind::ApiKey { location: Location::Query, name } => crate::decode::query_value(parts, name),
        SchemeKind::ApiKey { location: Location::Cookie, name } => crate::decode::cookie_value(parts, name),
        SchemeKind::ApiKey { name, .. } => {
            let mut lines = parts.headers.get_all(name).iter();
            let (first, second) = (lines.next(), lines.next());
            if second.is_some() {
                return Err(AuthError::Invalid { reason: format!("the header {name} was sent twice") });
            }
            first.map(|line| readable(line, name)).transpose()?
        }
        // The connection is the proof: the authenticator looks for it in the extensions.
        SchemeKind::MutualTls => Some(String::new()),
    };
    text.filter(|text| !text.is_empty() || scheme.kind == SchemeKind::MutualTls).ok_or(AuthError::Missing)
}

/// The credential of an `Authorization` header of the scheme; `None` where there is none or it is of another scheme.
fn authorization(parts: &Parts, scheme: &str) -> Result<Option<String>, AuthError> {
    let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        // Whoever stands in front of us may have judged the other one.
        return Err(AuthError::Invalid { reason: "the authorization header was sent twice".to_owned() });
    }
    let line = readable(line, "authorization")?;
    let (name, credential) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    Ok(name.eq_ignore_ascii_case(scheme).then(|| credential.trim().to_owned()))
}

fn readable(line: &HeaderValue, name: &str) -> Result<String, AuthError> {
    line.to_str()
        .map(str::to_owned)
        .map_err(|_| AuthError::Invalid { reason: format!("the header {name} is not visible ASCII") })
}

fn credential<'a>(scheme: &SecurityScheme, text: &'a str) -> Result<Credential<'a>, AuthError> {
    Ok(match scheme.kind {
        SchemeKind::Bearer { .. } | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect { .. } => Credential::Bearer(text),
        SchemeKind::Basic => {
            let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
            let Some((user, password)) = pair else {
                return Err(AuthError::Invalid { reason: "the basic credential cannot be read".to_owned() });
            };
            Credential::Basic { user: user.to_owned(), password: Secret::new(password) }
        }
        SchemeKind::ApiKey { .. } => Credential::ApiKey(text),
        SchemeKind::MutualTls | SchemeKind::Http { .. } => Credential::Other(text),
    })
}

/// Of the errors of several alternatives, the one that the client hears of: an outage before a refusal, so that nobody throws
/// a good credential away; then what came closest.
fn rank(error: &AuthError) -> u8 {
    match error {
        AuthError::Missing => 0,
        AuthError::Invalid { .. } => 1,
        AuthError::Forbidden { .. } => 2,
        AuthError::Reverification { .. } => 3,
        AuthError::Unavailable { .. } => 4,
    }
}

fn log(error: &AuthError, operation: &Operation) {
    match error {
        AuthError::Missing => tracing::debug!(operation = operation.id, "no credential"),
        AuthError::Unavailable { .. } => {
            tracing::error!(operation = operation.id, error = %Chain(error), "cannot authenticate");
        }
        _ => tracing::info!(operation = operation.id, error = %Chain(error), "not let in"),
    }
}

fn refuse(error: AuthError, operation: &Operation) -> Rejection {
    let problem = match error {
        AuthError::Unavailable { retry_after, .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(retry_after)
        }
        AuthError::Forbidden { missing, .. } => {
            let problem = Problem::new(StatusCode::FORBIDDEN);
            let problem = if missing.is_empty() {
                problem.detail("the caller is not allowed to do this")
            } else {
                problem.detail(format!("the caller lacks {}", missing.join(", ")))
            };
            let quotable =
                |scope: &String| !scope.contains(['"', '\\']) && scope.bytes().all(|byte| byte.is_ascii_graphic());
            let scope = if !missing.is_empty() && missing.iter().all(quotable) {
                format!(", scope=\"{}\"", missing.join(" "))
            } else {
                String::new()
            };
            challenge(problem, operation, &format!("Bearer error=\"insufficient_scope\"{scope}"), false)
        }
        AuthError::Reverification { needed } => {
            let problem = Problem::new(StatusCode::FORBIDDEN)
                .detail("the caller must verify again")
                .extension("clerk_error", needed.to_clerk_error());
            // RFC 9470, section 3, counts in seconds.
            let seconds = needed.after_minutes * 60.0;
            let bearer = format!("Bearer error=\"insufficient_user_authentication\", max_age=\"{seconds}\"");
            challenge(problem, operation, &bearer, false)
        }
        AuthError::Invalid { .. } => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED).detail("the credential is not valid");
            challenge(problem, operation, "Bearer error=\"invalid_token\"", true)
        }
        AuthError::Missing => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED).detail("this operation needs a credential");
            challenge(problem, operation, "Bearer", true)
        }
    };
    Rejection::new(problem)
}

/// `WWW-Authenticate`, one per kind of scheme that the operation knows (RFC 9110, section 11.6.1).
fn challenge(mut problem: Problem, operation: &Operation, bearer: &str, others: bool) -> Problem {
    let mut sent: Vec<String> = Vec::new();
    for (scheme, _) in operation.security.iter().flat_map(|requirement| requirement.iter()) {
        let text = match scheme.kind {
            SchemeKind::Bearer { .. } | SchemeKind::OAuth2 | SchemeKind::OpenIdConnect { .. } => bearer.to_owned(),
            _ if !others => continue,
            SchemeKind::Basic => "Basic realm=\"api\", charset=\"UTF-8\"".to_owned(),
            SchemeKind::Http { scheme } => scheme.to_owned(),
            // No registered scheme; RFC 9110 asks for a challenge in every 401 all the same.
            SchemeKind::ApiKey { name, .. } => format!("ApiKey name=\"{name}\""),
            SchemeKind::MutualTls => "MutualTLS".to_owned(),
        };
        if !sent.contains(&text)
            && let Ok(value) = HeaderValue::from_str(&text)
        {
            problem = problem.header(header::WWW_AUTHENTICATE, value);
            sent.push(text);
        }
    }
    problem
}
