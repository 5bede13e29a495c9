//! The configuration: what the operator wrote, and what the program needs. No other room knows it.

mod check;
mod file;
mod load;
mod secret_source;
mod shape;
mod suggest;

pub use check::{Checked, Faults, KeyPolicy, RevocationSettings, RouteLimits, check};
pub use file::{File, RouteEntry, UpstreamEntry};
pub use load::{Flags, Loaded, load};
pub use secret_source::{Environment, Secrets};
