//! A request begins: who its client is, how long that may be silent, and which trace it is part of.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderName;

use super::Gateway;
use super::exchange::Exchange;
use super::view::RequestView;
use gateway_framing::text;
use gateway_pipeline::X_REQUEST_ID;
use gateway_telemetry::{RequestId, TraceParent};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Between two reads from, or writes to, a client.
pub(super) const CLIENT_IO_MAX: Duration = Duration::from_secs(30);

impl Gateway {
    /// `peer` is who is connected, where that is known.
    pub(super) fn begin(&self, request: RequestView<'_>, peer: Option<IpAddr>, exchange: &mut Exchange) {
        if let Some(peer) = peer {
            let headers = request.headers;
            let client = self.parts.trusted.client(peer, exchange.connection_context.secure, headers);
            exchange.client = client.unless_nobodys(exchange.connection_context.is_nobodys);
            if exchange.client.peer_is_trusted
                && let Some(id) = headers.text(&X_REQUEST_ID).and_then(RequestId::accept)
            {
                exchange.request_id = id;
            }
        }
        // Two of them are none (W3C Trace Context §3.2).
        let parent = request.headers.only(&TRACEPARENT).and_then(text);
        let parent = parent.and_then(TraceParent::parse);
        exchange.trace = self.parts.traces.begin(parent, exchange.client.peer_is_trusted);
    }
}
