//! What is measured of accounts: logins and what surrounds them, and the hashing of passwords.

use std::time::Duration;

use prometheus::{Histogram, IntCounterVec, IntGauge};

use super::registry::{MetricRegistry, raise, signed};

/// From five milliseconds to five seconds.
const HASH_SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// And from one.
const WAIT_SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The metrics of accounts.
pub struct Accounts {
    logins: IntCounterVec,
    registrations: IntCounterVec,
    refreshes: IntCounterVec,
}

impl Accounts {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Accounts");
        Ok(Self {
            logins: registry.counters(
                "gateway_login_attempts_total",
                &["result"],
                "Logins by result: ok, or the code of the refusal.",
            )?,
            registrations: registry.counters(
                "gateway_registrations_total",
                &["result"],
                "Registrations by result: ok, or the code of the refusal.",
            )?,
            refreshes: registry.counters(
                "gateway_refreshes_total",
                &["result"],
                "Refreshes by result: kept (a new access token), rotated (and a new refresh token), reused (a refresh token that was replaced came again: its session was closed), or the code of the refusal.",
            )?,
        })
    }

    /// What the endpoints may answer: a series that appeared with its first event would have no
    /// rate for it.
    pub fn begin(&self, logins: &[&'static str], registrations: &[&'static str], refreshes: &[&'static str]) {
        for (counters, results) in
            [(&self.logins, logins), (&self.registrations, registrations), (&self.refreshes, refreshes)]
        {
            results.iter().for_each(|result| drop(counters.with_label_values(&[result])));
        }
    }

    /// `result` is `ok` or a code.
    pub fn login(&self, result: &'static str) {
        self.logins.with_label_values(&[result]).inc();
    }

    /// `result` is `ok` or a code.
    pub fn registration(&self, result: &'static str) {
        self.registrations.with_label_values(&[result]).inc();
    }

    /// `result` is `kept`, `rotated`, `reused` or a code.
    pub fn refresh(&self, result: &'static str) {
        self.refreshes.with_label_values(&[result]).inc();
    }
}

/// The pool of password hashing at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct HashingReading {
    pub waiting: usize,
    pub queue_max: usize,
    pub threads: usize,
    pub done: u64,
    pub shed: u64,
    pub abandoned: u64,
}

/// The metrics of password hashing.
pub struct Hashing {
    depth: IntGauge,
    queue_max: IntGauge,
    threads: IntGauge,
    jobs: IntCounterVec,
    durations: Histogram,
    waits: Histogram,
}

impl Hashing {
    pub(super) fn new(registry: &mut MetricRegistry) -> Result<Self, prometheus::Error> {
        registry.group("Password hashing");
        Ok(Self {
            depth: registry
                .gauge("gateway_password_hash_queue_depth", "Jobs that wait for the password-hash pool.")?,
            queue_max: registry.gauge(
                "gateway_password_hash_queue_max",
                "Jobs that may wait (`password.queue`); for one more, the newest of the client network that has most is shed with 503.",
            )?,
            threads: registry.gauge(
                "gateway_password_hash_threads",
                "Threads of the password-hash pool (`password.threads`).",
            )?,
            jobs: registry.counters(
                "gateway_password_hash_jobs_total",
                &["result"],
                "Jobs of the password-hash pool by result: done; shed because the queue was full or the wait too long; abandoned because the client had gone when their turn came.",
            )?,
            durations: registry.histogram(
                "gateway_password_hash_duration_seconds",
                &HASH_SECONDS,
                "Time that hashing one password took. The rate of its sum is the number of busy threads.",
            )?,
            waits: registry.histogram(
                "gateway_password_hash_wait_duration_seconds",
                &WAIT_SECONDS,
                "Time that a job waited for a thread of the password-hash pool.",
            )?,
        })
    }

    /// A job was taken from the queue, and done unless it came too late.
    pub fn hashed(&self, waited: Duration, took: Option<Duration>) {
        self.waits.observe(waited.as_secs_f64());
        took.iter().for_each(|took| self.durations.observe(took.as_secs_f64()));
    }

    pub(super) fn show(&self, reading: &HashingReading) {
        self.depth.set(signed(reading.waiting));
        self.queue_max.set(signed(reading.queue_max));
        self.threads.set(signed(reading.threads));
        raise(&self.jobs.with_label_values(&["done"]), reading.done);
        raise(&self.jobs.with_label_values(&["shed"]), reading.shed);
        raise(&self.jobs.with_label_values(&["abandoned"]), reading.abandoned);
    }
}
