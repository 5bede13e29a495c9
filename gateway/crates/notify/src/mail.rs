//! A mail that is written and not yet sent.

use std::fmt;

use gateway_identity::Email;

/// One mail to one person, in both forms. Only templates make one, so that no header can hold a
/// second line.
#[derive(Clone)]
pub struct Mail {
    pub(super) kind: &'static str,
    pub(super) to: Email,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) message_id: String,
}

impl Mail {
    /// The word for the letter that it was made of.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub fn to(&self) -> &Email {
        &self.to
    }

    /// One line without control characters.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn html(&self) -> &str {
        &self.html
    }

    /// RFC 5322 §3.6.4, without the angle brackets. The same at each try to send, so that a mail
    /// that arrives twice can be told for one.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }
}

impl fmt::Debug for Mail {
    /// Its texts may hold a token, and its recipient is a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({}, {})", self.kind, self.message_id)
    }
}
