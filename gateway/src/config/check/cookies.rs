//! Cookies for browsers: whether they are on, and whether browsers will keep them.

use std::net::SocketAddr;

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
        if tls && file.server.trusted_proxies.is_empty() {
            self.warn_of_ways_without_tls(file);
        }
        if file.refresh.grace_seconds == 0 {
            self.warnings.push(
                "cookies.enabled = true, and refresh.grace_seconds = 0: two tabs of a browser that renew at the same moment end its session".to_owned(),
            );
        }
        Some(file.cookies.same_site)
    }

    /// Where one listener has TLS, people come in by the others all the same.
    fn warn_of_ways_without_tls(&mut self, file: &File) {
        let further =
            file.listeners.iter().filter(|one| one.tls.is_none() && one.redirect_to_https_port.is_none());
        let further = further.map(|one| &one.address);
        for address in std::iter::once(&file.server.listen).chain(further) {
            let is_local = |address: SocketAddr| address.ip().to_canonical().is_loopback();
            if address.parse().is_ok_and(|address| !is_local(address)) {
                self.warnings.push(format!(
                    "cookies.enabled = true, and \"{address}\" has no TLS: who comes in there cannot sign in by cookies (403 cookies_need_https); let it be reached from this machine only, or in its place have one of [[listeners]] with redirect_to_https_port"
                ));
            }
        }
    }
}
