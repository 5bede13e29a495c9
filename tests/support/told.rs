//! Stores in tests: units of work whose event does not matter, and the value of what was committed.

use std::future::Future;
use std::sync::{Arc, Mutex};

use commit::{Published, UnderWay};
use gateway_clock::Timestamp;
use gateway_store::{
    Announce, AuditEvent, AuditTrail, CommitFault, Committed, Entry, Event, Revocation, StoreError,
    UnitOfWork, Words, commit,
};

/// A change of the year 1970.
pub(crate) fn work() -> UnitOfWork {
    work_at(Timestamp::default())
}

pub(crate) fn work_at(now: Timestamp) -> UnitOfWork {
    UnitOfWork::because(AuditEvent::new(Event::Started, now))
}

pub(crate) fn recording(now: Timestamp, entry: Entry) -> UnitOfWork {
    UnitOfWork::because(recorded_as(now, entry))
}

/// One that records exactly this, whatever it is.
pub(crate) fn recorded_as(now: Timestamp, entry: Entry) -> AuditEvent {
    let mut event = AuditEvent::new(Event::Started, now);
    *event.entry_mut() = entry;
    event
}

/// Keeps what is published, and does nothing else.
struct Nobody(Mutex<Vec<Revocation>>, UnderWay);

impl Default for Nobody {
    fn default() -> Self {
        Self(Mutex::default(), UnderWay::at_most(64))
    }
}

impl commit::Announce<Words> for Nobody {
    fn record(&self, _: &AuditEvent) {}

    fn wake(&self) {}

    fn publish<'a>(&'a self, revoked: &'a [Revocation]) -> Published<'a, Words> {
        self.0.lock().unwrap().extend_from_slice(revoked);
        Box::pin(std::future::ready(Ok(())))
    }

    fn under_way(&self) -> &UnderWay {
        &self.1
    }
}

/// Where nobody is to be told.
pub(crate) fn nobody() -> Arc<Announce> {
    Arc::new(Nobody::default())
}

/// What a port answers, announced to nobody.
pub(crate) trait Told<T>: Future<Output = Result<Committed<T>, StoreError>> + Send + Sized
where
    T: Send + 'static,
{
    fn told(self) -> impl Future<Output = Result<T, StoreError>> + Send {
        async { Ok(self.revoking().await?.0) }
    }

    /// With what it revokes.
    fn revoking(self) -> impl Future<Output = Result<(T, Vec<Revocation>), StoreError>> + Send {
        async {
            let nobody = Arc::new(Nobody::default());
            let committed = self.await?;
            match commit(&nobody, std::future::ready(Ok(committed))).await {
                Ok(value) => Ok((value, nobody.0.lock().unwrap().clone())),
                Err(CommitFault::Store(fault)) => Err(fault),
                Err(CommitFault::Unpublished { .. }) => panic!("nobody is always reached"),
            }
        }
    }
}

impl<T, F> Told<T> for F
where
    T: Send + 'static,
    F: Future<Output = Result<Committed<T>, StoreError>> + Send,
{
}

/// For what is in a trail only.
pub(crate) trait Append: AuditTrail {
    fn append(
        &self,
        now: Timestamp,
        entries: Vec<Entry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let mut events: Vec<_> = entries.into_iter().map(|entry| recorded_as(now, entry)).collect();
        let last = events.pop().expect("there is something to append");
        let work = events.into_iter().fold(UnitOfWork::because(last), UnitOfWork::after);
        self.record(work).told()
    }
}

impl<T: AuditTrail + ?Sized> Append for T {}
