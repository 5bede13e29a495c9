//! Drivers behind the ports of `store`. One adapter never names another.

pub mod embedded;
pub mod jwks;
pub mod redis;
pub mod sled;
