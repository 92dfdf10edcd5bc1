//! What a request transaction costs beside the pool that one would use without a pooler: the same query, interleaved, in one run.
//!
//! ```sh
//! cargo run --profile bench --package specwright-runtime --all-features --example database_cost
//! ```
//!
//! Once against a server on this machine, where work counts, and once behind a relay that holds every message for 5 ms each way,
//! where round trips count.

#![allow(clippy::disallowed_types, reason = "the naive pool is what this compares with")]

use std::time::{Duration, Instant};

use specwright_runtime::{
    auth::UserId,
    database::{Database, Scope, ScopedFutureExt as _, Settings},
    local::postgres::{LocalPostgres, Options},
};
use sqlx::{PgPool, postgres::PgPoolOptions, query_scalar};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    sync::mpsc,
};

const HOLD: Duration = Duration::from_millis(5);
const QUERY: &str = "SELECT count(*) FROM pg_class WHERE relname = $1";

#[tokio::main]
async fn main() {
    let postgres = LocalPostgres::start(Options::temporary()).await.expect("the local Postgres starts");
    println!("| | naive pool | `read` | `begin`, query, `commit` |\n|---|---|---|---|");
    measure("same machine", postgres.url(), 2000).await;
    let address = relay(postgres.port()).await;
    let far = postgres.url().replace(&postgres.port().to_string(), &address.to_string());
    measure("5 ms each way", &far, 60).await;
    postgres.stop().await.expect("the local Postgres stops");
}

async fn measure(what: &str, url: &str, rounds: usize) {
    let naive = PgPoolOptions::new().max_connections(1).connect(url).await.expect("the database answers");
    let settings = Settings::from_url(url).expect("a local address is accepted").max_connections(1);
    let database = Database::connect(settings).expect("connecting is lazy");
    let user = UserId::from_verified("user_1").expect("an id");
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..rounds + rounds / 10 {
        let taken = [naively(&naive).await, reading(&database, &user).await, writing(&database, &user).await];
        // The first tenth warms up.
        if round >= rounds / 10 {
            for (times, taken) in times.iter_mut().zip(taken) {
                times.push(taken);
            }
        }
    }
    let [naive, read, write] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let ratio = |time: Duration| time.as_secs_f64() / naive.as_secs_f64();
    println!(
        "| {what}, median of {rounds} | {naive:.1?} | {read:.1?} ({:.1}x) | {write:.1?} ({:.1}x) |",
        ratio(read),
        ratio(write)
    );
}

async fn naively(pool: &PgPool) -> Duration {
    let since = Instant::now();
    let _: i64 = query_scalar(QUERY).bind("t").fetch_one(pool).await.expect("the query is right");
    let taken = since.elapsed();
    settle().await;
    taken
}

async fn reading(database: &Database, user: &UserId) -> Duration {
    let since = Instant::now();
    let count = database.read(Scope::User(user), |transaction| {
        transaction.fetch_one(query_scalar::<_, i64>(QUERY).bind("t")).scope_boxed()
    });
    count.await.expect("the query is right");
    let taken = since.elapsed();
    settle().await;
    taken
}

async fn writing(database: &Database, user: &UserId) -> Duration {
    let since = Instant::now();
    let mut transaction = database.begin(Scope::User(user)).await.expect("the database answers");
    let query = query_scalar::<_, i64>(QUERY).bind("t");
    transaction.fetch_one(query).await.expect("the query is right");
    transaction.commit().await.expect("nothing failed");
    let taken = since.elapsed();
    settle().await;
    taken
}

/// sqlx gives a connection back in a task of its own, with a round trip: not part of what a request waits for.
async fn settle() {
    tokio::time::sleep(HOLD * 3).await;
}

/// A relay to the server that holds what passes; its port.
async fn relay(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.expect("the server listens");
            for stream in [&client, &server] {
                stream.set_nodelay(true).expect("a TCP socket takes it");
            }
            let ((client_read, client_write), (server_read, server_write)) = (client.into_split(), server.into_split());
            hold(client_read, server_write);
            hold(server_read, client_write);
        }
    });
    port
}

fn hold(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length) = from.read(&mut buffer).await {
            let due = tokio::time::Instant::now() + HOLD;
            if length == 0 || sender.send((due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}
