//! Callers whose type says what was proved, beyond that somebody was verified.
//!
//! The generator picks the type from the contract: [`Caller`] is a user; [`OrganizationCaller`] a user who acts in an
//! organization, where every alternative of the operation's security asks for a permission, a role or `organization`;
//! [`Machine`] where only machines are let in; [`AnyCaller`] where both may come. A handler cannot mistake one for another,
//! and has no case to write for what cannot happen.

use std::ops::Deref;

use serde_json::{Map, Value};

use super::caller::{Caller, Organization};

/// A type that the verified caller of an operation can have.
pub trait FromCaller: Sized {
    /// The caller as this type; `None` where it does not prove what the type says.
    fn from_caller(caller: Caller) -> Option<Self>;
}

/// A verified user who acts in an organization. Can do all that a [`Caller`] can.
#[derive(Clone, Debug)]
pub struct OrganizationCaller(Caller);

/// A verified caller that is no person: a machine (an M2M token), or an organization by its API key.
#[derive(Clone, Debug)]
pub struct Machine(Caller);

/// A verified caller of an operation that lets in people and machines.
#[derive(Clone, Debug)]
pub enum AnyCaller {
    /// A user: by a session, an OAuth token, or an API key of their own.
    User(Caller),
    /// A machine, or an organization by its API key.
    Machine(Machine),
}

impl OrganizationCaller {
    /// The organization that the user acts in.
    ///
    /// # Panics
    ///
    /// Never: the value exists only where there is one.
    pub fn organization(&self) -> &Organization {
        self.0.organization().expect("made only from a caller with an organization")
    }

    /// The same caller, less precisely.
    pub fn into_caller(self) -> Caller {
        self.0
    }
}

/// What a [`Caller`] can do.
impl Deref for OrganizationCaller {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Machine {
    /// Who it is, for example `mch_2abc`, or the organization `org_2abc` whose API key was sent.
    pub fn subject(&self) -> &str {
        self.0.user_id().as_str()
    }

    /// The organization, where its API key was sent.
    pub fn organization_id(&self) -> Option<&str> {
        self.0.organization().map(|organization| organization.id.as_str())
    }

    /// The token's or key's own id, where it has one: for an audit line.
    pub fn credential_id(&self) -> Option<&str> {
        self.0.credential_id()
    }

    /// What the token or key may do, as its owner set it.
    pub fn scopes(&self) -> &[String] {
        self.0.scopes()
    }

    /// The custom claims of the token or key.
    pub fn claims(&self) -> &Map<String, Value> {
        self.0.claims()
    }

    /// The name of the security scheme in the contract that the credential satisfied.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme()
    }
}

impl AnyCaller {
    /// The user, where it is one.
    pub fn user(&self) -> Option<&Caller> {
        match self {
            Self::User(caller) => Some(caller),
            Self::Machine(_) => None,
        }
    }

    /// Who it is, for example `user_2abc`, `mch_2abc` or `org_2abc`.
    pub fn subject(&self) -> &str {
        self.carrier().user_id().as_str()
    }

    /// The organization that the caller acts in, or is.
    pub fn organization_id(&self) -> Option<&str> {
        self.carrier().organization().map(|organization| organization.id.as_str())
    }

    /// The name of the security scheme in the contract that the credential satisfied.
    pub fn scheme(&self) -> &'static str {
        self.carrier().scheme()
    }

    fn carrier(&self) -> &Caller {
        match self {
            Self::User(caller) | Self::Machine(Machine(caller)) => caller,
        }
    }
}

impl From<Caller> for AnyCaller {
    fn from(caller: Caller) -> Self {
        if caller.is_machine() { Self::Machine(Machine(caller)) } else { Self::User(caller) }
    }
}

impl FromCaller for Caller {
    fn from_caller(caller: Caller) -> Option<Self> {
        (!caller.is_machine()).then_some(caller)
    }
}

impl FromCaller for OrganizationCaller {
    fn from_caller(caller: Caller) -> Option<Self> {
        (!caller.is_machine() && caller.organization().is_some()).then_some(Self(caller))
    }
}

impl FromCaller for Machine {
    fn from_caller(caller: Caller) -> Option<Self> {
        caller.is_machine().then_some(Self(caller))
    }
}

impl FromCaller for AnyCaller {
    fn from_caller(caller: Caller) -> Option<Self> {
        Some(caller.into())
    }
}

/// Row level security sees the user and the organization.
#[cfg(feature = "database")]
impl<'a> From<&'a OrganizationCaller> for crate::database::Scope<'a> {
    fn from(caller: &'a OrganizationCaller) -> Self {
        Self::from(&caller.0)
    }
}

/// Row level security sees the machine as it sees a user, and the organization where it is one.
#[cfg(feature = "database")]
impl<'a> From<&'a Machine> for crate::database::Scope<'a> {
    fn from(machine: &'a Machine) -> Self {
        Self::from(&machine.0)
    }
}

#[cfg(feature = "database")]
impl<'a> From<&'a AnyCaller> for crate::database::Scope<'a> {
    fn from(caller: &'a AnyCaller) -> Self {
        Self::from(caller.carrier())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::auth::{CallerParts, UserId};

    fn caller(organization: bool, machine: bool) -> Caller {
        let mut parts = CallerParts::new(UserId::from_verified("subject_1").unwrap(), "test");
        parts.organization = organization.then(|| Organization::new("org_1"));
        parts.machine = machine;
        Caller::new(parts)
    }

    #[test]
    fn a_type_takes_only_what_proves_it() {
        for (organization, machine) in [(false, false), (true, false), (false, true), (true, true)] {
            let caller = || caller(organization, machine);
            assert_eq!(Caller::from_caller(caller()).is_some(), !machine);
            assert_eq!(OrganizationCaller::from_caller(caller()).is_some(), organization && !machine);
            assert_eq!(Machine::from_caller(caller()).is_some(), machine);
            assert_eq!(AnyCaller::from_caller(caller()).unwrap().user().is_some(), !machine);
        }
        let member = OrganizationCaller::from_caller(caller(true, false)).unwrap();
        assert_eq!((member.organization().id.as_str(), member.user_id().as_str()), ("org_1", "subject_1"));
    }
}
