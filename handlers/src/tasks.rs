//! Tasks: list, create, read, change, delete, export.

use api_server::tasks::{
    CreateTaskRequest, CreateTaskResponse, DeleteTaskRequest, DeleteTaskResponse, ExportTasksAccept, ExportTasksOkBody,
    ExportTasksRequest, ExportTasksResponse, GetTaskRequest, GetTaskResponse, ListTasksRequest, ListTasksResponse,
    TasksApi, UpdateTaskRequest, UpdateTaskResponse,
};
use api_types::{Reminder, Task, TaskPage, TaskPatch};
use specwright_runtime::{
    database::{Scope, ScopedFutureExt as _},
    failure::Failure,
    value::Patch,
};
use sqlx::types::Json;

use self::{
    idempotency::{Key, Known},
    rows::{Selection, TaskRow},
};
use crate::{
    App,
    audit::Audit,
    cursor::{Cursor, InvalidCursor, Page},
    entity_tag::{entity_tag, if_match, if_none_match},
    owner::Owner,
    problem,
};

mod export;
mod idempotency;
pub(crate) mod rows;

impl TasksApi for App {
    async fn list_tasks(&self, request: ListTasksRequest) -> Result<ListTasksResponse, Failure> {
        let after = match decode_cursor(request.cursor.as_deref()) {
            Ok(after) => after,
            Err(error) => {
                let problem = problem::bad_request(&request.context, "/query/cursor", "cursor", &error.to_string());
                return Ok(ListTasksResponse::BadRequest(problem));
            }
        };
        let selection = Selection {
            status: request.status,
            project_id: request.project_id,
            due_after: request.due_after,
            due_before: request.due_before,
            text: request.q,
            after,
        };
        let page = self.read_page((&request.caller).into(), &selection, request.limit).await?;
        Ok(ListTasksResponse::Ok(TaskPage { items: tasks(page.items)?, next_cursor: page.next }))
    }

    async fn create_task(&self, request: CreateTaskRequest) -> Result<CreateTaskResponse, Failure> {
        let owner = Owner::of(&request.caller);
        let user = request.caller.user_id().as_str();
        let now = self.now();
        let digest = idempotency::digest(&request.body).map_err(Failure::internal)?;
        let key =
            request.idempotency_key.as_deref().map(|key| Key { owner: &owner, user, key, request_sha256: &digest });

        let mut transaction = self.database.begin(&request.caller).await?;
        if let Some(key) = key {
            match key.look_up(&mut transaction, now).await? {
                Known::Nothing => {}
                known => return Ok(replay(&request, known)),
            }
        }
        let row = match rows::insert(&mut transaction, &owner, user, request.body.clone(), now).await {
            Err(error) if error.constraint() == Some(rows::PROJECT_KEY) => {
                let problem = problem::unprocessable(&request.context, "/body/projectId", "is not a project");
                return Ok(CreateTaskResponse::UnprocessableContent(problem));
            }
            row => row?,
        };
        let e_tag = entity_tag(row.version);
        let task = row.into_task().map_err(Failure::internal)?;
        if let Some(key) = key
            && !key.keep(&mut transaction, &task, now).await?
        {
            // Another request with this key committed while this one ran: undo, and answer as that one did.
            drop(transaction);
            let mut transaction = self.database.begin(&request.caller).await?;
            let known = key.look_up(&mut transaction, now).await?;
            return Ok(replay(&request, known));
        }
        transaction.commit().await?;
        Audit::of(&request.context, &request.caller).await.record("task.created", task.id);
        Ok(created(task, e_tag, None))
    }

    async fn get_task(&self, request: GetTaskRequest) -> Result<GetTaskResponse, Failure> {
        let (owner, id) = (&Owner::of(&request.caller), request.task_id);
        let read = self.database.read(&request.caller, |transaction| rows::find(transaction, owner, id).scope_boxed());
        let row = read.await?;
        let Some(row) = row else {
            return Ok(GetTaskResponse::NotFound(problem::not_found(&request.context, "task")));
        };
        let e_tag = entity_tag(row.version);
        if request.if_none_match.is_some_and(|header| if_none_match(&header, row.version)) {
            return Ok(GetTaskResponse::NotModified { e_tag });
        }
        Ok(GetTaskResponse::Ok { body: row.into_task().map_err(Failure::internal)?, e_tag })
    }

    async fn update_task(&self, request: UpdateTaskRequest) -> Result<UpdateTaskResponse, Failure> {
        let owner = Owner::of(&request.caller);
        let mut transaction = self.database.begin(&request.caller).await?;
        let Some(row) = rows::lock(&mut transaction, &owner, request.task_id).await? else {
            return Ok(UpdateTaskResponse::NotFound(problem::not_found(&request.context, "task")));
        };
        if request.if_match.is_some_and(|header| !if_match(&header, row.version)) {
            return Ok(UpdateTaskResponse::PreconditionFailed(problem::precondition_failed(&request.context)));
        }
        let row = apply(request.body, row).map_err(Failure::internal)?;
        let row = match rows::update(&mut transaction, &owner, row, self.now()).await {
            Err(error) if error.constraint() == Some(rows::PROJECT_KEY) => {
                let problem = problem::unprocessable(&request.context, "/body/projectId", "is not a project");
                return Ok(UpdateTaskResponse::UnprocessableContent(problem));
            }
            row => row?,
        };
        transaction.commit().await?;
        Audit::of(&request.context, &request.caller).await.record("task.updated", row.id);
        let e_tag = entity_tag(row.version);
        Ok(UpdateTaskResponse::Ok { body: row.into_task().map_err(Failure::internal)?, e_tag })
    }

    async fn delete_task(&self, request: DeleteTaskRequest) -> Result<DeleteTaskResponse, Failure> {
        let owner = Owner::of(&request.caller);
        let mut transaction = self.database.begin(&request.caller).await?;
        let Some(row) = rows::lock(&mut transaction, &owner, request.task_id).await? else {
            return Ok(DeleteTaskResponse::NotFound(problem::not_found(&request.context, "task")));
        };
        if request.if_match.is_some_and(|header| !if_match(&header, row.version)) {
            return Ok(DeleteTaskResponse::PreconditionFailed(problem::precondition_failed(&request.context)));
        }
        rows::delete(&mut transaction, &owner, row.id).await?;
        transaction.commit().await?;
        Audit::of(&request.context, &request.caller).await.record("task.deleted", row.id);
        Ok(DeleteTaskResponse::NoContent)
    }

    async fn export_tasks(&self, request: ExportTasksRequest) -> Result<ExportTasksResponse, Failure> {
        let after = match decode_cursor(request.cursor.as_deref()) {
            Ok(after) => after,
            Err(error) => {
                let problem = problem::bad_request(&request.context, "/query/cursor", "cursor", &error.to_string());
                return Ok(ExportTasksResponse::BadRequest(problem));
            }
        };
        let selection =
            Selection { status: request.status, project_id: request.project_id, after, ..Selection::default() };
        let page = self.read_page((&request.caller).into(), &selection, request.limit).await?;
        Audit::of(&request.context, &request.caller).await.record("tasks.exported", page.items.len());
        let tasks = tasks(page.items)?;
        let body = match request.accept {
            ExportTasksAccept::Json => ExportTasksOkBody::Json(tasks),
            ExportTasksAccept::Csv => ExportTasksOkBody::Csv(export::csv(&tasks)),
            ExportTasksAccept::Ndjson => ExportTasksOkBody::Ndjson(tasks.into()),
        };
        Ok(ExportTasksResponse::Ok { body, next_cursor: page.next })
    }
}

impl App {
    async fn read_page(&self, scope: Scope<'_>, selection: &Selection, limit: i64) -> Result<Page<TaskRow>, Failure> {
        let owner = &Owner::of(scope);
        let read = self
            .database
            .read(scope, |transaction| rows::select(transaction, owner, selection, limit + 1).scope_boxed());
        let rows = read.await?;
        Ok(Page::new(rows, usize::try_from(limit).map_err(Failure::internal)?, TaskRow::cursor))
    }
}

fn tasks(rows: Vec<TaskRow>) -> Result<Vec<Task>, Failure> {
    rows.into_iter().map(TaskRow::into_task).collect::<Result<_, _>>().map_err(Failure::internal)
}

fn decode_cursor(text: Option<&str>) -> Result<Option<Cursor>, InvalidCursor> {
    text.map(Cursor::decode).transpose()
}

fn created(task: Task, e_tag: String, idempotency_replayed: Option<bool>) -> CreateTaskResponse {
    CreateTaskResponse::Created { location: format!("/tasks/{}", task.id), e_tag, idempotency_replayed, body: task }
}

/// What a request gets whose key has been used.
fn replay(request: &CreateTaskRequest, known: Known) -> CreateTaskResponse {
    match known {
        // The answer is that of the creation, and so is its entity tag: a created task has version 1.
        Known::Answer(task) => created(*task, entity_tag(1), Some(true)),
        Known::AnotherRequest => CreateTaskResponse::Conflict(problem::conflict(
            &request.context,
            "this Idempotency-Key was used for another request",
        )),
        Known::Nothing => CreateTaskResponse::Conflict(problem::conflict(
            &request.context,
            "another request with this Idempotency-Key is under way",
        )),
    }
}

/// A merge patch applied to a row: absent stays, null empties.
fn apply(patch: TaskPatch, mut row: TaskRow) -> Result<TaskRow, serde_json::Error> {
    if let Some(title) = patch.title {
        row.title = title;
    }
    if let Some(status) = patch.status {
        status.as_str().clone_into(&mut row.status);
    }
    if let Some(priority) = patch.priority {
        priority.as_str().clone_into(&mut row.priority);
    }
    if let Some(labels) = patch.labels {
        row.labels = labels;
    }
    set(&mut row.description, patch.description);
    set(&mut row.due_at, patch.due_at);
    set(&mut row.project_id, patch.project_id);
    set(&mut row.assignee_id, patch.assignee_id);
    match patch.reminder {
        Patch::Absent => {}
        Patch::Null => row.reminder = None,
        Patch::Value(new) => {
            let old = row.reminder.take();
            row.reminder = Some(Json(merge(old.map(|Json(old)| old), new)?));
        }
    }
    Ok(row)
}

fn set<T>(column: &mut Option<T>, patch: Patch<T>) {
    match patch {
        Patch::Absent => {}
        Patch::Null => *column = None,
        Patch::Value(value) => *column = Some(value),
    }
}

/// RFC 7396 merges objects member by member: a webhook's secret, which a client cannot read back, stays when it is not sent. A
/// reminder of another kind has other members, so it replaces the old one.
fn merge(old: Option<Reminder>, new: Reminder) -> Result<Reminder, serde_json::Error> {
    let Some(old) = old.filter(|old| std::mem::discriminant(old) == std::mem::discriminant(&new)) else {
        return Ok(new);
    };
    let (mut merged, new) = (serde_json::to_value(old)?, serde_json::to_value(new)?);
    if let (Some(merged), serde_json::Value::Object(new)) = (merged.as_object_mut(), new) {
        merged.extend(new);
    }
    serde_json::from_value(merged)
}
