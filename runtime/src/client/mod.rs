//! What a generated client calls for the operations that progenitor cannot express: parameters of every style,
//! several media types, multipart bodies.
//!
//! A [`Call`] is one request in the making. The generated method names each parameter with its [`Encoding`] and hands
//! over the typed value; the text on the wire is the inverse of what the server's decoder reads. Optional values are
//! passed as they are: nothing is sent for `None`.

mod answer;
mod call;
mod expression;
mod items;
mod sender;
mod upload;

pub use crate::spelling::encode::Encoding;
pub use answer::{
    media_type_is, media_type_matches, read_bytes, read_header, read_items, read_json, read_stream, read_text, refused,
    wrapped,
};
pub use call::{Call, CallError};
pub use expression::{Exchange, ExpressionError};
pub use items::items;
pub use progenitor_client::{ByteStream, Error, ResponseValue};
pub use sender::{Sender, basic};
pub use upload::{Form, Upload};
