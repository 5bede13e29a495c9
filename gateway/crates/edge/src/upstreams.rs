//! The servers behind each upstream: who is there, who is well, and who gets the next request.
//!
//! A set is prepared from settings without side effects and then installed, which cannot fail. An
//! upstream whose settings are unchanged keeps its servers, their health and their connections.

mod connection;
mod dial;
mod discovery;
mod ejection;
mod framed;
mod health;
mod kept;
mod least;
mod pool;
mod server;
#[cfg(test)]
mod tests;
mod upstream_request;
mod waiting;

use std::sync::Arc;

pub(super) use dial::{Dial, UPSTREAM_FULL};
use foldhash::HashMap;
pub(super) use framed::Framed;
use pool::Pool;
pub(super) use upstream_request::{Interrupted, NO_HEALTHY_UPSTREAM, UpstreamRequest, oversized};

use super::descriptors::Descriptors;
use gateway_pipeline::{Protocol, Upstream};
use gateway_telemetry::{Metrics, UpstreamServer};

type Pools = HashMap<String, Arc<Pool>>;

/// All upstreams of a configuration.
#[derive(Default)]
pub(super) struct Upstreams {
    pools: Pools,
    all_speak_http1: bool,
}

impl Upstreams {
    /// Builds what is new and takes over what is unchanged. Names are looked up once; one that
    /// cannot be is a warning, and looked up again later.
    ///
    /// # Errors
    ///
    /// Where a setting cannot be turned into a connection, such as a socket's path that is too long.
    pub(super) async fn prepare(
        settings: impl Iterator<Item = Arc<Upstream>>,
        before: Option<&Self>,
        metrics: &Metrics,
        descriptors: &Arc<Descriptors>,
    ) -> Result<Self, String> {
        let mut pools = Pools::default();
        for upstream in settings {
            if pools.contains_key(&upstream.name) {
                continue;
            }
            let kept = before.and_then(|before| before.pools.get(&upstream.name));
            let pool = match kept.filter(|pool| *pool.settings == *upstream) {
                Some(pool) => Arc::clone(pool),
                None => Arc::new(Pool::new(Arc::clone(&upstream), metrics, descriptors).await?),
            };
            pools.insert(upstream.name.clone(), pool);
        }
        let all_speak_http1 = pools.values().all(|pool| pool.settings.protocol == Protocol::Http1);
        Ok(Self { pools, all_speak_http1 })
    }

    /// Begins health checks and look-ups of names, where they have not begun, and ends those of
    /// `before` that are not carried over; running requests end where they are. Must be called on
    /// the runtime that carries the requests.
    pub(super) fn start(&self, before: Option<&Self>) {
        self.pools.values().for_each(Pool::start);
        for (name, pool) in before.into_iter().flat_map(|before| &before.pools) {
            if !self.pools.get(name).is_some_and(|kept| Arc::ptr_eq(kept, pool)) {
                pool.retire();
            }
        }
    }

    /// Whether there is none that is spoken with over HTTP/2.
    pub(super) fn all_speak_http1(&self) -> bool {
        self.all_speak_http1
    }

    /// The way to this upstream, if there is one of its name.
    pub(super) fn upstream_request(&self, settings: &Upstream) -> Option<UpstreamRequest> {
        self.pools.get(&settings.name).map(|pool| UpstreamRequest::new(Arc::clone(pool)))
    }

    /// The state of each configured server, for metrics.
    pub(super) fn servers(&self) -> Vec<UpstreamServer> {
        self.pools.values().flat_map(|pool| pool.report()).collect()
    }

    /// The upstreams that have no server which could be asked.
    pub(super) fn without_servers(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.pools.iter().filter(|(_, pool)| !pool.has_healthy()).map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }
}
