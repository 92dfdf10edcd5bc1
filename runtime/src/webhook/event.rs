//! What happened, as Clerk tells it: users with types, the rest as it came.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a message says. Kinds that a service does not know arrive too: Clerk adds some.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// `user.created`.
    UserCreated(Box<User>),
    /// `user.updated`.
    UserUpdated(Box<User>),
    /// `user.deleted`: Clerk keeps no more than the id.
    UserDeleted {
        /// For example `user_2abc`.
        id: String,
    },
    /// Anything else; [`Message::kind`](super::Message::kind) says what.
    Other {
        /// The member `data`, as sent.
        data: Value,
    },
}

/// A user at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct User {
    /// For example `user_2abc`.
    pub id: String,
    /// The primary address.
    pub email: Option<String>,
    /// As the user gave it.
    pub first_name: Option<String>,
    /// As the user gave it.
    pub last_name: Option<String>,
    /// Where the instance has user names.
    pub username: Option<String>,
    /// Where the picture is; Clerk makes one for users without.
    pub image_url: Option<String>,
    /// Whether the user may not sign in.
    pub banned: bool,
    /// When the user was created.
    pub created_at: Option<DateTime<Utc>>,
    /// Since when the user has been like this: a message with an earlier time is late.
    pub updated_at: DateTime<Utc>,
    /// The member `data`, as sent, with the metadata.
    pub data: Value,
}

impl Event {
    /// `None` where a known kind lacks what it must have.
    pub(super) fn read(kind: &str, data: &Value) -> Option<Self> {
        Some(match kind {
            "user.created" => Self::UserCreated(Box::new(User::read(data)?)),
            "user.updated" => Self::UserUpdated(Box::new(User::read(data)?)),
            "user.deleted" => Self::UserDeleted { id: id(data)? },
            _ => Self::Other { data: data.clone() },
        })
    }
}

impl User {
    /// First and last name, where there is one.
    pub fn name(&self) -> Option<String> {
        let names: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    fn read(data: &Value) -> Option<Self> {
        let text = |name: &str| data[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let addresses = data["email_addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let primary = data["primary_email_address_id"].as_str();
        let address = addresses.iter().find(|address| primary.is_some() && address["id"].as_str() == primary);
        Some(Self {
            id: id(data)?,
            email: address.and_then(|address| address["email_address"].as_str()).map(str::to_owned),
            first_name: text("first_name"),
            last_name: text("last_name"),
            username: text("username"),
            image_url: text("image_url"),
            banned: data["banned"].as_bool().unwrap_or(false),
            created_at: time(&data["created_at"]),
            updated_at: time(&data["updated_at"])?,
            data: data.clone(),
        })
    }
}

fn id(data: &Value) -> Option<String> {
    let id = data["id"].as_str()?;
    crate::auth::UserId::from_verified(id).is_ok().then(|| id.to_owned())
}

/// Milliseconds since 1970.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(value.as_i64()?)
}
