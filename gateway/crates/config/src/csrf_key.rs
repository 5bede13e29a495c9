//! The key of CSRF tokens, where browsers have cookies.

use std::path::Path;

use secrecy::SecretSlice;

use super::kept_secret;

/// Its file in the data folder. It is kept, so that open pages live through a restart.
const CSRF: &str = "csrf.key";

/// The key, made where there is none.
pub fn csrf_key(folder: &Path) -> Result<SecretSlice<u8>, String> {
    kept_secret::make(folder, CSRF)
}

/// A key for gateways that keep theirs in common.
pub fn random_csrf_key() -> SecretSlice<u8> {
    kept_secret::random()
}

/// The key, if there is one.
pub fn kept_csrf_key(folder: &Path) -> Result<Option<SecretSlice<u8>>, String> {
    kept_secret::read(folder, CSRF)
}
