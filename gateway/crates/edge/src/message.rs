//! The headers of messages that go on, for rules that know nothing of what carries them.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName, HeaderValue, ORIGIN, STRICT_TRANSPORT_SECURITY};
use token_source::Outgoing;

use super::exchange::Exchange;
use super::explain::EXPLAIN;
use gateway_framing::HeaderSection;
use gateway_pipeline::{Headers, UpstreamHeaders, Value};

/// The headers of a message that goes on: without Pingora's second map, of how their names were
/// written, which it would look after with each change. As in HTTP/2 and behind most proxies, that is
/// not kept (RFC 9110 §5.1: the case of a name has no meaning).
pub(super) struct Plain<'a>(pub(super) &'a mut HeaderMap);

impl Headers for Plain<'_> {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove(name);
    }

    fn set(&mut self, name: &HeaderName, value: Value<'_>) {
        match value.to_value() {
            // Fails only where there are tens of thousands already, which no head has room for.
            Some(value) => drop(self.0.try_insert(name, value)),
            None => self.remove(name),
        }
    }

    fn add(&mut self, name: &HeaderName, value: Value<'_>) {
        if let Some(value) = value.to_value() {
            self.put(name.clone(), value);
        }
    }
}

/// HTTP/2 may send a cookie in pieces, which HTTP/1.1 must have in one (RFC 9113 §8.2.3).
pub(super) fn join_cookies(headers: &mut impl UpstreamHeaders) {
    if headers.values(&COOKIE).nth(1).is_none() {
        return;
    }
    let pieces: Vec<_> = headers.values(&COOKIE).collect();
    let whole = pieces.join(&b"; "[..]);
    headers.set(&COOKIE, Value::Text(&whole));
}

impl<'p> Outgoing for Plain<'p> {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h, 'p> {
        Outgoing::values(self.0, name)
    }

    fn take_out(&mut self, name: &HeaderName) {
        self.remove(name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool) {
        self.0.take_out_all(is_out);
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.put(name, value);
    }
}

impl Exchange {
    /// What an answer carries whoever made it, the upstream or we. `sent` is what its client sent.
    pub(super) fn apply_response_rules(&self, sent: HeaderSection<'_>, headers: &mut impl Headers) {
        if let Some(cors) = self.cors() {
            cors.apply(sent.get(&ORIGIN), headers);
        }
        if let Some(browser) = &self.browser {
            browser.add_cookies(headers);
        }
        if let Some(hsts) = &self.connection_context.hsts {
            headers.set(&STRICT_TRANSPORT_SECURITY, Value::Is(hsts));
        }
        if let Some(explanation) = &self.decision.explanation {
            headers.set(&HeaderName::from_static(EXPLAIN), Value::Is(explanation));
        }
    }
}
