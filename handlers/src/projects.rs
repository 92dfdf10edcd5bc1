//! Projects: list, create, read, delete.

use api_server::projects::{
    CreateProjectRequest, CreateProjectResponse, DeleteProjectRequest, DeleteProjectResponse, GetProjectRequest,
    GetProjectResponse, ListProjectsRequest, ListProjectsResponse, ProjectsApi,
};
use api_types::{Project, ProjectPage};
use chrono::{DateTime, Utc};
use specwright_runtime::{
    database::{Error, ScopedFutureExt as _, Transaction},
    failure::Failure,
};
use uuid::Uuid;

use crate::{
    App,
    audit::Audit,
    cursor::{Cursor, Page},
    owner::Owner,
    problem,
    tasks::rows::PROJECT_KEY,
};

/// The unique constraint of a project's key.
const KEY_TAKEN: &str = "projects_key_key";

impl ProjectsApi for App {
    async fn list_projects(&self, request: ListProjectsRequest) -> Result<ListProjectsResponse, Failure> {
        let after = match request.cursor.as_deref().map(Cursor::decode).transpose() {
            Ok(after) => after,
            Err(error) => {
                let problem = problem::bad_request(&request.context, "/query/cursor", "cursor", &error.to_string());
                return Ok(ListProjectsResponse::BadRequest(problem));
            }
        };
        let (owner, limit) = (&Owner::of(&request.caller), request.limit + 1);
        let read =
            self.database.read(&request.caller, |transaction| select(transaction, owner, after, limit).scope_boxed());
        let rows = read.await?;
        let limit = usize::try_from(request.limit).map_err(Failure::internal)?;
        let page = Page::new(rows, limit, |row| Cursor { created_at: row.created_at, id: row.id });
        let items = page.items.into_iter().map(Project::from).collect();
        Ok(ListProjectsResponse::Ok(ProjectPage { items, next_cursor: page.next }))
    }

    async fn create_project(&self, request: CreateProjectRequest) -> Result<CreateProjectResponse, Failure> {
        let project = request.body;
        let (owner, now) = (Owner::of(&request.caller), self.now());
        let query = sqlx::query_as!(
            ProjectRow,
            "INSERT INTO projects (id, owner_id, key, name, description, created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, key, name, description, created_by, created_at",
            Uuid::now_v7(),
            owner.as_str(),
            project.key,
            project.name,
            project.description,
            request.caller.user_id().as_str(),
            now,
        );
        let mut transaction = self.database.begin(&request.caller).await?;
        let row = match transaction.fetch_one(query).await {
            Err(error) if error.constraint() == Some(KEY_TAKEN) => {
                let detail = format!("the key {} is taken", project.key);
                return Ok(CreateProjectResponse::Conflict(problem::conflict(&request.context, detail)));
            }
            row => row?,
        };
        transaction.commit().await?;
        Audit::of(&request.context, &request.caller).await.record("project.created", row.id);
        Ok(CreateProjectResponse::Created { location: format!("/projects/{}", row.id), body: row.into() })
    }

    async fn get_project(&self, request: GetProjectRequest) -> Result<GetProjectResponse, Failure> {
        let (owner, id) = (&Owner::of(&request.caller), request.project_id);
        let read = self.database.read(&request.caller, |transaction| find(transaction, owner, id).scope_boxed());
        let row = read.await?;
        Ok(match row {
            Some(row) => GetProjectResponse::Ok(row.into()),
            None => GetProjectResponse::NotFound(problem::not_found(&request.context, "project")),
        })
    }

    /// The permission was checked before this runs: the contract asks for it.
    async fn delete_project(&self, request: DeleteProjectRequest) -> Result<DeleteProjectResponse, Failure> {
        let owner = Owner::of(&request.caller);
        let query =
            sqlx::query!("DELETE FROM projects WHERE owner_id = $1 AND id = $2", owner.as_str(), request.project_id,);
        let mut transaction = self.database.begin(&request.caller).await?;
        let deleted = match transaction.execute(query).await {
            Err(error) if error.constraint() == Some(PROJECT_KEY) => {
                let problem = problem::conflict(&request.context, "the project still has tasks");
                return Ok(DeleteProjectResponse::Conflict(problem));
            }
            deleted => deleted?,
        };
        if deleted == 0 {
            return Ok(DeleteProjectResponse::NotFound(problem::not_found(&request.context, "project")));
        }
        transaction.commit().await?;
        Audit::of(&request.context, &request.caller).await.record("project.deleted", request.project_id);
        Ok(DeleteProjectResponse::NoContent)
    }
}

/// The newest projects first, at most `limit`.
async fn select(
    transaction: &mut Transaction,
    owner: &Owner,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<ProjectRow>, Error> {
    let query = sqlx::query_as!(
        ProjectRow,
        "SELECT id, key, name, description, created_by, created_at FROM projects WHERE owner_id = $1
            AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $4",
        owner.as_str(),
        after.map(|cursor| cursor.created_at),
        after.map(|cursor| cursor.id),
        limit,
    );
    transaction.fetch_all(query).await
}

/// One project.
async fn find(transaction: &mut Transaction, owner: &Owner, id: Uuid) -> Result<Option<ProjectRow>, Error> {
    let query = sqlx::query_as!(
        ProjectRow,
        "SELECT id, key, name, description, created_by, created_at FROM projects WHERE owner_id = $1 AND id = $2",
        owner.as_str(),
        id,
    );
    transaction.fetch_optional(query).await
}

#[derive(Debug)]
struct ProjectRow {
    id: Uuid,
    key: String,
    name: String,
    description: Option<String>,
    created_by: String,
    created_at: DateTime<Utc>,
}

impl From<ProjectRow> for Project {
    fn from(row: ProjectRow) -> Self {
        Self {
            id: row.id,
            key: row.key,
            name: row.name,
            description: row.description,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}
