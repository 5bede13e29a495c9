//! Tokens and certificates of other issuers: whom they name, what proves them, and what they say in our
//! words.

mod certificate;
mod claims;
mod email;
mod fault;
mod given;
mod header;
mod json;
mod jwks;
mod kind;
mod legacy;
mod lists;
mod numbers;
mod path;
mod signed;
mod source;
#[cfg(test)]
mod tests;
mod verify;
mod way;
mod x509;

pub use certificate::{Authority, CertificateFault, PeerCertificate};
pub use claims::{AuthenticForeign, ForeignClaims, Mapping, Untimely};
pub use fault::{Fault, RefusedToken};
pub use given::GivenFault;
pub use jwks::{JwksFault, KeySet, LeftOut};
pub use legacy::LegacySecret;
pub use lists::{Listed, RevocationLists};
pub use numbers::{Numbers, begins_like_number, is_chosen};
pub use path::ClaimPath;
pub use source::{Asked, GivenKeys, KeySource};
pub use verify::{Candidate, ForeignIssuer, ForeignIssuers, Proof, Published, Unproved};
pub use way::Way;
pub use x509::SUBJECT_FACTS;
