//! How large a head its next reader takes.

use super::head_end;

/// What a service takes of a head, the line of the request and its last, empty line among the bytes. The
/// default is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadLimits {
    pub bytes: Option<usize>,
    pub fields: Option<usize>,
}

/// Why a head is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oversized {
    #[error("the head is larger than its service takes")]
    Bytes,
    #[error("the head has more fields than its service takes")]
    Fields,
}

impl HeadLimits {
    /// Whether a head goes out, as it is written. What comes behind it does not count.
    ///
    /// # Errors
    ///
    /// Where it is over a limit.
    pub fn check(self, head: &[u8]) -> Result<(), Oversized> {
        if self == Self::default() {
            return Ok(());
        }
        let head = head_end(head, 0).and_then(|end| head.get(..end)).unwrap_or(head);
        if self.bytes.is_some_and(|most| head.len() > most) {
            return Err(Oversized::Bytes);
        }
        // Beside the fields there are the line of the request and the empty one.
        let fields = || memchr::memchr_iter(b'\n', head).count().saturating_sub(2);
        if self.fields.is_some_and(|most| fields() > most) { Err(Oversized::Fields) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_measured_as_it_is_written_and_without_its_content() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nand more\n\n";
        let of = |bytes, fields| HeadLimits { bytes, fields }.check(head);
        assert_eq!(of(None, None), Ok(()));
        assert_eq!(of(Some(33), Some(2)), Ok(()));
        assert_eq!(of(Some(32), Some(2)), Err(Oversized::Bytes));
        assert_eq!(of(Some(33), Some(1)), Err(Oversized::Fields));
    }
}
