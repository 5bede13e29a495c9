//! The headers of Pingora's messages, for rules that know nothing of Pingora.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use pingora::http::{RequestHeader, ResponseHeader};

use super::exchange::Exchange;
use super::explain::EXPLAIN;
use crate::pipeline::{Headers, Reserved, UpstreamHeaders};

/// The headers of a message that goes on: without Pingora's second map, of how their names were
/// written, which it would look after with each change. As in HTTP/2 and behind most proxies, that is
/// not kept (RFC 9110 §5.1: the case of a name has no meaning).
pub(super) struct Plain<'a>(pub(super) &'a mut HeaderMap);

impl Plain<'_> {
    /// Lets `change` have the headers of a request.
    pub(super) fn change_request(request: &mut RequestHeader, change: impl FnOnce(&mut Plain<'_>)) {
        let send_end_stream = request.send_end_stream();
        let nothing = RequestHeader::from(http::Request::new(()).into_parts().0);
        let mut parts = http::request::Parts::from(std::mem::replace(request, nothing));
        change(&mut Plain(&mut parts.headers));
        *request = RequestHeader::from(parts);
        if let Some(send_end_stream) = send_end_stream {
            request.set_send_end_stream(send_end_stream);
        }
    }

    /// Lets `change` have the headers of a response.
    pub(super) fn change_response(
        response: &mut ResponseHeader,
        change: impl FnOnce(&mut Plain<'_>),
    ) -> pingora::Result<()> {
        // What differs from the usual phrase of the status is kept, as Pingora keeps it.
        let usual = response.status.canonical_reason();
        let phrase = response.get_reason_phrase().filter(|phrase| Some(*phrase) != usual).map(str::to_owned);
        let nothing = ResponseHeader::from(http::Response::new(()).into_parts().0);
        let mut parts = http::response::Parts::from(std::mem::replace(response, nothing));
        change(&mut Plain(&mut parts.headers));
        *response = ResponseHeader::from(parts);
        phrase.map_or(Ok(()), |phrase| response.set_reason_phrase(Some(&phrase)))
    }
}

impl Headers for Plain<'_> {
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

impl UpstreamHeaders for Plain<'_> {
    fn reserved(&self, reserved: &Reserved) -> Vec<HeaderName> {
        self.0.keys().filter(|name| reserved.keeps_out(name.as_str())).cloned().collect()
    }
}

impl Exchange {
    /// What an answer carries whoever made it, the upstream or we.
    pub(super) fn dress(&self, request: &RequestHeader, headers: &mut impl Headers) {
        if let Some(cors) = self.cors() {
            cors.apply(request.headers.get(http::header::ORIGIN), headers);
        }
        if let Some(browser) = &self.browser {
            browser.tell(headers);
        }
        if let Some(hsts) = &self.arrival.hsts {
            headers.set(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(explanation) = &self.explanation {
            headers.set(HeaderName::from_static(EXPLAIN), explanation.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_keeps_its_status_its_phrase_and_its_headers() {
        for phrase in ["Fine", "OK"] {
            let mut response = ResponseHeader::build(200, None).unwrap();
            response.set_reason_phrase(Some(phrase)).unwrap();
            response.append_header("Set-Cookie", "a=1").unwrap();
            response.append_header("Set-Cookie", "b=2").unwrap();
            Plain::change_response(&mut response, |headers| {
                headers.set(COOKIE, HeaderValue::from_static("c"));
            })
            .unwrap();
            assert_eq!((response.status.as_u16(), response.get_reason_phrase()), (200, Some(phrase)));
            assert_eq!(response.headers.get_all("set-cookie").iter().count(), 2);
            assert_eq!(response.headers[COOKIE], "c");
        }
    }
}
