//! How a body is damaged: in ways that some reader somewhere was once found not to mind.

use std::ops::Range;

use crate::fuzzing::dice::Dice;

/// What means something in the framing, or should mean nothing and does to some.
const BYTES: &[u8] = b"\r\n\0 \t;:=\"\\0159aFgx+-_,\x0b\x0c\x1f\x7f\x80\xff";
const WORDS: [&[u8]; 10] = [
    b"\r\n",
    b"\r\n\r\n",
    b"0x",
    b"0\r\n\r\n",
    b" ;x",
    b";x=\"\r\n\"",
    b"\0\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n",
];
/// Around the bounds that readers have for extensions, for trailers, and for what is kept of a line.
const LENGTHS: [usize; 9] = [17, 1_020, 1_030, 5_000, 8_185, 8_200, 16_380, 16_400, 20_000];

pub(super) fn damage(bytes: &mut Vec<u8>, marks: &[usize], dice: &mut Dice) {
    let at = place(bytes.len(), marks, dice);
    match dice.below(14) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 if at < bytes.len() => bytes[at] = dice.one_of(BYTES),
        2 | 3 => put(bytes, at..at, &[dice.one_of(BYTES)]),
        4 => put(bytes, at..at, dice.one_of(&WORDS)),
        5 => put(bytes, piece(bytes.len(), at, dice), b""),
        6 => bytes.truncate(at),
        7 => {
            let twice = bytes[piece(bytes.len(), at, dice)].to_vec();
            put(bytes, at..at, &twice);
        }
        8 | 9 => {
            if let Some(end) = line_end(bytes, at) {
                let other = dice.one_of(&[&b"\n"[..], b"\r", b"", b"\n\r", b"\r\r\n", b"\r\n\r\n", b" \r\n"]);
                put(bytes, end..end + 2, other);
            }
        }
        10 => put(bytes, at..at, &long(dice)),
        11 | 12 => resize(bytes, at, dice),
        _ => {
            let (one, other) = (dice.below(bytes.len()), dice.below(bytes.len()));
            if !bytes.is_empty() {
                bytes.swap(one, other);
            }
        }
    }
}

/// Mostly beside the framing.
fn place(length: usize, marks: &[usize], dice: &mut Dice) -> usize {
    let at = if dice.in_percent(75) { dice.one_of(marks) + dice.below(3) } else { dice.below(length + 1) };
    at.min(length)
}

fn piece(length: usize, at: usize, dice: &mut Dice) -> Range<usize> {
    at..length.min(at + dice.one_of(&[1, 1, 2, 3, 10, 50]))
}

fn put(bytes: &mut Vec<u8>, over: Range<usize>, new: &[u8]) {
    bytes.splice(over, new.iter().copied());
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    Some(from + bytes[from..].windows(2).position(|pair| pair == b"\r\n")?)
}

/// Too much of something.
fn long(dice: &mut Dice) -> Vec<u8> {
    let length = dice.one_of(&LENGTHS) + dice.below(8);
    match dice.below(5) {
        0 => vec![b'0'; length],
        1 => [b";".to_vec(), vec![b'x'; length]].concat(),
        2 => [&b"X: "[..], &vec![b'y'; length], b"\r\n"].concat(),
        3 => b"x:\r\n".repeat(length / 4),
        _ => vec![dice.one_of(BYTES); length],
    }
}

/// Another number in place of the digits here; one of them is the same by the lower half of its bits.
fn resize(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let begin = bytes[..at].iter().rposition(|byte| !byte.is_ascii_hexdigit()).map_or(0, |before| before + 1);
    let length = bytes[begin..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digits = String::from_utf8_lossy(&bytes[begin..begin + length]).into_owned();
    let Ok(size) = u64::from_str_radix(&digits, 16) else { return };
    let other = match dice.below(12) {
        0 => format!("1{size:08x}"),
        1 => format!("1{size:016x}"),
        2 => "ffffffffffffffff".to_owned(),
        3 => "8000000000000000".to_owned(),
        4 => "7fffffffffffffff".to_owned(),
        5 => format!("{size:017x}"),
        6 => format!("{size:021x}"),
        7 => format!("{:x}", size.wrapping_add(1)),
        8 => format!("{:x}", size.saturating_sub(1)),
        9 => format!("0x{size:x}"),
        10 => dice.one_of(&["", "+", "-", " ", "\t"]).to_owned() + &digits,
        _ => String::new(),
    };
    put(bytes, begin..begin + length, other.as_bytes());
}
