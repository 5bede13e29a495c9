//! What a request does, told once: the entry of the audit trail, which is durable before the answer,
//! and the line of the log with its count.

use super::{Client, Services};
use crate::clock::Timestamp;
use crate::identity::{SessionId, UserAgent, UserId};
use crate::store::{Actor, Along, Entry, StoreError};
use crate::telemetry::{Event, SecurityLine};

/// Something that a client does, or tries to.
#[derive(Clone)]
pub(super) struct Deed<'a> {
    event: Event,
    line: SecurityLine<'a>,
    actor: Option<Actor>,
    user_agent: &'a UserAgent,
    now: Timestamp,
}

impl Client {
    /// Something that this client does, as `line` says, which begins as [`Client::line`].
    pub(super) fn deed<'a>(&'a self, event: Event, line: SecurityLine<'a>, services: &Services) -> Deed<'a> {
        let actor = self.operator.map(|uid| Actor::Operator { uid });
        Deed { event, line, actor, user_agent: &self.user_agent, now: services.clock.now() }
    }
}

impl<'a> Deed<'a> {
    pub(super) fn by(mut self, actor: Actor) -> Self {
        if let Actor::User { user_id } = actor
            && self.line.user_id != Some(user_id.get())
        {
            self.line.by = Some(user_id.get());
        }
        self.actor = Some(actor);
        self
    }

    /// Whom it is about, once that is known.
    pub(super) fn about(mut self, user: UserId) -> Self {
        self.line.user_id = Some(user.get());
        self
    }

    pub(super) fn in_session(mut self, session: SessionId) -> Self {
        self.line.session = Some(session.to_string());
        self
    }

    /// What is now, once that is known.
    pub(super) fn saying(mut self, now: String) -> Self {
        self.line.now = Some(now);
        self
    }

    pub(super) fn entry(&self) -> Entry {
        let line = &self.line;
        let user_id = line.user_id.and_then(UserId::new);
        Entry {
            actor: self.actor,
            user_id,
            email: line.email.map(str::to_owned),
            subject: line.subject.clone(),
            issuer: line.issuer.map(str::to_owned),
            session: line.session.as_deref().and_then(SessionId::parse),
            address: line.client.map(|address| address.to_canonical().to_string()),
            user_agent: self.user_agent.said(),
            request_id: line.request_id.map(str::to_owned),
            reason: line.reason.map(|reason| reason.to_owned().into()),
            now: line.now.clone(),
            ..Entry::of(self.event.word())
        }
    }

    /// To be recorded with a change of the store.
    pub(super) fn along(&self) -> Along {
        Along::entry(self.now, self.entry())
    }

    /// Recorded by itself, where nothing is changed.
    pub(super) async fn record(self, services: &Services) -> Result<(), StoreError> {
        services.audit.append(self.now, vec![self.entry()]).await?;
        self.tell(services);
        Ok(())
    }

    /// Once it is recorded.
    pub(super) fn tell(self, services: &Services) {
        services.metrics.security.record(self.event, &self.line);
    }
}
