//! A sequence that is sent.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use super::{Framing, split};

/// An error of any kind.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A sequence that is sent: whatever yields items, now or later.
///
/// ```
/// use specwright_runtime::sequence::ItemSource;
///
/// let source = ItemSource::from(vec![1, 2, 3]);
/// ```
pub struct ItemSource<T> {
    items: Pin<Box<dyn Stream<Item = Result<T, Cause>> + Send>>,
}

impl<T: Send + 'static> ItemSource<T> {
    /// The items of a stream.
    pub fn new(items: impl Stream<Item = T> + Send + 'static) -> Self {
        Self::fallible::<std::convert::Infallible>(items.map(Ok))
    }

    /// The items of a stream that may fail. An error breaks the connection off, so that the receiver does not take what it has
    /// for the whole; a server logs it.
    pub fn fallible<E: Into<Cause> + 'static>(items: impl Stream<Item = Result<T, E>> + Send + 'static) -> Self {
        Self { items: Box::pin(items.map(|item| item.map_err(Into::into))) }
    }

    /// What is sent. `prepare` sees each item as JSON before it is written.
    pub(crate) fn into_bytes(
        self,
        framing: Framing,
        prepare: impl Fn(&mut Value) -> Result<(), Cause> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, Cause>> + Send + 'static
    where
        T: Serialize,
    {
        self.items.map(move |item| {
            let mut value = serde_json::to_value(item?)?;
            prepare(&mut value)?;
            Ok(Bytes::from(split::write(framing, &value)?))
        })
    }
}

impl<T: Send + 'static> From<Vec<T>> for ItemSource<T> {
    fn from(items: Vec<T>) -> Self {
        Self::new(stream::iter(items))
    }
}

impl<T> fmt::Debug for ItemSource<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("ItemSource").finish_non_exhaustive()
    }
}
