//! Identifiers of sessions (`sid`), of single tokens (`jti`, RFC 7519 §4.1.7) and of installations
//! (`ins`): random UUIDs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

macro_rules! random_identifier {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// 122 random bits: not to be guessed, and unique without asking anybody.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The hyphenated lower-case form and no other, so that one identifier has one spelling.
            pub fn parse(text: &str) -> Option<Self> {
                let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
                let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
                (lower && hyphenated).then(|| Uuid::try_parse(text).ok().map(Self)).flatten()
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a lower-case hyphenated UUID")
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).ok_or_else(|| E::custom("not a UUID"))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

random_identifier! {
    /// One login on one device; its refresh tokens live and die with it.
    SessionId
}

random_identifier! {
    /// One token (`jti`): what a logout puts on the blacklist.
    TokenId
}

random_identifier! {
    /// One store, and whoever works on it: user ids mean something there, and nowhere else.
    InstallationId
}

impl TokenId {
    /// The identifier of a token that we did not issue, from a hash of what tells it apart. It is a
    /// UUID of version 8 (RFC 9562 §5.8), and ours are of version 4: no token of another issuer has
    /// the identifier of one of ours, and two of theirs share one by chance only (122 bits).
    pub fn derived(hash: [u8; 16]) -> Self {
        Self(Uuid::new_v8(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling() {
        let id = TokenId::random();
        let text = id.to_string();
        assert_eq!(TokenId::parse(&text), Some(id));
        assert_eq!(TokenId::parse(&text.to_uppercase()), None);
        assert_eq!(TokenId::parse(&text.replace('-', "")), None);
        assert_eq!(TokenId::parse(&format!("{{{text}}}")), None);
        assert_eq!(TokenId::parse(""), None);
    }

    #[test]
    fn a_derived_identifier_is_never_a_random_one() {
        let version = |id: TokenId| id.as_bytes()[6] >> 4;
        assert_eq!(version(TokenId::random()), 4);
        assert_eq!(version(TokenId::derived([0x4f; 16])), 8);
        assert_eq!(version(TokenId::derived(*TokenId::random().as_bytes())), 8);
    }
}
