//! Refuses writes while the disk is nearly full: sled 0.34 stays broken once a write of its failed.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::StoreError;

/// Far more than can be written within [`FRESH`], sled's own housekeeping included.
const FREE_BYTES_MIN: u64 = 32 * 1024 * 1024;

/// How long one look at the file system is good for: a look per write would cost more than it tells.
const FRESH: Duration = Duration::from_millis(250);

/// How many bytes are free where the store lies.
type Probe = Box<dyn Fn() -> io::Result<u64> + Send + Sync>;

/// The free space, looked at now and then.
pub(super) struct Space {
    probe: Probe,
    last: Mutex<Option<Look>>,
}

#[derive(Clone)]
struct Look {
    at: Instant,
    refusal: Option<String>,
}

impl Space {
    pub(super) fn of_folder(path: &Path) -> Self {
        let path = path.to_owned();
        Self::measured_by(move || {
            let facts = rustix::fs::statvfs(&path)?;
            Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
        })
    }

    pub(super) fn measured_by(probe: impl Fn() -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self { probe: Box::new(probe), last: Mutex::new(None) }
    }

    /// Whether a write may go to sled at this moment.
    pub(super) fn check(&self, now: Instant) -> Result<(), StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.take();
        let was_full = before.as_ref().is_some_and(|look| look.refusal.is_some());
        let fresh = before.filter(|look| now.duration_since(look.at) < FRESH);
        let look = fresh.unwrap_or_else(|| self.look(now, was_full));
        let refusal = look.refusal.clone();
        *last = Some(look);
        refusal.map_or(Ok(()), |why| Err(StoreError::NoSpace(why)))
    }

    /// Logs changes only: there may be thousands of refused writes between them.
    fn look(&self, now: Instant, was_full: bool) -> Look {
        let refusal = self.refusal();
        match &refusal {
            Some(why) if !was_full => tracing::error!(%why, "writes are refused"),
            None if was_full => tracing::info!("writes are accepted again"),
            _ => {}
        }
        Look { at: now, refusal }
    }

    fn refusal(&self) -> Option<String> {
        match (self.probe)() {
            Ok(free) if free >= FREE_BYTES_MIN => None,
            Ok(free) => Some(format!(
                "{} MiB are free where the data folder lies, at least {} are needed",
                free >> 20,
                FREE_BYTES_MIN >> 20
            )),
            // Not knowing is no reason to risk the store.
            Err(error) => Some(format!("the free space cannot be read: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::clock;

    #[test]
    fn a_write_is_refused_below_32_mib_and_welcome_again_above() {
        let free = Arc::new(AtomicU64::new(FREE_BYTES_MIN - 1));
        let seen = Arc::clone(&free);
        let space = Space::measured_by(move || Ok(seen.load(Ordering::Relaxed)));
        let start = clock::monotonic();

        assert!(matches!(space.check(start), Err(StoreError::NoSpace(_))));
        free.store(FREE_BYTES_MIN, Ordering::Relaxed);
        assert!(space.check(start + FRESH / 2).is_err(), "a look is good for a while");
        assert!(space.check(start + FRESH).is_ok());
        free.store(0, Ordering::Relaxed);
        assert!(space.check(start + FRESH * 2).is_err());
    }

    #[test]
    fn a_file_system_that_does_not_say_how_full_it_is_gets_no_writes() {
        let space = Space::measured_by(|| Err(io::Error::other("gone")));

        assert!(matches!(space.check(clock::monotonic()), Err(StoreError::NoSpace(_))));
    }
}
