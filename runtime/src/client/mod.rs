//! What a generated client calls for the operations that progenitor cannot express: parameters of every style,
//! several media types, multipart bodies.
//!
//! A [`Call`] is one request in the making. The generated method names each parameter with its [`Encoding`] and hands
//! over the typed value; the text on the wire is the inverse of what the server's decoder reads. Optional values are
//! passed as they are: nothing is sent for `None`. What comes back is a [`BufferedResponse`], and where the contract has a body
//! that is handed out as it arrives, a `reqwest::Response`.

mod answer;
mod call;
mod expression;
mod items;
mod sender;
mod upload;

pub use crate::spelling::encode::Encoding;
pub use answer::{
    BufferedResponse, execute, media_type_is, media_type_matches, read_bytes, read_header, read_items, read_json,
    read_nothing, read_stream, read_text, refusal, refused, wrapped,
};
pub use call::{Call, CallError, Sent};
pub use expression::{Exchange, ExpressionError};
pub use items::items;
pub use progenitor_client::{ByteStream, Error, ResponseValue};
pub use sender::{Sender, basic};
pub use upload::{Form, Upload};

/// An HTTP client as generated clients use it: it waits at most 15 seconds for the connection, and for the response and each further
/// piece of its body, and does not follow redirects.
///
/// # Errors
///
/// When the system's TLS configuration cannot be loaded.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    let timeout = std::time::Duration::from_secs(15);
    reqwest::Client::builder()
        .connect_timeout(timeout)
        .read_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
