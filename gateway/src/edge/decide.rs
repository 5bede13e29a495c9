//! From a head to what becomes of the request: served by us, refused, or admitted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::connections::Place;
use super::descriptors::Descriptor;
use super::exchange::{Exchange, Progress};
use super::{Content, Gateway, bridge, cors, downstream, explain, head, redirect, upgrade};
use crate::identity::UserAgent;
use crate::pipeline::{CanonicalTarget, Head, Requester, Snapshot, Trail, canonical, is_own, preflight_for};
use crate::problem::{Code, Problem};
use crate::telemetry::StreamBound;

/// What a client is told to wait for whom there is no room. Requests are short, but for those in whose
/// way it is.
const COME_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What becomes of a request that is not refused.
pub(super) enum Decision {
    /// Answered without asking who it is: a preflight, or a redirect.
    Answered(http::Response<Bytes>),
    Own(CanonicalTarget),
    Forward,
}

/// The target of a request that some route takes as it was sent, below its path.
fn as_sent(
    request: &RequestHeader,
    now: &Snapshot,
    exchange: &mut Exchange,
) -> Result<CanonicalTarget, Problem> {
    let preflighted = preflight_for(&request.method, &request.headers);
    let method = preflighted.as_ref().unwrap_or(&request.method);
    let chosen = now.routes.choose(head::authority(request), method, head::target(request)?);
    let (target, _) = chosen.map_err(|refusal| {
        let denied = refusal.before_a_route(&mut Trail::silent());
        exchange.refused_on.clone_from(&denied.route);
        Problem::from(denied)
    })?;
    exchange.is_own = false;
    Ok(target)
}

impl Gateway {
    /// The head is checked, the path normalised, and the request served, refused or admitted.
    pub(super) async fn decide(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<Decision, Problem> {
        let target = head::target(session.req_header()).and_then(|target| Ok(canonical(target)?));
        exchange.is_own = target.as_ref().map_or(true, |target| is_own(target.path()));
        let begun = exchange.arrival.begin();
        exchange.place = begun.map_err(|bound| self.crowded(bound))?;
        head::check(session.req_header())?;
        // As far as the body came along: nothing of one that is malformed reaches anybody.
        if downstream::of(session).is_some_and(|downstream| downstream.malformed().is_some()) {
            return Err(Problem::new(Code::MalformedRequest).with_message("Malformed request body"));
        }
        let now = Arc::clone(&exchange.configured.decision);
        let target = match target {
            Ok(target) => target,
            Err(_) => as_sent(session.req_header(), &now, exchange)?,
        };
        if let Some(port) = exchange.arrival.redirect_to {
            let host = head::authority(session.req_header());
            let answer = redirect::to_https(host, target.as_str(), port);
            return answer.map(Decision::Answered).ok_or_else(|| {
                Problem::new(Code::MalformedRequest).with_message("A Host is needed to be sent to HTTPS")
            });
        }
        if let Some(answer) = cors::preflight(session.req_header(), &target, &now, exchange) {
            return Ok(Decision::Answered(answer));
        }
        exchange.browser = self.parts.browsers.as_ref().map(|browsers| browsers.of(exchange));
        if exchange.is_own {
            return Ok(Decision::Own(target));
        }
        let request = session.req_header();
        let (method, host) = (&request.method, head::authority(request));
        let browser = exchange.browser.as_deref();
        let client_is_told = exchange.client.is_told();
        let target = target.as_str();
        // That of a proxy says who the proxy is, and not for whom it asks.
        let certificate = exchange.arrival.certificate.as_ref().filter(|_| !exchange.client.peer_is_trusted);
        let headers = &request.headers;
        let head = Head { method, host, target, headers, browser, certificate, client_is_told };
        let mut trail = explain::trail(request, &exchange.client, &self.parts.explain_to);
        let follow = exchange.trace.is_some_and(|trace| trace.is_sampled());
        let first = if follow { exchange.started.elapsed() } else { Duration::ZERO };
        if follow {
            trail = trail.timed();
        }
        let admitted = self.parts.pipeline.admit(&now, head, exchange.client.client, &mut trail).await;
        exchange.decided_in = Some(exchange.started.elapsed().saturating_sub(trail.wait()));
        if follow {
            if admitted.is_err() {
                trail.broke_off();
            }
            exchange.decided = Some(Box::new((first, trail.stages().to_vec())));
        }
        exchange.explanation = explain::value(&trail, &admitted);
        if let Err(denied) = &admitted {
            let user_agent = UserAgent::of(&request.headers);
            let by = Requester {
                address: exchange.client.client,
                user_agent: &user_agent,
                request_id: exchange.request_id.as_str(),
                trace: exchange.trace.map(|context| context.trace),
            };
            self.parts.pipeline.note(&denied.refusal, by).await;
        }
        let admitted = admitted.map_err(|denied| {
            exchange.refused_on = denied.route.clone();
            exchange.cors = denied.route.as_ref().and_then(|route| route.cors.clone());
            Problem::from(denied)
        })?;
        exchange.cors.clone_from(&admitted.route().cors);
        if head::declared_length(session).is_some_and(|length| length > admitted.route().body_bytes_max) {
            exchange.refused_on = Some(Arc::clone(admitted.route()));
            return Err(Problem::new(Code::BodyTooLarge));
        }
        if let Err(problem) = upgrade::check(session, admitted.route()) {
            exchange.refused_on = Some(Arc::clone(admitted.route()));
            return Err(problem);
        }
        match self.may_wait(exchange) {
            Ok(descriptor) => exchange.descriptor = Some(descriptor),
            Err(bound) => {
                exchange.refused_on = Some(Arc::clone(admitted.route()));
                // However long its client takes to be told, it takes none of what is kept.
                exchange.place = None;
                return Err(self.crowded(bound));
            }
        }
        if let Some(refusal) = admitted.overruled() {
            let (route, reason) = (&admitted.route().name, refusal.code().word());
            self.parts.metrics.requests.shadowed(route, reason);
            tracing::info!(target: "shadow", request_id = %exchange.request_id, route, reason, "would be refused");
        }
        exchange.progress = Progress::Admitted(Arc::new(admitted));
        Ok(Decision::Forward)
    }

    /// Whether there is room for a request that waits for an upstream, over a connection to it.
    fn may_wait(&self, exchange: &Exchange) -> Result<Descriptor, StreamBound> {
        exchange.place.as_ref().map_or(Ok(()), Place::may_wait)?;
        self.parts.descriptors.take().ok_or(StreamBound::Descriptors)
    }

    /// An answer, over HTTP/2 too, and no REFUSED_STREAM (RFC 9113 §8.7): that says neither why nor
    /// when to come again, stands in no log of the client's, and is repeated at once by many.
    fn crowded(&self, bound: StreamBound) -> Problem {
        self.parts.metrics.connections.refuse_stream(bound);
        Problem::new(Code::TooManyStreams).retry_after(COME_AGAIN_AFTER)
    }

    pub(super) async fn serve_own(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
        target: &CanonicalTarget,
    ) -> Result<http::Response<Content>, Problem> {
        exchange.leaves_body = bridge::is_verify(target);
        let request = bridge::read(session, target).await?;
        let (response, refused) = (exchange.configured.endpoints.serve)(request, exchange.api_client()).await;
        exchange.progress = Progress::Served(refused.as_ref().map(Problem::code));
        exchange.why = refused.as_ref().and_then(Problem::why).cloned().map(Box::new);
        Ok(response)
    }
}
