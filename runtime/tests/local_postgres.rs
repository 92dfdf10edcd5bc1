//! The private Postgres: what it keeps, what it cleans up, and whom it lets in.

#![cfg(all(unix, feature = "local"))]
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_types, reason = "tests look at the database past the service")]

use std::io::Write as _;
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use specwright_runtime::local::postgres::{Error, LocalPostgres, Options};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

async fn ask(url: &str, statement: &str) -> Result<String, sqlx::Error> {
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    let answer = sqlx::query_scalar(statement).fetch_one(&mut connection).await;
    connection.close().await?;
    answer
}

async fn run(url: &str, statement: &str) {
    let mut connection = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The process id of the server on a folder.
fn pid(directory: &Path) -> Option<u32> {
    fs::read_to_string(directory.join("data/postmaster.pid")).ok()?.lines().next()?.parse().ok()
}

fn lives(pid: u32) -> bool {
    Command::new("sh").args(["-c", "kill -0 \"$0\" 2>/dev/null", &pid.to_string()]).status().unwrap().success()
}

fn kill(pid: u32) {
    Command::new("sh").args(["-c", "kill -KILL \"$0\"", &pid.to_string()]).status().unwrap();
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn data_stays_from_one_start_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let first = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap();
    run(first.url(), "CREATE TABLE t AS SELECT 'kept' AS word").await;
    let (server, directory) = (pid(first.directory()).unwrap(), first.directory().to_owned());
    first.stop().await.unwrap();
    assert!(!lives(server));
    assert!(pid(&directory).is_none(), "it stopped by itself, and not by force");

    // A crash leaves a file that may name a process of somebody else by now: here, this test.
    fs::write(
        directory.join("data/postmaster.pid"),
        format!("{}\n{}/data\n1\n1\n", std::process::id(), directory.display()),
    )
    .unwrap();
    let second = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap();
    assert_eq!(ask(second.url(), "SELECT word FROM t").await.unwrap(), "kept");
    let server = pid(second.directory()).unwrap();
    drop(second);
    assert!(!lives(server), "dropping waits for the end");
}

#[tokio::test]
async fn only_the_owner_gets_in() {
    let postgres = LocalPostgres::start(Options::temporary()).await.unwrap();
    let password = postgres.directory().join("password");
    assert_eq!(fs::metadata(&password).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ask(postgres.url(), "SHOW listen_addresses").await.unwrap(), "127.0.0.1");
    assert_eq!(ask(postgres.url(), "SHOW password_encryption").await.unwrap(), "scram-sha-256");
    for role in ["app", "postgres"] {
        let wrong = format!("postgres://{role}:wrong@127.0.0.1:{}/app?sslmode=disable", postgres.port());
        let error = ask(&wrong, "SELECT 'in'").await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "28P01", "{role}");
    }
    let rights = "SELECT concat(rolsuper, rolbypassrls, rolcreaterole) FROM pg_roles WHERE rolname = current_user";
    assert_eq!(
        ask(postgres.url(), rights).await.unwrap(),
        "fft",
        "row level security applies to the service, which makes a role for its requests"
    );
}

#[tokio::test]
async fn each_test_can_have_a_database() {
    let postgres = LocalPostgres::start(Options::temporary()).await.unwrap();
    let template = postgres.create_database("template_a").await.unwrap();
    run(&template, "CREATE TABLE t (word text); INSERT INTO t VALUES ('copied')").await;
    let since = Instant::now();
    let copies = ["copy_1", "copy_2", "copy_3"].map(|name| postgres.copy_database("template_a", name));
    for url in futures_util::future::try_join_all(copies).await.unwrap() {
        assert_eq!(ask(&url, "SELECT word FROM t").await.unwrap(), "copied");
    }
    println!("three copies, each asked once: {:?}", since.elapsed());
    run(&postgres.url_of("copy_1"), "DELETE FROM t").await;
    assert_eq!(ask(&postgres.url_of("copy_2"), "SELECT count(*)::text FROM t").await.unwrap(), "1");
    postgres.drop_database("copy_1").await.unwrap();
    assert!(ask(&postgres.url_of("copy_1"), "SELECT 'there'").await.is_err());
    for hostile in ["a; DROP DATABASE app", "A", "", "1a", "a\"b", &"a".repeat(64)] {
        assert!(matches!(postgres.create_database(hostile).await, Err(Error::Name { .. })), "{hostile}");
    }

    let directory = postgres.directory().to_owned();
    postgres.stop().await.unwrap();
    assert!(!directory.exists(), "a temporary folder goes with its server");
}

#[tokio::test]
async fn a_second_start_attaches_and_leaves_the_server_alone() {
    let folder = tempfile::tempdir().unwrap();
    let starts = [0, 1, 2].map(|_| LocalPostgres::start(Options::in_directory(folder.path())));
    let servers = futures_util::future::try_join_all(starts).await.unwrap();
    assert_eq!(servers.iter().filter(|server| !server.is_attached()).count(), 1);
    let (attached, owner): (Vec<_>, Vec<_>) = servers.into_iter().partition(LocalPostgres::is_attached);
    for server in attached {
        assert_eq!(server.port(), owner[0].port());
        server.stop().await.unwrap();
    }
    assert_eq!(ask(owner[0].url(), "SELECT 'alive'").await.unwrap(), "alive");
}

#[tokio::test]
async fn a_server_whose_shell_was_killed_is_stopped_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap();
    run(first.url(), "CREATE TABLE t AS SELECT 'kept' AS word").await;
    let orphan = pid(first.directory()).unwrap();
    let output = Command::new("ps").args(["-o", "ppid=", "-p", &orphan.to_string()]).output().unwrap();
    let shell = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    kill(shell);
    // Forgotten without closing the pipe, as a process dies that is killed together with its shell. Its lock goes with it, so
    // the lock's file is replaced.
    fs::remove_file(first.directory().join("lock")).unwrap();
    std::mem::forget(first);
    assert!(lives(orphan));

    let second = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap();
    assert!(!second.is_attached() && !lives(orphan));
    assert_eq!(ask(second.url(), "SELECT word FROM t").await.unwrap(), "kept");
}

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
#[ignore = "runs within another test"]
async fn owner() {
    let postgres = LocalPostgres::start(Options::in_directory(env::var_os("FOLDER").unwrap())).await.unwrap();
    fs::write(Path::new(&env::var_os("FOLDER").unwrap()).join("ready"), postgres.url()).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_server_ends_when_its_owner_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "owner"])
        .env("FOLDER", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the owner is ready", || folder.path().join("ready").exists());
    let server = pid(folder.path()).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("the server ends", || !lives(server));
}

#[tokio::test]
async fn data_of_another_version_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let error = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap_err();
    let line = error.to_string();
    assert!(matches!(error, Error::Version { data: 9, .. }), "{line}");
    assert!(line.contains("written by Postgres 9") && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_in_one_line() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = LocalPostgres::start(Options::temporary().port(port)).await.unwrap_err();
    assert!(matches!(error, Error::Port { port: found } if found == port), "{error}");
}

#[tokio::test]
async fn an_interrupted_first_start_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data.new")).unwrap();
    fs::write(folder.path().join("data.new/half"), "x").unwrap();
    fs::write(folder.path().join("password"), "of the first attempt").unwrap();
    let postgres = LocalPostgres::start(Options::in_directory(folder.path())).await.unwrap();
    assert_eq!(ask(postgres.url(), "SELECT 'up'").await.unwrap(), "up");
}

#[tokio::test]
async fn a_folder_that_only_root_can_enter_is_no_obstacle() {
    let root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
    if !root {
        let _ = writeln!(std::io::stderr(), "skipped: only root has folders that its Postgres cannot enter");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let wanted = folder.path().join("data of root");
    let postgres = LocalPostgres::start(Options::in_directory(&wanted)).await.unwrap();
    let directory = postgres.directory().to_owned();
    assert_ne!(directory, wanted);
    assert_eq!(ask(postgres.url(), "SELECT 'up'").await.unwrap(), "up");
    postgres.stop().await.unwrap();
    let again = LocalPostgres::start(Options::in_directory(&wanted)).await.unwrap();
    assert_eq!(again.directory(), directory, "the same folder, the same data");
    again.stop().await.unwrap();
    fs::remove_dir_all(directory).unwrap();
}
