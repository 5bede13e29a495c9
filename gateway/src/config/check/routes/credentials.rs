//! Where a route looks for who somebody is.

use crate::config::check::Checker;
use crate::config::file::{Auth, Credential, RouteEntry};
use crate::pipeline::Credentials;

impl Checker<'_> {
    pub(super) fn credentials(&mut self, entry: &RouteEntry, cookies_are_on: bool) -> Credentials {
        let name = &entry.name;
        let Some(listed) = self.listed(entry) else {
            return Credentials { cookie: cookies_are_on, ..Credentials::ALL };
        };
        let has = |one: Credential| listed.contains(&one);
        for (index, one) in listed.iter().enumerate() {
            if listed.iter().take(index).any(|other| other == one) {
                self.fault(format!("route `{name}`: credentials names one of them twice"));
            }
        }
        if listed.is_empty() {
            self.fault(format!(
                "route `{name}`: credentials = []: nobody could be known; write [\"header\"], or auth = \"public\" for everybody"
            ));
        }
        if entry.auth == Auth::Public {
            self.fault(format!(
                "route `{name}`: credentials says nothing with auth = \"public\", where none are looked at; leave it out"
            ));
        }
        if has(Credential::Cookie) && !has(Credential::Header) && !cookies_are_on {
            self.fault(format!(
                "route `{name}`: credentials = [\"cookie\"], and no browser gets cookies; set [cookies] enabled = true, or add \"header\""
            ));
        }
        if entry.websocket_token && !has(Credential::Header) {
            self.fault(format!(
                "route `{name}`: websocket_token stands in place of Authorization, at which credentials does not look; add \"header\", or leave websocket_token out"
            ));
        }
        if entry.forward_authorization && !has(Credential::Header) {
            self.warnings.push(format!(
                "route `{name}`: forward_authorization says nothing where credentials has no \"header\": Authorization is forwarded"
            ));
        }
        Credentials {
            header: has(Credential::Header),
            cookie: has(Credential::Cookie) && cookies_are_on,
            certificate: has(Credential::Certificate),
        }
    }

    /// What was written, by this name or by the one that it had before.
    fn listed(&mut self, entry: &RouteEntry) -> Option<Vec<Credential>> {
        let name = &entry.name;
        let Some(cookie) = entry.cookie else { return entry.credentials.clone() };
        if entry.credentials.is_some() {
            self.fault(format!(
                "route `{name}`: cookie is the former name of credentials; write only credentials"
            ));
        }
        let (now, listed) = if cookie {
            ("leave it out", None)
        } else {
            ("write credentials = [\"header\"]", Some(vec![Credential::Header]))
        };
        self.warnings
            .push(format!("route `{name}`: cookie = {cookie} is the former form of credentials; {now}"));
        // On a public route it said nothing, and was no fault.
        listed.filter(|_| entry.auth != Auth::Public)
    }
}
