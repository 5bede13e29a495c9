//! The view of a ledger to which other gateways write, too: it is followed, and how old it is, is known at
//! each moment.
//!
//! An answer to a question that was asked at *t* has all that was committed before *t*. While the last
//! such *t* is no longer ago than the bound, a look-up in memory decides; otherwise a check waits for the
//! next answer, and where none comes in time, the request is refused. So no token passes for longer than
//! the bound after its revocation was committed, whoever committed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::EmbeddedRevocations;
use gateway_clock::{Backoff, Stopwatch};
use gateway_identity::TokenId;
use gateway_store::{
    Check, Revocation, RevocationFeed, Revocations, StalenessBounds, StoreError, Subject, TokenStatus,
    Unreachable,
};

/// How often the ledger is asked where nothing wakes its follower.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Between tries that fail.
const RETRY: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_millis(500) };

/// A view in memory that is followed from outside of requests (`follow`).
pub struct MirroredRevocations {
    own: Arc<EmbeddedRevocations>,
    bounds: StalenessBounds,
    /// From when on times are counted.
    beginning: Stopwatch,
    /// When the last question that was answered was asked, in microseconds; zero where none was.
    asked_at: AtomicU64,
    answered: watch::Sender<()>,
}

impl MirroredRevocations {
    /// An empty view, which decides nothing before it was refreshed.
    pub fn new(own: Arc<EmbeddedRevocations>, bounds: StalenessBounds) -> Self {
        let (answered, _) = watch::channel(());
        Self { own, bounds, beginning: Stopwatch::start(), asked_at: AtomicU64::new(0), answered }
    }

    /// How old the view is.
    pub fn staleness(&self) -> Duration {
        let asked_at = Duration::from_micros(self.asked_at.load(Ordering::Acquire));
        self.beginning.elapsed().saturating_sub(asked_at)
    }

    /// Asks the ledger once.
    pub async fn refresh(&self, feed: &dyn RevocationFeed) -> Result<(), StoreError> {
        let asked_at = self.beginning.elapsed().as_micros();
        let changes = feed.changes().await?;
        self.own.publish(&changes).await.map_err(|fault| StoreError::Unavailable(fault.to_string()))?;
        // Whoever sees the moment sees the changes as well.
        self.asked_at.store(u64::try_from(asked_at).unwrap_or(u64::MAX).max(1), Ordering::Release);
        self.answered.send_replace(());
        Ok(())
    }

    /// Asks it again and again, until this is dropped.
    pub async fn follow(&self, feed: &dyn RevocationFeed) {
        let mut failed = 0;
        loop {
            match self.refresh(feed).await {
                Ok(()) if failed > 0 => {
                    tracing::info!(tries = failed, "the ledger of revocations is followed again");
                    failed = 0;
                }
                Ok(()) => {}
                Err(fault) => {
                    if failed == 0 {
                        tracing::warn!(error = %fault, "the ledger of revocations cannot be followed");
                    }
                    tokio::time::sleep(RETRY.spread_after(failed)).await;
                    failed = failed.saturating_add(1);
                    continue;
                }
            }
            tokio::select! {
                () = feed.woken() => {}
                () = tokio::time::sleep(ASK_EVERY) => {}
            }
        }
    }

    /// Whether the look-up in memory decides. By the reading of the clock that the request has already: it
    /// is some microseconds old.
    pub fn is_fresh(&self) -> bool {
        let asked_at = self.asked_at.load(Ordering::Acquire);
        let now = Stopwatch::lately().since(&self.beginning);
        asked_at > 0 && now.saturating_sub(Duration::from_micros(asked_at)) <= self.bounds.max_staleness
    }

    async fn until_fresh(&self) -> Result<(), Unreachable> {
        let mut answered = self.answered.subscribe();
        let fresh = async {
            while !self.is_fresh() {
                // It is not gone as long as this is there.
                answered.changed().await.ok();
            }
        };
        tokio::time::timeout(self.bounds.check_timeout, fresh).await.map_err(|_| {
            let (staleness, bound) = (self.staleness(), self.bounds.max_staleness);
            Unreachable(format!(
                "what is revoked was last asked for {staleness:?} ago, and {bound:?} is the bound"
            ))
        })
    }

    /// The freshness is read before the look-up: read after it, it could be that of an answer which the
    /// look-up did not see.
    fn settle<'a>(&'a self, look_up: impl Fn() -> Check<'a> + Send + Sync + 'a) -> Check<'a> {
        let is_fresh = self.is_fresh();
        match look_up() {
            Check::Ready(Ok(TokenStatus::Active)) if !is_fresh => Check::Pending(Box::pin(async move {
                self.until_fresh().await?;
                look_up().answer().await
            })),
            decided => decided,
        }
    }
}

#[async_trait]
impl Revocations for MirroredRevocations {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        self.settle(|| self.own.check(subject))
    }

    fn check_token(&self, token: TokenId) -> Check<'_> {
        self.settle(move || self.own.check_token(token))
    }

    /// Here at once; the others follow the ledger, which has it already.
    async fn publish(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        self.own.publish(revoked).await
    }

    /// A balancer turns away from a gateway that would refuse.
    async fn ping(&self) -> Result<(), Unreachable> {
        if self.is_fresh() { Ok(()) } else { self.until_fresh().await }
    }
}
