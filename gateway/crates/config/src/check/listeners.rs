//! Listeners: where clients come in, and how they are spoken with.

use std::net::SocketAddr;

use super::Checker;
use crate::file::File;
use crate::issuer_entry::{IssuerEntry, Kind};
use crate::listener_entry::{ClientCertificates, ListenerEntry, ListenerTlsEntry};
use gateway_edge::{CertificateFiles, ClientFiles, ListenerSettings, TlsFiles, TlsMaterial};

impl Checker<'_> {
    /// The first one, which is always there, and all further ones.
    pub(super) fn listeners(&mut self, file: &File) -> Vec<ListenerSettings> {
        let mut listeners = Vec::new();
        if let Some(address) = self.address("server.listen", &file.server.listen) {
            listeners.push(plain("server.listen".to_owned(), address));
        }
        for (index, entry) in file.listeners.iter().enumerate() {
            listeners.extend(self.listener(&format!("listeners[{index}]"), entry, &file.issuers));
        }
        listeners
    }

    fn listener(
        &mut self,
        key: &str,
        entry: &ListenerEntry,
        issuers: &[IssuerEntry],
    ) -> Option<ListenerSettings> {
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
            Some(tls) => (Some(self.tls_of_listener(key, tls, issuers)?), hsts(tls)),
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

    fn tls_of_listener(
        &mut self,
        key: &str,
        entry: &ListenerTlsEntry,
        issuers: &[IssuerEntry],
    ) -> Option<TlsMaterial> {
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
            clients: self.clients(key, entry, issuers),
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

impl Checker<'_> {
    /// Whom clients of a listener are asked for certificates of: its own authorities, or those of issuers.
    fn clients(
        &mut self,
        key: &str,
        entry: &ListenerTlsEntry,
        issuers: &[IssuerEntry],
    ) -> Option<ClientFiles> {
        let required = match entry.client_certificates {
            ClientCertificates::Off => {
                let authorities = vec![entry.client_ca_file.clone()?];
                return Some(ClientFiles { authorities, lists: Vec::new(), required: true, identify: false });
            }
            ClientCertificates::Optional => false,
            ClientCertificates::Required => true,
        };
        if entry.client_ca_file.is_some() {
            self.fault(format!("{key}.tls: client_ca_file and client_certificates exclude each other: the first asks each client for a certificate of its own authorities, the second for one of an issuer; name the file as ca_file of an issuer of kind = \"certificate\""));
        }
        let of_kind = issuers.iter().filter(|issuer| issuer.kind == Kind::Certificate);
        let authorities: Vec<_> = of_kind.clone().filter_map(|issuer| issuer.ca_file.clone()).collect();
        if authorities.is_empty() {
            // One without its file was complained of already.
            if of_kind.clone().next().is_none() && !self.unread.contains(&"issuers") {
                self.fault(format!("{key}.tls: client_certificates asks for certificates of issuers, and there is no issuer of kind = \"certificate\"; docs/certificates.md has an example"));
            }
            return None;
        }
        let lists = of_kind.filter_map(|issuer| issuer.crl_file.clone()).collect();
        Some(ClientFiles { authorities, lists, required, identify: true })
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
