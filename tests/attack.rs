//! Attacks: what somebody would try who wants in, or wants it to fall. Each chapter is one way to
//! try; none of them may work, and after each the gateway still serves those who behave.

mod allowed_paths;
mod bodies;
mod checklist;
mod claims;
mod cves;
mod floods;
mod framing;
mod header_spoofing;
mod limits;
mod other_proxies;
mod path_tricks;
mod points;
mod signatures;
mod smuggling;
mod tokens;

use crate::support::gateway::{Gateway, Setup};
use crate::support::people::Person;
use crate::support::raw::{RawReply, exchange};
use crate::support::upstream::{Arrived, Upstream};

/// A gateway under attack, between one honest user and an upstream that records what gets through.
pub(crate) struct Siege {
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
    pub(crate) ada: Person,
}

impl Siege {
    pub(crate) fn begin() -> Self {
        Self::with(|setup| setup)
    }

    pub(crate) fn with(more: impl FnOnce(Setup) -> Setup) -> Self {
        Self::against(Upstream::start(), more)
    }

    /// Everything that a client can reach is here once: a public route beside a required one, an
    /// optional one, one for administrators, and one that hands the token on.
    pub(crate) fn against(upstream: Upstream, more: impl FnOnce(Setup) -> Setup) -> Self {
        let setup = Setup::new("")
            .upstream("service", &upstream.address.to_string())
            .route("api", "/api", "service", "")
            .route("admin", "/api/admin", "service", "roles = [\"admin\"]")
            .route("public", "/public", "service", "auth = \"public\"")
            .route("nested", "/api/public", "service", "auth = \"public\"")
            .route("optional", "/optional", "service", "auth = \"optional\"")
            .route("handed_on", "/handed-on", "service", "forward_authorization = true")
            .env("GATEWAY__LIMITS__FAILED_AUTHENTICATION_ADDRESS", "unlimited")
            .env("GATEWAY__LIMITS__USER", "unlimited");
        let gateway = more(setup).start();
        let ada = gateway.user();
        Self { gateway, upstream, ada }
    }

    /// Bytes on a connection of their own; `None` if it was closed without an answer.
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) -> Option<RawReply> {
        exchange(self.gateway.address, bytes)
    }

    /// The status for these bytes; 0 for a closed connection.
    pub(crate) fn status(&self, bytes: impl AsRef<[u8]>) -> u16 {
        self.raw(bytes).map_or(0, |reply| reply.status)
    }

    /// A head for this request line, with a good Host and Ada's token, and these lines after them.
    pub(crate) fn head(&self, line: &str, more: &str) -> String {
        format!("{line}\r\nHost: gateway.example\r\nAuthorization: Bearer {}\r\n{more}\r\n", self.ada.access)
    }

    /// What reached the upstream since this was asked last.
    pub(crate) fn got_through(&self) -> Vec<Arrived> {
        let arrived = self.upstream.arrived();
        self.upstream.forget();
        arrived
    }

    /// Still alive, still honest to the honest, and never at fault: bad input is no 5xx.
    pub(crate) fn stands(&self) {
        assert_eq!(self.gateway.operator().get("/healthz").send().status, 200);
        assert_eq!(self.gateway.ready().status, 200);
        assert_eq!(self.ada.get("/api/auth/profile").json()["user"]["id"], self.ada.id);
        self.upstream.forget();
        let metrics = self.gateway.metrics();
        let faults = metrics.lines().filter(|line| line.contains(r#"status_class="5xx""#));
        for fault in faults {
            assert!(fault.ends_with(" 0"), "bad input made the gateway fail: {fault}");
        }
    }
}
