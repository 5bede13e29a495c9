//! Upstreams: their servers, and how these are chosen, checked and reached.

mod heads;
mod meant;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::Checker;
use crate::file::File;
use crate::upstream_entry as written;
use crate::upstream_entry::{TlsEntry, UpstreamEntry};
use gateway_edge::CertificateEnd;
use gateway_pipeline::{
    Balance, ClientCertificate, Ejection, Health, Protocol, Server, Target, Timeouts, Tls, Upstream,
    is_authority,
};

/// Each further try is one more wait for the client, and one more request for servers in need.
const RETRIES_MAX: u32 = 5;
/// More would make a ring of hashes too large.
const WEIGHT_MAX: u32 = 100;

/// Below the second of Starman, which of the servers in common use keeps connections for the shortest
/// time; gunicorn's threads keep them for two, uWSGI for four, uvicorn, Apache and Node for five or so.
const IDLE_MS: u64 = 750;
/// A server of HTTP/2 says that it is about to close (GOAWAY, RFC 9113 §6.8), and what it did not do.
const IDLE_HTTP2_MS: u64 = 60_000;
impl Checker<'_> {
    pub(super) fn upstreams(&mut self, file: &File) -> Vec<Arc<Upstream>> {
        let upstreams: Vec<_> = file.upstreams.iter().filter_map(|entry| self.upstream(entry)).collect();
        for (index, upstream) in upstreams.iter().enumerate() {
            if upstreams.iter().take(index).any(|other| other.name == upstream.name) {
                self.fault(format!("upstreams: the name `{}` occurs twice", upstream.name));
            }
        }
        self.open_ways(file, &upstreams);
        upstreams
    }

    fn upstream(&mut self, entry: &UpstreamEntry) -> Option<Arc<Upstream>> {
        let name = &entry.name;
        let idle = entry.idle_timeout_ms.unwrap_or(match entry.protocol {
            written::Protocol::Http1 => IDLE_MS,
            written::Protocol::Http2 => IDLE_HTTP2_MS,
        });
        let times = [entry.connect_timeout_ms, entry.read_timeout_ms, entry.write_timeout_ms, idle];
        if times.contains(&0) {
            self.fault(format!("upstream `{name}`: a timeout of 0 ms would refuse every request"));
        }
        let [connect, read, write, idle] = times.map(Duration::from_millis);
        if entry.retries > RETRIES_MAX {
            self.fault(format!(
                "upstream `{name}`: retries = {}: allowed are 0 to {RETRIES_MAX}",
                entry.retries
            ));
        }
        if entry.connections_max == 0 {
            self.fault(format!("upstream `{name}`: connections_max must be at least 1"));
        }
        if entry.dns_refresh_seconds == 0 {
            self.fault(format!("upstream `{name}`: dns_refresh_seconds must be at least 1"));
        }
        if entry.reuse_after_body && entry.protocol == written::Protocol::Http2 {
            self.fault(format!(
                "upstream `{name}`: reuse_after_body is about connections of HTTP/1.1; leave it out, or write protocol = \"http1\""
            ));
        }
        let head_limits = self.head_limits(entry);
        let servers = self.servers(entry);
        let health = entry.health.as_ref().map(|health| self.health(name, health));
        let ejection = self.ejection(entry);
        let tls = match &entry.tls {
            Some(tls) => Some(self.tls(name, tls, servers.as_deref().unwrap_or_default())?),
            None => None,
        };
        let host = self.host(entry, servers.as_deref().unwrap_or_default());
        Some(Arc::new(Upstream {
            name: name.clone(),
            servers: servers?,
            balance: match entry.balance {
                written::Balance::RoundRobin => Balance::RoundRobin,
                written::Balance::LeastConnections => Balance::LeastConnections,
                written::Balance::HashUser => Balance::HashUser,
                written::Balance::HashAddress => Balance::HashAddress,
            },
            protocol: match entry.protocol {
                written::Protocol::Http1 => Protocol::Http1,
                written::Protocol::Http2 => Protocol::Http2,
            },
            host,
            tls,
            timeouts: Timeouts { connect, read, write, idle },
            retries: entry.retries,
            health,
            ejection,
            dns_refresh: Duration::from_secs(entry.dns_refresh_seconds),
            connections_max: entry.connections_max,
            reuse_after_body: entry.reuse_after_body,
            head_limits,
        }))
    }

    /// None, if any of them cannot be used.
    fn servers(&mut self, entry: &UpstreamEntry) -> Option<Vec<Server>> {
        let name = &entry.name;
        let all: Vec<_> = match (&entry.address, &entry.servers[..]) {
            (Some(address), []) => vec![(address, 1)],
            (None, [_, ..]) => entry.servers.iter().map(|server| (&server.address, server.weight)).collect(),
            (Some(_), _) => {
                self.fault(format!(
                    "upstream `{name}`: write `address` for one server or `servers` for several, not both"
                ));
                return None;
            }
            (None, []) => {
                self.fault(format!(
                    "upstream `{name}`: no server; write address = \"127.0.0.1:8081\", or servers = [{{ address = \"10.0.0.1:8081\", weight = 2 }}]"
                ));
                return None;
            }
        };
        let mut servers: Vec<Server> = Vec::new();
        for (address, weight) in &all {
            if !(1..=WEIGHT_MAX).contains(weight) {
                self.fault(format!("upstream `{name}`: server \"{address}\": weight = {weight}: allowed are 1 to {WEIGHT_MAX}"));
            }
            match target(address) {
                Some(target) if servers.iter().any(|server| server.target == target) => {
                    self.fault(format!("upstream `{name}`: the server \"{address}\" occurs twice; give it a weight instead"));
                }
                Some(target) => servers.push(Server { target, weight: *weight }),
                None => self.fault(format!("upstream `{name}`: address \"{address}\" is neither an address and port (\"127.0.0.1:8081\"), a name and port (\"app.internal:8081\") nor a socket (\"unix:/run/app.sock\"){}", meant::meant(address))),
            }
        }
        let hashed = matches!(entry.balance, written::Balance::HashUser | written::Balance::HashAddress);
        if hashed && servers.iter().any(|server| matches!(server.target, Target::Unix(_))) {
            self.fault(format!("upstream `{name}`: hashing needs servers with network addresses; a unix socket has none: use round_robin or least_connections"));
        }
        (servers.len() == all.len()).then_some(servers)
    }

    /// What `Host` says; none where it is what the client said.
    fn host(&mut self, entry: &UpstreamEntry, servers: &[Server]) -> Option<HeaderValue> {
        let name = &entry.name;
        let text = match (entry.host.as_str(), servers) {
            ("client", _) => return None,
            ("upstream", [Server { target: Target::Tcp(address), .. }]) => {
                authority(&host_of(*address), address.port(), entry.tls.is_some())
            }
            ("upstream", [Server { target: Target::Name { host, port }, .. }]) => {
                authority(host, *port, entry.tls.is_some())
            }
            // That it has none was complained of already.
            ("upstream", []) => return None,
            ("upstream", _) => {
                self.fault(format!(
                    "upstream `{name}`: host = \"upstream\" needs one server, with a network address; write the name that it answers to, such as host = \"app.internal\""
                ));
                return None;
            }
            (text, _) if is_authority(text.as_bytes()) => text.to_owned(),
            (text, _) => {
                self.fault(format!(
                    "upstream `{name}`: host = \"{}\" is no host; write \"client\" for what the client asked for, \"upstream\" for the server's address, or a name and perhaps a port, such as \"app.internal\" or \"localhost:8888\"",
                    text.escape_default()
                ));
                return None;
            }
        };
        HeaderValue::try_from(text).ok()
    }

    fn health(&mut self, name: &str, entry: &written::HealthEntry) -> Health {
        if entry.interval_ms == 0
            || entry.timeout_ms == 0
            || entry.unhealthy_after == 0
            || entry.healthy_after == 0
        {
            self.fault(format!("upstream `{name}`: health: interval_ms, timeout_ms, unhealthy_after and healthy_after must be at least 1"));
        }
        if !(100..=599).contains(&entry.expect_status) {
            self.fault(format!(
                "upstream `{name}`: health: expect_status = {} is no status; allowed are 100 to 599",
                entry.expect_status
            ));
        }
        if let Some(path) = &entry.path
            && (!path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err())
        {
            self.fault(format!(
                "upstream `{name}`: health: path = \"{path}\" is no path; write for example \"/healthz\""
            ));
        }
        Health {
            path: entry.path.clone(),
            expect_status: entry.expect_status,
            interval: Duration::from_millis(entry.interval_ms),
            timeout: Duration::from_millis(entry.timeout_ms),
            unhealthy_after: entry.unhealthy_after,
            healthy_after: entry.healthy_after,
        }
    }

    fn ejection(&mut self, entry: &UpstreamEntry) -> Ejection {
        let name = &entry.name;
        if entry.eject_ms == 0 || entry.eject_max_ms < entry.eject_ms {
            self.fault(format!("upstream `{name}`: eject_ms must be at least 1, and eject_max_ms no less than it; eject_after = 0 turns ejection off"));
        }
        for status in entry.eject_statuses.iter().filter(|status| !(500..=599).contains(*status)) {
            self.fault(format!("upstream `{name}`: eject_statuses: {status} says nothing about the server; allowed are 500 to 599"));
        }
        Ejection {
            after: entry.eject_after,
            time: Duration::from_millis(entry.eject_ms),
            time_max: Duration::from_millis(entry.eject_max_ms),
            statuses: entry.eject_statuses.clone(),
        }
    }

    /// None, if a file of it cannot be used.
    fn tls(&mut self, name: &str, entry: &TlsEntry, servers: &[Server]) -> Option<Tls> {
        let before = self.faults.len();
        if let Some(server_name) = &entry.server_name
            && rustls::pki_types::ServerName::try_from(server_name.as_str()).is_err()
        {
            self.fault(format!(
                "upstream `{name}`: tls.server_name = \"{server_name}\" is neither a host name nor an address"
            ));
        }
        let unnamed = servers.iter().find(|server| matches!(server.target, Target::Unix(_)));
        if let (None, Some(server), false) =
            (&entry.server_name, unnamed, entry.danger_accept_any_certificate)
        {
            self.fault(format!("upstream `{name}`: tls.server_name is needed: \"{}\" has no name that its certificate could be for", server.target));
        }
        if entry.danger_accept_any_certificate {
            self.warnings.push(format!(
                "upstream `{name}`: tls.danger_accept_any_certificate = true: whoever answers at its address is taken for it, and gets its requests and identities"
            ));
        }
        let place = format!("upstream `{name}`");
        let authorities = entry.ca_file.as_ref().map(|path| self.authorities(&place, "tls.ca_file", path));
        let client = match (&entry.client_certificate_file, &entry.client_key_file) {
            (Some(chain), Some(key)) => self.client_certificate(name, chain, key),
            (None, None) => None,
            _ => {
                self.fault(format!("upstream `{name}`: tls.client_certificate_file and tls.client_key_file belong together: set both or none"));
                None
            }
        };
        (self.faults.len() == before).then(|| Tls {
            server_name: entry.server_name.clone(),
            authorities,
            client,
            accept_any: entry.danger_accept_any_certificate,
        })
    }

    /// Certificates that others are held against.
    pub(super) fn authorities(&mut self, place: &str, key: &str, path: &Path) -> Vec<Vec<u8>> {
        let certificates = self.certificates(place, key, path);
        let mut roots = rustls::RootCertStore::empty();
        if let Some(fault) = certificates.iter().find_map(|der| roots.add(der.clone().into()).err()) {
            self.fault(format!("{place}: {key}: {}: no authority: {fault}", path.display()));
        }
        certificates
    }

    fn certificates(&mut self, place: &str, key: &str, path: &Path) -> Vec<Vec<u8>> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let certificates: Vec<Vec<u8>> = match read {
            Ok(found) => found.iter().map(|der| der.to_vec()).collect(),
            Err(fault) => {
                self.fault(format!("{place}: {key}: {}: {fault}", path.display()));
                return Vec::new();
            }
        };
        if certificates.is_empty() {
            self.fault(format!("{place}: {key}: {} has no certificate in PEM", path.display()));
        }
        certificates
    }

    fn client_certificate(&mut self, name: &str, chain: &Path, key: &Path) -> Option<ClientCertificate> {
        let certificates =
            self.certificates(&format!("upstream `{name}`"), "tls.client_certificate_file", chain);
        let private = match PrivateKeyDer::from_pem_file(key) {
            Ok(private) => private,
            Err(fault) => {
                self.fault(format!("upstream `{name}`: tls.client_key_file: {}: {fault}", key.display()));
                return None;
            }
        };
        if certificates.is_empty() {
            return None;
        }
        let bytes = Zeroizing::new(private.secret_der().to_vec());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let for_tls = certificates.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let fits = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_client_auth_cert(for_tls, private)
            });
        if let Err(fault) = fits {
            self.fault(format!(
                "upstream `{name}`: {} and {} cannot be used together: {fault}",
                chain.display(),
                key.display()
            ));
            return None;
        }
        let place = format!("upstream `{name}`: tls.client_certificate_file");
        if let Some(end) = CertificateEnd::from_chain(chain, &certificates) {
            self.in_time(&place, &end, "the service refuses it");
        }
        self.private_key(&format!("upstream `{name}`: tls.client_key_file"), key);
        Some(ClientCertificate { chain: certificates, key: bytes })
    }
}

/// RFC 9110 §7.2: without the port that the scheme has anyway.
fn authority(host: &str, port: u16, is_secure: bool) -> String {
    if port == if is_secure { 443 } else { 80 } { host.to_owned() } else { format!("{host}:{port}") }
}

fn host_of(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// What the text of an address stands for.
fn target(text: &str) -> Option<Target> {
    if let Some(path) = text.strip_prefix("unix:") {
        return path.starts_with('/').then(|| Target::Unix(path.into()));
    }
    if let Ok(address) = text.parse() {
        return Some(Target::Tcp(address));
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits is a mistyped address and no name (WHATWG URL, "ends in a number").
    let last = host.rsplit('.').next()?;
    let is_name =
        host.len() <= 253 && host.split('.').all(label) && !last.bytes().all(|byte| byte.is_ascii_digit());
    is_name.then(|| Target::Name { host: host.to_ascii_lowercase(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_number_a_name_or_a_socket() {
        let name = |host: &str, port| Some(Target::Name { host: host.into(), port });
        assert_eq!(target("127.0.0.1:80"), Some(Target::Tcp(([127, 0, 0, 1], 80).into())));
        assert_eq!(target("[::1]:80").unwrap().to_string(), "[::1]:80");
        assert_eq!(target("App.internal:8081"), name("app.internal", 8081));
        assert_eq!(target("my_app:1"), name("my_app", 1));
        assert_eq!(target("unix:/run/app.sock"), Some(Target::Unix("/run/app.sock".into())));
        for wrong in [
            "",
            "127.0.0.1",
            "256.0.0.1:80",
            "app",
            "app:",
            "app:0",
            "app:65536",
            "-a:1",
            "a..b:1",
            "a b:1",
            "http://a:1",
            "unix:x",
        ] {
            assert_eq!(target(wrong), None, "{wrong}");
        }
    }
}
