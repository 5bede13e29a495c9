//! What the operator wrote about the store: a folder, or a database that gateways share.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreEntry {
    pub path: PathBuf,
    pub min_free_bytes: u64,
    /// Empty: the store is in the folder.
    pub url: String,
    pub ca_file: Option<PathBuf>,
    pub timeout_ms: u64,
    pub connections_max: usize,
    pub max_staleness_ms: u64,
}

impl Default for StoreEntry {
    fn default() -> Self {
        Self {
            path: "gateway-data".into(),
            min_free_bytes: 64 * 1_024 * 1_024,
            url: String::new(),
            ca_file: None,
            timeout_ms: 5_000,
            connections_max: 16,
            max_staleness_ms: 1_000,
        }
    }
}
