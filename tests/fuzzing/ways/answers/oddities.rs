//! What may be odd about an answer, one thing at a time.

use super::case::Parts;
use crate::fuzzing::answering::Then;
use crate::fuzzing::dice::Dice;

pub(super) struct Oddity {
    pub(super) what: &'static str,
    pub(super) change: fn(&mut Parts, &mut Dice),
}

const fn odd(what: &'static str, change: fn(&mut Parts, &mut Dice)) -> Oddity {
    Oddity { what, change }
}

#[rustfmt::skip]
pub(super) const ODDITIES: [Oddity; 65] = [
    odd("a status without a phrase", |parts, _| { parts.line = b"HTTP/1.1 200".to_vec(); }),
    odd("a status with an empty phrase", |parts, _| { parts.line = b"HTTP/1.1 200 ".to_vec(); }),
    odd("a phrase beyond ASCII", |parts, _| { parts.line = b"HTTP/1.1 200 Tr\xc3\xa8s \xe9".to_vec(); }),
    odd("a control character in its phrase", |parts, _| { parts.line = b"HTTP/1.1 200 O\x01K".to_vec(); }),
    odd("two spaces in its line", |parts, _| { parts.line = b"HTTP/1.1  200 OK".to_vec(); }),
    odd("an old version", |parts, _| { parts.line = b"HTTP/1.0 200 OK".to_vec(); }),
    odd("another version", |parts, dice| { parts.line = dice.one_of(&[&b"HTTP/1.2 200 OK"[..], b"HTTP/2 200 OK", b"http/1.1 200 OK", b"ICY 200 OK"]).to_vec(); }),
    odd("a status that is none", |parts, dice| { parts.line = dice.one_of(&[&b"HTTP/1.1 99 Odd"[..], b"HTTP/1.1 099 Odd", b"HTTP/1.1 000 Odd", b"HTTP/1.1 2x0 Odd", b"HTTP/1.1 1000 Odd", b"HTTP/1.1 -200 Odd"]).to_vec(); }),
    odd("a status that nobody knows", |parts, dice| { parts.line = dice.one_of(&[&b"HTTP/1.1 299 Odd"[..], b"HTTP/1.1 499 Odd", b"HTTP/1.1 600 Odd", b"HTTP/1.1 999 Odd"]).to_vec(); }),
    odd("no content, and some comes", |parts, _| { parts.line = b"HTTP/1.1 204 No Content".to_vec(); parts.then = Then::StayAlone; }),
    odd("not modified, and some comes", |parts, _| { parts.line = b"HTTP/1.1 304 Not Modified".to_vec(); parts.then = Then::StayAlone; }),
    odd("not modified, with a length", |parts, _| { parts.line = b"HTTP/1.1 304 Not Modified".to_vec(); parts.says(&[b"Content-Length: 500"], b""); }),
    odd("reset content", |parts, _| { parts.line = b"HTTP/1.1 205 Reset Content".to_vec(); }),
    odd("another protocol that nobody asked for", |parts, dice| { parts.line = b"HTTP/1.1 101 Switching Protocols".to_vec(); parts.field(b"Upgrade: x", dice); parts.field(b"Connection: Upgrade", dice); }),
    odd("an interim answer before it", |parts, dice| { parts.before = dice.one_of(&[&b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"[..], b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 199 Odd\r\nX: y\r\n\r\n"]).to_vec(); }),
    odd("many interim answers before it", |parts, dice| { parts.before = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(dice.between(2, 40)); }),
    odd("an interim answer that says a length", |parts, _| { parts.before = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n".to_vec(); }),
    odd("an interim answer that closes", |parts, _| { parts.before = b"HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n".to_vec(); }),
    odd("an interim answer of an old version", |parts, _| { parts.before = b"HTTP/1.0 103 Early Hints\r\n\r\n".to_vec(); }),
    odd("an empty line before it", |parts, _| { parts.before = b"\r\n".to_vec(); }),
    odd("many empty lines before it", |parts, _| { parts.before = b"\r\n\n\r\n".to_vec(); }),
    odd("empty lines before it, and a size that is none", |parts, dice| { parts.before = dice.one_of(&[&b"\r\n"[..], b"\n\r\n\r\n"]).to_vec(); parts.says(&[b"Transfer-Encoding: chunked"], b"\r\nhello\r\n0\r\n\r\n"); }),
    odd("something before it", |parts, _| { parts.before = b"x".to_vec(); }),
    odd("lines that end with a line feed alone", |parts, _| { parts.line_end = b"\n"; }),
    odd("a value on two lines", |parts, dice| { parts.field(b"X-F8: a\r\n\t b", dice); }),
    odd("a first field that goes on with the line", |parts, _| { parts.fields.insert(0, b" X-F8: a".to_vec()); }),
    odd("a space before a colon", |parts, dice| { parts.field(b"X-F8 : a", dice); }),
    odd("a field without a colon", |parts, dice| { parts.field(b"X-F8", dice); }),
    odd("a field without a name", |parts, dice| { parts.field(b": a", dice); }),
    odd("a name with a letter that no token has", |parts, dice| { parts.field(dice.one_of(&[&b"X-F(8): a"[..], b"X F8: a", b"X-F\xe9: a"]), dice); }),
    odd("a zero in a value", |parts, dice| { parts.field(b"X-F8: a\0b", dice); }),
    odd("a control character in a value", |parts, dice| { parts.field(&[b'X', b':', dice.one_of(b"\x01\x0b\x1b\x7f"), b'y'], dice); }),
    odd("a carriage return in a value", |parts, dice| { parts.field(b"X-F8: a\rb", dice); }),
    odd("letters beyond ASCII in a value", |parts, dice| { parts.field(b"X-F8: \xe9\xff", dice); }),
    odd("a field many times", |parts, dice| { (0..dice.one_of(&[2, 200, 300])).for_each(|_| parts.field(b"X-F8: a", dice)); }),
    odd("a long value", |parts, dice| { parts.field(&[b"X-F8: ", &vec![b'a'; 70_000][..]].concat(), dice); }),
    odd("a connection that is closed", |parts, dice| { parts.field(dice.one_of(&[&b"Connection: close"[..], b"Connection: x-own, close", b"connection: CLOSE"]), dice); }),
    odd("a connection that is kept", |parts, dice| { parts.field(b"Connection: keep-alive", dice); parts.field(b"Keep-Alive: timeout=0", dice); }),
    odd("fields that go no further", |parts, dice| { parts.field(b"Connection: x-own", dice); parts.field(b"X-Own: a", dice); parts.field(b"Proxy-Connection: a", dice); }),
    odd("a connection that names a length", |parts, dice| { parts.field(b"Connection: content-length, transfer-encoding", dice); }),
    odd("an upgrade that is offered", |parts, dice| { parts.field(b"Upgrade: h2c", dice); parts.field(b"Connection: Upgrade", dice); }),
    odd("fields that are ours", |parts, dice| { parts.field(b"X-User-Id: 1", dice); parts.field(b"X-Request-Id: theirs", dice); parts.field(b"Server: x", dice); }),
    odd("a length that is said twice", |parts, _| { parts.says(&[b"Content-Length: 5", b"Content-Length: 5"], b"hello"); }),
    odd("a list of equal lengths", |parts, _| { parts.says(&[b"Content-Length: 5, 5"], b"hello"); }),
    odd("two lengths", |parts, _| { parts.says(&[b"Content-Length: 5", b"content-length: 3"], b"hello"); }),
    odd("a length that is none", |parts, dice| { parts.says(&[dice.one_of(&[&b"Content-Length: +5"[..], b"Content-Length: 0x5", b"Content-Length: -5", b"Content-Length:", b"Content-Length: 5;", b"Content-Length: 5 5", b"Content-Length: ,5"])], b"hello"); }),
    odd("a length with zeros or white space", |parts, dice| { parts.says(&[dice.one_of(&[&b"Content-Length: 0005"[..], b"Content-Length:\t5 \t", b"Content-Length : 5"])], b"hello"); }),
    odd("a length that is larger than any number", |parts, _| { parts.says(&[b"Content-Length: 99999999999999999999"], b"hello"); }),
    odd("a length that is too large", |parts, _| { parts.says(&[b"Content-Length: 50"], b"hello"); }),
    odd("a length that is too small", |parts, _| { parts.says(&[b"Content-Length: 3"], b"hello"); parts.then = Then::StayAlone; }),
    odd("a coding and a length", |parts, dice| { parts.in_chunks(b"hello", dice); parts.field(b"Content-Length: 3", dice); }),
    odd("a coding in capital letters", |parts, _| { parts.says(&[b"Transfer-Encoding: CHUNKED"], b"5\r\nhello\r\n0\r\n\r\n"); }),
    odd("another coding", |parts, dice| { parts.says(&[dice.one_of(&[&b"Transfer-Encoding: gzip, chunked"[..], b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding: identity", b"Transfer-Encoding:", b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: xchunked"])], b"5\r\nhello\r\n0\r\n\r\n"); }),
    odd("a coding twice", |parts, _| { parts.says(&[b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n"); }),
    odd("chunks of an old version", |parts, dice| { parts.in_chunks(b"hello", dice); parts.line = b"HTTP/1.0 200 OK".to_vec(); }),
    odd("chunks of no content", |parts, dice| { parts.in_chunks(b"hello", dice); parts.line = dice.one_of(&[&b"HTTP/1.1 204 No Content"[..], b"HTTP/1.1 304 Not Modified"]).to_vec(); parts.then = Then::StayAlone; }),
    odd("extensions and trailers", |parts, _| { parts.says(&[b"Transfer-Encoding: chunked", b"Trailer: X-T"], b"5;a;b=\"c\"\r\nhello\r\n000\r\nX-T: a\r\nX-User-Id: 1\r\n\r\n"); }),
    odd("a size that is none", |parts, dice| { parts.says(&[b"Transfer-Encoding: chunked"], dice.one_of(&[&b"0x5\r\nhello\r\n0\r\n\r\n"[..], b"g\r\nhello\r\n0\r\n\r\n", b"\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n"])); }),
    odd("chunks that end with a line feed alone", |parts, _| { parts.says(&[b"Transfer-Encoding: chunked"], b"5\nhello\n0\n\n"); }),
    odd("a chunk that is longer than its size", |parts, _| { parts.says(&[b"Transfer-Encoding: chunked"], b"5\r\nhello!\r\n0\r\n\r\n"); }),
    odd("chunks without a last one", |parts, _| { parts.says(&[b"Transfer-Encoding: chunked"], b"5\r\nhello\r\n"); }),
    odd("another answer behind it", |parts, _| { parts.measured(b"hello"); parts.framed.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsomeones"); parts.then = Then::StayAlone; }),
    odd("something behind it", |parts, dice| { parts.measured(b"hello"); parts.framed.extend_from_slice(dice.one_of(&[&b"\r\n"[..], b"x", b"0\r\n\r\n"])); parts.then = Then::StayAlone; }),
    odd("something behind its chunks", |parts, dice| { parts.in_chunks(b"hello", dice); parts.framed.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsomeones"); parts.then = Then::StayAlone; }),
    odd("no answer at all", |parts, _| { (parts.line, parts.line_end, parts.framed) = (Vec::new(), b"", Vec::new()); parts.fields.clear(); parts.then = Then::Close; }),
];
