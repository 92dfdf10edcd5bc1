//! The `api` binary as a process: how it begins, how it refuses to begin, how it ends.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::json;
use specwright_runtime::local::issuer::TokenRequest;
use sqlx::Connection as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::support::{Person, Sends as _, database, issuer};

const PATIENCE: Duration = Duration::from_secs(60);

/// The binary with nothing in its environment but what a test says.
fn api(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    command.envs(variables.iter().copied()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary to an end that must be a refusal, and returns what it says.
async fn refusal(variables: &[(&str, &str)]) -> Vec<String> {
    let output: Output = timeout(PATIENCE, api(variables).output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("error: ")).map(str::to_owned).collect()
}

/// Variables, and what the line must say.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[tokio::test]
async fn a_wrong_environment_is_refused_in_one_line_each() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port().to_string();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("postgres://app:secret-word@127.0.0.1:{free}/app");
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let cases: &[Case] = &[
        (&[("PORT", &taken)], &["127.0.0.1:", "taken", "PORT"]),
        (&[("PORT", "many")], &["PORT", "many"]),
        (&[("ADDRESS", "localhost:80"), ("PORT", "81")], &["ADDRESS", "PORT", "81"]),
        (&[("ADDRESS", "no-such-name.invalid"), ("PORT", "0")], &["ADDRESS", "no-such-name.invalid"]),
        (&[("PORT", "0"), ("SPECWRIGHT_DATA", data), ("DATABASE_URL", &nobody)], &["127.0.0.1", "refused"]),
        (&[("PORT", "0"), ("SPECWRIGHT_DATA", data), ("DATABASE_URL", "mysql://localhost/app")], &["DATABASE_URL"]),
        (&[("PORT", "0"), ("SPECWRIGHT_DATA", data), ("CLERK_JWT_KEY", "nonsense")], &["CLERK_JWT_KEY"]),
        (&[("PORT", "0"), ("SPECWRIGHT_DATA", data), ("CLERK_SECRET_KEY", "secret-word sk")], &["CLERK_SECRET_KEY"]),
        (
            &[("PORT", "0"), ("SPECWRIGHT_DATA", data), ("CLERK_WEBHOOK_SIGNING_SECRET", "secret-word!")],
            &["CLERK_WEBHOOK"],
        ),
    ];
    for (variables, expected) in cases {
        let lines = refusal(variables).await;
        assert_eq!(lines.len(), 1, "{variables:?}: {lines:#?}");
        for part in *expected {
            assert!(lines[0].contains(part), "{variables:?}: {lines:#?}");
        }
        assert!(!lines[0].contains("secret-word"), "{lines:#?}");
    }
    drop(holder);
}

#[tokio::test]
async fn on_lambda_nothing_stands_in_for_what_is_not_configured() {
    let lines = refusal(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"), ("AWS_REGION", "eu-central-1")]).await;
    assert!(lines.iter().any(|line| line.contains("DATABASE_")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("CLERK_")), "{lines:#?}");
}

#[tokio::test]
async fn a_data_folder_of_an_older_postgres_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let version = data.path().join("postgres/data/PG_VERSION");
    std::fs::create_dir_all(version.parent().unwrap()).unwrap();
    std::fs::write(&version, "9.6\n").unwrap();
    let lines = refusal(&[("PORT", "0"), ("SPECWRIGHT_DATA", data.path().to_str().unwrap())]).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("written by Postgres 9,"), "{lines:#?}");
    assert!(version.exists());
}

#[tokio::test]
async fn a_local_run_needs_nothing_and_keeps_its_data() {
    let data = tempfile::tempdir().unwrap();
    // Run by root, Postgres runs as somebody else, who must get in.
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut first = Run::start(data.path()).await;
    let created = first.person.send(Method::POST, "/tasks").json(&json!({ "title": "kept" })).answer().await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    assert!(!cfg!(target_os = "linux") || !servers_of(data.path()).is_empty());
    // A page that is developed on this machine may call, and one from elsewhere may not.
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("http://127.0.0.1", true),
        ("http://[::1]:5173", true),
        ("https://example.com", false),
        ("http://localhost.example.com:3000", false),
        ("null", false),
    ] {
        let ask = Person::new(first.address, None).send(Method::OPTIONS, "/tasks").header("origin", origin);
        let ask = ask.header("access-control-request-method", "POST");
        let answer = ask.header("access-control-request-headers", "authorization").answer().await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed.then_some(origin), "{origin}");
        assert!(!allowed || answer.header("access-control-allow-headers") == Some("authorization"));
    }
    first.interrupt().await;
    assert_eq!(servers_of(data.path()), Vec::<String>::new(), "the local database outlived the process");

    let mut second = Run::start(data.path()).await;
    let listed = second.person.send(Method::GET, "/tasks").answer().await;
    assert_eq!(listed.json()["items"][0]["title"], "kept", "{}", listed.text());
    // A token of the first run is good in the second: the key is kept too.
    second.person = Person::new(second.address, Some(first.token.clone()));
    assert_eq!(second.person.send(Method::GET, "/me").answer().await.json()["userId"], "user_1");
    second.interrupt().await;
}

#[tokio::test]
async fn a_configured_database_is_used_and_brought_up_to_date() {
    let (_postgres, url) = database().await;
    let mut child =
        api(&[("ADDRESS", "localhost:0"), ("DATABASE_URL", &url), ("CLERK_JWT_KEY", issuer().public_key())])
            .spawn()
            .unwrap();
    let lines = first_lines(&mut child, 2).await;
    assert!(lines[1].starts_with("database on 127.0.0.1"), "{lines:?}");
    let address = lines[0].strip_prefix("serving on http://").unwrap().parse().unwrap();
    let answer = Person::new(address, None).send(Method::GET, "/health/ready").answer().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    interrupt(&mut child).await;

    let migrated = timeout(PATIENCE, api(&[("DATABASE_URL", &url)]).arg("migrate").output()).await.unwrap().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
}

/// A line is readable alone: whose request it was stands in it, once, and in the lines of a log that shows errors only as well.
#[tokio::test]
async fn a_log_line_names_its_request_once() {
    let (_postgres, url) = database().await;
    for (level, method, target, expected) in [
        ("info", Method::GET, "/health", "answered"),
        ("info", Method::GET, "/me", "not let in"),
        ("error", Method::GET, "/tasks", "operation failed"),
    ] {
        let variables = [
            ("PORT", "0"),
            ("DATABASE_URL", &url),
            ("CLERK_JWT_KEY", issuer().public_key()),
            ("LOG_FORMAT", "json"),
            ("LOG", level),
        ];
        let mut child = api(&variables).spawn().unwrap();
        let address = first_lines(&mut child, 2).await[0].strip_prefix("serving on http://").unwrap().parse().unwrap();
        let mut token = "nonsense".to_owned();
        if level == "error" {
            token = issuer().mint(&TokenRequest::new("user_ada")).unwrap();
            let mut admin = sqlx::PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql("DROP TABLE tasks CASCADE").execute(&mut admin).await.unwrap();
        }
        let person = Person::new(address, Some(token));
        person.send(method, target).header("x-request-id", "the-id-of-it").answer().await;
        let text = log_of(child).await;
        let line = text.lines().find(|line| line.contains(&format!("\"{expected}\"")));
        let line = line.unwrap_or_else(|| panic!("no line says {expected}: {text}"));
        assert_eq!(line.matches("the-id-of-it").count(), 1, "{line}");
        // Why a token was refused is here, in Clerk's words, and in no answer.
        assert_eq!(line.contains("token-invalid"), expected == "not let in", "{line}");
    }
}

/// Whoever acts in a user's name stands in the audit line beside the user.
#[tokio::test]
async fn the_audit_log_says_who_acts_for_the_user() {
    let (_postgres, url) = database().await;
    let key = issuer().public_key();
    let mut child =
        api(&[("PORT", "0"), ("DATABASE_URL", &url), ("CLERK_JWT_KEY", key), ("LOG_FORMAT", "json")]).spawn().unwrap();
    let address = first_lines(&mut child, 2).await[0].strip_prefix("serving on http://").unwrap().parse().unwrap();
    for (request_id, actor) in [("as-oneself", None), ("as-another", Some("user_support"))] {
        let mut request = TokenRequest::new("user_ada");
        if let Some(actor) = actor {
            request = request.actor(actor);
        }
        let person = Person::new(address, Some(issuer().mint(&request).unwrap()));
        let task = person.send(Method::POST, "/tasks").json(&json!({ "title": "done for somebody" }));
        let answer = task.header("x-request-id", request_id).answer().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }
    let text = log_of(child).await;
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let audit = lines.filter(|line| line["target"] == "audit").collect::<Vec<_>>();
    let said = |name: &str| audit.iter().map(|line| line[name].as_str()).collect::<Vec<_>>();
    assert_eq!(said("audit.action"), [Some("task.created"); 2], "{text}");
    assert_eq!(said("user.id"), [Some("user_ada"); 2], "{text}");
    assert_eq!(said("user.actor"), [None, Some("user_support")], "{text}");
    assert_eq!(said("request.id"), [Some("as-oneself"), Some("as-another")], "{text}");
}

/// A local run.
struct Run {
    child: Child,
    address: std::net::SocketAddr,
    token: String,
    person: Person,
}

impl Run {
    async fn start(data: &Path) -> Self {
        let mut child = api(&[("PORT", "0"), ("SPECWRIGHT_DATA", data.to_str().unwrap())]).spawn().unwrap();
        let lines = first_lines(&mut child, 3).await;
        let address = lines[0].strip_prefix("serving on http://").unwrap().parse().unwrap();
        // The line to copy works as it is.
        let (_, bearer) = lines[2].split_once("Bearer ").unwrap();
        let token = bearer.trim_end_matches('\'').to_owned();
        assert!(lines[2].starts_with(&format!("try it: curl -i http://{address}/me ")), "{lines:?}");
        let person = Person::new(address, Some(token.clone()));
        let me = person.send(Method::GET, "/me").answer().await;
        assert_eq!((me.status, &me.json()["userId"]), (StatusCode::OK, &json!("user_1")));
        Self { child, address, token, person }
    }

    async fn interrupt(&mut self) {
        interrupt(&mut self.child).await;
    }
}

/// The command lines of processes that name a folder (Linux; elsewhere none is found).
fn servers_of(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let commands = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let commands = commands.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    commands.filter(|command| command.contains(folder.to_str().unwrap())).collect()
}

/// Ctrl-C, as a terminal sends it; everything that was started must have ended by the time the process ends.
async fn interrupt(child: &mut Child) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status:?}");
}

/// Ends the process; what it has logged.
async fn log_of(mut child: Child) -> String {
    interrupt(&mut child).await;
    let mut text = String::new();
    let mut stderr = child.stderr.take().unwrap();
    tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut text).await.unwrap();
    text
}

async fn first_lines(child: &mut Child, count: usize) -> Vec<String> {
    let mut reader = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    while lines.len() < count {
        match timeout(PATIENCE, reader.next_line()).await.unwrap().unwrap() {
            Some(line) => lines.push(line),
            None => break,
        }
    }
    if lines.len() < count {
        let mut text = String::new();
        let mut stderr = child.stderr.take().unwrap();
        tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut text).await.unwrap();
        panic!("the process ended after {lines:?}: {text}");
    }
    lines
}
