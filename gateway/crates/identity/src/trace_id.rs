//! The id of the trace that a request is part of (W3C Trace Context).

use std::fmt;

/// Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

impl TraceId {
    pub fn random() -> Self {
        let [one, other] = [random_bytes(), random_bytes()];
        let mut id = [0; 16];
        id.iter_mut().zip(one.into_iter().chain(other)).for_each(|(byte, chance)| *byte = chance);
        Self(id)
    }
}

/// Of a UUIDv4, without the two bytes that hold its version and variant (RFC 9562 §5.4): its
/// generator is quick, and seeded by the system.
pub fn random_bytes() -> [u8; 8] {
    let [a, b, c, d, e, f, _, _, _, g, h, ..] = uuid::Uuid::new_v4().into_bytes();
    [a, b, c, d, e, f, g, h]
}

/// In lower-case hexadecimal digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
