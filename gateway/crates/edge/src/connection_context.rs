//! How a request came in: by which listener, and encrypted or not. Known to the connection, and
//! handed to Pingora's callbacks through the task that carries the request.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;

use super::answer_watch::{Answer, AnswerWatch};
use super::cancellation::Cancellation;
use super::connections::{Open, Place};
use gateway_telemetry::StreamBound;
use gateway_token::PeerCertificate;

tokio::task_local! {
    static TASK_CONTEXT: TaskContext;
}

/// What a task carries: a request, and the answer once it has begun.
struct TaskContext {
    connection_context: Arc<ConnectionContext>,
    answer: RefCell<Option<Answer>>,
}

/// What all requests of one connection have in common.
#[derive(Default)]
pub(super) struct ConnectionContext {
    /// The connection's own place, on which its requests are counted.
    pub(super) open: Option<Arc<Open>>,
    /// Whether the peer is a balancer that does not say for whom it speaks.
    pub(super) is_nobodys: bool,
    /// Whether the connection is encrypted up to us.
    pub(super) secure: bool,
    /// `Strict-Transport-Security` (RFC 6797) of the listener.
    pub(super) hsts: Option<HeaderValue>,
    /// What the client showed in its handshake, where it was asked for and has one.
    pub(super) certificate: Option<Arc<PeerCertificate>>,
    /// The port of HTTPS to which this listener sends everybody.
    pub(super) redirect_to: Option<u16>,
    /// Ends the request from outside.
    pub(super) cancellation: Cancellation,
    /// The address of whoever is connected, as headers have it.
    pub(super) peer: OnceLock<(IpAddr, HeaderValue)>,
}

impl ConnectionContext {
    /// A place for a request, if there is one.
    pub(super) fn begin(&self) -> Result<Option<Place>, StreamBound> {
        self.open.as_ref().map(Open::begin).transpose()
    }

    /// An address as headers have it. The peer's, which most requests are about, is written once.
    pub(super) fn spell(&self, address: IpAddr) -> Cow<'_, HeaderValue> {
        let (known, value) = self.peer.get_or_init(|| (address, spelled(address)));
        if *known == address { Cow::Borrowed(value) } else { Cow::Owned(spelled(address)) }
    }

    /// Of the request that this task carries.
    pub(super) fn current() -> Arc<Self> {
        TASK_CONTEXT.try_with(|carried| Arc::clone(&carried.connection_context)).unwrap_or_default()
    }

    /// The answer to the request that this task carries has begun.
    pub(super) fn answers(answer: Answer) {
        // There is no such task where there is no client.
        TASK_CONTEXT.try_with(|carried| carried.answer.replace(Some(answer))).ok();
    }

    /// That answer, if it has begun.
    pub(super) fn with_answer(act: impl FnOnce(&mut Answer)) {
        TASK_CONTEXT
            .try_with(|carried| {
                if let Some(answer) = &mut *carried.answer.borrow_mut() {
                    act(answer);
                }
            })
            .ok();
    }

    /// Carries a request to its end, or until its lifeline is cut: then it is dropped where it is,
    /// which closes the connection of HTTP/1.1 and resets the stream of HTTP/2.
    pub(super) async fn carry<T>(
        self: Arc<Self>,
        answer_watch: &mut AnswerWatch,
        request: impl Future<Output = T>,
    ) -> Option<T> {
        self.cancellation.renew();
        let carried = TaskContext { connection_context: Arc::clone(&self), answer: RefCell::default() };
        TASK_CONTEXT
            .scope(carried, async {
                tokio::select! {
                    // In this order: each looks at what the one before it has done.
                    biased;
                    done = request => Some(done),
                    () = poll_fn(|context| answer_watch.look(context, &self)) => None,
                    () = self.cancellation.cut() => None,
                }
            })
            .await
    }
}

fn spelled(address: IpAddr) -> HeaderValue {
    // Digits, dots and colons are always a value.
    HeaderValue::try_from(address.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_behind_one_connection_are_told_apart() {
        let connection_context = ConnectionContext::default();
        for address in ["10.0.0.1", "192.0.2.1", "2001:db8::1", "10.0.0.1"] {
            assert_eq!(*connection_context.spell(address.parse().unwrap()), address);
        }
    }
}
