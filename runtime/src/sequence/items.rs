//! A sequence that arrives.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Framing, ItemError,
    split::{Fault, Splitter, with_json_data},
};
use crate::schema::{Direction, Schema, prepare_request, validate};

/// A sequence that arrives: a [`Stream`] of items, each as soon as it is complete. It ends after its first error.
///
/// ```ignore
/// while let Some(item) = items.next().await {
///     store(item?).await?;
/// }
/// ```
pub struct Items<T> {
    bytes: Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>,
    splitter: Splitter,
    framing: Framing,
    /// What the items of a request must be like.
    schema: Option<&'static Schema>,
    /// In bytes, of an item.
    limit: usize,
    index: usize,
    state: State,
    item: PhantomData<fn() -> T>,
}

/// Why no further bytes come.
pub(crate) enum Broken {
    /// The body is longer than this.
    #[cfg(feature = "server")]
    TooLarge(usize),
    Transport(Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// All bytes are here.
    Ended,
    /// Nothing more is told.
    Over,
}

impl<T: DeserializeOwned> Items<T> {
    pub(crate) fn new(
        bytes: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
        framing: Framing,
        schema: Option<&'static Schema>,
        limit: usize,
    ) -> Self {
        Self {
            bytes: Box::pin(bytes),
            splitter: Splitter::new(framing, limit),
            framing,
            schema,
            limit,
            index: 0,
            state: State::Open,
            item: PhantomData,
        }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ItemError`], after which there is nothing more. A handler hands it on with `?`.
    pub async fn try_next(&mut self) -> Result<Option<T>, ItemError> {
        self.next().await.transpose()
    }

    fn typed(&self, value: Value) -> Result<T, ItemError> {
        let index = self.index;
        let json_data = || if self.framing == Framing::Events { with_json_data(&value) } else { None };
        let value = match self.schema {
            Some(schema) => {
                let violations = validate(schema, &value, Direction::Request);
                let mut value = if violations.is_empty() {
                    value
                } else {
                    // The text of an event is what the schema asks for, or spells it.
                    let Some(other) = json_data() else { return Err(ItemError::Invalid { index, violations }) };
                    let violations = validate(schema, &other, Direction::Request);
                    if !violations.is_empty() {
                        return Err(ItemError::Invalid { index, violations });
                    }
                    other
                };
                prepare_request(schema, &mut value);
                value
            }
            None if self.framing == Framing::Events => match serde_json::from_value(value.clone()) {
                Ok(item) => return Ok(item),
                Err(_) => json_data().unwrap_or(value),
            },
            None => value,
        };
        serde_json::from_value(value).map_err(|error| ItemError::Malformed { index, reason: error.to_string() })
    }
}

impl<T: DeserializeOwned> Stream for Items<T> {
    type Item = Result<T, ItemError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.state == State::Over {
                return Poll::Ready(None);
            }
            let index = this.index;
            let result = match this.splitter.next(this.state == State::Ended) {
                Ok(Some(value)) => {
                    let item = this.typed(value);
                    this.index += 1;
                    item
                }
                Ok(None) if this.state == State::Ended => {
                    this.state = State::Over;
                    return Poll::Ready(None);
                }
                Ok(None) => match ready!(this.bytes.poll_next_unpin(context)) {
                    Some(Ok(bytes)) => {
                        this.splitter.push(&bytes);
                        continue;
                    }
                    None => {
                        this.state = State::Ended;
                        continue;
                    }
                    #[cfg(feature = "server")]
                    Some(Err(Broken::TooLarge(limit))) => Err(ItemError::TooLarge { index, limit }),
                    Some(Err(Broken::Transport(error))) => Err(ItemError::Transport(error)),
                },
                Err(Fault::Malformed(reason)) => Err(ItemError::Malformed { index, reason }),
                Err(Fault::TooLarge) => Err(ItemError::TooLarge { index, limit: this.limit }),
            };
            if result.is_err() {
                this.state = State::Over;
            }
            return Poll::Ready(Some(result));
        }
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Items")
            .field("framing", &self.framing)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
