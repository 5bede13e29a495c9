//! One line a request. Nothing in it can be a token, a password or a query.

use std::net::IpAddr;
use std::time::Duration;

use super::redact::ShownAddress;
use super::requests::known_method;
use super::trace_context::TraceId;

/// What is said of one request.
#[derive(Debug)]
pub struct AccessLine<'a> {
    pub request_id: &'a str,
    /// Of the trace that it is part of, if of any.
    pub trace: Option<TraceId>,
    pub client: Option<IpAddr>,
    pub method: &'a str,
    /// The canonical path, or nothing when it was refused as ambiguous.
    pub path: &'a str,
    pub route: &'a str,
    pub status: u16,
    /// `ok`, `served`, or the code of the refusal.
    pub outcome: &'a str,
    /// An account of ours.
    pub user_id: Option<u64>,
    /// Or whom another issuer vouches for, as it may be logged.
    pub subject: Option<String>,
    /// Also of a token of its that was refused.
    pub issuer: Option<&'a str>,
    /// Why it was refused, in a word.
    pub reason: Option<&'static str>,
    /// Of one that is too large.
    pub token_bytes: Option<usize>,
    pub duration: Duration,
    /// How long we took to decide, without the wait for the revocation store.
    pub decision: Option<Duration>,
    /// How long the upstream took to the head of its answer.
    pub first_byte: Option<Duration>,
    pub request_bytes: usize,
    pub response_bytes: usize,
}

impl AccessLine<'_> {
    pub fn write(&self) {
        tracing::info!(
            target: "access",
            request_id = self.request_id,
            trace_id = self.trace.map(tracing::field::display),
            client = self.client.and_then(ShownAddress::of).map(tracing::field::display),
            method = known_method(self.method),
            path = self.path,
            route = self.route,
            status = self.status,
            outcome = self.outcome,
            user_id = self.user_id,
            subject = self.subject,
            issuer = self.issuer,
            reason = self.reason,
            token_bytes = self.token_bytes,
            duration_micros = micros(self.duration),
            decision_micros = self.decision.map(micros),
            first_byte_micros = self.first_byte.map(micros),
            request_bytes = self.request_bytes,
            response_bytes = self.response_bytes,
            "request"
        );
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
