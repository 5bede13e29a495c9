//! The view in Redis as this gateway knows it: shared by the checks and by the keeper.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Notify, watch};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::epoch::{CLAIM, Epoch};
use super::figures::RedisFigures;
use super::settings::{OnEviction, Target};
use gateway_clock::{Clock, Stopwatch};
use gateway_store::{RevocationLedger, Unreachable};

/// Whether checks can be asked.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Nothing is known yet: the first connection is being opened.
    Starting,
    Serving,
    /// Not now, and why.
    Down(Unreachable),
}

pub(super) struct View {
    pub(super) target: Target,
    /// How long Redis may be silent when the keeper looks after it.
    pub(super) silence: Duration,
    pub(super) on_eviction: OnEviction,
    pub(super) ledger: Arc<dyn RevocationLedger>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) figures: Arc<RedisFigures>,
    /// The connection that checks use; none while there is nothing to ask.
    pub(super) serving: ArcSwapOption<MultiplexedConnection>,
    /// Sent each time the keeper has looked after Redis, also when nothing changed.
    pub(super) state: watch::Sender<State>,
    /// Somebody met something odd: the keeper shall look now.
    pub(super) wake: Notify,
    /// A publication was not acknowledged: the ledger knows more than Redis.
    owed: AtomicBool,
    /// Since what is owed could last not be written.
    not_taken: Mutex<Option<Stopwatch>>,
    /// Whether all that the ledger held was once written by this process.
    proven: AtomicBool,
    /// Whether Redis was once taken over from another store.
    taken_over: AtomicBool,
    /// The highest revision of the epoch that was acknowledged to us, or read.
    revision: AtomicU64,
    /// The identifier of our store, with a colon.
    store: OnceLock<String>,
    /// What the claims of this gateway begin with.
    claim: String,
    claims: AtomicU64,
}

impl View {
    pub(super) fn new(
        target: Target,
        silence: Duration,
        on_eviction: OnEviction,
        ledger: Arc<dyn RevocationLedger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            target,
            silence,
            on_eviction,
            ledger,
            clock,
            figures: Arc::default(),
            serving: ArcSwapOption::empty(),
            state: watch::Sender::new(State::Starting),
            wake: Notify::new(),
            owed: AtomicBool::new(false),
            not_taken: Mutex::new(None),
            proven: AtomicBool::new(false),
            taken_over: AtomicBool::new(false),
            revision: AtomicU64::new(0),
            store: OnceLock::new(),
            claim: format!("{CLAIM}{}:", Uuid::new_v4()),
            claims: AtomicU64::new(0),
        }
    }

    /// The store's identifier with its colon; empty, so that no epoch fits, before it is known.
    pub(super) fn store(&self) -> &str {
        self.store.get().map_or("", String::as_str)
    }

    pub(super) async fn learn_store(&self) -> Result<(), Unreachable> {
        if self.store.get().is_none() {
            let id = self.ledger.installation().await.map_err(ledger_fault)?;
            self.store.get_or_init(|| format!("{id}:"));
        }
        Ok(())
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    /// From now on Redis must show at least this revision.
    pub(super) fn acknowledge(&self, revision: u64) {
        // A plain load first: each check comes here, and nearly none of them learns anything.
        if self.revision() < revision {
            self.revision.fetch_max(revision, Ordering::SeqCst);
        }
    }

    /// The keeper shall write what the ledger holds, now.
    pub(super) fn owe(&self) {
        self.owe_later();
        self.wake.notify_one();
    }

    /// The keeper shall write what the ledger holds, when it next looks after Redis.
    pub(super) fn owe_later(&self) {
        self.owed.store(true, Ordering::SeqCst);
    }

    pub(super) fn take_owed(&self) -> bool {
        self.owed.swap(false, Ordering::SeqCst)
    }

    pub(super) fn note_not_taken(&self) {
        *self.not_taken.lock() = Some(Stopwatch::start());
    }

    pub(super) fn was_not_taken_within(&self, pause: Duration) -> bool {
        self.not_taken.lock().as_ref().is_some_and(|since| since.elapsed() < pause)
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::SeqCst)
    }

    /// Whether this process has taken Redis over from another store before.
    pub(super) fn takes_over_again(&self) -> bool {
        self.taken_over.swap(true, Ordering::SeqCst)
    }

    /// Each claim is another, so that a late command of an earlier attempt fits no later one.
    pub(super) fn next_claim(&self) -> String {
        format!("{}{}", self.claim, self.claims.fetch_add(1, Ordering::SeqCst))
    }

    /// Whether the epoch is a claim that this gateway left behind in an attempt that failed.
    pub(super) fn is_own_claim(&self, epoch: &[u8]) -> bool {
        epoch.starts_with(self.claim.as_bytes())
    }

    /// Lets the checks ask on this connection.
    pub(super) fn serve(&self, connection: &MultiplexedConnection) {
        self.proven.store(true, Ordering::SeqCst);
        self.figures.set_connected(true);
        if self.serving.load().is_none() {
            self.serving.store(Some(Arc::new(connection.clone())));
            info!(address = self.target.address, "revocations are checked in Redis");
        }
        self.state.send_replace(State::Serving);
    }

    /// Fails the checks at once, until there is a connection again.
    pub(super) fn down(&self, reason: Unreachable) {
        match self.stop_serving(&reason) {
            State::Down(before) if before.0 == reason.0 => debug!(%reason, "still no Redis"),
            _ => warn!(address = self.target.address, %reason, "revocations cannot be checked"),
        }
    }

    /// The same until the view is rebuilt, which is told there.
    pub(super) fn doubt(&self, epoch: &Epoch) {
        self.stop_serving(&Unreachable(epoch.complaint().to_owned()));
    }

    /// Answers what was before.
    fn stop_serving(&self, reason: &Unreachable) -> State {
        self.serving.store(None);
        self.figures.set_connected(false);
        self.state.send_replace(State::Down(reason.clone()))
    }
}

pub(super) fn ledger_fault(error: gateway_store::StoreError) -> Unreachable {
    Unreachable(format!("the ledger of revocations cannot be read: {error}"))
}
