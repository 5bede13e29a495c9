//! Cookies for browsers: whether they are on, and whether browsers will keep them.

use super::Checker;
use crate::config::file::File;
use crate::pipeline::SameSite;

impl Checker<'_> {
    /// `None` where they are off.
    pub(super) fn cookies(&mut self, file: &File) -> Option<SameSite> {
        if !file.cookies.enabled {
            return None;
        }
        let tls = file.listeners.iter().any(|listener| listener.tls.is_some());
        if !tls && file.server.trusted_proxies.is_empty() {
            self.warnings.push(
                "cookies.enabled = true, and no listener has TLS and server.trusted_proxies is empty: browsers keep these cookies from https:// only (and from http://localhost); give a listener TLS, or name the proxy that has it".to_owned(),
            );
        }
        if file.refresh.grace_seconds == 0 {
            self.warnings.push(
                "cookies.enabled = true, and refresh.grace_seconds = 0: two tabs of a browser that renew at the same moment end its session".to_owned(),
            );
        }
        Some(file.cookies.same_site)
    }
}
