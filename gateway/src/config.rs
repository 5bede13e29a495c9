//! The configuration: what the operator wrote, and what the program needs. No other room knows it.

mod changes;
mod check;
mod file;
mod fingerprint;
mod issuer_entry;
mod listener_entry;
mod load;
mod secret_source;
mod shape;
mod suggest;
mod upstream_entry;

pub use changes::{changed, needing_restart};
pub use check::{
    Checked, Faults, IssuerSettings, KeyPolicy, ProofSettings, Reloadable, RevocationSettings, RouteLimits,
    check,
};
pub use file::{File, RouteEntry};
pub use fingerprint::fingerprint;
pub use load::{Flags, Loaded, Source, load};
pub use secret_source::{Environment, Secrets};
pub use upstream_entry::UpstreamEntry;
