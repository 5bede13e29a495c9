//! Where requests go: a URL, looked up once, so that no name is resolved while time is measured.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use gateway_command::trust::{Anybody, roots};

/// What was written on the command line or in the configuration.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) is_tls: bool,
    /// Host, and port if it was named: for `Host`.
    pub(super) authority: String,
    pub(super) target: PathAndQuery,
    host: String,
    port: u16,
}

/// A place that can be connected to.
#[derive(Clone)]
pub(super) struct Reached {
    pub(super) address: SocketAddr,
    /// Where TLS is spoken: how, and with whom.
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// The authorities that are believed.
#[derive(clap::Args)]
pub(super) struct Trust {
    /// A certificate authority for https, as a PEM file, in place of the machine's
    #[arg(long, alias = "cacert", value_name = "FILE", conflicts_with = "insecure")]
    ca_file: Option<std::path::PathBuf>,
    /// Take any certificate for the right one; whoever answers then gets the tokens
    #[arg(long)]
    insecure: bool,
}

impl Place {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let example = "write for example http://127.0.0.1:8080/api/todos";
        let uri: http::Uri = url.parse().map_err(|_| format!("`{url}` is no URL; {example}"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(format!("`{url}`: only http:// and https:// can be measured; {example}")),
        };
        let authority = uri.authority().ok_or_else(|| format!("`{url}`: a host is missing; {example}"))?;
        if authority.as_str().contains('@') {
            return Err(format!("a name or password does not belong in a URL here; {example}"));
        }
        Ok(Self {
            is_tls,
            authority: authority.to_string(),
            target: uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")),
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        })
    }

    /// The same server, at this path.
    pub(super) fn at(&self, path: &str) -> Result<Self, String> {
        let target = path.parse().ok().filter(|_| path.starts_with('/'));
        let target = target.ok_or(format!("`{path}` is no path; write for example /api/todos"))?;
        Ok(Self { target, ..self.clone() })
    }

    pub(super) fn reach(&self, trust: &Trust) -> Result<Reached, String> {
        let fault = |fault: &dyn std::fmt::Display| format!("{}:{}: {fault}", self.host, self.port);
        let addresses = (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| fault(&error))?;
        let mut last = fault(&"the name has no address");
        for address in addresses {
            match std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                Ok(_) => return Ok(Reached { address, tls: self.tls(trust)? }),
                Err(error) => {
                    last = fault(&format!("cannot connect: {error}; is it running, and is the port right?"))
                }
            }
        }
        Err(last)
    }

    fn tls(&self, trust: &Trust) -> Result<Option<(Arc<ClientConfig>, ServerName<'static>)>, String> {
        if !self.is_tls {
            return Ok(None);
        }
        let builder = ClientConfig::builder();
        let builder = match trust.insecure {
            true => builder.dangerous().with_custom_certificate_verifier(Anybody::new()?),
            false => builder.with_root_certificates(roots(trust.ca_file.as_deref().map(Path::new))?),
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|_| format!("{}: a certificate cannot be for such a name", self.host))?;
        Ok(Some((Arc::new(config), name)))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        // A query may hold what is not to be shown.
        write!(f, "{scheme}://{}{}", self.authority, self.target.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_url_of_http_and_its_query_is_never_shown() {
        let place = Place::parse("http://[::1]:8080/a?key=b").unwrap();
        assert_eq!((place.host.as_str(), place.port, place.target.as_str()), ("::1", 8080, "/a?key=b"));
        assert_eq!(place.to_string(), "http://[::1]:8080/a");
        assert_eq!(place.at("/c").unwrap().to_string(), "http://[::1]:8080/c");
        assert_eq!(Place::parse("https://example.com").unwrap().port, 443);
        for wrong in ["", "127.0.0.1:80", "ftp://a/", "http://", "/a", "http://u:p@a/"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
        assert!(place.at("c").is_err());
    }
}
