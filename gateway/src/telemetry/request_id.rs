//! The id under which a request is found again in every log.

use std::fmt;

use http::HeaderValue;
use uuid::timestamp::Timestamp;
use uuid::timestamp::context::{ContextV7, ThreadLocalContext};
use uuid::{Uuid, fmt::Hyphenated};

thread_local! {
    /// Sorts the ids of one millisecond: of this thread, so that no request waits for another thread's.
    static CONTEXT: ContextV7 = const { ContextV7::new() };
}

/// At most this many characters of an accepted id.
const REQUEST_ID_MAX: usize = 128;

/// An id of visible characters that are safe in headers, logs and JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A UUIDv7 (RFC 9562 §5.7): unique, and sorted by time.
    pub fn fresh() -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        let now = Timestamp::now(ThreadLocalContext::new(&CONTEXT));
        let text: &str = Uuid::new_v7(now).as_hyphenated().encode_lower(&mut text);
        // Hexadecimal digits and hyphens are always a value.
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-")))
    }

    /// An id from a proxy that is trusted, if it is well-formed: `[A-Za-z0-9._-]{1,128}`.
    pub fn accept(text: &str) -> Option<Self> {
        let sound = (1..=REQUEST_ID_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        HeaderValue::from_str(text).ok().filter(|_| sound).map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As a header has it.
    pub fn as_value(&self) -> &HeaderValue {
        &self.0
    }

    /// The same; this copies nothing.
    pub fn to_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_thread_are_sorted_as_they_were_made() {
        let ids: Vec<_> = (0..1_000).map(|_| RequestId::fresh().to_string()).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn only_well_formed_ids_are_accepted() {
        assert!(RequestId::accept("a-B_7.x").is_some());
        assert!(RequestId::accept(RequestId::fresh().as_str()).is_some());
        for wrong in ["", "a b", "a\r\nb", "ä", &"x".repeat(129)] {
            assert!(RequestId::accept(wrong).is_none(), "{wrong:?}");
        }
    }
}
