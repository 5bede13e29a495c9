//! The signature algorithms that there are here. None of them is ever chosen by a token.

use std::fmt;

use serde::{Deserialize, Serialize};

/// RFC 7518 §3.1 and RFC 8037 §3.1.
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
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256, Self::Ps256];

    /// Those whose verification needs no secret.
    pub const ASYMMETRIC: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Rs256, Self::Ps256];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// By its exact name, as `alg` has it; RFC 9864 also calls EdDSA on this curve `Ed25519`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "Ed25519" => Some(Self::EdDsa),
            _ => Self::ALL.into_iter().find(|algorithm| algorithm.name() == name),
        }
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
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
        }
        assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDsa));
        for wrong in ["none", "None", "", "hs256", "HS384", "eddsa", "ES256K", "RS256 ", "Ed448"] {
            assert_eq!(Algorithm::named(wrong), None, "{wrong}");
        }
    }
}
