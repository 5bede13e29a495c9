//! Listeners: where clients come in, and how they are spoken with.

use std::net::SocketAddr;

use super::Checker;
use crate::config::file::File;
use crate::config::listener_entry::{ListenerEntry, ListenerTlsEntry};
use crate::edge::{CertificateFiles, ListenerSettings, TlsFiles, TlsMaterial};

impl Checker<'_> {
    /// The first one, which is always there, and all further ones.
    pub(super) fn listeners(&mut self, file: &File) -> Vec<ListenerSettings> {
        let mut listeners = Vec::new();
        if let Some(address) = self.address("server.listen", &file.server.listen) {
            listeners.push(plain("server.listen".to_owned(), address));
        }
        for (index, entry) in file.listeners.iter().enumerate() {
            listeners.extend(self.listener(&format!("listeners[{index}]"), entry));
        }
        listeners
    }

    fn listener(&mut self, key: &str, entry: &ListenerEntry) -> Option<ListenerSettings> {
        let address = self.address(&format!("{key}.address"), &entry.address);
        if entry.tls.is_some() && entry.h2c {
            self.fault(format!("{key}: h2c is HTTP/2 without TLS, and this listener has TLS: leave one out (HTTP/2 over TLS is tls.http2)"));
        }
        if entry.tls.is_some() && entry.redirect_to_https_port.is_some() {
            self.fault(format!("{key}: redirect_to_https_port is for a listener without TLS: clients of this one speak HTTPS already"));
        }
        let proxies = self.networks(&format!("{key}.proxy_protocol_from"), &entry.proxy_protocol_from);
        if entry.h2c {
            self.warnings.push(format!(
                "{key}: h2c = true: HTTP/2 without TLS; tokens can be read on the way, so keep it on a network that you trust"
            ));
        }
        let (tls, hsts) = match &entry.tls {
            Some(tls) => (Some(self.tls_of_listener(key, tls)?), hsts(tls)),
            None => (None, None),
        };
        Some(ListenerSettings {
            tls,
            hsts,
            h2c: entry.h2c,
            proxy_protocol_from: proxies,
            redirect_to: entry.redirect_to_https_port,
            ..plain(key.to_owned(), address?)
        })
    }

    fn tls_of_listener(&mut self, key: &str, entry: &ListenerTlsEntry) -> Option<TlsMaterial> {
        if entry.certificates.is_empty() {
            self.fault(format!("{key}.tls has no certificates: give certificate_file and key_file of each"));
            return None;
        }
        if entry.hsts_subdomains && entry.hsts_seconds == 0 {
            self.fault(format!("{key}.tls: hsts_subdomains says nothing without hsts_seconds"));
        }
        let files = TlsFiles {
            certificates: entry
                .certificates
                .iter()
                .map(|one| CertificateFiles {
                    chain: one.certificate_file.clone(),
                    key: one.key_file.clone(),
                })
                .collect(),
            client_ca: entry.client_ca_file.clone(),
            http2: entry.http2,
        };
        match TlsMaterial::read(&files) {
            Ok(material) => {
                let place = format!("{key}.tls");
                for end in material.ends() {
                    self.in_time(&place, end, "clients refuse it");
                }
                for one in &files.certificates {
                    self.private_key(&place, &one.key);
                }
                Some(material)
            }
            Err(faults) => {
                self.faults.extend(faults.into_iter().map(|fault| format!("{key}.tls: {fault}")));
                None
            }
        }
    }
}

fn plain(name: String, address: SocketAddr) -> ListenerSettings {
    ListenerSettings {
        name,
        address,
        tls: None,
        h2c: false,
        proxy_protocol_from: Vec::new(),
        redirect_to: None,
        hsts: None,
    }
}

/// RFC 6797 §6.1.
fn hsts(entry: &ListenerTlsEntry) -> Option<http::HeaderValue> {
    let subdomains = if entry.hsts_subdomains { "; includeSubDomains" } else { "" };
    let text = format!("max-age={}{subdomains}", entry.hsts_seconds);
    (entry.hsts_seconds > 0).then(|| http::HeaderValue::try_from(text).ok()).flatten()
}
