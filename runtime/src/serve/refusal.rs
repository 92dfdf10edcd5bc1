//! The answer to what is not HTTP.
//!
//! hyper refuses a head that it cannot read by itself, with a status and no content; no service is asked, and hyper has no hook
//! for it. Everything else that goes wrong is answered by a problem (RFC 9457), so this stands between hyper and the socket and
//! puts one in that place too.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use serde_json::json;

use crate::{context::RequestId, problem::MEDIA_TYPE};

/// A connection whose bare refusals become problems.
pub(super) struct Refusing<S> {
    stream: S,
    /// What is written in another's place.
    replacement: Option<Replacement>,
}

struct Replacement {
    bytes: Vec<u8>,
    written: usize,
    /// How much of hyper's own bytes it stands for.
    stands_for: usize,
}

impl<S> Refusing<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, replacement: None }
    }
}

impl<S: Read + Unpin> Read for Refusing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for Refusing<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.replacement.is_none() {
            this.replacement = bare_refusal(bytes).map(|status| Replacement::new(status, bytes.len()));
        }
        let Some(replacement) = &mut this.replacement else {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        };
        while replacement.written < replacement.bytes.len() {
            let rest = &replacement.bytes[replacement.written..];
            match ready!(Pin::new(&mut this.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => replacement.written += count,
            }
        }
        let count = replacement.stands_for;
        this.replacement = None;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            // A refusal has a head and nothing else.
            [head] => self.poll_write(context, head),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Replacement {
    fn new(status: StatusCode, stands_for: usize) -> Self {
        let id = RequestId::generate();
        let title = status.canonical_reason().unwrap_or("Bad Request");
        let problem = json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": "the head of the request cannot be read as HTTP/1.1",
            "instance": id.urn(),
        });
        let body = problem.to_string();
        let head = format!(
            "HTTP/1.1 {} {title}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\nx-request-id: {}\r\n\
             x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
            status.as_u16(),
            body.len(),
            id.as_str(),
        );
        Self { bytes: (head + &body).into_bytes(), written: 0, stands_for }
    }
}

/// The status of a refusal of hyper's own: 4xx, the end of the connection, no content, and nothing that says who answered. The
/// service's answers all have a request id.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    if !bytes.starts_with(b"HTTP/1.1 4") && !bytes.starts_with(b"HTTP/1.0 4") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?.to_ascii_lowercase();
    let has = |line: &str| head.lines().any(|other| other == line);
    let named = |name: &str| head.lines().any(|line| line.starts_with(name));
    let bare = has("connection: close") && has("content-length: 0") && !named("x-request-id:");
    bare.then(|| head.get(9..12)?.parse().ok()).flatten()
}
