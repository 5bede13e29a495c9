//! The lane: a simple request of HTTP/1.1, from its head to the end of its answer, in one task and without
//! pingora-proxy. What is decided and said is the same as by Pingora's callbacks, which all other requests
//! take: the lane reads, forwards and writes, and has no rules of its own.

mod answer;
mod client;
mod content;
mod forward;
mod overlay;
mod scratch;
mod sent;
mod upload;
mod way;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::BytesMut;
use client::LaneClient;
use http::header::HOST;
use pingora::ErrorSource;
pub(super) use scratch::{read_into, with_room};
pub use way::way_of;

use super::Gateway;
use super::answer_watch::AnswerWatch;
use super::client::Client as _;
use super::configured::Configured;
use super::connection_context::ConnectionContext;
use super::downstream::Downstream;
use super::exchange::Exchange;
use super::idle_timer::IdleTimer;
use super::request_line::Settled;
use gateway_framing::Length;
use gateway_http1::{Request, Unusual};
use gateway_pipeline::{Protocol, RequestTarget, Routes, canonical};
use gateway_telemetry::Way;

/// The waits for one connection's requests, one after the other.
#[derive(Default)]
pub(super) struct Waits {
    /// For a service that is silent, or takes nothing.
    service: IdleTimer,
    /// For a client that takes nothing.
    client: IdleTimer,
    /// For one that sends nothing.
    content: IdleTimer,
}

/// The lane of one connection.
pub(super) struct Lane {
    gateway: Arc<Gateway>,
    connection_context: Arc<ConnectionContext>,
    peer: Option<IpAddr>,
    waits: Waits,
}

/// A request that takes the lane, with what is configured for it.
pub(super) struct Taken {
    request: Request,
    length: Length,
    /// It has fields that go no further.
    speaks_of_connection: bool,
    configured: Arc<Configured>,
}

impl Lane {
    pub(super) fn new(
        gateway: &Arc<Gateway>,
        connection_context: &Arc<ConnectionContext>,
        peer: Option<SocketAddr>,
    ) -> Self {
        let (gateway, connection_context) = (Arc::clone(gateway), Arc::clone(connection_context));
        Self { gateway, connection_context, peer: peer.map(|peer| peer.ip()), waits: Waits::default() }
    }

    /// The request, if it takes the lane; or else its head again, and why not. Which of them is known before
    /// anything is decided, so that nothing is decided twice.
    pub(super) fn take(&self, head: BytesMut, settled: Settled) -> Result<Taken, (BytesMut, Way)> {
        if let Some(way) = beside(&settled, self.gateway.parts.fast_path) {
            return Err((head, way));
        }
        let configured = (self.gateway.parts.current)();
        // It has been read: there is a request.
        let request = Request::from_parts(head, settled.target, settled.lines);
        let request = request.map_err(|head| (head, Way::Target))?;
        let all_do = configured.upstreams.all_speak_http1();
        if all_do || speaks_http1(&configured.decision.routes, &request) {
            // Of one that has none that can be told nothing is read: it is refused.
            let length = settled.length.unwrap_or(Length::None);
            let speaks_of_connection = settled.speaks_of_connection;
            Ok(Taken { request, length, speaks_of_connection, configured })
        } else {
            Err((request.into_head(), Way::Service))
        }
    }

    /// Carries it to the end of its answer. Whether another one may follow on its connection; `None` where
    /// its lifeline was cut. `keeps` says whether one may, as far as is known before.
    pub(super) async fn carry(
        &mut self,
        connection: &mut Downstream,
        taken: &Taken,
        keeps: bool,
        answer_watch: &mut AnswerWatch,
    ) -> Option<bool> {
        let must_stay = self.gateway.parts.abort_on_close;
        let mut client = LaneClient::new(connection, taken, &mut self.waits, keeps, must_stay);
        // In a box: an idle connection has no room for it.
        let carrying = Box::pin(self.gateway.carry(&taken.configured, &mut client, self.peer));
        let goes_on = Arc::clone(&self.connection_context).carry(answer_watch, carrying).await?;
        Some(goes_on && connection.may_go_on())
    }
}

/// Why a request goes beside the lane, as far as its head says.
fn beside(settled: &Settled, is_open: bool) -> Option<Way> {
    let unusual = settled.unusual.map(as_counted);
    unusual.or_else(|| (!is_open).then_some(Way::Closed))
}

fn as_counted(unusual: Unusual) -> Way {
    match unusual {
        Unusual::Version => Way::Version,
        Unusual::Target => Way::Target,
        Unusual::Upgrade => Way::Upgrade,
        Unusual::Trailers => Way::Trailers,
        Unusual::Connection => Way::Connection,
    }
}

/// Whether its service does.
fn speaks_http1(routes: &Routes, request: &Request) -> bool {
    let Ok(target) = std::str::from_utf8(request.target()) else { return false };
    let host = request.headers().text(&HOST).unwrap_or("");
    let canonical = canonical(target).ok();
    let target = RequestTarget::new(target, canonical.as_ref());
    // What has no route is refused, or is ours.
    let chosen = routes.choose(host, &request.method, target);
    chosen.map_or(true, |(_, route)| route.upstream.protocol == Protocol::Http1)
}

impl Gateway {
    /// Carries a request to the end of its answer. Whether another one may follow on its connection.
    async fn carry(
        &self,
        configured: &Arc<Configured>,
        client: &mut LaneClient<'_>,
        peer: Option<IpAddr>,
    ) -> bool {
        let mut exchange = Exchange::new(Arc::clone(configured));
        self.begin(client.request(), peer, &mut exchange);
        let carried = match self.receive(client, &mut exchange).await {
            Ok(true) => Ok(()),
            Ok(false) => self.send_on(client, &mut exchange).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &carried {
            self.broke(client, fault, &mut exchange).await;
            if fault.esource() != &ErrorSource::Downstream {
                // As far as it has come: its client sees that it is not whole.
                client.flush().await.ok();
            }
        }
        self.record(client, &exchange);
        carried.is_ok() && client.keeps()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: impl FnOnce() -> F) -> usize {
        size_of::<F>()
    }

    /// It is made and moved with each request. Nothing is called here: only its size is asked.
    #[test]
    fn what_carries_a_request_takes_little_room() {
        fn any<T>() -> T {
            unreachable!()
        }
        let carry =
            size(|| any::<&'static Gateway>().carry(any(), any::<&'static mut LaneClient<'_>>(), any()));
        assert!(carry < 4_096, "{carry}");
    }
}
