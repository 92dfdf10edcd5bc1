//! Clients and servers generated from the contracts of `codegen/tests/contracts`, for the tests in `tests`: what a client
//! sends is what the handler gets, and the other way round. Nothing here is written by hand but [`serve`].
#![allow(missing_docs, unreachable_pub, reason = "other people's contracts")]

use std::net::Ipv4Addr;

use specwright_runtime::axum::Router;

include!(concat!(env!("OUT_DIR"), "/contracts.rs"));

/// Serves a router on a free port of this machine until the runtime of the test ends; the base URL.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("the socket is bound");
    tokio::spawn(specwright_runtime::axum::serve(listener, router).into_future());
    format!("http://{address}")
}
