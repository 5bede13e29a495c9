//! How many commits are under way.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The commits that are under way: so many at most, each of which goes on when its caller leaves. Clones
/// share it.
#[derive(Clone)]
pub struct UnderWay {
    places: Arc<Semaphore>,
    most: u16,
}

impl UnderWay {
    pub fn at_most(most: u16) -> Self {
        Self { places: Arc::new(Semaphore::new(most.into())), most }
    }

    /// Waits until none is. Those that would begin meanwhile wait, too.
    pub async fn none(&self) {
        drop(self.places.acquire_many(self.most.into()).await);
    }

    /// Waits for a place, which is held while what is answered lives. The places are never closed.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}
