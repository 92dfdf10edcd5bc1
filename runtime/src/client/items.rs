//! Sequences of items on the client's side.

use futures_util::StreamExt as _;
use reqwest::Body;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Call;
use crate::sequence::{Broken, Framing, ItemSource, Items};

/// The most bytes of an item that is read.
const LARGEST_ITEM: usize = 16 * 1024 * 1024;

/// The body of a response as a sequence of items, none of which is longer than 16 MiB.
pub fn items<T: DeserializeOwned>(response: reqwest::Response, framing: Framing) -> Items<T> {
    let bytes = response.bytes_stream().map(|chunk| chunk.map_err(|error| Broken::Transport(error.into())));
    Items::new(bytes, framing, None, LARGEST_ITEM)
}

impl Call {
    /// Sends a sequence of items, each as soon as it is there. Where the source fails, so does the request.
    pub fn items_body<T: Serialize + Send + 'static>(
        &mut self,
        media_type: &'static str,
        framing: Framing,
        items: ItemSource<T>,
    ) {
        self.bytes_body(media_type, Body::wrap_stream(items.into_bytes(framing, |_| Ok(()))));
    }
}
