//! Who did what to whom, told once: from it come the entry of the audit trail, which is durable before
//! the answer, and the line of the log with its count.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Actor, Entry, Event};
use gateway_clock::Timestamp;
use gateway_identity::{Email, SessionId, TraceId, UserAgent, UserId};

/// The client behind an event, and the request that it came with.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    pub address: IpAddr,
    pub user_agent: &'a UserAgent,
    pub request_id: &'a str,
    pub trace: Option<TraceId>,
}

/// Something that happened, or that was tried and refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    event: Event,
    at: Timestamp,
    /// As it stands in the trail.
    entry: Entry,
    /// Where the log and a trace of the same request meet; the trail outlives traces.
    trace: Option<TraceId>,
}

impl AuditEvent {
    /// Without anybody who asked for it.
    pub fn new(event: Event, at: Timestamp) -> Self {
        Self { event, at, entry: Entry::new(event.as_str()), trace: None }
    }

    pub fn requested(event: Event, at: Timestamp, by: Requester<'_>) -> Self {
        let mut told = Self::new(event, at).in_request(by.request_id.to_owned());
        told.entry.address = Some(by.address.to_canonical().to_string());
        told.entry.user_agent = by.user_agent.said();
        Self { trace: by.trace, ..told }
    }

    /// By the gateway itself.
    pub fn of_gateway(event: Event, at: Timestamp) -> Self {
        Self::new(event, at).by(Actor::Gateway)
    }

    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.entry.actor = Some(actor);
        self
    }

    /// By somebody at the machine, who has no address.
    #[must_use]
    pub fn at_the_machine(mut self, uid: u32) -> Self {
        self.entry.address = None;
        self.by(Actor::Operator { uid })
    }

    /// The request that it came from.
    #[must_use]
    pub fn in_request(mut self, id: impl Into<Option<String>>) -> Self {
        self.entry.request_id = id.into();
        self
    }

    /// The account that it is about.
    #[must_use]
    pub fn about(mut self, user: impl Into<Option<UserId>>) -> Self {
        self.entry.user_id = user.into();
        self
    }

    /// The address that was given, whether there is an account or not.
    #[must_use]
    pub fn with_email<'a>(mut self, email: impl Into<Option<&'a Email>>) -> Self {
        self.entry.email = email.into().map(|email| email.as_str().to_owned());
        self
    }

    /// Somebody whom another issuer vouches for, as the log may show it.
    #[must_use]
    pub fn of_foreign(mut self, subject: &impl ToString, issuer: &impl ToString) -> Self {
        self.entry.subject = Some(subject.to_string());
        self.entry.issuer = Some(issuer.to_string());
        self
    }

    #[must_use]
    pub fn in_session(mut self, session: impl Into<Option<SessionId>>) -> Self {
        self.entry.session = session.into();
        self
    }

    /// Why it was refused, or how it was done.
    #[must_use]
    pub fn for_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.entry.reason = Some(reason.into());
        self
    }

    /// What is now, in words of ours.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.entry.detail = Some(detail.into());
        self
    }

    pub fn event(&self) -> Event {
        self.event
    }

    pub fn at(&self) -> Timestamp {
        self.at
    }

    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// For what only the store knows, such as the id of a new account.
    pub fn entry_mut(&mut self) -> &mut Entry {
        &mut self.entry
    }

    pub fn trace(&self) -> Option<TraceId> {
        self.trace
    }
}
