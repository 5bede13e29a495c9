//! A public key of one algorithm, prepared once: what it verifies is pinned here, and never asked
//! of a token.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Algorithm;
use super::jwk::JwkFault;

/// Verifies signatures of one key by one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    public: PublicPart,
    prepared: Arc<ParsedPublicKey>,
}

/// The public members of a key, as bytes (RFC 7518 §6, RFC 8037 §2).
#[derive(Clone, PartialEq, Eq)]
pub(super) enum PublicPart {
    /// Ed25519.
    Okp { x: [u8; 32] },
    /// P-256.
    Ec { x: [u8; 32], y: [u8; 32] },
    /// Modulus and exponent, most significant byte first.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// A smaller modulus is refused by RFC 7518 §3.3; a larger one only costs time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// A smaller exponent has been the beginning of many attacks on paddings; nobody uses one today.
const RSA_EXPONENT_MIN: u64 = 65_537;
/// The largest exponent that the cryptography takes has 33 bits.
const RSA_EXPONENT_MAX: u64 = (1 << 33) - 1;

impl VerifyingKey {
    pub(super) fn new(algorithm: Algorithm, public: PublicPart) -> Result<Self, JwkFault> {
        let prepared = match (algorithm, &public) {
            (Algorithm::EdDsa, PublicPart::Okp { x }) => ParsedPublicKey::new(&ED25519, x),
            (Algorithm::Es256, PublicPart::Ec { x, y }) => {
                // Uncompressed (SEC 1 §2.3.3); whether it lies on the curve is found out there.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            (Algorithm::Rs256 | Algorithm::Ps256, PublicPart::Rsa { n, e }) => {
                check_rsa(n, e)?;
                let parameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                PublicKeyComponents { n, e }.to_parsed_public_key(parameters)
            }
            _ => return Err(JwkFault::NotFor(algorithm)),
        };
        let prepared = prepared.map_err(|_| JwkFault::NoSuchKey)?;
        Ok(Self { algorithm, public, prepared: Arc::new(prepared) })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether this is the signature of exactly this message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.prepared.verify_sig(message, signature).is_ok()
    }

    /// RFC 7638: what names a key by nothing but itself.
    pub fn thumbprint(&self) -> String {
        // The required members in lexical order, without white space; nothing in them needs escaping.
        let canonical = match &self.public {
            PublicPart::Okp { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
            PublicPart::Ec { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
            PublicPart::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n))
            }
        };
        text(digest(&SHA256, canonical.as_bytes()).as_ref())
    }

    /// The key as others read it (RFC 7517 §4): public members only, since nothing else is here.
    pub fn jwk(&self, kid: &str) -> Value {
        let mut jwk = match &self.public {
            PublicPart::Okp { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(x) }),
            PublicPart::Ec { x, y } => json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) }),
            PublicPart::Rsa { n, e } => json!({ "kty": "RSA", "n": text(n), "e": text(e) }),
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm.name().into();
        jwk
    }

    /// Whether both are the same key, whatever their algorithms.
    pub fn same_key_as(&self, other: &Self) -> bool {
        self.public == other.public
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.algorithm, self.thumbprint())
    }
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), JwkFault> {
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return Err(JwkFault::NoSuchKey) };
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    if *first == 0 || last % 2 == 0 {
        return Err(JwkFault::NoSuchKey);
    }
    if !RSA_BITS.contains(&bits) {
        return Err(JwkFault::RsaSize(bits));
    }
    let exponent = match e {
        [] | [0, ..] => None,
        _ if e.len() > 8 => None,
        _ => Some(e.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
    };
    match exponent {
        Some(RSA_EXPONENT_MIN..=RSA_EXPONENT_MAX) if e.last().is_some_and(|last| last % 2 == 1) => Ok(()),
        _ => Err(JwkFault::RsaExponent),
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
