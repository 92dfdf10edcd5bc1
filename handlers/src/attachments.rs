//! Attachments: upload, list, download, delete.
//!
//! The content is in the database: at most 1 MiB a file and 20 files a task, so a backup is whole and a deleted task takes its files
//! with it. A tracker that is used for larger files would keep them in an object store and only their keys here.

use api_server::attachments::{
    AttachmentsApi, DeleteAttachmentRequest, DeleteAttachmentResponse, DownloadAttachmentRequest,
    DownloadAttachmentResponse, ListAttachmentsRequest, ListAttachmentsResponse, UploadAttachmentRequest,
    UploadAttachmentResponse,
};
use api_types::{Attachment, AttachmentList};
use axum::body::Body;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use specwright_runtime::{
    database::{Error, ScopedFutureExt as _, Transaction},
    failure::Failure,
};
use uuid::Uuid;

use crate::{
    App,
    audit::Audit,
    disposition::{attachment, file_name},
    owner::Owner,
    problem,
    tasks::rows,
};

/// The contract's limit of a file, in bytes.
const LARGEST_FILE: usize = 1024 * 1024;

/// The contract's limit of a task, in files.
const MOST_FILES: i64 = 20;

/// What is said of a file whose uploader does not say what it is.
const UNKNOWN_TYPE: &str = "application/octet-stream";

impl AttachmentsApi for App {
    async fn list_attachments(&self, request: ListAttachmentsRequest) -> Result<ListAttachmentsResponse, Failure> {
        let (owner, task) = (&Owner::of(&request.caller), request.task_id);
        let read = self.database.read(&request.caller, |transaction| select(transaction, owner, task).scope_boxed());
        let Some(rows) = read.await? else {
            return Ok(ListAttachmentsResponse::NotFound(problem::not_found(&request.context, "task")));
        };
        Ok(ListAttachmentsResponse::Ok(AttachmentList { items: rows.into_iter().map(Attachment::from).collect() }))
    }

    async fn upload_attachment(&self, request: UploadAttachmentRequest) -> Result<UploadAttachmentResponse, Failure> {
        let mut file = request.body.file;
        let content = file.bytes().await?;
        if content.len() > LARGEST_FILE {
            return Ok(UploadAttachmentResponse::ContentTooLarge(problem::too_large(&request.context, LARGEST_FILE)));
        }
        let owner = Owner::of(&request.caller);
        let sha256: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let content_type = file.content_type.filter(|sent| is_media_type(sent));

        let mut transaction = self.database.begin(&request.caller).await?;
        // The lock makes concurrent uploads to one task take turns, so that all of them count right.
        if rows::lock(&mut transaction, &owner, request.task_id).await?.is_none() {
            return Ok(UploadAttachmentResponse::NotFound(problem::not_found(&request.context, "task")));
        }
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM attachments WHERE owner_id = $1 AND task_id = $2"#,
            owner.as_str(),
            request.task_id,
        );
        if transaction.fetch_one(count).await? >= MOST_FILES {
            let detail = format!("a task has at most {MOST_FILES} attachments");
            return Ok(UploadAttachmentResponse::Conflict(problem::conflict(&request.context, detail)));
        }
        let (file_name, now) = (file_name(file.file_name.as_deref()), self.now());
        let query = sqlx::query_as!(
            AttachmentRow,
            r#"INSERT INTO attachments (id, owner_id, task_id, file_name, content_type, description, content, sha256,
                created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            RETURNING id, file_name, content_type, description, octet_length(content)::bigint AS "size!", sha256,
                created_by, created_at"#,
            Uuid::now_v7(),
            owner.as_str(),
            request.task_id,
            file_name,
            content_type.as_deref().unwrap_or(UNKNOWN_TYPE),
            request.body.description,
            content.as_ref(),
            sha256,
            request.caller.user_id().as_str(),
            now,
        );
        let row = transaction.fetch_one(query).await?;
        transaction.commit().await?;
        Audit::of(&request.context, &request.caller).await.record("attachment.uploaded", row.id);
        let location = format!("/tasks/{}/attachments/{}/content", request.task_id, row.id);
        Ok(UploadAttachmentResponse::Created { location, body: row.into() })
    }

    /// The bytes are read before the answer starts, at most 1 MiB of them: streaming them out of the database would hold a
    /// connection, of which there are few, for as long as a slow client likes.
    async fn download_attachment(
        &self,
        request: DownloadAttachmentRequest,
    ) -> Result<DownloadAttachmentResponse, Failure> {
        let (owner, task, id) = (&Owner::of(&request.caller), request.task_id, request.attachment_id);
        let read =
            self.database.read(&request.caller, |transaction| content(transaction, owner, task, id).scope_boxed());
        let file = read.await?;
        Ok(match file {
            Some(file) => DownloadAttachmentResponse::Ok {
                content_disposition: attachment(&file.file_name),
                body: Body::from(file.content),
            },
            None => DownloadAttachmentResponse::NotFound(problem::not_found(&request.context, "attachment")),
        })
    }

    async fn delete_attachment(&self, request: DeleteAttachmentRequest) -> Result<DeleteAttachmentResponse, Failure> {
        let owner = Owner::of(&request.caller);
        let query = sqlx::query!(
            "DELETE FROM attachments WHERE owner_id = $1 AND task_id = $2 AND id = $3",
            owner.as_str(),
            request.task_id,
            request.attachment_id,
        );
        let mut transaction = self.database.begin(&request.caller).await?;
        let deleted = transaction.execute(query).await?;
        transaction.commit().await?;
        if deleted == 0 {
            return Ok(DeleteAttachmentResponse::NotFound(problem::not_found(&request.context, "attachment")));
        }
        Audit::of(&request.context, &request.caller).await.record("attachment.deleted", request.attachment_id);
        Ok(DeleteAttachmentResponse::NoContent)
    }
}

/// The attachments of a task, the oldest first; `None` where there is no such task.
async fn select(transaction: &mut Transaction, owner: &Owner, task: Uuid) -> Result<Option<Vec<AttachmentRow>>, Error> {
    if rows::find(transaction, owner, task).await?.is_none() {
        return Ok(None);
    }
    let query = sqlx::query_as!(
        AttachmentRow,
        r#"SELECT id, file_name, content_type, description, octet_length(content)::bigint AS "size!", sha256,
            created_by, created_at
        FROM attachments WHERE owner_id = $1 AND task_id = $2 ORDER BY created_at, id"#,
        owner.as_str(),
        task,
    );
    transaction.fetch_all(query).await.map(Some)
}

/// Name and bytes of an attachment.
async fn content(transaction: &mut Transaction, owner: &Owner, task: Uuid, id: Uuid) -> Result<Option<Content>, Error> {
    let query = sqlx::query_as!(
        Content,
        "SELECT file_name, content FROM attachments WHERE owner_id = $1 AND task_id = $2 AND id = $3",
        owner.as_str(),
        task,
        id,
    );
    transaction.fetch_optional(query).await
}

/// Whether a text can be kept as a content type: printable ASCII, and no longer than the contract says.
fn is_media_type(text: &str) -> bool {
    text.contains('/') && text.len() <= 255 && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

struct Content {
    file_name: String,
    content: Vec<u8>,
}

#[derive(Debug)]
struct AttachmentRow {
    id: Uuid,
    file_name: String,
    content_type: String,
    description: Option<String>,
    size: i64,
    sha256: String,
    created_by: String,
    created_at: DateTime<Utc>,
}

impl From<AttachmentRow> for Attachment {
    fn from(row: AttachmentRow) -> Self {
        Self {
            id: row.id,
            file_name: row.file_name,
            content_type: row.content_type,
            description: row.description,
            size: row.size,
            sha256: row.sha256,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}
