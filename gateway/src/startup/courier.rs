//! The thread that empties the outbox, on a runtime of its own: no slow mail server takes time from
//! requests.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::adapter::mail::notifier;
use crate::adapter::webhook::{Webhook, WebhookSettings};
use crate::api::Services;
use crate::config::MailSettings;
use crate::errands::{Courier, Unsettled};
use crate::notify::Announcer;
use crate::store::Errand;

pub(super) struct Thread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Thread {
    pub(super) fn start(
        services: &Arc<Services>,
        mail: MailSettings,
        webhook: Option<WebhookSettings>,
    ) -> Result<Self, String> {
        let webhook = webhook.map(|settings| Webhook::new(settings, Arc::clone(&services.clock)));
        let webhook = webhook.transpose()?;
        services.metrics.deliveries.begin(&Errand::WORDS);
        let courier = Arc::new(Courier {
            users: Arc::clone(&services.users),
            tickets: Arc::clone(&services.tickets),
            outbox: Arc::clone(&services.outbox),
            announce: Arc::clone(&services.sessions.announce),
            templates: mail.templates,
            notifier: notifier(mail.delivery)?,
            announcer: webhook.map(|webhook| Arc::new(webhook) as Arc<dyn Announcer>),
            clock: Arc::clone(&services.clock),
            metrics: Arc::clone(&services.metrics),
            called: Arc::clone(&services.courier),
            unsettled: Unsettled::default(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|fault| format!("no runtime can be made: {fault}"))?;
        let thread = std::thread::Builder::new().name("outbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = courier.run() => {}
                    // What is under way is done again at the next start.
                    _ = stopped => {}
                }
            });
        });
        let thread = thread.map_err(|fault| format!("no thread can be made: {fault}"))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by its own hook.
            let _ = thread.join();
        }
    }
}
