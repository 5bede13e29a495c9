//! The view of revocations in Redis: one round trip for each check, shared by those of one turn of a
//! thread's loop, and no answer from a Redis that lost its data. The durable truth is the ledger, from
//! which Redis is filled.
//!
//! A single primary of Redis 6.2 or newer, with `maxmemory-policy noeviction`. A key that somebody
//! else removes is not missed here: what the ledger holds is to be asked before (`own_first`). Rate
//! limits are not kept here.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use gateway_clock::{Clock, Timestamp};
use gateway_identity::TokenId;
use gateway_store::{Check, Revocation, RevocationLedger, Revocations, Subject, TokenStatus, Unreachable};

mod check;
mod complaint;
mod connection;
mod epoch;
mod eviction;
mod figures;
mod keeper;
mod keys;
mod link;
mod rebuild;
mod scripts;
mod settings;
mod turn;
mod view;

use check::{Ask, Failure, Heard};
use epoch::Epoch;
use figures::Event;
pub use figures::{RedisFigures, RedisReading};
use keys::EPOCH;
use link::Link;
pub use settings::{OnEviction, OnFailure, RedisSettings, RedisSettingsFault};
use turn::BatchQueues;
use view::{State, View};

/// Requests that pass unchecked are logged at most this often: there may be thousands a second.
const WARNING_EVERY: Duration = Duration::from_secs(10);

/// `store::Revocations` in Redis.
pub struct RedisRevocations {
    settings: RedisSettings,
    link: Arc<Link>,
    queues: BatchQueues<Ask, Heard>,
    /// When a request that passed unchecked was last logged, in milliseconds; zero for never.
    warned_at: AtomicU64,
}

impl RedisRevocations {
    /// Reads the URL and the CA file. Connects to nothing, and needs no runtime yet.
    pub fn new(
        settings: RedisSettings,
        ledger: Arc<dyn RevocationLedger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RedisSettingsFault> {
        let target = settings.target()?;
        let silence = keeper::SILENCE_MAX.max(settings.check_timeout);
        let view = View::new(target, silence, settings.on_eviction, ledger, clock);
        let link = Arc::new(Link::new(view));
        Ok(Self { settings, link, queues: BatchQueues::new(), warned_at: AtomicU64::new(0) })
    }

    /// Begins to connect, on the runtime of the caller. Without it the first use begins; but a
    /// connection that lives on another runtime than the requests costs them two wake-ups.
    pub fn start(&self) {
        self.link.start();
    }

    /// What was counted so far.
    pub fn figures(&self) -> Arc<RedisFigures> {
        Arc::clone(&self.link.view.figures)
    }

    /// The answer to a question that goes out with all that this thread asks in this turn of its loop.
    async fn check_in_time(&self, ask: Ask) -> Result<TokenStatus, Unreachable> {
        let patience = self.settings.check_timeout;
        let figures = &self.link.view.figures;
        figures.count(Event::Check);
        let (answer, turn) = self.queues.ask(ask);
        if let Some(turn) = turn {
            // A task of its own: who asks first may leave, and the others' answers must come all the same.
            drop(tokio::spawn(link::ask_together(Arc::clone(&self.link), turn, patience)));
        }
        let (unreachable, event) = match answer.await {
            Some(Ok(status)) => {
                if status == TokenStatus::Revoked {
                    figures.count(Event::Revoked);
                }
                return Ok(status);
            }
            Some(Err(Failure::Unreachable(unreachable))) => (unreachable, Event::Error),
            Some(Err(Failure::Late)) => (connection::silent(patience), Event::Timeout),
            None => (Unreachable("whoever asked Redis has ended".to_owned()), Event::Error),
        };
        figures.count(event);
        self.link.view.wake.notify_one();
        match self.settings.on_failure {
            OnFailure::Closed => Err(unreachable),
            OnFailure::Open => {
                figures.count(Event::FailedOpen);
                self.warn_now_and_then(&unreachable);
                Ok(TokenStatus::FailedOpen)
            }
        }
    }

    /// Publishes, and waits for a connection or a rebuild where that is needed.
    async fn write(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        let mut state = self.link.view.state.subscribe();
        for batch in revoked.chunks(rebuild::BATCH) {
            while !self.write_batch(batch).await? {
                self.start();
                self.link.view.wake.notify_one();
                // The view holds the sender, and we hold the view: should it be gone, nothing was published.
                state.changed().await.map_err(|_| Unreachable("the view is no longer kept".to_owned()))?;
            }
        }
        Ok(())
    }

    /// Answers whether it was written. If not, it may be tried again: writing twice is as once.
    async fn write_batch(&self, batch: &[Revocation]) -> Result<bool, Unreachable> {
        let serving = self.link.view.serving.load_full();
        let Some(mut connection) = serving.as_deref().cloned() else {
            return Ok(false);
        };
        let entries = rebuild::entries(&self.link.view, batch);
        let command = scripts::publish(self.link.view.store(), self.link.view.revision(), &entries);
        match command.query_async::<Option<u64>>(&mut connection).await {
            Ok(Some(revision)) => {
                self.link.view.acknowledge(revision);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) if error.is_io_error() => Ok(false),
            Err(error) => Err(self.link.explain(&error)),
        }
    }

    async fn ping_now(&self) -> Result<(), Unreachable> {
        let mut connection = self.link.connection().await?;
        let floor = self.link.view.revision();
        let (_, epoch): (String, Option<Vec<u8>>) = redis::pipe()
            .cmd("PING")
            .cmd("GET")
            .arg(EPOCH)
            .query_async(&mut connection)
            .await
            .map_err(|error| self.link.explain(&error))?;
        match Epoch::judge(epoch.as_deref(), self.link.view.store(), floor) {
            Epoch::Intact(_) => Ok(()),
            lost => Err(Unreachable(lost.complaint().to_owned())),
        }
    }

    fn warn_now_and_then(&self, reason: &Unreachable) {
        let now = self.link.view.clock.now();
        let warned_at = self.warned_at.load(Ordering::Relaxed);
        let due = warned_at == 0 || now.since(Timestamp::from_millis(warned_at)) >= WARNING_EVERY;
        let mark = now.millis().max(1);
        let swap = |from| self.warned_at.compare_exchange(from, mark, Ordering::Relaxed, Ordering::Relaxed);
        if due && swap(warned_at).is_ok() {
            warn!(%reason, "requests pass without a check for revocation, as configured");
        }
    }
}

#[async_trait]
impl Revocations for RedisRevocations {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        Check::Pending(Box::pin(self.check_in_time(Ask::Subject(*subject))))
    }

    fn check_token(&self, token: TokenId) -> Check<'_> {
        Check::Pending(Box::pin(self.check_in_time(Ask::Token(token))))
    }

    /// Fails closed whatever `on_failure` says: a logout must not be confirmed that did not
    /// happen. What was not acknowledged is caught up from the ledger as soon as Redis answers.
    async fn publish(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        let mut owed = Owed { view: &self.link.view, settled: false };
        let patience = self.settings.publish_timeout;
        let written = match tokio::time::timeout(patience, self.write(revoked)).await {
            Ok(written) => written,
            Err(_) => Err(match &*self.link.view.state.borrow() {
                State::Down(reason) => reason.clone(),
                State::Starting | State::Serving => connection::silent(patience),
            }),
        };
        owed.settled = written.is_ok();
        written
    }

    async fn ping(&self) -> Result<(), Unreachable> {
        let patience = self.settings.check_timeout;
        tokio::time::timeout(patience, self.ping_now())
            .await
            .unwrap_or_else(|_| Err(connection::silent(patience)))
    }
}

/// A publication under way. However it ends, also by its client going away: unless Redis has
/// acknowledged it, the keeper owes it.
struct Owed<'a> {
    view: &'a View,
    settled: bool,
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if self.settled {
            self.view.figures.count(Event::Publish);
        } else {
            self.view.figures.count(Event::PublishFailure);
            self.view.owe();
        }
    }
}
