//! Ways to services that others could go, too: past the gateway, as whomever they like.

use std::sync::Arc;

use super::Checker;
use crate::file::{Assertion, File};
use gateway_pipeline::{Target, Upstream};

impl Checker<'_> {
    /// A service that does not know its gateway believes anybody.
    pub(super) fn open_ways(&mut self, file: &File, upstreams: &[Arc<Upstream>]) {
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for upstream in upstreams.iter().filter(|upstream| !is_known_to(file, upstream)) {
            for target in upstream.servers.iter().map(|server| &server.target) {
                match target {
                    Target::Unix(_) => {}
                    Target::Tcp(address) if address.ip().is_loopback() => here.push((upstream, target)),
                    Target::Name { host, .. } if host == "localhost" => here.push((upstream, target)),
                    Target::Tcp(_) | Target::Name { .. } => elsewhere.push((upstream, target)),
                }
            }
        }
        let each = |open: &[(&Arc<Upstream>, &Target)]| {
            let each = open.iter().map(|(upstream, target)| format!("`{}` ({target})", upstream.name));
            each.collect::<Vec<_>>().join(", ")
        };
        if !elsewhere.is_empty() {
            let are = if elsewhere.len() == 1 { "is" } else { "are" };
            self.warnings.push(format!("upstreams: {} {are} reached over TCP: whoever can connect there can claim any identity; give each a network of its own, tls.client_certificate_file, or routes with assertion = true", each(&elsewhere)));
        }
        let told = |open: &[(&Arc<Upstream>, &Target)]| {
            let (upstream, target) = open.first()?;
            Some(match open.len() - 1 {
                0 => (format!("upstream `{}` is", upstream.name), target.to_string()),
                more => (
                    format!("upstream `{}` (and {more} more of the servers) is", upstream.name),
                    format!("{target} and the others"),
                ),
            })
        };
        // Each machine has others' programs on it, and most have one operator: no alarm at each start.
        self.notes.extend(told(&here).map(|(who, to)| {
            format!("{who} reached over loopback: whoever is on this machine can connect to {to} and claim any identity there; a Unix socket keeps others out, as in address = \"unix:/run/app/app.sock\"")
        }));
    }
}

/// Whether the service can tell its gateway from others.
fn is_known_to(file: &File, upstream: &Upstream) -> bool {
    let mut routes = file.routes.iter().filter(|route| route.upstream == upstream.name).peekable();
    let asserted = routes.peek().is_some() && routes.all(|route| route.assertion != Assertion::Asked(false));
    asserted || upstream.tls.as_ref().is_some_and(|tls| tls.client.is_some())
}
