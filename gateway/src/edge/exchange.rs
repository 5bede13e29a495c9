//! The state of one request: an enumeration of what has become of it, and not a bag of options.

use std::net::IpAddr;
use std::sync::Arc;

use super::arrival::Arrival;
use super::client_addr::ClientAddress;
use super::configured::Configured;
use super::connections::Streaming;
use super::streams::Watched;
use super::upstreams::Leg;
use crate::clock::Stopwatch;
use crate::pipeline::{Admitted, Cors, Route};
use crate::problem::Code;
use crate::telemetry::RequestId;

/// One request and its answer.
pub struct Exchange {
    pub started: Stopwatch,
    pub request_id: RequestId,
    pub client: ClientAddress,
    pub progress: Progress,
    /// How it came in.
    pub(super) arrival: Arc<Arrival>,
    /// What was configured when it began; it ends by the same.
    pub(super) configured: Arc<Configured>,
    /// Where it was refused, if on a route.
    pub refused_on: Option<Arc<Route>>,
    /// The policy towards pages of other origins, where there is one.
    pub cors: Option<Arc<Cors>>,
    /// The decision step by step, for an operator who asked.
    pub explanation: Option<http::HeaderValue>,
    /// Bytes of the request body that went to the upstream in this attempt.
    pub body_bytes: u64,
    /// Its way to the upstream, once it is on it.
    pub(super) leg: Option<Leg>,
    /// Where it is a stream that has its connection for itself.
    pub(super) streaming: Option<Streaming>,
    /// Where it is a stream that ends with its token.
    pub(super) watched: Option<Watched>,
}

/// How far a request has come.
pub enum Progress {
    /// Its head was read; nothing was decided.
    Received,
    /// One of our own endpoints answered; with a reason where it refused.
    Served(Option<Code>),
    /// The pipeline, or the edge before it, said no.
    Refused(Code),
    /// It may be forwarded. Without this state nothing is.
    Admitted(Box<Admitted>),
    /// It was admitted, and the way to the upstream or back broke.
    Failed(Box<Admitted>, Code),
    /// It was admitted, and the client went away before it had its answer.
    Left(Box<Admitted>),
}

impl Exchange {
    pub(super) fn new(configured: Arc<Configured>) -> Self {
        Self {
            configured,
            arrival: Arrival::current(),
            started: Stopwatch::start(),
            request_id: RequestId::fresh(),
            client: ClientAddress::unknown(),
            progress: Progress::Received,
            refused_on: None,
            cors: None,
            explanation: None,
            body_bytes: 0,
            leg: None,
            streaming: None,
            watched: None,
        }
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

    /// The decision and its reason, in the words of the metrics.
    pub fn outcome(&self) -> (&'static str, &'static str) {
        match &self.progress {
            Progress::Admitted(_) => FORWARDED,
            Progress::Served(None) => SERVED,
            Progress::Served(Some(code)) | Progress::Refused(code) | Progress::Failed(_, code) => {
                refused(*code)
            }
            Progress::Received | Progress::Left(_) => ABANDONED,
        }
    }
}

/// All outcomes that there can be.
pub fn outcomes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let refusals = Code::ALL.iter().map(|code| refused(*code));
    [FORWARDED, SERVED, ABANDONED].into_iter().chain(refusals)
}

const FORWARDED: (&str, &str) = ("allow", "ok");
const SERVED: (&str, &str) = ("allow", "served");
const ABANDONED: (&str, &str) = ("error", "abandoned");

/// A refusal is what we decided; an error is what went wrong on our side.
fn refused(code: Code) -> (&'static str, &'static str) {
    (if code.entry().status >= 500 { "error" } else { "deny" }, code.word())
}
