//! Signs messages as Clerk does: for tests of what a service does with them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The headers of a message, for a secret of the form `whsec_...`.
///
/// # Panics
///
/// Where the secret is none.
pub fn sign(secret: &str, id: &str, sent: SystemTime, body: &str) -> [(&'static str, String); 3] {
    let bytes = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("a secret is base64");
    let seconds = sent.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), format!("{id}.{seconds}.{body}").as_bytes());
    [
        ("svix-id", id.to_owned()),
        ("svix-timestamp", seconds.to_string()),
        ("svix-signature", format!("v1,{}", STANDARD.encode(tag))),
    ]
}
