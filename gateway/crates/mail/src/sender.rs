//! Sender and reply address of our mails.

use std::fmt;

use lettre::message::Mailbox as Parsed;

/// A name and an address, as in `Gateway <gateway@example.com>`, or an address alone. Other than the
/// address of an account it may be of a host without a dot: `gateway@localhost`.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox(pub(super) Parsed);

impl Mailbox {
    /// `None` for what is no mailbox, or has control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed: Parsed = (!text.contains(char::is_control)).then(|| text.parse().ok())??;
        let ascii = AsRef::<str>::as_ref(&parsed.email).is_ascii();
        // Another one would need SMTPUTF8 (RFC 6531) of each server on the way.
        ascii.then_some(Self(parsed))
    }

    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({})", self.0)
    }
}

/// What all our mails say about where they come from.
#[derive(Clone, Debug)]
pub struct Sender {
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for (text, domain) in [
            ("Gateway <gateway@localhost>", "localhost"),
            ("gateway@example.com", "example.com"),
            ("\"Ada, Countess\" <ada@example.com>", "example.com"),
            ("Zoë <zoe@example.com>", "example.com"),
        ] {
            assert_eq!(Mailbox::parse(text).unwrap().domain(), domain, "{text}");
        }
        for wrong in [
            "",
            "Gateway",
            "gateway@",
            "<a@b.org>\r\nBcc: c@d.org",
            "a@b.org, c@d.org",
            "zoë@example.com",
            "a@exämple.com",
        ] {
            assert_eq!(Mailbox::parse(wrong), None, "{wrong:?}");
        }
    }
}
