//! What a client calls itself, as far as anything of ours keeps it: printable, and never long.

use http::HeaderMap;
use http::header::USER_AGENT;
use serde::{Deserialize, Deserializer, Serialize};

/// The beginning of a `User-Agent` (RFC 9110 §10.1.5). There is no other way to record one: a head has
/// room for 32 KiB of it, and what is recorded stays for a year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UserAgent(Box<str>);

impl UserAgent {
    /// Bytes that are looked at.
    pub const BYTES_MAX: usize = 200;

    pub fn from_headers(headers: &HeaderMap) -> Self {
        headers.get(USER_AGENT).map_or_else(Self::default, |value| Self::cut(value.as_bytes()))
    }

    /// What is no printable ASCII is left out.
    pub fn cut(text: &[u8]) -> Self {
        let beginning = text.iter().take(Self::BYTES_MAX).map(|byte| char::from(*byte));
        let printable: String = beginning.filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
        Self(printable.into_boxed_str())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` where a client does not say.
    pub fn said(&self) -> Option<Self> {
        (!self.0.is_empty()).then(|| self.clone())
    }
}

impl<'de> Deserialize<'de> for UserAgent {
    /// Older versions recorded longer ones.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::cut(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_printable_and_short_wherever_it_comes_from() {
        assert_eq!(UserAgent::cut(b"curl/8 \t\x07(\xc3\xa4)\n").as_str(), "curl/8 ()");
        let long = "\"".repeat(17_000);
        assert_eq!(UserAgent::cut(long.as_bytes()).as_str().len(), UserAgent::BYTES_MAX);
        let read: UserAgent = serde_json::from_value(long.into()).unwrap();
        assert_eq!(read.as_str().len(), UserAgent::BYTES_MAX);
        assert_eq!(UserAgent::from_headers(&HeaderMap::new()).said(), None);
    }
}
