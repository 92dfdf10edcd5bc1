//! Request bodies that the handler reads by itself: bytes, and sequences of items. None of them is held in memory.

use axum::body::Body;
use futures_util::StreamExt as _;
use http_body_util::{LengthLimitError, Limited};

use super::{Decoder, Invalid};
use crate::{
    schema::Schema,
    sequence::{Broken, Framing, Items},
};

impl Decoder {
    /// Takes the body as a stream that ends with an error where it passes the limit; a handler hands the error on with `?`.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the announced length passes the limit.
    pub fn binary(&mut self) -> Result<Body, Invalid> {
        self.check_announced_length()?;
        let body = self.incoming.body.take().unwrap_or_default();
        Ok(Body::new(Limited::new(body, self.incoming.body_limit)))
    }

    /// Takes the body as a stream, where there is one.
    ///
    /// # Errors
    ///
    /// As [`Decoder::binary`].
    pub async fn optional_binary(&mut self) -> Result<Option<Body>, Invalid> {
        if self.has_no_body().await { Ok(None) } else { self.binary().map(Some) }
    }

    /// Takes the body as a sequence of items, each judged by the schema when the handler asks for it.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the announced length passes the limit.
    pub fn items<T: serde::de::DeserializeOwned>(
        &mut self,
        framing: Framing,
        schema: &'static Schema,
    ) -> Result<Items<T>, Invalid> {
        let limit = self.incoming.body_limit;
        let bytes = self.binary()?.into_data_stream().map(move |chunk| {
            chunk.map_err(|error| match error.into_inner() {
                error if error.is::<LengthLimitError>() => Broken::TooLarge(limit),
                error => Broken::Transport(error),
            })
        });
        Ok(Items::new(bytes, framing, Some(schema), limit))
    }
}
