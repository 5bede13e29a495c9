//! A ledger of revocations in memory, which can be held up or made to fail.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use gateway_clock::Timestamp;
use gateway_identity::InstallationId;
use gateway_store::{Committed, Revocation, RevocationLedger, StoreError, UnitOfWork};
use tokio::sync::watch;

pub(crate) struct MemoryLedger {
    installation: InstallationId,
    entries: Mutex<Vec<Revocation>>,
    held: watch::Sender<bool>,
    failing: AtomicBool,
}

impl MemoryLedger {
    pub(crate) fn new(installation: InstallationId) -> Self {
        Self {
            installation,
            entries: Mutex::default(),
            held: watch::Sender::new(false),
            failing: AtomicBool::new(false),
        }
    }

    /// From now on reading waits until `release`; what was read already stays read.
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.held.send_replace(false);
    }

    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl RevocationLedger for MemoryLedger {
    async fn record(&self, revoked: &[Revocation], work: UnitOfWork) -> Result<Committed<bool>, StoreError> {
        self.entries.lock().unwrap().extend_from_slice(revoked);
        Ok(work.committed(true, revoked.to_vec()))
    }

    /// Reads before it waits, so that a test can record what a reader then does not know.
    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("switched off by the test".to_owned()));
        }
        let mut live = self.entries.lock().unwrap().clone();
        live.retain(|revocation| revocation.until() >= now);
        let mut held = self.held.subscribe();
        let released = held.wait_for(|held| !held).await;
        released.map(|_| live).map_err(|_| StoreError::Unavailable("gone".to_owned()))
    }

    async fn count(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.live(now).await.map(|live| live.len() as u64)
    }

    async fn installation(&self) -> Result<InstallationId, StoreError> {
        Ok(self.installation)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut entries = self.entries.lock().unwrap();
        let before = entries.len();
        entries.retain(|revocation| revocation.until() >= now);
        Ok((before - entries.len()) as u64)
    }
}
