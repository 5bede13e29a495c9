//! The way down: no longer ready, no new connections, what runs may finish, and then the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::clock::Stopwatch;
use crate::edge::Connections;

/// How often it is looked whether all connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits for SIGTERM or SIGINT, then drains within a deadline. A second signal ends it at once.
pub struct Drain {
    drain: watch::Sender<bool>,
    draining: Arc<AtomicBool>,
    connections: Arc<Connections>,
    deadline: Duration,
}

impl Drain {
    pub fn new(
        drain: watch::Sender<bool>,
        draining: Arc<AtomicBool>,
        connections: Arc<Connections>,
        deadline: Duration,
    ) -> Self {
        Self { drain, draining, connections, deadline }
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
        let (mut terminate, mut interrupt) =
            (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
        either(&mut terminate, &mut interrupt).await;
        tracing::info!(connections = self.connections.open(), "draining");
        self.draining.store(true, Ordering::Relaxed);
        // Nobody listens any more only when the services have ended already.
        let _ = self.drain.send(true);
        tokio::select! {
            () = self.until_idle() => {}
            () = either(&mut terminate, &mut interrupt) => tracing::warn!("told twice to stop: cut off"),
        }
        ShutdownSignal::FastShutdown
    }
}

/// `None` when the process may not listen for it: then that signal ends it by itself.
fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).ok()
}

async fn either(first: &mut Option<Signal>, second: &mut Option<Signal>) {
    let one = async |signal: &mut Option<Signal>| match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    };
    tokio::select! {
        () = one(first) => {}
        () = one(second) => {}
    }
}
