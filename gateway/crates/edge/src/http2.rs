//! One connection of HTTP/2: its streams are requests of their own, and each runs in a task.

use std::sync::Arc;
use std::time::Duration;

use h2::Reason;
use pingora::apps::HttpServerApp;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Accept, HttpSession, default_h2_options, handshake};
use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::protocols::{Digest, Stream};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::answer_watch::AnswerWatch;
use super::connection_context::ConnectionContext;
use super::connection_handler::{ConnectionHandler, HEAD_TIME_MAX, IDLE_TIME_MAX};
use super::head::HEAD_BYTES_MAX;
use super::overheard::{OpenHead, Overheard};
use gateway_telemetry::{Refused, Spoken};

/// What a client that knows we speak HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Streams at a time on one connection.
const STREAMS_MAX: u32 = 100;
/// How long a client may take to read that its connection is ended.
const GOODBYE_TIME_MAX: Duration = Duration::from_millis(100);
/// Streams that break the protocol before a connection is closed for it.
const MALFORMED_MAX: usize = 32;
/// Streams after which a connection is closed, so that none lives for ever.
const REQUESTS_MAX: u32 = 1_000_000;

impl<A: HttpServerApp + Send + Sync + 'static> ConnectionHandler<A> {
    /// Whether the connection begins as HTTP/2 does. Nothing is taken from it; `None` when it ended.
    pub(super) async fn begins_http2(&self, stream: &mut Tcp) -> Option<bool> {
        let mut drained = self.drain.clone();
        let mut seen = [0; PREFACE.len()];
        let begins = async {
            let mut first = some(timeout(IDLE_TIME_MAX, stream.read(&mut seen)).await.ok()?)?;
            let rest = async {
                while first < PREFACE.len() && PREFACE.starts_with(seen.get(..first)?) {
                    first += some(stream.read(seen.get_mut(first..)?).await)?;
                }
                Some(first)
            };
            // One time for all of it: a byte now and then does not prolong it.
            timeout(HEAD_TIME_MAX, rest).await.unwrap_or_else(|_| {
                self.metrics.connections.refuse(Refused::HeadTimeout);
                None
            })
        };
        let first = tokio::select! {
            first = begins => first?,
            _ = drained.wait_for(|drained| *drained) => return None,
        };
        let seen = seen.get(..first)?;
        stream.rewind(seen);
        Some(seen == PREFACE)
    }

    /// Until the client goes, is idle for long, or we are to stop: then no new streams begin, and
    /// those that run may finish.
    pub(super) async fn http2(self: &Arc<Self>, stream: Stream, context: impl Fn() -> ConnectionContext) {
        let digest = Arc::new(Digest {
            ssl_digest: stream.get_ssl_digest(),
            timing_digest: stream.get_timing_digest(),
            proxy_digest: stream.get_proxy_digest(),
            socket_digest: stream.get_socket_digest(),
        });
        let mut options = default_h2_options();
        options
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .max_concurrent_streams(STREAMS_MAX);
        let head = OpenHead::new();
        let stream = Box::new(Overheard::new(stream, Arc::clone(&head)));
        let mut connection = match timeout(HEAD_TIME_MAX, handshake(stream, Some(options))).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(_)) => return self.metrics.connections.refuse(Refused::Http2),
            Err(_) => return self.metrics.connections.refuse(Refused::HeadTimeout),
        };
        self.metrics.connections.accepted(Spoken::Http2);
        let mut drained = self.drain.clone();
        let (mut draining, mut is_overdue) = (false, false);
        let mut running = JoinSet::new();
        let (mut malformed, mut requests) = (0, 0);
        loop {
            let accepted = tokio::select! {
                biased;
                _ = drained.wait_for(|drained| *drained), if !draining => {
                    connection.graceful_shutdown();
                    draining = true;
                    continue;
                }
                accepted = HttpSession::from_h2_conn(&mut connection, Arc::clone(&digest)) => accepted,
                // After the connection was polled, which reads what it looks at.
                () = head.overdue(HEAD_TIME_MAX) => {
                    is_overdue = true;
                    break;
                }
                Some(_) = running.join_next() => continue,
                () = sleep(IDLE_TIME_MAX), if running.is_empty() => break,
            };
            match accepted {
                Ok(Some(H2Accept::Session(session))) => {
                    let this = Arc::clone(self);
                    let context = Arc::new(context());
                    running.spawn(async move {
                        let session = ServerSession::new_http2(session);
                        let mut answer_watch = AnswerWatch::new(&this.streams);
                        context
                            .carry(&mut answer_watch, this.proxy.process_new_http(session, &this.closing))
                            .await;
                    });
                    requests += 1;
                    if requests == REQUESTS_MAX && !draining {
                        connection.graceful_shutdown();
                        draining = true;
                    }
                }
                Ok(Some(H2Accept::Rejected)) => {
                    malformed += 1;
                    if malformed == MALFORMED_MAX {
                        self.metrics.connections.refuse(Refused::Http2);
                        break;
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        if is_overdue {
            self.metrics.connections.refuse(Refused::HeadTimeout);
            // What else runs on it ends, too: nothing more would come of it behind this head.
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            timeout(GOODBYE_TIME_MAX, connection.accept()).await.ok();
        }
        drop(connection);
        // Their client is gone, which each of them finds out and notes by itself.
        while running.join_next().await.is_some() {}
    }
}

/// How much was read, unless the client has gone.
fn some(read: std::io::Result<usize>) -> Option<usize> {
    read.ok().filter(|read| *read > 0)
}
