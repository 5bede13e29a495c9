//! JSON Web Keys as they are written (RFC 7517, RFC 7518 §6, RFC 8037 §2), and what is refused of
//! them.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::Algorithm;
use super::verify::decode;
use super::verifying_key::{PublicPart, VerifyingKey};

/// Longest `kid`, in bytes.
pub const KID_BYTES_MAX: usize = 128;

/// Why a JSON Web Key is not used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JwkFault {
    #[error("it is no JSON Web Key: {0}")]
    Malformed(String),
    #[error("its type is \"{0}\"; used are OKP (Ed25519), EC (P-256) and RSA")]
    Type(String),
    #[error("its curve is not the one that is used: Ed25519 for OKP, P-256 for EC")]
    Curve,
    #[error("its member `{0}` is missing, or is not base64url of the right length")]
    Member(&'static str),
    #[error("its `use` is not \"sig\", or its `key_ops` lack \"verify\"")]
    Use,
    #[error("its `alg` is \"{0}\", which is not used here or does not fit its type")]
    Algorithm(String),
    #[error("it is no key for {0}")]
    NotFor(Algorithm),
    #[error("its modulus has {0} bits; allowed are 2048 to 8192")]
    RsaSize(usize),
    #[error("its exponent is weak or unusual; the usual one is 65537 (AQAB)")]
    RsaExponent,
    #[error("its numbers are no such key: not on the curve, even, or not in their shortest form")]
    NoSuchKey,
    #[error("its `kid` is empty, longer than {KID_BYTES_MAX} bytes, or has unusual characters")]
    Kid,
    #[error("it has private members: whoever can read it can sign")]
    Private,
}

/// A public key as somebody published it. Members that are not known here are ignored, as RFC 7517
/// §4 wants it; a member that occurs twice is not.
#[derive(Clone, Debug, Deserialize)]
pub struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    /// The private part of OKP, EC and RSA alike. Its value is of no interest.
    #[serde(default)]
    d: Option<serde::de::IgnoredAny>,
}

impl Jwk {
    pub fn from_json(text: &[u8]) -> Result<Self, JwkFault> {
        let text =
            std::str::from_utf8(text).map_err(|_| JwkFault::Malformed("it is not UTF-8".to_owned()))?;
        // A derived structure would also be read from an array, without its names.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(JwkFault::Malformed("it is no JSON object".to_owned()));
        }
        Self::checked(serde_json::from_str(text))
    }

    /// The same from what was read as JSON before.
    pub fn from_value(value: &Value) -> Result<Self, JwkFault> {
        if !value.is_object() {
            return Err(JwkFault::Malformed("it is no JSON object".to_owned()));
        }
        Self::checked(Self::deserialize(value))
    }

    fn checked(read: Result<Self, serde_json::Error>) -> Result<Self, JwkFault> {
        let jwk = read.map_err(|fault| JwkFault::Malformed(fault.to_string()))?;
        if jwk.d.is_some() {
            return Err(JwkFault::Private);
        }
        if jwk.kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
            return Err(JwkFault::Kid);
        }
        Ok(jwk)
    }

    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms that this key may verify: by its type, and by its `alg` where it has one.
    pub fn algorithms(&self) -> Result<Vec<Algorithm>, JwkFault> {
        let by_type: &[Algorithm] = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => &[Algorithm::EdDsa],
            ("EC", Some("P-256")) => &[Algorithm::Es256],
            ("OKP" | "EC", _) => return Err(JwkFault::Curve),
            ("RSA", _) => &[Algorithm::Rs256, Algorithm::Ps256],
            (other, _) => return Err(JwkFault::Type(other.to_owned())),
        };
        match &self.alg {
            None => Ok(by_type.to_vec()),
            Some(name) => match Algorithm::named(name) {
                Some(algorithm) if by_type.contains(&algorithm) => Ok(vec![algorithm]),
                _ => Err(JwkFault::Algorithm(name.clone())),
            },
        }
    }

    /// The key, for this algorithm and no other.
    pub fn verifying(&self, algorithm: Algorithm) -> Result<VerifyingKey, JwkFault> {
        let for_signatures = self.r#use.as_deref().is_none_or(|usage| usage == "sig");
        let verifies =
            self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|o| o == "verify"));
        if !(for_signatures && verifies) {
            return Err(JwkFault::Use);
        }
        if !self.algorithms()?.contains(&algorithm) {
            return Err(JwkFault::NotFor(algorithm));
        }
        let public = match algorithm {
            Algorithm::EdDsa => PublicPart::Okp { x: coordinate("x", &self.x)? },
            Algorithm::Es256 => PublicPart::Ec { x: coordinate("x", &self.x)?, y: coordinate("y", &self.y)? },
            Algorithm::Rs256 | Algorithm::Ps256 => {
                PublicPart::Rsa { n: member("n", &self.n)?, e: member("e", &self.e)? }
            }
            Algorithm::Hs256 => return Err(JwkFault::NotFor(algorithm)),
        };
        VerifyingKey::new(algorithm, public)
    }
}

/// Whether a text may name a key: it is only ever compared, and has nothing in it that a log, a
/// path or a query could read in another way than as letters.
pub fn is_kid(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=:@".contains(&byte);
    (1..=KID_BYTES_MAX).contains(&text.len()) && text.bytes().all(usual)
}

fn member(name: &'static str, value: &Option<String>) -> Result<Vec<u8>, JwkFault> {
    value.as_ref().and_then(|text| decode(text.as_bytes())).ok_or(JwkFault::Member(name))
}

fn coordinate(name: &'static str, value: &Option<String>) -> Result<[u8; 32], JwkFault> {
    member(name, value)?.try_into().map_err(|_| JwkFault::Member(name))
}

#[cfg(test)]
mod tests;
