//! What a store is asked to make durable together, and what it answers.

use crate::Domain;

/// A change's audit event, and what goes into the store with it, in one transaction: neither is there
/// without the other. There is none without an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing is changed before a store has carried it out"]
pub struct UnitOfWork<D: Domain> {
    cause: D::Event,
    consequences: Vec<D::Event>,
    messages: Vec<D::Message>,
    preconditions: Vec<D::Precondition>,
}

impl<D: Domain> UnitOfWork<D> {
    /// What happens, and is recorded with whatever it changes.
    pub fn because(event: D::Event) -> Self {
        Self { cause: event, consequences: Vec::new(), messages: Vec::new(), preconditions: Vec::new() }
    }

    /// With a message in the outbox.
    pub fn sending(mut self, message: D::Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Only if this holds.
    pub fn provided(mut self, precondition: D::Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }

    /// With what had to happen for it, which is recorded before it.
    pub fn after(mut self, event: D::Event) -> Self {
        self.consequences.push(event);
        self
    }

    pub fn cause(&self) -> &D::Event {
        &self.cause
    }

    /// For what only the store knows, such as the id of a new account.
    pub fn cause_mut(&mut self) -> &mut D::Event {
        &mut self.cause
    }

    /// All of its events, in the order in which they are recorded.
    pub fn events(&self) -> impl Iterator<Item = &D::Event> {
        self.consequences.iter().chain([&self.cause])
    }

    pub fn messages(&self) -> &[D::Message] {
        &self.messages
    }

    pub fn preconditions(&self) -> &[D::Precondition] {
        &self.preconditions
    }

    /// It is durable, and this is what it revoked.
    pub fn committed<T>(self, value: T, revoked: Vec<D::Revocation>) -> Committed<D, T> {
        let mut events = self.consequences;
        events.push(self.cause);
        let has_messages = !self.messages.is_empty();
        Committed { value, events, revoked, has_messages, fault: None }
    }
}

/// What a store made durable. Its value is for who announces it: [`commit()`](crate::commit()) is the
/// only way there.
#[must_use = "it is durable, and nobody knows: `commit` publishes, records and wakes"]
pub struct Committed<D: Domain, T> {
    pub(crate) value: T,
    pub(crate) events: Vec<D::Event>,
    pub(crate) revoked: Vec<D::Revocation>,
    pub(crate) has_messages: bool,
    pub(crate) fault: Option<D::Fault>,
}

impl<D: Domain> Committed<D, ()> {
    /// Messages in the outbox, and nothing else: no account was changed.
    pub fn queued() -> Self {
        Self { value: (), events: Vec::new(), revoked: Vec::new(), has_messages: true, fault: None }
    }
}

impl<D: Domain, T> Committed<D, T> {
    /// There was nothing to change, so that nothing was recorded. What is revoked all the same is
    /// published once more: the last time may have been in vain.
    pub fn unchanged(value: T, revoked: Vec<D::Revocation>) -> Self {
        Self { value, events: Vec::new(), revoked, has_messages: false, fault: None }
    }

    /// For what follows in memory alone, however the announcement ends.
    pub fn inspect(self, look: impl FnOnce(&T)) -> Self {
        look(&self.value);
        self
    }

    /// A further transaction revoked these, too.
    pub fn revoking(mut self, more: Vec<D::Revocation>) -> Self {
        self.revoked.extend(more);
        self
    }

    /// A further transaction, which should have followed, failed: what is durable is announced, and who
    /// asked gets the fault.
    pub fn short_of(self, fault: D::Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }
}
