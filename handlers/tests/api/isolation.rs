//! Nobody gets at what is another's, even where every query has forgotten whose rows it means.
//!
//! Between the service and its database stands a relay that rewrites statements on the way: `owner_id = $1` becomes a condition
//! that is always true. So these are the service's own queries without their `WHERE owner_id`, and what is left is row level
//! security. Two users, each in an organization of their own, do random things at the same time with ids of both, over every
//! operation of the contract; everything a user writes carries the user's mark.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{Answer, Person, Sends as _, Service};

/// Random operations of each user.
const OPERATIONS: usize = 250;

/// The condition that is taken out, without its parameter's number, and what stands in for it.
const CONDITION: &str = "owner_id = $";
const ALWAYS: &str = "'' <> '-' || $";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_that_forget_the_owner_leak_nothing() {
    let (service, rewritten) = Service::start_through(forgetful).await;
    let leaks = run(&service).await;
    assert!(*rewritten.lock().unwrap() > 100, "the relay has rewritten nothing");
    assert_eq!(leaks, Vec::<String>::new());
}

/// The same without the policies has to leak, or the test above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_policies_they_do_leak() {
    let (service, _) = Service::start_through(forgetful).await;
    let mut admin = service.admin().await;
    for table in ["projects", "tasks", "attachments", "idempotency_keys"] {
        sqlx::raw_sql(&format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")).execute(&mut admin).await.unwrap();
    }
    let leaks = run(&service).await;
    assert!(leaks.iter().any(|leak| leak.contains(" saw by ")), "{leaks:?}");
    assert!(leaks.iter().any(|leak| leak.contains(" has lost ")), "{leaks:?}");
}

/// Both users at once; what one saw or did of the other's.
async fn run(service: &Service) -> Vec<String> {
    let ids = Arc::new(Mutex::new(Ids::default()));
    let ann = User::new(service, "ann", Arc::clone(&ids));
    let bob = User::new(service, "bob", Arc::clone(&ids));
    let (mut leaks, of_bob) = tokio::join!(ann.run(1), bob.run(2));
    leaks.extend(of_bob);
    leaks
}

/// What exists, whoever's it is.
#[derive(Default)]
struct Ids {
    tasks: Vec<String>,
    projects: Vec<String>,
    /// Task and attachment.
    attachments: Vec<(String, String)>,
}

struct User {
    /// With a letter that is no hexadecimal digit: what is searched for must not occur in an id.
    name: &'static str,
    other: &'static str,
    person: Person,
    ids: Arc<Mutex<Ids>>,
    /// Paths that must answer this user at the end: what was created and not deleted by its owner.
    own: Mutex<HashSet<String>>,
}

impl User {
    fn new(service: &Service, name: &'static str, ids: Arc<Mutex<Ids>>) -> Self {
        let other = if name == "ann" { "bob" } else { "ann" };
        // With the permission to delete projects, for what is the user's own.
        let organization =
            specwright_runtime::auth::Organization::new(format!("org_{name}")).with_permission("org:projects:manage");
        let person = service.client_in(&format!("user_{name}"), organization);
        Self { name, other, person, ids, own: Mutex::default() }
    }

    async fn run(&self, seed: u64) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut leaks = Vec::new();
        for _ in 0..OPERATIONS {
            let (what, answer) = self.operation(&mut random).await;
            let text = answer.text();
            if answer.status.is_server_error() {
                leaks.push(format!("{what}: {} {text}", answer.status));
            }
            if text.contains(&format!("{}-", self.other)) || text.contains(&format!("user_{}", self.other)) {
                leaks.push(format!("{} saw by {what}: {text}", self.name));
            }
        }
        let own = self.own.lock().unwrap().clone();
        for path in own {
            let answer = self.person.send(Method::GET, &path).answer().await;
            if answer.status != StatusCode::OK {
                leaks.push(format!("{} has lost {path}: {}", self.name, answer.status));
            }
        }
        leaks
    }

    /// One random operation of the contract.
    async fn operation(&self, random: &mut StdRng) -> (String, Answer) {
        let person = &self.person;
        let (task, project, attachment) = {
            let ids = self.ids.lock().unwrap();
            let none = || "00000000-0000-0000-0000-000000000000".to_owned();
            (
                ids.tasks.choose(random).cloned().unwrap_or_else(none),
                ids.projects.choose(random).cloned().unwrap_or_else(none),
                ids.attachments.choose(random).cloned().unwrap_or_else(|| (none(), none())),
            )
        };
        let get = |target: &str| person.send(Method::GET, target);
        let mark = format!("{}-{}", self.name, random.random_range(0..1_000_000));
        let (what, request) = match random.random_range(0..20) {
            0..3 => {
                let mut body = json!({ "title": mark });
                if random.random_bool(0.3) {
                    body["projectId"] = project.as_str().into();
                }
                let request = person.send(Method::POST, "/tasks").json(&body);
                // Keys that both users choose.
                ("POST /tasks", request.header("idempotency-key", format!("key-{}", random.random_range(0..50))))
            }
            3 => ("GET /tasks", get("/tasks?limit=100")),
            4 => ("GET /tasks?q", get(&format!("/tasks?limit=100&q={}", self.other))),
            5 => ("GET /tasks/{taskId}", get(&format!("/tasks/{task}"))),
            6 | 7 => (
                "PATCH /tasks/{taskId}",
                person
                    .send(Method::PATCH, &format!("/tasks/{task}"))
                    .header("content-type", "application/merge-patch+json")
                    .body(json!({ "title": mark, "projectId": project }).to_string()),
            ),
            8 => ("DELETE /tasks/{taskId}", person.send(Method::DELETE, &format!("/tasks/{task}"))),
            9 => ("GET /exports/tasks", get("/exports/tasks")),
            10 => ("GET /projects", get("/projects?limit=100")),
            11 | 12 => {
                let key = format!("K{}", random.random_range(0..1_000_000));
                ("POST /projects", person.send(Method::POST, "/projects").json(&json!({ "key": key, "name": mark })))
            }
            13 => ("GET /projects/{projectId}", get(&format!("/projects/{project}"))),
            14 => ("DELETE /projects/{projectId}", person.send(Method::DELETE, &format!("/projects/{project}"))),
            15 => ("GET /tasks/{taskId}/attachments", get(&format!("/tasks/{task}/attachments"))),
            16 => {
                let file = reqwest::multipart::Part::bytes(mark.clone().into_bytes()).file_name(format!("{mark}.txt"));
                let form = reqwest::multipart::Form::new().part("file", file);
                let target = format!("/tasks/{task}/attachments");
                ("POST /tasks/{taskId}/attachments", person.send(Method::POST, &target).multipart(form))
            }
            17 => {
                let (task, id) = &attachment;
                ("GET …/content", get(&format!("/tasks/{task}/attachments/{id}/content")))
            }
            18 => {
                let (task, id) = &attachment;
                ("DELETE …/attachments", person.send(Method::DELETE, &format!("/tasks/{task}/attachments/{id}")))
            }
            _ => ("GET /me", get("/me")),
        };
        let answer = request.answer().await;
        self.note(what, &answer, &task, &project);
        (format!("{what} ({task}, {project})"), answer)
    }

    /// Remembers what exists now.
    fn note(&self, what: &str, answer: &Answer, task: &str, project: &str) {
        let mut own = self.own.lock().unwrap();
        let mut ids = self.ids.lock().unwrap();
        match (what, answer.status) {
            ("POST /tasks", StatusCode::CREATED) => {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                // A replayed answer may be of a task that is deleted by now.
                if answer.header("idempotency-replayed").is_none() {
                    own.insert(format!("/tasks/{id}"));
                    ids.tasks.push(id);
                }
            }
            ("POST /projects", StatusCode::CREATED) => {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                own.insert(format!("/projects/{id}"));
                ids.projects.push(id);
            }
            ("POST /tasks/{taskId}/attachments", StatusCode::CREATED) => {
                ids.attachments.push((task.to_owned(), answer.json()["id"].as_str().unwrap().to_owned()));
            }
            // Whose it was does not matter: where it was another's, its owner misses it in the end.
            ("DELETE /tasks/{taskId}", StatusCode::NO_CONTENT) => {
                own.remove(&format!("/tasks/{task}"));
            }
            ("DELETE /projects/{projectId}", StatusCode::NO_CONTENT) => {
                own.remove(&format!("/projects/{project}"));
            }
            _ => {}
        }
    }
}

/// A relay to a database that takes the owner out of every statement; its address, and how often it has.
async fn forgetful(database: String) -> (String, Arc<Mutex<usize>>) {
    let mut url = reqwest::Url::parse(&database).unwrap();
    let target = (url.host_str().unwrap().to_owned(), url.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let rewritten = Arc::new(Mutex::new(0));
    let count = Arc::clone(&rewritten);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (target, count) = (target.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let server = TcpStream::connect((target.0.as_str(), target.1)).await.unwrap();
                let ((mut from_client, mut to_client), (mut from_server, to_server)) =
                    (client.into_split(), server.into_split());
                let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                // Ends with the connection.
                let _ = relay(&mut from_client, to_server, &count).await;
                back.abort();
            });
        }
    });
    (url.into(), rewritten)
}

/// Messages of the frontend (PostgreSQL documentation, "Message Formats"): the first has a length only, the others a type before it.
async fn relay(
    client: &mut tokio::net::tcp::OwnedReadHalf,
    mut server: tokio::net::tcp::OwnedWriteHalf,
    count: &Mutex<usize>,
) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    client.read_exact(&mut startup).await?;
    server.write_u32(length).await?;
    server.write_all(&startup).await?;
    loop {
        let kind = client.read_u8().await?;
        let mut body = vec![0; client.read_u32().await? as usize - 4];
        client.read_exact(&mut body).await?;
        if kind == b'P' {
            // A name, the statement, and the types of the parameters, of which only the texts are texts.
            let end_of_name = body.iter().position(|byte| *byte == 0).unwrap() + 1;
            let end = end_of_name + body[end_of_name..].iter().position(|byte| *byte == 0).unwrap();
            let statement = String::from_utf8(body[end_of_name..end].to_vec()).unwrap();
            if statement.contains(CONDITION) {
                *count.lock().unwrap() += 1;
                let forgetful = statement.replace(CONDITION, ALWAYS);
                body = [&body[..end_of_name], forgetful.as_bytes(), &body[end..]].concat();
            }
        }
        server.write_u8(kind).await?;
        server.write_u32(u32::try_from(body.len() + 4).unwrap()).await?;
        server.write_all(&body).await?;
    }
}
