//! One answer, good or odd, in pieces; and what its service does then.

use super::oddities::{ODDITIES, Oddity};
use crate::fuzzing::answering::Then;
use crate::fuzzing::dice::Dice;

/// What goes over the wire of an answer, part by part.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// Interim answers, or what else comes first.
    pub(super) before: Vec<u8>,
    pub(super) line: Vec<u8>,
    /// Lines without their ends; framing among them.
    pub(super) fields: Vec<Vec<u8>>,
    pub(super) line_end: &'static [u8],
    /// The content as it is framed.
    pub(super) framed: Vec<u8>,
    pub(super) then: Then,
}

impl Parts {
    fn good(dice: &mut Dice) -> Self {
        let line = dice.one_of(&["200 OK", "200 OK", "201 Made", "404 Not Found", "500 Oh", "302 Found"]);
        let mut parts = Self {
            before: Vec::new(),
            line: format!("HTTP/1.1 {line}").into(),
            fields: Vec::new(),
            line_end: b"\r\n",
            framed: Vec::new(),
            then: dice.one_of(&[Then::Stay, Then::Stay, Then::Close]),
        };
        for number in 0..dice.below(4) {
            let value = dice.one_of(&["", "a", "b c", "\tpadded \t", "\"quoted, it\"", "k=v; w"]);
            parts.fields.push(format!("x-F{number}: {value}").into());
        }
        let length = dice.one_of(&[0, 1, 5, 40, 3_000, 17_000, 70_000]);
        let content = dice.some_of(b"abc\r\n0 :", length);
        match dice.below(5) {
            0 | 1 => parts.measured(&content),
            2 | 3 => parts.in_chunks(&content, dice),
            _ => parts.until_close(&content),
        }
        parts
    }

    fn unframed(&mut self) {
        if self.then == Then::StayAlone {
            self.then = Then::Close;
        }
        self.fields.retain(|field| !field.starts_with(b"Content-Length") && !field.starts_with(b"Transfer-"));
    }

    pub(super) fn measured(&mut self, content: &[u8]) {
        self.says(&[format!("Content-Length: {}", content.len()).as_bytes()], content);
    }

    pub(super) fn in_chunks(&mut self, content: &[u8], dice: &mut Dice) {
        let (mut rest, mut framed) = (content, Vec::new());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(dice.between(1, rest.len()));
            framed.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            rest = behind;
        }
        framed.extend_from_slice(b"0\r\n\r\n");
        self.says(&[b"Transfer-Encoding: chunked"], &framed);
    }

    pub(super) fn until_close(&mut self, content: &[u8]) {
        self.says(&[], content);
        self.then = Then::Close;
    }

    /// This is said of where it ends, and this comes.
    pub(super) fn says(&mut self, framing: &[&[u8]], framed: &[u8]) {
        self.unframed();
        self.fields.extend(framing.iter().map(|field| field.to_vec()));
        self.framed = framed.to_vec();
    }

    pub(super) fn field(&mut self, field: &[u8], dice: &mut Dice) {
        let at = dice.between(0, self.fields.len());
        self.fields.insert(at, field.to_vec());
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.before[..], &self.line, self.line_end].concat();
        for field in &self.fields {
            bytes.extend([field, self.line_end].concat());
        }
        bytes.extend([self.line_end, &self.framed].concat());
        bytes
    }
}

/// No more than is written, and read, in one go.
const ONE_PIECE_BYTES_MAX: usize = 16_000;

pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) method: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) cuts: Vec<usize>,
    pub(super) then: Then,
    pub(super) odd: Vec<&'static str>,
}

impl Case {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = dice.one_of(&[0, 0, 0, 1, 1, 1, 1, 1, 1, 2]);
        let oddities: Vec<_> = (0..count).map(|_| &ODDITIES[dice.below(ODDITIES.len())]).collect();
        Self::with(seed, &oddities, &mut dice)
    }

    /// With this that is odd, and nothing else.
    pub(super) fn odd(oddity: &'static Oddity, seed: u64) -> Self {
        Self::with(seed, &[oddity], &mut Dice::new(seed))
    }

    fn with(seed: u64, oddities: &[&'static Oddity], dice: &mut Dice) -> Self {
        let mut parts = Parts::good(dice);
        for oddity in oddities {
            (oddity.change)(&mut parts, dice);
        }
        let method = dice.one_of(&["GET", "GET", "GET", "HEAD", "DELETE"]);
        if method == "HEAD" && parts.then == Then::Stay && !parts.framed.is_empty() {
            parts.then = Then::StayAlone;
        }
        // Then nothing lies behind it, or one oddity has undone the other.
        let may_lie_behind = !parts.framed.is_empty() && oddities.len() < 2;
        if parts.then == Then::StayAlone && !may_lie_behind {
            parts.then = Then::Close;
        }
        let mut bytes = parts.bytes();
        // It breaks off somewhere, now and then.
        if dice.in_percent(10) {
            bytes.truncate(dice.below(bytes.len()));
            parts.then = Then::Close;
        }
        let mut cuts: Vec<_> =
            (0..dice.one_of(&[0, 0, 0, 1, 2, 5])).map(|_| dice.below(bytes.len())).collect();
        cuts.sort_unstable();
        Self {
            seed,
            method,
            bytes,
            cuts,
            // Whoever is odd waits for nothing.
            then: if oddities.is_empty() || parts.then == Then::StayAlone { parts.then } else { Then::Close },
            odd: oddities.iter().map(|oddity| oddity.what).collect(),
        }
    }

    /// Whether whoever reads it has all of it at once.
    pub(super) fn is_one_piece(&self) -> bool {
        self.cuts.is_empty() && self.bytes.len() <= ONE_PIECE_BYTES_MAX
    }

    pub(super) fn pieces(&self) -> Vec<Vec<u8>> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut begin = 0;
        ends.map(|end| self.bytes[std::mem::replace(&mut begin, end)..end].to_vec()).collect()
    }
}
