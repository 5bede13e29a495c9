//! An upstream's answer on its way to the client: what is not for clients is taken away, and what we
//! have to say is added.

use http::HeaderMap;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::exchange::Exchange;
use super::message::Message;
use super::{Gateway, upgrade};
use crate::limits::fields;

impl Gateway {
    /// The head of an answer; interim ones pass as they are.
    pub(super) fn hand_back(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        let upgraded = response.status == http::StatusCode::SWITCHING_PROTOCOLS;
        if response.status.is_informational() && !upgraded {
            return Ok(());
        }
        if upgrade::becomes_a_stream(response) {
            self.watch(exchange);
            let alone = session.as_http2().is_none();
            exchange.streaming = alone.then(|| self.parts.connections.streaming());
        }
        if upgraded {
            upgrade::opened(session, response, exchange);
        }
        let reserved = exchange.configured.decision.routes.reserved();
        let ours: Vec<_> =
            response.headers.keys().filter(|name| reserved.covers(name.as_str())).cloned().collect();
        for name in ours {
            response.remove_header(&name);
        }
        // Who answered is ours to say (RFC 9209), and of this one we do not.
        for name in ["server", "keep-alive", "proxy-status"] {
            response.remove_header(name);
        }
        if let Some(admitted) = exchange.admitted() {
            admitted.route().response_headers.apply(&mut Message(response));
        }
        exchange.dress(session.req_header(), &mut Message(response));
        response.insert_header("x-request-id", exchange.request_id.as_str())?;
        if let Some(fields) =
            exchange.admitted().and_then(|admitted| fields(admitted.quota().charges(), None))
        {
            // Appended: an upstream may have limits of its own.
            response.append_header("ratelimit", fields.limit)?;
            response.append_header("ratelimit-policy", fields.policy)?;
        }
        Ok(())
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
