//! One request's transaction: the only thing that runs SQL.
//!
//! Dropped, it rolls back; a handler that returns early has changed nothing. Dropping sends the `ROLLBACK` from a task of its
//! own, which a Lambda function may freeze before it is through, so a handler that has written and changed its mind says
//! [`Transaction::rollback`] and waits.

use std::{borrow::Cow, fmt};

use futures_util::{FutureExt, StreamExt, TryFutureExt, future::BoxFuture, stream::BoxStream};
use sqlx::{
    Describe, Either, Execute, Executor, PgPool, Postgres, TransactionManager,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTransactionManager, PgTypeInfo},
};
use tokio::time::{Duration, Instant};

use super::{
    Error,
    error::READ_ONLY,
    query::{Statement, Unnamed},
    scope::Access,
};

/// A transaction that has begun, in the name of its [`Scope`](super::Scope).
///
/// The methods take sqlx's queries. Where sqlx's own way is needed (streams, macros), `&mut transaction` is an
/// [`Executor`]: `sqlx::query(..).fetch(&mut transaction)`; its errors turn into [`Error`] with `?`.
pub struct Transaction {
    connection: PoolConnection<Postgres>,
    open: bool,
    health: Health,
}

/// What the errors so far say about a transaction.
#[derive(Debug)]
struct Health {
    access: Access,
    failed: bool,
    /// The server does not write at present: it was demoted, and its successor is reached by another connection.
    demoted: bool,
}

impl Transaction {
    /// The one row that the query finds, or the first of several.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where there is none; else what Postgres says.
    pub fn fetch_one<'e, 'q: 'e, S>(&'e mut self, statement: S) -> BoxFuture<'e, Result<S::Output, Error>>
    where
        S: Statement<'q> + 'e,
    {
        let access = self.health.access;
        statement.one(self).map_err(move |error| access.judge(error)).boxed()
    }

    /// The row that the query finds, if there is one.
    ///
    /// # Errors
    ///
    /// What Postgres says.
    pub fn fetch_optional<'e, 'q: 'e, S>(&'e mut self, statement: S) -> BoxFuture<'e, Result<Option<S::Output>, Error>>
    where
        S: Statement<'q> + 'e,
    {
        let access = self.health.access;
        statement.optional(self).map_err(move |error| access.judge(error)).boxed()
    }

    /// All rows, in memory: for lists with a limit. A long result is streamed with sqlx's `fetch(&mut transaction)`.
    ///
    /// # Errors
    ///
    /// What Postgres says.
    pub fn fetch_all<'e, 'q: 'e, S>(&'e mut self, statement: S) -> BoxFuture<'e, Result<Vec<S::Output>, Error>>
    where
        S: Statement<'q> + 'e,
    {
        let access = self.health.access;
        statement.all(self).map_err(move |error| access.judge(error)).boxed()
    }

    /// Runs a statement for its effect: the number of rows that it affected.
    ///
    /// # Errors
    ///
    /// What Postgres says.
    pub fn execute<'e, 'q: 'e, E>(&'e mut self, query: E) -> BoxFuture<'e, Result<u64, Error>>
    where
        E: Execute<'q, Postgres> + 'q,
    {
        let access = self.health.access;
        Executor::execute(self, query)
            .map(move |done| Ok(done.map_err(|error| access.judge(error.into()))?.rows_affected()))
            .boxed()
    }

    /// Makes it last.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] where a statement failed before: Postgres would answer `COMMIT` with a rollback and no error. A
    /// constraint may be `DEFERRED` and fail here. After [`Error::Unavailable`] nobody knows whether it was stored.
    pub async fn commit(mut self) -> Result<(), Error> {
        if self.health.failed {
            self.rollback().await?;
            return Err(Error::Aborted);
        }
        let outcome = PgTransactionManager::commit(&mut self.connection).await;
        // A COMMIT that fails has rolled back.
        self.open = false;
        if outcome.is_err() {
            self.connection.close_on_drop();
        }
        Ok(outcome?)
    }

    /// Undoes it, and waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where the connection broke, which undoes it as well.
    pub async fn rollback(mut self) -> Result<(), Error> {
        let outcome = PgTransactionManager::rollback(&mut self.connection).await;
        self.open = false;
        if outcome.is_err() {
            self.connection.close_on_drop();
        }
        Ok(outcome?)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.health.demoted {
            self.connection.close_on_drop();
        } else if self.open {
            // Queued here, and sent when the connection goes back to the pool.
            PgTransactionManager::start_rollback(&mut self.connection);
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Transaction").field("health", &self.health).finish_non_exhaustive()
    }
}

/// sqlx's side of a transaction: whatever comes, it runs as an unnamed statement, and its failure is remembered.
impl<'c> Executor<'c> for &'c mut Transaction {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Transaction { connection, health, .. } = self;
        let connection: &'c mut sqlx::PgConnection = connection;
        connection.fetch_many(Unnamed(query)).inspect(move |item| health.remember(item.as_ref().err())).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Transaction { connection, health, .. } = self;
        let connection: &'c mut sqlx::PgConnection = connection;
        connection.fetch_optional(Unnamed(query)).inspect(move |found| health.remember(found.as_ref().err())).boxed()
    }

    /// Refused: a prepared statement has a name.
    fn prepare_with<'e, 'q: 'e>(
        self,
        _sql: &'q str,
        _parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement<'q>, sqlx::Error>>
    where
        'c: 'e,
    {
        refused().boxed()
    }

    /// Refused, like `prepare_with`.
    fn describe<'e, 'q: 'e>(self, _sql: &'q str) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        refused().boxed()
    }
}

async fn refused<T>() -> Result<T, sqlx::Error> {
    Err(sqlx::Error::Configuration("a transaction behind a pooler has no named statements".into()))
}

impl Health {
    /// Postgres refuses everything after an error but a rollback to a savepoint: what succeeds later has made it good.
    fn remember(&mut self, error: Option<&sqlx::Error>) {
        self.failed = matches!(error, Some(sqlx::Error::Database(_)));
        if let Some(sqlx::Error::Database(error)) = error {
            self.demoted |= self.access == Access::ReadWrite && error.code().as_deref() == Some(READ_ONLY);
        }
    }
}

/// One try at beginning.
pub(super) struct Attempt<'a> {
    pub(super) pool: &'a PgPool,
    pub(super) access: Access,
    pub(super) statement: &'a str,
    /// How long `BEGIN` may go unanswered.
    pub(super) patience: Duration,
    pub(super) deadline: Instant,
}

impl Attempt<'_> {
    /// The error comes with whether a connection was there and failed at `BEGIN`.
    pub(super) async fn run(self) -> Result<Transaction, (Error, bool)> {
        let acquired = tokio::time::timeout_at(self.deadline, self.pool.acquire()).await;
        let connection = match acquired {
            Ok(acquired) => acquired.map_err(|error| (Error::from(error), false))?,
            Err(_) => return Err((Error::from(sqlx::Error::PoolTimedOut), false)),
        };
        let mut unanswered = Unanswered(Some(connection));
        let begun = {
            let connection = unanswered.0.as_mut().expect("taken below only");
            let begin = PgTransactionManager::begin(connection, Some(Cow::Owned(self.statement.to_owned())));
            tokio::time::timeout_at(self.deadline.min(Instant::now() + self.patience), begin).await
        };
        match begun {
            Ok(Ok(())) => {
                let connection = unanswered.0.take().expect("taken here only");
                let health = Health { access: self.access, failed: false, demoted: false };
                Ok(Transaction { connection, open: true, health })
            }
            Ok(Err(error)) => Err((Error::from(error), true)),
            Err(elapsed) => Err((Error::unavailable("BEGIN was not answered", elapsed), true)),
        }
    }
}

/// A connection that was sent `BEGIN`. Until the answer is in, it must not go back to the pool: sqlx would not know that a
/// transaction is open on it, with the settings of this caller. So where the request is cancelled here, it is closed.
struct Unanswered(Option<PoolConnection<Postgres>>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}
