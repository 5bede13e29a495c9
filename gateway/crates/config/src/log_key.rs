//! The key of the hashes by which the log shows addresses, where it is asked to.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::kept_secret;
use gateway_telemetry::{HashKey, LogSettings, Shown};

/// Its file in the data folder. It is kept, so that an address has the same hash after a restart.
const LOG: &str = "log.key";

/// The key, made where hashes are asked for and there is none. Where they are not, nothing is made.
pub fn log_hash_key(settings: &LogSettings, folder: &Path) -> Result<HashKey, String> {
    if ![settings.addresses, settings.emails].contains(&Shown::Hashed) {
        return Ok(HashKey::default());
    }
    Ok(HashKey::new(kept_secret::make(folder, LOG)?.expose_secret()))
}
