//! A public key of one algorithm, prepared once: what it verifies is pinned here, and never asked
//! of a token.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
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
    /// Both as long as the curve has it (RFC 7518 §6.2.1.2).
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    /// Modulus and exponent, most significant byte first.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicPart {
    /// By its type alone.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        use Algorithm::{EdDsa, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Okp { .. } => vec![EdDsa],
            Self::Ec { curve, .. } => vec![curve.algorithm()],
            Self::Rsa { .. } => vec![Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
        }
    }
}

/// A curve of RFC 7518 §6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Of one coordinate.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The one algorithm that there is for it (RFC 7518 §3.4).
    pub(super) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }
}

/// A smaller modulus is refused by RFC 7518 §3.3; a larger one only costs time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// A smaller exponent has been the beginning of many attacks on paddings; nobody uses one today.
const RSA_EXPONENT_MIN: u64 = 65_537;
/// The largest exponent that the cryptography takes has 33 bits.
const RSA_EXPONENT_MAX: u64 = (1 << 33) - 1;

/// Whether a point of Ed25519 is one of the few of which multiples soon repeat (RFC 8032 §5.1.7, whose
/// cofactor is 8), in any spelling: without its secret, anybody finds what passes for a signature by it.
fn is_of_small_order(x: &[u8; 32]) -> bool {
    /// The first bytes of the prime of the field, and of the numbers next to it.
    const AROUND_THE_PRIME: [u8; 3] = [0xec, 0xed, 0xee];
    const OF_ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    // The sign is no matter: the opposite of such a point is one, too.
    let mut y = *x;
    y[31] &= 0x7f;
    let [first, between @ .., last] = &y;
    let small = *first <= 1 && *last == 0 && between.iter().all(|byte| *byte == 0);
    let large = AROUND_THE_PRIME.contains(first) && *last == 0x7f && between.iter().all(|byte| *byte == 0xff);
    small || large || OF_ORDER_8.contains(&y)
}

impl VerifyingKey {
    pub(super) fn new(algorithm: Algorithm, public: PublicPart) -> Result<Self, JwkFault> {
        let prepared = match (algorithm, &public) {
            (Algorithm::EdDsa, PublicPart::Okp { x }) if is_of_small_order(x) => {
                return Err(JwkFault::NoSuchKey);
            }
            (Algorithm::EdDsa, PublicPart::Okp { x }) => ParsedPublicKey::new(&ED25519, x),
            (_, PublicPart::Ec { curve, x, y }) if curve.algorithm() == algorithm => {
                // Uncompressed (SEC 1 §2.3.3); whether it lies on the curve is found out there.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(
                    match curve {
                        Curve::P256 => &ECDSA_P256_SHA256_FIXED,
                        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
                        Curve::P521 => &ECDSA_P521_SHA512_FIXED,
                    },
                    point,
                )
            }
            (_, PublicPart::Rsa { n, e }) => {
                let parameters = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
                    Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
                    _ => return Err(JwkFault::NotFor(algorithm)),
                };
                check_rsa(n, e)?;
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
            PublicPart::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, curve.name(), text(x), text(y))
            }
            PublicPart::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n))
            }
        };
        text(digest(&SHA256, canonical.as_bytes()).as_ref())
    }

    /// The key as others read it (RFC 7517 §4): public members only, since nothing else is here.
    pub fn jwk(&self, kid: &str) -> Value {
        let (usage, alg) = ("sig", self.algorithm.name());
        match &self.public {
            PublicPart::Okp { x } => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(x), "kid": kid, "use": usage, "alg": alg })
            }
            PublicPart::Ec { curve, x, y } => json!({
                "kty": "EC", "crv": curve.name(), "x": text(x), "y": text(y), "kid": kid, "use": usage, "alg": alg
            }),
            PublicPart::Rsa { n, e } => {
                json!({ "kty": "RSA", "n": text(n), "e": text(e), "kid": kid, "use": usage, "alg": alg })
            }
        }
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
