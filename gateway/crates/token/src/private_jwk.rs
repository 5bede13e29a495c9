//! A private JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2) of an operator's own.

use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::jwk::{JwkFault, is_kid};
use super::signing_key::Pair;
use super::verify::decode;
use super::{Algorithm, SigningKey, SigningKeyFault};

/// As it is written; never printed.
#[derive(Deserialize)]
pub(super) struct PrivateJwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    pub(super) kid: Option<String>,
    /// Seconds since 1970; from then on it signs.
    pub(super) nbf: Option<u64>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<String>,
    p: Option<String>,
    q: Option<String>,
    dp: Option<String>,
    dq: Option<String>,
    qi: Option<String>,
    oth: Option<serde::de::IgnoredAny>,
}

impl PrivateJwk {
    pub(super) fn from_json(text: &[u8]) -> Result<Self, JwkFault> {
        let text =
            std::str::from_utf8(text).map_err(|_| JwkFault::Malformed("it is not UTF-8".to_owned()))?;
        // The library's words would quote what it found, which may be the secret.
        let read = serde_json::from_str::<Self>(text).map_err(|fault| {
            JwkFault::Malformed(format!("no such JSON at line {}, column {}", fault.line(), fault.column()))
        });
        let jwk = read?;
        if jwk.kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
            return Err(JwkFault::Kid);
        }
        Ok(jwk)
    }

    /// The key, if its private and its public part belong together.
    pub(super) fn signing(&self) -> Result<SigningKey, SigningKeyFault> {
        let signs = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|o| o == "sign"));
        if !signs || self.r#use.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(SigningKeyFault::Use);
        }
        let algorithm = match &self.alg {
            None => None,
            Some(name) => Some(Algorithm::own(name).ok_or_else(|| JwkFault::Algorithm(name.clone()))?),
        };
        let torn = |_| SigningKeyFault::Torn;
        let pair = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => {
                let (d, x) = (member("d", &self.d)?, member("x", &self.x)?);
                Pair::Okp(Ed25519KeyPair::from_seed_and_public_key(&d, &x).map_err(torn)?)
            }
            ("EC", Some("P-256")) => {
                let (d, x, y) = (member("d", &self.d)?, member("x", &self.x)?, member("y", &self.y)?);
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::Ec(EcdsaKeyPair::from_private_key_and_public_key(algorithm, &d, &point).map_err(torn)?)
            }
            ("RSA", _) if self.oth.is_none() => Pair::Rsa(self.rsa()?),
            ("RSA", _) => return Err(SigningKeyFault::Torn),
            ("OKP" | "EC", _) => return Err(SigningKeyFault::Curve),
            (other, _) => return Err(JwkFault::Type(other.to_owned()).into()),
        };
        SigningKey::new(pair, algorithm)
    }

    fn rsa(&self) -> Result<RsaKeyPair, SigningKeyFault> {
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: member("n", &self.n)?, e: member("e", &self.e)? },
            d: member("d", &self.d)?,
            p: member("p", &self.p)?,
            q: member("q", &self.q)?,
            dP: member("dp", &self.dp)?,
            dQ: member("dq", &self.dq)?,
            qInv: member("qi", &self.qi)?,
        };
        RsaKeyPair::from_components(&components).map_err(|_| SigningKeyFault::Torn)
    }
}

fn member(name: &'static str, value: &Option<String>) -> Result<Zeroizing<Vec<u8>>, JwkFault> {
    let bytes = value.as_ref().and_then(|text| decode(text.as_bytes()));
    bytes.map(Zeroizing::new).ok_or(JwkFault::Member(name))
}
