//! `Idempotency-Key`: a request that is sent again is not carried out again.
//!
//! The answer is kept in the transaction that does the work, so there is never one without the other. Only successes are kept: a
//! request that failed changed nothing and may be tried again under its key. Two requests with one key at the same time meet on
//! the primary key: the later one waits, rolls back, and finds the answer of the earlier one.

use api_types::{NewTask, Task};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use specwright_runtime::database::{Error, Transaction};
use sqlx::types::Json;

use crate::owner::Owner;

/// How long an answer is kept, as the contract says.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// The operation in the table, so that another one could keep answers too.
const OPERATION: &str = "createTask";

/// A key as one user sent it, and what was asked under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) user: &'a str,
    pub(crate) key: &'a str,
    pub(crate) request_sha256: &'a str,
}

/// What is known under a key.
#[derive(Debug)]
pub(crate) enum Known {
    /// The same request was answered before.
    Answer(Box<Task>),
    /// Another request was.
    AnotherRequest,
    /// Nothing.
    Nothing,
}

/// The digest of a request: of its decoded form, so that white space and the order of members do not count.
pub(crate) fn digest(task: &NewTask) -> Result<String, serde_json::Error> {
    let bytes = serde_json::to_vec(task)?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Key<'_> {
    /// Looks the key up; answers that have expired are dropped first, the user's others too.
    pub(crate) async fn look_up(&self, transaction: &mut Transaction, now: DateTime<Utc>) -> Result<Known, Error> {
        let expired = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE owner_id = $1 AND user_id = $2 AND expires_at <= $3",
            self.owner.as_str(),
            self.user,
            now,
        );
        transaction.execute(expired).await?;
        let query = sqlx::query!(
            r#"SELECT request_sha256, answer AS "answer: Json<Task>" FROM idempotency_keys
            WHERE owner_id = $1 AND user_id = $2 AND operation = $3 AND key = $4"#,
            self.owner.as_str(),
            self.user,
            OPERATION,
            self.key,
        );
        Ok(match transaction.fetch_optional(query).await? {
            Some(kept) if kept.request_sha256 == self.request_sha256 => Known::Answer(Box::new(kept.answer.0)),
            Some(_) => Known::AnotherRequest,
            None => Known::Nothing,
        })
    }

    /// Keeps an answer. `false`: somebody else has kept one under this key, so what the transaction did must not be committed.
    pub(crate) async fn keep(
        &self,
        transaction: &mut Transaction,
        answer: &Task,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let query = sqlx::query!(
            "INSERT INTO idempotency_keys
                (owner_id, user_id, operation, key, request_sha256, answer, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            self.owner.as_str(),
            self.user,
            OPERATION,
            self.key,
            self.request_sha256,
            Json(answer) as _,
            now,
            now + LIFE,
        );
        Ok(transaction.execute(query).await? == 1)
    }
}
