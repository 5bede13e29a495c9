//! What operators can read of a running gateway: figures that are kept elsewhere, and readiness.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;

use super::View;
use crate::adapter::jwks::{JwksBook, JwksReading};
use crate::adapter::sled::SledStore;
use crate::api::Services;
use crate::edge::{CheckReadiness, Configured, Connections, Streams};
use crate::pipeline::Pipeline;
use crate::store::Revocations;
use crate::telemetry::{Gauges, IssuerGauge};

pub(super) fn gauges(
    services: &Arc<Services>,
    pipeline: &Arc<Pipeline>,
    view: &Arc<View>,
    connections: &Arc<Connections>,
    configured: &Arc<ArcSwap<Configured>>,
    streams: &Arc<Streams>,
    issuer_keys: &Arc<JwksBook>,
) -> Box<dyn Fn() -> Gauges + Send + Sync> {
    let (services, pipeline) = (Arc::clone(services), Arc::clone(pipeline));
    let (view, connections) = (Arc::clone(view), Arc::clone(connections));
    let (configured, streams) = (Arc::clone(configured), Arc::clone(streams));
    let issuer_keys = Arc::clone(issuer_keys);
    let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Box::new(move || {
        let hashing = services.hashing.figures();
        let keys = services.limits.load().keys().into_iter().chain(pipeline.configured().limiter_keys());
        let mut gauges = Gauges {
            hash_waiting: signed(hashing.waiting.load(Ordering::Relaxed)),
            hash_done: hashing.done.load(Ordering::Relaxed),
            hash_shed: hashing.shed.load(Ordering::Relaxed),
            hash_busy_micros: hashing.busy_micros.load(Ordering::Relaxed),
            limiter_keys: keys.map(|(policy, held)| (policy, signed(held))).collect(),
            connections: signed(connections.open()),
            streams: signed(streams.count()),
            upstream_servers: configured.load().servers(),
            issuers: issuer_keys.readings().into_iter().map(issuer).collect(),
            ..Gauges::default()
        };
        match &*view {
            View::Embedded(embedded) => {
                let sizes = embedded.sizes();
                gauges.revocation_entries = vec![
                    ("token", signed(sizes.tokens)),
                    ("session", signed(sizes.sessions)),
                    ("user", signed(sizes.users)),
                ];
            }
            View::Redis(redis) => {
                let reading = redis.figures().read();
                gauges.revocation_store_up = Some(reading.connected);
                gauges.revocation_checks = vec![
                    ("asked", reading.checks),
                    ("error", reading.errors),
                    ("timeout", reading.timeouts),
                    ("failed_open", reading.failed_open),
                    ("data_loss", reading.data_losses),
                    ("rebuild", reading.rebuilds),
                ];
            }
        }
        gauges
    })
}

fn issuer(reading: JwksReading) -> IssuerGauge {
    IssuerGauge {
        name: reading.issuer.as_str().to_owned(),
        keys: reading.keys,
        age: reading.age,
        fetches: reading.fetches.map(|(result, count)| (result.word(), count)).to_vec(),
    }
}

pub(super) fn readiness(store: &SledStore, revocations: &Arc<dyn Revocations>) -> CheckReadiness {
    let (store, revocations) = (store.clone(), Arc::clone(revocations));
    Box::new(move || {
        let (store, revocations) = (store.clone(), Arc::clone(&revocations));
        Box::pin(async move {
            let view = revocations.ping().await.err().map(|fault| fault.to_string());
            vec![("store", store.failure().map(str::to_owned)), ("revocations", view)]
        })
    })
}
