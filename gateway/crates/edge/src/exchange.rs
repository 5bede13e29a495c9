//! The state of one request: what is known of it from its beginning on, and what has become of it, each state
//! with what is known in that one alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::cancellation::CancelHandle;
use super::client_addr::ClientAddress;
use super::configured::Configured;
use super::connection_context::ConnectionContext;
use super::connections::{Place, Streaming};
use super::descriptors::Descriptor;
use super::pace::Paced;
use super::streams::Watched;
use super::upstreams::UpstreamRequest;
use super::view::RequestView;
use gateway_clock::Stopwatch;
use gateway_pipeline::{
    AddressRewrite, Admitted, Browser, CanonicalTarget, Cors, Route, Stage, is_own, is_verify,
};
use gateway_problem::{Code, Problem, Why};
use gateway_telemetry::{Outcome, RequestId, Span, TraceContext};

/// One request and its answer.
pub struct Exchange {
    pub(super) started: Stopwatch,
    pub(super) request_id: RequestId,
    /// The trace that it is part of, if of any.
    pub(super) trace: Option<TraceContext>,
    pub(super) client: ClientAddress,
    /// How it came in.
    pub(super) connection_context: Arc<ConnectionContext>,
    /// What was configured when it began; it ends by the same.
    pub(super) configured: Arc<Configured>,
    /// Its target, once it is read and has a canonical form.
    pub(super) target: Option<CanonicalTarget>,
    /// Among the requests that run; there from the decision on.
    pub(super) place: Option<Place>,
    /// Present where cookies are on and the head could be read.
    pub(super) browser: Option<Arc<Browser>>,
    /// What is told of the decision.
    pub(super) decision: Decided,
    pub(super) state: State,
}

/// What is told of a decision, whatever it was.
#[derive(Default)]
pub(super) struct Decided {
    /// Step by step, for an operator who asked.
    pub(super) explanation: Option<http::HeaderValue>,
    /// How long it took, without its wait for the revocation store.
    pub(super) took: Option<Duration>,
    /// Its stages with their times, where it is followed; and when the first one began.
    pub(super) stages: Option<Box<(Duration, Vec<Stage>)>>,
}

/// What has become of a request.
pub(super) enum State {
    /// Its head was read; nothing was decided.
    Received,
    /// A preflight, of a route perhaps, or a redirect was answered, on behalf of nobody's endpoint.
    Answered(Option<Arc<Route>>),
    /// One of our own endpoints answered; with a reason where it refused.
    Served(Option<Reason>),
    /// The decision said no, or the edge; on a route, where one was found.
    Refused(Reason, Option<Arc<Route>>),
    /// It may be forwarding. Without this state nothing is.
    Forwarded(Forwarding),
}

/// Why there is a refusal.
pub(super) struct Reason {
    code: Code,
    /// More of it, for the log.
    why: Option<Box<Why>>,
}

/// A request that was admitted, on its way to its service and back.
pub(super) struct Forwarding {
    admitted: Arc<Admitted>,
    /// For its connection to the service.
    _descriptor: Descriptor,
    end: End,
    /// Bytes of the request body that went to the upstream in this attempt.
    pub(super) body_bytes: u64,
    /// Its way to the upstream, once it is on it.
    pub(super) upstream_request: Option<UpstreamRequest>,
    /// While the service waits for its body.
    pub(super) paced: Option<Paced>,
    /// Where it goes on for as long as somebody wants, whoever it is.
    pub(super) stream: Option<Stream>,
}

/// How it ends.
enum End {
    /// As the service wants; it may be still on its way.
    Well,
    /// The way to the upstream or back broke.
    Failed(Code),
    /// The client went away before it had its answer.
    Left,
}

/// What ends with its client or its token, and not by itself.
#[derive(Default)]
pub(super) struct Stream {
    /// Where it has its connection for itself.
    pub(super) alone: Option<Streaming>,
    /// Where somebody's token ends it.
    pub(super) watched: Option<Watched>,
}

impl From<&Problem> for Reason {
    fn from(problem: &Problem) -> Self {
        Self { code: problem.code(), why: problem.why().cloned().map(Box::new) }
    }
}

impl Forwarding {
    pub(super) fn new(admitted: Admitted, descriptor: Descriptor) -> Self {
        Self {
            admitted: Arc::new(admitted),
            _descriptor: descriptor,
            end: End::Well,
            body_bytes: 0,
            upstream_request: None,
            paced: None,
            stream: None,
        }
    }

    pub(super) fn admitted(&self) -> &Arc<Admitted> {
        &self.admitted
    }
}

impl Exchange {
    pub(super) fn new(configured: Arc<Configured>) -> Self {
        Self {
            started: Stopwatch::start(),
            request_id: RequestId::fresh(),
            trace: None,
            client: ClientAddress::unknown(),
            connection_context: ConnectionContext::current(),
            configured,
            target: None,
            place: None,
            browser: None,
            decision: Decided::default(),
            state: State::Received,
        }
    }

    /// The right to end it from outside: the same for all who want it. Must be called by the task
    /// that carries the request.
    pub(super) fn hold(&self) -> CancelHandle {
        self.connection_context.cancellation.hold()
    }

    pub(super) fn client_ip(&self) -> Option<IpAddr> {
        self.client.known()
    }

    pub(super) fn forwarding(&self) -> Option<&Forwarding> {
        match &self.state {
            State::Forwarded(forwarding) => Some(forwarding),
            _ => None,
        }
    }

    pub(super) fn forwarding_mut(&mut self) -> Option<&mut Forwarding> {
        match &mut self.state {
            State::Forwarded(forwarding) => Some(forwarding),
            _ => None,
        }
    }

    pub(super) fn admitted(&self) -> Option<&Admitted> {
        self.forwarding().map(|forwarding| &*forwarding.admitted)
    }

    /// The same unless its way broke, or its client left.
    pub(super) fn still_admitted(&self) -> Option<&Arc<Admitted>> {
        let running = self.forwarding().filter(|forwarding| matches!(forwarding.end, End::Well));
        running.map(Forwarding::admitted)
    }

    pub(super) fn upstream_request(&self) -> Option<&UpstreamRequest> {
        self.forwarding()?.upstream_request.as_ref()
    }

    pub(super) fn upstream_request_mut(&mut self) -> Option<&mut UpstreamRequest> {
        self.forwarding_mut()?.upstream_request.as_mut()
    }

    pub(super) fn paced(&self) -> Option<&Paced> {
        self.forwarding()?.paced.as_ref()
    }

    pub(super) fn is_stream(&self) -> bool {
        self.forwarding().is_some_and(|forwarding| forwarding.stream.is_some())
    }

    /// What was admitted does not come to its end. What has ended badly has ended.
    pub(super) fn break_off(&mut self, code: Code, has_left: bool) {
        if let State::Forwarded(Forwarding { end: end @ End::Well, .. }) = &mut self.state {
            *end = if has_left { End::Left } else { End::Failed(code) };
        }
    }

    /// The route that it was admitted or refused on, where one was found.
    pub(super) fn route(&self) -> Option<&Arc<Route>> {
        match &self.state {
            State::Forwarded(forwarding) => Some(forwarding.admitted.route()),
            State::Refused(_, route) | State::Answered(route) => route.as_ref(),
            State::Received | State::Served(_) => None,
        }
    }

    /// Whether it is for an endpoint of ours, by its canonical path; or has none, and is no route's, so that
    /// nobody knows.
    pub(super) fn is_own(&self) -> bool {
        self.route().is_none() && self.target.as_ref().is_none_or(|target| is_own(target.path()))
    }

    /// Whether what has not come of its body is not waited for.
    pub(super) fn leaves_body(&self) -> bool {
        let asks = || self.target.as_ref().is_some_and(|target| is_verify(target.path()));
        matches!(self.state, State::Served(_)) && asks()
    }

    /// The policy towards pages of other origins that its answer is to tell, where there is one.
    pub(super) fn cors(&self) -> Option<&Arc<Cors>> {
        match &self.state {
            State::Forwarded(forwarding) => forwarding.admitted.route().cors.as_ref(),
            State::Refused(_, route) => route.as_ref()?.cors.as_ref(),
            State::Served(_) => self.configured.decision.cors_of_own(self.target.as_ref()?.path()),
            // A preflight's answer has said all there is to say, and a redirect says nothing.
            State::Received | State::Answered(_) => None,
        }
    }

    /// More of a refusal than its code, for the log.
    pub(super) fn why(&self) -> Option<&Why> {
        match &self.state {
            State::Refused(reason, _) | State::Served(Some(reason)) => reason.why.as_deref(),
            _ => None,
        }
    }

    /// What its service is called on either side, where that differs.
    pub(super) fn address_rewrite<'a>(&'a self, request: RequestView<'a>) -> Option<AddressRewrite<'a>> {
        AddressRewrite::new(self.admitted()?, self.client.secure, || request.host())
    }

    /// The same for an answer.
    pub(super) fn address_rewrite_of_answer<'a>(
        &'a self,
        request: RequestView<'a>,
        status: StatusCode,
    ) -> Option<AddressRewrite<'a>> {
        AddressRewrite::of_answer(self.admitted()?, self.client.secure, || request.host(), status)
    }

    /// A problem on its way to the upstream or back, as its route tells it.
    pub(super) fn problem(&self, code: Code) -> Problem {
        let realm = self.admitted().and_then(|admitted| admitted.route().realm.as_deref());
        Problem::new(code).in_realm(realm)
    }

    /// The stages of the decision, counted from the beginning of the request.
    pub(super) fn stages(&self) -> Vec<Span> {
        let decided = self.decision.stages.iter().flat_map(|decided| {
            let (first, stages) = &**decided;
            stages.iter().map(|stage| Span {
                name: stage.name,
                began: *first + stage.began,
                ended: *first + stage.ended,
            })
        });
        decided.collect()
    }

    /// The decision and its reason, in the words of the metrics.
    pub(super) fn outcome(&self) -> Outcome {
        match &self.state {
            State::Served(None) | State::Answered(_) => SERVED,
            State::Served(Some(reason)) | State::Refused(reason, _) => refused(reason.code),
            State::Received => ABANDONED,
            State::Forwarded(forwarding) => match forwarding.end {
                End::Well => FORWARDED,
                End::Failed(code) => refused(code),
                End::Left => ABANDONED,
            },
        }
    }
}

/// All outcomes that there can be, each in its place.
pub fn outcomes() -> impl Iterator<Item = Outcome> {
    [FORWARDED, SERVED, ABANDONED].into_iter().chain(Code::ALL.iter().map(|code| refused(*code)))
}

const FORWARDED: Outcome = Outcome { decision: "allow", reason: "ok", number: 0 };
const SERVED: Outcome = Outcome { decision: "allow", reason: "served", number: 1 };
const ABANDONED: Outcome = Outcome { decision: "error", reason: "abandoned", number: 2 };

/// A refusal is what we decided; an error is what went wrong on our side.
pub(super) fn refused(code: Code) -> Outcome {
    let decision = if code.entry().status >= 500 { "error" } else { "deny" };
    Outcome { decision, reason: code.as_str(), number: ABANDONED.number + 1 + code as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_stands_in_its_place() {
        for (place, outcome) in outcomes().enumerate() {
            assert_eq!(outcome.number, place, "{outcome:?}");
        }
    }
}
