//! Other issuers: whose tokens are accepted beside our own, what they are taken for, and what
//! happens while an issuer is away.

mod configuration;
pub(crate) mod handmade;
mod identity;
mod keys;
mod legacy;
mod provider;
mod revocation;
mod strictness;
mod subjects;
mod withdrawn;
