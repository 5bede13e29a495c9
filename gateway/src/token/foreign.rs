//! Tokens and certificates of other issuers: whom they name, what proves them, and what they say in our
//! words.

mod certificate;
mod claims;
mod header;
mod json;
mod jwks;
mod legacy;
mod numbers;
mod path;
mod source;
mod verify;
mod x509;

pub use certificate::{Authority, PeerCertificate, Unfit};
pub use claims::{AuthenticForeign, ForeignClaims, Mapping};
pub use jwks::{JwksFault, KeySet};
pub use legacy::LegacySecret;
pub use numbers::{Numbers, begins_like_number, is_chosen};
pub use path::ClaimPath;
pub use source::{Asked, KeySource};
pub use verify::{Candidate, ForeignIssuer, ForeignIssuers, Proof, Published, Unproved};
pub use x509::SUBJECT_FACTS;
