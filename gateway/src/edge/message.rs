//! The headers of Pingora's messages, for rules that know nothing of Pingora.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use pingora::http::{RequestHeader, ResponseHeader};

use super::exchange::Exchange;
use super::explain::EXPLAIN;
use crate::pipeline::{Headers, Reserved, UpstreamHeaders};

/// A request or a response.
pub(super) struct Message<'a, T>(pub(super) &'a mut T);

/// The headers of a request that goes out, and of nothing else: without Pingora's second map, of how
/// the client wrote their names, which it would look after with each change.
pub(super) struct Outgoing<'a>(pub(super) &'a mut HeaderMap);

impl Outgoing<'_> {
    /// Lets `change` have the headers. As in HTTP/2 and behind most proxies, the case of names that
    /// the client chose is not kept (RFC 9110 §5.1: it has no meaning).
    pub(super) fn change(request: &mut RequestHeader, change: impl FnOnce(&mut Outgoing<'_>)) {
        let send_end_stream = request.send_end_stream();
        let nothing = RequestHeader::from(http::Request::new(()).into_parts().0);
        let mut parts = http::request::Parts::from(std::mem::replace(request, nothing));
        change(&mut Outgoing(&mut parts.headers));
        *request = RequestHeader::from(parts);
        if let Some(send_end_stream) = send_end_stream {
            request.set_send_end_stream(send_end_stream);
        }
    }
}

impl Headers for Outgoing<'_> {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove(name);
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        // Fails only where there are tens of thousands already, which no head has room for.
        let _ = self.0.try_insert(name, value);
    }

    fn add(&mut self, name: HeaderName, value: HeaderValue) {
        let _ = self.0.try_append(name, value);
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

impl UpstreamHeaders for Outgoing<'_> {
    fn reserved(&self, reserved: &Reserved) -> Vec<HeaderName> {
        self.0.keys().filter(|name| reserved.covers(name.as_str())).cloned().collect()
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
