//! Cookies for browsers: whether they are on, and whether browsers will keep them.

use std::net::SocketAddr;

use super::Checker;
use crate::file::File;
use crate::listener_entry::ListenerEntry;
use gateway_pipeline::SameSite;

impl Checker<'_> {
    /// `None` where they are off.
    pub(super) fn cookies(&mut self, file: &File) -> Option<SameSite> {
        if !file.cookies.enabled {
            return None;
        }
        if file.server.trusted_proxies.is_empty() {
            self.ways_without_tls(file);
        }
        if file.refresh.grace_seconds == 0 {
            self.warnings.push(
                "cookies.enabled = true, and refresh.grace_seconds = 0: two tabs of a browser that renew at the same moment end its session".to_owned(),
            );
        }
        Some(file.cookies.same_site)
    }

    /// Nobody in front of us has TLS: whoever comes in by a way without it cannot sign in.
    fn ways_without_tls(&mut self, file: &File) {
        let is_plain = |one: &&ListenerEntry| one.tls.is_none() && one.redirect_to_https_port.is_none();
        let further = file.listeners.iter().filter(is_plain).map(|one| &one.address);
        let is_local = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        let mut are_local = true;
        for address in std::iter::once(&file.server.listen).chain(further) {
            if address.parse().is_ok_and(|address| !is_local(address)) {
                are_local = false;
                self.warnings.push(format!(
                    "cookies.enabled = true, and \"{address}\" has no TLS: who comes in there cannot sign in by cookies (403 cookies_need_https); give a listener TLS and let this one be reached from this machine only, or have one of [[listeners]] with redirect_to_https_port in its place; or name the proxy that has TLS in server.trusted_proxies"
                ));
            }
        }
        if are_local && file.listeners.iter().all(|listener| listener.tls.is_none()) {
            self.notes.push(
                "cookies.enabled = true, and no listener has TLS and server.trusted_proxies is empty: browsers keep these cookies from http://localhost, and else from https:// only; for others than yourself give a listener TLS, or name the proxy that has it".to_owned(),
            );
        }
    }
}
