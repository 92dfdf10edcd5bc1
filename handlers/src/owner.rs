//! Whose things a request is about.

use specwright_runtime::auth::Caller;

/// The owner of everything a caller sees and creates: the active organization of the token, else the user. The database has the same
/// rule in its function `app_owner()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner that a caller acts for.
    pub fn of(caller: &Caller) -> Self {
        Self(match caller.organization() {
            Some(organization) => organization.id.clone(),
            None => caller.user_id().as_str().to_owned(),
        })
    }

    /// The value of the columns `owner_id`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
