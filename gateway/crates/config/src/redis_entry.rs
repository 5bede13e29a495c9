//! What the operator wrote about Redis: how it is reached, and when it is not believed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisEntry {
    pub url: String,
    pub ca_file: Option<PathBuf>,
    pub check_timeout_ms: u64,
    pub fail: Fail,
    pub eviction: Eviction,
}

/// What happens to a request whose token cannot be checked for revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fail {
    #[default]
    Closed,
    Open,
}

/// Whether a Redis that may evict revocations is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Eviction {
    #[default]
    Refuse,
    Tolerate,
}

impl Default for RedisEntry {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: None,
            check_timeout_ms: 50,
            fail: Fail::Closed,
            eviction: Eviction::Refuse,
        }
    }
}
