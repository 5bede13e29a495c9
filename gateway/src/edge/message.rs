//! The headers of Pingora's messages, for rules that know nothing of Pingora.

use http::header::{COOKIE, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
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

/// HTTP/2 may send a cookie in pieces, which HTTP/1.1 must have in one (RFC 9113 §8.2.3).
pub(super) fn join_cookies(request: &mut RequestHeader) {
    if request.headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let pieces: Vec<_> = request.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        let _ = request.insert_header(COOKIE, whole);
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
