//! The signature algorithms that there are here. None of them is ever chosen by a token.

use std::fmt;

use serde::{Deserialize, Serialize};

/// RFC 7518 §3.1 and RFC 8037 §3.1. The first five are also those by which tokens are signed here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    #[default]
    #[serde(rename = "HS256")]
    Hs256,
    /// Ed25519, and no other curve.
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "RS384")]
    Rs384,
    #[serde(rename = "RS512")]
    Rs512,
    #[serde(rename = "PS384")]
    Ps384,
    #[serde(rename = "PS512")]
    Ps512,
    /// P-384, and no other curve.
    #[serde(rename = "ES384")]
    Es384,
    /// P-521, and no other curve.
    #[serde(rename = "ES512")]
    Es512,
}

impl Algorithm {
    /// Those of our own tokens, each in its place.
    pub const OWN: [Self; 5] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256, Self::Ps256];

    /// Those whose verification needs no secret: what another issuer may sign by.
    pub const ASYMMETRIC: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// By its exact name, as `alg` has it; RFC 9864 also calls EdDSA on this curve `Ed25519`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "Ed25519" => Some(Self::EdDsa),
            _ => Self::ASYMMETRIC.into_iter().find(|algorithm| algorithm.name() == name),
        }
    }

    /// The same, where tokens are signed by it here.
    pub fn own(name: &str) -> Option<Self> {
        Self::named(name).filter(|algorithm| Self::OWN.contains(algorithm))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_has_its_exact_names_and_no_other() {
        for algorithm in Algorithm::OWN.into_iter().chain(Algorithm::ASYMMETRIC) {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
        }
        assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDsa));
        for wrong in ["none", "None", "", "hs256", "HS384", "eddsa", "ES256K", "RS256 ", "Ed448", "es384"] {
            assert_eq!(Algorithm::named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_only_others_sign_by_signs_nothing_here() {
        for (place, algorithm) in Algorithm::OWN.into_iter().enumerate() {
            assert_eq!((Algorithm::own(algorithm.name()), algorithm as usize), (Some(algorithm), place));
        }
        for theirs in ["RS384", "RS512", "PS384", "PS512", "ES384", "ES512"] {
            assert_eq!(Algorithm::own(theirs), None, "{theirs}");
        }
    }
}
