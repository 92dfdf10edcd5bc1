//! What can go wrong on the way to Postgres, sorted by what a service can do about it.

use std::error::Error as StdError;

use sqlx::error::{DatabaseError, ErrorKind};

/// Where an error came from.
pub type Source = Box<dyn StdError + Send + Sync>;

/// `read_only_sql_transaction`. Of a transaction that may write, it says that the server does not at present: a primary in the
/// middle of a failover.
pub(super) const READ_ONLY: &str = "25006";

/// What went wrong. Sources are for the log: they may hold SQL, names of tables and addresses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings cannot work. One line per problem, each saying what to set.
    #[error("{}", .problems.join("\n"))]
    Configuration {
        /// The lines.
        problems: Vec<String>,
    },
    /// The caller's id has characters that no setting takes, or is too long.
    #[error("the caller's id cannot stand in a database setting")]
    Scope,
    /// No connection, or one that broke: try again later.
    #[error("the database is unavailable: {reason}")]
    Unavailable {
        /// What was tried.
        reason: String,
        /// What failed.
        #[source]
        source: Option<Source>,
    },
    /// The server refuses the credentials (SQLSTATE class 28), fresh ones included.
    #[error("the database refuses the credentials")]
    Authentication {
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// The secret with the credentials cannot be read.
    #[error("the credentials of the database cannot be read")]
    Secret {
        /// What failed.
        #[source]
        source: Source,
    },
    /// The data breaks a constraint (SQLSTATE class 23).
    #[error("the data breaks a {kind} constraint{}", .constraint.as_deref().map(|name| format!(": {name}")).unwrap_or_default())]
    Constraint {
        /// Which kind.
        kind: ConstraintKind,
        /// Its name in the database, where the server tells.
        constraint: Option<String>,
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// Two transactions got into each other's way (SQLSTATE 40001, 40P01): the whole transaction may be tried again.
    #[error("the transaction collided with another one")]
    Conflict {
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// A statement ran longer than the settings allow (SQLSTATE 57014), or waited too long for a lock (55P03).
    #[error("the statement took too long")]
    Timeout {
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// [`Transaction::fetch_one`](super::Transaction::fetch_one) found no row.
    #[error("no row was found")]
    NotFound,
    /// A statement failed before, so Postgres would answer `COMMIT` by rolling back. Nothing was stored.
    #[error("the transaction cannot be committed, since a statement of it failed")]
    Aborted,
    /// A migration failed, or the database knows another version of it.
    #[error("the migrations cannot be applied")]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// Anything else: a statement that is wrong, a row that does not fit its type.
    #[error("the statement failed")]
    Query(#[source] sqlx::Error),
}

/// Which kind of constraint was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// `UNIQUE` or a primary key (23505).
    Unique,
    /// `REFERENCES` (23503).
    ForeignKey,
    /// `CHECK` (23514), and the policies of row level security (42501 on a new row).
    Check,
    /// `NOT NULL` (23502).
    NotNull,
    /// `EXCLUDE` (23P01).
    Exclusion,
}

impl Error {
    /// The name of the broken constraint, to be mapped to an answer: `Some("tasks_title_key") => 409`.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { constraint, .. } => constraint.as_deref(),
            _ => None,
        }
    }

    /// Whether waiting may help: the answer is 503 with `Retry-After`, and the log needs attention.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Authentication { .. } | Self::Secret { .. })
    }

    /// The five characters that Postgres files the error under, where it was Postgres that said so.
    pub fn sqlstate(&self) -> Option<String> {
        let source = match self {
            Self::Authentication { source } | Self::Constraint { source, .. } => source,
            Self::Conflict { source } | Self::Timeout { source } | Self::Query(source) => source,
            Self::Unavailable { source: Some(source), .. } => source.downcast_ref::<sqlx::Error>()?,
            _ => return None,
        };
        source.as_database_error()?.code().map(String::from)
    }

    pub(super) fn unavailable(reason: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Unavailable { reason: reason.into(), source: Some(source.into()) }
    }
}

impl std::fmt::Display for ConstraintKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::Check => "check",
            Self::NotNull => "not null",
            Self::Exclusion => "exclusion",
        })
    }
}

/// Sorts by SQLSTATE (PostgreSQL documentation, appendix A).
impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(error) => match sort(error.as_ref()) {
                Sorted::ReadOnly => Self::unavailable("the server does not write at present", source),
                Sorted::Unavailable => Self::unavailable("the server ended the connection", source),
                Sorted::Authentication => Self::Authentication { source },
                Sorted::Constraint(kind) => {
                    Self::Constraint { kind, constraint: error.constraint().map(String::from), source }
                }
                Sorted::Conflict => Self::Conflict { source },
                Sorted::Timeout => Self::Timeout { source },
                Sorted::Other => Self::Query(source),
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
                Self::unavailable("the connection broke", source)
            }
            sqlx::Error::PoolTimedOut => Self::unavailable("no connection became free in time", source),
            sqlx::Error::PoolClosed => Self::unavailable("the pool is closed", source),
            _ => Self::Query(source),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(source: sqlx::migrate::MigrateError) -> Self {
        match source {
            sqlx::migrate::MigrateError::Execute(error) => match Self::from(error) {
                unavailable if unavailable.is_unavailable() => unavailable,
                Self::Query(error) => Self::Migration(Box::new(sqlx::migrate::MigrateError::Execute(error))),
                other => other,
            },
            other => Self::Migration(Box::new(other)),
        }
    }
}

pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some(READ_ONLY)
}

enum Sorted {
    ReadOnly,
    Unavailable,
    Authentication,
    Constraint(ConstraintKind),
    Conflict,
    Timeout,
    Other,
}

fn sort(error: &dyn DatabaseError) -> Sorted {
    match error.kind() {
        ErrorKind::UniqueViolation => return Sorted::Constraint(ConstraintKind::Unique),
        ErrorKind::ForeignKeyViolation => return Sorted::Constraint(ConstraintKind::ForeignKey),
        ErrorKind::CheckViolation => return Sorted::Constraint(ConstraintKind::Check),
        ErrorKind::NotNullViolation => return Sorted::Constraint(ConstraintKind::NotNull),
        _ => {}
    }
    let code = error.code().unwrap_or_default();
    let class = code.get(..2).unwrap_or_default();
    match (class, &*code) {
        (_, "23P01") => Sorted::Constraint(ConstraintKind::Exclusion),
        (_, "40001" | "40P01") => Sorted::Conflict,
        (_, "57014" | "55P03") => Sorted::Timeout,
        // A pooler files a refused password under "protocol violation".
        (_, "08P01") if error.message().to_ascii_lowercase().contains("authentication failed") => {
            Sorted::Authentication
        }
        (_, READ_ONLY) => Sorted::ReadOnly,
        ("28", _) => Sorted::Authentication,
        // Connection exceptions; shut-downs and start-ups (57P01 to 57P05); too many connections; idle in transaction (25P03).
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25P03") => Sorted::Unavailable,
        _ => Sorted::Other,
    }
}
