//! Security schemes and requirements. A requirement that cannot be understood is an error: nothing may become public
//! because the contract was misread.

use indexmap::IndexMap;
use openapiv3::{APIKeyLocation, OAuth2Flows, ReferenceOr, SecurityRequirement, SecurityScheme};

use super::Reader;
use super::clerk::{self, Clerk, X_CLERK};
use super::normalise::{strings, text};
use crate::diagnostic::Diagnostic;
use crate::source::{Kind, Node};

/// What stands for `type: mutualTLS`, which openapiv3 does not have, as an HTTP scheme.
pub(crate) const MUTUAL_TLS: &str = "mutualTLS";

impl<'a> Reader<'a> {
    pub(super) fn security_schemes(&mut self, root: &'a Node) -> IndexMap<String, ReferenceOr<SecurityScheme>> {
        let mut schemes = IndexMap::new();
        let entries = root.pointer("/components/securitySchemes").map(Node::entries).unwrap_or_default();
        for entry in entries {
            self.schemes.push(entry.key.clone());
            let Some(target) = self.resolver.follow(&entry.value) else { continue };
            match self.scheme(target.node) {
                Ok(scheme) => {
                    if let Some(clerk) = Clerk::of(&scheme) {
                        self.clerk.insert(entry.key.clone(), clerk);
                    }
                    schemes.insert(entry.key.clone(), ReferenceOr::Item(scheme));
                }
                Err(diagnostic) => self.report.add(*diagnostic),
            }
        }
        schemes
    }

    fn scheme(&self, node: &'a Node) -> Result<SecurityScheme, Box<Diagnostic>> {
        let wrong = |message: String| Box::new(Diagnostic::error("invalid-security-scheme", message).at(node));
        let description = text(node, "description");
        let mut extensions = IndexMap::new();
        let clerk = node.get(X_CLERK).map(|value| (value, text(node, X_CLERK)));
        if let Some((value, text)) = &clerk {
            let Some(text) = text.as_ref().filter(|text| Clerk::parse(text).is_some()) else {
                let values = Clerk::VALUES.map(|(value, _)| format!("`{value}`")).join(", ");
                let message = format!("`{X_CLERK}` says whose tokens these are: one of {values}");
                return Err(Box::new(Diagnostic::error("invalid-security-scheme", message).at(value)));
            };
            extensions.insert(X_CLERK.to_owned(), serde_json::Value::String(text.clone()));
        }
        let needs =
            |key: &str| text(node, key).ok_or_else(|| wrong(format!("this kind of security scheme needs `{key}`")));
        let scheme = match text(node, "type").as_deref() {
            Some("http") => SecurityScheme::HTTP {
                scheme: needs("scheme")?,
                bearer_format: text(node, "bearerFormat"),
                description,
                extensions,
            },
            Some("apiKey") => {
                let location = match text(node, "in").as_deref() {
                    Some("query") => APIKeyLocation::Query,
                    Some("header") => APIKeyLocation::Header,
                    Some("cookie") => APIKeyLocation::Cookie,
                    _ => return Err(wrong("`in` of an API key must be query, header or cookie".into())),
                };
                SecurityScheme::APIKey { location, name: needs("name")?, description, extensions }
            }
            Some("oauth2") => SecurityScheme::OAuth2 { flows: OAuth2Flows::default(), description, extensions },
            Some("openIdConnect") => SecurityScheme::OpenIDConnect {
                open_id_connect_url: needs("openIdConnectUrl")?,
                description,
                extensions,
            },
            Some("mutualTLS") => {
                SecurityScheme::HTTP { scheme: MUTUAL_TLS.into(), bearer_format: None, description, extensions }
            }
            Some(other) => return Err(wrong(format!("`{other}` is no type of security scheme"))),
            None => return Err(wrong("a security scheme needs `type`".into())),
        };
        match (&clerk, Clerk::of(&scheme).and_then(|clerk| clerk.objection(&scheme))) {
            (Some((value, _)), Some(objection)) => {
                Err(Box::new(Diagnostic::error("invalid-security-scheme", objection).at(value)))
            }
            _ => Ok(scheme),
        }
    }

    /// The scopes of a Clerk session must mean something: a misspelt one would be a check that nobody passes.
    fn check_scopes(&self, scheme: &str, scopes: &'a Node) {
        if self.clerk.get(scheme) != Some(&Clerk::Session) {
            return;
        }
        for scope in scopes.items() {
            let Kind::String(text) = &scope.kind else { continue };
            if !clerk::is_condition(text) {
                self.report.add(
                    Diagnostic::error("invalid-clerk-scope", format!("`{text}` asks nothing of a Clerk session"))
                        .at(scope)
                        .help(
                            "write a permission as `org:projects:manage`, or `organization`, `role:admin`, `feature:export`, \
                             `plan:pro`, `reverification:strict`, `reverification:second_factor:10`",
                        ),
                );
            }
        }
    }

    /// `security` of the contract or of an operation.
    pub(super) fn security(&self, holder: &'a Node) -> Option<Vec<SecurityRequirement>> {
        let security = holder.get("security")?;
        if !matches!(security.kind, Kind::Sequence(_)) {
            self.report.add(
                Diagnostic::error(
                    "invalid-security",
                    format!("`security` must be a list, not {}", security.describe()),
                )
                .at(security),
            );
            return None;
        }
        let mut alternatives = Vec::new();
        for item in security.items() {
            if !item.is_mapping() {
                self.report.add(
                    Diagnostic::error(
                        "invalid-security",
                        format!("a security requirement must be a mapping, not {}", item.describe()),
                    )
                    .at(item),
                );
            }
            let mut all = SecurityRequirement::new();
            for entry in item.entries() {
                if !self.schemes.contains(&entry.key) {
                    self.report.add(
                        Diagnostic::error(
                            "unknown-security-scheme",
                            format!("there is no security scheme `{}`", entry.key),
                        )
                        .at_key(entry)
                        .note(
                            "each name must be that of a security scheme under the Components Object (OpenAPI, \
                             \"Security Requirement Object\")",
                        )
                        .help(match self.schemes.as_slice() {
                            [] => "declare it in `components/securitySchemes`".to_owned(),
                            known => format!(
                                "there is {}",
                                known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                            ),
                        }),
                    );
                }
                self.check_scopes(&entry.key, &entry.value);
                all.insert(entry.key.clone(), strings(&entry.value));
            }
            alternatives.push(all);
        }
        Some(alternatives)
    }
}
