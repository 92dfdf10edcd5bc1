//! A private Postgres for `cargo run` and for tests: started in a moment, reachable from this machine only, gone with its
//! owner.
//!
//! The server listens on 127.0.0.1 with SCRAM and a random password, kept in a file that only its owner reads. Two roles:
//! `postgres`, the superuser that makes databases, and `app`, which owns the service's database and, like the first user of an
//! RDS instance, may make roles but is no superuser, so that row level security applies to it.
//!
//! ```ignore
//! let postgres = LocalPostgres::start(Options::in_directory(".specwright")).await?;   // keeps its data
//! let database = Database::connect(Settings::from_url(postgres.url())?)?;
//! ...
//! postgres.stop().await?;
//! ```
//!
//! A small shell holds the server and a pipe from this process. When the pipe closes, because this process stopped the server
//! or because it was killed, the shell ends the server. Where the shell was killed too, the next start on the same folder finds
//! the orphan, stops it and goes on with its data. A second start while the owner lives attaches to the running server.
//!
//! TLS is off unless asked for, since the loopback interface needs none. Not here: replication, Windows outside WSL.

#![allow(clippy::disallowed_types, reason = "the superuser of a private server, without a pooler")]

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    net::TcpListener,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgConnection, PgSslMode},
};
use uuid::Uuid;

pub(super) mod account;
mod binaries;
mod error;
mod server;

pub use self::error::Error;
use self::{
    account::Account,
    binaries::Binaries,
    server::{Launch, Running},
};
use crate::auth::Secret;

/// The database that every start makes sure of, and the role that owns it.
const APP: &str = "app";
/// How long a start may take, from the launch to the first connection.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long a stop may take before it becomes an immediate one.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Where the data is and how the server runs.
#[derive(Clone, Debug)]
pub struct Options {
    directory: PathBuf,
    port: Option<u16>,
    durable: bool,
    temporary: bool,
    binaries: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
}

/// A running server. Dropped, it is stopped, unless it was only attached to.
#[derive(Debug)]
pub struct LocalPostgres {
    directory: PathBuf,
    port: u16,
    major: u32,
    password: Secret,
    url: String,
    owned: Option<Owned>,
}

/// What only the process has that started the server.
#[derive(Debug)]
struct Owned {
    supervisor: Child,
    /// Closing it ends the server.
    leash: Option<ChildStdin>,
    data: PathBuf,
    /// Held as long as the owner lives; the kernel lets go of it when the process dies.
    _lock: File,
}

impl Options {
    /// Keeps the data in a folder, which is made where it is missing.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            port: None,
            durable: true,
            temporary: false,
            binaries: None,
            certificate: None,
        }
    }

    /// For tests: a folder of its own that goes when the server goes, and no waiting for the disk.
    pub fn temporary() -> Self {
        let name = format!("specwright-{}", Uuid::new_v4().simple());
        let directory = std::env::temp_dir().join(name);
        Self { durable: false, temporary: true, ..Self::in_directory(directory) }
    }

    /// A fixed port; otherwise a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The folder of `postgres` and `initdb`; otherwise they are looked for.
    pub fn binaries(mut self, directory: impl Into<PathBuf>) -> Self {
        self.binaries = Some(directory.into());
        self
    }

    /// TLS with a certificate and its key, in PEM, for whoever asks for it. They are copied to the server's data.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }
}

impl LocalPostgres {
    /// Starts a server, or attaches to the one that runs on the same folder. The first start of a folder makes the data, and
    /// where the machine has no Postgres and npm is there, fetches one once.
    ///
    /// # Errors
    ///
    /// See [`Error`]: nothing is left running.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let place = Place::prepare(&options)?;
        let started = Self::start_in(&place, &options).await;
        if started.is_err() && options.temporary {
            // The error has the last lines of the log.
            let _ = fs::remove_dir_all(&place.directory);
        }
        started
    }

    async fn start_in(place: &Place, options: &Options) -> Result<Self, Error> {
        let lock = loop {
            if let Some(lock) = place.lock()? {
                break lock;
            }
            if let Some(attached) = place.attach().await? {
                return Ok(attached);
            }
        };
        place.stop_orphan().await?;
        let binaries = binaries::find(options.binaries.as_deref(), &place.data).await?;
        let password = place.initialise(&binaries).await?;
        if let Some((certificate, key)) = &options.certificate {
            server::install(certificate, "server.crt", &place.data, place.account)?;
            server::install(key, "server.key", &place.data, place.account)?;
        }
        let mut last = None;
        // A free port may be gone by the time the server asks for it.
        for _ in 0..5 {
            let port = options.port.map_or_else(free_port, Ok).map_err(|source| place.io(source))?;
            let launch = Launch {
                binaries: &binaries,
                data: &place.data,
                log: &place.log(),
                port,
                durable: options.durable,
                tls: options.certificate.is_some(),
                account: place.account,
                remove: options.temporary.then_some(place.directory.as_path()),
            };
            match launch.run().await {
                Ok((supervisor, leash)) => {
                    let owned = Owned { supervisor, leash: Some(leash), data: place.data.clone(), _lock: lock };
                    let started = Self::new(place, port, binaries.major, password, Some(owned));
                    started.make_app().await?;
                    tracing::info!(postgres.port = port, postgres.version = binaries.major, "local Postgres is ready");
                    return Ok(started);
                }
                Err(error @ Error::Port { .. }) if options.port.is_none() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.expect("the loop ran, and only continues with an error"))
    }

    /// The address of the service's database, as the role that owns it: no superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of a database, as the role `app`.
    pub fn url_of(&self, database: &str) -> String {
        self.url_as(APP, database)
    }

    /// The address of the database `postgres`, as the superuser.
    pub fn admin_url(&self) -> String {
        self.url_as("postgres", "postgres")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The major version, for example 17.
    pub fn version(&self) -> u32 {
        self.major
    }

    /// Where the data really is: another place than asked for, where Postgres must not run as root and its user cannot enter.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether the server was running already and belongs to another process, which will stop it.
    pub fn is_attached(&self) -> bool {
        self.owned.is_none()
    }

    /// Makes an empty database that `app` owns; the address.
    ///
    /// # Errors
    ///
    /// [`Error::Name`], or [`Error::Sql`] where it exists.
    pub async fn create_database(&self, name: &str) -> Result<String, Error> {
        self.create(name, "template0").await
    }

    /// Makes a copy of a database that nobody is connected to: migrated once, copied for each test in some 30 ms.
    ///
    /// # Errors
    ///
    /// As [`LocalPostgres::create_database`]; also where connections to the template stay open for 5 s.
    pub async fn copy_database(&self, template: &str, name: &str) -> Result<String, Error> {
        self.create(name, checked_name(template)?).await
    }

    /// Removes a database and whoever is connected to it.
    ///
    /// # Errors
    ///
    /// [`Error::Name`], or [`Error::Sql`] where the server refuses.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", checked_name(name)?);
        self.administer("drop the database", &statement).await
    }

    /// Stops the server and waits for it; open transactions are rolled back. Does nothing to a server of another process.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where it is still there after 10 s and a harder stop.
    pub async fn stop(mut self) -> Result<(), Error> {
        let Some(mut owned) = self.owned.take() else { return Ok(()) };
        // The waiting blocks: a fast shutdown takes about 0.1 s, but a server that hangs must not hold up a worker.
        let stopping = tokio::task::spawn_blocking(move || owned.stop());
        stopping.await.map_err(|error| failed("stopping Postgres", &error.to_string()))?
    }

    fn new(place: &Place, port: u16, major: u32, password: Secret, owned: Option<Owned>) -> Self {
        let directory = place.directory.clone();
        let mut started = Self { directory, port, major, password, url: String::new(), owned };
        started.url = started.url_as(APP, APP);
        started
    }

    fn url_as(&self, role: &str, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://{role}:{}@127.0.0.1:{port}/{database}?sslmode=disable", password.expose())
    }

    async fn make_app(&self) -> Result<(), Error> {
        let mut connection =
            connect(self.port, "postgres", &self.password).await.map_err(|source| sql("answer", source))?;
        // The password is hexadecimal, so it cannot end the literal.
        let role = format!(
            "DO $$ BEGIN CREATE ROLE app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{}'; \
             EXCEPTION WHEN duplicate_object THEN NULL; END $$; ALTER ROLE app CREATEROLE",
            self.password.expose()
        );
        sqlx::raw_sql(&role).execute(&mut connection).await.map_err(|source| sql("make the role", source))?;
        let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = 'app'");
        let exists = exists.fetch_optional(&mut connection).await.map_err(|source| sql("list databases", source))?;
        let _ = connection.close().await;
        match exists {
            Some(_) => Ok(()),
            None => self.create_database(APP).await.map(drop),
        }
    }

    async fn create(&self, name: &str, template: &str) -> Result<String, Error> {
        let statement = format!("CREATE DATABASE {} OWNER app TEMPLATE {template}", checked_name(name)?);
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            match self.administer("make the database", &statement).await {
                Ok(()) => return Ok(self.url_of(name)),
                // 55006: a connection to the template is still going away.
                Err(Error::Sql { source, .. }) if has_code(&source, "55006") && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn administer(&self, what: &str, statement: &str) -> Result<(), Error> {
        let mut connection =
            connect(self.port, "postgres", &self.password).await.map_err(|source| sql(what, source))?;
        sqlx::raw_sql(statement).execute(&mut connection).await.map_err(|source| sql(what, source))?;
        let _ = connection.close().await;
        Ok(())
    }
}

impl Owned {
    fn stop(&mut self) -> Result<(), Error> {
        // The shell behind the pipe sends the fast shutdown.
        drop(self.leash.take());
        if self.wait(STOP_PATIENCE) {
            return Ok(());
        }
        if let Some(running) = Running::read(&self.data) {
            running.signal("QUIT");
        }
        if self.wait(STOP_PATIENCE) { Ok(()) } else { Err(failed("stopping Postgres", "it does not end")) }
    }

    fn wait(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !matches!(self.supervisor.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.leash.is_some() {
            // Nobody is left to tell, and the shell goes on trying.
            let _ = self.stop();
        }
    }
}

/// The folder of a server, and who may use it.
struct Place {
    directory: PathBuf,
    data: PathBuf,
    account: Option<Account>,
}

impl Place {
    fn prepare(options: &Options) -> Result<Self, Error> {
        let io = |source| Error::Io { path: options.directory.clone(), source };
        fs::create_dir_all(&options.directory).map_err(io)?;
        let wanted = options.directory.canonicalize().map_err(io)?;
        let (directory, account) = match account::choose(&wanted.join("data"))? {
            None => (wanted, None),
            Some(account) if account.can_enter(&wanted) => (wanted, Some(account)),
            Some(account) => {
                let other = account::public_directory(&wanted);
                fs::create_dir_all(&other).map_err(|source| Error::Io { path: other.clone(), source })?;
                tracing::info!(
                    directory = %other.display(),
                    "the user that Postgres runs as cannot enter the folder: the data is elsewhere"
                );
                (other, Some(account))
            }
        };
        let place = Self { data: directory.join("data"), directory, account };
        if options.temporary {
            place.give_away(&place.directory)?;
        }
        Ok(place)
    }

    fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    fn password_file(&self) -> PathBuf {
        self.directory.join("password")
    }

    /// The owner's lock, or `None` where another process has it.
    fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.directory.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| Error::Io { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(Error::Io { path, source }),
        }
    }

    /// The server of the process that holds the lock, once it is ready. `None` where that process went away meanwhile.
    async fn attach(&self) -> Result<Option<LocalPostgres>, Error> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            if let (Some(running), Ok(password)) = (Running::read(&self.data), self.read_password()) {
                // The database of the service is the last thing that the owner makes.
                if running.ready && connect(running.port, APP, &password).await.is_ok() {
                    let major = binaries::data_version(&self.data).unwrap_or_default();
                    return Ok(Some(LocalPostgres::new(self, running.port, major, password, None)));
                }
            }
            if self.lock()?.is_some() {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let pid = Running::read(&self.data).map_or(0, |running| running.pid);
        Err(Error::Busy { pid, directory: self.directory.clone() })
    }

    /// With the lock in hand nobody owns a server here: one that runs was left behind, and a file of one that does not run
    /// may name a process that is something else by now, which Postgres would take for a server.
    async fn stop_orphan(&self) -> Result<(), Error> {
        let Some(running) = Running::read(&self.data) else { return Ok(()) };
        if !running.serves(&self.data) {
            return fs::remove_file(Running::file(&self.data)).map_err(|source| self.io(source));
        }
        tracing::info!(postgres.pid = running.pid, "a Postgres was left behind on this folder: stopping it");
        for signal in ["INT", "QUIT"] {
            running.signal(signal);
            let deadline = Instant::now() + STOP_PATIENCE;
            while Instant::now() < deadline {
                if !running.serves(&self.data) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Err(Error::Busy { pid: running.pid, directory: self.directory.clone() })
    }

    /// The password; at the first start, after making it and the data. An interrupted start leaves no half of it.
    async fn initialise(&self, binaries: &Binaries) -> Result<Secret, Error> {
        if self.data.join("PG_VERSION").is_file() {
            return self.read_password();
        }
        let password = Secret::new(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
        let file = self.password_file();
        let io = |source| Error::Io { path: file.clone(), source };
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let mut written = File::options().write(true).create_new(true).mode(0o600).open(&file).map_err(io)?;
        io::Write::write_all(&mut written, password.expose().as_bytes()).map_err(io)?;
        self.give_away(&file)?;
        let fresh = self.directory.join("data.new");
        server::initialise(binaries, &fresh, &file, self.account).await?;
        fs::rename(&fresh, &self.data).map_err(|source| self.io(source))?;
        Ok(password)
    }

    fn read_password(&self) -> Result<Secret, Error> {
        let path = self.password_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Secret::new(text.trim())),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    fn give_away(&self, path: &Path) -> Result<(), Error> {
        match self.account {
            Some(account) => account.own(path).map_err(|source| Error::Io { path: path.to_owned(), source }),
            None => Ok(()),
        }
    }

    fn io(&self, source: io::Error) -> Error {
        Error::Io { path: self.directory.clone(), source }
    }
}

/// Connects as a role to the database of the same name.
async fn connect(port: u16, role: &str, password: &Secret) -> Result<PgConnection, sqlx::Error> {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(role)
        .password(password.expose())
        .database(role)
        .ssl_mode(PgSslMode::Disable);
    match tokio::time::timeout(Duration::from_secs(10), options.connect()).await {
        Ok(connected) => connected,
        Err(_) => Err(sqlx::Error::Io(ErrorKind::TimedOut.into())),
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|found| found == code)
}

/// Names of databases stand in statements that take no parameters.
fn checked_name(name: &str) -> Result<&str, Error> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if starts && name.len() <= 63 && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(Error::Name { name: name.to_owned() })
    }
}

fn sql(what: &str, source: sqlx::Error) -> Error {
    Error::Sql { what: what.to_owned(), source }
}

/// The last lines of what a program printed, on one line.
fn failed(what: &str, output: &str) -> Error {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let detail = lines[lines.len().saturating_sub(4)..].join("; ");
    Error::Failed { what: what.to_owned(), detail }
}
