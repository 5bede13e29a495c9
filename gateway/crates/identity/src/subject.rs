//! Somebody whom another issuer vouches for, and the key under which anybody is counted: an account
//! of ours and a subject of another issuer are never the same, whatever they are called.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;

use super::UserId;

/// What a configured issuer is called in routes, headers, logs and metrics: a closed set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerName(Arc<str>);

impl IssuerName {
    /// What routes call the gateway itself; no other issuer can have this name.
    pub const OWN: &'static str = "own";
    /// What metrics call the gateway itself, and nobody.
    const RESERVED: [&'static str; 3] = [Self::OWN, "gateway", "none"];
    const BYTES_MAX: usize = 32;

    /// Lower-case letters, digits, `-` and `_`, at most 32 of them.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let sound = (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
        (sound && !Self::RESERVED.contains(&text)).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The subject of another issuer (`sub`, RFC 7519 §4.1.2): unique there, and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignSubject {
    issuer: IssuerName,
    subject: Box<str>,
    key: SubjectKey,
}

impl ForeignSubject {
    /// As OpenID Connect Core §2 has it.
    const BYTES_MAX: usize = 255;

    /// `None` for a text that no header could carry unchanged to a service.
    pub fn new(issuer: IssuerName, subject: &str) -> Option<Self> {
        let visible = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let sound = (1..=Self::BYTES_MAX).contains(&subject.len()) && subject.trim() == subject;
        (visible && sound).then(|| {
            let key = SubjectKey::foreign(&issuer, subject);
            Self { issuer, subject: subject.into(), key }
        })
    }

    pub fn issuer(&self) -> &IssuerName {
        &self.issuer
    }

    pub fn as_str(&self) -> &str {
        &self.subject
    }

    pub fn key(&self) -> SubjectKey {
        self.key
    }
}

impl fmt::Debug for ForeignSubject {
    /// As it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.issuer, self)
    }
}

impl fmt::Display for ForeignSubject {
    /// As it may be logged: some issuers use the address of a mailbox, which no log line has. It is
    /// then the beginning of a hash, which is the same each time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.contains('@') {
            write!(f, "hash:{:016x}", self.key.0[0])
        } else {
            f.write_str(&self.subject)
        }
    }
}

/// The key of a subject, for limits and for a server of its own: sixteen bytes for anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubjectKey([u64; 2]);

impl SubjectKey {
    /// No user has it: the first word of a user's key is zero, and here its highest bit is set.
    /// The issuer's name has no NUL, so that no two pairs are the same text. Two subjects that share
    /// a key by chance are one in 2^127, and nobody can look for them: they would need as many names
    /// at an issuer.
    fn foreign(issuer: &IssuerName, subject: &str) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in ["subject", issuer.as_str(), subject] {
            hash.update(part.as_bytes());
            hash.update(b"\0");
        }
        let hash = hash.finish();
        let word = |start: usize| {
            let bytes = hash.as_ref().iter().skip(start).take(8);
            bytes.fold(0, |word: u64, byte| word << 8 | u64::from(*byte))
        };
        Self([word(0) | 1 << 63, word(8)])
    }

    pub fn to_bytes(self) -> [u8; 16] {
        let [high, low] = self.0;
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }
}

impl From<UserId> for SubjectKey {
    fn from(user: UserId) -> Self {
        Self([0, user.get()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(issuer: &str, subject: &str) -> Option<ForeignSubject> {
        ForeignSubject::new(IssuerName::parse(issuer).unwrap(), subject)
    }

    #[test]
    fn the_same_name_at_two_issuers_and_here_is_three_people() {
        let one = subject("one", "7").unwrap().key();
        let other = subject("other", "7").unwrap().key();
        let ours = SubjectKey::from(UserId::new(7).unwrap());
        assert!(one != other && one != ours && other != ours);
        assert_eq!(one, subject("one", "7").unwrap().key());
        assert_ne!(subject("a", "b").unwrap().key(), subject("ab", "b").unwrap().key());
    }

    #[test]
    fn a_subject_is_what_a_header_carries_unchanged() {
        for right in ["7", "auth0|5f7c8ec7c33c6c004bbafe82", "cn=Ada Lovelace,ou=people", &"a".repeat(255)] {
            assert!(subject("i", right).is_some(), "{right}");
        }
        for wrong in ["", " ada", "ada ", "a\nb", "a\tb", "a\0b", "ädä", "\u{7f}", &"a".repeat(256)] {
            assert!(subject("i", wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn the_name_of_an_issuer_is_a_plain_word_and_never_ours() {
        assert!(IssuerName::parse("keycloak-2_b").is_some());
        for wrong in ["", "own", "gateway", "none", "Keycloak", "a b", "a.b", "a\"b", "ä", &"a".repeat(33)] {
            assert!(IssuerName::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_subject_that_is_an_address_is_logged_as_a_hash() {
        assert_eq!(subject("i", "auth0|1").unwrap().to_string(), "auth0|1");
        let logged = subject("i", "ada@example.org").unwrap().to_string();
        assert!(logged.starts_with("hash:") && !logged.contains("ada"), "{logged}");
    }
}
