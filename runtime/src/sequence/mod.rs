//! Bodies that are a sequence of items, read and written one by one: JSON Lines, JSON text sequences, server-sent events.
//!
//! [`Items`] is a sequence that arrives, [`ItemSource`] one that is sent; server and client use both. Nothing is held but the
//! item that is under way, so a sequence may be endless. On a request each item is judged by its schema before the handler
//! sees it.
//!
//! | [`Framing`] | media types | an item is |
//! |---|---|---|
//! | `Lines` | `application/jsonl`, `application/x-ndjson` and their like | a line of JSON |
//! | `Records` | `application/json-seq`, `+json-seq` (RFC 7464) | JSON between a record separator and a line feed |
//! | `Events` | `text/event-stream` (HTML Living Standard, section 9.2) | an event |
//!
//! An event is, in JSON, an object with `data` and perhaps `event`, `id` and `retry`: what the `itemSchema` of OpenAPI 3.2
//! describes, and what [`Event`] is. `data` is text on the wire. A `data` that is not a string travels as JSON; when it is
//! read, the text itself stands where the schema takes a text, else the value that it spells.

mod error;
mod items;
mod source;
mod split;

use serde::{Deserialize, Serialize};

pub(crate) use self::items::Broken;
#[cfg(feature = "server")]
pub(crate) use self::source::Cause;
pub use self::{error::ItemError, items::Items, source::ItemSource};

/// How items follow each other in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line of JSON each.
    Lines,
    /// A record of JSON each (RFC 7464).
    Records,
    /// Server-sent events.
    Events,
}

/// A server-sent event.
///
/// ```
/// use specwright_runtime::sequence::Event;
///
/// let event = Event::new("hello").named("greeting").with_id("7");
/// assert_eq!(event.data, "hello");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<D> {
    /// What the event says.
    pub data: D,
    /// Its type; `message` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What a client sends as `Last-Event-ID` when it connects again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// After how many milliseconds a client should connect again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<u64>,
}

impl<D> Event<D> {
    /// An event with nothing but data.
    pub const fn new(data: D) -> Self {
        Self { data, event: None, id: None, retry: None }
    }

    /// Gives it a type.
    #[must_use]
    pub fn named(self, event: impl Into<String>) -> Self {
        Self { event: Some(event.into()), ..self }
    }

    /// Gives it an id.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }
}

impl<D> From<D> for Event<D> {
    fn from(data: D) -> Self {
        Self::new(data)
    }
}
