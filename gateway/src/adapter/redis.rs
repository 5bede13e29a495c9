//! The view of revocations in Redis: one round trip for each check, and no answer from a Redis
//! that lost its data. The durable truth is the ledger, from which Redis is filled.
//!
//! A single primary of Redis 6.2 or newer, with `maxmemory-policy noeviction`. A key that somebody
//! else removes is not missed here: what the ledger holds is to be asked before (`own_first`). Rate
//! limits are not kept here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::clock::{Clock, Timestamp};
use crate::identity::{Generation, TokenId};
use crate::store::{Check, Revocation, RevocationLedger, Revocations, Standing, Subject, Unreachable};

mod complaint;
mod connection;
mod epoch;
mod eviction;
mod figures;
mod keeper;
mod keys;
mod rebuild;
mod scripts;
mod settings;
mod view;

use epoch::Epoch;
use figures::Event;
pub use figures::{RedisFigures, RedisReading};
use keys::{EPOCH, Key};
pub use settings::{OnEviction, OnFailure, RedisSettings, RedisSettingsFault};
use view::{State, View};

/// What is looked up: all that a token of ours could be revoked by, or one token alone.
enum Asked<'a> {
    Subject(&'a Subject),
    Token(TokenId),
}

/// Requests that pass unchecked are logged at most this often: there may be thousands a second.
const WARNING_EVERY: Duration = Duration::from_secs(10);

/// `store::Revocations` in Redis.
pub struct RedisRevocations {
    settings: RedisSettings,
    view: Arc<View>,
    keeper: Mutex<Option<JoinHandle<()>>>,
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
        Ok(Self { settings, view: Arc::new(view), keeper: Mutex::new(None), warned_at: AtomicU64::new(0) })
    }

    /// Begins to connect, on the runtime of the caller. Without it the first use begins; but a
    /// connection that lives on another runtime than the requests costs them two wake-ups.
    pub fn start(&self) {
        let mut keeper = self.keeper.lock();
        if keeper.as_ref().is_none_or(JoinHandle::is_finished) {
            *keeper = Some(tokio::spawn(keeper::keep(Arc::clone(&self.view))));
        }
    }

    /// What was counted so far.
    pub fn figures(&self) -> Arc<RedisFigures> {
        Arc::clone(&self.view.figures)
    }

    async fn check_in_time(&self, asked: Asked<'_>) -> Result<Standing, Unreachable> {
        let patience = self.settings.check_timeout;
        self.view.figures.count(Event::Check);
        let (unreachable, event) = match tokio::time::timeout(patience, self.look_up(asked)).await {
            Ok(Ok(standing)) => {
                if standing == Standing::Revoked {
                    self.view.figures.count(Event::Revoked);
                }
                return Ok(standing);
            }
            Ok(Err(unreachable)) => (unreachable, Event::Error),
            Err(_) => (connection::silent(patience), Event::Timeout),
        };
        self.view.figures.count(event);
        self.view.wake.notify_one();
        match self.settings.on_failure {
            OnFailure::Closed => Err(unreachable),
            OnFailure::Open => {
                self.view.figures.count(Event::FailedOpen);
                self.warn_now_and_then(&unreachable);
                Ok(Standing::FailedOpen)
            }
        }
    }

    async fn look_up(&self, asked: Asked<'_>) -> Result<Standing, Unreachable> {
        let mut connection = self.connection().await?;
        // Before the question: what is acknowledged while it is under way need not be answered.
        let floor = self.view.revision();
        let mut command = redis::cmd("MGET");
        let subject = match asked {
            Asked::Subject(subject) => subject,
            Asked::Token(token) => {
                command.arg(EPOCH).arg(Key::token(token).as_bytes());
                let answer: (Option<Vec<u8>>, Option<Vec<u8>>) =
                    command.query_async(&mut connection).await.map_err(|error| self.explain(&error))?;
                return self.judge(Generation::default(), floor, &(answer.0, answer.1, None, None));
            }
        };
        command
            .arg(EPOCH)
            .arg(Key::token(subject.token).as_bytes())
            .arg(Key::session(subject.session).as_bytes())
            .arg(Key::generation(subject.user).as_bytes());
        let answer: RawAnswer =
            command.query_async(&mut connection).await.map_err(|error| self.explain(&error))?;
        self.judge(subject.generation, floor, &answer)
    }

    fn judge(
        &self,
        held: Generation,
        floor: u64,
        (epoch, token, session, generation): &RawAnswer,
    ) -> Result<Standing, Unreachable> {
        if token.is_some() || session.is_some() {
            return Ok(Standing::Revoked);
        }
        if let Some(minimum) = generation {
            let minimum = std::str::from_utf8(minimum).ok().and_then(|text| text.parse().ok());
            // What is there and no number revokes all: somebody wrote it with a purpose.
            if minimum.is_none_or(|minimum: u64| minimum > held.0) {
                return Ok(Standing::Revoked);
            }
        }
        match Epoch::judge(epoch.as_deref(), self.view.store(), floor) {
            Epoch::Intact(revision) => {
                self.view.acknowledge(revision);
                Ok(Standing::InForce)
            }
            lost => Err(Unreachable(lost.complaint().to_owned())),
        }
    }

    /// The connection for checks. Only at the very start this waits; later on, a check without a
    /// connection fails at once, for the next attempt may be a second away.
    async fn connection(&self) -> Result<MultiplexedConnection, Unreachable> {
        if let Some(connection) = self.view.serving.load().as_deref() {
            return Ok(connection.clone());
        }
        self.start();
        let mut state = self.view.state.subscribe();
        let known = state.wait_for(|state| !matches!(state, State::Starting)).await;
        if let Ok(State::Down(reason)) = known.as_deref() {
            return Err(reason.clone());
        }
        drop(known);
        let serving = self.view.serving.load();
        serving.as_deref().cloned().ok_or_else(|| Unreachable("Redis was just lost".to_owned()))
    }

    /// Publishes, and waits for a connection or a rebuild where that is needed.
    async fn write(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        let mut state = self.view.state.subscribe();
        for batch in revoked.chunks(rebuild::BATCH) {
            while !self.write_batch(batch).await? {
                self.start();
                self.view.wake.notify_one();
                // The view holds the sender, and we hold the view: should it be gone, nothing was published.
                state.changed().await.map_err(|_| Unreachable("the view is no longer kept".to_owned()))?;
            }
        }
        Ok(())
    }

    /// Answers whether it was written. If not, it may be tried again: writing twice is as once.
    async fn write_batch(&self, batch: &[Revocation]) -> Result<bool, Unreachable> {
        let serving = self.view.serving.load_full();
        let Some(mut connection) = serving.as_deref().cloned() else {
            return Ok(false);
        };
        let entries = rebuild::entries(&self.view, batch);
        let command = scripts::publish(self.view.store(), self.view.revision(), &entries);
        match command.query_async::<Option<u64>>(&mut connection).await {
            Ok(Some(revision)) => {
                self.view.acknowledge(revision);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) if error.is_io_error() => Ok(false),
            Err(error) => Err(self.explain(&error)),
        }
    }

    async fn ping_now(&self) -> Result<(), Unreachable> {
        let mut connection = self.connection().await?;
        let floor = self.view.revision();
        let (_, epoch): (String, Option<Vec<u8>>) = redis::pipe()
            .cmd("PING")
            .cmd("GET")
            .arg(EPOCH)
            .query_async(&mut connection)
            .await
            .map_err(|error| self.explain(&error))?;
        match Epoch::judge(epoch.as_deref(), self.view.store(), floor) {
            Epoch::Intact(_) => Ok(()),
            lost => Err(Unreachable(lost.complaint().to_owned())),
        }
    }

    fn explain(&self, error: &redis::RedisError) -> Unreachable {
        // A runtime that ended, or a panic, would have taken the keeper along.
        self.start();
        complaint::explain(error, self.view.target.password.as_ref())
    }

    fn warn_now_and_then(&self, reason: &Unreachable) {
        let now = self.view.clock.now();
        let warned_at = self.warned_at.load(Ordering::Relaxed);
        let due = warned_at == 0 || now.since(Timestamp::from_millis(warned_at)) >= WARNING_EVERY;
        let mark = now.millis().max(1);
        let swap = |from| self.warned_at.compare_exchange(from, mark, Ordering::Relaxed, Ordering::Relaxed);
        if due && swap(warned_at).is_ok() {
            warn!(%reason, "requests pass without a check for revocation, as configured");
        }
    }
}

/// The epoch, and what stands for the token, its session and its user.
type RawAnswer = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

#[async_trait]
impl Revocations for RedisRevocations {
    fn check<'a>(&'a self, subject: &'a Subject) -> Check<'a> {
        Check::Pending(Box::pin(self.check_in_time(Asked::Subject(subject))))
    }

    fn check_token(&self, token: TokenId) -> Check<'_> {
        Check::Pending(Box::pin(self.check_in_time(Asked::Token(token))))
    }

    /// Fails closed whatever `on_failure` says: a logout must not be confirmed that did not
    /// happen. What was not acknowledged is caught up from the ledger as soon as Redis answers.
    async fn publish(&self, revoked: &[Revocation]) -> Result<(), Unreachable> {
        let mut owed = Owed { view: &self.view, settled: false };
        let patience = self.settings.publish_timeout;
        let written = match tokio::time::timeout(patience, self.write(revoked)).await {
            Ok(written) => written,
            Err(_) => Err(match &*self.view.state.borrow() {
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

impl Drop for RedisRevocations {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get_mut() {
            keeper.abort();
        }
    }
}
