//! Group commit: one thread flushes once for all writers that wait, and tells each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::error::StoreError;
use super::quiet;
use super::witness::Witness;

/// More writers than this at one time are told to come back later.
const WAITERS_MAX: usize = 4096;

type Verdict = Result<(), String>;

/// Who waits, and for which change; 0 for none in particular.
struct Waiter {
    change: u64,
    told: oneshot::Sender<Verdict>,
}

/// Owns the flushing thread, so that no async worker ever waits for a disk.
pub(super) struct Flusher {
    queue: Option<SyncSender<Waiter>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
}

impl Flusher {
    pub(super) fn start(db: sled::Db, witness: Witness) -> Self {
        let (queue, waiting) = sync_channel(WAITERS_MAX);
        let failed = Arc::new(AtomicBool::new(false));
        let broken = Arc::clone(&failed);
        let flush = move || match quiet::catch(|| db.flush()) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(panic),
        };
        let confirm = move |change| {
            // The changes are safe all the same; only damage to them might go unnoticed.
            if let Err(error) = witness.confirm(change) {
                tracing::warn!(%error, "the last confirmed change could not be noted");
            }
        };
        let thread = std::thread::Builder::new()
            .name("todo-flusher".to_owned())
            .spawn(move || run(&waiting, &broken, flush, &confirm))
            .inspect_err(|error| tracing::error!(%error, "no thread for flushing: no writes"))
            .ok();
        Self { queue: Some(queue), thread, failed }
    }

    /// Refuses once a flush failed: sled keeps nothing that is written after that.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable("an earlier write failed; restart".to_owned()));
        }
        Ok(())
    }

    /// Waits for a flush that began after this call, so it covers all that was written before.
    pub(super) async fn flushed(&self, change: u64) -> Result<(), StoreError> {
        let (told, verdict) = oneshot::channel();
        let waiter = Waiter { change, told };
        let queued = self.queue.as_ref().is_some_and(|queue| queue.try_send(waiter).is_ok());
        if !queued {
            return Err(StoreError::Unavailable("too many writes wait for the disk".to_owned()));
        }
        verdict
            .await
            .unwrap_or_else(|_| Err("the flushing thread ended".to_owned()))
            .map_err(StoreError::Unavailable)
    }
}

fn run(waiting: &Receiver<Waiter>, failed: &AtomicBool, flush: impl Fn() -> Verdict, confirm: &dyn Fn(u64)) {
    let mut confirmed = 0;
    while let Ok(first) = waiting.recv() {
        // All who are in the queue now wrote before the flush begins; who comes later waits for the next.
        let group: Vec<Waiter> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let verdict = flush();
        let last = group.iter().map(|waiter| waiter.change).max().unwrap_or(0);
        match verdict {
            Err(_) => failed.store(true, Ordering::Release),
            Ok(()) if last > confirmed => {
                confirm(last);
                confirmed = last;
            }
            Ok(()) => {}
        }
        for waiter in group {
            // A waiter whose client left is gone; its todo stays.
            waiter.told.send(verdict.clone()).ok();
        }
    }
}

impl Drop for Flusher {
    /// Ends the thread before the database goes, so that its lock is free when the store is gone.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn wait(queue: &SyncSender<Waiter>, change: u64) -> oneshot::Receiver<Verdict> {
        let (told, verdict) = oneshot::channel();
        queue.try_send(Waiter { change, told }).ok().unwrap();
        verdict
    }

    #[test]
    fn one_flush_serves_all_who_wait_and_is_noted_once_for_the_last() {
        let (queue, waiting) = sync_channel(WAITERS_MAX);
        let told: Vec<_> = [1, 3, 2, 0].iter().map(|change| wait(&queue, *change)).collect();
        drop(queue);
        let order = Mutex::new(Vec::new());
        let flush = || {
            order.lock().unwrap().push("flush".to_owned());
            Ok(())
        };
        let confirm = |change: u64| order.lock().unwrap().push(change.to_string());

        run(&waiting, &AtomicBool::new(false), flush, &confirm);

        assert_eq!(order.into_inner().unwrap(), ["flush", "3"]);
        assert!(told.into_iter().all(|verdict| verdict.blocking_recv() == Ok(Ok(()))));
    }

    #[test]
    fn a_failed_flush_is_told_to_its_writers_and_ends_all_writing() {
        let (queue, waiting) = sync_channel(WAITERS_MAX);
        let verdict = wait(&queue, 1);
        drop(queue);
        let failed = AtomicBool::new(false);

        let flush = || Err("disk on fire".to_owned());
        run(&waiting, &failed, flush, &|_| panic!("nothing was confirmed"));

        assert_eq!(verdict.blocking_recv(), Ok(Err("disk on fire".to_owned())));
        assert!(failed.into_inner());
    }
}
