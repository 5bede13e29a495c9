//! Other issuers: whose tokens are accepted beside our own, what they are taken for, and what
//! happens while an issuer is away.

mod configuration;
mod explained;
mod given;
pub(crate) mod handmade;
mod identity;
mod keys;
mod legacy;
mod libraries;
mod provider;
mod revocation;
mod size;
mod strictness;
mod subjects;
mod unnamed;
mod unusual;
mod withdrawn;
