//! What the service is deployed with, on 127.0.0.1: each part real but two, PgBouncer for RDS Proxy and moto for Secrets Manager.

use std::{
    env, fs,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use api_client::{Client, Credentials};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use serde_json::{Value, json};
use specwright_runtime::local::{
    issuer::{LocalIssuer, TokenRequest},
    pgbouncer::{Certificate, Options as PoolerOptions, PgBouncer},
    postgres::{LocalPostgres, Options},
};
use sqlx::{Connection as _, PgConnection};
use tokio::process::{Child, Command};

/// How long anything may take to come up; a debug build on a busy machine needs its time.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program that this machine does not have.
pub(crate) struct Missing(pub(crate) &'static str);

pub(crate) struct Stack {
    postgres: Option<LocalPostgres>,
    pooler: PgBouncer,
    service: Child,
    moto: Child,
    moto_url: String,
    fetches: Arc<AtomicU32>,
    address: String,
    token: String,
    certificate: Certificate,
    folder: tempfile::TempDir,
    version: u32,
}

impl Stack {
    pub(crate) async fn start() -> Result<Self, Missing> {
        let folder = tempfile::tempdir().unwrap();
        let certificate = certificate(folder.path()).await.ok_or(Missing("openssl"))?;
        let (moto, moto_url) = moto().await.ok_or(Missing("moto (python3 -m pip install moto flask flask-cors)"))?;
        let postgres = LocalPostgres::start(postgres_options(folder.path(), &certificate)).await.unwrap();
        let options = PoolerOptions::default().server_connections(8).tls(certificate.clone());
        let pooler = PgBouncer::start(postgres.url(), options).await.unwrap();
        let pooler = pooler.ok_or(Missing("pgbouncer (apt install pgbouncer)"))?;

        let password = password_of(postgres.url());
        call(&moto_url, "CreateSecret", &secret_version("app", &password, 1)).await;
        let (fetches, endpoint) = counting(&moto_url).await;

        let issuer = LocalIssuer::open(&folder.path().join("issuer")).unwrap();
        let token = issuer.mint(&TokenRequest::new("user_soak").expires_in(Duration::from_hours(1))).unwrap();
        let port = free_port();
        let mut service = Command::new(env!("CARGO_BIN_EXE_api"));
        service.env_clear().envs([
            ("PORT", port.to_string()),
            ("DATABASE_HOST", "localhost".to_owned()),
            ("DATABASE_PORT", pooler.port().to_string()),
            ("DATABASE_NAME", "app".to_owned()),
            ("DATABASE_SECRET_ARN", SECRET.to_owned()),
            ("DATABASE_CA_FILE", certificate.authority.display().to_string()),
            // So short that both rotations meet new connections within the soak.
            ("DATABASE_MAX_LIFETIME", "5".to_owned()),
            ("CLERK_JWT_KEY", issuer.public_key().to_owned()),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("RUST_LOG", "warn".to_owned()),
        ]);
        let log = fs::File::create(folder.path().join("service.log")).unwrap();
        service.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        let service = service.spawn().unwrap();
        let address = format!("http://127.0.0.1:{port}");
        let mut stack = Self {
            postgres: Some(postgres),
            pooler,
            service,
            moto,
            moto_url,
            fetches,
            address,
            token,
            certificate,
            folder,
            version: 1,
        };
        stack.wait_until_ready().await;
        Ok(stack)
    }

    pub(crate) fn client(&self) -> Client {
        let credentials = Credentials::none().clerk_session(self.token.as_str());
        Client::with_client(&self.address, reqwest::Client::new(), credentials)
    }

    /// How often the service has read the secret.
    pub(crate) fn secret_fetches(&self) -> u32 {
        self.fetches.load(Ordering::SeqCst)
    }

    /// As Secrets Manager rotates a single user: the new version is pending, the database learns it, the version becomes current.
    pub(crate) async fn rotate_single_user(&mut self) {
        self.version += 1;
        let password = format!("rotated-{}", self.version);
        self.put_pending("app", &password).await;
        self.administer(&format!("ALTER ROLE app PASSWORD '{password}'")).await;
        self.pooler.set_users(&[("app", &password)]).unwrap();
        // In this window the current version is the wrong one.
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.make_current().await;
    }

    /// As Secrets Manager rotates alternating users: another login with the same rights becomes current, and the one before it
    /// goes on working until the next rotation.
    pub(crate) async fn rotate_to_another_user(&mut self) {
        self.version += 1;
        let password = format!("rotated-{}", self.version);
        let before = format!("rotated-{}", self.version - 1);
        self.put_pending("app_clone", &password).await;
        self.administer(&format!("CREATE ROLE app_clone LOGIN PASSWORD '{password}' IN ROLE app")).await;
        self.pooler.set_users(&[("app", &before), ("app_clone", &password)]).unwrap();
        self.make_current().await;
        // The one before it is taken away too, which Secrets Manager does not do: it must not be needed any more.
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.administer("ALTER ROLE app PASSWORD 'nobody-knows'").await;
        self.pooler.set_users(&[("app", "nobody-knows"), ("app_clone", &password)]).unwrap();
    }

    pub(crate) async fn restart_pooler(&mut self) {
        self.pooler.restart().await.unwrap();
    }

    /// A failover as a client sees it: every connection breaks, nobody answers for a moment, and then somebody does.
    pub(crate) async fn restart_postgres(&mut self) {
        let postgres = self.postgres.take().unwrap();
        let port = postgres.port();
        postgres.stop().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let options = postgres_options(self.folder.path(), &self.certificate).port(port);
        self.postgres = Some(LocalPostgres::start(options).await.unwrap());
    }

    /// Each of these titles is in the table exactly once, and no title is there twice.
    pub(crate) async fn assert_written_once(&self, titles: &[String]) {
        let mut admin = self.admin().await;
        let sql = "SELECT title, count(*) FROM tasks GROUP BY title";
        let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut admin).await.unwrap();
        let twice: Vec<_> = rows.iter().filter(|(_, count)| *count != 1).collect();
        assert!(twice.is_empty(), "written twice: {twice:?}");
        let written: std::collections::HashSet<&str> = rows.iter().map(|(title, _)| title.as_str()).collect();
        let lost: Vec<_> = titles.iter().filter(|title| !written.contains(title.as_str())).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.service.kill().await;
        let _ = self.moto.kill().await;
        if let Some(postgres) = self.postgres.take() {
            postgres.stop().await.unwrap();
        }
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = reqwest::get(format!("{}/health/ready", self.address)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let log = || fs::read_to_string(self.folder.path().join("service.log")).unwrap();
            assert!(matches!(self.service.try_wait(), Ok(None)), "the service has ended: {}", log());
            assert!(Instant::now() < deadline, "the service is not ready: {}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn put_pending(&self, user: &str, password: &str) {
        let mut version = secret_version(user, password, self.version);
        version["SecretId"] = SECRET.into();
        version["VersionStages"] = json!(["AWSPENDING"]);
        call(&self.moto_url, "PutSecretValue", &version).await;
    }

    async fn make_current(&self) {
        let move_label = json!({
            "SecretId": SECRET,
            "VersionStage": "AWSCURRENT",
            "MoveToVersionId": version_id(self.version),
            "RemoveFromVersionId": version_id(self.version - 1),
        });
        call(&self.moto_url, "UpdateSecretVersionStage", &move_label).await;
    }

    async fn administer(&self, statement: &str) {
        let mut admin = self.admin().await;
        sqlx::raw_sql(statement).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
    }

    async fn admin(&self) -> PgConnection {
        let url = self.postgres.as_ref().unwrap().admin_url();
        PgConnection::connect(&url.replace("/postgres?", "/app?")).await.unwrap()
    }
}

/// The secret's name; an ARN would do as well.
const SECRET: &str = "database";

fn secret_version(user: &str, password: &str, version: u32) -> Value {
    json!({
        "Name": SECRET,
        "SecretString": json!({ "username": user, "password": password, "engine": "postgres" }).to_string(),
        "ClientRequestToken": version_id(version),
    })
}

fn version_id(version: u32) -> String {
    format!("00000000-0000-0000-0000-{version:012}")
}

fn postgres_options(folder: &Path, certificate: &Certificate) -> Options {
    Options::in_directory(folder.join("postgres")).tls(&certificate.certificate, &certificate.key)
}

fn password_of(url: &str) -> String {
    reqwest::Url::parse(url).unwrap().password().unwrap().to_owned()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority and a certificate of `localhost`.
async fn certificate(folder: &Path) -> Option<Certificate> {
    let file = |name: &str| folder.join(name).display().to_string();
    let openssl = async |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().await.is_ok_and(|status| status.success())
    };
    let (authority, authority_key) = (file("authority.crt"), file("authority.key"));
    let (own, own_key, request, names) = (file("own.crt"), file("own.key"), file("own.csr"), file("names.cnf"));
    fs::write(&names, "subjectAltName = DNS:localhost, IP:127.0.0.1\n").unwrap();
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let made = openssl(
        &[&["req", "-x509"][..], &new_key, &["-keyout", &authority_key, "-out", &authority, "-subj", "/CN=soak"]]
            .concat(),
    )
    .await
        && openssl(
            &[&["req"][..], &new_key, &["-keyout", &own_key, "-out", &request, "-subj", "/CN=localhost"]].concat(),
        )
        .await
        && openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &authority,
            "-CAkey",
            &authority_key,
            "-CAcreateserial",
            "-out",
            &own,
            "-extfile",
            &names,
        ])
        .await;
    made.then(|| Certificate { certificate: own.into(), key: own_key.into(), authority: authority.into() })
}

/// moto's server, from the packages in the folder that `MOTO_PYTHONPATH` names or from Python's own.
async fn moto() -> Option<(Child, String)> {
    let port = free_port();
    let mut command = Command::new("python3");
    if let Some(folder) = env::var_os("MOTO_PYTHONPATH") {
        command.env("PYTHONPATH", folder);
    }
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut process = command.spawn().ok()?;
    let url = format!("http://127.0.0.1:{port}/");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if reqwest::get(format!("{url}moto-api/")).await.is_ok() {
            return Some((process, url));
        }
        if !matches!(process.try_wait(), Ok(None)) {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("moto does not come up");
}

/// An operation of Secrets Manager's JSON protocol.
async fn call(url: &str, operation: &str, input: &Value) {
    let request = reqwest::Client::new()
        .post(url)
        .header("x-amz-target", format!("secretsmanager.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host, \
             Signature=0",
        )
        .body(input.to_string());
    let answer = request.send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{operation}: {status} {}", answer.text().await.unwrap());
}

/// Stands before moto and counts how often a secret is read.
async fn counting(moto: &str) -> (Arc<AtomicU32>, String) {
    let fetches = Arc::new(AtomicU32::new(0));
    let state = (Arc::clone(&fetches), moto.to_owned(), reqwest::Client::new());
    let router = Router::new().route("/", post(forward)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (fetches, format!("http://{address}"))
}

async fn forward(
    State((fetches, moto, client)): State<(Arc<AtomicU32>, String, reqwest::Client)>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    if headers.get("x-amz-target").is_some_and(|target| target == "secretsmanager.GetSecretValue") {
        fetches.fetch_add(1, Ordering::SeqCst);
    }
    let mut request = client.post(moto).body(body);
    for name in ["x-amz-target", "content-type", "authorization"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, [("content-type", "application/x-amz-json-1.1")], answer.bytes().await.unwrap())
}
