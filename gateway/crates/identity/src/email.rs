//! E-mail addresses: parsed once, kept trimmed and lower-cased, so that one mailbox is one account.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// Longest address that is accepted, in bytes.
const EMAIL_BYTES_MAX: usize = 255;

/// An ASCII address `local@domain.tld` in normal form. It is always usable as a header value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(Box<str>);

/// The text is not an address that we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailFault;

impl Email {
    /// Trims and lower-cases, then checks. Deliberately narrower than RFC 5321: no quoted local
    /// parts, no address literals, a domain with a dot. What is refused here could otherwise
    /// become two accounts that a person, or a service behind us, takes for one.
    pub fn parse(text: &str) -> Result<Self, EmailFault> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let (local, domain) = text.split_once('@').ok_or(EmailFault)?;
        let sound = text.len() <= EMAIL_BYTES_MAX && is_local_part(local) && is_domain(domain);
        sound.then(|| Self(text.to_ascii_lowercase().into_boxed_str())).ok_or(EmailFault)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Dot-atom of RFC 5322 §3.2.3, at most 64 bytes (RFC 5321 §4.5.3.1.1).
fn is_local_part(local: &str) -> bool {
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(atom)
}

/// Letters, digits and inner hyphens (RFC 1123 §2.1), at least two labels, the last one not all digits.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let named = domain
        .rsplit_once('.')
        .is_some_and(|(_, last)| last.len() >= 2 && !last.bytes().all(|b| b.is_ascii_digit()));
    named && domain.split('.').all(label)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    /// Addresses are personal data: a stray `{:?}` in a log must not print one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl<'de> Deserialize<'de> for Email {
    /// Only the normal form: what we stored or signed ourselves.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        match Self::parse(&text) {
            Ok(email) if email.as_str() == text => Ok(email),
            _ => Err(serde::de::Error::custom("not an e-mail address in normal form")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_lower_cased() {
        let email = Email::parse(" Ada.Lovelace+todo@Example.ORG\n").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+todo@example.org");
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        let long = format!("{}@{}.org", "a".repeat(64), "b.".repeat(100));
        for wrong in [
            "",
            "ada",
            "@",
            "ada@",
            "@example.org",
            "ada@example",
            "a@b@c.org",
            "a da@example.org",
            "ada@exa mple.org",
            "\"ada\"@example.org",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            ".ada@example.org",
            "ada.@example.org",
            "a..da@example.org",
            "ada@-example.org",
            "ada@example-.org",
            "ada@example..org",
            "ada@.org",
            "ädä@example.org",
            "ada@exämple.org",
            "ada\r\nx: y@example.org",
            "ada\0@example.org",
            "ada@example.org,b@c.org",
            &long,
        ] {
            assert_eq!(Email::parse(wrong), Err(EmailFault), "{wrong:?}");
        }
    }

    #[test]
    fn only_the_normal_form_is_read_back() {
        assert!(serde_json::from_str::<Email>("\"ada@example.org\"").is_ok());
        assert!(serde_json::from_str::<Email>("\"Ada@example.org\"").is_err());
    }
}
