//! Routes in shadow: the same stages in the same order, and what they refuse is noted and passes.
//! For putting the gateway before a service that still decides for itself.

use std::sync::Arc;

use super::{
    Admitted, CanonicalTarget, DecisionTrace, Pipeline, Principal, Quota, Refusal, Route, Who, authorize,
};

/// What of a request to a route in shadow lives on where a stage refuses it.
pub(super) struct Shadow {
    target: CanonicalTarget,
    proved: Option<Principal>,
}

impl Shadow {
    /// With the identity that was proved, if one was.
    pub(super) fn new(target: &CanonicalTarget, entered: &Result<(Who, Quota), Refusal>) -> Self {
        let proved = match entered {
            Ok((Who::Known(principal), _)) => Some(principal.clone()),
            _ => None,
        };
        Self { target: target.clone(), proved }
    }

    pub(super) fn let_pass(
        self,
        route: &Arc<Route>,
        permitted: Result<Admitted, Refusal>,
        trace: &mut DecisionTrace,
    ) -> Admitted {
        permitted.unwrap_or_else(|refusal| {
            trace.note("shadow", || format!("would be refused ({}); passes", refusal.code().as_str()));
            authorize::overrule(route, self.target, self.proved, refusal)
        })
    }
}

impl Pipeline {
    /// Counts and logs what would have been refused, were the route not in shadow.
    pub fn note_shadow(&self, admitted: &Admitted, request_id: &str) {
        let Some(refusal) = admitted.overruled() else { return };
        let (route, reason) = (&admitted.route().name, refusal.code().as_str());
        self.metrics.requests.shadowed(route, reason);
        tracing::info!(target: "shadow", request_id = %request_id, route, reason, "would be refused");
    }
}
