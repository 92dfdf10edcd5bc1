//! In whose name a transaction runs, as row level security sees it.
//!
//! Three settings are bound for the length of the transaction: `app.user_id`, `app.org_id`, and `app.owner_id`, which is the
//! organization where the caller acts in one and else the user. All three are always set (to the empty text where there is
//! nothing to say), so that nothing of an earlier transaction can show. A policy reads them like this, and shows no row to
//! nobody:
//!
//! ```sql
//! USING (owner_id = (SELECT nullif(current_setting('app.owner_id', true), '')))
//! ```

use std::{fmt::Write, time::Duration};

use super::{Error, Settings, error};
use crate::auth::{Caller, UserId};

/// The longest id that goes into a setting, in characters. Clerk's have about 32.
const LONGEST_ID: usize = 255;

/// In whose name a transaction runs. `database.begin(&caller)` makes one by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Nobody: public operations and the service's own work. Policies show no row that belongs to somebody.
    Public,
    /// A verified user.
    User(&'a UserId),
    /// A verified user who acts in an organization.
    Organization {
        /// The user.
        user: &'a UserId,
        /// The organization's id, for example `org_2v2`.
        organization: &'a str,
    },
}

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

impl Access {
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::ReadWrite => "BEGIN",
            Self::ReadOnly => "BEGIN READ ONLY",
        }
    }

    /// A server that refuses to write is a failover under way, unless the transaction itself promised not to write.
    pub(super) fn judge(self, error: Error) -> Error {
        match error {
            Error::Unavailable { source: Some(source), reason } if self == Self::ReadOnly => match source.downcast() {
                Ok(source) if error::is_read_only(&source) => Error::Query(*source),
                Ok(source) => Error::Unavailable { reason, source: Some(source) },
                Err(source) => Error::Unavailable { reason, source: Some(source) },
            },
            error => error,
        }
    }
}

impl<'a> Scope<'a> {
    /// Who owns what the caller creates: the organization, else the user. The value of `app.owner_id`.
    pub fn owner(&self) -> Option<&'a str> {
        match *self {
            Self::Public => None,
            Self::User(user) => Some(user.as_ref()),
            Self::Organization { organization, .. } => Some(organization),
        }
    }

    /// `BEGIN` and the settings in one simple-protocol message, so that binding the caller costs no round trip.
    pub(super) fn begin_statement(&self, access: Access, settings: &Settings) -> Result<String, Error> {
        let (user, organization) = match *self {
            Self::Public => ("", ""),
            Self::User(user) => (user.as_ref(), ""),
            Self::Organization { user, organization } => (user.as_ref(), organization),
        };
        let mut statement = String::with_capacity(256);
        statement.push_str(access.begin());
        // First, so that what follows is already said by the role whose rights count.
        if let Some(role) = &settings.role {
            write!(statement, "; SET LOCAL ROLE {role}").expect("writing to a String cannot fail");
        }
        for (name, id) in [("user_id", user), ("org_id", organization), ("owner_id", self.owner().unwrap_or_default())]
        {
            write!(statement, "; SET LOCAL app.{name} = '{}'", checked(id)?).expect("writing to a String cannot fail");
        }
        for (name, limit) in [
            ("statement_timeout", settings.statement_timeout),
            ("idle_in_transaction_session_timeout", settings.idle_in_transaction_timeout),
        ] {
            if limit > Duration::ZERO {
                write!(statement, "; SET LOCAL {name} = {}", limit.as_millis())
                    .expect("writing to a String cannot fail");
            }
        }
        Ok(statement)
    }
}

impl<'a> From<&'a Caller> for Scope<'a> {
    fn from(caller: &'a Caller) -> Self {
        match caller.organization() {
            Some(organization) => Self::Organization { user: caller.user_id(), organization: &organization.id },
            None => Self::User(caller.user_id()),
        }
    }
}

impl<'a> From<Option<&'a Caller>> for Scope<'a> {
    fn from(caller: Option<&'a Caller>) -> Self {
        caller.map_or(Self::Public, Self::from)
    }
}

/// `SET` takes no parameters, so the id stands in the text. Nothing passes that could end a literal, and nothing is escaped:
/// an id with other characters than these is refused.
fn checked(id: &str) -> Result<&str, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:|@+".contains(&byte);
    if id.len() <= LONGEST_ID && id.bytes().all(allowed) { Ok(id) } else { Err(Error::Scope) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(id: &str, fits: bool) {
        assert_eq!(checked(id).is_ok(), fits, "{id:?}");
    }

    #[test]
    fn an_id_stands_in_a_setting_as_it_is_or_not_at_all() {
        check("user_2abcXYZ", true);
        check("auth0|12", true);
        check("a@example.org", true);
        check("018f2c3a-0000-7000-8000-000000000000", true);
        check("", true);
        for hostile in ["'", "a'; DROP TABLE tasks; --", "a\\", "a b", "a\0", "ü", "a$b", "a\"", "a\n", "$$"] {
            check(hostile, false);
        }
        check(&"a".repeat(LONGEST_ID), true);
        check(&"a".repeat(LONGEST_ID + 1), false);
    }

    #[test]
    fn the_settings_travel_with_begin() {
        let settings = Settings::from_url("postgres://app@localhost/app").unwrap();
        let statement = Scope::Public.begin_statement(Access::ReadWrite, &settings).unwrap();
        assert_eq!(
            statement,
            "BEGIN; SET LOCAL app.user_id = ''; SET LOCAL app.org_id = ''; SET LOCAL app.owner_id = ''; \
             SET LOCAL statement_timeout = 20000; SET LOCAL idle_in_transaction_session_timeout = 60000"
        );
        let settings = settings.role("app").unwrap();
        let statement = Scope::Public.begin_statement(Access::ReadOnly, &settings).unwrap();
        assert!(
            statement.starts_with("BEGIN READ ONLY; SET LOCAL ROLE app; SET LOCAL app.user_id = ''"),
            "{statement}"
        );
    }
}
