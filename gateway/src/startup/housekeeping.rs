//! Now and then: forgets what expired, in the stores and in the limiters' memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::background::Background;
use super::current::Current;
use gateway_api::{REFUSED, Services};
use gateway_clock::{Clock, Stopwatch};
use gateway_store::EventCount;
use gateway_store_memory::EmbeddedRevocations;

const PAUSE: Duration = Duration::from_secs(30);
const EXPIRE_PAUSE: Duration = Duration::from_secs(3_600);

/// What was counted already, by reason.
type Counted = BTreeMap<String, u64>;

/// What is to be kept tidy.
pub(super) struct Work {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) current: Arc<Current>,
    /// How long the audit trail is kept.
    pub(super) audit_kept: Duration,
    pub(super) own: Arc<EmbeddedRevocations>,
}

/// Does it until it is told to end.
pub(super) fn start(work: Work) -> Result<Background, String> {
    Background::start("housekeeping", |mut stopped| async move {
        let mut counted = Counted::new();
        // The trail says of itself each time that it was shortened: not more often than is of use.
        let mut since_expired = Stopwatch::start();
        while tokio::time::timeout(PAUSE, &mut stopped).await.is_err() {
            work.once().await;
            if since_expired.elapsed() >= EXPIRE_PAUSE {
                since_expired = Stopwatch::start();
                work.expire_audit().await;
            }
            work.count_refusals(&mut counted).await;
        }
        work.count_refusals(&mut counted).await;
    })
}

impl Work {
    async fn expire_audit(&self) {
        let now = self.clock.now();
        if let Err(fault) = self.current.services().audit.expire(now.minus(self.audit_kept), now).await {
            tracing::warn!(error = %fault, "what is too old could not be removed from the audit trail");
        }
    }

    /// What was refused since the last time, for reports: metrics end with the process. What a
    /// `kill -9` takes away is at most that of one pause.
    async fn count_refusals(&self, counted: &mut Counted) {
        let services = self.current.services();
        let now = services.metrics.requests.refusals();
        let hour = self.clock.now().seconds() / 3_600;
        let more = now.iter().filter_map(|(reason, count)| {
            let count = count.saturating_sub(counted.get(reason).copied().unwrap_or(0));
            (count > 0).then(|| EventCount { hour, word: format!("{REFUSED}{reason}"), count })
        });
        let more: Vec<_> = more.collect();
        if more.is_empty() {
            return;
        }
        match services.audit.tally(more).await {
            Ok(()) => *counted = now,
            Err(fault) => tracing::warn!(error = %fault, "refusals could not be counted for reports"),
        }
    }

    async fn once(&self) {
        let now = self.clock.now();
        let services = self.current.services();
        services.config.forget_idle();
        services.limits.forget_idle();
        self.own.sweep(now);
        let Services { sessions, tickets, .. } = &*services;
        // Access tokens outlive their session: what ends all of a user's must know of it that long.
        let lifetime = sessions.issuer.terms.access_lifetime;
        for swept in [
            sessions.sessions.sweep(now.minus(lifetime)).await,
            sessions.ledger.sweep(now).await,
            tickets.sweep(now).await,
        ] {
            if let Err(fault) = swept {
                tracing::warn!(error = %fault, "what expired could not be removed from the store");
            }
        }
    }
}
