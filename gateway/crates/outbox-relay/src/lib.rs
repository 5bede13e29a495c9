//! What was put in the outbox is done: mails are written and sent, services behind are told. What does
//! not work is tried again, less and less often, and given up after a day, which is recorded.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod prepare;
mod under_way;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use under_way::UnderWay;

use gateway_clock::{Backoff, Clock, Stopwatch};
use gateway_notify::{EventPublisher, NotSent, Notifier, Templates};
use gateway_store::{
    Announce, AuditEvent, CommitFault, Event, Outbox, OutboxMessage, Queued, StoreError, Tickets, UnitOfWork,
    Users, Way, commit,
};
use gateway_telemetry::Metrics;

/// How often the outbox is looked at when nobody says that there is something in it.
const LOOK: Duration = Duration::from_secs(5);
/// The wait before the second try doubles with each further one.
const RETRY: Backoff = Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(3_600) };
/// From then on a mail would come too late to be of use to anybody.
const GIVE_UP_AFTER: Duration = Duration::from_secs(86_400);

/// Delivers what is in the outbox.
pub struct OutboxRelay {
    pub users: Arc<dyn Users>,
    pub tickets: Arc<dyn Tickets>,
    pub outbox: Arc<dyn Outbox>,
    pub announce: Arc<Announce>,
    pub templates: Templates,
    pub notifier: Arc<dyn Notifier>,
    /// None where no service behind wants to be told.
    pub event_publisher: Option<Arc<dyn EventPublisher>>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// Told when something was put in the outbox.
    pub called: Arc<Notify>,
    pub unsettled: Unsettled,
}

/// Errands that are done and still in the outbox, as the store does not take that: they must not be
/// done again, for as long as that lasts.
#[derive(Default)]
pub struct Unsettled(Mutex<HashSet<u64>>);

/// What became of an errand.
enum Outcome {
    Done,
    /// There is nobody to send it to, or nothing to say any more.
    Void,
    Failed(NotSent),
}

impl OutboxRelay {
    /// Until it is dropped. What was begun and not settled is done again at the next start.
    pub async fn run(self: Arc<Self>) {
        let mut under_way = UnderWay::default();
        loop {
            let called = self.called.notified();
            for way in Way::ALL {
                self.begin(way, &mut under_way).await;
            }
            tokio::select! {
                whole = under_way.ended() => if !whole {
                    // Its own report is in the log. It is tried again, and not all the time.
                    tokio::time::sleep(RETRY.first).await;
                },
                // A call that came while we looked is not lost: there is a permit for it.
                _ = tokio::time::timeout(LOOK, called) => {}
            }
        }
    }

    /// Begins what is due, as far as there is room. Where there is none, the store is told all the same
    /// what is under way.
    async fn begin(self: &Arc<Self>, way: Way, under_way: &mut UnderWay) {
        let room = under_way.room(way);
        let due = match self.outbox.due(self.clock.now(), way, room, &under_way.ids()).await {
            Ok(due) => due,
            Err(fault) => return tracing::error!(error = %fault, "the outbox could not be read"),
        };
        for queued in due {
            let relay = Arc::clone(self);
            under_way.begin(queued.id, way, async move { relay.carry(queued).await });
        }
    }

    async fn carry(&self, queued: Queued) {
        let word = queued.errand.as_str();
        let taken = Stopwatch::start();
        if self.unsettled.0.lock().contains(&queued.id) {
            return self.settled(&queued, self.acknowledge(queued.id).await).await;
        }
        let outcome = match self.deliver(&queued).await {
            Ok(outcome) => outcome,
            // As if the way out were closed: the store may come back.
            Err(fault) => Outcome::Failed(NotSent::Later(fault.to_string())),
        };
        let settled = match outcome {
            Outcome::Done => {
                self.metrics.deliveries.delivered(word, taken.elapsed());
                self.acknowledge(queued.id).await
            }
            Outcome::Void => {
                self.metrics.deliveries.void(word);
                self.acknowledge(queued.id).await
            }
            Outcome::Failed(NotSent::Later(why)) if !self.is_too_late(&queued) => {
                self.metrics.deliveries.failed(word);
                let wait = RETRY.after(queued.attempts);
                let request_id = queued.request_id.as_deref();
                tracing::warn!(
                    errand = word,
                    request_id,
                    attempts = queued.attempts + 1,
                    retry_in_seconds = wait.as_secs(),
                    error = why,
                    "could not be delivered, and will be tried again"
                );
                self.outbox.postpone(queued.id, self.clock.now().plus(wait)).await
            }
            Outcome::Failed(NotSent::Later(why) | NotSent::Never(why)) => self.give_up(&queued, why).await,
        };
        self.settled(&queued, settled).await;
    }

    async fn acknowledge(&self, id: u64) -> Result<(), StoreError> {
        let settled = self.outbox.acknowledge(id).await;
        let mut unsettled = self.unsettled.0.lock();
        if settled.is_ok() {
            unsettled.remove(&id)
        } else {
            unsettled.insert(id)
        };
        settled
    }

    async fn settled(&self, queued: &Queued, settled: Result<(), StoreError>) {
        if let Err(fault) = settled {
            // It stays in the outbox, and may be done twice if we end before it is settled: better
            // than not at all.
            let word = queued.errand.as_str();
            tracing::error!(errand = word, error = %fault, "what was delivered could not be taken from the outbox");
            tokio::time::sleep(RETRY.first).await;
        }
    }

    async fn deliver(&self, queued: &Queued) -> Result<Outcome, StoreError> {
        if let OutboxMessage::UserDeleted { user, at } = &queued.errand {
            let Some(event_publisher) = &self.event_publisher else { return Ok(Outcome::Void) };
            let id = format!("msg_{}_{}", queued.created_at.millis(), queued.id);
            return Ok(outcome(event_publisher.user_deleted(&id, *user, *at).await));
        }
        let Some((to, notification)) = self.notification(&queued.errand).await? else {
            return Ok(Outcome::Void);
        };
        let mail = match self.templates.render(&notification, to) {
            Ok(mail) => mail,
            Err(fault) => return Ok(Outcome::Failed(fault)),
        };
        Ok(outcome(self.notifier.send(&mail).await))
    }

    fn is_too_late(&self, queued: &Queued) -> bool {
        self.clock.now().since(queued.created_at) >= GIVE_UP_AFTER
    }

    async fn give_up(&self, queued: &Queued, why: String) -> Result<(), StoreError> {
        let word = queued.errand.as_str();
        let (user_id, email) = queued.errand.recipient();
        let event = AuditEvent::of_gateway(Event::DeliveryGivenUp, self.clock.now())
            .in_request(queued.request_id.clone())
            .about(user_id)
            .with_email(email)
            .for_reason(why)
            .with_detail(word);
        let (outbox, id, work) = (Arc::clone(&self.outbox), queued.id, UnitOfWork::because(event));
        match commit(&self.announce, async move { outbox.give_up(id, work).await }).await {
            // Nothing is revoked by it.
            Ok(()) | Err(CommitFault::Unpublished { .. }) => {}
            Err(CommitFault::Store(fault)) => return Err(fault),
        }
        self.metrics.deliveries.given_up(word);
        Ok(())
    }
}

fn outcome(sent: Result<(), NotSent>) -> Outcome {
    match sent {
        Ok(()) => Outcome::Done,
        Err(fault) => Outcome::Failed(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_grow_rarer_and_end_at_one_an_hour() {
        let waits: Vec<_> = (0..12).map(|attempts| RETRY.after(attempts).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert_eq!(RETRY.after(u32::MAX), RETRY.longest);
    }
}
