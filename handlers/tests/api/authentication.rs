//! Whose token counts, and whose things one sees with it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{Method, StatusCode};
use specwright_runtime::{
    auth::{Organization, clerk::MachineVerifier},
    local::{
        backend::LocalBackend,
        guard::prove,
        issuer::{LocalIssuer, TokenRequest},
    },
};

use crate::support::{Sends as _, Service, issuer};

/// Every operation of the contract, whatever the contract says at the time: nothing, rubbish, and genuine tokens that lack something
/// stay outside.
#[tokio::test]
async fn every_operation_is_guarded_as_the_contract_says() {
    let service = Service::start().await;
    let proved = prove(&service.router, api_server::OPERATIONS, "clerkSession", issuer()).await.unwrap();
    println!("{proved:?}");
    assert_eq!(proved.secured + proved.open, api_server::OPERATIONS.len());
    assert_eq!(proved.open, 2, "the health checks, and nothing else");
    assert!(proved.scopes > 0, "some operation asks for a permission");
}

#[tokio::test]
async fn a_token_that_proves_nothing_is_refused() {
    let service = Service::start().await;
    let good = issuer().mint(&TokenRequest::new("user_ada")).unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = head.split_once('.').unwrap();
    let stranger = tempfile::tempdir().unwrap();
    let stranger = LocalIssuer::open(stranger.path()).unwrap();
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3_600);
    let short = TokenRequest::new("user_ada").expires_in(Duration::from_secs(60));
    let cases = [
        ("no token at all", "nonsense".to_owned()),
        ("expired", issuer().mint_at(&short, an_hour_ago).unwrap()),
        ("not yet valid", issuer().mint_at(&short, SystemTime::now() + Duration::from_secs(3_600)).unwrap()),
        ("signed by somebody else", stranger.mint(&TokenRequest::new("user_ada")).unwrap()),
        ("without its signature", format!("{head}.")),
        ("with a part missing", head.to_owned()),
        ("the claims of another", {
            let other = issuer().mint(&TokenRequest::new("user_eve")).unwrap();
            format!("{header}.{}.{signature}", other.split('.').nth(1).unwrap())
        }),
        ("from another origin", {
            let request = TokenRequest::new("user_ada").authorized_party(Some("https://evil.example".to_owned()));
            issuer().mint(&request).unwrap()
        }),
        ("of a session that is not complete", issuer().mint(&TokenRequest::new("user_ada").pending()).unwrap()),
    ];
    assert!(good.ends_with(signature) && head.contains(claims));
    for (what, token) in cases {
        let answer = service.with_token(&token).send(Method::GET, "/me").answer().await;
        answer.assert_problem(StatusCode::UNAUTHORIZED);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains(r#"error="invalid_token""#), "{what}: {challenge}");
        // Why goes to the log: a client that learns it learns how to get further.
        assert!(
            !answer.text().contains("signature") && !answer.text().contains("expired"),
            "{what}: {}",
            answer.text()
        );
    }
    assert_eq!(service.with_token(&good).send(Method::GET, "/me").answer().await.status, StatusCode::OK);
}

#[tokio::test]
async fn one_owner_never_sees_the_things_of_another() {
    let service = Service::start().await;
    let (ada, eve) = (service.client("user_ada"), service.client("user_eve"));
    let task = ada.create_task("Ada's").await;
    let project = ada.create_project("ADA").await;
    let attachment = ada.upload(task, "secret.txt", b"secret").await;
    let cases = [
        (Method::GET, format!("/tasks/{task}")),
        (Method::PATCH, format!("/tasks/{task}")),
        (Method::DELETE, format!("/tasks/{task}")),
        (Method::GET, format!("/tasks/{task}/attachments")),
        (Method::DELETE, format!("/tasks/{task}/attachments/{attachment}")),
        (Method::GET, format!("/tasks/{task}/attachments/{attachment}/content")),
        (Method::GET, format!("/projects/{project}")),
    ];
    for (method, target) in cases {
        let mut request = eve.send(method.clone(), &target);
        if method == Method::PATCH {
            request = request.header("Content-Type", "application/merge-patch+json").body(r#"{"title":"Eve's"}"#);
        }
        request.answer().await.assert_problem(StatusCode::NOT_FOUND);
    }
    // With the permission too: it is that of another organization.
    let acme = Organization::new("org_acme").with_role("admin").with_permission("projects:manage");
    let manager = service.client_in("user_eve", acme);
    let answer = manager.send(Method::DELETE, &format!("/projects/{project}")).answer().await;
    answer.assert_problem(StatusCode::NOT_FOUND);
    // A task cannot be put into somebody else's project.
    let body = serde_json::json!({ "title": "mine", "projectId": project });
    let answer = eve.send(Method::POST, "/tasks").json(&body).answer().await;
    answer.assert_problem(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.violations()[0].0, "/body/projectId");

    for target in ["/tasks", "/projects", "/exports/tasks"] {
        let answer = eve.send(Method::GET, target).answer().await;
        assert!(!answer.text().contains("Ada") && !answer.text().contains("ADA"), "{target}: {}", answer.text());
    }
    assert_eq!(ada.send(Method::GET, &format!("/tasks/{task}")).answer().await.json()["title"], "Ada's");
}

#[tokio::test]
async fn an_organization_shares_its_things() {
    let service = Service::start().await;
    let acme = Organization::new("org_acme").with_role("member");
    let ada = service.client_in("user_ada", acme.clone());
    let bob = service.client_in("user_bob", acme);
    let task = ada.create_task("Ours").await;
    let answer = bob.send(Method::GET, &format!("/tasks/{task}")).answer().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["createdBy"], "user_ada");
    // The same person without the organization is another owner.
    let private = service.client("user_ada").send(Method::GET, &format!("/tasks/{task}")).answer().await;
    private.assert_problem(StatusCode::NOT_FOUND);
}

/// The contract lets scripts export by an API key: of a user, or of an organization, whose things they then see.
#[tokio::test]
async fn a_script_exports_by_an_api_key() {
    let backend = LocalBackend::start().await.unwrap();
    backend.put("ak_ada", "user_ada", &["tasks:read"]);
    backend.put("ak_acme", "org_acme", &["tasks:read", "tasks:write"]);
    backend.put("ak_poor", "user_ada", &["tasks:write"]);
    let keys = MachineVerifier::api_keys(Arc::new(backend.api().build().unwrap()));
    let service = Service::start_with_api_keys(Arc::new(keys)).await;
    service.client("user_ada").create_task("Ada's").await;
    service.client_in("user_bob", Organization::new("org_acme")).create_task("Ours").await;
    let titles = async |key: &str| {
        let answer = service.with_token(key).send(Method::GET, "/exports/tasks").answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{key}: {}", answer.text());
        let tasks = answer.json();
        tasks.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles("ak_ada").await, ["Ada's"]);
    assert_eq!(titles("ak_acme").await, ["Ours"]);
    let refused = async |key: &str, target: &str| service.with_token(key).send(Method::GET, target).answer().await;
    let poor = refused("ak_poor", "/exports/tasks").await;
    poor.assert_problem(StatusCode::FORBIDDEN);
    assert!(poor.text().contains("tasks:read"), "{}", poor.text());
    refused("ak_unknown", "/exports/tasks").await.assert_problem(StatusCode::UNAUTHORIZED);
    refused("ak_ada", "/tasks").await.assert_problem(StatusCode::UNAUTHORIZED);
    // The typed client has a place for it.
    let client = api_client::Client::with_client(
        &format!("http://{}", service.address),
        reqwest::Client::new(),
        api_client::Credentials::none().clerk_api_key("ak_ada"),
    );
    assert!(client.export_tasks(None, None, None, None, api_client::ExportTasksAccept::Json).await.is_ok());
    // Where Clerk does not answer, nobody throws a key away.
    backend.fail(Some((StatusCode::INTERNAL_SERVER_ERROR, None)));
    let unseen = refused("ak_unseen", "/exports/tasks").await;
    unseen.assert_problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(unseen.header("retry-after").is_some());
}

#[tokio::test]
async fn row_level_security_holds_where_a_query_forgets_the_owner() {
    let service = Service::start().await;
    service.client("user_ada").create_task("Ada's").await;
    assert_eq!(service.count_as_application("user_ada", "SELECT count(*) FROM tasks").await, 1);
    assert_eq!(service.count_as_application("user_eve", "SELECT count(*) FROM tasks").await, 0);
    assert_eq!(service.count_as_application("", "SELECT count(*) FROM tasks").await, 0);
}
