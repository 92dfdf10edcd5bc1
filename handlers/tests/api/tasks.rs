//! Tasks, through the generated client: what the contract promises of each operation.

use std::{collections::HashSet, time::Duration};

use api_client::{CreateTaskSuccess, Error, ExportTasksAccept, ExportTasksSuccess, GetTaskError};
use api_types::{NewTask, Reminder, TaskPatch, TaskStatus};
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Sends as _, Service, TestClock, refused};

fn new_task(value: serde_json::Value) -> NewTask {
    serde_json::from_value(value).unwrap()
}

fn patch(value: serde_json::Value) -> TaskPatch {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn a_task_is_created_read_changed_and_deleted() {
    let service = Service::start().await;
    let client = service.client("user_ada").typed();
    let due = Utc::now() + TimeDelta::days(3);
    let created = client
        .create_task(None, &new_task(json!({ "title": "Water the plants", "dueAt": due, "labels": ["home", "green"] })))
        .await
        .unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let CreateTaskSuccess { body: created, e_tag, location, idempotency_replayed } = created.into_inner();
    assert_eq!(idempotency_replayed, None);
    assert_eq!(location, format!("/tasks/{}", created.id));
    assert_eq!((created.status, created.created_by.as_str()), (TaskStatus::Open, "user_ada"));
    assert_eq!(created.priority.as_str(), "normal");
    assert_eq!(created.labels, ["home", "green"]);
    assert_eq!(created.due_at.map(|time| time.timestamp_micros()), Some(due.timestamp_micros()));

    let read = client.get_task(&created.id, None).await.unwrap();
    assert_eq!((&read.body, &read.e_tag), (&created, &e_tag));

    let changed = client.update_task(&created.id, None, &patch(json!({ "status": "done" }))).await.unwrap();
    assert_ne!(changed.e_tag, e_tag);
    let changed = changed.into_inner().body;
    assert_eq!(changed.status, TaskStatus::Done);
    assert!(changed.updated_at > created.updated_at);
    assert_eq!((changed.title, changed.due_at), (created.title, created.due_at));

    assert_eq!(client.delete_task(&created.id, None).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(refused(client.get_task(&created.id, None).await), StatusCode::NOT_FOUND);
    assert_eq!(
        refused(client.update_task(&created.id, None, &patch(json!({ "title": "a" }))).await),
        StatusCode::NOT_FOUND
    );
    assert_eq!(refused(client.delete_task(&created.id, None).await), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_merge_patch_tells_absent_from_null() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    let project = ada.create_project("GARDEN").await;
    let whole = json!({
        "title": "a", "description": "b", "dueAt": "2030-01-01T00:00:00Z", "labels": ["x"], "projectId": project,
        "assigneeId": "user_bob", "reminder": { "kind": "email", "address": "ada@example.org", "minutesBefore": 5 },
    });
    let task = client.create_task(None, &new_task(whole)).await.unwrap().into_inner();

    let same = client.update_task(&task.id, None, &patch(json!({ "title": "a2" }))).await.unwrap().into_inner();
    assert_eq!(same.title, "a2");
    assert_eq!(
        (&same.description, same.due_at, &same.labels, same.project_id, &same.assignee_id, &same.reminder),
        (&task.description, task.due_at, &task.labels, task.project_id, &task.assignee_id, &task.reminder)
    );
    let emptied =
        json!({ "description": null, "dueAt": null, "projectId": null, "assigneeId": null, "reminder": null });
    let emptied = client.update_task(&task.id, None, &patch(emptied)).await.unwrap().into_inner().body;
    assert_eq!(
        (emptied.description, emptied.due_at, emptied.project_id, emptied.assignee_id, emptied.reminder),
        (None, None, None, None, None)
    );
    assert_eq!((emptied.title.as_str(), emptied.labels.len()), ("a2", 1));

    // What cannot be empty cannot be null, and a patch of nothing is none.
    for (name, body) in ["title", "status", "labels"].map(|name| (name, json!({ name: null }))) {
        let request = ada.send(Method::PATCH, &format!("/tasks/{}", task.id));
        let answer =
            request.header("Content-Type", "application/merge-patch+json").body(body.to_string()).answer().await;
        answer.assert_problem(StatusCode::BAD_REQUEST);
        assert!(answer.violations().iter().all(|(pointer, _)| *pointer == format!("/body/{name}")), "{body}");
        assert!(answer.violations().iter().any(|(_, keyword)| matches!(*keyword, "type" | "enum")), "{body}");
    }
    let request = ada.send(Method::PATCH, &format!("/tasks/{}", task.id));
    let answer = request.header("Content-Type", "application/merge-patch+json").body("{}").answer().await;
    answer.assert_problem(StatusCode::BAD_REQUEST);
    assert_eq!(answer.violations(), [("/body", "minProperties")]);
}

#[tokio::test]
async fn a_reminder_keeps_its_secret_and_changes_its_kind() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    let secret = "0123456789abcdef";
    let webhook =
        json!({ "kind": "webhook", "url": "https://hooks.example.org/a", "secret": secret, "minutesBefore": 5 });
    let answer = ada.send(Method::POST, "/tasks").json(&json!({ "title": "a", "reminder": webhook })).answer().await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert!(!answer.text().contains(secret), "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let id = Uuid::parse_str(&id).unwrap();
    let text = ada.send(Method::GET, &format!("/tasks/{id}")).answer().await.text();
    assert!(!text.contains(secret), "{text}");
    let export = ada.send(Method::GET, "/exports/tasks").header("Accept", "application/x-ndjson").answer().await;
    assert!(export.text().contains("hooks.example.org") && !export.text().contains(secret), "{}", export.text());

    // Merged: the secret, which a client cannot send back, is still there.
    let other = json!({ "reminder": { "kind": "webhook", "url": "https://hooks.example.org/b", "minutesBefore": 5 } });
    client.update_task(&id, None, &patch(other)).await.unwrap();
    let kept = service.text_of("SELECT reminder->>'secret' FROM tasks").await;
    assert_eq!(kept.as_deref(), Some(secret));
    // Another kind: replaced.
    let email = json!({ "reminder": { "kind": "email", "address": "ada@example.org", "minutesBefore": 5 } });
    let task = client.update_task(&id, None, &patch(email)).await.unwrap().into_inner().body;
    assert!(matches!(task.reminder, Some(Reminder::EmailReminder(reminder)) if reminder.address == "ada@example.org"));
    assert_eq!(service.text_of("SELECT reminder->>'secret' FROM tasks").await, None);

    // The discriminator directs the errors to the kind that was meant.
    for (reminder, expected) in [
        (
            json!({ "kind": "email", "url": "https://a.example" }),
            vec![
                ("/body/reminder/address", "required"),
                ("/body/reminder/minutesBefore", "required"),
                ("/body/reminder/url", "additionalProperties"),
            ],
        ),
        (json!({ "kind": "pigeon" }), vec![("/body/reminder/kind", "discriminator")]),
    ] {
        let answer =
            ada.send(Method::POST, "/tasks").json(&json!({ "title": "a", "reminder": reminder })).answer().await;
        answer.assert_problem(StatusCode::BAD_REQUEST);
        assert_eq!(answer.violations(), expected, "{reminder}");
    }
}

#[tokio::test]
async fn conditions_guard_what_a_client_decided_on() {
    let service = Service::start().await;
    let client = service.client("user_ada").typed();
    let created = client.create_task(None, &new_task(json!({ "title": "a" }))).await.unwrap();
    let first = created.e_tag.clone();
    let id = created.id;

    match client.get_task(&id, Some(&first)).await {
        Err(Error::ErrorResponse(unchanged)) => {
            assert!(matches!(&*unchanged, GetTaskError::NotModified { e_tag } if *e_tag == first), "{unchanged:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(refused(client.get_task(&id, Some("*")).await), StatusCode::NOT_MODIFIED);
    assert_eq!(refused(client.get_task(&id, Some(&format!("\"0\", W/{first}"))).await), StatusCode::NOT_MODIFIED);

    let second = client.update_task(&id, Some(&first), &patch(json!({ "title": "b" }))).await.unwrap();
    let second = second.into_inner().e_tag;
    assert!(client.get_task(&id, Some(&first)).await.is_ok());
    let late = client.update_task(&id, Some(&first), &patch(json!({ "title": "c" }))).await;
    assert_eq!(refused(late), StatusCode::PRECONDITION_FAILED);
    assert_eq!(refused(client.delete_task(&id, Some(&first)).await), StatusCode::PRECONDITION_FAILED);
    // A weak tag never matches If-Match.
    assert_eq!(refused(client.delete_task(&id, Some(&format!("W/{second}"))).await), StatusCode::PRECONDITION_FAILED);
    assert_eq!(client.get_task(&id, None).await.unwrap().title, "b");
    client.delete_task(&id, Some(&format!("\"0\", {second}"))).await.unwrap();
}

#[tokio::test]
async fn of_many_writers_with_one_tag_one_wins() {
    let service = Service::start().await;
    let client = service.client("user_ada").typed();
    let created = client.create_task(None, &new_task(json!({ "title": "a" }))).await.unwrap();
    let tag = created.e_tag.clone();
    // Somebody else holds the row until all writers wait for it: none can have finished before another began.
    let mut holder = service.admin().await;
    sqlx::raw_sql("BEGIN; SELECT FROM tasks FOR UPDATE").execute(&mut holder).await.unwrap();
    let release = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    };
    let writers =
        join_all(
            (0..4).map(|number| {
                let (client, tag, id) = (&client, &tag, created.id);
                async move {
                    client.update_task(&id, Some(tag), &patch(json!({ "title": format!("writer {number}") }))).await
                }
            }),
        );
    let (outcomes, ()) = tokio::join!(writers, release);
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1);
    assert!(
        outcomes.into_iter().filter(Result::is_err).all(|outcome| refused(outcome) == StatusCode::PRECONDITION_FAILED)
    );
}

#[tokio::test]
async fn a_list_is_filtered_and_read_in_pages() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    let project = ada.create_project("GARDEN").await;
    let statuses = ["open", "in_progress", "done", "cancelled"];
    let mut ids = Vec::new();
    for number in 0..10 {
        let task = json!({
            "title": format!("task {number}"),
            "description": if number == 3 { Some("about 100% INVOICES_") } else { None },
            "status": statuses[number % 4],
            "dueAt": format!("2030-01-{:02}T00:00:00Z", number + 1),
            "projectId": if number < 5 { Some(project) } else { None },
        });
        let task: serde_json::Map<_, _> =
            task.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
        ids.push(client.create_task(None, &new_task(task.into())).await.unwrap().id);
    }
    ids.reverse();

    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    let mut pages = 0;
    loop {
        let page =
            client.list_tasks(cursor.as_deref(), None, None, Some(3), None, None, None).await.unwrap().into_inner();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.iter().map(|task| task.id));
        pages += 1;
        // What is created meanwhile is newer than the cursor, and must not shift the pages.
        ada.create_task("meanwhile").await;
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!((pages, &seen), (4, &ids));

    let titles = async |query: &str| -> Vec<String> {
        let answer = ada.send(Method::GET, &format!("/tasks?{query}")).answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(titles("status=done").await, ["task 6", "task 2"]);
    assert_eq!(titles("status=done&status=cancelled&limit=3").await, ["task 7", "task 6", "task 3"]);
    assert_eq!(titles("dueAfter=2030-01-09T00:00:00Z").await, ["task 9", "task 8"]);
    assert_eq!(
        titles("dueAfter=2030-01-02T01:00:00%2B01:00&dueBefore=2030-01-04T00:00:00Z").await,
        ["task 2", "task 1"]
    );
    assert_eq!(titles("q=TASK+4").await, ["task 4"]);
    // Wildcards of SQL are plain characters.
    assert_eq!(titles("q=0%25%20invoices_").await, ["task 3"]);
    assert_eq!(titles("q=task_4").await, Vec::<String>::new());
    assert_eq!(titles(&format!("projectId={project}&status=open")).await, ["task 4", "task 0"]);
    assert_eq!(titles(&format!("projectId={}", Uuid::now_v7())).await, Vec::<String>::new());

    let filtered = client
        .list_tasks(None, None, None, None, None, None, Some(&[TaskStatus::Done, TaskStatus::InProgress]))
        .await
        .unwrap();
    assert_eq!(filtered.items.len(), 5);
}

#[tokio::test]
async fn an_idempotency_key_carries_a_request_out_once() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    let task = new_task(json!({ "title": "once", "labels": ["a"] }));
    let first = client.create_task(Some("key-1"), &task).await.unwrap();
    assert_eq!(first.idempotency_replayed, None);
    let again = client.create_task(Some("key-1"), &task).await.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.idempotency_replayed, Some(true));
    assert_eq!((&again.body, &again.location, &again.e_tag), (&first.body, &first.location, &first.e_tag));
    // Spelled another way it is the same request.
    let request =
        ada.send(Method::POST, "/tasks").header("Idempotency-Key", "key-1").header("Content-Type", "application/json");
    let spelled = request.body("{ \"labels\" : [\"a\"],\n \"title\":\"\\u006fnce\" }").answer().await;
    assert_eq!(spelled.json()["id"], first.id.to_string());

    let other = client.create_task(Some("key-1"), &new_task(json!({ "title": "another" }))).await;
    assert_eq!(refused(other), StatusCode::CONFLICT);
    // The answer is the first one even where the task has changed since, or is gone.
    client.delete_task(&first.id, None).await.unwrap();
    assert_eq!(client.create_task(Some("key-1"), &task).await.unwrap().id, first.id);
    // A key is its user's.
    let eve = service.client("user_eve").typed();
    assert_ne!(eve.create_task(Some("key-1"), &task).await.unwrap().id, first.id);
    // A request that failed may be tried again under its key.
    let lost = new_task(json!({ "title": "a", "projectId": Uuid::now_v7() }));
    assert_eq!(refused(client.create_task(Some("key-2"), &lost).await), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(client.create_task(Some("key-2"), &task).await.is_ok());
    assert_eq!(client.list_tasks(None, None, None, None, None, None, None).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn requests_with_one_key_at_the_same_time_create_one_task() {
    let service = Service::start().await;
    let client = service.client("user_ada").typed();
    let task = new_task(json!({ "title": "once" }));
    let outcomes = join_all((0..8).map(|_| client.create_task(Some("key"), &task))).await;
    let ids: HashSet<_> = outcomes.iter().map(|outcome| outcome.as_ref().unwrap().id).collect();
    assert_eq!(ids.len(), 1);
    let replayed = outcomes.iter().flatten().filter(|response| response.headers().contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 7);
    assert_eq!(client.list_tasks(None, None, None, None, None, None, None).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_expires() {
    let clock = TestClock::default();
    let service = Service::start_at(&clock).await;
    let client = service.client("user_ada").typed();
    let task = new_task(json!({ "title": "once" }));
    let first = client.create_task(Some("key"), &task).await.unwrap().id;
    clock.advance(TimeDelta::hours(23));
    assert_eq!(client.create_task(Some("key"), &task).await.unwrap().id, first);
    clock.advance(TimeDelta::hours(2));
    assert_ne!(client.create_task(Some("key"), &task).await.unwrap().id, first);
}

#[tokio::test]
async fn an_export_speaks_three_formats() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    let client = ada.typed();
    for title in ["first", "=HYPERLINK(\"x\"), \"quoted\"", "third"] {
        client.create_task(None, &new_task(json!({ "title": title, "labels": ["a", "b"] }))).await.unwrap();
    }

    let json = client.export_tasks(None, None, None, None, ExportTasksAccept::Json).await.unwrap();
    let ExportTasksSuccess::Json { body: tasks, .. } = json.into_inner() else { panic!("asked for JSON") };
    assert_eq!(
        tasks.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(),
        ["third", "=HYPERLINK(\"x\"), \"quoted\"", "first"]
    );

    let csv = client.export_tasks(None, Some(2), None, None, ExportTasksAccept::Csv).await.unwrap();
    assert!(csv.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let ExportTasksSuccess::Csv { body: text, next_cursor } = csv.into_inner() else { panic!("asked for CSV") };
    let next = next_cursor.unwrap();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("id,title,description,") && lines[3].is_empty());
    assert!(lines[2].contains(r#","'=HYPERLINK(""x""), ""quoted""","#), "{text}");
    assert!(lines[1].contains(",a b,"), "{text}");

    let rest = client.export_tasks(Some(&next), None, None, None, ExportTasksAccept::Ndjson).await.unwrap();
    let ExportTasksSuccess::Ndjson { body: mut tasks, next_cursor } = rest.into_inner() else {
        panic!("asked for lines")
    };
    assert_eq!(next_cursor, None);
    assert_eq!(tasks.try_next().await.unwrap().unwrap().title, "first");
    assert!(tasks.try_next().await.unwrap().is_none());

    // Weights decide, and what nobody can produce is refused.
    for (accept, expected) in [
        ("text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("text/*", "text/csv"),
        ("*/*", "application/json"),
    ] {
        let answer = ada.send(Method::GET, "/exports/tasks").header("Accept", accept).answer().await;
        assert!(answer.header("content-type").unwrap().starts_with(expected), "{accept}: {:?}", answer.headers);
    }
    let refused = ada.send(Method::GET, "/exports/tasks").header("Accept", "application/pdf").answer().await;
    refused.assert_problem(StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn an_export_is_compressed_for_who_asks() {
    let service = Service::start().await;
    let ada = service.client("user_ada");
    for _ in 0..20 {
        ada.create_task("all the same, so that it compresses well").await;
    }
    let plain = ada.send(Method::GET, "/exports/tasks").answer().await;
    assert_eq!(plain.header("content-encoding"), None);
    let zipped = ada.send(Method::GET, "/exports/tasks").header("Accept-Encoding", "gzip").answer().await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.len() < plain.body.len() / 2);
}
