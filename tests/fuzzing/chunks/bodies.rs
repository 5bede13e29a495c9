//! Chunked bodies: good ones by the grammar (RFC 9112 §7.1), and what becomes of them when they are
//! damaged.

use super::damage::damage;
use crate::fuzzing::dice::Dice;

/// What may follow a body: a request, of which one can see whether it was found.
pub(super) const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: gateway.example\r\n\r\n";

const TOKEN: &[u8] = b"!#$%&'*+-.^_`|~0123456789abcdefXYZ";
/// Bytes of a quoted value, beside the pairs; of a field's value, too.
const TEXT: &[u8] = b"ab01 \t!#;:,=()<>@/?[]{}~\x80\xa0\xff";
/// What looks like the framing has no meaning inside of a chunk.
const CONTENT: [&[u8]; 8] =
    [b"a", b"hello", b"\r\n", b"0\r\n\r\n", b"5\r\n", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff\n\r"];

/// What our reader takes of extensions in a body (RFC 9112 §7.1.1 asks for a bound).
pub(super) const EXTENSION_BYTES_MAX: usize = 1_024;

/// One body with what follows it, in pieces.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) bytes: Vec<u8>,
    /// Where it is cut: rising, none of them at an end.
    pub(super) cuts: Vec<usize>,
    /// The content and the end, where it is as it should be.
    pub(super) good: Option<(Vec<u8>, usize)>,
}

impl Case {
    /// Half of them are good.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let good = Good::new(&mut dice);
        let (mut bytes, marks) = (good.bytes, good.marks);
        let mut case = Self { seed, bytes: Vec::new(), cuts: Vec::new(), good: None };
        if dice.in_percent(50) {
            case.good = Some((good.content, good.end));
        } else {
            for _ in 0..dice.one_of(&[1, 1, 1, 2, 3]) {
                damage(&mut bytes, &marks, &mut dice);
            }
        }
        case.cuts = cuts(bytes.len(), &mut dice);
        case.bytes = bytes;
        case
    }

    /// The pieces that are not empty, in their order.
    pub(super) fn pieces(&self) -> Vec<&[u8]> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut begin = 0;
        ends.map(|end| &self.bytes[std::mem::replace(&mut begin, end)..end])
            .filter(|piece| !piece.is_empty())
            .collect()
    }

    /// The pieces of an answer with this body; the first one comes with the head.
    pub(super) fn answer(&self) -> Vec<Vec<u8>> {
        let mut pieces: Vec<_> = self.pieces().into_iter().map(<[u8]>::to_vec).collect();
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        match pieces.first_mut() {
            Some(first) => drop(first.splice(..0, head.iter().copied())),
            None => pieces.push(head.to_vec()),
        }
        pieces
    }

    /// The same cuts, and no more than so many bytes.
    pub(super) fn prefix(&self, length: usize) -> Self {
        let cuts = self.cuts.iter().copied().filter(|cut| *cut < length).collect();
        Self { bytes: self.bytes[..length].to_vec(), cuts, good: None, ..*self }
    }
}

fn cuts(length: usize, dice: &mut Dice) -> Vec<usize> {
    let mut cuts: Vec<usize> = match dice.below(10) {
        0..3 => Vec::new(),
        3..5 if length < 300 => (1..length).collect(),
        _ => (0..dice.between(1, 8)).map(|_| dice.below(length)).collect(),
    };
    cuts.sort_unstable();
    cuts.dedup();
    cuts.retain(|cut| *cut > 0);
    cuts
}

struct Good {
    bytes: Vec<u8>,
    content: Vec<u8>,
    end: usize,
    /// Where the framing is: it is more worth to be damaged than the content.
    marks: Vec<usize>,
    /// Bytes of all extensions.
    extensions: usize,
}

impl Good {
    fn new(dice: &mut Dice) -> Self {
        let mut good =
            Self { bytes: Vec::new(), content: Vec::new(), end: 0, marks: Vec::new(), extensions: 0 };
        for _ in 0..dice.one_of(&[0, 1, 1, 1, 2, 2, 3, 6]) {
            let content = content(dice);
            good.line(&size(content.len(), dice), dice);
            good.bytes.extend_from_slice(&content);
            good.mark(b"\r\n");
            good.content.extend_from_slice(&content);
        }
        good.line(&"0".repeat(dice.one_of(&[1, 1, 1, 1, 2, 3, 8, 16])), dice);
        for _ in 0..dice.one_of(&[0, 0, 0, 1, 2, 3, 12]) {
            good.mark(&trailer(dice));
        }
        good.mark(b"\r\n");
        good.end = good.bytes.len();
        let behind = match dice.below(10) {
            0..4 => Vec::new(),
            4..7 => NEXT.to_vec(),
            7 => b"0\r\n\r\n".to_vec(),
            8 => b"\r\n".to_vec(),
            _ => content(dice),
        };
        good.mark(&behind);
        good
    }

    fn mark(&mut self, bytes: &[u8]) {
        self.marks.push(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn line(&mut self, size: &str, dice: &mut Dice) {
        self.mark(size.as_bytes());
        for _ in 0..dice.one_of(&[0, 0, 0, 0, 1, 1, 2, 4]) {
            let extension = extension(dice);
            if self.extensions + extension.len() <= EXTENSION_BYTES_MAX {
                self.extensions += extension.len();
                self.mark(&extension);
            }
        }
        self.mark(b"\r\n");
    }
}

/// Not empty, mostly short, and now and then longer than a buffer of somebody's.
fn content(dice: &mut Dice) -> Vec<u8> {
    let long = dice.one_of(&[400, 4_090, 8_200, 20_000, 70_000]);
    let length = match dice.below(100) {
        0..80 => dice.between(1, 24),
        80..97 => dice.between(1, 400),
        _ => dice.between(1, long),
    };
    let mut content = Vec::with_capacity(length + 20);
    while content.len() < length {
        content.extend_from_slice(dice.one_of(&CONTENT));
    }
    content.truncate(length);
    content
}

fn size(length: usize, dice: &mut Dice) -> String {
    let digits = if dice.in_percent(50) { format!("{length:x}") } else { format!("{length:X}") };
    let zeros = dice.one_of(&[0, 0, 0, 0, 1, 2, 7, 16]).min(16 - digits.len());
    "0".repeat(zeros) + &digits
}

/// `BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ]`
fn extension(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = blank(dice, 10);
    bytes.push(b';');
    bytes.extend(blank(dice, 20));
    bytes.extend(token(dice));
    if dice.in_percent(70) {
        bytes.extend(blank(dice, 20));
        bytes.push(b'=');
        bytes.extend(blank(dice, 20));
        bytes.extend(if dice.in_percent(50) { token(dice) } else { quoted(dice) });
    }
    bytes
}

fn token(dice: &mut Dice) -> Vec<u8> {
    let length = dice.one_of(&[1, 1, 2, 5, 20]);
    dice.some_of(TOKEN, length)
}

fn quoted(dice: &mut Dice) -> Vec<u8> {
    let length = dice.one_of(&[0, 1, 3, 20]);
    let mut bytes = vec![b'"'];
    for byte in dice.some_of(TEXT, length) {
        match dice.below(8) {
            0 => bytes.extend_from_slice(b"\\\""),
            1 => bytes.extend_from_slice(b"\\\\"),
            2 => bytes.extend([b'\\', byte]),
            _ => bytes.push(byte),
        }
    }
    bytes.push(b'"');
    bytes
}

fn trailer(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = match dice.below(6) {
        0 => dice.one_of(&[&b"X-Content-Length"[..], b"Content-Lengths", b"Hos", b"Digest"]).to_vec(),
        _ => [b"x".to_vec(), token(dice)].concat(),
    };
    bytes.push(b':');
    bytes.extend(blank(dice, 60));
    let length = dice.one_of(&[0, 1, 5, 30]);
    bytes.extend(dice.some_of(TEXT, length));
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// White space, in so many of a hundred.
fn blank(dice: &mut Dice, percent: usize) -> Vec<u8> {
    let length = if dice.in_percent(percent) { dice.between(1, 2) } else { 0 };
    dice.some_of(b" \t", length)
}
