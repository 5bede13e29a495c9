//! The content of one message, by any length.

use super::{Chunked, Length, Malformed};

/// Follows the content of one message to its end.
#[derive(Debug)]
pub enum Body {
    Bytes(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    pub fn new(length: Length) -> Self {
        match length {
            Length::None => Self::Bytes(0),
            Length::Bytes(bytes) => Self::Bytes(bytes),
            Length::Chunked => Self::Chunked(Chunked::new()),
            Length::UntilClose => Self::UntilClose,
        }
    }

    /// How many of these bytes belong to the message; those behind its end do not.
    ///
    /// # Errors
    ///
    /// Where they cannot belong to any message. None of them is to be used, then.
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        self.read_content(bytes, |_| ())
    }

    /// The same, with what the message says, without the coding in which it does.
    ///
    /// # Errors
    ///
    /// As above. What was given out of these bytes is not to be used either.
    pub fn read_content(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let taken = match self {
            Self::Bytes(left) => usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len()),
            Self::Chunked(chunked) => return chunked.read(bytes, content),
            Self::UntilClose => bytes.len(),
        };
        if let Self::Bytes(left) = self {
            *left -= taken as u64;
        }
        if let Some(own) = bytes.get(..taken).filter(|own| !own.is_empty()) {
            content(own);
        }
        Ok(taken)
    }

    /// Whether the end was seen.
    pub fn is_ended(&self) -> bool {
        match self {
            Self::Bytes(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_ended(),
            Self::UntilClose => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_ends_where_it_says() {
        let mut body = Body::new(Length::Bytes(5));
        assert_eq!(body.read(b"hel"), Ok(3));
        assert!(!body.is_ended());
        assert_eq!(body.read(b"loGET /"), Ok(2));
        assert!(body.is_ended());
        assert_eq!(body.read(b"more"), Ok(0));
        assert!(Body::new(Length::None).is_ended());
    }

    #[test]
    fn what_ends_with_the_connection_has_no_end_before() {
        let mut body = Body::new(Length::UntilClose);
        assert_eq!(body.read(b"anything"), Ok(8));
        assert!(!body.is_ended());
    }
}
