//! How a mail leaves the house: to an SMTP server, or into a folder where nobody has named one.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod message;
mod one_line;
mod outbox;
mod refused;
mod sender;
mod smtp;

pub use outbox::{OutboxNotifier, OutboxSettings};
pub use sender::{Mailbox, Sender};
pub use smtp::{Login, Security, SmtpNotifier, SmtpSettings};

use std::sync::Arc;

use gateway_notify::Notifier;

/// One of the two deliveries.
#[derive(Debug)]
pub enum Delivery {
    Smtp(SmtpSettings),
    /// For development: nobody gets these mails.
    Outbox(OutboxSettings),
}

/// The notifier for these settings. Connects to nothing: a mail server that is away now is tried
/// when there is a mail.
pub fn notifier(delivery: Delivery) -> Result<Arc<dyn Notifier>, String> {
    Ok(match delivery {
        Delivery::Smtp(settings) => Arc::new(SmtpNotifier::new(settings)?),
        Delivery::Outbox(settings) => Arc::new(OutboxNotifier::new(settings)?),
    })
}
