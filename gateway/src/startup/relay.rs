//! The thread that empties the outbox, on a runtime of its own: no slow mail server takes time from
//! requests.

use std::sync::Arc;

use super::background::{Background, finish};
use gateway_api::Services;
use gateway_config::MailSettings;
use gateway_mail::notifier;
use gateway_notify::EventPublisher;
use gateway_outbox_relay::{OutboxRelay, Unsettled};
use gateway_store::OutboxMessage;
use gateway_webhook::{Webhook, WebhookSettings};

/// Begins to empty it.
pub(super) fn start(
    services: &Arc<Services>,
    mail: MailSettings,
    webhook: Option<WebhookSettings>,
) -> Result<Background, String> {
    let webhook = webhook.map(|settings| Webhook::new(settings, Arc::clone(&services.clock)));
    let webhook = webhook.transpose()?;
    services.metrics.deliveries.begin(&OutboxMessage::WORDS);
    let relay = Arc::new(OutboxRelay {
        users: Arc::clone(&services.users),
        tickets: Arc::clone(&services.tickets),
        outbox: Arc::clone(&services.outbox),
        announce: Arc::clone(&services.sessions.announce),
        templates: mail.templates,
        notifier: notifier(mail.delivery)?,
        event_publisher: webhook.map(|webhook| Arc::new(webhook) as Arc<dyn EventPublisher>),
        clock: Arc::clone(&services.clock),
        metrics: Arc::clone(&services.metrics),
        called: Arc::clone(&services.relay),
        unsettled: Unsettled::default(),
    });
    let announce = Arc::clone(&services.sessions.announce);
    Background::start("outbox", |stopped| async move {
        tokio::select! {
            () = relay.run() => {}
            // What is under way is done again at the next start, but for what was begun to be committed.
            _ = stopped => finish(announce.under_way().none()).await,
        }
    })
}
