//! The state of one request: an enumeration of what has become of it, and not a bag of options.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::arrival::Arrival;
use super::client_addr::ClientAddress;
use super::configured::Configured;
use super::connections::{Place, Streaming};
use super::descriptors::Descriptor;
use super::lifeline::Hold;
use super::pace::Paced;
use super::streams::Watched;
use super::upstreams::Leg;
use super::view::RequestView;
use crate::clock::Stopwatch;
use crate::pipeline::{Admitted, Browser, CanonicalTarget, Cors, Route, Sides, Stage, is_own};
use crate::problem::{Code, Problem, Why};
use crate::telemetry::{Outcome, RequestId, Span, TraceContext};

/// One request and its answer.
pub struct Exchange {
    pub started: Stopwatch,
    pub request_id: RequestId,
    /// The trace that it is part of, if of any.
    pub(super) trace: Option<TraceContext>,
    pub client: ClientAddress,
    pub progress: Progress,
    /// Its target, once it is read and has a canonical form.
    pub(super) target: Option<CanonicalTarget>,
    /// Among the requests that run; there from the decision on.
    pub(super) place: Option<Place>,
    /// For its connection to an upstream, where it is forwarded.
    pub(super) descriptor: Option<Descriptor>,
    /// How it came in.
    pub(super) arrival: Arc<Arrival>,
    /// What was configured when it began; it ends by the same.
    pub(super) configured: Arc<Configured>,
    /// Whether what has not come of its body is not waited for.
    pub(super) leaves_body: bool,
    /// Where it was refused, if on a route.
    pub refused_on: Option<Arc<Route>>,
    /// More of a refusal than its code, for the log.
    pub(super) why: Option<Box<Why>>,
    /// There where cookies are on, and the head could be read.
    pub(super) browser: Option<Arc<Browser>>,
    /// The decision step by step, for an operator who asked.
    pub explanation: Option<http::HeaderValue>,
    /// How long the pipeline took, without its wait for the revocation store.
    pub(super) decided_in: Option<Duration>,
    /// Its stages with their times, where it is followed; and when the first one began.
    pub(super) decided: Option<Box<(Duration, Vec<Stage>)>>,
    /// Bytes of the request body that went to the upstream in this attempt.
    pub body_bytes: u64,
    /// Its way to the upstream, once it is on it.
    pub(super) leg: Option<Leg>,
    /// Whether it goes on for as long as somebody wants, whoever it is.
    pub(super) is_stream: bool,
    /// Where it is a stream that has its connection for itself.
    pub(super) streaming: Option<Streaming>,
    /// Where it is a stream from the beginning, which ends with its token.
    pub(super) watched: Option<Watched>,
    /// While the service waits for its body.
    pub(super) paced: Option<Paced>,
}

/// How far a request has come.
pub enum Progress {
    /// Its head was read; nothing was decided.
    Received,
    /// A preflight or a redirect was answered, on behalf of nobody's endpoint.
    Answered,
    /// One of our own endpoints answered; with a reason where it refused.
    Served(Option<Code>),
    /// The pipeline, or the edge before it, said no.
    Refused(Code),
    /// It may be forwarded. Without this state nothing is.
    Admitted(Arc<Admitted>),
    /// It was admitted, and the way to the upstream or back broke.
    Failed(Arc<Admitted>, Code),
    /// It was admitted, and the client went away before it had its answer.
    Left(Arc<Admitted>),
}

impl Exchange {
    pub(super) fn new(configured: Arc<Configured>) -> Self {
        Self {
            configured,
            arrival: Arrival::current(),
            place: None,
            descriptor: None,
            started: Stopwatch::start(),
            request_id: RequestId::fresh(),
            trace: None,
            client: ClientAddress::unknown(),
            progress: Progress::Received,
            target: None,
            leaves_body: false,
            refused_on: None,
            why: None,
            browser: None,
            explanation: None,
            decided_in: None,
            decided: None,
            body_bytes: 0,
            leg: None,
            is_stream: false,
            streaming: None,
            watched: None,
            paced: None,
        }
    }

    /// The right to end it from outside: the same for all who want it. Must be called by the task
    /// that carries the request.
    pub(super) fn hold(&self) -> Hold {
        self.arrival.lifeline.hold()
    }

    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client.known()
    }

    pub fn admitted(&self) -> Option<&Admitted> {
        match &self.progress {
            Progress::Admitted(admitted) | Progress::Failed(admitted, _) | Progress::Left(admitted) => {
                Some(admitted)
            }
            _ => None,
        }
    }

    /// The route that it was admitted or refused on, where one was found.
    pub(super) fn route(&self) -> Option<&Arc<Route>> {
        self.admitted().map(Admitted::route).or(self.refused_on.as_ref())
    }

    /// Whether it is for an endpoint of ours, by its canonical path; or has none, and is no route's, so that
    /// nobody knows.
    pub(super) fn is_own(&self) -> bool {
        self.route().is_none() && self.target.as_ref().is_none_or(|target| is_own(target.path()))
    }

    /// The policy towards pages of other origins that its answer is to tell, where there is one.
    pub(super) fn cors(&self) -> Option<&Arc<Cors>> {
        match (&self.progress, self.route()) {
            // A preflight's answer has said all there is to say, and a redirect says nothing.
            (Progress::Answered, _) => None,
            (_, Some(route)) => route.cors.as_ref(),
            (Progress::Served(_), None) => {
                self.configured.decision.cors_of_own(self.target.as_ref().map_or("", |target| target.path()))
            }
            (_, None) => None,
        }
    }

    /// What its service is called on either side, where that differs.
    pub(super) fn sides<'a>(&'a self, request: RequestView<'a>) -> Option<Sides<'a>> {
        Sides::of(self.admitted()?, self.client.secure, request.host())
    }

    /// The same for an answer.
    pub(super) fn sides_of_answer<'a>(
        &'a self,
        request: RequestView<'a>,
        status: StatusCode,
    ) -> Option<Sides<'a>> {
        Sides::of_answer(self.admitted()?, self.client.secure, request.host(), status)
    }

    /// A problem on its way to the upstream or back, as its route tells it.
    pub(super) fn problem(&self, code: Code) -> Problem {
        let realm = self.admitted().and_then(|admitted| admitted.route().realm.as_deref());
        Problem::new(code).in_realm(realm)
    }

    /// The stages of the decision, counted from the beginning of the request.
    pub(super) fn stages(&self) -> Vec<Span> {
        let decided = self.decided.iter().flat_map(|decided| {
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
    pub fn outcome(&self) -> Outcome {
        match &self.progress {
            Progress::Admitted(_) => FORWARDED,
            Progress::Served(None) | Progress::Answered => SERVED,
            Progress::Served(Some(code)) | Progress::Refused(code) | Progress::Failed(_, code) => {
                refused(*code)
            }
            Progress::Received | Progress::Left(_) => ABANDONED,
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
    Outcome { decision, reason: code.word(), number: ABANDONED.number + 1 + code as usize }
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
