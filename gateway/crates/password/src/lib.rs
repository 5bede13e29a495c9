//! Passwords: the rules for choosing one, and hashing. The only room that names
//! `argon2`, `scrypt`, `bcrypt` and `zxcvbn`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod hash;
mod imported;
mod policy;
mod pool;
mod queue;

pub use hash::{Cost, CostFault, Verdict};
pub use imported::{ImportedHash, Method, owed};
pub use policy::{
    BreachedList, ListFault, Owner, PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN, Policy, Weakness,
    breaks_a_rule,
};
pub use pool::{HashPool, OnHashed, Overloaded, PoolFigures, PoolSettings};

/// A password on its way through. It never prints, and is wiped when dropped.
pub type Password = secrecy::SecretString;
