//! A private key of one algorithm: made here, or read from what an operator has. Never printed.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::jwk::JwkFault;
use super::verifying_key::{Curve, PublicPart};
use super::{Algorithm, VerifyingKey};

/// Why there is no such private key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SigningKeyFault {
    #[error("it is no private key for Ed25519, P-256 or RSA (PKCS #8, SEC 1 or PKCS #1)")]
    Unreadable,
    #[error("it is a key for {is}, not for {wanted}")]
    OtherAlgorithm { is: Algorithm, wanted: Algorithm },
    #[error("{0}")]
    Public(#[from] JwkFault),
    #[error("its private and its public part do not belong together, or one of them is missing")]
    Torn,
    #[error("its `use` is not \"sig\", or its `key_ops` lack \"sign\"")]
    Use,
    #[error("HS256 has a secret, and no key of this kind")]
    Symmetric,
    #[error("{0} is for tokens of other issuers: nothing is signed by it here")]
    OfOthers(Algorithm),
    #[error("its curve is not one that is signed by here: Ed25519 for OKP, P-256 for EC")]
    Curve,
    #[error("the cryptography failed")]
    Cryptography,
}

/// Signs with one key by one algorithm.
pub struct SigningKey {
    pair: Pair,
    public: VerifyingKey,
}

pub(super) enum Pair {
    Okp(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

impl SigningKey {
    /// A fresh key. One of RSA, which has 3072 bits (NIST SP 800-57: good beyond 2030), takes a while.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningKeyFault> {
        let failed = |_| SigningKeyFault::Cryptography;
        let pair = match algorithm {
            Algorithm::Hs256 => return Err(SigningKeyFault::Symmetric),
            Algorithm::EdDsa => Pair::Okp(Ed25519KeyPair::generate().map_err(failed)?),
            Algorithm::Es256 => {
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?)
            }
            Algorithm::Rs256 | Algorithm::Ps256 => {
                Pair::Rsa(rsa::KeyPair::generate(KeySize::Rsa3072).map_err(failed)?)
            }
            other => return Err(SigningKeyFault::OfOthers(other)),
        };
        Self::new(pair, Some(algorithm))
    }

    /// From PKCS #8, SEC 1 or PKCS #1. A key of RSA is for RS256 unless `algorithm` says PS256.
    pub fn from_der(der: &[u8], algorithm: Option<Algorithm>) -> Result<Self, SigningKeyFault> {
        let okp = || Ed25519KeyPair::from_pkcs8(der).ok().map(Pair::Okp);
        let ec =
            || EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Pair::Ec);
        let rsa =
            || rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der)).ok().map(Pair::Rsa);
        let pair = okp().or_else(ec).or_else(rsa).ok_or(SigningKeyFault::Unreadable)?;
        Self::new(pair, algorithm)
    }

    pub(super) fn new(pair: Pair, algorithm: Option<Algorithm>) -> Result<Self, SigningKeyFault> {
        let (is, public) = match &pair {
            Pair::Okp(pair) => (Algorithm::EdDsa, public_okp(pair)),
            Pair::Ec(pair) => (Algorithm::Es256, public_ec(pair)),
            Pair::Rsa(pair) if algorithm == Some(Algorithm::Ps256) => (Algorithm::Ps256, public_rsa(pair)),
            Pair::Rsa(pair) => (Algorithm::Rs256, public_rsa(pair)),
        };
        let wanted = algorithm.unwrap_or(is);
        if wanted != is {
            return Err(SigningKeyFault::OtherAlgorithm { is, wanted });
        }
        let public = VerifyingKey::new(is, public.ok_or(SigningKeyFault::Cryptography)?)?;
        Ok(Self { pair, public })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// What verifies this key's signatures.
    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// PKCS #8, to be kept where nobody else can read it.
    pub fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningKeyFault> {
        let der: Pkcs8V1Der<'_> = match &self.pair {
            Pair::Okp(pair) => pair.as_der(),
            Pair::Rsa(pair) => pair.as_der(),
            Pair::Ec(pair) => {
                let document = pair.to_pkcs8v1().map_err(|_| SigningKeyFault::Cryptography)?;
                return Ok(Zeroizing::new(document.as_ref().to_vec()));
            }
        }
        .map_err(|_| SigningKeyFault::Cryptography)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// `None` when the cryptography fails.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Okp(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
            Pair::Ec(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let padding =
                    if self.algorithm() == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.public.thumbprint())
    }
}

fn public_okp(pair: &Ed25519KeyPair) -> Option<PublicPart> {
    Some(PublicPart::Okp { x: pair.public_key().as_ref().try_into().ok()? })
}

pub(super) fn public_ec(pair: &EcdsaKeyPair) -> Option<PublicPart> {
    // Uncompressed (SEC 1 §2.3.3).
    let [4, point @ ..] = pair.public_key().as_ref() else { return None };
    let (x, y) = point.split_at_checked(32)?;
    Some(PublicPart::Ec { curve: Curve::P256, x: x.to_vec(), y: y.to_vec() })
}

pub(super) fn public_rsa(pair: &rsa::KeyPair) -> Option<PublicPart> {
    // RSAPublicKey (RFC 8017 A.1.1): a sequence of two integers.
    let (sequence, rest) = der(0x30, pair.public_key().as_ref())?;
    let (n, after) = der(0x02, sequence)?;
    let (e, end) = der(0x02, after)?;
    let unsigned = |bytes: &[u8]| bytes.strip_prefix(&[0]).unwrap_or(bytes).to_vec();
    (rest.is_empty() && end.is_empty()).then(|| PublicPart::Rsa { n: unsigned(n), e: unsigned(e) })
}

/// The contents of the value of this type that comes first, and what follows it.
fn der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(*short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), rest.get(2..)?),
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_here_signs_what_its_public_part_verifies_also_after_being_kept() {
        for algorithm in Algorithm::OWN.into_iter().skip(1) {
            let made = SigningKey::generate(algorithm).unwrap();
            let kept = SigningKey::from_der(&made.pkcs8().unwrap(), Some(algorithm)).unwrap();
            assert!(kept.public().same_key_as(made.public()), "{algorithm}");
            for (one, other) in [(&made, &kept), (&kept, &made)] {
                let signature = one.sign(b"a.b").unwrap();
                assert!(other.public().verifies(b"a.b", &signature), "{algorithm}");
                assert!(!other.public().verifies(b"a.c", &signature), "{algorithm}");
            }
            let other = SigningKey::generate(algorithm).unwrap();
            assert!(!other.public().verifies(b"a.b", &made.sign(b"a.b").unwrap()), "{algorithm}");
            assert_ne!(other.public().thumbprint(), made.public().thumbprint());
        }
    }

    #[test]
    fn a_key_says_what_it_is_and_never_what_it_holds() {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let thumbprint = key.public().thumbprint();
        assert_eq!(format!("{key:?}"), format!("SigningKey(EdDSA {thumbprint})"));
    }

    #[test]
    fn a_key_of_another_kind_and_bytes_that_are_none_are_refused() {
        let der = SigningKey::generate(Algorithm::EdDsa).unwrap().pkcs8().unwrap();
        let refused = SigningKey::from_der(&der, Some(Algorithm::Es256)).unwrap_err();
        let other = SigningKeyFault::OtherAlgorithm { is: Algorithm::EdDsa, wanted: Algorithm::Es256 };
        assert_eq!(refused, other);
        for wrong in [&der[1..], &der[..der.len() - 1], b"", b"0", &[0; 48]] {
            assert_eq!(SigningKey::from_der(wrong, None).unwrap_err(), SigningKeyFault::Unreadable);
        }
        assert_eq!(SigningKey::generate(Algorithm::Hs256).unwrap_err(), SigningKeyFault::Symmetric);
        let refused = SigningKey::generate(Algorithm::Es384).unwrap_err();
        assert_eq!(refused, SigningKeyFault::OfOthers(Algorithm::Es384));
    }
}
