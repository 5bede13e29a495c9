//! How a request came in: by which listener, and encrypted or not. Known to the connection, and
//! handed to Pingora's callbacks through the task that carries the request.

use std::sync::Arc;

use http::HeaderValue;

use super::lifeline::Lifeline;

tokio::task_local! {
    static ARRIVAL: Arc<Arrival>;
}

/// What all requests of one connection have in common.
#[derive(Default)]
pub(super) struct Arrival {
    /// Whether the connection is encrypted up to us.
    pub(super) secure: bool,
    /// `Strict-Transport-Security` (RFC 6797) of the listener.
    pub(super) hsts: Option<HeaderValue>,
    /// The port of HTTPS to which this listener sends everybody.
    pub(super) redirect_to: Option<u16>,
    /// By which the request can be ended from outside.
    pub(super) lifeline: Lifeline,
}

impl Arrival {
    /// Of the request that this task carries.
    pub(super) fn current() -> Arc<Self> {
        ARRIVAL.try_with(Arc::clone).unwrap_or_default()
    }

    /// Carries a request to its end, or until its lifeline is cut: then it is dropped where it is,
    /// which closes the connection of HTTP/1.1 and resets the stream of HTTP/2.
    pub(super) async fn carry<T>(self: Arc<Self>, request: impl Future<Output = T>) -> Option<T> {
        self.lifeline.renew();
        ARRIVAL
            .scope(Arc::clone(&self), async {
                tokio::select! {
                    biased;
                    done = request => Some(done),
                    () = self.lifeline.cut() => None,
                }
            })
            .await
    }
}
