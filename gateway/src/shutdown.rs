//! The way down: no longer ready, no new connections, what runs may finish, and then the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, watch};

use crate::clock::Stopwatch;
use crate::edge::Connections;

/// How often it is looked whether all connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The signals that end the gateway. Whoever was told that it listens may send one, so they must be
/// listened for before that is said: until then a signal ends the process by itself.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Must be called within a runtime; any other runtime may wait for them later.
    ///
    /// # Errors
    ///
    /// Where the process may not listen for them.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// One that came since this was last asked counts, too.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for SIGTERM or SIGINT, then drains within a deadline. A second signal ends it at once.
pub struct Drain {
    signals: Mutex<StopSignals>,
    drain: watch::Sender<bool>,
    draining: Arc<AtomicBool>,
    connections: Arc<Connections>,
    deadline: Duration,
}

impl Drain {
    pub fn new(
        signals: StopSignals,
        drain: watch::Sender<bool>,
        draining: Arc<AtomicBool>,
        connections: Arc<Connections>,
        deadline: Duration,
    ) -> Self {
        Self { signals: Mutex::new(signals), drain, draining, connections, deadline }
    }

    async fn until_idle(&self) {
        let begun = Stopwatch::start();
        while self.connections.open() > 0 && begun.elapsed() < self.deadline {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let left = self.connections.open();
        if left > 0 {
            tracing::warn!(connections = left, "cut off at the end of server.shutdown_seconds");
        }
    }
}

#[async_trait]
impl ShutdownSignalWatch for Drain {
    /// Pingora's own grace sleeps its whole time; ours ends when the last connection does.
    async fn recv(&self) -> ShutdownSignal {
        let mut signals = self.signals.lock().await;
        signals.next().await;
        tracing::info!(connections = self.connections.open(), "draining");
        self.draining.store(true, Ordering::Relaxed);
        // Nobody listens any more only when the services have ended already.
        let _ = self.drain.send(true);
        tokio::select! {
            () = self.until_idle() => {}
            () = signals.next() => tracing::warn!("told twice to stop: cut off"),
        }
        ShutdownSignal::FastShutdown
    }
}
