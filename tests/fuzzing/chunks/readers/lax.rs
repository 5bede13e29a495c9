//! Readers with one fault each, which the law must find. Without it they differ from ours in nothing that
//! matters to it.

use super::Reading;
use crate::fuzzing::chunks::bodies::{Case, EXTENSION_BYTES_MAX};

/// What others take.
const TRAILER_FIELDS_MAX: usize = 100;
const TRAILER_BYTES_MAX: usize = 8_192;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fuzzing::chunks) enum Fault {
    None,
    /// A bare LF ends a line.
    BareLf,
    /// No digits are a zero.
    EmptySize,
    /// Sizes have 32 bits.
    SmallSize,
    /// The last chunk is the end.
    NoTrailers,
    /// Whatever is in trailers is good.
    AnyTrailer,
    /// What is behind the content of a chunk is not looked at.
    AnyChunkEnd,
    /// The last byte of the content is lost.
    LosesContent,
}

impl Fault {
    pub(in crate::fuzzing::chunks) fn read(self, case: &Case) -> Reading {
        let mut lax = Lax { fault: self, bytes: &case.bytes, at: 0, content: Vec::new(), extensions: 0 };
        match lax.body() {
            Some(()) => {
                if self == Self::LosesContent {
                    lax.content.pop();
                }
                Reading::Whole { content: lax.content, end: lax.at }
            }
            None => Reading::Refused(String::new()),
        }
    }
}

struct Lax<'a> {
    fault: Fault,
    bytes: &'a [u8],
    at: usize,
    content: Vec<u8>,
    extensions: usize,
}

impl<'a> Lax<'a> {
    fn body(&mut self) -> Option<()> {
        loop {
            let line = self.line()?;
            let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let (digits, extension) = line.split_at(digits);
            let size = self.size(digits)?;
            self.extensions += extension.len();
            let is_extension = matches!(extension.trim_ascii_start(), [] | [b';', ..]);
            if !is_extension || extension.contains(&b'\r') || self.extensions > EXTENSION_BYTES_MAX {
                return None;
            }
            if size == 0 {
                return self.trailers();
            }
            let end = self.at.checked_add(size)?;
            self.content.extend_from_slice(self.bytes.get(self.at..end)?);
            self.at = end;
            if self.fault == Fault::AnyChunkEnd {
                self.at += 2;
            } else if !self.line()?.is_empty() {
                return None;
            }
        }
    }

    fn size(&self, digits: &[u8]) -> Option<usize> {
        if digits.is_empty() {
            return (self.fault == Fault::EmptySize).then_some(0);
        }
        let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        usize::try_from(if self.fault == Fault::SmallSize { size & 0xFFFF_FFFF } else { size }).ok()
    }

    fn trailers(&mut self) -> Option<()> {
        if self.fault == Fault::NoTrailers {
            return Some(());
        }
        let begin = self.at;
        for _ in 0..=TRAILER_FIELDS_MAX {
            let line = self.line()?;
            if self.at - begin > TRAILER_BYTES_MAX {
                return None;
            }
            if line.is_empty() {
                return Some(());
            }
            let colon = line.iter().position(|byte| *byte == b':');
            let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
            let is_text = |byte: &u8| !byte.is_ascii_control() || *byte == b'\t';
            let is_field = colon.is_some_and(|colon| {
                colon > 0 && line[..colon].iter().all(is_token) && line[colon..].iter().all(is_text)
            });
            if !is_field && self.fault != Fault::AnyTrailer {
                return None;
            }
        }
        None
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += end + 1;
        let line = &rest[..end];
        match line.strip_suffix(b"\r") {
            None if self.fault == Fault::BareLf => Some(line),
            line => line,
        }
    }
}
