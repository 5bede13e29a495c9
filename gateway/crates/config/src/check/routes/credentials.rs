//! Where a route looks for who somebody is.

use crate::check::Checker;
use crate::file::{Auth, Credential, RouteEntry};
use gateway_pipeline::{Sources, TokenSource};
use token_source::Use;

/// Where a route looks for who it is; what is not looked at is forwarded as it came.
#[derive(Clone, Copy)]
pub(super) struct Credentials {
    /// `Authorization`, or what a WebSocket offers in its place.
    pub(super) header: bool,
    /// A browser's cookies, where the gateway hands them out.
    pub(super) cookie: bool,
    /// What the client showed in its handshake with us.
    pub(super) certificate: bool,
}

impl Credentials {
    /// What is done at each place where a token may be.
    pub(super) fn sources(self, entry: &RouteEntry, cookies_are_on: bool) -> Sources {
        let is_public = entry.auth == Auth::Public;
        let header = match (self.header && !is_public, entry.forward_authorization || entry.shadow) {
            (false, _) => Use::Untouched,
            // In shadow the service still decides for itself, and needs what the client sent.
            (true, true) => Use::ReadAndForwarded,
            (true, false) => Use::Read,
        };
        let offer = match (entry.websocket_token, is_public) {
            (false, _) => Use::Untouched,
            // Nothing is looked at there, and whoever offers one all the same has its offer granted.
            (true, true) => Use::ReadAndForwarded,
            (true, false) => header,
        };
        let cookie = match (cookies_are_on, self.cookie && !is_public) {
            (false, _) => Use::Untouched,
            // They are ours, whatever is looked at.
            (true, false) => Use::Stripped,
            (true, true) => Use::Read,
        };
        Sources::none()
            .with(TokenSource::Authorization, header)
            .with(TokenSource::WebSocketProtocol, offer)
            .with(TokenSource::Cookie, cookie)
    }
}

impl Checker<'_> {
    pub(super) fn credentials(&mut self, entry: &RouteEntry, cookies_are_on: bool) -> Credentials {
        let name = &entry.name;
        let Some(listed) = self.listed(entry) else {
            return Credentials { header: true, cookie: cookies_are_on, certificate: false };
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
