//! Credentials that satisfy every requirement: each scheme takes the word `proof`, and a layer before the router puts it where
//! the operation's first alternative wants it. So what is proved is that secured operations are refused without and reached with.

use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Uri, header, request::Parts};

use super::stage::Stage;
use crate::auth::{AuthError, Authenticator, Caller, CallerParts, Credential, Organization, UserId};
use crate::operation::{Location, Operation, Requirement, SchemeKind, SecurityScheme};
use crate::service::ServiceBuilder;

/// `proof:proof` for Basic (RFC 7617).
const BASIC: &str = "cHJvb2Y6cHJvb2Y=";

struct TakesProof(Stage);

impl Authenticator for TakesProof {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        scheme: &'static SecurityScheme,
        _scopes: &'a [&'static str],
        _parts: &'a Parts,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        let text = match &credential {
            Credential::Bearer(text) | Credential::ApiKey(text) | Credential::Other(text) => text,
            Credential::Basic { user, .. } => user.as_str(),
        };
        let known = text == "proof" || scheme.kind == SchemeKind::MutualTls;
        let caller = UserId::from_verified("user_proof").ok().filter(|_| known);
        Box::pin(std::future::ready(match caller {
            Some(user) => {
                let mut parts = CallerParts::new(user, scheme.name);
                parts.machine = self.0.with(|scene| scene.plan.is_some_and(|plan| plan.machine));
                // Operations may be for those only who act in an organization.
                parts.organization = Some(Organization::new("org_proof"));
                Ok(Caller::new(parts))
            }
            None => Err(AuthError::Invalid { reason: "not the word of the proof".to_owned() }),
        }))
    }
}

/// An authenticator for every scheme of the operations.
pub(super) fn with_authenticators(
    mut builder: ServiceBuilder,
    operations: impl Iterator<Item = &'static Operation>,
    stage: &Stage,
) -> ServiceBuilder {
    let authenticator: Arc<dyn Authenticator> = Arc::new(TakesProof(stage.clone()));
    for operation in operations {
        for (scheme, _) in operation.security.iter().flat_map(|requirement| requirement.iter()) {
            builder = builder.authenticator(scheme.name, Arc::clone(&authenticator));
        }
    }
    builder
}

/// The alternative that is satisfied: the first that one request can satisfy. `None` where the operation is public.
pub(super) fn alternative(operation: &Operation) -> Option<Requirement> {
    let sendable = |requirement: &&Requirement| {
        let headers = requirement.iter().filter(|(scheme, _)| is_authorization(scheme)).count();
        let spelled = requirement.iter().all(|(scheme, _)| match scheme.kind {
            SchemeKind::ApiKey { location: Location::Header | Location::Cookie, name } => {
                HeaderName::try_from(name).is_ok()
            }
            _ => true,
        });
        !requirement.is_empty() && headers < 2 && spelled
    };
    operation.security.iter().find(sendable).copied()
}

/// Whether a request without a credential must be refused. A certificate belongs to the connection, which has none to leave out.
pub(super) fn refuses_strangers(operation: &Operation) -> bool {
    let secured =
        |requirement: &Requirement| requirement.iter().any(|(scheme, _)| scheme.kind != SchemeKind::MutualTls);
    !operation.security.is_empty() && operation.security.iter().all(secured)
}

fn is_authorization(scheme: &SecurityScheme) -> bool {
    match scheme.kind {
        SchemeKind::ApiKey { location, name } => {
            location == Location::Header && name.eq_ignore_ascii_case("authorization")
        }
        SchemeKind::MutualTls => false,
        _ => true,
    }
}

/// Puts the credentials into a request.
pub(super) fn satisfy(request: &mut Request<Body>, requirement: Requirement) {
    for (scheme, _) in requirement {
        let value = |text: String| HeaderValue::try_from(text).ok();
        let (name, value) = match scheme.kind {
            SchemeKind::Basic => (header::AUTHORIZATION, value(format!("Basic {BASIC}"))),
            SchemeKind::Http { scheme } => (header::AUTHORIZATION, value(format!("{scheme} proof"))),
            SchemeKind::ApiKey { location: Location::Query, name } => {
                let path = request.uri().path().to_owned();
                let before = request.uri().query().map(|query| format!("{query}&")).unwrap_or_default();
                let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
                if let Ok(uri) = Uri::try_from(format!("{path}?{before}{name}=proof")) {
                    *request.uri_mut() = uri;
                }
                continue;
            }
            SchemeKind::ApiKey { location: Location::Cookie, name } => {
                let before = request.headers().get(header::COOKIE).and_then(|line| line.to_str().ok());
                let before = before.map(|line| format!("{line}; ")).unwrap_or_default();
                (header::COOKIE, value(format!("{before}{name}=proof")))
            }
            SchemeKind::ApiKey { name, .. } => {
                let Ok(name) = HeaderName::try_from(name) else { continue };
                (name, value("proof".to_owned()))
            }
            SchemeKind::MutualTls => continue,
            _ => (header::AUTHORIZATION, value("Bearer proof".to_owned())),
        };
        if let Some(value) = value {
            request.headers_mut().insert(name, value);
        }
    }
}
