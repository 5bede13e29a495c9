//! The id under which a request is found again in every log.

use std::cell::Cell;
use std::fmt;

use http::HeaderValue;
use uuid::{Uuid, fmt::Hyphenated};

use gateway_clock::{Clock as _, SystemClock};

/// The bits behind the time, in two parts.
const BITS: u32 = 12 + 62;
const LOWER_BITS: u32 = 62;
/// So much is added to the bits at most: as much as nobody guesses.
const STEP_MAX: u128 = u32::MAX as u128;

thread_local! {
    /// The last id of this thread, so that no request waits for another thread's: its millisecond, and the bits
    /// behind it.
    static LAST: Cell<(u64, u128)> = const { Cell::new((0, 0)) };
}

/// At most this many characters of an accepted id.
const REQUEST_ID_MAX: usize = 128;

/// An id of visible characters that are safe in headers, logs and JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A UUIDv7 (RFC 9562 §5.7): unique, and sorted by time. Behind the time it is random; within a millisecond,
    /// or where the clock was set back, a thread counts on in random steps (§6.2, method 2).
    pub fn fresh() -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        let id = after(LAST.get(), SystemClock.now().millis(), Uuid::new_v4().as_u128());
        LAST.set(id);
        let text: &str = uuid(id).as_hyphenated().encode_lower(&mut text);
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

/// The millisecond and the bits of the next id.
fn after((before, bits): (u64, u128), now: u64, random: u128) -> (u64, u128) {
    if now > before {
        // The first bit is left for steps.
        (now, random & ((1 << (BITS - 1)) - 1))
    } else {
        (before, bits + 1 + (random & STEP_MAX))
    }
}

fn uuid((millis, bits): (u64, u128)) -> Uuid {
    let (upper, lower) = (bits >> LOWER_BITS & 0xfff, bits & ((1 << LOWER_BITS) - 1));
    // Between them are the version and the variant.
    Uuid::from_u128(u128::from(millis) << 80 | 7 << 76 | upper << 64 | 0b10 << LOWER_BITS | lower)
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
    fn an_id_is_a_uuid_of_its_time_whatever_the_random_bits_are() {
        let now = 1_760_000_000_999;
        for random in [0, u128::MAX, 1 << 64] {
            let first = after((now - 1, u128::MAX >> 64), now, random);
            // A clock that is set back takes no id back.
            let ids = [first, after(first, now, random), after(first, now - 5_000, 7)].map(uuid);
            for id in ids {
                assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
                assert_eq!(id.get_timestamp().unwrap().to_unix().0, now / 1_000);
                assert_eq!(id.as_u128() >> 80, now.into());
            }
            assert!(ids[0] < ids[1] && ids[0] < ids[2]);
        }
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
