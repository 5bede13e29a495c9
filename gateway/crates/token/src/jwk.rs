//! JSON Web Keys as they are written (RFC 7517, RFC 7518 §6, RFC 8037 §2), and what is refused of
//! them.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::Algorithm;
use super::verify::decode;
use super::verifying_key::{Curve, PublicPart, VerifyingKey};

/// Longest `kid` of ours, in bytes.
pub const KID_BYTES_MAX: usize = 128;

/// The same of others: whole identifiers of keys (`did:web:example.com#key-1`) are among them.
pub(super) const FOREIGN_KID_BYTES_MAX: usize = 512;

/// Uses (RFC 7517 §4.2) that are for the signatures of tokens. A use that is not known is none: a
/// trust bundle of SPIFFE has keys for tokens (`jwt-svid`) beside those of certificates (`x509-svid`).
const USES: [&str; 2] = ["sig", "jwt-svid"];

/// Why a JSON Web Key is not used. What is quoted was written by others, and is cut.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JwkFault {
    #[error("it is no JSON Web Key: {0}")]
    Malformed(String),
    #[error("its type is {}; used are OKP (Ed25519), EC (P-256, P-384, P-521) and RSA", quoted(.0))]
    Type(String),
    #[error("its curve is {}; used are Ed25519 for OKP, and P-256, P-384 and P-521 for EC", quoted(.0))]
    Curve(String),
    #[error("its member `{0}` is missing, or is not base64url of the right length")]
    Member(&'static str),
    #[error("its `use` is {}; used are \"sig\" and \"jwt-svid\"", quoted(.0))]
    Use(String),
    #[error("its `key_ops` lack \"verify\"")]
    Operations,
    #[error("its `alg` is {}, which is not used here or does not fit its type", quoted(.0))]
    Algorithm(String),
    #[error("it is no key for {0}")]
    NotFor(Algorithm),
    #[error("it is for {}, and the issuer's `algorithms` have none of these", names(.0))]
    NotAllowed(Vec<Algorithm>),
    #[error("its modulus has {0} bits; allowed are 2048 to 8192")]
    RsaSize(usize),
    #[error("its exponent is weak or unusual; the usual one is 65537 (AQAB)")]
    RsaExponent,
    #[error("its numbers are no such key: not on the curve, of a point that anybody could sign for, or even")]
    NoSuchKey,
    #[error("its `kid` is too long, or has characters that nobody can see")]
    Kid,
    #[error("it has private members: whoever can read it can sign")]
    Private,
}

/// A public key as somebody published it. Members that are not known here are ignored, as RFC 7517
/// §4 wants it; a member that occurs twice is not. One that is `null` is one that is not there.
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
        let jwk = read.map_err(|fault| JwkFault::Malformed(cut(&fault.to_string())))?;
        if jwk.d.is_some() {
            return Err(JwkFault::Private);
        }
        if jwk.kid.as_deref().is_some_and(|kid| !is_foreign_kid(kid)) {
            return Err(JwkFault::Kid);
        }
        Ok(jwk)
    }

    /// An empty name is none.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref().filter(|kid| !kid.is_empty())
    }

    /// The algorithms that this key may verify: by its type, and by its `alg` where it has one.
    pub fn algorithms(&self) -> Result<Vec<Algorithm>, JwkFault> {
        let by_type = self.public()?.algorithms();
        match &self.alg {
            None => Ok(by_type),
            Some(name) => match Algorithm::named(name) {
                Some(algorithm) if by_type.contains(&algorithm) => Ok(vec![algorithm]),
                _ => Err(JwkFault::Algorithm(name.clone())),
            },
        }
    }

    /// The key, for each of these algorithms that it may verify. There is at least one.
    pub fn all_verifying(&self, allowed: &[Algorithm]) -> Result<Vec<VerifyingKey>, JwkFault> {
        self.is_for_signatures()?;
        let all = self.algorithms()?;
        let fitting: Vec<_> = all.iter().filter(|algorithm| allowed.contains(algorithm)).collect();
        if fitting.is_empty() {
            return Err(JwkFault::NotAllowed(all));
        }
        fitting.into_iter().map(|algorithm| VerifyingKey::new(*algorithm, self.public()?)).collect()
    }

    /// The key, for this algorithm and no other.
    pub fn verifying(&self, algorithm: Algorithm) -> Result<VerifyingKey, JwkFault> {
        self.is_for_signatures()?;
        let fits = self.algorithms()?.contains(&algorithm);
        if fits { VerifyingKey::new(algorithm, self.public()?) } else { Err(JwkFault::NotFor(algorithm)) }
    }

    fn is_for_signatures(&self) -> Result<(), JwkFault> {
        if let Some(other) = self.r#use.as_ref().filter(|usage| !USES.contains(&usage.as_str())) {
            return Err(JwkFault::Use(other.clone()));
        }
        if self.key_ops.as_ref().is_some_and(|operations| operations.iter().all(|o| o != "verify")) {
            return Err(JwkFault::Operations);
        }
        Ok(())
    }

    /// Its numbers, as they are used: whether they are a key is not known yet.
    fn public(&self) -> Result<PublicPart, JwkFault> {
        let curve = self.crv.as_deref().unwrap_or_default();
        match self.kty.as_str() {
            "OKP" if curve == "Ed25519" => {
                let x = member("x", &self.x)?.try_into().map_err(|_| JwkFault::Member("x"))?;
                Ok(PublicPart::Okp { x })
            }
            "EC" => {
                let curve = Curve::named(curve).ok_or_else(|| JwkFault::Curve(curve.to_owned()))?;
                let [x, y] = [coordinate("x", &self.x, curve)?, coordinate("y", &self.y, curve)?];
                Ok(PublicPart::Ec { curve, x, y })
            }
            "OKP" => Err(JwkFault::Curve(curve.to_owned())),
            "RSA" => Ok(PublicPart::Rsa { n: number("n", &self.n)?, e: number("e", &self.e)? }),
            other => Err(JwkFault::Type(other.to_owned())),
        }
    }
}

/// Whether a text may name a key of ours: it is only ever compared, and has nothing in it that a log,
/// a path or a query could read in another way than as letters.
pub fn is_kid(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=:@".contains(&byte);
    (1..=KID_BYTES_MAX).contains(&text.len()) && text.bytes().all(usual)
}

/// The same of others, who may call their keys what they like (RFC 7517 §4.5).
pub(super) fn is_foreign_kid(text: &str) -> bool {
    text.len() <= FOREIGN_KID_BYTES_MAX && !text.contains(char::is_control)
}

/// A text of others as a person may read it: quoted, with nothing in it that does more than stand
/// there, and no longer than a line.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

fn cut(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// With commas between.
pub(super) fn names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ")
}

fn member(name: &'static str, value: &Option<String>) -> Result<Vec<u8>, JwkFault> {
    value.as_ref().and_then(|text| decode(text.as_bytes())).ok_or(JwkFault::Member(name))
}

/// Without zeros before it: RFC 7518 §6.3.1.1 wants none, and some issuers write one.
fn number(name: &'static str, value: &Option<String>) -> Result<Vec<u8>, JwkFault> {
    let mut bytes = member(name, value)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    drop(bytes.drain(..zeros));
    Ok(bytes)
}

/// With exactly the zeros before it that RFC 7518 §6.2.1.2 wants: one key in 128 of an issuer that
/// leaves them out is shorter. The number is the same, and has to lie on the curve.
fn coordinate(name: &'static str, value: &Option<String>, curve: Curve) -> Result<Vec<u8>, JwkFault> {
    let number = number(name, value)?;
    let zeros = curve.bytes().checked_sub(number.len()).filter(|_| !number.is_empty());
    let mut bytes = vec![0; zeros.ok_or(JwkFault::Member(name))?];
    bytes.extend(number);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
