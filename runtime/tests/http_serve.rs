//! Serving on a socket: the client's address, draining at the end, slow clients, a port that is taken.
#![cfg(feature = "server")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use specwright_runtime::serve::{self, Error};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn router() -> Router {
    Router::new()
        .route("/client", get(|ConnectInfo(client): ConnectInfo<SocketAddr>| async move { client.ip().to_string() }))
        .route(
            "/slow",
            get(|| async {
                sleep(Duration::from_millis(500)).await;
                "done"
            }),
        )
}

async fn start() -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let server = tokio::spawn(serve::listen(router(), listener, async move {
        let _ = ended.await;
    }));
    (address, end, server)
}

async fn exchange(stream: &mut TcpStream, head: &str) -> String {
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn the_client_address_is_known() {
    let (address, _end, _server) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let answer = exchange(&mut stream, "GET /client HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn requests_under_way_finish_and_new_ones_are_refused() {
    let (address, end, server) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = tokio::spawn(async move { exchange(&mut stream, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await });
    sleep(Duration::from_millis(150)).await;
    end.send(()).unwrap();
    timeout(PATIENCE, server).await.unwrap().unwrap();
    let answer = request.await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_unfinished_head_ends() {
    let (address, _end, _server) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let started = std::time::Instant::now();
    exchange(&mut stream, "GET /client HTTP/1.1\r\nhost: ").await;
    assert!(started.elapsed() > Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_is_not_http_is_a_problem_too() {
    let (address, _end, _server) = start().await;
    let long = format!("GET /client HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(600_000));
    let cases = [
        ("GET /client HTTP/1.1\r\nhost: x\r\ntransfer-encoding: nonsense\r\n\r\n", 400),
        ("GET /client HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n", 400),
        ("GET /client HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        (&long, 431),
    ];
    for (sent, status) in cases {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut answer = Vec::new();
        // Where the head is too large, the connection ends before all of it is sent.
        let (_, read) = tokio::join!(to.write_all(sent.as_bytes()), timeout(PATIENCE, from.read_to_end(&mut answer)));
        let _ = read.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(head.contains("\r\ncontent-type: application/problem+json\r\n"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], status);
        let id = problem["instance"].as_str().unwrap().strip_prefix("urn:request:").unwrap();
        assert!(head.contains(&format!("\r\nx-request-id: {id}\r\n")), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
    }
    // Before that, and on the same connection, answers are as ever.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let answer = exchange(&mut stream, "GET /client HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("127.0.0.1HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_one_clear_line() {
    let (address, _end, _server) = start().await;
    let error = serve::bind(address).await.unwrap_err();
    assert!(matches!(error, Error::AddressInUse { .. }));
    assert_eq!(
        error.to_string(),
        format!("the address {address} is taken: end the other process, or choose another port")
    );
}
