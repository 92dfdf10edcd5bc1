//! Where the database is and how the pool behaves.
//!
//! | variable | meaning |
//! |---|---|
//! | `DATABASE_URL` | `postgres://user:password@host:port/name`, with `?sslmode=verify-full` outside a laptop |
//! | `DATABASE_HOST`, `DATABASE_PORT`, `DATABASE_NAME`, `DATABASE_SECRET_ARN` | instead: an address (RDS Proxy's), and the secret with `username` and `password`; TLS is `verify-full` |
//! | `DATABASE_SSLMODE`, `DATABASE_CA_FILE` | with `DATABASE_HOST`: another TLS mode where the host is this machine, and a CA file where the server's certificate is not publicly trusted |
//! | `DATABASE_MIGRATION_URL`, or `DATABASE_MIGRATION_HOST` and `DATABASE_MIGRATION_SECRET_ARN` | a direct address for migrations, past the pooler; the secret may differ too |
//! | `DATABASE_MAX_LIFETIME` | how long a connection is used, in seconds: 1500 unless set, at most 1740 |
//! | `DATABASE_MAX_CONNECTIONS` | the size of the pool: 2 on Lambda (a function serves one request at a time), else 10 |
//!
//! A server that is not this machine is spoken to over TLS with its certificate and its name verified (`verify-full`), or not at
//! all. Start-up options (`PGOPTIONS`, `options=`) are refused: RDS Proxy ends or pins such a connection.
//!
//! # Why these numbers
//!
//! | | on Lambda | elsewhere | reason |
//! |---|---|---|---|
//! | connections | 2 | 10 | a function serves one request at a time, and sqlx gives a connection back from a task of its own, which a freeze may hold up: the second one serves the next request meanwhile |
//! | waiting for one | 3 s | 3 s | a third of the 8 s that beginning may take in all, so that a request is answered with 503 before a gateway gives up at 29 s |
//! | idle | 10 min | 10 min | RDS Proxy ends a client's connection that was idle for 1800 s; a thawed function finds it dead, and the retry of `BEGIN` takes another |
//! | life | 25 min | 25 min | certificates, addresses and credentials get a fresh look before the proxy's own limits do it |
//! | statement | 20 s | 20 s | below the 25 s of a request: RDS Proxy knows no cancellation, so the server has to end what nobody waits for |
//! | idle in transaction | 60 s | 60 s | a function that is frozen within a transaction must not hold its locks until it thaws |

use std::{fmt, net::IpAddr, path::Path, str::FromStr, sync::Arc, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{Error, SecretSource};

/// RDS Proxy drops a client connection that was idle for 1800 s; a pool must let go first.
const BELOW_PROXY_IDLE: Duration = Duration::from_secs(1800);

/// Where the database is and how the pool behaves. `Debug` prints no password.
#[derive(Clone)]
pub struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) migration: Option<Endpoint>,
    pub(super) role: Option<String>,
    pub(super) max_connections: u32,
    pub(super) acquire_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) max_lifetime: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) idle_in_transaction_timeout: Duration,
}

/// An address, with a fixed password or a secret to ask for one.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) options: PgConnectOptions,
    pub(super) secret: Option<Arc<dyn SecretSource>>,
}

impl Settings {
    /// Reads the variables of the [module's table](self).
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with one line for each problem.
    pub fn from_environment() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`Settings::from_environment`], from elsewhere. An empty value counts as absent.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with one line for each problem.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        Variables { lookup: &|name| lookup(name).filter(|value| !value.is_empty()), problems: Vec::new() }.read()
    }

    /// A fixed address: `postgres://user:password@host:port/name`.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where it is not such an address. The line does not repeat it: it holds the password.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        let options = parse_url(url).map_err(|problem| Error::Configuration { problems: vec![problem] })?;
        Ok(Self::new(Endpoint { options, secret: None }))
    }

    /// An address whose user and password come from a secret; those in the address are ignored.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_url`].
    pub fn from_url_and_secret(url: &str, secret: Arc<dyn SecretSource>) -> Result<Self, Error> {
        let mut settings = Self::from_url(url)?;
        settings.endpoint.secret = Some(secret);
        Ok(settings)
    }

    /// Uses another address for migrations.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_url`].
    pub fn migration_url(mut self, url: &str) -> Result<Self, Error> {
        self.migration = Some(Self::from_url(url)?.endpoint);
        Ok(self)
    }

    /// The role that every request's transaction takes on: the login has to be a member of it.
    ///
    /// Rights then belong to a role that owns no table, so that no statement of a handler can switch row level security off, and
    /// that stays when the login changes, as it does at each rotation with alternating users.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where it is not lower-case letters, digits and underscores: it stands in the text of `SET`.
    pub fn role(mut self, role: &str) -> Result<Self, Error> {
        self.role = Some(checked_role(role).map_err(|problem| Error::Configuration { problems: vec![problem] })?);
        Ok(self)
    }

    /// How many connections at most, at least 1.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// How long a request waits for a connection. 3 s by default.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How long a connection may lie idle: below the 1800 s after which RDS Proxy drops it. 10 min by default.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout.min(BELOW_PROXY_IDLE - Duration::from_secs(60));
        self
    }

    /// How long a connection is used in all: below the 1800 s of RDS Proxy as well. 25 min by default.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime.min(BELOW_PROXY_IDLE - Duration::from_secs(60));
        self
    }

    /// How long one statement may run; zero is for ever. 20 s by default, below the time-out of a request: a request that was
    /// given up leaves its statement running, since RDS Proxy knows no cancellation.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long a transaction may sit between two statements before the server ends it; zero is for ever. 60 s by default: a
    /// frozen Lambda function would hold its locks until it thaws.
    pub fn idle_in_transaction_timeout(mut self, timeout: Duration) -> Self {
        self.idle_in_transaction_timeout = timeout;
        self
    }

    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            migration: None,
            role: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(600),
            max_lifetime: BELOW_PROXY_IDLE - Duration::from_secs(300),
            statement_timeout: Duration::from_secs(20),
            idle_in_transaction_timeout: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("address", &self.endpoint.address())
            .field("secret", &self.endpoint.secret.is_some())
            .field("migration", &self.migration.as_ref().map(Endpoint::address))
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Host, port and name, without user or password.
    pub(super) fn address(&self) -> String {
        let name = self.options.get_database().unwrap_or_default();
        match self.options.get_socket() {
            Some(socket) => format!("{}/{name}", socket.display()),
            None => format!("{}:{}/{name}", self.options.get_host(), self.options.get_port()),
        }
    }
}

fn parse_url(url: &str) -> Result<PgConnectOptions, String> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("the database address is not of the form postgres://user:password@host:port/name".into());
    }
    // sqlx's error texts name the faulty parameter and repeat no password.
    let options =
        PgConnectOptions::from_str(url).map_err(|error| format!("the database address cannot be read: {error}"))?;
    if options.get_options().is_some() {
        return Err(
            "start-up options (`options=` in the address, or PGOPTIONS) do not pass RDS Proxy: remove them".into()
        );
    }
    verified(&options)?;
    Ok(options)
}

/// Credentials and rows cross a network only after the server has proved who it is.
fn verified(options: &PgConnectOptions) -> Result<(), String> {
    if matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) || is_this_machine(options) {
        return Ok(());
    }
    Err(format!(
        "{} is another machine, so its certificate has to be verified: sslmode=verify-full",
        options.get_host()
    ))
}

fn is_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `SET LOCAL ROLE` takes no parameter, so the name stands in the text.
fn checked_role(role: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if role.is_empty() || role.len() > 63 || !role.bytes().all(fits) {
        return Err("the role of the database is not lower-case letters, digits and underscores, at most 63".into());
    }
    Ok(role.to_owned())
}

/// Collects every problem before it gives up.
struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Variables<'_> {
    fn read(mut self) -> Result<Settings, Error> {
        let endpoint = self.endpoint();
        let migration = self.migration(endpoint.as_ref());
        let connections = self.connections();
        let lifetime = self.lifetime();
        match endpoint {
            Some(endpoint) if self.problems.is_empty() => {
                let mut settings = Settings::new(endpoint).max_connections(connections);
                settings.migration = migration;
                if let Some(lifetime) = lifetime {
                    settings = settings.max_lifetime(lifetime);
                }
                Ok(settings)
            }
            _ => Err(Error::Configuration { problems: self.problems }),
        }
    }

    fn endpoint(&mut self) -> Option<Endpoint> {
        match (self.get("DATABASE_URL"), self.get("DATABASE_HOST")) {
            (Some(_), Some(_)) => self.problem("DATABASE_URL and DATABASE_HOST are both set: set one of them"),
            (Some(url), None) => {
                if self.get("DATABASE_SECRET_ARN").is_some() {
                    return self.problem(
                        "DATABASE_SECRET_ARN goes with DATABASE_HOST and DATABASE_NAME, not with DATABASE_URL",
                    );
                }
                self.fixed("DATABASE_URL", &url)
            }
            (None, Some(host)) => {
                let options = self.address("DATABASE_HOST", &host, "DATABASE_PORT");
                let secret = self.secret("DATABASE_SECRET_ARN");
                Some(Endpoint { options: options?, secret: Some(secret?) })
            }
            (None, None) => self.problem(
                "no database is configured: set DATABASE_URL, or DATABASE_HOST, DATABASE_NAME and DATABASE_SECRET_ARN",
            ),
        }
    }

    fn migration(&mut self, service: Option<&Endpoint>) -> Option<Endpoint> {
        match (self.get("DATABASE_MIGRATION_URL"), self.get("DATABASE_MIGRATION_HOST")) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                self.problem("DATABASE_MIGRATION_URL and DATABASE_MIGRATION_HOST are both set: set one of them")
            }
            (Some(url), None) => self.fixed("DATABASE_MIGRATION_URL", &url),
            (None, Some(host)) => {
                let options = self.address("DATABASE_MIGRATION_HOST", &host, "DATABASE_PORT");
                let secret = match self.get("DATABASE_MIGRATION_SECRET_ARN") {
                    Some(_) => self.secret("DATABASE_MIGRATION_SECRET_ARN"),
                    None => service.and_then(|endpoint| endpoint.secret.clone()),
                };
                Some(Endpoint { options: options?, secret })
            }
        }
    }

    fn fixed(&mut self, name: &str, url: &str) -> Option<Endpoint> {
        match parse_url(url) {
            Ok(options) => Some(Endpoint { options, secret: None }),
            Err(problem) => self.problem(format!("{name}: {problem}")),
        }
    }

    fn address(&mut self, host_name: &str, host: &str, port_name: &str) -> Option<PgConnectOptions> {
        let mut options = PgConnectOptions::new_without_pgpass().host(host).port(5432);
        if host.contains(['/', ':', '@']) {
            self.note(format!("{host_name} is a host name only, without scheme, port or user"));
        }
        if options.get_options().is_some() {
            self.note("PGOPTIONS is set, and RDS Proxy refuses start-up options: unset it");
        }
        match self.get(port_name).map(|port| port.parse::<u16>()) {
            None => {}
            Some(Ok(port)) if port > 0 => options = options.port(port),
            Some(_) => self.note(format!("{port_name} is not a port: a number from 1 to 65535")),
        }
        match self.get("DATABASE_NAME") {
            Some(name) => options = options.database(&name),
            None => self.note("DATABASE_NAME is not set: the name of the database on DATABASE_HOST"),
        }
        match self.get("DATABASE_SSLMODE").map(|mode| mode.parse::<PgSslMode>()) {
            None => options = options.ssl_mode(PgSslMode::VerifyFull),
            Some(Ok(mode)) => {
                options = options.ssl_mode(mode);
                if let Err(problem) = verified(&options) {
                    self.note(format!("DATABASE_SSLMODE: {problem}"));
                }
            }
            Some(Err(_)) => {
                self.note("DATABASE_SSLMODE is not one of disable, prefer, require, verify-ca, verify-full");
            }
        }
        match self.get("DATABASE_CA_FILE") {
            Some(file) if Path::new(&file).is_file() => options = options.ssl_root_cert(file),
            Some(file) => self.note(format!("DATABASE_CA_FILE: there is no file {file}")),
            None => {}
        }
        Some(options)
    }

    #[cfg(feature = "aws")]
    fn secret(&mut self, name: &str) -> Option<Arc<dyn SecretSource>> {
        match self.get(name) {
            Some(secret) => Some(Arc::new(super::SecretsManager::new(secret))),
            None => {
                self.problem(format!("{name} is not set: the secret with the user and the password of the database"))
            }
        }
    }

    #[cfg(not(feature = "aws"))]
    fn secret(&mut self, _name: &str) -> Option<Arc<dyn SecretSource>> {
        self.problem("this build reads no secret from AWS (feature `aws`): set DATABASE_URL instead of DATABASE_HOST")
    }

    fn connections(&mut self) -> u32 {
        let default = if self.get("AWS_LAMBDA_FUNCTION_NAME").is_some() { 2 } else { 10 };
        match self.get("DATABASE_MAX_CONNECTIONS").map(|number| number.parse::<u32>()) {
            None => default,
            Some(Ok(number)) if (1..=1000).contains(&number) => number,
            Some(_) => {
                self.note("DATABASE_MAX_CONNECTIONS is not a number from 1 to 1000");
                default
            }
        }
    }

    fn lifetime(&mut self) -> Option<Duration> {
        match self.get("DATABASE_MAX_LIFETIME")?.parse::<u64>() {
            Ok(seconds) if (1..=1740).contains(&seconds) => Some(Duration::from_secs(seconds)),
            _ => self.problem("DATABASE_MAX_LIFETIME is not a number of seconds from 1 to 1740"),
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    fn note(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn problem<T>(&mut self, problem: impl Into<String>) -> Option<T> {
        self.note(problem);
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::from_variables(lookup).map_err(|error| match error {
            Error::Configuration { problems } => problems,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn every_problem_is_one_line() {
        let problems = |variables: &[(&str, &str)]| read(variables).unwrap_err();
        assert!(problems(&[])[0].starts_with("no database is configured: set DATABASE_URL"));
        assert_eq!(problems(&[("DATABASE_URL", "")]).len(), 1);
        assert!(problems(&[("DATABASE_URL", "mysql://u:hunter2@h/d")])[0].contains("postgres://user:password@host"));
        let many = problems(&[
            ("DATABASE_HOST", "db:1"),
            ("DATABASE_PORT", "70000"),
            ("DATABASE_SSLMODE", "maybe"),
            ("DATABASE_CA_FILE", "/nonexistent/ca.pem"),
            ("DATABASE_MAX_CONNECTIONS", "0"),
        ]);
        assert_eq!(many.len(), 7, "{many:#?}");
        assert!(many.iter().all(|line| !line.contains('\n') && !line.contains("hunter2")), "{many:#?}");
        assert_eq!(problems(&[("DATABASE_URL", "postgres://a@b/c"), ("DATABASE_HOST", "b")]).len(), 1);
        assert_eq!(problems(&[("DATABASE_URL", "postgres://a@b/c"), ("DATABASE_SECRET_ARN", "arn")]).len(), 1);
        for role in ["", "App", "app; RESET ROLE", "app\"", &"a".repeat(64)] {
            assert!(Settings::from_url("postgres://a@localhost/c").unwrap().role(role).is_err(), "{role:?}");
        }
    }

    #[test]
    fn another_machine_is_verified_or_not_spoken_to() {
        let accepted = |url: &str| read(&[("DATABASE_URL", url)]).is_ok();
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"] {
            assert!(accepted(&format!("postgres://a:b@{host}/c")), "{host}");
            assert!(accepted(&format!("postgres://a:b@{host}/c?sslmode=disable")), "{host}");
        }
        for host in ["db.example.org", "10.0.0.1", "localhost.example.org", "128.0.0.1"] {
            assert!(accepted(&format!("postgres://a:b@{host}/c?sslmode=verify-full")), "{host}");
            for mode in ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"] {
                let problems = read(&[("DATABASE_URL", &format!("postgres://a:hunter2@{host}/c{mode}"))]).unwrap_err();
                assert!(
                    problems[0].contains("sslmode=verify-full") && !problems[0].contains("hunter2"),
                    "{problems:?}"
                );
            }
        }
        assert!(!accepted("postgres://a:b@localhost/c?options=-c%20search_path%3Dx"));
    }

    #[test]
    fn no_password_is_printed() {
        for url in
            ["postgres://u:hunter2@h:6/d", "postgres://u:hunter2@h:6/d?sslmode=nonsense", "postgres://u:hunter2@h:x/d"]
        {
            let printed = match read(&[("DATABASE_URL", url)]) {
                Ok(settings) => format!("{settings:?}"),
                Err(problems) => format!("{problems:?}"),
            };
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }

    #[test]
    fn the_pool_is_small_on_lambda_and_lets_go_before_the_proxy_does() {
        let url = ("DATABASE_URL", "postgres://a@localhost/c");
        assert_eq!(read(&[url]).unwrap().max_connections, 10);
        assert_eq!(read(&[url, ("AWS_LAMBDA_FUNCTION_NAME", "api")]).unwrap().max_connections, 2);
        let settings = read(&[url, ("DATABASE_MAX_CONNECTIONS", "3")]).unwrap().idle_timeout(Duration::from_secs(9999));
        assert_eq!(settings.max_connections, 3);
        assert!(settings.idle_timeout < BELOW_PROXY_IDLE && settings.max_lifetime < BELOW_PROXY_IDLE);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn an_address_with_a_secret_verifies_the_server() {
        let settings = read(&[
            ("DATABASE_HOST", "proxy.example.org"),
            ("DATABASE_NAME", "app"),
            ("DATABASE_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"),
            ("DATABASE_MIGRATION_HOST", "db.example.org"),
        ])
        .unwrap();
        assert_eq!(settings.endpoint.address(), "proxy.example.org:5432/app");
        assert!(matches!(settings.endpoint.options.get_ssl_mode(), PgSslMode::VerifyFull));
        assert!(settings.endpoint.secret.is_some());
        assert_eq!(settings.migration.as_ref().unwrap().address(), "db.example.org:5432/app");
        assert!(settings.migration.unwrap().secret.is_some(), "the service's secret, where there is no other");
    }
}
