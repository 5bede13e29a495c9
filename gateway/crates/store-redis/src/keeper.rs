//! The one background task: it keeps a connection, watches the epoch, and restores what was lost.
//! As it is one task, nothing here happens twice at a time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::sleep;
use tracing::{error, warn};

use super::connection::{ask, open};
use super::epoch::Epoch;
use super::eviction::Eviction;
use super::figures::Event;
use super::keys::EPOCH;
use super::rebuild::{ToppedUp, live, rebuild, top_up};
use super::view::View;
use gateway_clock::Backoff;
use gateway_store::Unreachable;

/// How often Redis is looked after when nobody complains: this bounds how long a loss, or a
/// connection that died without a sign, goes unnoticed on a gateway without traffic.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A connection that is silent for so long, or for as long as a check may take where that is more, is
/// given up. Until then requests may pile up on it: those of that time, each of some hundred bytes, and
/// no more than the socket takes.
pub(super) const SILENCE_MAX: Duration = Duration::from_millis(500);

/// However many complain, Redis is not looked after more often than this.
const SPACING: Duration = Duration::from_millis(20);

/// How long a foreign epoch is left alone when ours was replaced by one before.
const TAKEOVER_PAUSE: Duration = Duration::from_secs(5);

/// How long what could not be written waits: each attempt reads the ledger.
const TOP_UP_PAUSE: Duration = Duration::from_secs(5);

/// The first and the longest wait between two attempts to connect. The longest is short, since
/// an attempt costs little and each check fails meanwhile.
const PAUSE: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(1) };

/// Runs until it is dropped: there is no number of failures after which to give up.
pub(super) async fn keep(view: Arc<View>) {
    let mut failures = 0;
    let mut eviction = Eviction::default();
    loop {
        eviction.forget_when_looked();
        let Err(complaint) = attend(&view, &mut eviction, &mut failures).await;
        view.down(complaint);
        sleep(PAUSE.spread_after(failures)).await;
        failures = failures.saturating_add(1);
    }
}

/// One connection, from its opening to the error that ends it.
async fn attend(view: &View, eviction: &mut Eviction, failures: &mut u32) -> Result<Infallible, Unreachable> {
    let mut connection = open(&view.target).await?;
    view.figures.count(Event::Connect);
    view.learn_store().await?;
    // What was published by others, or by us without an answer, while we were away.
    view.owe_later();
    loop {
        eviction.look(view, &mut connection).await?;
        if let Some(refusal) = eviction.refusal(view) {
            view.down(refusal);
            sleep(HEARTBEAT).await;
            continue;
        }
        if eviction.has_lost() {
            view.doubt(&Epoch::Evicted);
        }
        if restore(view, &mut connection, eviction).await? {
            view.serve(&connection);
            *failures = 0;
            sleep(SPACING).await;
            tokio::select! {
                () = view.wake.notified() => {}
                () = sleep(HEARTBEAT) => {}
            }
        } else {
            sleep(SPACING).await;
        }
    }
}

/// Looks after Redis once, and does what is to be done. Answers whether the view is whole.
async fn restore(
    view: &View,
    connection: &mut MultiplexedConnection,
    eviction: &mut Eviction,
) -> Result<bool, Unreachable> {
    let floor = view.revision();
    // As `GET`, but refused by a replica: a primary that was demoted would else be asked on.
    let mut command = redis::cmd("GETEX");
    command.arg(EPOCH);
    let found: Option<Vec<u8>> = ask(connection, &view.target, view.silence, &command).await?;
    let found = found.as_deref();
    match Epoch::judge(found, view.store(), floor) {
        Epoch::Intact(revision) => {
            view.acknowledge(revision);
            if eviction.has_lost() {
                return rebuild_lost(view, connection, eviction, found, &Epoch::Evicted).await;
            }
            // Answers go on during a top-up, except at the start: nobody knows then which
            // publications this Redis should have.
            if view.is_proven() {
                view.serve(connection);
            }
            synchronize(view, connection).await
        }
        Epoch::Claimed if !found.is_some_and(|claim| view.is_own_claim(claim)) => {
            view.figures.set_connected(false);
            Ok(false)
        }
        lost => rebuild_lost(view, connection, eviction, found, &lost).await,
    }
}

async fn rebuild_lost(
    view: &View,
    connection: &mut MultiplexedConnection,
    eviction: &mut Eviction,
    found: Option<&[u8]>,
    lost: &Epoch,
) -> Result<bool, Unreachable> {
    view.figures.set_connected(false);
    // Two installations that take it from each other shall not do so all the time.
    if *lost == Epoch::Foreign && view.takes_over_again() {
        error!(address = view.target.address, "{SHARED}");
        sleep(TAKEOVER_PAUSE).await;
    }
    // The rebuild settles what is owed; what fails from here on is owed anew.
    view.take_owed();
    let rebuilt = rebuild(view, connection, found.unwrap_or_default(), lost).await;
    match rebuilt {
        Ok(true) => eviction.made_up_for(),
        _ => view.owe_later(),
    }
    rebuilt
}

const SHARED: &str = "another store keeps writing its revocations into the same database of Redis: \
                      give each installation a database number of its own";

/// Writes what the ledger holds into an intact view, if something is owed.
async fn synchronize(view: &View, connection: &mut MultiplexedConnection) -> Result<bool, Unreachable> {
    let waits = view.is_proven() && view.was_not_taken_within(TOP_UP_PAUSE);
    if waits || !view.take_owed() {
        return Ok(true);
    }
    let topped_up = match live(view).await {
        Ok(live) => top_up(view, connection, &live).await,
        Err(reason) => Ok(ToppedUp::NotTaken(reason)),
    };
    if !matches!(topped_up, Ok(ToppedUp::Whole)) {
        view.owe_later();
    }
    match topped_up? {
        ToppedUp::Whole => Ok(true),
        ToppedUp::NotOurs => Ok(false),
        // What is whole but for that can be asked on.
        ToppedUp::NotTaken(reason) if view.is_proven() => {
            view.note_not_taken();
            warn!(%reason, "revocations may still be missing in Redis");
            Ok(true)
        }
        ToppedUp::NotTaken(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_to_connect_grow_rarer_but_never_rare() {
        for _ in 0..100 {
            let (first, last) = (PAUSE.spread_after(0), PAUSE.spread_after(u32::MAX));
            assert!(first >= PAUSE.first / 2 && first <= PAUSE.first);
            assert!(last >= PAUSE.longest / 2 && last <= PAUSE.longest);
        }
    }
}
