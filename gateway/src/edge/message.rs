//! The headers of Pingora's messages, for rules that know nothing of Pingora.

use http::header::{HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use pingora::http::{RequestHeader, ResponseHeader};

use super::exchange::Exchange;
use super::explain::EXPLAIN;
use crate::pipeline::{Headers, Reserved, UpstreamHeaders};

/// A request or a response.
pub(super) struct Message<'a, T>(pub(super) &'a mut T);

impl Headers for Message<'_, RequestHeader> {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        // Fails only for a name that is no name; these are.
        let _ = self.0.insert_header(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.append_header(name, value);
    }
}

impl UpstreamHeaders for Message<'_, RequestHeader> {
    fn reserved(&self, reserved: &Reserved) -> Vec<HeaderName> {
        self.0.headers.keys().filter(|name| reserved.covers(name.as_str())).cloned().collect()
    }
}

impl Headers for Message<'_, ResponseHeader> {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.insert_header(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.append_header(name, value);
    }
}

impl Exchange {
    /// What an answer carries whoever made it, the upstream or we.
    pub(super) fn dress(&self, request: &RequestHeader, headers: &mut impl Headers) {
        if let Some(cors) = &self.cors {
            cors.apply(request.headers.get(http::header::ORIGIN), headers);
        }
        if let Some(hsts) = &self.arrival.hsts {
            headers.set(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(explanation) = &self.explanation {
            headers.set(HeaderName::from_static(EXPLAIN), explanation.clone());
        }
    }
}
