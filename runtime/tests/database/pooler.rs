//! Right answers behind a transaction pooler.
//!
//! PgBouncer 1.18 stands in for RDS Proxy: more clients than server connections, each protocol transaction on whichever is
//! free. Eight statements with the same types tell whose answer came back. The control runs the same statements the way sqlx
//! does by itself, and has to fail: otherwise this proves nothing.

use std::{
    env,
    io::Write as _,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use specwright_runtime::{
    database::{Database, Scope, Settings},
    local::pgbouncer::{Options, PgBouncer},
};
use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    query_as,
};

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

/// A pooler in front of a database. `None`, with a line that says so, where the machine has none; CI has to have one.
pub(crate) async fn pooler(server: &str) -> Option<PgBouncer> {
    let pooler = PgBouncer::start(server, Options::default()).await.unwrap();
    if pooler.is_none() {
        assert!(env::var("CI").as_deref() != Ok("true"), "CI has no pgbouncer: apt install pgbouncer");
        let _ = writeln!(std::io::stderr(), "skipped: no pgbouncer on this machine (apt install pgbouncer)");
    }
    pooler
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_gets_the_answer_of_another_statement() {
    let Some(bouncer) = pooler(&fresh_url().await).await else { return };
    let settings = Settings::from_url(bouncer.url()).unwrap().max_connections(CLIENTS);
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
}

/// How sqlx can be used, and what a transaction pooler makes of it: each has to go wrong, or the test above proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_unsafe_way_goes_wrong() {
    let Some(bouncer) = pooler(&fresh_url().await).await else { return };
    for way in [
        Way { cache: 100, persistent: true, transaction: false },
        Way { cache: 0, persistent: true, transaction: false },
        Way { cache: 100, persistent: false, transaction: false },
        Way { cache: 0, persistent: false, transaction: false },
        Way { cache: 100, persistent: true, transaction: true },
        Way { cache: 0, persistent: true, transaction: true },
    ] {
        let options: PgConnectOptions = bouncer.url().parse().unwrap();
        let options = options.statement_cache_capacity(way.cache);
        let pool = PgPoolOptions::new().max_connections(CLIENTS).connect_with(options).await.unwrap();
        let tally = stress(move |kind, value| {
            let pool = pool.clone();
            async move { way.ask(&pool, kind, value).await.map_err(|error| error.to_string()) }
        })
        .await;
        eprintln!("{way:?}: {tally:?}");
        assert!(tally.right < CLIENTS * QUERIES, "{way:?} was right by chance, so the pooler mixes nothing: {tally:?}");
        if !way.persistent {
            assert!(tally.wrong > 0, "{way:?} is known to answer with the rows of others: {tally:?}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Way {
    cache: usize,
    persistent: bool,
    transaction: bool,
}

impl Way {
    async fn ask(self, pool: &PgPool, kind: usize, value: i64) -> Result<bool, sqlx::Error> {
        let query = query_as::<_, (i64, i64)>(STATEMENTS[kind]).bind(value).persistent(self.persistent);
        let mut connection = pool.acquire().await?;
        let row = if self.transaction {
            let mut transaction = connection.begin().await?;
            let row = query.fetch_one(&mut *transaction).await?;
            transaction.commit().await?;
            row
        } else {
            query.fetch_one(&mut *connection).await?
        };
        Ok(row == (i64::try_from(kind).unwrap(), value))
    }
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
