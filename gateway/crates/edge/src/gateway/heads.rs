//! Pingora's heads as plain ones, for rules that know nothing of Pingora.

use http::{HeaderName, HeaderValue, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use token_source::Outgoing;

use crate::message::Plain;
use crate::view::{AnswerView, RequestView};
use gateway_pipeline::{Headers, Value};

pub(super) fn request(head: &RequestHeader) -> RequestView<'_> {
    RequestView {
        method: &head.method,
        raw_target: head.raw_path(),
        version: head.version,
        authority: head.uri.authority().map(http::uri::Authority::as_str),
        headers: (&head.headers).into(),
    }
}

pub(super) fn answer(head: &ResponseHeader) -> AnswerView<'_> {
    AnswerView::new(head.status, &head.headers)
}

/// Whether another head follows this one. Behind 101 comes another protocol.
pub(super) fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// A message has the version of who sends it (RFC 9110 §6.2). Behind an older one a coding, and a connection
/// that stays, are read in more ways than one.
pub(super) fn in_our_version(answer: &mut ResponseHeader) {
    if answer.version == Version::HTTP_10 || answer.version == Version::HTTP_09 {
        answer.set_version(Version::HTTP_11);
    }
}

/// Has the request go to `target`.
pub(super) fn set_target(request: &mut RequestHeader, target: &str) -> pingora::Result<()> {
    if request.raw_path() == target.as_bytes() { Ok(()) } else { request.set_raw_path(target.as_bytes()) }
}

/// Lets `change` have the headers of a request, without Pingora's second map, of how their names were
/// written.
pub(super) fn change_request<T>(request: &mut RequestHeader, change: impl FnOnce(&mut Plain<'_>) -> T) -> T {
    let send_end_stream = request.send_end_stream();
    let nothing = RequestHeader::from(http::Request::new(()).into_parts().0);
    let mut parts = http::request::Parts::from(std::mem::replace(request, nothing));
    let changed = change(&mut Plain(&mut parts.headers));
    *request = RequestHeader::from(parts);
    if let Some(send_end_stream) = send_end_stream {
        request.set_send_end_stream(send_end_stream);
    }
    changed
}

/// Lets `change` have the headers of a response, likewise.
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

/// The headers of an answer with that second map, for the few changes that do not pay for leaving it.
pub(super) struct Spelled<'a>(pub(super) &'a mut ResponseHeader);

impl Headers for Spelled<'_> {
    fn remove(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }

    fn set(&mut self, name: &HeaderName, value: Value<'_>) {
        match value.to_value() {
            // Fails only where there are tens of thousands already, which no head has room for.
            Some(value) => drop(self.0.insert_header(name.clone(), value)),
            None => self.remove(name),
        }
    }

    fn add(&mut self, name: &HeaderName, value: Value<'_>) {
        if let Some(value) = value.to_value() {
            self.put(name.clone(), value);
        }
    }
}

impl<'s> Outgoing for Spelled<'s> {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h, 's> {
        Outgoing::values(&self.0.headers, name)
    }

    fn take_out(&mut self, name: &HeaderName) {
        self.remove(name);
    }

    fn take_out_all(&mut self, is_out: impl Fn(&str) -> bool) {
        let out: Vec<_> = self.0.headers.keys().filter(|name| is_out(name.as_str())).cloned().collect();
        out.iter().for_each(|name| self.remove(name));
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.append_header(name, value).ok();
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn a_response_keeps_its_status_its_phrase_and_its_headers() {
        for phrase in ["Fine", "OK"] {
            let mut response = ResponseHeader::build(200, None).unwrap();
            response.set_reason_phrase(Some(phrase)).unwrap();
            response.append_header("Set-Cookie", "a=1").unwrap();
            response.append_header("Set-Cookie", "b=2").unwrap();
            change_response(&mut response, |headers| {
                headers.set(&COOKIE, Value::Static("c"));
            })
            .unwrap();
            assert_eq!((response.status.as_u16(), response.get_reason_phrase()), (200, Some(phrase)));
            assert_eq!(response.headers.get_all("set-cookie").iter().count(), 2);
            assert_eq!(response.headers[COOKIE], "c");
        }
    }
}
