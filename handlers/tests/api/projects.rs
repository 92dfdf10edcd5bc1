//! Projects: unique keys, and who may delete one.

use api_types::NewProject;
use reqwest::{Method, StatusCode};
use serde_json::json;
use specwright_runtime::auth::Organization;
use uuid::Uuid;

use crate::support::{Sends as _, Service, refused};

fn new_project(key: &str) -> NewProject {
    serde_json::from_value(json!({ "key": key, "name": "The garden" })).unwrap()
}

#[tokio::test]
async fn a_project_is_created_read_listed_and_deleted() {
    let service = Service::start().await;
    let acme = Organization::new("org_acme").with_role("admin").with_permission("projects:manage");
    let ada = service.client_in("user_ada", acme);
    let client = ada.typed();
    let created = client.create_project(&new_project("GARDEN")).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.location, format!("/projects/{}", created.id));
    assert_eq!(*client.get_project(&created.id).await.unwrap(), created.body);

    client.create_project(&new_project("HOUSE")).await.unwrap();
    let page = client.list_projects(None, Some(1)).await.unwrap().into_inner();
    assert_eq!(page.items[0].key, "HOUSE");
    let page = client.list_projects(page.next_cursor.as_deref(), Some(1)).await.unwrap().into_inner();
    assert_eq!((page.items[0].key.as_str(), page.next_cursor), ("GARDEN", None));

    // With tasks in it, it stays.
    let body = json!({ "title": "a", "projectId": created.id });
    let task = ada.send(Method::POST, "/tasks").json(&body).answer().await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(refused(client.delete_project(&created.id).await), StatusCode::CONFLICT);
    client.delete_task(&Uuid::parse_str(&task).unwrap(), None).await.unwrap();
    assert_eq!(client.delete_project(&created.id).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(refused(client.delete_project(&created.id).await), StatusCode::NOT_FOUND);
    assert_eq!(refused(client.get_project(&created.id).await), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_is_unique_for_its_owner() {
    let service = Service::start().await;
    let ada = service.client("user_ada").typed();
    ada.create_project(&new_project("GARDEN")).await.unwrap();
    assert_eq!(refused(ada.create_project(&new_project("GARDEN")).await), StatusCode::CONFLICT);
    service.client("user_eve").typed().create_project(&new_project("GARDEN")).await.unwrap();
}

#[tokio::test]
async fn deleting_takes_a_permission() {
    let service = Service::start().await;
    let member = Organization::new("org_acme").with_role("member").with_permission("projects:read");
    let project = service.client_in("user_ada", member.clone()).create_project("GARDEN").await;
    let target = format!("/projects/{project}");
    for caller in [service.client_in("user_ada", member), service.client("user_ada")] {
        caller.send(Method::DELETE, &target).answer().await.assert_problem(StatusCode::FORBIDDEN);
    }
    let manager = Organization::new("org_acme").with_role("member").with_permission("projects:manage");
    let answer = service.client_in("user_bob", manager).send(Method::DELETE, &target).answer().await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}
