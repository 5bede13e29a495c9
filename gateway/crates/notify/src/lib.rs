//! Letters to people: what each one says, and the port through which a written mail leaves the
//! house. Who gets one and when is decided elsewhere, and sending is an adapter's.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::unreachable))]

mod announce;
mod clean;
mod link;
mod mail;
mod notification;
mod render;
mod samples;
mod sources;
mod templates;

pub use announce::EventPublisher;
pub use link::{Link, LinkFault};
pub use mail::Mail;
pub use notification::Notification;
pub use sources::TEMPLATE_FILES;
pub use templates::{Replacement, Templates, Wording};

use async_trait::async_trait;
use thiserror::Error;

/// Carries a mail out of the house. `Ok` means that somebody else has taken it over for good.
#[async_trait]
pub trait Notifier: Send + Sync {
    async fn send(&self, mail: &Mail) -> Result<(), NotSent>;
}

/// Why a mail did not leave. The text is fit for logs: it has no token, no password, no address and
/// nothing of the mail.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotSent {
    /// It may work another time, perhaps after an operator has mended something.
    #[error("{0}")]
    Later(String),
    /// This mail to this recipient is refused for good.
    #[error("{0}")]
    Never(String),
}
