//! JSON Web Tokens: pure computation, and the only room that names `jsonwebtoken`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod algorithm;
mod assertion;
mod claims;
mod foreign;
mod header;
mod issue;
mod jwk;
mod jwks;
mod key_file;
mod key_ring;
mod keys;
mod own_fault;
mod private_jwk;

mod signing_key;
#[cfg(test)]
mod tests;
mod verified_tokens;
mod verify;
mod verifying_key;

pub use algorithm::Algorithm;
pub use assertion::{AssertionFacts, AssertionIssuer, SignedAssertion};
pub use claims::{AuthenticClaims, RefreshClaims, VerifiedClaims};
pub use foreign::{
    Asked, AuthenticForeign, Authority, Candidate, CertificateFault, ClaimPath, Fault, ForeignClaims,
    ForeignIssuer, ForeignIssuers, GivenFault, GivenKeys, JwksFault, KeySet, KeySource, LeftOut,
    LegacySecret, Listed, Mapping, Numbers, PeerCertificate, Proof, Published, RefusedToken, RevocationLists,
    SUBJECT_FACTS, Unproved, Untimely, Way, begins_like_number, is_chosen,
};
pub use issue::{AccessGrant, Issuer, RefreshFacts, SigningFault, TokenTerms};
pub use jwk::{Jwk, JwkFault, KID_BYTES_MAX, is_kid};
pub use jwks::jwks;
pub use key_file::{DatedKey, KeyFileFault};
pub use key_ring::{KeyRing, KeyState, OwnKey, RingFault, Secret, SignBy};
pub use keys::{HmacKey, KEY_BYTES_MIN, KeyFault};
pub use own_fault::OwnFault;
pub use signing_key::{SigningKey, SigningKeyFault};
pub use verified_tokens::TOKENS_REMEMBERED_MAX;
pub use verify::{RawToken, TOKEN_BYTES_MAX, TokenFault, Verifier};
pub use verifying_key::VerifyingKey;

/// Installs the cryptography and proves that it works: signs one token and verifies it.
/// Without it the first login, rather than the start, would tell that something is missing.
pub fn install_cryptography() -> Result<(), String> {
    // `Err` says that a provider is there already, which is what we want.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().ok();
    keys::self_check()
}
