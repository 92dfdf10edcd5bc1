//! What a transaction accepts: sqlx's query types, each made to run as an unnamed statement.

use futures_util::future::BoxFuture;
use sqlx::{
    Execute, FromRow, Postgres,
    error::BoxDynError,
    postgres::{PgArguments, PgRow, PgStatement},
    query::{Map, Query, QueryAs, QueryScalar},
};

use super::{Error, Transaction};

/// A query that a [`Transaction`] runs: `sqlx::query`, `sqlx::query_as`, `sqlx::query_scalar`, what the
/// `query!` macros make, or a constant SQL text without parameters. Not implementable elsewhere.
pub trait Statement<'q>: sealed::Sealed + Send + Sized {
    /// What a row becomes.
    type Output: Send;

    // Boxed, as sqlx does itself: with opaque futures the compiler cannot prove a handler's future to be `Send`
    // (rust-lang/rust#100013).
    #[doc(hidden)]
    fn one<'e>(self, transaction: &'e mut Transaction) -> BoxFuture<'e, Result<Self::Output, Error>>
    where
        'q: 'e,
        Self: 'e;

    #[doc(hidden)]
    fn optional<'e>(self, transaction: &'e mut Transaction) -> BoxFuture<'e, Result<Option<Self::Output>, Error>>
    where
        'q: 'e,
        Self: 'e;

    #[doc(hidden)]
    fn all<'e>(self, transaction: &'e mut Transaction) -> BoxFuture<'e, Result<Vec<Self::Output>, Error>>
    where
        'q: 'e,
        Self: 'e;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! statement {
    ([$($generics:tt)*] $type:ty => $output:ty $(, $($bounds:tt)+)?) => {
        impl<'q, $($generics)*> sealed::Sealed for $type $(where $($bounds)+)? {}

        impl<'q, $($generics)*> Statement<'q> for $type $(where $($bounds)+)? {
            type Output = $output;

            fn one<'e>(self, transaction: &'e mut Transaction) -> BoxFuture<'e, Result<Self::Output, Error>>
            where
                'q: 'e,
                Self: 'e,
            {
                Box::pin(async move { Ok(self.fetch_one(transaction).await?) })
            }

            fn optional<'e>(self, transaction: &'e mut Transaction) -> BoxFuture<'e, Result<Option<Self::Output>, Error>>
            where
                'q: 'e,
                Self: 'e,
            {
                Box::pin(async move { Ok(self.fetch_optional(transaction).await?) })
            }

            fn all<'e>(self, transaction: &'e mut Transaction) -> BoxFuture<'e, Result<Vec<Self::Output>, Error>>
            where
                'q: 'e,
                Self: 'e,
            {
                Box::pin(async move { Ok(self.fetch_all(transaction).await?) })
            }
        }
    };
}

statement!([] Query<'q, Postgres, PgArguments> => PgRow);
statement!([O] QueryAs<'q, Postgres, O, PgArguments> => O, O: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'q);
statement!([O] QueryScalar<'q, Postgres, O, PgArguments> => O, O: Send + Unpin + 'q, (O,): for<'r> FromRow<'r, PgRow> + Send + Unpin);
statement!([F, O] Map<'q, Postgres, F, PgArguments> => O, F: FnMut(PgRow) -> Result<O, sqlx::Error> + Send + 'q, O: Send + Unpin + 'q);

/// Any query, as an unnamed statement. sqlx has no switch for that on a connection, only one per query.
pub(super) struct Unnamed<E>(pub(super) E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unnamed<E> {
    fn sql(&self) -> &'q str {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement<'q>> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}
