//! Signing keys: never printed, never short, and prepared once.

use std::fmt;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretSlice};
use thiserror::Error;

use super::{Algorithm, SigningKey};

/// RFC 7518 §3.2: a key of the size of the hash output, or larger.
pub const KEY_BYTES_MIN: usize = 32;

/// Why a secret cannot be a key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyFault {
    #[error("the key has {0} bytes, HS256 needs at least {KEY_BYTES_MIN} (RFC 7518 §3.2)")]
    TooShort(usize),
    #[error("the key repeats one character")]
    Repeats,
    #[error("the key is a published example")]
    Published,
}

/// Parts of secrets that tutorials publish and people copy.
const PUBLISHED: [&str; 4] = ["your-secret-key", "your-refresh-secret", "change-in-production", "change-me"];

/// A key for HS256. The key schedule is computed here, once, and not for each token.
#[derive(Clone)]
pub struct HmacKey {
    prepared: hmac::Key,
    signing: jsonwebtoken::EncodingKey,
}

impl HmacKey {
    pub fn new(secret: &SecretSlice<u8>) -> Result<Self, KeyFault> {
        let bytes = secret.expose_secret();
        if bytes.len() < KEY_BYTES_MIN {
            return Err(KeyFault::TooShort(bytes.len()));
        }
        Self::short(secret)
    }

    /// A secret of another service that is what it is. For verification only, and only where an
    /// operator asked for it by name.
    pub fn short(secret: &SecretSlice<u8>) -> Result<Self, KeyFault> {
        let bytes = secret.expose_secret();
        if bytes.iter().zip(bytes.iter().skip(1)).all(|(one, next)| one == next) {
            return Err(KeyFault::Repeats);
        }
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        if PUBLISHED.iter().any(|published| text.contains(published)) {
            return Err(KeyFault::Published);
        }
        Ok(Self {
            prepared: hmac::Key::new(hmac::HMAC_SHA256, bytes),
            signing: jsonwebtoken::EncodingKey::from_secret(bytes),
        })
    }

    pub(super) fn signing(&self) -> &jsonwebtoken::EncodingKey {
        &self.signing
    }

    /// A name by which two gateways can tell whether they have the same one, and nobody can find out which
    /// it is: a secret has 32 bytes or more.
    pub fn fingerprint(&self) -> String {
        let tag = hmac::sign(&self.prepared, b"fingerprint of a gateway's secret");
        tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.prepared, message, tag).is_ok()
    }

    /// Whether both would verify the same tokens. HMAC pads a key with zeros (RFC 2104 §2), so
    /// this compares what the keys do and not how they are written.
    pub fn same_as(&self, other: &Self) -> bool {
        let tag = hmac::sign(&self.prepared, b"same key?");
        other.matches(b"same key?", tag.as_ref())
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

/// Signatures by the one library checked by the other, and by keys that were made a moment ago.
pub(super) fn self_check() -> Result<(), String> {
    let key = HmacKey::new(&SecretSlice::from(b"self-check key: 0123456789abcdef".to_vec()))
        .map_err(|fault| fault.to_string())?;
    let message = b"header.payload";
    let signature = jsonwebtoken::crypto::sign(message, key.signing(), jsonwebtoken::Algorithm::HS256)
        .map_err(|fault| format!("signing failed: {fault}"))?;
    let tag = super::verify::decode(signature.as_bytes()).ok_or("the signature is not base64url")?;
    let honest = key.matches(message, &tag) && !key.matches(b"header.payloae", &tag);
    let mut all_honest = honest;
    // Keys of RSA would take longer to make than a start should.
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let key = SigningKey::generate(algorithm).map_err(|fault| fault.to_string())?;
        let signature = key.sign(message).ok_or("signing failed")?;
        let public = key.public();
        all_honest &= public.verifies(message, &signature) && !public.verifies(b"header.payloae", &signature);
    }
    all_honest.then_some(()).ok_or_else(|| "verification gave a wrong answer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> Result<HmacKey, KeyFault> {
        HmacKey::new(&SecretSlice::from(bytes.to_vec()))
    }

    #[test]
    fn short_repeating_and_published_secrets_are_no_keys() {
        assert_eq!(key(b"0123456789abcdef0123456789abcde").unwrap_err(), KeyFault::TooShort(31));
        assert_eq!(key(&[b'a'; 64]).unwrap_err(), KeyFault::Repeats);
        let published = key(b"your-secret-key-change-in-production").unwrap_err();
        assert_eq!(published, KeyFault::Published);
        assert!(key(b"0123456789abcdef0123456789abcdef").is_ok());
    }

    #[test]
    fn keys_that_differ_by_trailing_zeros_are_the_same() {
        let plain = key(b"0123456789abcdef0123456789abcdef").unwrap();
        let padded = key(b"0123456789abcdef0123456789abcdef\0").unwrap();
        let other = key(b"1123456789abcdef0123456789abcdef").unwrap();
        assert!(plain.same_as(&padded));
        assert!(!plain.same_as(&other));
    }

    #[test]
    fn the_start_up_self_check_passes() {
        assert_eq!(super::super::install_cryptography(), Ok(()));
    }

    #[test]
    fn the_known_answer_of_rfc_7515_appendix_a_1_verifies() {
        let secret = super::super::verify::decode(
            b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        )
        .unwrap();
        let message = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let tag = super::super::verify::decode(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert!(key(&secret).unwrap().matches(message, &tag));
    }
}
