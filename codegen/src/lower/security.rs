//! Security: what operations ask for, and the schemes that any of them uses.

use openapiv3::{APIKeyLocation, SecurityRequirement, SecurityScheme};

use super::Lowerer;
use crate::document::{Clerk, MUTUAL_TLS, implies_organization};
use crate::ir::{self, CallerKind, Docs, Location, Name, SchemeKind};
use crate::naming::{self, Table};

impl Lowerer<'_, '_> {
    /// Alternatives, each a conjunction.
    pub(super) fn requirements(
        &self,
        security: Option<&Vec<SecurityRequirement>>,
    ) -> Vec<Vec<ir::SecurityRequirement>> {
        let alternatives = security.into_iter().flatten();
        let all: Vec<Vec<ir::SecurityRequirement>> = alternatives
            .map(|all| {
                all.iter()
                    .map(|(scheme, scopes)| ir::SecurityRequirement {
                        scheme: scheme.clone(),
                        scopes: scopes.clone(),
                        proves: self.caller_kind(scheme, scopes),
                    })
                    .collect()
            })
            .collect();
        // Only `{}`: nothing is asked for.
        if all.iter().all(Vec::is_empty) { Vec::new() } else { all }
    }

    /// What a credential of the scheme with these scopes proves. Of a scheme that is not Clerk's only its authenticator knows
    /// more than that somebody was verified.
    fn caller_kind(&self, scheme: &str, scopes: &[String]) -> CallerKind {
        let components = self.document.api.components.as_ref();
        let scheme = components.and_then(|components| components.security_schemes.get(scheme)?.as_item());
        match scheme.and_then(Clerk::of) {
            Some(Clerk::Session) if scopes.iter().any(|scope| implies_organization(scope)) => {
                CallerKind::OrganizationMember
            }
            Some(Clerk::Machine) => CallerKind::Machine,
            Some(Clerk::ApiKey) => CallerKind::Any,
            Some(Clerk::Session | Clerk::OAuth) | None => CallerKind::User,
        }
    }

    /// The schemes that some operation uses, by name.
    pub(super) fn security_schemes(&self, tags: &[ir::Tag]) -> Vec<ir::SecurityScheme> {
        let used = |name: &str| {
            let mut requirements =
                tags.iter().flat_map(|tag| &tag.operations).flat_map(|operation| &operation.security).flatten();
            requirements.any(|requirement| requirement.scheme == name)
        };
        let Some(components) = &self.document.api.components else { return Vec::new() };
        let mut schemes: Vec<(&String, &SecurityScheme)> = components
            .security_schemes
            .iter()
            .filter(|(name, _)| used(name))
            .filter_map(|(name, scheme)| Some((name, scheme.as_item()?)))
            .collect();
        schemes.sort_by_key(|(name, _)| *name);
        let mut constants = Table::default();
        schemes
            .into_iter()
            .map(|(name, scheme)| {
                let (kind, description) = kind(scheme);
                ir::SecurityScheme {
                    name: Name { rust: constants.claim(&naming::constant(name), "_"), wire: name.clone() },
                    docs: Docs { description, ..Docs::default() },
                    kind,
                }
            })
            .collect()
    }
}

fn kind(scheme: &SecurityScheme) -> (SchemeKind, Option<String>) {
    match scheme {
        SecurityScheme::HTTP { scheme, bearer_format, description, .. } => {
            let kind = match scheme.to_ascii_lowercase().as_str() {
                "bearer" => SchemeKind::Bearer(bearer_format.clone()),
                "basic" => SchemeKind::Basic,
                _ if scheme == MUTUAL_TLS => SchemeKind::MutualTls,
                other => SchemeKind::Http(other.to_owned()),
            };
            (kind, description.clone())
        }
        SecurityScheme::APIKey { location, name, description, .. } => {
            let location = match location {
                APIKeyLocation::Query => Location::Query,
                APIKeyLocation::Header => Location::Header,
                APIKeyLocation::Cookie => Location::Cookie,
            };
            (SchemeKind::ApiKey { location, name: name.clone() }, description.clone())
        }
        SecurityScheme::OAuth2 { description, .. } => (SchemeKind::OAuth2, description.clone()),
        SecurityScheme::OpenIDConnect { open_id_connect_url, description, .. } => {
            (SchemeKind::OpenIdConnect(open_id_connect_url.clone()), description.clone())
        }
    }
}
