//! Client certificates as a credential: whom they are taken for, what is refused, and what becomes of a
//! connection when its certificate is no longer good.

mod configuration;
mod ending;
mod handshake;
mod identity;
mod lists;
mod pages;

use crate::listening::https;
use crate::support::authority::{Authority, Certified, Encrypted};
use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// A service, the authority of the machines that use it, and that of the gateway's own certificate.
struct Site {
    upstream: Upstream,
    machines: Authority,
    servers: Authority,
    server: Certified,
}

impl Site {
    fn new() -> Self {
        let servers = Authority::new();
        let server = servers.certify("server", &["localhost"]);
        Self { upstream: Upstream::start(), machines: Authority::new(), servers, server }
    }

    /// A gateway whose listener asks for certificates so. `more` are further lines of the issuer.
    fn asking(&self, asks: &str, more: &str) -> Setup {
        self.asking_for(asks, &self.machines.entry("machines", more))
    }

    /// The same of this issuer.
    fn asking_for(&self, asks: &str, issuer: &str) -> Setup {
        let tls = https(&[&self.server], &format!("client_certificates = \"{asks}\""));
        Setup::new(&format!("{issuer}\n{tls}\n"))
            .upstream("app", &self.upstream.address.to_string())
            .route("pumps", "/pumps", "app", "issuers = [\"machines\"]\ncredentials = [\"certificate\"]")
            .route(
                "either",
                "/either",
                "app",
                "issuers = [\"machines\", \"own\"]\ncredentials = [\"header\", \"certificate\"]",
            )
            .route("open", "/open", "app", "auth = \"public\"")
            .route("people", "/people", "app", "")
            .unlimited()
    }

    /// A connection of HTTP/1.1; `None` where the handshake fails.
    fn connect(&self, gateway: &Gateway, own: Option<&Certified>) -> Option<Encrypted> {
        let config = self.servers.client_with(&["http/1.1"], own, rustls::ALL_VERSIONS);
        Encrypted::connect(gateway.further[0], "localhost", config).ok()
    }

    /// The status of one request over a connection of its own; `None` where there is no answer.
    fn status(&self, gateway: &Gateway, own: Option<&Certified>, path: &str) -> Option<u16> {
        // In version 1.3 a client learns only afterwards that its certificate was refused.
        Some(self.connect(gateway, own)?.get(path)?.status)
    }
}
