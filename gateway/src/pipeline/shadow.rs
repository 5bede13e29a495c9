//! Routes in shadow: the same stages in the same order, and what they refuse is noted and passes.
//! For putting the gateway before a service that still decides for itself.

use std::net::IpAddr;
use std::sync::Arc;

use super::{
    Admitted, CanonicalTarget, Head, Pipeline, Principal, Refusal, Route, Snapshot, Trail, authorize,
};

impl Pipeline {
    pub(super) async fn admit_in_shadow(
        &self,
        now: &Snapshot,
        route: &Arc<Route>,
        target: CanonicalTarget,
        head: Head<'_>,
        client: IpAddr,
        trail: &mut Trail,
    ) -> Admitted {
        let mut proved: Option<Principal> = None;
        let witness = |principal: &Principal| proved = Some(principal.clone());
        let decided = self.decide(now, route, target.clone(), head, client, trail, witness).await;
        decided.unwrap_or_else(|refusal: Refusal| {
            trail.note("shadow", || format!("would be refused ({}); passes", refusal.code().word()));
            authorize::overrule(route, target, proved, refusal)
        })
    }
}
