//! An upstream's answer on its way to the client: what is not for clients is taken away, and what we
//! have to say is added.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, SERVER};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use super::downstream::Downstream;
use super::exchange::Exchange;
use super::lasting::Answer;
use super::message::Plain;
use super::{Gateway, downstream, http10, upgrade};
use crate::limits::fields;
use crate::pipeline::{Browser, Headers as _, Sides, X_REQUEST_ID, drop_set};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl Gateway {
    /// The head of an answer; interim ones pass as they are.
    pub(super) fn hand_back(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let upgraded = response.status == http::StatusCode::SWITCHING_PROTOCOLS;
        let interim = response.status.is_informational() && !upgraded;
        // Pingora would close after any head that is written before the body has come, an interim one too.
        session.set_close_on_response_before_downstream_finish(!interim);
        if interim {
            return Ok(());
        }
        http10::answers(session, response, has_no_content(session, response));
        // What lies behind it is not read on: the client is told.
        if downstream::of(session).is_some_and(Downstream::is_doubtful) && !upgraded {
            session.set_keepalive(None);
        }
        if upgrade::becomes_a_stream(response) {
            exchange.is_stream = true;
            self.watch(exchange);
            let alone = session.as_http2().is_none();
            exchange.streaming = alone.then(|| self.parts.connections.streaming());
            // Nothing may come on it for hours, by which it would show that its client has left.
            if session.as_http1().is_some_and(|http1| !http1.is_half_closed()) {
                session.set_abort_on_close(true);
            }
        } else if exchange.watched.is_none() && !has_no_content(session, response) {
            Answer::begins(exchange, response);
        }
        if upgraded {
            upgrade::opened(session, response, exchange);
        }
        let (exchange, request) = (&*exchange, session.req_header());
        let sides = exchange.sides_of_answer(request, response.status);
        Plain::change_response(response, |headers| dress(headers, exchange, request, sides))
    }
}

/// Whether an answer is over with its head, as far as that shows.
pub(super) fn has_no_content(session: &Session, response: &ResponseHeader) -> bool {
    let length = response.headers.get(CONTENT_LENGTH);
    matches!(response.status.as_u16(), 204 | 304)
        || session.req_header().method == http::Method::HEAD
        || length.is_some_and(|length| length == "0")
}

/// Takes away what is not for clients, and adds what we have to say.
fn dress(headers: &mut Plain<'_>, exchange: &Exchange, request: &RequestHeader, sides: Option<Sides<'_>>) {
    trailers(headers.0, exchange);
    // Who answered is ours to say (RFC 9209), and of this one we do not.
    for name in [SERVER, KEEP_ALIVE, PROXY_STATUS] {
        headers.0.remove(name);
    }
    if let Some(sides) = sides {
        sides.outward(headers.0);
    }
    if let Some(admitted) = exchange.admitted() {
        admitted.route().response_headers.apply(headers);
    }
    if exchange.browser.is_some() {
        drop_set(headers.0);
        if exchange.admitted().is_some_and(|admitted| admitted.route().takes_cookies()) {
            Browser::varies(headers);
        }
    }
    exchange.dress(request, headers);
    headers.set(X_REQUEST_ID, exchange.request_id.to_value());
    let charged = exchange.admitted().and_then(|admitted| fields(admitted.quota().charges(), None));
    if let Some(fields) = charged {
        // Appended: an upstream may have limits of its own.
        for (name, text) in [(RATELIMIT, fields.limit), (RATELIMIT_POLICY, fields.policy)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.add(name, value);
            }
        }
    }
}

/// An identity of the upstream's making is not for clients, here neither.
pub(super) fn trailers(trailers: &mut HeaderMap, exchange: &Exchange) {
    let reserved = exchange.configured.decision.routes.reserved();
    let ours: Vec<_> = trailers.keys().filter(|name| reserved.covers(name.as_str())).cloned().collect();
    for name in ours {
        trailers.remove(&name);
    }
}
