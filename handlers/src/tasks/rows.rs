//! The table `tasks`: each function is one statement in the transaction it is given.
//!
//! Every statement says whose rows it means, although row level security says so too: a migration that forgets a policy, or a
//! role that bypasses policies, must not show anybody another owner's tasks.

use api_types::{NewTask, Reminder, Task, TaskPriority, TaskStatus};
use chrono::{DateTime, Utc};
use specwright_runtime::database::{Error, Transaction};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{cursor::Cursor, owner::Owner};

/// The foreign key of `project_id`: broken, it means that the owner has no such project.
pub(crate) const PROJECT_KEY: &str = "tasks_project_fkey";

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct TaskRow {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) status: String,
    pub(crate) priority: String,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) labels: Vec<String>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) assignee_id: Option<String>,
    pub(crate) reminder: Option<Json<Reminder>>,
    pub(crate) created_by: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) version: i64,
}

/// Which tasks, and from where on. Filters that are `None` let everything pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) status: Option<Vec<TaskStatus>>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) due_after: Option<DateTime<Utc>>,
    pub(crate) due_before: Option<DateTime<Utc>>,
    pub(crate) text: Option<String>,
    pub(crate) after: Option<Cursor>,
}

/// The newest tasks first, at most `limit`.
///
/// The unused filters cost nothing: the statement is planned with its values, and `NULL IS NULL OR ...` folds to true.
pub(crate) async fn select(
    transaction: &mut Transaction,
    owner: &Owner,
    selection: &Selection,
    limit: i64,
) -> Result<Vec<TaskRow>, Error> {
    let statuses = selection.status.as_ref().map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
    let query = sqlx::query_as!(
        TaskRow,
        r#"SELECT id, title, description, status, priority, due_at, labels, project_id, assignee_id,
            reminder AS "reminder: Json<Reminder>", created_by, created_at, updated_at, version
        FROM tasks WHERE owner_id = $1
            AND ($2::text[] IS NULL OR status = ANY ($2))
            AND ($3::uuid IS NULL OR project_id = $3)
            AND ($4::timestamptz IS NULL OR due_at >= $4)
            AND ($5::timestamptz IS NULL OR due_at < $5)
            AND ($6::text IS NULL OR strpos(lower(title), lower($6)) > 0 OR strpos(lower(description), lower($6)) > 0)
            AND ($7::timestamptz IS NULL OR (created_at, id) < ($7, $8::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $9"#,
        owner.as_str(),
        statuses.as_deref(),
        selection.project_id,
        selection.due_after,
        selection.due_before,
        selection.text.as_deref(),
        selection.after.map(|cursor| cursor.created_at),
        selection.after.map(|cursor| cursor.id),
        limit,
    );
    transaction.fetch_all(query).await
}

/// One task.
pub(crate) async fn find(transaction: &mut Transaction, owner: &Owner, id: Uuid) -> Result<Option<TaskRow>, Error> {
    let query = sqlx::query_as!(
        TaskRow,
        r#"SELECT id, title, description, status, priority, due_at, labels, project_id, assignee_id,
            reminder AS "reminder: Json<Reminder>", created_by, created_at, updated_at, version
        FROM tasks WHERE owner_id = $1 AND id = $2"#,
        owner.as_str(),
        id,
    );
    transaction.fetch_optional(query).await
}

/// One task, and nobody else changes it before the transaction ends.
pub(crate) async fn lock(transaction: &mut Transaction, owner: &Owner, id: Uuid) -> Result<Option<TaskRow>, Error> {
    let query = sqlx::query_as!(
        TaskRow,
        r#"SELECT id, title, description, status, priority, due_at, labels, project_id, assignee_id,
            reminder AS "reminder: Json<Reminder>", created_by, created_at, updated_at, version
        FROM tasks WHERE owner_id = $1 AND id = $2 FOR UPDATE"#,
        owner.as_str(),
        id,
    );
    transaction.fetch_optional(query).await
}

/// Creates a task. An error whose constraint is [`PROJECT_KEY`] means that there is no such project.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    owner: &Owner,
    user: &str,
    task: NewTask,
    now: DateTime<Utc>,
) -> Result<TaskRow, Error> {
    let query = sqlx::query_as!(
        TaskRow,
        r#"INSERT INTO tasks (id, owner_id, title, description, status, priority, due_at, labels, project_id, assignee_id,
            reminder, created_by, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
        RETURNING id, title, description, status, priority, due_at, labels, project_id, assignee_id,
            reminder AS "reminder: Json<Reminder>", created_by, created_at, updated_at, version"#,
        Uuid::now_v7(),
        owner.as_str(),
        task.title,
        task.description,
        task.status.as_str(),
        task.priority.as_str(),
        task.due_at,
        task.labels.as_deref().unwrap_or_default(),
        task.project_id,
        task.assignee_id,
        task.reminder.map(Json) as _,
        user,
        now,
    );
    transaction.fetch_one(query).await
}

/// Writes a row that [`lock`] returned and that was changed since, and gives it the next version.
pub(crate) async fn update(
    transaction: &mut Transaction,
    owner: &Owner,
    row: TaskRow,
    now: DateTime<Utc>,
) -> Result<TaskRow, Error> {
    let query = sqlx::query_as!(
        TaskRow,
        r#"UPDATE tasks SET title = $3, description = $4, status = $5, priority = $6, due_at = $7, labels = $8,
            project_id = $9, assignee_id = $10, reminder = $11, updated_at = $12, version = version + 1
        WHERE owner_id = $1 AND id = $2
        RETURNING id, title, description, status, priority, due_at, labels, project_id, assignee_id,
            reminder AS "reminder: Json<Reminder>", created_by, created_at, updated_at, version"#,
        owner.as_str(),
        row.id,
        row.title,
        row.description,
        row.status,
        row.priority,
        row.due_at,
        &row.labels,
        row.project_id,
        row.assignee_id,
        row.reminder as _,
        now,
    );
    transaction.fetch_one(query).await
}

/// Deletes a task, and with it its attachments.
pub(crate) async fn delete(transaction: &mut Transaction, owner: &Owner, id: Uuid) -> Result<(), Error> {
    let query = sqlx::query!("DELETE FROM tasks WHERE owner_id = $1 AND id = $2", owner.as_str(), id);
    transaction.execute(query).await?;
    Ok(())
}

impl TaskRow {
    /// Where a page that ends here ends.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id }
    }

    /// As the contract shows it.
    ///
    /// # Errors
    ///
    /// Where the row has a status or a priority that this version of the service does not know.
    pub(crate) fn into_task(self) -> Result<Task, UnknownValue> {
        Ok(Task {
            id: self.id,
            title: self.title,
            description: self.description,
            status: self.status.parse::<TaskStatus>().map_err(|_| UnknownValue { column: "status" })?,
            priority: self.priority.parse::<TaskPriority>().map_err(|_| UnknownValue { column: "priority" })?,
            due_at: self.due_at,
            labels: self.labels,
            project_id: self.project_id,
            assignee_id: self.assignee_id,
            reminder: self.reminder.map(|Json(reminder)| without_secret(reminder)),
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// A row that a newer version of the service wrote.
#[derive(Debug, thiserror::Error)]
#[error("tasks.{column} has a value that this version does not know")]
pub(crate) struct UnknownValue {
    column: &'static str,
}

/// The secret of a webhook is `writeOnly`. The framework leaves it out of answers; leaving it out here too keeps it out of
/// exports, and of the answers that are kept for an `Idempotency-Key`.
fn without_secret(mut reminder: Reminder) -> Reminder {
    if let Reminder::WebhookReminder(webhook) = &mut reminder {
        webhook.secret = None;
    }
    reminder
}
