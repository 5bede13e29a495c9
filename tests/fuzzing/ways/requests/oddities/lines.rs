//! What may be odd about the line of a request and about its host, and which of the others take it otherwise, and why.

use super::Differs::{Not, Refuses, Takes};
use super::{Oddity, odd};
use crate::fuzzing::ways::requests::parts::HOST;

#[rustfmt::skip]
pub(super) const LINES: [Oddity; 38] = [
    odd("a method in small letters", |parts, _| { parts.method = b"get".to_vec(); }, Refuses("methods are of capital letters for it"), Not),
    odd("a method of nobody's", |parts, _| { parts.method = b"PURGE".to_vec(); }, Not, Not),
    odd("a method that asks for the request back", |parts, _| { parts.method = b"TRACE".to_vec(); }, Refuses("it closes where we go on"), Takes("it leaves methods to its service")),
    odd("a method with a letter that no token has", |parts, _| { parts.method = b"GE(T".to_vec(); }, Not, Not),
    odd("two spaces in its line", |parts, _| { parts.method.push(b' '); }, Takes("it passes over spaces there"), Not),
    odd("a tab in its line", |parts, _| { parts.target.extend_from_slice(b"\t"); }, Not, Not),
    odd("a space behind its line", |parts, _| { parts.version.push(b' '); }, Takes("it passes over spaces there"), Not),
    odd("no version", |parts, _| { parts.version.clear(); }, Takes("that is HTTP/0.9 for it"), Not),
    odd("an old version", |parts, _| { parts.version = b"HTTP/1.0".to_vec(); }, Not, Not),
    odd("another version", |parts, dice| { parts.version = dice.one_of(&[&b"HTTP/1.2"[..], b"HTTP/2.0", b"HTTP/0.9", b"HTTP/11"]).to_vec(); }, Takes("it takes any minor version"), Not),
    odd("a version in small letters", |parts, _| { parts.version = b"http/1.1".to_vec(); }, Not, Not),
    odd("an empty line before it", |parts, _| { parts.before = b"\r\n".to_vec(); }, Not, Not),
    odd("two empty lines before it", |parts, _| { parts.before = b"\r\n\r\n".to_vec(); }, Takes("it passes over any number of them"), Takes("it passes over any number of them")),
    odd("lines that end with a line feed alone", |parts, _| { parts.line_end = b"\n"; }, Takes("a line may end so"), Takes("a line may end so")),
    odd("something behind it", |parts, dice| { parts.behind = dice.one_of(&[&b"\r\n"[..], b"x\r\n\r\n", b"0\r\n\r\n"]).to_vec(); }, Not, Not),
    odd("a target with its host", |parts, _| { parts.target = [b"http://gateway.example", &parts.target[..]].concat(); }, Not, Not),
    odd("a target with another host", |parts, _| { parts.target = [b"http://other.example", &parts.target[..]].concat(); }, Takes("the one in the target counts for it"), Takes("it leaves hosts to its service")),
    odd("a target that is the server", |parts, _| { parts.method = b"OPTIONS".to_vec(); parts.target = b"*".to_vec(); }, Refuses("it closes where we go on"), Takes("it leaves targets to its service")),
    odd("a target without a slash", |parts, _| { parts.target = b"case".to_vec(); }, Not, Takes("it leaves targets to its service, as an authority")),
    odd("a fragment", |parts, _| { parts.target.extend_from_slice(b"#x"); }, Takes("it cuts it off"), Takes("it cuts it off")),
    odd("letters that are to be escaped", |parts, dice| { parts.target.push(dice.one_of(b"<>\"`")); }, Refuses("it hands them on as they are, and its service refuses them"), Refuses("it takes them in no target")),
    odd("letters that often are not escaped", |parts, dice| { parts.target.push(dice.one_of(b"|^{}\\[]")); }, Takes("a backslash may be a slash to somebody, and we refuse it"), Takes("a backslash may be a slash to somebody, and we refuse it")),
    odd("letters of UTF-8", |parts, _| { parts.target.extend_from_slice("é".as_bytes()); }, Not, Not),
    odd("letters of no alphabet", |parts, _| { parts.target.push(0xff); }, Takes("they need not be UTF-8 for it"), Not),
    odd("a control character in its target", |parts, dice| { parts.target.push(dice.one_of(b"\x01\x0b\x7f")); }, Not, Not),
    odd("two slashes in its path", |parts, _| { parts.target = [b"/", &parts.target[..]].concat(); }, Takes("which of the readings is meant we do not guess"), Takes("it leaves paths to its service")),
    odd("a path that goes up", |parts, _| { parts.target = [b"/up/..", &parts.target[..]].concat(); }, Takes("which of the readings is meant we do not guess"), Takes("it leaves paths to its service")),
    odd("an escape that is none", |parts, _| { parts.target = b"/%zz".to_vec(); }, Refuses("it closes where we go on"), Takes("it leaves escapes to its service")),
    odd("an escaped zero", |parts, _| { parts.target = b"/%00".to_vec(); }, Refuses("it closes where we go on"), Takes("it leaves escapes to its service")),
    odd("a long target", |parts, _| { parts.target.extend(vec![b'a'; 9_000]); }, Not, Not),
    odd("no host", |parts, _| { parts.host(&[]); }, Not, Takes("it leaves hosts to its service")),
    odd("an empty host", |parts, _| { parts.host(&[b"Host:"]); }, Not, Takes("it leaves hosts to its service")),
    odd("a host twice", |parts, _| { parts.host(&[HOST, HOST]); }, Not, Takes("it leaves hosts to its service")),
    odd("two hosts", |parts, _| { parts.host(&[HOST, b"Host: other.example"]); }, Not, Takes("it leaves hosts to its service")),
    odd("a host with a user", |parts, _| { parts.host(&[b"Host: u@gateway.example"]); }, Takes("it does not look for one"), Takes("it leaves hosts to its service")),
    odd("a host with a path", |parts, _| { parts.host(&[b"Host: gateway.example/x"]); }, Not, Takes("it leaves hosts to its service")),
    odd("a host with a space", |parts, _| { parts.host(&[b"Host: gateway example"]); }, Not, Takes("it leaves hosts to its service")),
    odd("a host with a port that is none", |parts, _| { parts.host(&[b"Host: gateway.example:x"]); }, Takes("it does not look at the port"), Takes("it leaves hosts to its service")),
];
