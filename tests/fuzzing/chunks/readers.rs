//! Who reads chunked bodies: ours, and others that were written by others. And some that read them
//! wrongly, as a test of the law.

pub(super) mod in_h11;
pub(super) mod in_hyper;
pub(super) mod in_nginx;
pub(super) mod lax;

use gateway_framing::{Body, Chunked, Length};

use super::bodies::Case;

/// Whose body it is: that of a request, read by a server, or that of an answer, read by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Answer,
}

/// What a reader made of the bytes. All were there to be read: who is not at an end would wait.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Whole {
        content: Vec<u8>,
        /// How many of the bytes are of the body; what is behind them is the next message.
        end: usize,
    },
    Incomplete,
    /// With the reason, where it is told.
    Refused(String),
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole { content, end } => write!(out, "{} that end at {end}", quoted(content)),
            Self::Incomplete => out.write_str("incomplete"),
            Self::Refused(reason) => write!(out, "refused {reason}"),
        }
    }
}

/// Bytes for a message, the middle of long ones left out.
pub(super) fn quoted(bytes: &[u8]) -> String {
    match bytes {
        [begin @ .., _] if begin.len() > 700 => {
            let (begin, end) = (&bytes[..400], &bytes[bytes.len() - 200..]);
            format!("\"{}\" … \"{}\" ({} bytes)", begin.escape_ascii(), end.escape_ascii(), bytes.len())
        }
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// One of the others.
pub(super) trait Reader {
    fn name(&self) -> &'static str;

    /// Of how many cases it reads one: some are slow.
    fn reads_one_of(&self) -> usize {
        1
    }

    fn read(&mut self, side: Side, cases: &[&Case]) -> Vec<Reading>;
}

/// What the gateway makes of it, by either of its two ways.
pub(super) fn ours(case: &Case) -> Reading {
    let (mut chunked, mut body) = (Chunked::new(), Body::new(Length::Chunked));
    let (mut content, mut end) = (Vec::new(), 0);
    for piece in case.pieces() {
        let read = chunked.read(piece, |part| content.extend_from_slice(part));
        assert_eq!(body.read(piece), read, "the two ways differ");
        assert_eq!(body.is_ended(), chunked.is_ended(), "the two ways differ");
        match read {
            Ok(read) => end += read,
            Err(malformed) => return Reading::Refused(malformed.to_string()),
        }
        if chunked.is_ended() {
            return Reading::Whole { content, end };
        }
        assert_eq!(read, Ok(piece.len()), "bytes were left behind that are not behind the end");
    }
    Reading::Incomplete
}
