//! Whose things a request is about.

use specwright_runtime::database::Scope;

/// The owner of everything a caller sees and creates: the active organization of the token, else the user. The database has the same
/// rule in its function `app_owner()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The owner that a caller acts for, of whichever type the operation's caller is. Nobody owns nothing: no row has the empty
    /// owner.
    pub fn of<'a>(caller: impl Into<Scope<'a>>) -> Self {
        Self(caller.into().owner().unwrap_or_default().to_owned())
    }

    /// The value of the columns `owner_id`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
