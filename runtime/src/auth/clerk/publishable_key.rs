//! Clerk's publishable key: `pk_live_` or `pk_test_` and base64 of `<frontend API host>$`. Public by design; it names the
//! instance, and thereby the issuer and the address of the signing keys.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};

use super::ConfigError;

/// A parsed publishable key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishableKey {
    cookie_suffix: String,
    production: bool,
    frontend_api: String,
}

/// `atob` of the browsers: padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl PublishableKey {
    /// Parses a key, for example `pk_live_Y2xlcmsuZXhhbXBsZS5jb20k`. White space at the end is dropped.
    ///
    /// Stricter than Clerk's own parser, which takes any text with a dot for a host.
    ///
    /// # Errors
    ///
    /// [`ConfigError::PublishableKey`] says what is wrong with it.
    pub fn parse(key: &str) -> Result<Self, ConfigError> {
        let key = key.trim_end();
        let refuse = |problem| Err(ConfigError::PublishableKey { problem });
        let (production, encoded) = match key.strip_prefix("pk_live_") {
            Some(encoded) => (true, encoded),
            None => match key.strip_prefix("pk_test_") {
                Some(encoded) => (false, encoded),
                None if key.starts_with("sk_") => {
                    return refuse("it is a secret key; the publishable key starts with pk_");
                }
                None => return refuse("it starts with neither pk_live_ nor pk_test_"),
            },
        };
        let Some(decoded) = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return refuse("the part after the second underscore is not base64 of a host name");
        };
        match decoded.strip_suffix('$') {
            Some(host) if is_host(host) => {
                let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
                let cookie_suffix = URL_SAFE_NO_PAD.encode(digest.as_ref())[..8].to_owned();
                Ok(Self { cookie_suffix, production, frontend_api: host.to_owned() })
            }
            _ => refuse("it does not hold a host name that ends with a dollar sign"),
        }
    }

    /// Whether this is the key of a production instance.
    pub fn is_production(&self) -> bool {
        self.production
    }

    /// The host of the instance's Frontend API, for example `clerk.example.com`.
    pub fn frontend_api(&self) -> &str {
        &self.frontend_api
    }

    /// The issuer of the instance's tokens, for example `https://clerk.example.com`.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.frontend_api)
    }

    /// The public address of the instance's signing keys.
    pub fn jwks(&self) -> String {
        format!("https://{}/.well-known/jwks.json", self.frontend_api)
    }

    /// What the names of the instance's cookies end with, for example `naoXFJnI`. Clerk hashes the key's text, so the same key
    /// with padding has another suffix. Eight letters of SHA-1 tell instances apart; nothing relies on them for security.
    pub fn cookie_suffix(&self) -> &str {
        &self.cookie_suffix
    }
}

/// A host name of at least two labels (RFC 1123, section 2.1).
fn is_host(host: &str) -> bool {
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}
