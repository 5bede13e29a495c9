//! Tokens of other issuers: whom they name, what proves them, and what they say in our words.

mod claims;
mod header;
mod json;
mod jwks;
mod legacy;
mod numbers;
mod path;
mod source;
mod verify;

pub use claims::{AuthenticForeign, ForeignClaims, Mapping};
pub use jwks::{JwksFault, KeySet};
pub use legacy::LegacySecret;
pub use numbers::{Numbers, begins_like_number, is_chosen};
pub use path::ClaimPath;
pub use source::{Asked, KeySource};
pub use verify::{Candidate, ForeignIssuer, ForeignIssuers, Proof, Published, Unproved};
