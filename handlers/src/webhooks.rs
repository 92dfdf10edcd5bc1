//! What Clerk tells of its users, kept in a table of our own: `POST /webhooks/clerk`.
//!
//! A message is processed once, however often it comes: its id is taken down in the transaction that does the work.

use chrono::{DateTime, TimeDelta, Utc};
use specwright_runtime::{
    database::{Scope, Transaction},
    failure::Failure,
    webhook::{Event, Message, Receipt, Receiver, User},
};

use crate::App;

/// Where Clerk sends to.
pub(crate) const PATH: &str = "/webhooks/clerk";

/// Clerk tries for about a day, and a person may send again what failed. Ids are kept longer than either.
const KEPT: TimeDelta = TimeDelta::days(90);

impl Receiver for App {
    async fn receive(&self, message: Message) -> Result<Receipt, Failure> {
        let now = self.now();
        let mut transaction = self.database.begin(Scope::Public).await?;
        let new = sqlx::query!(
            "INSERT INTO webhook_messages (id, kind, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            message.id,
            message.kind,
            now
        );
        if transaction.execute(new).await? == 0 {
            return Ok(Receipt::Duplicate);
        }
        match &message.event {
            Event::UserCreated(user) | Event::UserUpdated(user) => keep(&mut transaction, user).await?,
            Event::UserDeleted { id } => forget(&mut transaction, id, now).await?,
            // Others are subscribed to by mistake, or for later.
            _ => {}
        }
        let old = sqlx::query!("DELETE FROM webhook_messages WHERE received_at < $1", now - KEPT);
        transaction.execute(old).await?;
        transaction.commit().await?;
        Ok(Receipt::Processed)
    }
}

async fn keep(transaction: &mut Transaction, user: &User) -> Result<(), Failure> {
    let query = sqlx::query!(
        "INSERT INTO users (id, email, name, image_url, updated_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, image_url = excluded.image_url, \
         updated_at = excluded.updated_at WHERE users.deleted_at IS NULL AND users.updated_at < excluded.updated_at",
        user.id,
        user.email.as_deref(),
        user.name(),
        user.image_url.as_deref(),
        user.updated_at
    );
    transaction.execute(query).await?;
    Ok(())
}

async fn forget(transaction: &mut Transaction, id: &str, now: DateTime<Utc>) -> Result<(), Failure> {
    let query = sqlx::query!(
        "INSERT INTO users (id, updated_at, deleted_at) VALUES ($1, $2, $2) ON CONFLICT (id) DO UPDATE \
         SET email = NULL, name = NULL, image_url = NULL, deleted_at = coalesce(users.deleted_at, excluded.deleted_at)",
        id,
        now
    );
    transaction.execute(query).await?;
    Ok(())
}
