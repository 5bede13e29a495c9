//! The trace that a request is part of: `traceparent` of W3C Trace Context (level 2), read and
//! written. <https://www.w3.org/TR/trace-context-2/#traceparent-header>

use std::fmt;

pub use gateway_identity::TraceId;
use gateway_identity::random_bytes;

/// The id of one span in it; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(pub(super) [u8; 8]);

/// What `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub trace: TraceId,
    pub span: SpanId,
    pub sampled: bool,
    /// Whether the last seven bytes of the trace's id are known to be random (level 2).
    pub random: bool,
}

/// `00-` and 32, 16 and 2 digits with hyphens between.
const LENGTH: usize = 55;

impl TraceParent {
    /// `None` where it is not well-formed: a trace is then begun anew, as the standard asks.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let known = text.get(..LENGTH)?;
        let rest = text.get(LENGTH..)?;
        let [version, ..] = digits::<1>(known.get(..2)?)?;
        // A later version may have more behind; 255 is none.
        let fits = version != 0xff
            && if version == 0 { rest.is_empty() } else { rest.first().is_none_or(|b| *b == b'-') };
        let hyphens = [2, 35, 52].into_iter().all(|place| known.get(place) == Some(&b'-'));
        (fits && hyphens).then_some(())?;
        let trace = digits::<16>(known.get(3..35)?).filter(|id| *id != [0; 16])?;
        let span = digits::<8>(known.get(36..52)?).filter(|id| *id != [0; 8])?;
        let [flags] = digits::<1>(known.get(53..)?)?;
        Some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            sampled: flags & 1 == 1,
            random: flags & 2 == 2,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled) | u8::from(self.random) << 1;
        write!(f, "00-{}-{}-0{flags}", self.trace, self.span)
    }
}

impl SpanId {
    pub(super) fn random() -> Self {
        let mut id = random_bytes();
        // Never zero, whatever chance says.
        id[0] |= 1;
        Self(id)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Lower-case hexadecimal digits, two for each byte; the standard knows no others.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    (text.len() == 2 * N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_well_formed_parent_is_read_and_written_alike() {
        let parent = TraceParent::parse(GOOD).unwrap();
        assert_eq!(parent.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.span.to_string(), "b7ad6b7169203331");
        assert!(parent.sampled);
        assert_eq!(parent.to_string(), GOOD);
        let other = TraceParent::parse(&GOOD.replace("-01", "-fe")).unwrap();
        assert!(!other.sampled && other.random);
        assert!(other.to_string().ends_with("-02"), "what later levels mean by other bits is theirs");
        let later = TraceParent::parse(&GOOD.replacen("00", "cc", 1)).unwrap();
        assert_eq!(later, parent);
        assert_eq!(TraceParent::parse(&format!("{}-more", GOOD.replacen("00", "cc", 1))), Some(parent));
    }

    #[test]
    fn what_is_not_well_formed_is_no_parent() {
        let wrong = [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-more"),
            format!("{GOOD} "),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen('-', "_", 1),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace("b7ad", "ü7a"),
            format!("{}x", GOOD.replacen("00", "cc", 1)),
        ];
        for text in wrong {
            assert_eq!(TraceParent::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn fresh_ids_are_not_zero_and_differ() {
        assert_ne!(TraceId::random(), TraceId::random());
        assert_ne!(SpanId::random(), SpanId::random());
        assert_ne!(SpanId::random().0, [0; 8]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_is_written_as_it_was(text in "\\PC{0,80}") {
            if let Some(parent) = TraceParent::parse(&text) {
                prop_assert!(text.starts_with(&parent.to_string()[3..52]) || text[3..].starts_with(&parent.to_string()[3..52]));
            }
        }
    }
}
