//! A message that nobody takes is given up after a day, which is recorded. In process, as nobody can
//! move the clock of a gateway that runs.

use std::sync::Arc;
use std::time::Duration;

use gateway_clock::{Clock, ManualClock, Timestamp};
use gateway_edge::outcomes;
use gateway_identity::UserId;
use gateway_mail::{Delivery, Mailbox, OutboxSettings, Sender, notifier};
use gateway_notify::{Templates, Wording};
use gateway_outbox_relay::{OutboxRelay, Unsettled};
use gateway_store::{AuditQuery, AuditTrail, Outbox, OutboxMessage, Way};
use gateway_store_sled::{SledOptions, SledStore};
use gateway_telemetry::Metrics;
use gateway_webhook::{Webhook, WebhookSecret, WebhookSettings};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::Notify;

use super::SECRET;
use crate::support::told::{Told as _, nobody};
use crate::support::upstream::Upstream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_takes_is_tried_for_a_day_and_then_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::answering("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    let begun = Timestamp::from_seconds(1_800_000_000);
    let clock = Arc::new(ManualClock::at(begun));
    let store = Arc::new(SledStore::open(folder.path(), SledOptions::default()).unwrap());
    let user = UserId::new(7).unwrap();
    store.enqueue(OutboxMessage::UserDeleted { user, at: begun }, begun, None).told().await.unwrap();
    let called = Arc::new(Notify::new());
    let relay = relay(&store, &clock, &called, &upstream, &folder.path().join("outbox"));
    let running = tokio::spawn(Arc::new(relay).run());

    let mut tries = 0;
    while store.waiting() > 0 {
        tries += 1;
        eventually(|| upstream.arrived().len() == tries).await;
        // Until it was put back for later, or given up.
        let waits = async || store.due(clock.now(), Way::Webhook, 1, &[]).await.unwrap().is_empty();
        while !waits().await {
            tokio::task::yield_now().await;
        }
        if store.waiting() > 0 {
            let next = store.due(Timestamp::from_millis(u64::MAX), Way::Webhook, 1, &[]).await.unwrap();
            clock.advance(next[0].due_at.since(clock.now()));
            called.notify_one();
        }
    }
    running.abort();

    // At 0, 5, 15 … 5115 seconds, and then each hour until a day is over.
    assert_eq!(tries, 11 + 23);
    assert_eq!(clock.now().since(begun), Duration::from_secs(5_115 + 23 * 3_600));
    let query = AuditQuery { limit: 10, ..AuditQuery::default() };
    let page = store.find(query).await.unwrap();
    let [line] = &page.lines[..] else { panic!("{:?}", page.lines) };
    let event: Value = serde_json::from_str(line).unwrap();
    let told = (&event["event"], &event["user_id"], &event["now"]);
    assert_eq!(told, (&"delivery_given_up".into(), &7.into(), &"user_deleted".into()));
    assert_eq!(event["reason"], format!("http://{}: it answered 500", upstream.address));
}

fn relay(
    store: &Arc<SledStore>,
    clock: &Arc<ManualClock>,
    called: &Arc<Notify>,
    upstream: &Upstream,
    outbox: &std::path::Path,
) -> OutboxRelay {
    let wording = Wording {
        product: "Example".to_owned(),
        domain: "example.com".to_owned(),
        reset_link: None,
        verify_link: None,
        invitation_link: None,
    };
    let sender = Sender { from: Mailbox::parse("a@example.com").unwrap(), reply_to: None };
    let mails = Delivery::Outbox(OutboxSettings { sender, folder: outbox.to_owned(), files_max: 1 });
    let settings = WebhookSettings {
        url: format!("http://{}/", upstream.address),
        socket: None,
        authorities: None,
        timeout: Duration::from_secs(10),
        secret: WebhookSecret::parse(&SecretString::from(SECRET)).unwrap(),
    };
    let clock: Arc<dyn Clock> = clock.clone();
    OutboxRelay {
        users: store.clone(),
        tickets: store.clone(),
        outbox: store.clone(),
        announce: nobody(),
        templates: Templates::new(wording, Vec::new()).unwrap(),
        notifier: notifier(mails).unwrap(),
        event_publisher: Some(Arc::new(Webhook::new(settings, Arc::clone(&clock)).unwrap())),
        clock,
        metrics: Metrics::new(outcomes()).unwrap(),
        called: Arc::clone(called),
        unsettled: Unsettled::default(),
    }
}

async fn eventually(mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it did not happen within 20 s");
}
