//! What a generated client calls for the operations that progenitor cannot express: parameters of every style,
//! several media types, multipart bodies.
//!
//! A [`Call`] is one request in the making. The generated method names each parameter with its [`Encoding`] and hands
//! over the typed value; the text on the wire is the inverse of what the server's decoder reads. Optional values are
//! passed as they are: nothing is sent for `None`.

mod call;
mod encode;
mod items;
mod upload;

pub use call::{Call, CallError, media_type_matches};
pub use encode::Encoding;
pub use items::items;
pub use upload::{Form, Upload};
