//! A key that signatures are checked with: `jsonwebtoken`'s verifier, with the key parsed once.
//!
//! To build a key from its numbers costs a good part of a verification, and a service verifies with the same one to three keys
//! for months. The verifier that `jsonwebtoken` makes from a [`DecodingKey`] parses the numbers each time; this is one of ours
//! behind its [`JwtVerifier`], over the same aws-lc-rs. It is made explicitly, from a feature that is chosen explicitly, so that
//! nothing depends on `jsonwebtoken`'s process-wide provider: where none can be told, its own verifier panics at the first token.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::JwtVerifier,
    signature::{Error, Verifier},
};

/// A public RSA key of 2048 to 8192 bits. Cheap to clone.
#[derive(Clone)]
pub(super) struct PublicKey(Arc<Rs256>);

/// RSASSA-PKCS1-v1_5 with SHA-256 (`RS256` of RFC 7518, section 3.3), and nothing else whatever a token says.
struct Rs256(ParsedPublicKey);

impl PublicKey {
    /// From the modulus and exponent of a JWK, big-endian (RFC 7518, section 6.3.1). `None` where they are no key to trust a
    /// signature to.
    pub(super) fn from_components(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (n, e) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let plausible = (2_048..=8_192).contains(&bits) && is_odd(n) && is_odd(e) && e != [1] && e.len() <= 4;
        if !plausible {
            return None;
        }
        Rs256::new(&DecodingKey::from_rsa_raw_components(n, e)).map(|verifier| Self(Arc::new(verifier)))
    }

    /// Says whether this key made a signature.
    pub(super) fn verifier(&self) -> &impl JwtVerifier {
        &*self.0
    }
}

impl Rs256 {
    fn new(key: &DecodingKey) -> Option<Self> {
        let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else { return None };
        RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok().map(Self)
    }
}

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        self.0.verify_sig(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("PublicKey")
    }
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_key_is_for_one_algorithm() {
        let key = PublicKey::from_components(&[0xff; 256], &[1, 0, 1]).unwrap();
        assert_eq!(key.verifier().algorithm(), Algorithm::RS256);
    }
}
