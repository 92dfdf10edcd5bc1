//! Serving: on a socket, or on Lambda where there is one; the routes are the same.
//!
//! The socket form speaks HTTP/1.1. It gives slow clients a limited time for a request's head, ends on SIGINT and SIGTERM, and
//! lets requests that are under way finish first. TLS, HTTP/2 and the public address are the load balancer's.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

mod refusal;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen, for example `127.0.0.1:8080`. Not used on Lambda.
    pub address: SocketAddr,
}

/// Why serving did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process listens there.
    #[error("the address {address} is taken: end the other process, or choose another port")]
    AddressInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Listening is not possible for another reason.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The signals that end the process cannot be awaited.
    #[error("cannot wait for the signals that end the process")]
    Signal(#[source] io::Error),
    /// Lambda's Runtime API failed.
    #[error("the lambda runtime api failed")]
    Lambda(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A client has this long to send a request's head; it is also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests under way have this long to finish when the process is told to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until SIGINT or SIGTERM; on Lambda (feature `lambda`, `AWS_LAMBDA_RUNTIME_API` is set) until the platform ends it.
///
/// # Errors
///
/// [`Error`] where serving cannot start.
pub async fn run(router: Router, settings: Settings) -> Result<(), Error> {
    #[cfg(feature = "lambda")]
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        return crate::lambda::run(router).await.map_err(Error::Lambda);
    }
    let listener = bind(settings.address).await?;
    let signal = end_signal()?;
    tracing::info!(server.address = %settings.address, "listening");
    listen(router, listener, signal).await;
    tracing::info!("ended");
    Ok(())
}

/// Starts listening, so that a program can say where before it serves. Port 0 is any free port.
///
/// # Errors
///
/// [`Error::AddressInUse`] and [`Error::Bind`].
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::AddressInUse { address },
        _ => Error::Bind { address, source },
    })
}

/// Completes at the first SIGINT or SIGTERM.
///
/// # Errors
///
/// [`Error::Signal`] where the system refuses to say.
pub fn end_signal() -> Result<impl Future<Output = ()> + Send, Error> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signal)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signal)?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Serves on a listener until `shutdown` completes; then requests under way have ten seconds.
///
/// Requests carry the client's address as the extension `axum::extract::ConnectInfo<SocketAddr>`.
pub async fn listen(router: Router, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, client)) => {
                // Small answers must not wait for the acknowledgement of earlier ones.
                let _ = stream.set_nodelay(true);
                let router = router.clone();
                let answer = service_fn(move |request: Request<Incoming>| {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(ConnectInfo(client));
                    router.clone().oneshot(request)
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIMEOUT)
                    .serve_connection(refusal::Refusing::new(TokioIo::new(stream)), answer);
                let connection = connections.watch(connection);
                tokio::spawn(async move {
                    // The client went away, or was too slow: nothing that the service could mend.
                    if let Err(error) = connection.await {
                        tracing::debug!(error = %error, client.address = %client, "connection ended");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: some will be given back soon.
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!(drain_seconds = DRAIN.as_secs(), "requests under way were cut off");
    }
}
