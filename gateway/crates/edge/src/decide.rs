//! From a head to what becomes of the request: what is asked of the decision, and what is done by its answer.
//!
//! What stands in no configuration is decided here: whether there is room, and whether it is a request at all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;

use super::client::Client;
use super::connections::Place;
use super::descriptors::Descriptor;
use super::exchange::{Exchange, Forwarding, Reason, State};
use super::view::RequestView;
use super::{Content, Gateway, bridge, explain, head};
use gateway_clock::Stopwatch;
use gateway_framing::HeaderSection;
use gateway_identity::UserAgent;
use gateway_pipeline::{
    Admitted, AnsweredBy, CanonicalTarget, Decision, DecisionTrace, Denied, Head, PendingRenewal, Preflight,
    RequestTarget, Requester, Route, canonical,
};
use gateway_problem::{Code, Problem};
use gateway_telemetry::StreamBound;

/// What a client is told to wait for whom there is no room. Requests are short, but for those in whose
/// way it is.
const COME_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What is done next about a request that is not refused.
pub(super) enum Next {
    /// Answered without asking who it is: a preflight, of a route perhaps, or a redirect.
    Answer(http::Response<Bytes>, Option<Arc<Route>>),
    Own(CanonicalTarget),
    Forward,
}

/// A refusal, and the route that it happened on, where one was found.
pub(super) struct Rejected {
    pub(super) problem: Problem,
    pub(super) route: Option<Arc<Route>>,
}

impl From<Problem> for Rejected {
    fn from(problem: Problem) -> Self {
        Self { problem, route: None }
    }
}

impl From<Denied> for Rejected {
    fn from(denied: Denied) -> Self {
        Self { route: denied.route.clone(), problem: denied.into() }
    }
}

/// A request in the view of the decision.
fn view<'a>(
    request: RequestView<'a>,
    sent: Option<&'a str>,
    offers_upgrade: bool,
    exchange: &'a Exchange,
) -> Head<'a> {
    // What is no text has no canonical form, and no other.
    let sent = sent.unwrap_or_default();
    Head {
        method: request.method,
        host: request.host(),
        target: RequestTarget::new(sent, exchange.target.as_ref()),
        headers: request.headers,
        offers_upgrade,
        client: exchange.client.client,
        client_is_told: exchange.client.is_told(),
        is_encrypted: exchange.client.secure,
        // That of a proxy says who the proxy is, and not for whom it asks.
        certificate: exchange
            .connection_context
            .certificate
            .as_ref()
            .filter(|_| !exchange.client.peer_is_trusted),
        cookies: exchange.browser.as_ref().map(|browser| browser.cookies()),
        redirect_to: exchange.connection_context.redirect_to,
        answered_by: AnsweredBy::Us,
    }
}

impl Gateway {
    /// The target is read, the head checked, and the request served, refused or admitted.
    pub(super) async fn decide(
        &self,
        client: &impl Client,
        exchange: &mut Exchange,
    ) -> Result<Next, Rejected> {
        let request = client.request();
        let sent = request.target();
        exchange.target = sent.and_then(|target| canonical(target).ok());
        let begun = exchange.connection_context.begin();
        exchange.place = begun.map_err(|bound| self.crowded(bound))?;
        head::check(request)?;
        // As far as the body came along: nothing of one that is malformed reaches anybody.
        if client.is_malformed() {
            return Err(Problem::new(Code::MalformedRequest).with_message("Malformed request body").into());
        }
        exchange.browser = self.parts.browsers.as_ref().map(|browsers| browsers.for_exchange(exchange));
        // Seen when the head was read: nearly all offer nothing.
        let offers_upgrade = request.version == http::Version::HTTP_11 && client.asks_for_upgrade();
        let mut trace = explain::trace(request.headers, &exchange.client, &self.parts.explain_to);
        let follow = exchange.trace.is_some_and(|trace| trace.is_sampled());
        let first = if follow { exchange.started.elapsed() } else { Duration::ZERO };
        if follow {
            trace = trace.timed();
        }
        let decided = self.ask(&view(request, sent, offers_upgrade, exchange), exchange, &mut trace).await;
        if matches!(decided, Ok(Decision::Forward(_)) | Err(_)) {
            exchange.decision.took = Some(exchange.started.elapsed().saturating_sub(trace.wait()));
        }
        if follow {
            if decided.is_err() {
                trace.broke_off();
            }
            exchange.decision.stages = Some(Box::new((first, trace.stages().to_vec())));
        }
        exchange.decision.explanation = explain::value(&trace, client.way(), &decided);
        match decided {
            Ok(Decision::Forward(admitted)) => self.forward(exchange, admitted).map(|()| Next::Forward),
            Ok(Decision::Own(target)) => Ok(Next::Own(target)),
            Ok(Decision::Redirect(answer)) => Ok(Next::Answer(answer.map(|()| Bytes::new()), None)),
            Ok(Decision::Preflight(Preflight { answer, route })) => {
                Ok(Next::Answer(answer.map(|()| Bytes::new()), route))
            }
            // Asked again it has said what becomes of it.
            Ok(Decision::Renew(_)) => Err(Problem::new(Code::Internal).into()),
            Err(denied) => Err(self.refused(request.headers, exchange, denied).await),
        }
    }

    /// The decision; what it needs done for itself is done.
    async fn ask(
        &self,
        head: &Head<'_>,
        exchange: &Exchange,
        trace: &mut DecisionTrace,
    ) -> Result<Decision, Denied> {
        let config = &exchange.configured.decision;
        match self.parts.pipeline.receive(config, head, trace).await {
            // In a box: whose token is good keeps no room for it.
            Ok(Decision::Renew(pending_renewal)) => {
                Box::pin(self.renew(head, exchange, pending_renewal, trace)).await
            }
            decided => decided,
        }
    }

    async fn renew(
        &self,
        head: &Head<'_>,
        exchange: &Exchange,
        pending_renewal: Box<PendingRenewal>,
        trace: &mut DecisionTrace,
    ) -> Result<Decision, Denied> {
        let waiting = Stopwatch::start();
        let renewed = exchange.renew(pending_renewal.expired_session.refresh()).await;
        trace.waited(waiting.elapsed());
        let config = &exchange.configured.decision;
        self.parts.pipeline.go_on(config, head, *pending_renewal, renewed, trace).await
    }

    /// What is done about a refusal beside answering it.
    async fn refused(&self, headers: HeaderSection<'_>, exchange: &Exchange, denied: Denied) -> Rejected {
        if !denied.refusal.is_noted() {
            return denied.into();
        }
        let user_agent = headers.get(&USER_AGENT).map_or_else(UserAgent::default, UserAgent::cut);
        let by = Requester {
            address: exchange.client.client,
            user_agent: &user_agent,
            request_id: exchange.request_id.as_str(),
            trace: exchange.trace.map(|context| context.trace),
        };
        self.parts.pipeline.note(&denied.refusal, by).await;
        denied.into()
    }

    /// What is admitted needs room until its answer is whole, and a connection to its service.
    fn forward(&self, exchange: &mut Exchange, admitted: Admitted) -> Result<(), Rejected> {
        let descriptor = match self.may_wait(exchange) {
            Ok(descriptor) => descriptor,
            Err(bound) => {
                // However long its client takes to be told, it takes none of what is kept.
                exchange.place = None;
                let route = Some(Arc::clone(admitted.route()));
                return Err(Rejected { problem: self.crowded(bound), route });
            }
        };
        self.parts.pipeline.note_shadow(&admitted, exchange.request_id.as_str());
        exchange.state = State::Forwarded(Forwarding::new(admitted, descriptor));
        Ok(())
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
        client: &mut impl Client,
        exchange: &mut Exchange,
        target: &CanonicalTarget,
    ) -> Result<http::Response<Content>, Problem> {
        let request = bridge::read(client, target).await?;
        let (response, refused) = (exchange.configured.endpoints.serve)(request, exchange.api_client()).await;
        exchange.state = State::Served(refused.as_ref().map(Reason::from));
        Ok(response)
    }
}
