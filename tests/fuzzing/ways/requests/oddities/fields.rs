//! What may be odd about the fields of a request and about what it says of its connection, and which of the others take it otherwise, and why.

use super::Differs::{Not, Takes};
use super::{Oddity, odd};

#[rustfmt::skip]
pub(super) const FIELDS: [Oddity; 33] = [
    odd("a space before a colon", |parts, dice| { parts.field(b"X-F8 : a", dice); }, Not, Not),
    odd("a field without a colon", |parts, dice| { parts.field(b"X-F8", dice); }, Takes("it leaves out lines that are no fields"), Not),
    odd("a field without a name", |parts, dice| { parts.field(b": a", dice); }, Not, Not),
    odd("a name with a space", |parts, dice| { parts.field(b"X-F8 b: a", dice); }, Not, Not),
    odd("a name with a letter that no token has", |parts, dice| { parts.field(b"X-F(8): a", dice); }, Takes("it leaves out fields whose names are none"), Not),
    odd("a name beyond ASCII", |parts, dice| { parts.field("X-Fé: a".as_bytes(), dice); }, Takes("it leaves out fields whose names are none"), Not),
    odd("a value on two lines", |parts, dice| { parts.field(b"X-F8: a\r\n b", dice); }, Not, Not),
    odd("a first field that goes on with the line", |parts, _| { parts.fields.insert(0, b" X-F8: a".to_vec()); }, Not, Not),
    odd("a zero in a value", |parts, dice| { parts.field(b"X-F8: a\0b", dice); }, Not, Not),
    odd("a control character in a value", |parts, dice| { parts.field(&[b'X', b':', dice.one_of(b"\x01\x0b\x1b\x7f")], dice); }, Takes("it lets control characters pass but zero and line feed"), Not),
    odd("a carriage return in a value", |parts, dice| { parts.field(b"X-F8: a\rb", dice); }, Not, Not),
    odd("a line feed at the end of a field", |parts, dice| { parts.field(b"X-F8: a\nX-F9: b", dice); }, Takes("a line may end so"), Takes("a line may end so")),
    odd("letters beyond ASCII in a value", |parts, dice| { parts.field(b"X-F8: \xe9\xff", dice); }, Not, Not),
    odd("a field twice", |parts, dice| { parts.field(b"X-F8: a", dice); parts.field(b"x-f8: b", dice); }, Not, Not),
    odd("an underscore in a name", |parts, dice| { parts.field(b"X_Own: a", dice); }, Not, Not),
    odd("many fields", |parts, dice| { (0..300).for_each(|_| parts.field(b"X-F8: a", dice)); }, Takes("we take fewer of them"), Not),
    odd("a long value", |parts, dice| { parts.field(&[b"X-F8: ", &vec![b'a'; 40_000][..]].concat(), dice); }, Takes("we take heads up to a bound, which here is larger for it"), Takes("its bound is larger")),
    odd("a connection that is closed", |parts, dice| { parts.field(b"Connection: close", dice); }, Not, Not),
    odd("a connection that is kept", |parts, dice| { parts.field(b"connection: Keep-Alive", dice); }, Not, Not),
    odd("a connection that is kept and closed", |parts, dice| { parts.field(b"Connection: keep-alive, close", dice); }, Not, Not),
    odd("a connection that is said twice", |parts, dice| { parts.field(b"Connection: keep-alive", dice); parts.field(b"Connection: keep-alive", dice); }, Not, Not),
    odd("a second field that closes its connection", |parts, dice| { parts.field(b"Connection: x-own", dice); parts.fields.push(b"Connection: close".to_vec()); }, Not, Not),
    odd("a field that goes no further", |parts, dice| { parts.field(b"Connection: x-own", dice); parts.field(b"X-Own: a", dice); }, Not, Not),
    odd("a field that must go on, and is not to", |parts, dice| { parts.field(dice.one_of(&[&b"Connection: host"[..], b"Connection: content-length", b"Connection: x-user-id"]), dice); }, Takes("it does not read what Connection names"), Takes("it does not read what Connection names")),
    odd("a connection that is nothing", |parts, dice| { parts.field(b"Connection:", dice); }, Not, Not),
    odd("names of another protocol", |parts, dice| { parts.field(b"Connection: Upgrade", dice); parts.field(dice.one_of(&[&b"Upgrade: websocket"[..], b"Upgrade: h2c", b"Upgrade: x"]), dice); }, Takes("it does not hand an upgrade on; we say no to a WebSocket; what came early may be meant for the other protocol, and we close"), Takes("we say no to a WebSocket; what came early may be meant for the other protocol, and we close")),
    odd("an upgrade that its connection does not name", |parts, dice| { parts.field(b"Upgrade: x", dice); }, Takes("what came early may be meant for the other protocol, and we close"), Takes("what came early may be meant for the other protocol, and we close")),
    odd("fields of proxies", |parts, dice| { parts.field(b"Proxy-Connection: keep-alive", dice); parts.field(b"Keep-Alive: timeout=5", dice); }, Not, Not),
    odd("trailers that it takes", |parts, dice| { parts.field(b"TE: trailers", dice); }, Not, Not),
    odd("a coding that it takes", |parts, dice| { parts.field(b"TE: gzip", dice); }, Not, Not),
    odd("trailers that it names", |parts, _| { parts.codes(&[b"Transfer-Encoding: chunked", b"Trailer: X-T"]); parts.framed = b"5\r\nhello\r\n0\r\nX-T: a\r\n\r\n".to_vec(); }, Not, Not),
    odd("content that waits to be asked for", |parts, dice| { parts.measured(b"hello"); parts.expects(b"Expect: 100-continue", dice); }, Not, Not),
    odd("an expectation of nobody's", |parts, dice| { parts.expects(b"Expect: x", dice); }, Not, Not),
];
