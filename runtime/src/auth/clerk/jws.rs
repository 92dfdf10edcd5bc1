//! The compact form of a signed token (RFC 7515, section 7.1), taken out of its base64.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::reason::Reason;

/// A longer token is refused before any work. Clerk keeps tokens below 4 KB for the sake of cookies.
const MAX_LENGTH: usize = 64 * 1024;

/// A token's parts. Nothing in it is read, let alone verified.
pub(super) struct Jws<'a> {
    /// `header.payload`, as sent: what the signature is over.
    pub(super) message: &'a str,
    pub(super) header: String,
    pub(super) payload: String,
    pub(super) signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart: three parts of canonical base64url, the first two UTF-8.
    pub(super) fn decode(token: &'a str) -> Result<Self, Reason> {
        if token.len() > MAX_LENGTH {
            return Err(Reason::Invalid);
        }
        // Of more than two dots, some are left in the payload, where base64 has none.
        let (message, signature) = token.rsplit_once('.').ok_or(Reason::Invalid)?;
        let (header, payload) = message.split_once('.').ok_or(Reason::Invalid)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Reason::Invalid);
        let text = |part: &str| String::from_utf8(bytes(part)?).map_err(|_| Reason::Invalid);
        Ok(Self { message, header: text(header)?, payload: text(payload)?, signature: bytes(signature)? })
    }
}
