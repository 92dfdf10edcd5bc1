//! What a scope of the contract asks of a Clerk session.
//!
//! OpenAPI lets a security requirement list names and leaves their meaning to the scheme. For a scheme with
//! `x-clerk: session` they are:
//!
//! | scope | holds where the session |
//! |---|---|
//! | `org:projects:manage` | has this permission in its organization |
//! | `organization` | acts in an organization at all |
//! | `role:admin` | has this role in its organization |
//! | `feature:export`, `feature:org:export` | has this feature, of the user or the organization or of one of them |
//! | `plan:pro`, `plan:user:pro` | has this plan, likewise |
//! | `reverification:strict` | was verified recently: `strict_mfa`, `strict`, `moderate` or `lax`, as Clerk defines them |
//! | `reverification:second_factor:30` | the same with a level and minutes: `first_factor`, `second_factor`, `multi_factor` |
//!
//! The generator refuses what does not read as one of these; here it holds for nobody.

use super::{Caller, Check, Reverification};

/// A scope, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Condition<'a> {
    Organization,
    Permission(&'a str),
    Role(&'a str),
    Feature(&'a str),
    Plan(&'a str),
    Reverification(Reverification),
}

impl<'a> Condition<'a> {
    /// Reads a scope; `None` where it means nothing, which nobody fulfils.
    pub(crate) fn parse(scope: &'a str) -> Option<Self> {
        if scope == "organization" {
            return Some(Self::Organization);
        }
        let (kind, rest) = scope.split_once(':').unwrap_or(("", scope));
        let condition = match kind {
            "role" => Self::Role(rest),
            "feature" => Self::Feature(rest),
            "plan" => Self::Plan(rest),
            "reverification" => Self::Reverification(Reverification::parse(rest)?),
            _ => Self::Permission(scope),
        };
        (!rest.is_empty()).then_some(condition)
    }

    /// Whether it holds for the caller.
    pub(crate) fn holds(self, caller: &Caller) -> bool {
        match self {
            Self::Organization => caller.organization().is_some(),
            Self::Permission(permission) => caller.has_permission(permission),
            Self::Role(role) => caller.has(&Check::new().role(role)),
            Self::Feature(feature) => caller.has(&Check::new().feature(feature)),
            Self::Plan(plan) => caller.has(&Check::new().plan(plan)),
            Self::Reverification(reverification) => caller.has(&Check::new().reverification(reverification)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Level;

    #[test]
    fn scopes_are_read() {
        let thirty = Reverification { level: Level::MultiFactor, after_minutes: 30.0 };
        for (scope, condition) in [
            ("organization", Some(Condition::Organization)),
            ("org:projects:manage", Some(Condition::Permission("org:projects:manage"))),
            ("projects:manage", Some(Condition::Permission("projects:manage"))),
            ("org:feature:read", Some(Condition::Permission("org:feature:read"))),
            ("role:org:admin", Some(Condition::Role("org:admin"))),
            ("feature:org:export", Some(Condition::Feature("org:export"))),
            ("plan:pro", Some(Condition::Plan("pro"))),
            ("reverification:strict", Some(Condition::Reverification(Reverification::STRICT))),
            ("reverification:strict_mfa", Some(Condition::Reverification(Reverification::STRICT_MFA))),
            ("reverification:multi_factor:30", Some(Condition::Reverification(thirty))),
            ("reverification:strct", None),
            ("reverification:second_factor", None),
            ("reverification:second_factor:0", None),
            ("reverification:third_factor:5", None),
            ("reverification:second_factor:-5", None),
            ("role:", None),
            ("", None),
        ] {
            assert_eq!(Condition::parse(scope), condition, "{scope}");
        }
    }
}
