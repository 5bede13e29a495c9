//! Drivers behind the ports of `store` and `notify`. One adapter never names another.

pub mod embedded;
pub mod jwks;
pub mod mail;
pub mod own_first;
pub mod redis;
pub mod sled;
pub mod webhook;
