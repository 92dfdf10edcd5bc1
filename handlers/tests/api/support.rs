//! What every test starts with: a service of its own on a database of its own, and clients of several people.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use api_client::{Client as TypedClient, Credentials, Error, ResponseValue};
use axum::Router;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use handlers::{
    App, Config,
    startup::{MIGRATIONS, connect},
};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use specwright_runtime::{
    auth::{Authenticator, Organization},
    database::{Database, Settings},
    local::{
        issuer::{LocalIssuer, TokenRequest},
        postgres::{LocalPostgres, Options},
    },
    serve,
    webhook::Verifier,
};
use sqlx::{Connection as _, PgConnection};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OnceCell, oneshot, watch},
};
use uuid::Uuid;

/// What Clerk signs its messages to a test's service with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHM=";

/// A service on a socket of its own and a database of its own. It ends when it is dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) database_url: String,
    /// The router that the socket serves.
    pub(crate) router: Router,
    _stop: oneshot::Sender<()>,
    postgres: Arc<Postgres>,
}

/// Somebody who talks to a service.
pub(crate) struct Person {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl Service {
    /// A service as `cargo run` starts it, answers checked against the contract.
    pub(crate) async fn start() -> Self {
        Self::start_with(|url| url, |_| {}).await
    }

    /// The same with another clock.
    pub(crate) async fn start_at(clock: &TestClock) -> Self {
        let clock = clock.clone();
        Self::start_with(|url| url, move |config| config.clock = Arc::new(move || *clock.0.lock().unwrap())).await
    }

    /// The same with something between it and its database.
    pub(crate) async fn start_behind(proxy: &Proxy) -> Self {
        Self::start_with(|url| proxy.stand_before(&url), |_| {}).await
    }

    /// The same with another pool.
    pub(crate) async fn start_on(pool: impl FnOnce(Settings) -> Settings) -> Self {
        let (postgres, database_url) = database().await;
        let settings = pool(Settings::from_url(&database_url).unwrap());
        Self::serve(postgres, database_url, settings, |_| {}).await
    }

    /// The same where API keys are judged.
    pub(crate) async fn start_with_api_keys(api_keys: Arc<dyn Authenticator>) -> Self {
        Self::start_with(|url| url, |config| config.api_keys = api_keys).await
    }

    /// The same with a relay of a test's own between it and its database, and what the relay tells.
    pub(crate) async fn start_through<T, F: Future<Output = (String, T)>>(
        relay: impl FnOnce(String) -> F,
    ) -> (Self, T) {
        let (postgres, database_url) = database().await;
        let (url, told) = relay(database_url.clone()).await;
        (Self::serve(postgres, database_url, four_connections(&url), |_| {}).await, told)
    }

    async fn start_with(reach: impl FnOnce(String) -> String, change: impl FnOnce(&mut Config)) -> Self {
        let (postgres, database_url) = database().await;
        let url = reach(database_url.clone());
        Self::serve(postgres, database_url, four_connections(&url), change).await
    }

    async fn serve(
        postgres: Arc<Postgres>,
        database_url: String,
        settings: Settings,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let verifier = issuer().verifier().build().unwrap();
        let mut config = Config::new(connect(settings).unwrap(), Arc::new(verifier));
        config.validate_responses = true;
        config.webhooks = Some(Arc::new(Verifier::new([WEBHOOK_SECRET]).unwrap()));
        change(&mut config);
        let router = App::build(config).unwrap();
        let served = router.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            serve::listen(served, listener, stopped).await;
        });
        Self { address, database_url, router, _stop: stop, postgres }
    }

    /// A person without organization.
    pub(crate) fn client(&self, user: &str) -> Person {
        self.with_token(&issuer().mint(&TokenRequest::new(user)).unwrap())
    }

    /// A person in an organization.
    pub(crate) fn client_in(&self, user: &str, organization: Organization) -> Person {
        self.with_token(&issuer().mint(&TokenRequest::new(user).organization(organization)).unwrap())
    }

    /// Somebody without a token.
    pub(crate) fn anonymous(&self) -> Person {
        Person::new(self.address, None)
    }

    /// Whoever has this token.
    pub(crate) fn with_token(&self, token: &str) -> Person {
        Person::new(self.address, Some(token.to_owned()))
    }

    /// A connection of the superuser, past row level security.
    pub(crate) async fn admin(&self) -> PgConnection {
        let mut admin = reqwest::Url::parse(&self.postgres.server.admin_url()).unwrap();
        admin.set_path(reqwest::Url::parse(&self.database_url).unwrap().path());
        PgConnection::connect(admin.as_str()).await.unwrap()
    }

    /// A text out of the database, seen by the superuser.
    pub(crate) async fn text_of(&self, sql: &str) -> Option<String> {
        sqlx::query_scalar(sql).fetch_one(&mut self.admin().await).await.unwrap()
    }

    /// A number out of the database, seen by a user through the role of the service. The role owns the tables, so that this asks
    /// about FORCE ROW LEVEL SECURITY too.
    pub(crate) async fn count_as_application(&self, user: &str, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.database_url).await.unwrap();
        let begin = format!("BEGIN; SET LOCAL app.user_id = '{user}'");
        sqlx::raw_sql(&begin).execute(&mut connection).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }
}

fn four_connections(url: &str) -> Settings {
    Settings::from_url(url).unwrap().max_connections(4)
}

impl Person {
    pub(crate) fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self { base: format!("http://{address}"), token, http: reqwest::Client::new() }
    }

    /// The generated client.
    pub(crate) fn typed(&self) -> TypedClient {
        let credentials = match &self.token {
            Some(token) => Credentials::none().clerk_session(token.as_str()),
            None => Credentials::none(),
        };
        TypedClient::with_client(&self.base, self.http.clone(), credentials)
    }

    /// A request as no generated client sends it. `target` is a path with its query.
    pub(crate) fn send(&self, method: Method, target: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{target}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Creates a task.
    pub(crate) async fn create_task(&self, title: &str) -> Uuid {
        self.create("/tasks", &serde_json::json!({ "title": title })).await
    }

    /// Creates a project.
    pub(crate) async fn create_project(&self, key: &str) -> Uuid {
        self.create("/projects", &serde_json::json!({ "key": key, "name": key })).await
    }

    /// Uploads an attachment.
    pub(crate) async fn upload(&self, task: Uuid, name: &'static str, bytes: &'static [u8]) -> Uuid {
        let file = api_client::Upload::new(bytes).file_name(name);
        let form = api_client::UploadAttachmentForm { file, description: None };
        self.typed().upload_attachment(&task, form).await.unwrap().id
    }

    async fn create(&self, target: &str, body: &Value) -> Uuid {
        let answer = self.send(Method::POST, target).json(body).answer().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().parse().unwrap()
    }
}

/// Sends a request and reads the answer to its end.
pub(crate) trait Sends {
    async fn answer(self) -> Answer;
}

impl Sends for RequestBuilder {
    async fn answer(self) -> Answer {
        let response = self.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Pointer and keyword of every violation, sorted.
    pub(crate) fn violations(&self) -> Vec<(&str, &str)> {
        let problem: Problem<'_> = serde_json::from_slice(&self.body).unwrap();
        let mut violations: Vec<_> = problem.errors.iter().map(|error| (error.pointer, error.keyword)).collect();
        violations.sort_unstable();
        violations
    }

    /// Whether this is a problem as the contract says, with this status.
    pub(crate) fn assert_problem(&self, status: StatusCode) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem: api_types::Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, i32::from(status.as_u16()));
        assert!(!problem.title.is_empty());
        assert!(problem.instance.is_some_and(|instance| instance.starts_with("urn:request:")), "{}", self.text());
    }
}

/// Just enough of a problem to borrow its violations.
#[derive(serde::Deserialize)]
struct Problem<'a> {
    #[serde(borrow, default)]
    errors: Vec<Violation<'a>>,
}

#[derive(serde::Deserialize)]
struct Violation<'a> {
    pointer: &'a str,
    keyword: &'a str,
}

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Utc::now())))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

/// The status that the typed client was refused with.
pub(crate) fn refused<T, E: std::fmt::Debug>(outcome: Result<ResponseValue<T>, Error<E>>) -> StatusCode {
    match outcome {
        Ok(response) => panic!("was not refused: {}", response.status()),
        Err(error) => error.status().unwrap_or_else(|| panic!("{error:?}")),
    }
}

/// A stream, read to its end.
pub(crate) async fn bytes_of(stream: api_client::ByteStream) -> Vec<u8> {
    stream
        .into_inner()
        .try_fold(Vec::new(), |mut all, part| async move {
            all.extend_from_slice(&part);
            Ok(all)
        })
        .await
        .unwrap()
}

/// The issuer of this test process; its key is made once.
pub(crate) fn issuer() -> &'static LocalIssuer {
    static ISSUER: OnceLock<LocalIssuer> = OnceLock::new();
    ISSUER.get_or_init(|| LocalIssuer::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("issuer")).unwrap())
}

/// The Postgres of this test process. It stops with the last test that uses it: what is in a static is never dropped.
pub(crate) struct Postgres {
    server: LocalPostgres,
    template: OnceCell<()>,
}

/// A database with all migrations, in a Postgres that all tests of the process share.
pub(crate) async fn database() -> (Arc<Postgres>, String) {
    static SHARED: tokio::sync::Mutex<Weak<Postgres>> = tokio::sync::Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    let postgres = match shared.upgrade() {
        Some(postgres) => postgres,
        None => {
            let server = LocalPostgres::start(Options::temporary()).await.unwrap();
            let postgres = Arc::new(Postgres { server, template: OnceCell::new() });
            *shared = Arc::downgrade(&postgres);
            postgres
        }
    };
    drop(shared);
    postgres
        .template
        .get_or_init(|| async {
            let url = postgres.server.create_database("template_api").await.unwrap();
            let database = Database::connect(Settings::from_url(&url).unwrap()).unwrap();
            database.migrate(&MIGRATIONS).await.unwrap();
            database.close().await;
        })
        .await;
    let name = format!("api_{}", Uuid::new_v4().simple());
    let url = postgres.server.copy_database("template_api", &name).await.unwrap();
    (postgres, url)
}

/// Stands between a service and its database, and can be cut.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: watch::Sender<Option<(String, u16)>>,
    up: Arc<AtomicBool>,
    cut: watch::Sender<u32>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (target, seen) = watch::channel(None);
        let (cut, cuts) = watch::channel(0);
        let up = Arc::new(AtomicBool::new(true));
        let alive = Arc::clone(&up);
        tokio::spawn(async move {
            while let Ok((mut inward, _)) = listener.accept().await {
                let (seen, mut cuts, alive) = (seen.clone(), cuts.clone(), Arc::clone(&alive));
                tokio::spawn(async move {
                    let Some((host, port)): Option<(String, u16)> = seen.borrow().clone() else { return };
                    if !alive.load(Ordering::SeqCst) {
                        return;
                    }
                    cuts.mark_unchanged();
                    let mut outward = TcpStream::connect((host.as_str(), port)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut inward, &mut outward) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, target, up, cut }
    }

    /// Learns where the database is; the address that leads through here.
    fn stand_before(&self, url: &str) -> String {
        let mut url = reqwest::Url::parse(url).unwrap();
        self.target.send_replace(Some((url.host_str().unwrap().to_owned(), url.port().unwrap())));
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    /// Breaks every connection and takes no more.
    pub(crate) fn cut(&self) {
        self.up.store(false, Ordering::SeqCst);
        self.cut.send_modify(|count| *count += 1);
    }

    /// Takes connections again.
    pub(crate) fn restore(&self) {
        self.up.store(true, Ordering::SeqCst);
    }
}
