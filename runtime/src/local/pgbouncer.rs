//! PgBouncer in front of a Postgres, for tests: what a transaction pooler does to statements, one finds out with one.
//!
//! It stands in for RDS Proxy: transaction mode, SCRAM, TLS where asked for, and few connections to the server, so that clients
//! really share them. Debian's 1.18 knows nothing of named statements, which makes it the stricter of the two.
//!
//! ```ignore
//! let Some(pooler) = PgBouncer::start(postgres.url(), Options::default()).await? else { return };   // not installed
//! let database = Database::connect(Settings::from_url(pooler.url())?)?;
//! ```

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use super::postgres::{Error, account};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the pooler runs.
#[derive(Clone, Debug)]
pub struct Options {
    server_connections: u32,
    certificate: Option<Certificate>,
}

/// Files for TLS, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority that the other side's certificate has to come from.
    pub authority: PathBuf,
}

/// A running PgBouncer. Dropped, it is killed.
#[derive(Debug)]
pub struct PgBouncer {
    program: PathBuf,
    process: Option<Child>,
    port: u16,
    url: String,
    folder: TempDir,
}

impl Default for Options {
    fn default() -> Self {
        Self { server_connections: 4, certificate: None }
    }
}

impl Options {
    /// How many connections to the server its clients share. 4 by default.
    pub fn server_connections(mut self, connections: u32) -> Self {
        self.server_connections = connections.max(1);
        self
    }

    /// TLS on both sides: asked of clients, and verified in full of the server, which is reached by the name `localhost`.
    pub fn tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

impl PgBouncer {
    /// Starts one in front of the server of an address; every database of the server can be reached through it, by the user of
    /// the address. `None` where the machine has no PgBouncer (Debian: apt install pgbouncer).
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what it printed where it does not come up, [`Error::Io`].
    pub async fn start(server: &str, options: Options) -> Result<Option<Self>, Error> {
        let Some(program) = find() else { return Ok(None) };
        let server = Server::parse(server)?;
        let folder = tempfile::tempdir().map_err(|source| Error::Io { path: env::temp_dir(), source })?;
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|source| Error::Io { path: folder.path().to_owned(), source })?.port();
        let mode = if options.certificate.is_some() { "verify-full" } else { "disable" };
        let host = if options.certificate.is_some() { "localhost" } else { "127.0.0.1" };
        let Server { user, password, name, .. } = &server;
        let url = format!("postgres://{user}:{password}@{host}:{port}/{name}?sslmode={mode}");
        let mut pooler = Self { program, process: None, port, url, folder };
        pooler.write("users.txt", &entry(user, password))?;
        let configuration = pooler.configuration(&server, &options)?;
        pooler.write("pgbouncer.ini", &configuration)?;
        pooler.run().await?;
        Ok(Some(pooler))
    }

    /// The address of the database that was named at the start, through the pooler. With TLS, a client also needs the authority
    /// (`sslrootcert`).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Replaces the list of users and their passwords, as the real one learns of a rotated secret.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn set_users(&self, users: &[(&str, &str)]) -> Result<(), Error> {
        self.write("users.txt", &users.iter().map(|(user, password)| entry(user, password)).collect::<String>())?;
        if let Some(process) = &self.process {
            // The signal for reading the files again.
            let done = Command::new("kill").args(["-HUP", &process.id().to_string()]).status();
            done.map_err(|source| Error::Io { path: self.folder.path().to_owned(), source })?;
        }
        Ok(())
    }

    /// Kills it, with every connection, and starts it again on the same port.
    ///
    /// # Errors
    ///
    /// As [`PgBouncer::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        self.run().await
    }

    async fn run(&mut self) -> Result<(), Error> {
        let io = |source| Error::Io { path: self.program.clone(), source };
        let log_path = self.folder.path().join("log");
        let log = fs::File::options().create(true).append(true).open(&log_path).map_err(io)?;
        let mut command = Command::new(&self.program);
        // It refuses to run as root.
        if account::is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg("-q").arg(self.folder.path().join("pgbouncer.ini"));
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().map_err(io)?;
        let deadline = Instant::now() + PATIENCE;
        let came_up = loop {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                break true;
            }
            if !matches!(process.try_wait(), Ok(None)) || Instant::now() >= deadline {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        self.process = Some(process);
        if came_up {
            return Ok(());
        }
        let said = fs::read_to_string(log_path).unwrap_or_default();
        Err(Error::Failed { what: "starting PgBouncer".into(), detail: said.trim().replace('\n', "; ") })
    }

    fn configuration(&self, server: &Server, options: &Options) -> Result<String, Error> {
        let Options { server_connections, certificate } = options;
        let folder = self.folder.path().display();
        let host = if certificate.is_some() { "localhost" } else { "127.0.0.1" };
        let mut text = format!(
            "[databases]\n* = host={host} port={server_port}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {folder}/users.txt\npool_mode = transaction\n\
             default_pool_size = {server_connections}\nmax_client_conn = 1000\n\
             ignore_startup_parameters = extra_float_digits\nserver_login_retry = 1\n",
            server_port = server.port,
            port = self.port,
        );
        if let Some(Certificate { certificate, key, authority }) = certificate {
            for (from, to) in [(certificate, "server.crt"), (key, "server.key"), (authority, "authority.crt")] {
                let content = fs::read_to_string(from).map_err(|source| Error::Io { path: from.clone(), source })?;
                self.write(to, &content)?;
            }
            text += &format!(
                "client_tls_sslmode = require\nclient_tls_cert_file = {folder}/server.crt\n\
                 client_tls_key_file = {folder}/server.key\nserver_tls_sslmode = verify-full\n\
                 server_tls_ca_file = {folder}/authority.crt\n"
            );
        }
        Ok(text)
    }

    /// The user that it runs as reads the folder; nobody else is on a machine where that matters.
    fn write(&self, name: &str, content: &str) -> Result<(), Error> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join(name);
        let mode = if account::is_root() { 0o755 } else { 0o700 };
        let written = fs::write(&path, content)
            .and_then(|()| fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(mode)));
        written.map_err(|source| Error::Io { path, source })
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Server {
    user: String,
    password: String,
    port: u16,
    name: String,
}

impl Server {
    /// sqlx reads everything of an address but does not tell the password.
    fn parse(url: &str) -> Result<Self, Error> {
        let failed = || Error::Failed { what: "reading the address of the server".into(), detail: "it is none".into() };
        let options: PgConnectOptions = url.parse().map_err(|_| failed())?;
        let (credentials, _) = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).ok_or_else(failed)?;
        let (_, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let password = percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned();
        Ok(Self {
            user: options.get_username().to_owned(),
            password,
            port: options.get_port(),
            name: options.get_database().unwrap_or(options.get_username()).to_owned(),
        })
    }
}

/// A line of the list of users (PgBouncer's documentation, "Authentication file format").
fn entry(user: &str, password: &str) -> String {
    format!("\"{}\" \"{}\"\n", user.replace('"', "\"\""), password.replace('"', "\"\""))
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| Path::is_file(program))
}
