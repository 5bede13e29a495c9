//! What was configured, as one value: prepared whole, swapped whole, and never changed.

use std::sync::Arc;
use std::time::Duration;

use super::{AddressLimit, Assertions, Cors, FailureLimit, Routes, UserLimit, is_verify};
use gateway_token::{ForeignIssuers, Verifier};

/// Everything that a reload may change about the decision.
pub struct Snapshot {
    pub routes: Routes,
    pub verifier: Arc<Verifier>,
    pub assertions: Assertions,
    /// How long others may keep the key set.
    pub key_set_lifetime: Duration,
    /// The issuers whose tokens are accepted beside our own.
    pub issuers: ForeignIssuers,
    /// Of tokens that are none of ours, in bytes.
    pub token_bytes_max: usize,
    pub user_limit: UserLimit,
    pub failures: FailureLimit,
    /// The policy of the gateway's own endpoints towards pages of other origins.
    pub own_cors: Option<Arc<Cors>>,
}

impl Snapshot {
    /// The policy of one of the gateway's own endpoints. There is none where another proxy asks for its
    /// client, which would take a preflight's 204 for a yes.
    pub fn cors_of_own(&self, path: &str) -> Option<&Arc<Cors>> {
        self.own_cors.as_ref().filter(|_| !is_verify(path))
    }

    /// Forgets limiter keys that are as if never seen; to be called now and then.
    pub fn forget_idle(&self) {
        let of_routes = self.routes.iter().filter_map(|route| route.user_limit.as_ref());
        for limiter in of_routes.chain([&self.user_limit]).filter_map(|limit| limit.0.as_ref()) {
            limiter.forget_idle();
        }
        let of_routes = self.routes.iter().filter_map(|route| route.address_limit.as_ref());
        for limiter in of_routes.filter_map(|AddressLimit(limit)| limit.as_ref()).chain(&self.failures.0) {
            limiter.forget_idle();
        }
    }
}
