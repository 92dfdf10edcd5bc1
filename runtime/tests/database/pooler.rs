//! Right answers behind a transaction pooler.
//!
//! PgBouncer 1.18 stands in for RDS Proxy: more clients than server connections, each protocol transaction on whichever is
//! free. Eight statements with the same types tell whose answer came back. The control runs the same statements the way sqlx
//! does by itself, and has to fail: otherwise this proves nothing.

use std::io::Write as _;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use specwright_runtime::database::{Database, Scope, Settings};
use sqlx::{PgPool, postgres::PgPoolOptions, query_as};

use super::fresh_url;

const CLIENTS: u32 = 24;
const QUERIES: u32 = 60;

/// One text for each `kind`; what it answers tells which one ran.
const STATEMENTS: [&str; 8] = [
    "SELECT 0::int8, $1::int8",
    "SELECT 1::int8, $1::int8",
    "SELECT 2::int8, $1::int8",
    "SELECT 3::int8, $1::int8",
    "SELECT 4::int8, $1::int8",
    "SELECT 5::int8, $1::int8",
    "SELECT 6::int8, $1::int8",
    "SELECT 7::int8, $1::int8",
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    right: u32,
    wrong: u32,
    errors: u32,
}

impl Tally {
    fn add(&mut self, outcome: &Result<bool, String>) {
        match outcome {
            Ok(true) => self.right += 1,
            Ok(false) => self.wrong += 1,
            Err(_) => self.errors += 1,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_gets_the_answer_of_another_statement() {
    let url = fresh_url().await;
    let Some(bouncer) = Bouncer::start(&url) else { return };
    let settings = Settings::from_url(&bouncer.url).unwrap().max_connections(CLIENTS);
    let database = Database::connect(settings.acquire_timeout(Duration::from_secs(8))).unwrap();
    connect_all(&database).await;
    let tally = stress(move |kind, value| {
        let database = database.clone();
        async move {
            let mut transaction = database.begin(Scope::Public).await.map_err(|error| format!("{error:?}"))?;
            let row = transaction.fetch_one(query_as::<_, (i64, i64)>(STATEMENTS[kind]).bind(value)).await;
            let row = row.map_err(|error| format!("{error:?}"))?;
            transaction.commit().await.map_err(|error| format!("{error:?}"))?;
            Ok(row == (i64::try_from(kind).unwrap(), value))
        }
    })
    .await;
    assert_eq!(tally, Tally { right: CLIENTS * QUERIES, wrong: 0, errors: 0 });

    let control = control(&bouncer.url).await;
    assert!(control.wrong > 0, "the control was right by chance, so the pooler does not mix anything: {control:?}");
}

/// A connection for each client before the stress, which is not about connecting: that costs 4096 rounds of SHA-256 each, slow in
/// a debug build.
async fn connect_all(database: &Database) {
    let connect = || async { database.begin(Scope::Public).await?.rollback().await };
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let outcomes = join_all((0..CLIENTS).map(|_| connect())).await;
        let Some(error) = outcomes.into_iter().find_map(Result::err) else { return };
        assert!(Instant::now() < deadline, "the pooler does not answer: {error:?}");
    }
}

/// Unnamed statements outside a transaction: the usual advice for poolers.
async fn control(url: &str) -> Tally {
    let pool: PgPool = PgPoolOptions::new().max_connections(CLIENTS).connect(url).await.unwrap();
    stress(move |kind, value| {
        let pool = pool.clone();
        async move {
            let query = query_as::<_, (i64, i64)>(STATEMENTS[kind]).bind(value).persistent(false);
            let row = query.fetch_one(&pool).await.map_err(|error| error.to_string())?;
            Ok(row == (i64::try_from(kind).unwrap(), value))
        }
    })
    .await
}

async fn stress<F, R>(ask: F) -> Tally
where
    F: Fn(usize, i64) -> R + Clone + Send + 'static,
    R: Future<Output = Result<bool, String>> + Send,
{
    let clients = (0..CLIENTS).map(|client| {
        let ask = ask.clone();
        tokio::spawn(async move {
            let mut tally = Tally::default();
            for query in 0..QUERIES {
                let kind = (client + query) as usize % STATEMENTS.len();
                let outcome = ask(kind, i64::from(client * 1000 + query)).await;
                if let Err(error) = &outcome
                    && tally.errors == 0
                {
                    eprintln!("client {client}: {error}");
                }
                tally.add(&outcome);
            }
            tally
        })
    });
    let mut sum = Tally::default();
    for tally in join_all(clients).await {
        let Tally { right, wrong, errors } = tally.unwrap();
        sum = Tally { right: sum.right + right, wrong: sum.wrong + wrong, errors: sum.errors + errors };
    }
    sum
}

/// A PgBouncer in front of one database, with four connections to it.
struct Bouncer {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Bouncer {
    /// `None`, with a line that says so, where the machine has none; CI has to have one.
    fn start(server: &str) -> Option<Self> {
        let Some(program) = find() else {
            assert!(env::var("CI").as_deref() != Ok("true"), "CI has no pgbouncer: apt install pgbouncer");
            let _ = writeln!(std::io::stderr(), "skipped: no pgbouncer on this machine (apt install pgbouncer)");
            return None;
        };
        let server = url_parts(server);
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let users = folder.path().join("users.txt");
        fs::write(&users, format!("\"{}\" \"{}\"\n", server.user, server.password)).unwrap();
        let configuration = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{name} = host=127.0.0.1 port={server_port} dbname={name}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 4\n\
             max_client_conn = 200\nignore_startup_parameters = extra_float_digits\nserver_login_retry = 1\n",
            name = server.name,
            server_port = server.port,
            users = users.display(),
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new(program);
        // It does not run as root, so it gets another user, who has to read its files.
        if Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            command.args(["-u", "nobody"]);
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = command.arg("-q").arg(&configuration).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = process.spawn().unwrap();
        let url =
            format!("postgres://{}:{}@127.0.0.1:{port}/{}?sslmode=disable", server.user, server.password, server.name);
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "{}", fs::read_to_string(folder.path().join("log")).unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { process, url, _folder: folder })
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Parts {
    user: String,
    password: String,
    port: String,
    name: String,
}

/// The parts of `postgres://user:password@127.0.0.1:port/name?...`.
fn url_parts(url: &str) -> Parts {
    let rest = url.strip_prefix("postgres://").unwrap();
    let (credentials, rest) = rest.split_once('@').unwrap();
    let (user, password) = credentials.split_once(':').unwrap();
    let (address, rest) = rest.split_once('/').unwrap();
    let name = rest.split_once('?').unwrap().0;
    let port = address.rsplit_once(':').unwrap().1;
    Parts { user: user.into(), password: password.into(), port: port.into(), name: name.into() }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("pgbouncer"))
        .find(|program: &PathBuf| Path::is_file(program))
}
