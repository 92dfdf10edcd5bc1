//! Asks every operation of a contract whether its door is shut: for the tests of a service.
//!
//! The contract says which operations are secured, so a test need not list them, and a new operation is asked too.
//! `api_server::OPERATIONS` is generated; [`prove`] sends each of them what must be refused before a handler is reached:
//!
//! - nothing at all: 401 with `WWW-Authenticate`, without an error code (RFC 6750, section 3.1);
//! - credentials that prove nothing, wherever a scheme reads them: rubbish, a forged token, one that is over, another
//!   class: 401;
//! - a genuine session that lacks what the operation asks for: everything, and then each scope alone: 403.
//!
//! A door that nobody can pass would satisfy all that. So at last a session that has everything is sent, and must not be
//! refused, whatever the handler then thinks of the rest of the request; use a router whose handlers may be called so.

use std::time::{Duration, SystemTime};

use axum::{Router, body::Body};
use http::{HeaderValue, Request, StatusCode, header, response::Parts};
use serde_json::json;
use tower::ServiceExt as _;

use super::issuer::{IssuerError, LocalIssuer, TokenRequest};
use crate::{
    auth::Organization,
    operation::{Location, Operation, SchemeKind, SecurityScheme},
};

/// What was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proved {
    /// Operations that let nobody in without a credential.
    pub secured: usize,
    /// Operations that let anybody in, by the contract.
    pub open: usize,
    /// Requests that were refused, as they must be.
    pub refused: usize,
    /// Requests that lacked one scope only.
    pub scopes: usize,
    /// Requests with everything that were let in.
    pub admitted: usize,
}

/// Sends every operation what its security must refuse, and what it must not. `session` is the scheme of the contract that the
/// issuer's tokens satisfy.
///
/// # Errors
///
/// What was not refused, or refused wrongly, one line each.
///
/// # Panics
///
/// Where the issuer fails to sign, which no known input causes.
pub async fn prove(
    router: &Router,
    operations: &[&'static Operation],
    session: &str,
    issuer: &LocalIssuer,
) -> Result<Proved, Vec<String>> {
    let mut guard = Guard { router, session, issuer, proved: Proved::default(), wrong: Vec::new() };
    for operation in operations {
        guard.operation(operation).await.expect("the issuer signs what it makes up itself");
    }
    if guard.wrong.is_empty() { Ok(guard.proved) } else { Err(guard.wrong) }
}

struct Guard<'a> {
    router: &'a Router,
    session: &'a str,
    issuer: &'a LocalIssuer,
    proved: Proved,
    wrong: Vec<String>,
}

/// A credential where a scheme reads it.
type Sent<'a> = Option<(&'a SecurityScheme, &'a str)>;

impl Guard<'_> {
    async fn operation(&mut self, operation: &'static Operation) -> Result<(), IssuerError> {
        let anonymous = operation.security.is_empty() || operation.security.iter().any(|all| all.is_empty());
        if anonymous {
            self.proved.open += 1;
        } else {
            self.proved.secured += 1;
            if let Some(answer) = self.expect(operation, "no credential", None, StatusCode::UNAUTHORIZED).await
                && answer.headers.get_all(header::WWW_AUTHENTICATE).iter().any(names_an_error)
            {
                self.complain(operation, "no credential", "the challenge names an error");
            }
        }
        for (scheme, _) in operation.security.iter().flat_map(|all| all.iter()) {
            for (what, text) in self.bad()? {
                self.expect(operation, what, Some((scheme, &text)), StatusCode::UNAUTHORIZED).await;
            }
        }
        self.scopes(operation).await
    }

    /// Sessions that lack something. They are told so where a session alone can satisfy the operation.
    async fn scopes(&mut self, operation: &'static Operation) -> Result<(), IssuerError> {
        let alternatives = operation.security.iter().filter_map(|all| match all {
            [(scheme, scopes)] if scheme.name == self.session => Some((*scheme, *scopes)),
            _ => None,
        });
        let alternatives: Vec<_> = alternatives.collect();
        if alternatives.is_empty() || alternatives.iter().any(|(_, scopes)| scopes.is_empty()) {
            if let Some((scheme, _)) = alternatives.first() {
                self.admit(operation, scheme, &[]).await?;
            }
            return Ok(());
        }
        let (scheme, all) = alternatives[0];
        let bare = self.issuer.mint(&TokenRequest::new("user_without_anything").factors(None, None))?;
        self.expect(operation, "none of the scopes", Some((scheme, &bare)), StatusCode::FORBIDDEN).await;
        if let [(_, scopes)] = alternatives.as_slice() {
            for lacking in *scopes {
                let others: Vec<&str> = scopes.iter().copied().filter(|scope| scope != lacking).collect();
                // Some scopes come with others: who has a permission has an organization.
                if *lacking == "organization" && others.iter().any(|scope| in_organization(scope)) {
                    continue;
                }
                let token = self.issuer.mint(&request(&others))?;
                let what = format!("all scopes but {lacking}");
                self.expect(operation, &what, Some((scheme, &token)), StatusCode::FORBIDDEN).await;
                self.proved.scopes += 1;
            }
        }
        self.admit(operation, scheme, all).await
    }

    async fn admit(
        &mut self,
        operation: &'static Operation,
        scheme: &SecurityScheme,
        scopes: &[&str],
    ) -> Result<(), IssuerError> {
        let token = self.issuer.mint(&request(scopes))?;
        let answer = self.send(operation, Some((scheme, &token))).await;
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status) {
            self.complain(operation, "everything that is asked for", &format!("answered with {}", answer.status));
        }
        self.proved.admitted += 1;
        Ok(())
    }

    /// Credentials that prove nothing.
    fn bad(&self) -> Result<Vec<(&'static str, String)>, IssuerError> {
        let good = self.issuer.mint(&TokenRequest::new("user_1"))?;
        let (head, signature) = good.rsplit_once('.').unwrap_or((&good, ""));
        // The first character, since the last may hold bits that no decoder looks at.
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{head}.{first}{}", signature.get(1..).unwrap_or_default());
        let long_ago = SystemTime::now() - Duration::from_hours(24);
        let template = json!({ "alg": "RS256", "typ": "JWT", "cat": "cl_B7d4PD222AAA" });
        Ok(vec![
            ("rubbish", "rubbish".to_owned()),
            ("an opaque key that nobody knows", "ak_unknown".to_owned()),
            ("a forged token", forged),
            ("a token that is over", self.issuer.mint_at(&TokenRequest::new("user_1"), long_ago)?),
            (
                "a token of another class",
                self.issuer.sign(&template, &json!({ "sub": "user_1", "exp": 4_000_000_000_u64 }))?,
            ),
        ])
    }

    async fn expect(
        &mut self,
        operation: &'static Operation,
        what: &str,
        sent: Sent<'_>,
        status: StatusCode,
    ) -> Option<Parts> {
        let answer = self.send(operation, sent).await;
        let problem = answer.headers.get(header::CONTENT_TYPE).is_some_and(|kind| *kind == crate::problem::MEDIA_TYPE);
        let challenged = answer.headers.contains_key(header::WWW_AUTHENTICATE);
        if answer.status != status {
            self.complain(operation, what, &format!("answered with {}, not {status}", answer.status));
        } else if !problem {
            self.complain(operation, what, "the refusal is no problem document");
        } else if status == StatusCode::UNAUTHORIZED && !challenged {
            self.complain(operation, what, "401 without WWW-Authenticate");
        } else {
            self.proved.refused += 1;
            return Some(answer);
        }
        None
    }

    async fn send(&self, operation: &'static Operation, sent: Sent<'_>) -> Parts {
        let mut target = fill(operation.path);
        let mut request = Request::builder().method(operation.method);
        if let Some((scheme, text)) = sent {
            match scheme.kind {
                SchemeKind::ApiKey { location: Location::Query, name } => target = format!("{target}?{name}={text}"),
                SchemeKind::ApiKey { location: Location::Cookie, name } => {
                    request = request.header(header::COOKIE, format!("{name}={text}"));
                }
                SchemeKind::ApiKey { name, .. } => request = request.header(name, text),
                SchemeKind::Basic => request = request.header(header::AUTHORIZATION, format!("Basic {text}")),
                SchemeKind::Http { scheme } => {
                    request = request.header(header::AUTHORIZATION, format!("{scheme} {text}"));
                }
                _ => request = request.header(header::AUTHORIZATION, format!("Bearer {text}")),
            }
        }
        let request = request.uri(target).body(Body::empty()).expect("a method, a path and a header of the contract");
        match self.router.clone().oneshot(request).await {
            Ok(response) => response.into_parts().0,
            Err(never) => match never {},
        }
    }

    fn complain(&mut self, operation: &Operation, what: &str, problem: &str) {
        self.wrong.push(format!("{} {} ({}): {what}: {problem}", operation.method, operation.path, operation.id));
    }
}

/// A session that has these scopes.
fn request(scopes: &[&str]) -> TokenRequest {
    let mut request = TokenRequest::new("user_guard");
    let mut organization = scopes.iter().any(|scope| in_organization(scope)).then(|| Organization::new("org_guard"));
    let mut fresh = false;
    for scope in scopes {
        // `org:export` names a feature of the organization alone; without a scope, either will do.
        let of = |rest: &str| match rest.split_once(':') {
            Some(("u" | "user", id)) => format!("u:{id}"),
            Some((_, id)) => format!("o:{id}"),
            None => format!("u:{rest}"),
        };
        match scope.split_once(':') {
            Some(("role", role)) => organization = organization.map(|organization| organization.with_role(role)),
            Some(("feature", feature)) => request = request.feature(of(feature)),
            Some(("plan", plan)) => request = request.plan(of(plan)),
            Some(("reverification", _)) => fresh = true,
            Some(_) => organization = organization.map(|organization| organization.with_permission(scope)),
            None => {}
        }
    }
    if let Some(organization) = organization {
        request = request.organization(organization);
    }
    if fresh { request } else { request.factors(None, None) }
}

fn in_organization(scope: &str) -> bool {
    !["feature:", "plan:", "reverification:"].iter().any(|kind| scope.starts_with(kind))
}

/// A path with something for each parameter; what is not looked at need not be right.
fn fill(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push('1');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    path + rest
}

fn names_an_error(challenge: &HeaderValue) -> bool {
    challenge.to_str().is_ok_and(|text| text.contains("error"))
}
