//! The way down: no longer ready, no new connections, what runs may finish, and then the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, watch};

use gateway_clock::Stopwatch;
use gateway_edge::{Connections, Handover};

/// How often it is looked whether all connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Enough for a signal that has come to be seen.
const LAST_LOOK: Duration = Duration::from_millis(2);

/// How the process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGUSR2: another binary takes over.
    Replace,
}

/// What became of the wish that another binary takes over.
enum Replacing {
    Now,
    /// It was told to stop meanwhile, and has.
    Stopped,
    Refused,
}

/// The signals that end the gateway. Whoever was told that it listens may send one, so they must be
/// listened for before that is said: until then a signal waits, or ends the process by itself.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    replace: Signal,
}

impl Signals {
    /// Must be called within a runtime; any other runtime may wait for them later.
    ///
    /// # Errors
    ///
    /// Where the process may not listen for them.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            replace: signal(SignalKind::user_defined2())?,
        })
    }

    /// One that came since this was last asked counts, too.
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.replace.recv() => Told::Replace,
        }
    }

    /// Whether one to stop has come that nobody has looked at.
    pub async fn told_to_stop(&mut self) -> bool {
        tokio::time::timeout(LAST_LOOK, self.stop()).await.is_ok()
    }

    async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}

/// Whether the binary that would take over can be started.
pub type CheckSuccessor = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Called while the proxy's runtime still runs, which carries the connection to Redis.
pub type Finish = Arc<dyn Fn() + Send + Sync>;

/// Waits for a signal, and then for what runs, within a deadline. A second one ends it at once.
pub struct Drain {
    pub signals: Arc<Mutex<Signals>>,
    /// No new connections.
    pub drain: watch::Sender<bool>,
    /// No more requests on those that are there.
    pub closing: watch::Sender<bool>,
    /// For readiness.
    pub draining: Arc<AtomicBool>,
    pub connections: Arc<Connections>,
    pub stop_within: Duration,
    pub replace_within: Duration,
    pub handover: Arc<Handover>,
    /// `None` where no other binary can take over.
    pub successor: Option<CheckSuccessor>,
    /// Set when one does.
    pub replaced: Arc<AtomicBool>,
    /// Waits for what is done for others than the proxy's connections, and for those who left. Blocks,
    /// within a bound of its own.
    pub finish: Finish,
}

impl Drain {
    /// Until `left` says that nothing is, or the time of this setting is over.
    async fn until_none(&self, left: impl Fn() -> usize, within: Duration, setting: &str) {
        let begun = Stopwatch::start();
        loop {
            // What was accepted a moment ago is counted by then, unless its PROXY header is awaited.
            tokio::time::sleep(LOOK_EVERY).await;
            if left() == 0 || begun.elapsed() >= within {
                break;
            }
        }
        if left() > 0 {
            tracing::warn!(connections = left(), "cut off at the end of {setting}");
        }
    }

    async fn stop(&self, signals: &mut Signals) {
        tracing::info!(connections = self.connections.open(), "draining");
        self.draining.store(true, Ordering::Relaxed);
        // Nobody listens any more only when the services have ended already.
        self.closing.send(true).ok();
        self.drain.send(true).ok();
        // Copies of the sockets that listen: with them, connections would still be accepted.
        drop(self.handover.take());
        let left = || self.connections.open();
        tokio::select! {
            () = self.until_none(left, self.stop_within, "server.shutdown_seconds") => {}
            () = signals.stop() => tracing::warn!("told twice to stop: cut off"),
        }
    }

    /// What is wrong with the binary that would take over is said, and changes nothing.
    async fn replace(&self, signals: &mut Signals) -> Replacing {
        let Some(check) = self.successor.clone() else {
            tracing::error!("SIGUSR2: no other binary can take over from this command");
            return Replacing::Refused;
        };
        let checked = tokio::select! {
            biased;
            () = signals.stop() => return self.stop_instead(signals).await,
            checked = tokio::task::spawn_blocking(move || check()) => checked,
        };
        let checked = checked.unwrap_or_else(|fault| Err(fault.to_string()));
        if let Err(fault) = checked {
            tracing::error!("SIGUSR2 refused, nothing has changed: {fault}");
            return Replacing::Refused;
        }
        tracing::info!(connections = self.connections.open(), "another binary takes over");
        self.drain.send(true).ok();
        // Streams would hold new connections up for as long as they run: their clients come again.
        let left = || self.connections.requesting();
        tokio::select! {
            // In this order: a signal to stop that has come is not forgotten.
            biased;
            () = signals.stop() => self.stop_instead(signals).await,
            () = self.until_none(left, self.replace_within, "server.upgrade_seconds") => Replacing::Now,
        }
    }

    async fn stop_instead(&self, signals: &mut Signals) -> Replacing {
        self.stop(signals).await;
        Replacing::Stopped
    }
}

#[async_trait]
impl ShutdownSignalWatch for Drain {
    /// Pingora's own grace sleeps its whole time; ours ends when the last connection does.
    async fn recv(&self) -> ShutdownSignal {
        let mut signals = self.signals.lock().await;
        loop {
            match signals.next().await {
                Told::Stop => self.stop(&mut signals).await,
                Told::Replace => match self.replace(&mut signals).await {
                    Replacing::Now => self.replaced.store(true, Ordering::Release),
                    Replacing::Stopped => {}
                    Replacing::Refused => continue,
                },
            }
            let finish = Arc::clone(&self.finish);
            // A panic in there was reported by its own hook.
            tokio::task::spawn_blocking(move || finish()).await.ok();
            return ShutdownSignal::FastShutdown;
        }
    }
}
