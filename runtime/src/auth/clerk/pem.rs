//! The operator's public key, in every spelling that survives an environment variable.
//!
//! Clerk's SDK cuts the key out of the text by position and notices nothing: with a 4096-bit key, a PKCS#1 key or a private
//! key each request is answered 401. Here a key is parsed for real, when the service starts, and a wrong one is one clear line.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{ConfigError, key::PublicKey};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Parses one or more public RSA keys (SPKI or PKCS#1).
///
/// Accepted: PEM with any line ends, indentation or none, literal `\n`, quotes around it, spaces for line breaks; the base64
/// text without header and footer; base64 of the whole PEM. Several PEM blocks give several keys, for a rotation.
pub(super) fn parse(text: &str) -> Result<Vec<PublicKey>, ConfigError> {
    let text = text.trim().trim_matches(['"', '\'']).replace("\\r", "").replace("\\n", "\n");
    if text.trim().is_empty() {
        return refuse("it is empty");
    }
    if text.contains(BEGIN) {
        return blocks(&text);
    }
    if text.starts_with("sk_") || text.starts_with("pk_") {
        return refuse("it is an API key; the PEM public key is in the Clerk dashboard under API keys");
    }
    let Some(bytes) = decode(&text) else {
        return refuse(NOT_A_KEY);
    };
    match std::str::from_utf8(&bytes) {
        Ok(inner) if inner.contains(BEGIN) => blocks(inner),
        _ => Ok(vec![key(&bytes)?]),
    }
}

const BEGIN: &str = "-----BEGIN ";

fn blocks(text: &str) -> Result<Vec<PublicKey>, ConfigError> {
    let mut keys = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let Some((label, rest)) = block.split_once("-----") else {
            return refuse("a BEGIN line has no end");
        };
        if label.ends_with("PRIVATE KEY") {
            return refuse(PRIVATE);
        }
        if label != "PUBLIC KEY" && label != "RSA PUBLIC KEY" {
            return refuse("it is PEM, but not of a public key");
        }
        let Some((body, _)) = rest.split_once("-----END ") else {
            return refuse("the END line is missing: it was cut off");
        };
        let Some(bytes) = decode(body) else {
            return refuse("the text between the BEGIN and END lines is not base64");
        };
        keys.push(key(&bytes)?);
    }
    Ok(keys)
}

const NOT_A_KEY: &str = "it is neither a PEM public key nor the base64 text of one";
const PRIVATE: &str =
    "it is a private key; only the public key belongs here, and a private key that got this far should be replaced";

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.split_whitespace().collect::<String>()).ok()
}

/// SubjectPublicKeyInfo (RFC 5280, section 4.1) of an RSA key, or RSAPublicKey (RFC 8017, appendix A.1.1), in DER.
fn key(bytes: &[u8]) -> Result<PublicKey, ConfigError> {
    let mut outer = Der(bytes);
    let Some(mut fields) = outer.read(SEQUENCE).map(Der) else {
        return refuse(NOT_A_KEY);
    };
    if fields.0.first() == Some(&SEQUENCE) {
        let mut algorithm = Der(fields.read(SEQUENCE).unwrap_or_default());
        if algorithm.read(OBJECT_IDENTIFIER) != Some(RSA_ENCRYPTION) {
            return refuse("it is not an RSA key, and Clerk signs with RSA");
        }
        let Some(inner) = fields.read(BIT_STRING).and_then(|bits| bits.strip_prefix(&[0])) else {
            return refuse(NOT_A_KEY);
        };
        let Some(inner) = Der(inner).read(SEQUENCE) else {
            return refuse(NOT_A_KEY);
        };
        fields = Der(inner);
    }
    let (Some(modulus), Some(exponent)) = (fields.read(INTEGER), fields.read(INTEGER)) else {
        return refuse(if fields.0.is_empty() { NOT_A_KEY } else { PRIVATE });
    };
    // PKCS#1 private keys start with a version; PKCS#8 ones failed above, at the algorithm after theirs.
    if modulus.len() <= 1 {
        return refuse(PRIVATE);
    }
    match PublicKey::from_components(modulus, exponent) {
        Some(key) => Ok(key),
        None => refuse("it is not an RSA key of 2048 to 8192 bits"),
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// 1.2.840.113549.1.1.1 (RFC 8017, appendix A.1)
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// What is left of a DER text (X.690, section 8.1): tag, length, content, with the two forms of length that keys have.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, where it has this tag.
    fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let octets = rest.get(..usize::from(first & 0x7f)).filter(|octets| (1..=4).contains(&octets.len()))?;
            rest = &rest[octets.len()..];
            length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        }
        if found != tag || rest.len() < length {
            return None;
        }
        let (content, rest) = rest.split_at(length);
        self.0 = rest;
        Some(content)
    }
}

fn refuse<T>(problem: &'static str) -> Result<T, ConfigError> {
    Err(ConfigError::JwtKey { problem })
}
