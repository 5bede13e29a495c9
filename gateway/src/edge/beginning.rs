//! A request begins: how long its client may be silent, who that is, and which trace it is part of.

use std::time::Duration;

use http::HeaderName;
use pingora::proxy::Session;

use super::exchange::Exchange;
use super::{Gateway, http10};
use crate::pipeline::X_REQUEST_ID;
use crate::telemetry::{RequestId, TraceParent};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// How long an idle connection of a client is kept, in seconds.
const KEEPALIVE_SECONDS: u64 = 75;
/// Between two reads from, or writes to, a client.
pub(super) const CLIENT_IO_MAX: Duration = Duration::from_secs(30);

impl Gateway {
    pub(super) fn begin(&self, session: &mut Session, exchange: &mut Exchange) {
        // Without this an HTTP/1.1 connection may idle for ever after its first request. A
        // connection that is to be closed stays so.
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(KEEPALIVE_SECONDS));
        }
        session.set_read_timeout(Some(CLIENT_IO_MAX));
        session.set_write_timeout(Some(CLIENT_IO_MAX));
        session.set_total_drain_timeout(Some(CLIENT_IO_MAX));
        // Who says that nothing more will come may have left, or may wait for the answer: which of them,
        // only the answer shows.
        session.set_abort_on_close(self.parts.abort_on_close);
        http10::begin(session);
        let peer = session.client_addr().and_then(|address| address.as_inet()).map(|address| address.ip());
        if let Some(peer) = peer {
            let headers = &session.req_header().headers;
            let client = self.parts.trusted.client(peer, exchange.arrival.secure, headers);
            exchange.client = client.unless_nobodys(exchange.arrival.is_nobodys);
            if exchange.client.peer_is_trusted
                && let Some(id) =
                    headers.get(X_REQUEST_ID).and_then(|id| RequestId::accept(id.to_str().ok()?))
            {
                exchange.request_id = id;
            }
        }
        // Two of them are none (W3C Trace Context §3.2).
        let mut parents = session.req_header().headers.get_all(TRACEPARENT).iter();
        let parent = parents.next().filter(|_| parents.next().is_none());
        let parent = parent.and_then(|parent| TraceParent::parse(parent.to_str().ok()?));
        exchange.trace = self.parts.traces.begin(parent, exchange.client.peer_is_trusted);
    }
}
