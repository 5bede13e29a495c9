//! Public keys that an operator has in a file, in place of those that an issuer publishes: a JWK set
//! or one JWK, or PEM as `openssl` writes it. Only the text: where the file lies is not known here.

use rustls::pki_types::pem::{PemObject as _, SectionKind};
use serde_json::Value;
use thiserror::Error;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::json;
use super::jwks::KeySet;
use crate::verifying_key::{Curve, PublicPart};
use crate::{Algorithm, JwkFault, VerifyingKey};

/// Each costs one verification for each token: a key and the one before it, twice.
const PEM_KEYS_MAX: usize = 4;

/// Why a file of keys is not used.
#[derive(Debug, Error)]
pub enum GivenFault {
    #[error(
        "it has neither a JWK set (RFC 7517 §5) nor keys in PEM (`BEGIN PUBLIC KEY`, or `BEGIN CERTIFICATE`)"
    )]
    Nothing,
    #[error("none of its keys can be used: {0}")]
    Unusable(String),
    #[error(
        "its block {0} of PEM is a private key: whoever can read it can sign; write the public part (`openssl pkey -pubout`)"
    )]
    Private(usize),
    #[error("{0}")]
    PrivateJwk(String),
    #[error("its block {0} of PEM is no public key of RSA, Ed25519, P-256, P-384 or P-521")]
    NoKey(usize),
    #[error("its block {0} of PEM: {1}")]
    Key(usize, JwkFault),
    #[error(
        "it has more than {PEM_KEYS_MAX} keys in PEM, and each is tried for each token; a JWK set has names for them"
    )]
    TooMany,
}

impl KeySet {
    /// Of each key in PEM it is tried whether it signed a token, since it has no name.
    pub fn given(text: &[u8], algorithms: &[Algorithm]) -> Result<Self, GivenFault> {
        if !text.trim_ascii_start().starts_with(b"{") {
            return pem(text, algorithms);
        }
        let read = json::object(text).ok_or(GivenFault::Nothing)?;
        let read = match read.get("keys") {
            Some(Value::Array(listed)) => Self::from_list(listed, algorithms),
            Some(_) => return Err(GivenFault::Nothing),
            None => Self::from_list(&[Value::Object(read)], algorithms),
        };
        if let Some(private) = read.private() {
            return Err(GivenFault::PrivateJwk(private.to_string()));
        }
        if read.is_empty() { Err(GivenFault::Unusable(read.in_words())) } else { Ok(read) }
    }
}

fn pem(text: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, GivenFault> {
    // By its first line: what is encrypted, or of a kind that is not known, is passed over below.
    let begins = text.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"-----BEGIN "));
    if let Some(before) =
        begins.map(<[u8]>::trim_ascii_end).position(|line| line.ends_with(b"PRIVATE KEY-----"))
    {
        return Err(GivenFault::Private(before + 1));
    }
    let mut keys = Vec::new();
    let mut blocks = 0;
    for block in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = block.map_err(|_| GivenFault::Nothing)?;
        blocks += 1;
        let public = match kind {
            SectionKind::PublicKey => public_part(&der),
            SectionKind::Certificate => X509Certificate::from_der(&der)
                .ok()
                .and_then(|(_, certificate)| public_part(certificate.tbs_certificate.subject_pki.raw)),
            _ => None,
        };
        let public = public.ok_or(GivenFault::NoKey(blocks))?;
        let all = public.algorithms();
        let mut fitting = all.iter().copied().filter(|algorithm| algorithms.contains(algorithm)).peekable();
        if fitting.peek().is_none() {
            return Err(GivenFault::Key(blocks, JwkFault::NotAllowed(all)));
        }
        let made = fitting.map(|algorithm| VerifyingKey::new(algorithm, public.clone()));
        keys.extend(made.collect::<Result<Vec<_>, _>>().map_err(|fault| GivenFault::Key(blocks, fault))?);
    }
    match blocks {
        0 => Err(GivenFault::Nothing),
        1..=PEM_KEYS_MAX => Ok(KeySet::nameless(keys)),
        _ => Err(GivenFault::TooMany),
    }
}

/// Of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), if it is of a kind that is used.
fn public_part(der: &[u8]) -> Option<PublicPart> {
    let (rest, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
    rest.is_empty().then_some(())?;
    let unsigned = |bytes: &[u8]| bytes.strip_prefix(&[0]).unwrap_or(bytes).to_vec();
    let bytes = &*info.subject_public_key.data;
    match info.parsed().ok()? {
        PublicKey::RSA(key) => Some(PublicPart::Rsa { n: unsigned(key.modulus), e: unsigned(key.exponent) }),
        PublicKey::EC(_) if info.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY => {
            let named = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
            let curves = [
                (OID_EC_P256, Curve::P256),
                (OID_NIST_EC_P384, Curve::P384),
                (OID_NIST_EC_P521, Curve::P521),
            ];
            let (_, curve) = curves.into_iter().find(|(oid, _)| *oid == named)?;
            // Uncompressed (SEC 1 §2.3.3).
            let [4, point @ ..] = bytes else { return None };
            let (x, y) = point.split_at_checked(curve.bytes())?;
            Some(PublicPart::Ec { curve, x: x.to_vec(), y: y.to_vec() })
        }
        _ if info.algorithm.algorithm == OID_SIG_ED25519 => {
            Some(PublicPart::Okp { x: bytes.try_into().ok()? })
        }
        _ => None,
    }
}
