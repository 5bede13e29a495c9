//! What follows a commit, in its order, once: record, wake, publish.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Committed, Domain, UnderWay};

/// Whether revocations are known everywhere.
pub type Published<'a, D> = Pin<Box<dyn Future<Output = Result<(), <D as Domain>::Unpublished>> + Send + 'a>>;

/// The observer of what is durable.
pub trait Announce<D: Domain>: Send + Sync {
    /// Writes the log's line of an event, and counts it.
    fn record(&self, event: &D::Event);

    /// There is something in the outbox.
    fn wake(&self);

    /// Makes revocations visible to every check.
    fn publish<'a>(&'a self, revoked: &'a [D::Revocation]) -> Published<'a, D>;

    /// The commits that it is told of.
    fn under_way(&self) -> &UnderWay;
}

/// Why a change has no value, or not only one.
pub enum Failed<D: Domain, T> {
    /// The store did not make it, or not all of it.
    Store(D::Fault),
    /// It is durable, and what it revoked is not known everywhere yet.
    Unpublished { value: T, fault: D::Unpublished },
}

impl<D: Domain, T> Failed<D, T> {
    /// What is durable all the same.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Store(_) => None,
            Self::Unpublished { value, .. } => Some(value),
        }
    }
}

impl<D: Domain, T> fmt::Debug for Failed<D, T>
where
    D::Fault: fmt::Debug,
    D::Unpublished: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(fault) => f.debug_tuple("Store").field(fault).finish(),
            Self::Unpublished { fault, .. } => {
                f.debug_struct("Unpublished").field("fault", fault).finish_non_exhaustive()
            }
        }
    }
}

/// Has a store carry out a change, and says what came of it: the only way to the value of a
/// [`Committed`].
///
/// Both are one task, which goes on when its caller is dropped: a client that leaves in the middle leaves
/// no change that nobody was told of. Nothing of it is begun before there is a place for it among those
/// that are under way: who leaves before that leaves no change. A panic in there is the caller's.
///
/// What cannot wait comes first, so that it follows in any case; publishing may be a round trip.
///
/// # Errors
/// [`Failed::Store`] where the store refused or failed, [`Failed::Unpublished`] where the change stands
/// and its revocations are not known everywhere.
pub async fn commit<D, A, T, F>(announce: &Arc<A>, change: F) -> Result<T, Failed<D, T>>
where
    D: Domain,
    A: Announce<D> + ?Sized + 'static,
    T: Send + 'static,
    F: Future<Output = Result<Committed<D, T>, D::Fault>> + Send + 'static,
{
    // Waited for by the caller: what waits behind a slow disk must end with who wanted it.
    let place = announce.under_way().place().await;
    let announce = Arc::clone(announce);
    let task = tokio::spawn(async move {
        let _place = place;
        let Committed { value, events, revoked, has_messages, fault } =
            change.await.map_err(Failed::Store)?;
        events.iter().for_each(|event| announce.record(event));
        if has_messages {
            announce.wake();
        }
        let published = if revoked.is_empty() { Ok(()) } else { announce.publish(&revoked).await };
        match (fault, published) {
            (Some(fault), _) => Err(Failed::Store(fault)),
            (None, Ok(())) => Ok(value),
            (None, Err(fault)) => Err(Failed::Unpublished { value, fault }),
        }
    });
    match task.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime ends, and who waits here with it.
        Err(Err(_)) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
