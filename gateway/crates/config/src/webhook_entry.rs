//! What the operator writes about the service that learns of deleted accounts: `[webhook]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookEntry {
    /// Empty: nobody is told.
    pub url: String,
    /// Where the host of the URL is reached; its name and port then lead nowhere else.
    pub socket: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub timeout_seconds: u64,
}

impl Default for WebhookEntry {
    fn default() -> Self {
        Self { url: String::new(), socket: None, ca_file: None, timeout_seconds: 10 }
    }
}

impl WebhookEntry {
    /// To a service that listens on this socket.
    pub fn through(socket: &Path, url: &str) -> Self {
        Self { url: url.to_owned(), socket: Some(socket.to_owned()), ..Self::default() }
    }

    /// One with everything that may be absent.
    pub(super) fn sample() -> Self {
        Self { socket: Some("service.sock".into()), ca_file: Some("ca.pem".into()), ..Self::default() }
    }
}
