//! Work beside the requests: a thread with a runtime of its own, so that it takes no time from them, which
//! ends when it is told to.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// Resolved once the work is to end.
pub(super) type Stopped = oneshot::Receiver<()>;

/// What is durable is announced within this: a write, and a round trip to Redis.
const LAST_COMMITS_MAX: Duration = Duration::from_secs(5);

/// Waits for what must not be broken off when a runtime ends, bounded.
pub(super) async fn finish(last: impl Future<Output = ()>) {
    if timeout(LAST_COMMITS_MAX, last).await.is_err() {
        tracing::warn!(
            "changes that were under way were cut off: the next start publishes what they revoked"
        );
    }
}

/// The thread. It is told to end when this is dropped, and waited for by [`Background::stop`].
pub(super) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// `work` is begun in the thread, and on its runtime.
    pub(super) fn start<W: Future<Output = ()>>(
        name: &str,
        work: impl FnOnce(Stopped) -> W + Send + 'static,
    ) -> Result<Self, String> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|fault| format!("no runtime can be made: {fault}"))?;
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || runtime.block_on(async { work(stopped).await }));
        let thread = thread.map_err(|fault| format!("no thread can be made: {fault}"))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by its own hook.
            thread.join().ok();
        }
    }
}
