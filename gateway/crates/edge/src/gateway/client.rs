//! Pingora's session as the client of a request, with what is peculiar to it.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::response::Parts;
use http::{HeaderMap, StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v1::server::HttpSession;
use pingora::proxy::Session;

use super::heads;
use crate::client::Client;
use crate::downstream::{Downstream, has_ended};
use crate::outgoing::{NAMING_UPGRADE, WITHOUT_CHUNKS};
use crate::view::RequestView;
use gateway_telemetry::Way;

/// How long an idle connection of a client is kept, in seconds.
const KEEPALIVE_SECONDS: u64 = 75;

/// The connection of this request, where it is one of HTTP/1.1.
fn connection(session: &Session) -> Option<&Downstream> {
    session.as_http1()?.stream().as_any().downcast_ref()
}

/// A request begins. Its client has `io_max` between two reads or writes. Where `abort_on_close`, one that
/// sends no more has left: it may have, or may wait for the answer, which only the answer shows.
pub(super) fn begin(session: &mut Session, io_max: Duration, abort_on_close: bool) {
    // Without this an HTTP/1.1 connection may idle for ever after its first request. A
    // connection that is to be closed stays so; Pingora looks at the first of several fields only.
    if session.get_keepalive().is_some() {
        let closes = says_close(&session.req_header().headers);
        session.set_keepalive((!closes).then_some(KEEPALIVE_SECONDS));
    }
    session.set_read_timeout(Some(io_max));
    session.set_write_timeout(Some(io_max));
    session.set_total_drain_timeout(Some(io_max));
    session.set_abort_on_close(abort_on_close);
    // HTTP/1.0 gets no interim answers (RFC 9110 §15.2), and no chunks (RFC 9112 §6.1).
    if session.req_header().version == Version::HTTP_10 {
        session.set_ignore_info_resp(true);
        if let Some(connection) = connection(session) {
            connection.write(WITHOUT_CHUNKS);
        }
    }
}

/// RFC 9112 §9.6: nothing behind a request that says so is answered, wherever it says it.
fn says_close(headers: &HeaderMap) -> bool {
    let mut options =
        headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// A head with this status is written next: whether another one follows it.
pub(super) fn writes_interim(session: &mut Session, status: StatusCode) -> bool {
    let is_interim = heads::is_interim(status);
    // After any head that is written before the body has come Pingora would close, an interim one too.
    session.set_close_on_response_before_downstream_finish(!is_interim);
    is_interim
}

/// Closes a connection of HTTP/1.1 that Pingora would just let go: what was written goes out, and what is
/// to come of the body is read within bounds, so that it arrives.
pub(super) async fn close(session: &mut Session) {
    if connection(session).is_some() {
        session.shutdown().await;
    }
}

impl Client for Session {
    fn request(&self) -> RequestView<'_> {
        heads::request(self.req_header())
    }

    fn way(&self) -> Way {
        connection(self).map_or(Way::Http2, Downstream::way)
    }

    fn asks_for_upgrade(&self) -> bool {
        connection(self).is_some_and(Downstream::asks_for_upgrade)
    }

    fn is_malformed(&self) -> bool {
        connection(self).is_some_and(|connection| connection.malformed().is_some())
    }

    fn is_doubtful(&self) -> bool {
        connection(self).is_some_and(Downstream::is_doubtful)
    }

    fn may_have_left(&self) -> bool {
        let socket = self.digest().and_then(|digest| digest.socket_digest.as_deref());
        socket.is_some_and(has_ended) || self.as_http1().is_some_and(HttpSession::is_half_closed)
    }

    fn is_body_received(&mut self) -> bool {
        match connection(self) {
            Some(connection) => connection.is_body_ended(),
            None => self.is_body_done(),
        }
    }

    fn is_body_read(&mut self) -> bool {
        self.is_body_done()
    }

    fn may_go_on(&self) -> bool {
        connection(self).is_none_or(Downstream::may_go_on)
    }

    fn can_repeat(&self) -> bool {
        !self.as_ref().retry_buffer_truncated()
    }

    async fn read_body(&mut self) -> pingora::Result<Option<Bytes>> {
        self.read_request_body().await
    }

    async fn say_continue(&mut self) -> pingora::Result<()> {
        writes_interim(self, StatusCode::CONTINUE);
        let sent = self.write_continue_response().await;
        // The body is read whole from here on, so the connection can live on.
        self.set_close_on_response_before_downstream_finish(true);
        sent
    }

    fn await_patiently(&mut self) {
        self.set_read_timeout(None);
    }

    fn must_stay(&mut self) {
        if self.as_http1().is_some_and(|http1| !http1.is_half_closed()) {
            self.set_abort_on_close(true);
        }
    }

    fn upgrade(&mut self, silence_max: Duration) {
        if let Some(connection) = connection(self) {
            connection.upgrade();
        }
        self.set_read_timeout(Some(silence_max));
    }

    fn status(&self) -> Option<StatusCode> {
        self.response_written().map(|response| response.status)
    }

    fn close_after_answer(&mut self) {
        self.set_keepalive(None);
    }

    fn name_upgrade(&mut self) {
        if let Some(connection) = connection(self) {
            connection.write(NAMING_UPGRADE);
        }
    }

    async fn write_head(&mut self, head: Parts, ends: bool) -> pingora::Result<()> {
        let head = Box::new(ResponseHeader::from(head));
        // What ends with its head says so in it: a refused call of gRPC is none for its clients where an
        // empty frame comes behind (Trailers-Only). Pingora's own session, of both versions, does not say it.
        if ends && let ServerSession::H2(http2) = self.as_mut() {
            return http2.write_response_header(head, true);
        }
        self.write_response_header(head, ends).await
    }

    async fn write_body(&mut self, piece: Bytes, is_end: bool) -> pingora::Result<()> {
        self.write_response_body(Some(piece), is_end).await
    }

    fn bytes_read(&self) -> usize {
        self.body_bytes_read()
    }

    fn bytes_written(&self) -> usize {
        self.body_bytes_sent()
    }
}
