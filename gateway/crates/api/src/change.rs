//! What an endpoint changes, and by what event it is recorded: carried out by a store, then announced.

use std::sync::Arc;

use super::{Client, Services};
use gateway_store::{AuditEvent, CommitFault, Committed, Event, StoreError, UnitOfWork, commit};

impl Client {
    /// Something that this client does, or tries to.
    pub(super) fn event(&self, event: Event, services: &Services) -> AuditEvent {
        let told = AuditEvent::requested(event, services.clock.now(), self.requester());
        match self.operator {
            Some(uid) => told.at_the_machine(uid),
            None => told,
        }
    }
}

impl Services {
    /// Has a store carry out a change, and announces it: both go on when the client leaves.
    pub(super) async fn commit<T, F>(
        self: &Arc<Self>,
        change: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, CommitFault<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<Committed<T>, StoreError>> + Send + 'static,
    {
        commit(&self.sessions.announce, change(Arc::clone(self))).await
    }

    /// Records what changes nothing but the trail, and perhaps the outbox.
    pub(super) async fn record(self: &Arc<Self>, work: UnitOfWork) -> Result<(), CommitFault<()>> {
        self.commit(|services| async move { services.audit.record(work).await }).await
    }
}
