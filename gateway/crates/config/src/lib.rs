//! The configuration: what the operator wrote, and what the program needs. No other room knows it.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod changes;
mod check;
mod csrf_key;
mod file;
mod finding;
mod fingerprint;
mod issuer_entry;
mod kept_secret;
mod key_folder;
mod limits_entry;
mod listener_entry;
mod load;
mod log_key;
mod mail_entry;
mod malformed_entries;
mod owner;
mod places;
mod private_file;
mod read_once;
mod redis_entry;
mod rotation;
mod secret_source;
mod shape;
mod store_entry;
mod suggest;
mod upstream_entry;
mod variables;
mod webhook_entry;

pub use changes::{changed, needing_restart};
pub use check::{
    Checked, Faults, Found, IssuerSettings, KeyPolicy, KeysFrom, MailSettings, ProofSettings, Reloadable,
    RevocationSettings, RouteLimits, check, examine,
};
pub use csrf_key::{csrf_key, kept_csrf_key, random_csrf_key};
pub use file::{File, RouteEntry};
pub use finding::Finding;
pub use fingerprint::fingerprint;
pub use key_folder::{FoundKey, KeyFolder, KeyUse};
pub use load::{Flags, Loaded, Source, load};
pub use log_key::log_hash_key;
pub use owner::owned_by_another;
pub use read_once::{called, is_standard_input};
pub use rotation::{Rotated, rotate};
pub use secret_source::{Environment, Given, Secrets};
pub use upstream_entry::UpstreamEntry;
pub use webhook_entry::WebhookEntry;
