//! One connection: a head read within a limit and a deadline, its request handed to Pingora, and
//! again. Pingora itself bounds each read of a head, but neither the head as a whole nor, below a
//! megabyte, its size.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpStream};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::protocols::{ALPN, GetSocketDigest, Shutdown, Stream};
use pingora::server::ShutdownWatch;
use tokio::time::timeout;

use super::Gateway;
use super::accepting::{Carry, plain};
use super::answer_watch::AnswerWatch;
use super::configured::Current;
use super::connection_context::ConnectionContext;
use super::connections::Connections;
use super::descriptors::{Descriptor, Descriptors};
use super::downstream::Downstream;
use super::handover::Handover;
use super::head::HEAD_BYTES_MAX;
use super::idle_timer::IdleTimer;
use super::lane::Lane;
use super::proxy_protocol;
use super::public_listener::PublicListener;
use super::request_line::{Settled, settled};
use super::streams::Streams;
use gateway_clock::turn;
use gateway_framing::{Malformed, head_end};
use gateway_problem::{Code, Problem};
use gateway_telemetry::{Metrics, Refused, Spoken};

/// How long a connection may stay idle between two requests, and before the first one.
pub(super) const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// How long a client that has just shaken hands may take to its first request, while another
/// process is waiting to take over.
const FIRST_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a head may take, from its first byte to its last.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Requests after which a connection is closed, so that none lives for ever.
const REQUESTS_MAX: u32 = 1_000_000;

/// Carries the connections of the public listener, no more of them than there may be.
pub(super) struct ConnectionHandler<A> {
    pub(super) proxy: Arc<A>,
    pub(super) connections: Arc<Connections>,
    pub(super) descriptors: Arc<Descriptors>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) streams: Arc<Streams>,
    /// For simple requests of HTTP/1.1.
    pub(super) gateway: Arc<Gateway>,
    pub(super) current: Current,
    /// The listeners, at least one.
    pub(super) listeners: Box<[Arc<PublicListener>]>,
    pub(super) drain: ShutdownWatch,
    pub(super) closing: ShutdownWatch,
    pub(super) handover: Arc<Handover>,
}

/// What became of waiting for a head.
enum Head {
    /// With what lies behind it, and what it says.
    Whole(BytesMut, Result<Settled, Problem>),
    /// The client went away, said nothing for long, or we are to stop.
    None,
    /// Nothing was said, and another process goes on.
    HandOver,
    /// With what came of it.
    Refused(Code, BytesMut),
}

impl<A: HttpServerApp + Send + Sync + 'static> Carry for ConnectionHandler<A> {
    type Place = Descriptor;

    fn place(&self, connection: &tokio::net::TcpStream) -> Option<Descriptor> {
        let descriptor = self.descriptors.take_open(connection);
        if descriptor.is_none() {
            self.metrics.connections.refuse(Refused::Descriptors);
        }
        descriptor
    }

    async fn carry(self: Arc<Self>, mut stream: Box<Tcp>, _descriptor: Descriptor) {
        let Some(listener) = self.listener(&stream).cloned() else { return };
        let mut is_named = true;
        if !listener.proxy_protocol_from.is_empty() {
            match Box::pin(proxy_protocol::accept(&mut stream, &listener.proxy_protocol_from)).await {
                Ok(named) => is_named = named,
                Err(why) => {
                    tracing::debug!(?why, "a connection without a PROXY header that counts was closed");
                    return self.metrics.connections.refuse(Refused::ProxyProtocol);
                }
            }
        }
        self.speak(stream, &listener, is_named).await;
    }

    async fn end(&self) {
        self.proxy.http_cleanup().await;
    }
}

impl<A: HttpServerApp + Send + Sync + 'static> ConnectionHandler<A> {
    /// From the first byte of the client to the end of its connection. What a connection does not need while
    /// it is idle lies in a box of its own, here and below, and is gone with it: its task has room for the rest.
    async fn speak(self: &Arc<Self>, mut stream: Box<Tcp>, listener: &PublicListener, is_named: bool) {
        let Some(open) = self.connections.admit(peer_of(&*stream).map(|peer| peer.ip())) else {
            return self.metrics.connections.refuse(Refused::TooMany);
        };
        let (stream, shown): (Stream, _) = match listener.has_tls {
            true => {
                let Some(handshakes) = (self.current)().handshakes(listener.number) else { return };
                let Some(shaken) = Box::pin(self.handshake(&handshakes, *stream)).await else { return };
                shaken
            }
            false if listener.h2c => match Box::pin(self.begins_http2(&mut stream)).await {
                Some(true) => {
                    return Box::pin(
                        self.http2(stream, || listener.connection_context(&open, None, is_named)),
                    )
                    .await;
                }
                Some(false) => (stream, None),
                None => return,
            },
            false => (stream, None),
        };
        let context = || listener.connection_context(&open, shown.as_ref(), is_named);
        if stream.selected_alpn_proto() == Some(ALPN::H2) {
            return Box::pin(self.http2(stream, context)).await;
        }
        self.metrics.connections.accepted(Spoken::Http1);
        let context = Arc::new(context());
        let mut carrying = pin!(self.http1(stream, listener, context));
        poll_fn(|context| turn(|| carrying.as_mut().poll(context))).await;
    }

    /// Goes on with a connection of the process before, which was plain and idle.
    pub(super) fn adopt(self: &Arc<Self>, peer: SocketAddr, connection: TcpStream) {
        let adopted =
            connection.set_nonblocking(true).and_then(|()| tokio::net::TcpStream::from_std(connection));
        let Ok(connection) = adopted else { return };
        let Some(descriptor) = self.place(&connection) else { return };
        let Ok(stream) = plain(connection, peer) else { return };
        // By its address: the listeners may have another order now, or another number.
        let Some(listener) = self.listener(&stream).cloned() else { return };
        let this = Arc::clone(self);
        // Whether a balancer named it is not known any more: then its own address would be there.
        let is_named = !proxy_protocol::names(&listener.proxy_protocol_from, peer.ip().to_canonical());
        tokio::spawn(async move {
            let _descriptor = descriptor;
            this.speak(stream, &listener, is_named).await;
        });
    }

    /// The listener that it came in by.
    fn listener(&self, stream: &Tcp) -> Option<&Arc<PublicListener>> {
        if let [only] = &*self.listeners {
            return Some(only);
        }
        let local = *stream.get_socket_digest()?.local_addr()?.as_inet()?;
        self.listeners.iter().find(|listener| listener.is_at(local))
    }

    async fn http1(&self, stream: Stream, listener: &PublicListener, context: Arc<ConnectionContext>) {
        let mut stream = Box::new(Downstream::new(stream));
        let mut drained = until(self.drain.clone());
        let mut settings: Option<HttpPersistentSettings> = None;
        let mut lane = Lane::new(&self.gateway, &context, peer_of(&**stream.stream()));
        let (mut idle, mut answer_watch) = (IdleTimer::default(), AnswerWatch::new(&self.streams));
        for requests in 0..REQUESTS_MAX {
            let mut head = self.head(&mut stream, &mut drained, &mut idle).await;
            if matches!(head, Head::HandOver) && listener.has_tls && requests == 0 {
                // A client that has just shaken hands is about to ask, and cannot be handed over.
                drained = until(self.closing.clone());
                let first = timeout(FIRST_TIME_MAX, self.head(&mut stream, &mut drained, &mut idle));
                head = Box::pin(first).await.unwrap_or(Head::None);
            }
            let (mut head, settled) = match head {
                Head::Whole(head, settled) => (head, settled),
                Head::None => return,
                Head::HandOver => return self.leave(stream.stream(), listener),
                Head::Refused(code, head) => {
                    return Box::pin(self.refuse(&mut stream, &Problem::new(code), &head)).await;
                }
            };
            let mut settled = match settled {
                Ok(settled) => settled,
                Err(problem) => return Box::pin(self.refuse(&mut stream, &problem, &head)).await,
            };
            // Nearly always there is none; to cut nothing off would not be free.
            let has_rest = settled.end < head.len();
            let rest = if has_rest { head.split_off(settled.end) } else { BytesMut::new() };
            head = settled.head.take().unwrap_or(head);
            stream.begin(settled.length, settled.asks_for_upgrade, rest);
            if stream.malformed() == Some(Malformed::Length) {
                let why =
                    "Content-Length must be one number, or Transfer-Encoding must be chunked, and not both";
                let problem = Problem::new(Code::MalformedRequest).with_message(why);
                return Box::pin(self.refuse(&mut stream, &problem, &head)).await;
            }
            let may_follow = requests + 1 < REQUESTS_MAX && !*self.closing.borrow();
            let may_follow = may_follow && !(listener.has_tls && *self.drain.borrow());
            let keeps = may_follow && settled.keeps_connection;
            head = match lane.take(head, settled) {
                Ok(request) => match lane.carry(&mut stream, &request, keeps, &mut answer_watch).await {
                    Some(true) => continue,
                    Some(false) => return Shutdown::shutdown(&mut *stream).await,
                    None => return,
                },
                Err((head, way)) => {
                    stream.goes(way);
                    head
                }
            };
            let request = self.by_pingora(stream, head, settings.take(), may_follow);
            let carried = Arc::clone(&context).carry(&mut answer_watch, request);
            let Some(Some(reusable)) = carried.await else { return };
            let used;
            (used, settings) = reusable.consume();
            let Ok(mut used) = used.into_any().downcast::<Downstream>() else { return };
            // Pingora may take an error of reading for the end of a body.
            if !used.may_go_on() {
                return Shutdown::shutdown(&mut *used).await;
            }
            stream = used;
        }
    }

    /// Carries a request by Pingora's proxy. Its session is nothing that a connection has room for.
    fn by_pingora(
        &self,
        stream: Box<Downstream>,
        head: BytesMut,
        settings: Option<HttpPersistentSettings>,
        may_follow: bool,
    ) -> impl Future<Output = Option<ReusedHttpStream>> + Send {
        let mut session = ServerSession::new_http1(stream);
        match settings {
            Some(settings) => settings.apply_to_session(&mut session),
            None => session.set_keepalive(Some(IDLE_TIME_MAX.as_secs())),
        }
        session.set_pipelined_prefix(head);
        if !may_follow {
            session.set_keepalive(None);
        }
        self.proxy.process_new_http(session, &self.closing)
    }
}

impl<A> ConnectionHandler<A> {
    async fn head(&self, stream: &mut Downstream, drained: &mut Until, idle: &mut IdleTimer) -> Head {
        let mut head = BytesMut::new();
        let mut blank = false;
        idle.is_rewarded();
        loop {
            let first = tokio::select! {
                // In this order: what was read ahead already would be lost with this process.
                biased;
                first = stream.read_head(&mut head) => first,
                () = poll_fn(|context| idle.poll_over(IDLE_TIME_MAX, context)) => return Head::None,
                // An idle connection has nothing to lose when the gateway stops.
                () = &mut *drained => {
                    return if *self.closing.borrow() { Head::None } else { Head::HandOver };
                }
            };
            match first {
                Ok(read) if read > 0 => {}
                _ => return Head::None,
            }
            // RFC 9112 §2.2: one empty line before a request is skipped, and none has begun with it, however it
            // comes.
            match &*head {
                b"\r\n" if !blank => {
                    head.clear();
                    blank = true;
                }
                b"\r" if !blank => {}
                _ => break,
            }
        }
        // Nearly all come whole and are read at once. Where one is not or cannot, its end is looked for: it ends
        // where it is refused, too.
        if !begins_blank(&head) {
            if let Ok(settled) = settled(&head) {
                return Head::Whole(head, Ok(settled));
            }
            if let Some(end) = head_end(&head, 0) {
                return of_whole(head, end);
            }
        }
        match Box::pin(timeout(HEAD_TIME_MAX, rest(stream, &mut head, blank))).await {
            Ok(Some(end)) => of_whole(head, end),
            Ok(None) if begins_blank(&head) => Head::Refused(Code::MalformedRequest, head),
            Ok(None) if head.len() > HEAD_BYTES_MAX => Head::Refused(Code::HeadersTooLarge, head),
            Ok(None) => Head::None,
            Err(_) => Head::Refused(Code::HeadTimeout, head),
        }
    }

    /// What is encrypted has secrets that only this process knows, and is closed.
    fn leave(&self, stream: &Stream, listener: &PublicListener) {
        let digest = stream.get_socket_digest();
        let peer = digest.and_then(|digest| digest.peer_addr()?.as_inet().copied());
        if let (false, Some(peer)) = (listener.has_tls, peer) {
            self.handover.leave_connection(peer, stream.id());
        }
    }
}

/// Waits for something that happens once. A connection has one for all its requests, which is not
/// made anew with each of them.
type Until = Pin<Box<dyn Future<Output = ()> + Send>>;

fn until(mut flag: ShutdownWatch) -> Until {
    // The sender of the flag is gone: that counts as raised.
    Box::pin(async move { drop(flag.wait_for(|raised| *raised).await) })
}

fn peer_of(stream: &(impl GetSocketDigest + ?Sized)) -> Option<SocketAddr> {
    stream.get_socket_digest()?.peer_addr()?.as_inet().copied()
}

/// Whether there is nothing yet of the line of the request, or not in the place where it begins.
fn begins_blank(head: &[u8]) -> bool {
    head.first().is_none_or(|first| matches!(first, b'\r' | b'\n'))
}

/// A head that ends there, with what lies behind it.
fn of_whole(mut head: BytesMut, end: usize) -> Head {
    let settled = settled(head.get(..end).unwrap_or_default());
    if settled.is_err() {
        head.truncate(end);
    }
    Head::Whole(head, settled)
}

/// Reads until the head is whole, and says where it ends; `None` when the client ended first, or sent too much or nonsense.
///
/// RFC 9112 §2.2: one empty line before the request is skipped, which `blank` says was done. Pingora
/// would skip any number, and take what we call a whole head for the beginning of one.
async fn rest(stream: &mut Downstream, head: &mut BytesMut, mut blank: bool) -> Option<usize> {
    while begins_blank(head) {
        match head.get(..2).unwrap_or(&head[..]) {
            b"\r\n" if !blank => {
                head.advance(2);
                blank = true;
            }
            b"\r" | b"" if !blank || head.is_empty() => {
                if stream.read_head(head).await.ok()? == 0 {
                    return None;
                }
            }
            _ => return None,
        }
    }
    let mut looked = 0;
    // A head that ends with bare line feeds is given to the parser too, which says what is wrong.
    loop {
        if let Some(end) = head_end(head, looked) {
            return Some(end);
        }
        looked = head.len();
        if looked > HEAD_BYTES_MAX || stream.read_head(head).await.ok()? == 0 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use pingora::proxy::HttpProxy;

    use super::*;
    use crate::gateway::Callbacks;

    fn size<F>(_: impl FnOnce() -> F) -> usize {
        size_of::<F>()
    }

    /// Each open connection has one, for as long as it lives. Nothing is called here: only its size is asked.
    #[test]
    fn what_carries_a_connection_takes_little_room() {
        fn any<T>() -> T {
            unreachable!()
        }
        let carry = size(|| any::<Arc<ConnectionHandler<HttpProxy<Callbacks>>>>().carry(any(), any()));
        assert!(carry < 2_048, "{carry}");
    }
}
