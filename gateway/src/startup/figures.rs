//! What operators can read of a running gateway: figures that are kept elsewhere, and readiness.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::View;
use super::current::{ActiveConfiguration, Current};
use super::store::Store;
use gateway_clock::Timestamp;
use gateway_edge::{CheckReadiness, Connections, Descriptors, Streams};
use gateway_jwks::{JwksBook, JwksReading};
use gateway_limits::Limiters;
use gateway_password::HashPool;
use gateway_store::Revocations;
use gateway_store_redis::RedisReading;
use gateway_telemetry::{
    ConnectionsReading, HashingReading, IssuerReading, PolicyReading, ProcessReading, Reading, RedisCounts,
    RevocationReading, TokensReading, Traces, log,
};
use gateway_token::TOKENS_REMEMBERED_MAX;

/// The sources of a scrape.
pub(super) struct Figures {
    pub(super) current: Arc<Current>,
    pub(super) limiters: Arc<Limiters>,
    pub(super) view: Arc<View>,
    pub(super) store: Store,
    pub(super) connections: Arc<Connections>,
    pub(super) descriptors: Arc<Descriptors>,
    pub(super) streams: Arc<Streams>,
    pub(super) issuer_keys: Arc<JwksBook>,
    pub(super) traces: Arc<Traces>,
    pub(super) worker_threads: usize,
}

impl Figures {
    pub(super) fn read(&self) -> Reading {
        let current = self.current.load();
        let services = current.api.services();
        let policies = self.limiters.figures().into_iter().map(|(policy, figures)| PolicyReading {
            policy,
            allowed: figures.allowed,
            refused: figures.refused,
            keys: figures.keys,
            keys_max: figures.keys_max,
        });
        Reading {
            tokens: TokensReading {
                remembered: services.config.verifier.remembered(),
                remembered_max: TOKENS_REMEMBERED_MAX,
            },
            revocation: self.revocation(),
            policies: policies.collect(),
            hashing: hashing(&services.hashing),
            connections: self.connections(&current),
            upstream_servers: current.edge.servers(),
            issuers: self.issuer_keys.readings().into_iter().map(issuer).collect(),
            process: self.process(services.clock.now()),
            outbox_waiting: services.outbox.waiting(),
        }
    }

    fn revocation(&self) -> RevocationReading {
        let sizes = self.view.own.sizes();
        RevocationReading {
            entries: [("token", sizes.tokens), ("session", sizes.sessions), ("user", sizes.users)],
            redis: self.view.redis.as_ref().map(|redis| counts(&redis.figures().read())),
            mirrored: self.view.mirrored.as_ref().map(|(view, _)| (view.is_fresh(), view.staleness())),
        }
    }

    fn connections(&self, current: &ActiveConfiguration) -> ConnectionsReading {
        let ends = current.edge.certificate_ends().into_iter();
        ConnectionsReading {
            open: self.connections.open(),
            max: self.connections.caps().connections.total,
            running: self.connections.running(),
            running_max: self.connections.caps().streams.total,
            descriptors: self.descriptors.taken(),
            descriptors_max: self.descriptors.max(),
            streams: self.streams.count(),
            certificates: ends.map(|end| (end.chain, end.at)).collect(),
        }
    }

    fn process(&self, now: Timestamp) -> ProcessReading {
        ProcessReading {
            // A database that answers its follower is up.
            store: self.store.reading(self.view.mirrored.as_ref().is_none_or(|(view, _)| view.is_fresh())),
            log: log::figures(),
            traces: self.traces.read(),
            worker_threads: self.worker_threads,
            clock_millis: now.millis(),
        }
    }
}

fn hashing(pool: &HashPool) -> HashingReading {
    let figures = pool.figures();
    HashingReading {
        waiting: pool.waiting(),
        queue_max: pool.queue_max(),
        threads: pool.threads(),
        done: figures.done.load(Ordering::Relaxed),
        shed: figures.shed.load(Ordering::Relaxed),
        abandoned: figures.abandoned.load(Ordering::Relaxed),
    }
}

fn counts(reading: &RedisReading) -> RedisCounts {
    let failed = reading.errors + reading.timeouts;
    RedisCounts {
        up: reading.connected,
        staleness: reading.staleness,
        checks: [
            // The three counts are read one after the other, while others are raised.
            ("in_force", reading.checks.saturating_sub(failed + reading.revoked)),
            ("revoked", reading.revoked),
            ("error", reading.errors),
            ("timeout", reading.timeouts),
        ],
        publications: [("ok", reading.publishes), ("failed", reading.publish_failures)],
        rebuilds: reading.rebuilds,
        data_losses: reading.data_losses,
    }
}

fn issuer(reading: JwksReading) -> IssuerReading {
    IssuerReading {
        name: reading.issuer.as_str().to_owned(),
        keys: reading.keys,
        age: reading.age,
        fetches: reading.fetches.map(|(result, count)| (result.as_str(), count)).to_vec(),
    }
}

pub(super) fn readiness(store: &Store, revocations: &Arc<dyn Revocations>) -> CheckReadiness {
    let (store, revocations) = (store.clone(), Arc::clone(revocations));
    Box::new(move || {
        let (store, revocations) = (store.clone(), Arc::clone(&revocations));
        Box::pin(async move {
            let view = revocations.ping().await.err().map(|fault| fault.to_string());
            vec![("store", store.fault().await), ("revocations", view)]
        })
    })
}
