//! Letters: what they say, that nothing which people write becomes a header or mark-up, and how a
//! mail leaves the house, to a real mail server or into a folder.

use gateway_identity::{Email, Role};
use gateway_mail::{Delivery, Mailbox, Security, Sender, SmtpSettings, notifier};
use gateway_notify::{Link, Mail, Notification, Notifier, Templates, Wording};
use std::sync::Arc;
use std::time::Duration;

mod config;
mod letters;
mod outbox;
mod smtp;

/// Marked, so that no log may have it.
const TOKEN: &str = "CANARY-token-of-a-letter";

fn wording() -> Wording {
    Wording {
        product: "Example".to_owned(),
        domain: "example.com".to_owned(),
        reset_link: None,
        verify_link: None,
        invitation_link: None,
    }
}

/// Wording with a page for each letter that leads to one.
fn with_links() -> Wording {
    let page = |path: &str| Some(Link::parse(&format!("https://app.example.com/{path}")).unwrap());
    Wording {
        reset_link: page("reset"),
        verify_link: page("verify?from=mail"),
        invitation_link: page("join#"),
        ..wording()
    }
}

fn templates(wording: Wording) -> Templates {
    Templates::new(wording, Vec::new()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn ada() -> Email {
    Email::parse("ada@example.org").unwrap()
}

fn sender() -> Sender {
    Sender {
        from: Mailbox::parse("Zoë of Example <accounts@example.com>").unwrap(),
        reply_to: Mailbox::parse("support@example.com"),
    }
}

/// One letter of each kind, to somebody of this name.
fn letters(name: &str) -> Vec<Notification> {
    let name = || name.to_owned();
    let at = || "2026-05-04T03:02:01Z".to_owned();
    vec![
        Notification::PasswordReset { name: name(), token: TOKEN.into(), minutes: 30 },
        Notification::PasswordChanged { name: name(), at: at(), address: "192.0.2.7".to_owned() },
        Notification::EmailVerification { name: name(), token: TOKEN.into(), hours: 24 },
        Notification::Invitation { token: TOKEN.into(), days: 7, role: Role::Admin, invited_by: name() },
        Notification::AlreadyRegistered { name: name() },
        Notification::AccountDeleted { name: name(), at: at() },
    ]
}

fn reset() -> Mail {
    templates(wording()).render(&letters("Ada")[0], ada()).unwrap()
}
