//! Attachments: files in, the same bytes out, and nothing a browser would run.

use api_client::{Upload, UploadAttachmentForm};
use reqwest::{Method, StatusCode};
use uuid::Uuid;

use crate::support::{Sends as _, Service, bytes_of, refused};

const MIB: usize = 1024 * 1024;

fn form(name: &str, bytes: impl Into<reqwest::Body>, description: Option<&str>) -> UploadAttachmentForm {
    let file = Upload::new(bytes).file_name(name).content_type("application/pdf");
    UploadAttachmentForm { file, description: description.map(str::to_owned) }
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_sent() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    let task = ada.create_task("a").await;
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let stored = client
        .upload_attachment(&task, form("../Übersicht \"1\".pdf", content.clone(), Some("the plan")))
        .await
        .unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    assert_eq!(stored.location, format!("/tasks/{task}/attachments/{}/content", stored.id));
    assert_eq!((stored.file_name.as_str(), stored.content_type.as_str()), ("Übersicht \"1\".pdf", "application/pdf"));
    assert_eq!((stored.size, stored.description.as_deref()), (100_000, Some("the plan")));

    let listed = client.list_attachments(&task).await.unwrap().into_inner();
    assert_eq!(listed.items, [stored.into_inner().body]);
    let id = listed.items[0].id;

    let download = client.download_attachment(&task, &id).await.unwrap();
    assert_eq!(download.headers()["content-type"], "application/octet-stream");
    assert_eq!(download.headers()["x-content-type-options"], "nosniff");
    assert_eq!(
        download.content_disposition,
        "attachment; filename=\"_bersicht _1_.pdf\"; filename*=UTF-8''%C3%9Cbersicht%20%221%22.pdf"
    );
    assert_eq!(bytes_of(download.into_inner().body).await, content);

    assert_eq!(client.delete_attachment(&task, &id).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(refused(client.delete_attachment(&task, &id).await), StatusCode::NOT_FOUND);
    assert_eq!(refused(client.download_attachment(&task, &id).await), StatusCode::NOT_FOUND);
    assert!(client.list_attachments(&task).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn limits_are_told_apart() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    let task = ada.create_task("a").await;
    client.upload_attachment(&task, form("exact", vec![0; MIB], None)).await.unwrap();
    let larger = client.upload_attachment(&task, form("larger", vec![0; MIB + 1], None)).await;
    assert_eq!(refused(larger), StatusCode::PAYLOAD_TOO_LARGE);
    // Larger than any body may be: refused before it is read to the end.
    let huge = client.upload_attachment(&task, form("huge", vec![0; 3 * MIB], None)).await;
    assert_eq!(refused(huge), StatusCode::PAYLOAD_TOO_LARGE);
    for number in 1..20 {
        client.upload_attachment(&task, form(&format!("{number}"), "x", None)).await.unwrap();
    }
    assert_eq!(refused(client.upload_attachment(&task, form("21st", "x", None)).await), StatusCode::CONFLICT);
    let nowhere = client.upload_attachment(&Uuid::now_v7(), form("a", "x", None)).await;
    assert_eq!(refused(nowhere), StatusCode::NOT_FOUND);
    assert_eq!(refused(client.list_attachments(&Uuid::now_v7()).await), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_is_judged_like_any_body() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let task = ada.create_task("a").await;
    let target = format!("/tasks/{task}/attachments");
    let multipart = |parts: &str| {
        let request = ada.send(Method::POST, &target).header("Content-Type", "multipart/form-data; boundary=b");
        request.body(parts.replace('\n', "\r\n"))
    };
    let answer =
        multipart("--b\nContent-Disposition: form-data; name=\"description\"\n\nno file\n--b--\n").answer().await;
    answer.assert_problem(StatusCode::BAD_REQUEST);
    assert_eq!(answer.violations()[0].1, "required");
    let long = "x".repeat(501);
    let both = format!(
        "--b\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\n\nx\n--b\n\
         Content-Disposition: form-data; name=\"description\"\n\n{long}\n--b--\n"
    );
    let answer = multipart(&both).answer().await;
    answer.assert_problem(StatusCode::BAD_REQUEST);
    assert_eq!(answer.violations(), [("/body/description", "maxLength")]);
    multipart("--b\nnonsense").answer().await.assert_problem(StatusCode::BAD_REQUEST);
    let request = ada.send(Method::POST, &target).header("Content-Type", "application/json");
    request.body("{}").answer().await.assert_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_deleted_task_takes_its_files_with_it() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let task = ada.create_task("a").await;
    let attachment = ada.upload(task, "a.txt", b"x").await;
    ada.typed().delete_task(&task, None).await.unwrap();
    let answer = ada.send(Method::GET, &format!("/tasks/{task}/attachments/{attachment}/content")).answer().await;
    answer.assert_problem(StatusCode::NOT_FOUND);
    assert_eq!(service.text_of("SELECT count(*)::text FROM attachments").await.as_deref(), Some("0"));
}
