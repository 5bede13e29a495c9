//! What may be odd about how a request says where it ends, and which of the others take it otherwise, and why.

use super::Differs::{Not, Refuses, Takes};
use super::{Oddity, odd};

#[rustfmt::skip]
pub(super) const FRAMING: [Oddity; 34] = [
    odd("a length that is said twice", |parts, _| { parts.says(&[b"Content-Length: 5", b"Content-Length: 5"]); }, Not, Takes("equal ones are one (RFC 9112 §6.3)")),
    odd("two lengths", |parts, _| { parts.says(&[b"Content-Length: 5", b"content-length: 0"]); }, Not, Not),
    odd("a list of equal lengths", |parts, _| { parts.says(&[b"Content-Length: 5, 5"]); }, Not, Not),
    odd("a length with more than digits", |parts, dice| { parts.says(&[dice.one_of(&[&b"Content-Length: +5"[..], b"Content-Length: 0x5", b"Content-Length: 5;", b"Content-Length: 5 0"])]); }, Not, Not),
    odd("a length below nothing", |parts, _| { parts.says(&[b"Content-Length: -1"]); }, Not, Not),
    odd("an empty length", |parts, _| { parts.says(&[b"Content-Length:"]); }, Not, Not),
    odd("a length that begins with zeros", |parts, _| { parts.says(&[b"Content-Length: 0005"]); }, Not, Not),
    odd("white space around a length", |parts, _| { parts.says(&[b"Content-Length:\t5 \t"]); }, Refuses("a tab is no white space for it (RFC 9110 §5.6.3)"), Not),
    odd("a length that is larger than any number", |parts, _| { parts.says(&[b"Content-Length: 99999999999999999999"]); }, Not, Not),
    odd("a length with a space before its colon", |parts, _| { parts.says(&[b"Content-Length : 5"]); }, Not, Not),
    odd("a length with an underscore", |parts, _| { parts.says(&[b"Content_Length: 5"]); }, Refuses("the field says nothing to either; what is behind is a method for us, and not in capital letters"), Not),
    odd("a length that is too small", |parts, _| { parts.says(&[b"Content-Length: 3"]); }, Refuses("what is behind is a method for us, and not in capital letters"), Not),
    odd("a length that is too large", |parts, _| { parts.says(&[b"Content-Length: 50000"]); }, Not, Not),
    odd("a coding and a length", |parts, dice| { parts.codes(dice.one_of(&[&[&b"Transfer-Encoding: chunked"[..], b"Content-Length: 5"][..], &[b"Content-Length: 15", b"Transfer-Encoding: chunked"]])); }, Not, Takes("the chunks count for it (RFC 9112 §6.3 lets it)")),
    odd("a coding in capital letters", |parts, _| { parts.codes(&[b"Transfer-Encoding: CHUNKED"]); }, Not, Not),
    odd("white space around a coding", |parts, _| { parts.codes(&[b"Transfer-Encoding:\tchunked "]); }, Refuses("a tab is no white space for it (RFC 9110 §5.6.3)"), Not),
    odd("another coding before the chunks", |parts, _| { parts.codes(&[b"Transfer-Encoding: gzip, chunked"]); }, Not, Takes("it takes the chunks off, and leaves the other coding to its service")),
    odd("another coding behind the chunks", |parts, _| { parts.codes(&[b"Transfer-Encoding: chunked, gzip"]); }, Not, Not),
    odd("chunks in chunks", |parts, dice| { parts.codes(dice.one_of(&[&[&b"Transfer-Encoding: chunked, chunked"[..]][..], &[b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"]])); }, Not, Takes("it takes chunks off once")),
    odd("a coding that is none", |parts, dice| { parts.codes(&[dice.one_of(&[&b"Transfer-Encoding: identity"[..], b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: \"chunked\""])]); }, Not, Not),
    odd("an empty coding", |parts, _| { parts.codes(&[b"Transfer-Encoding:"]); }, Not, Not),
    odd("a coding on two lines", |parts, _| { parts.codes(&[b"Transfer-Encoding:\r\n chunked"]); }, Not, Not),
    odd("a coding with a control character", |parts, _| { parts.codes(&[b"Transfer-Encoding: \x0bchunked"]); }, Not, Not),
    odd("a coding with a space before its colon", |parts, _| { parts.codes(&[b"Transfer-Encoding : chunked"]); }, Not, Not),
    odd("a coding with an underscore", |parts, _| { parts.codes(&[b"Transfer_Encoding: chunked"]); }, Not, Not),
    odd("chunks of an old version", |parts, _| { parts.codes(&[b"Transfer-Encoding: chunked"]); parts.version = b"HTTP/1.0".to_vec(); }, Not, Not),
    odd("extensions and a trailer", |parts, _| { parts.chunks(b"5;a;b=\"c d\"\r\nhello\r\n000\r\nX-T: a\r\n\r\n"); }, Not, Not),
    odd("a size of capital letters", |parts, _| { parts.chunks(b"0000005\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"); parts.content = b"hello0123456789".to_vec(); }, Not, Not),
    odd("a size that is none", |parts, dice| { parts.chunks(dice.one_of(&[&b"0x5\r\nhello\r\n0\r\n\r\n"[..], b"+5\r\nhello\r\n0\r\n\r\n", b"\r\nhello\r\n0\r\n\r\n", b"g\r\nhello\r\n0\r\n\r\n"])); }, Not, Not),
    odd("chunks that end with a line feed alone", |parts, _| { parts.chunks(b"5\nhello\n0\n\n"); }, Takes("a line may end so"), Not),
    odd("chunks without a last one", |parts, _| { parts.chunks(b"5\r\nhello\r\n"); }, Not, Not),
    odd("a chunk that is longer than its size", |parts, _| { parts.chunks(b"5\r\nhello!\r\n0\r\n\r\n"); }, Not, Not),
    odd("a size that is larger than any number", |parts, _| { parts.chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"); }, Not, Not),
    odd("a trailer that is none", |parts, _| { parts.chunks(b"5\r\nhello\r\n0\r\nno trailer\r\n\r\n"); }, Takes("it does not read trailers"), Not),
];
