//! What the adapter counts. It names no metric: telemetry reads these and gives them names.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use gateway_clock::Stopwatch;

/// Counters since the start, and whether Redis answers now.
#[derive(Debug, Default)]
pub struct RedisFigures {
    checks: AtomicU64,
    revoked: AtomicU64,
    errors: AtomicU64,
    timeouts: AtomicU64,
    failed_open: AtomicU64,
    publishes: AtomicU64,
    publish_failures: AtomicU64,
    data_losses: AtomicU64,
    rebuilds: AtomicU64,
    connects: AtomicU64,
    connected: AtomicBool,
    /// Since the view was last proven whole; since the start, if it never was.
    proven: Mutex<Stopwatch>,
}

/// The figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisReading {
    /// Checks that were asked.
    pub checks: u64,
    /// Checks that found a revocation.
    pub revoked: u64,
    /// Checks that were not answered, apart from those that took too long.
    pub errors: u64,
    /// Checks that were not answered in time.
    pub timeouts: u64,
    /// Checks that let a request pass although Redis did not answer; also counted above.
    pub failed_open: u64,
    /// Publications that Redis acknowledged.
    pub publishes: u64,
    /// Publications that Redis did not acknowledge; they are caught up from the ledger.
    pub publish_failures: u64,
    /// How often Redis was found to have lost, evicted, or never to have had, its revocations.
    pub data_losses: u64,
    /// How often the view was rebuilt from the ledger.
    pub rebuilds: u64,
    /// Connections that were opened.
    pub connects: u64,
    /// Connected, and the view proven to be whole.
    pub connected: bool,
    /// Since it was last proven to be whole.
    pub staleness: Duration,
}

/// Something that happened, to be counted.
#[derive(Clone, Copy)]
pub(super) enum Event {
    Check,
    Revoked,
    Error,
    Timeout,
    FailedOpen,
    Publish,
    PublishFailure,
    DataLoss,
    Rebuild,
    Connect,
}

impl RedisFigures {
    pub fn read(&self) -> RedisReading {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RedisReading {
            checks: load(&self.checks),
            revoked: load(&self.revoked),
            errors: load(&self.errors),
            timeouts: load(&self.timeouts),
            failed_open: load(&self.failed_open),
            publishes: load(&self.publishes),
            publish_failures: load(&self.publish_failures),
            data_losses: load(&self.data_losses),
            rebuilds: load(&self.rebuilds),
            connects: load(&self.connects),
            connected: self.connected.load(Ordering::Relaxed),
            staleness: self.proven.lock().elapsed(),
        }
    }

    pub(super) fn count(&self, event: Event) {
        let counter = match event {
            Event::Check => &self.checks,
            Event::Revoked => &self.revoked,
            Event::Error => &self.errors,
            Event::Timeout => &self.timeouts,
            Event::FailedOpen => &self.failed_open,
            Event::Publish => &self.publishes,
            Event::PublishFailure => &self.publish_failures,
            Event::DataLoss => &self.data_losses,
            Event::Rebuild => &self.rebuilds,
            Event::Connect => &self.connects,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        if connected {
            *self.proven.lock() = Stopwatch::start();
        }
    }
}
