//! Webhooks of Clerk: messages that Clerk sends when a user or an organization changes.
//!
//! Clerk sends through Svix, whose scheme is [Standard Webhooks](https://www.standardwebhooks.com): an id, a time and signatures in
//! headers, each signature an HMAC-SHA256 over `id.time.body` with a secret that both sides know. [`routes`] takes the message in,
//! and hands it to a [`Receiver`] only where a signature is right and the time is within five minutes.
//!
//! The route is no operation of the contract. What the contract describes is what a service's clients may call; the form of a
//! webhook is Clerk's, and the signature is over bytes that must be checked before anything is parsed.
//!
//! Messages come at least once, late, and in any order. A receiver therefore takes down the [`Message::id`] in the transaction
//! in which it does its work, and does nothing where it is there already; and it does not let an older state of a user
//! overwrite a newer one ([`User::updated_at`]).
//!
//! ```no_run
//! use specwright_runtime::{failure::Failure, webhook::{Message, Receipt, Receiver}};
//!
//! struct Users;
//!
//! impl Receiver for Users {
//!     async fn receive(&self, message: Message) -> Result<Receipt, Failure> {
//!         // BEGIN; INSERT INTO messages (id) VALUES ($1) ON CONFLICT DO NOTHING; ..; COMMIT
//!         println!("{} {}", message.id, message.kind);
//!         Ok(Receipt::Processed)
//!     }
//! }
//! ```

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

pub use self::event::{Event, User};
use crate::{
    context::RequestId,
    failure::Failure,
    problem::Problem,
    service::{Service, request_id},
};

mod event;

/// How far the time of a message may be from ours, in seconds, either way.
const TOLERANCE: u64 = 5 * 60;
/// Clerk's largest messages, users with many accounts, have some ten kilobytes.
const MAX_BODY: usize = 512 * 1024;
/// While a secret is rotated a message has two signatures.
const MAX_SIGNATURES: usize = 16;
const MAX_ID: usize = 256;

/// Checks signatures of messages.
pub struct Verifier {
    keys: Vec<hmac::Key>,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

/// A text that is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's signing secret (CLERK_WEBHOOK_SIGNING_SECRET) is `whsec_` and at least 16 bytes in base64")]
pub struct InvalidSecret;

/// Why a message is not accepted. For the log: whoever forges learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A header is missing, repeated or not readable.
    #[error("the header {0} is missing, repeated or not readable")]
    Header(&'static str),
    /// The time is more than five minutes ago, or in the future: a message that somebody sends again.
    #[error("the time of the message is more than five minutes away from ours")]
    Time,
    /// No signature is by one of our secrets.
    #[error("no signature is right")]
    Signature,
    /// The signature is right, and the body is no message.
    #[error("the body is no message")]
    Body,
}

/// A message that Clerk has sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message {
    /// Names the message, however often it is sent: 1 to 256 visible ASCII characters.
    pub id: String,
    /// For example `user.updated`.
    pub kind: String,
    /// What happened.
    pub event: Event,
}

/// What came of a message. Either way Clerk is told that it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The message was new.
    Processed,
    /// The message had been processed before; nothing was done.
    Duplicate,
}

/// What a service does with messages.
pub trait Receiver: Send + Sync + 'static {
    /// Processes a message, in one transaction with taking down its id.
    ///
    /// # Errors
    ///
    /// A failure is answered with its 5xx, and Clerk sends the message again: at first after seconds, for a day and more.
    fn receive(&self, message: Message) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// The route that Clerk sends to. Merge it with the router of the contract, which it gets its log line and limits from.
pub fn routes<R: Receiver>(service: &Service, path: &str, verifier: Arc<Verifier>, receiver: Arc<R>) -> Router {
    let handler = move |request: Request| {
        let (verifier, receiver) = (Arc::clone(&verifier), Arc::clone(&receiver));
        async move {
            let request_id = request_id(&request).unwrap_or_else(RequestId::generate);
            take(&verifier, receiver.as_ref(), request, &request_id).await
        }
    };
    service.observe(Router::new().route(path, post(handler)))
}

async fn take<R: Receiver>(verifier: &Verifier, receiver: &R, request: Request, request_id: &RequestId) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE).into_response(Some(request_id));
    };
    let message = match verifier.verify(&parts.headers, &body) {
        Ok(message) => message,
        Err(refusal) => {
            tracing::warn!(error = %refusal, "webhook not accepted");
            let problem = Problem::new(StatusCode::BAD_REQUEST).detail("the message is not signed as it must be");
            return problem.into_response(Some(request_id));
        }
    };
    let (id, kind) = (message.id.clone(), message.kind.clone());
    match receiver.receive(message).await {
        Ok(receipt) => {
            let duplicate = receipt == Receipt::Duplicate;
            tracing::info!(webhook.id = id, webhook.kind = kind, webhook.duplicate = duplicate, "webhook received");
            (StatusCode::NO_CONTENT, Body::empty()).into_response()
        }
        Err(failure) => failure.into_response(request_id),
    }
}

impl Verifier {
    /// Takes the signing secrets (`whsec_...`): one, or while it is rotated the old and the new one.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] where one is none, or there is none.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, InvalidSecret> {
        let keys: Vec<_> = secrets.into_iter().map(|secret| key(secret.as_ref())).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(InvalidSecret);
        }
        Ok(Self { keys, clock: Box::new(SystemTime::now) })
    }

    /// The secrets in `CLERK_WEBHOOK_SIGNING_SECRET`, separated by commas; `None` where it is not set.
    ///
    /// # Errors
    ///
    /// As [`Verifier::new`].
    pub fn from_environment() -> Result<Option<Self>, InvalidSecret> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`from_environment`](Self::from_environment), from elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Verifier::new`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, InvalidSecret> {
        let set = variable("CLERK_WEBHOOK_SIGNING_SECRET").filter(|value| !value.trim().is_empty());
        set.map(|secrets| Self::new(secrets.split(',').map(str::trim))).transpose()
    }

    /// The clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Checks a message and reads it. `svix-` headers are Clerk's; `webhook-` ones are the standard's.
    ///
    /// # Errors
    ///
    /// [`Refusal`], the signature before anything that the body says.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Message, Refusal> {
        let names = if headers.contains_key("svix-id") {
            ["svix-id", "svix-timestamp", "svix-signature"]
        } else {
            ["webhook-id", "webhook-timestamp", "webhook-signature"]
        };
        let [id, time, signatures] = names.map(|name| only(headers, name).ok_or(Refusal::Header(name)));
        let (id, time, signatures) = (id?, time?, signatures?);
        let is_id = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id {
            return Err(Refusal::Header(names[0]));
        }
        let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = time.parse::<u64>().ok().filter(|_| digits).ok_or(Refusal::Header(names[1]))?;
        let now = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        if now.abs_diff(seconds) > TOLERANCE {
            return Err(Refusal::Time);
        }
        if !self.is_signed(id, time, body, signatures) {
            return Err(Refusal::Signature);
        }
        let body = serde_json::from_slice::<Value>(body).map_err(|_| Refusal::Body)?;
        let kind = body["type"].as_str().ok_or(Refusal::Body)?.to_owned();
        let event = Event::read(&kind, &body["data"]).ok_or(Refusal::Body)?;
        Ok(Message { id: id.to_owned(), kind, event })
    }

    /// Whether one of the signatures is by one of our secrets. Which it was, and how much of it was right, takes no time that
    /// tells.
    fn is_signed(&self, id: &str, time: &str, body: &[u8], signatures: &str) -> bool {
        let sent: Vec<Vec<u8>> = signatures
            .split(' ')
            .take(MAX_SIGNATURES)
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .collect();
        let mut signed = false;
        for key in &self.keys {
            let mut context = hmac::Context::with_key(key);
            for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
                context.update(part);
            }
            let ours = context.sign();
            for theirs in &sent {
                signed |= verify_slices_are_equal(ours.as_ref(), theirs).is_ok();
            }
        }
        signed
    }
}

/// With and without padding: what people copy.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn key(secret: &str) -> Result<hmac::Key, InvalidSecret> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() >= 16).ok_or(InvalidSecret)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// The only header of a name.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?;
    lines.next().is_none().then(|| line.to_str().ok().map(str::trim)).flatten()
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Verifier").field("secrets", &self.keys.len()).finish_non_exhaustive()
    }
}
