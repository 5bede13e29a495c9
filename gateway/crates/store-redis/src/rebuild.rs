//! Bringing Redis to what the ledger holds: a top-up of a view in use, or a rebuild of a lost one.
//!
//! The ledger records a revocation **before** it is published, and neither way ever deletes a
//! revocation of our store or lowers one. So these interleavings remain, with a publication P:
//!
//! * P is written before the claim: it stays where it is, whether the ledger was read or not.
//! * P arrives while the claim stands: the script finds no epoch of ours and refuses; P waits for
//!   the keeper's next sign and tries again. It returns only once it is written beside an epoch.
//! * P arrives after the epoch: it is written as ever.
//! * Redis is flushed in the middle: the claim is gone, so the last step fails and all begins anew.
//! * Two gateways find the loss: one claim stands, the other gateway waits. A gateway that dies
//!   leaves a claim that expires.
//! * A rebuild times out and a late command of it arrives after all: it carries an old claim.
//! * Another gateway acknowledged a higher revision than ours: it finds our epoch behind, and
//!   rebuilds once more, above its own.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tracing::{info, warn};

use super::connection::{Refused, ask, try_ask};
use super::epoch::Epoch;
use super::figures::Event;
use super::keys::{Entry, GENERATION};
use super::scripts;
use super::view::{View, ledger_fault};
use gateway_store::{Revocation, Unreachable};

/// Revocations written in one step. Redis does nothing else for some 2 ms.
pub(super) const BATCH: usize = 1_000;

/// How long one step may take.
const STEP: Duration = Duration::from_secs(2);

/// How long the ledger may take to answer.
const LEDGER: Duration = Duration::from_secs(5);

/// A claim outlives the longest step, and is prolonged by each.
const CLAIM_MILLIS: u64 = 10_000;

/// What became of a top-up.
pub(super) enum ToppedUp {
    Whole,
    /// The view was not intact any more.
    NotOurs,
    /// Redis is full, or cannot save, and takes no writes. What it holds is as good as before.
    NotTaken(Unreachable),
}

/// Writes all that the ledger holds into a view that is in use.
pub(super) async fn top_up(
    view: &View,
    connection: &mut MultiplexedConnection,
    live: &[Revocation],
) -> Result<ToppedUp, Unreachable> {
    for batch in live.chunks(BATCH) {
        let command = scripts::publish(view.store(), view.revision(), &entries(view, batch));
        match try_ask::<Option<u64>>(connection, &view.target, STEP, &command).await? {
            Ok(Some(revision)) => view.acknowledge(revision),
            Ok(None) => return Ok(ToppedUp::NotOurs),
            Err(Refused { code, reason }) if ["OOM", "MISCONF", "NOREPLICAS"].contains(&code.as_str()) => {
                return Ok(ToppedUp::NotTaken(reason));
            }
            Err(Refused { reason, .. }) => return Err(reason),
        }
    }
    Ok(ToppedUp::Whole)
}

/// Replaces what was `found` in the place of the epoch, with all revocations beside it. Answers
/// whether that succeeded; if not, somebody else was at work.
pub(super) async fn rebuild(
    view: &View,
    connection: &mut MultiplexedConnection,
    found: &[u8],
    epoch: &Epoch,
) -> Result<bool, Unreachable> {
    let target = &view.target;
    let claim = view.next_claim();
    let command = scripts::exchange(found, &claim, CLAIM_MILLIS);
    if !ask::<bool>(connection, target, STEP, &command).await? {
        return Ok(false);
    }
    view.figures.count(Event::DataLoss);
    warn!(address = target.address, "{}", epoch.complaint());
    if *epoch == Epoch::Foreign {
        forget_generations(view, connection, &claim).await?;
    }
    let live = live(view).await?;
    for batch in live.chunks(BATCH) {
        let command = scripts::fill(&claim, CLAIM_MILLIS, &entries(view, batch));
        if !ask::<bool>(connection, target, STEP, &command).await? {
            return Ok(false);
        }
    }
    let held = match epoch {
        Epoch::Behind(revision) => *revision,
        _ => 0,
    };
    let revision = view.revision().max(held) + 1;
    let successor = format!("{}{revision}", view.store());
    let command = scripts::exchange(claim.as_bytes(), &successor, 0);
    if !ask::<bool>(connection, target, STEP, &command).await? {
        return Ok(false);
    }
    view.acknowledge(revision);
    view.figures.count(Event::Rebuild);
    info!(revocations = live.len(), revision, "the revocations in Redis were rebuilt");
    Ok(true)
}

/// What the ledger holds now.
pub(super) async fn live(view: &View) -> Result<Vec<Revocation>, Unreachable> {
    let reading = view.ledger.live(view.clock.now());
    match tokio::time::timeout(LEDGER, reading).await {
        Ok(read) => read.map_err(ledger_fault),
        Err(_) => Err(Unreachable("the ledger of revocations does not answer".to_owned())),
    }
}

pub(super) fn entries(view: &View, batch: &[Revocation]) -> Vec<Entry> {
    let now = view.clock.now();
    batch.iter().map(|revocation| Entry::new(revocation, now)).collect()
}

/// User 1 of another store is another user, and must not lend ours a generation. Tokens and
/// sessions have random names, which cannot meet.
async fn forget_generations(
    view: &View,
    connection: &mut MultiplexedConnection,
    claim: &str,
) -> Result<(), Unreachable> {
    let mut cursor = 0_u64;
    loop {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(format!("{GENERATION}*")).arg("COUNT").arg(BATCH);
        let (next, keys): (u64, Vec<Vec<u8>>) = ask(connection, &view.target, STEP, &command).await?;
        let command = scripts::remove(claim, CLAIM_MILLIS, &keys);
        let held: bool = ask(connection, &view.target, STEP, &command).await?;
        if next == 0 || !held {
            return Ok(());
        }
        cursor = next;
    }
}
