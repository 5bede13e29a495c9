//! Cross-origin requests: preflights are answered here, before anybody asks for a token.

use std::sync::Arc;

use bytes::Bytes;
use http::header::ORIGIN;

use super::bridge;
use super::exchange::Exchange;
use super::view::RequestView;
use crate::pipeline::{CanonicalTarget, Snapshot, is_own, preflight_for};

/// The answer to a preflight of a route, or of an endpoint of ours, that has a policy. Without one
/// it is a request like any other.
pub(super) fn preflight(
    request: RequestView<'_>,
    target: &CanonicalTarget,
    now: &Snapshot,
    exchange: &mut Exchange,
) -> Option<http::Response<Bytes>> {
    // A proxy asks there for its client: a preflight's 204 would be taken for a yes.
    if bridge::is_verify(target) {
        return None;
    }
    if is_own(target.path()) {
        exchange.cors.clone_from(&now.own_cors);
    }
    let wanted = preflight_for(request.method, request.headers)?;
    let policy = if is_own(target.path()) {
        now.own_cors.clone()?
    } else {
        let (_, route) = now.routes.choose(request.host(), &wanted, target.as_str()).ok()?;
        // Who is kept out is refused like with any other request.
        let from_here = exchange.client.is_told() && route.networks.admit(exchange.client.client);
        if route.networks.are_bounded() && !from_here && !route.shadow {
            return None;
        }
        exchange.refused_on = Some(Arc::clone(route));
        route.cors.clone()?
    };
    // It says all there is to say of the policy itself.
    exchange.cors = None;
    Some(policy.preflight(request.headers.get(ORIGIN)).map(|()| Bytes::new()))
}
