//! From which client networks a route may be entered.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::check::Checker;
use crate::file::RouteEntry;
use gateway_pipeline::Networks;

impl Checker<'_> {
    pub(super) fn networks_of(&mut self, entry: &RouteEntry) -> Networks {
        let (place, before) = (format!("route `{}`", entry.name), self.faults.len());
        let allow = entry.allow_networks.as_deref().map(|texts| self.lists(&place, "allow_networks", texts));
        let deny = self.lists(&place, "deny_networks", &entry.deny_networks);
        if allow.as_ref().is_some_and(Vec::is_empty) && self.faults.len() == before {
            self.fault(format!(
                "{place}: allow_networks = [] lets nobody in; name the networks, or leave it out for all"
            ));
        }
        let networks = Networks::new(allow.as_deref(), &deny);
        if self.faults.len() > before {
            return networks;
        }
        let allowed = allow.as_deref().unwrap_or_default();
        for network in allowed {
            if let Some(wider) = deny.iter().find(|denied| denied.contains(network)) {
                self.fault(format!("{place}: allow_networks: \"{network}\" lies within \"{wider}\" of deny_networks, which wins: nobody of it is let in; leave one of the two out"));
            }
        }
        if self.faults.len() == before && networks.admit_nobody() {
            self.fault(format!("{place}: allow_networks and deny_networks let nobody in"));
        }
        for denied in deny.iter().filter(|_| !allowed.is_empty()) {
            if !allowed.iter().any(|network| network.contains(denied)) {
                self.warnings.push(format!(
                    "{place}: deny_networks: \"{denied}\" keeps out nobody whom allow_networks lets in"
                ));
            }
        }
        for (key, list) in [("allow_networks", allowed), ("deny_networks", &deny)] {
            self.one_family(&place, key, list);
        }
        networks
    }

    fn lists(&mut self, place: &str, key: &str, texts: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in texts {
            match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) if network.trunc() != network => self.fault(format!(
                    "{place}: {key}: \"{text}\" has bits set behind its prefix; did you mean the network \"{}\", or the one address \"{}\"?",
                    network.trunc(),
                    network.addr()
                )),
                Ok(network) => networks.push(network),
                Err(_) => self.fault(format!(
                    "{place}: {key}: \"{text}\" is no network; write for example \"10.0.0.0/8\", \"2001:db8::/32\" or one address"
                )),
            }
        }
        networks
    }

    /// Clients come by either family, and who means all of them easily writes one.
    fn one_family(&mut self, place: &str, key: &str, networks: &[IpNet]) {
        let has = |all: &str| networks.iter().any(|network| network.to_string() == all);
        let (this, other) = match (has("0.0.0.0/0"), has("::/0")) {
            (true, false) => (["0.0.0.0/0", "IPv4"], ["::/0", "IPv6"]),
            (false, true) => (["::/0", "IPv6"], ["0.0.0.0/0", "IPv4"]),
            _ => return,
        };
        let ([all, family], [others, missing]) = (this, other);
        if !networks.iter().any(|network| (missing == "IPv6") == network.addr().is_ipv6()) {
            self.warnings.push(format!(
                "{place}: {key}: \"{all}\" is all of {family} and nothing of {missing}; for all clients, add \"{others}\""
            ));
        }
    }
}
