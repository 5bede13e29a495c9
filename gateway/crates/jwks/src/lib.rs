//! The keys of other issuers, fetched over HTTP: in the background, and kept while an issuer is
//! away. A request asks what is known; only one whose key is unknown waits, and not for long. What an
//! issuer answers is taken over, also where it answers that it has no key any more.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use gateway_clock::{Clock, Stopwatch, Timestamp};
use gateway_identity::IssuerName;
use gateway_token::{Asked, KeySet, KeySource};

mod fetch;
mod figures;
mod keeper;
mod settings;

use figures::Figures;
pub use figures::{FetchResult, JwksReading};
pub use settings::JwksSettings;

/// How long a request with an unknown key waits for keys. Longer than a round trip over the
/// continent, and shorter than any client's patience.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The keys of one issuer, and the task that looks after them.
pub struct RemoteKeys {
    settings: JwksSettings,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<Known>,
    attempts: watch::Sender<Attempts>,
    /// What was wrong last time.
    complaint: Mutex<Option<String>>,
    /// Somebody met an unknown key, or nobody needs the keys any more.
    wake: Arc<Notify>,
    figures: Arc<Figures>,
}

/// Keys as they were last fetched.
struct Known {
    keys: Arc<KeySet>,
    at: Timestamp,
}

/// What was tried so far.
#[derive(Clone, Copy, Default)]
struct Attempts {
    running: bool,
    began: Option<Stopwatch>,
    ended: u64,
    answered: bool,
}

impl RemoteKeys {
    fn new(settings: JwksSettings, clock: Arc<dyn Clock>, figures: Arc<Figures>) -> Result<Self, String> {
        Ok(Self {
            client: fetch::client(&settings)?,
            settings,
            clock,
            known: ArcSwapOption::empty(),
            attempts: watch::Sender::default(),
            complaint: Mutex::default(),
            wake: Arc::default(),
            figures,
        })
    }

    /// What the issuer answered is what counts from now on.
    fn learn(&self, keys: KeySet) {
        self.known.store(Some(Arc::new(Known { keys: Arc::new(keys), at: self.clock.now() })));
    }

    fn reading(&self) -> JwksReading {
        let known = self.known.load();
        JwksReading {
            issuer: self.settings.name.clone(),
            keys: known.as_ref().map_or(0, |known| known.keys.len()),
            age: known.as_ref().map(|known| self.clock.now().since(known.at)),
            fetches: self.figures.read(),
        }
    }
}

#[async_trait]
impl KeySource for RemoteKeys {
    fn keys(&self) -> Option<Arc<KeySet>> {
        let known = self.known.load();
        let known = known.as_ref()?;
        let fresh = self.clock.now().since(known.at) <= self.settings.keep;
        fresh.then(|| Arc::clone(&known.keys))
    }

    async fn refresh(&self) -> Asked {
        let mut attempts = self.attempts.subscribe();
        let seen = *attempts.borrow_and_update();
        if !seen.running {
            if seen.began.is_some_and(|began| began.elapsed() < self.settings.refetch) {
                return seen.asked();
            }
            self.wake.notify_one();
        }
        let ended = attempts.wait_for(|now| now.ended > seen.ended);
        match tokio::time::timeout(WAIT_MAX, ended).await {
            Ok(Ok(attempts)) => attempts.asked(),
            Ok(Err(_)) | Err(_) => Asked::Silent,
        }
    }

    fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }
}

impl Attempts {
    fn asked(&self) -> Asked {
        if self.answered { Asked::Answered } else { Asked::Silent }
    }
}

impl Drop for RemoteKeys {
    /// Its task sleeps, perhaps for long.
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// The keys in use, so that a reload that leaves an issuer as it is keeps what was fetched.
pub struct JwksBook {
    clock: Arc<dyn Clock>,
    /// Each with whether its task was started.
    known: Mutex<Vec<(Weak<RemoteKeys>, bool)>>,
    /// What was counted stays, also when an issuer is reached in another way.
    figures: Mutex<HashMap<IssuerName, Arc<Figures>>>,
}

impl JwksBook {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Mutex::default(), figures: Mutex::default() }
    }

    /// The keys that are fetched by these very settings; else new ones, which are not fetched yet.
    pub fn keys(&self, settings: &JwksSettings) -> Result<Arc<RemoteKeys>, String> {
        let mut known = self.known.lock();
        known.retain(|(keys, _)| keys.strong_count() > 0);
        let mut held = known.iter().filter_map(|(keys, _)| keys.upgrade());
        if let Some(keys) = held.find(|keys| keys.settings == *settings) {
            return Ok(keys);
        }
        // In another way from the same place: what was fetched is as good as before.
        let before = known.iter().filter_map(|(keys, _)| keys.upgrade());
        let before =
            before.filter(|keys| keys.settings.same_keys_as(settings)).find_map(|k| k.known.load_full());
        let figures = Arc::clone(self.figures.lock().entry(settings.name.clone()).or_default());
        let keys = Arc::new(RemoteKeys::new(settings.clone(), Arc::clone(&self.clock), figures)?);
        keys.known.store(before);
        known.push((Arc::downgrade(&keys), false));
        Ok(keys)
    }

    /// Begins to fetch what is not fetched yet, on the runtime of the caller.
    pub fn start(&self) {
        for (keys, started) in &mut *self.known.lock() {
            if !std::mem::replace(started, true) {
                keeper::start(keys);
            }
        }
    }

    /// What operators can read of each issuer.
    pub fn readings(&self) -> Vec<JwksReading> {
        let keys: Vec<_> = self.known.lock().iter().filter_map(|(keys, _)| keys.upgrade()).collect();
        keys.iter().map(|keys| keys.reading()).collect()
    }
}
