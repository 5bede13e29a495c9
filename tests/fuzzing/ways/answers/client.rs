//! What a client gets that asks once, and once more on the same connection, which closes then.

use std::io::Read as _;
use std::net::SocketAddr;

use gateway_framing::{Chunked, Length, head_end, of_response};

use crate::support::raw::Raw;

/// A message, or the beginning of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) status: u16,
    /// The lines of the head in the order of the alphabet, but for what is new in each answer.
    head: Vec<String>,
    /// Of a whole one.
    content: String,
    pub(super) is_whole: bool,
}

pub(super) fn ask(address: SocketAddr, method: &str) -> Result<Vec<Got>, String> {
    let mut raw = Raw::connect(address);
    raw.send(format!(
        "{method} /case HTTP/1.1\r\nHost: a\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ));
    let mut bytes = Vec::new();
    if let Err(fault) = raw.stream().read_to_end(&mut bytes)
        && fault.kind() == std::io::ErrorKind::WouldBlock
    {
        return Err(format!("the connection is not closed: \"{}\"", bytes.escape_ascii()));
    }
    let (mut rest, mut all, mut to_head) = (&bytes[..], Vec::new(), method == "HEAD");
    while !rest.is_empty() {
        let (got, behind) = message(rest, to_head);
        to_head &= got.status < 200;
        rest = behind;
        all.push(got);
    }
    Ok(all)
}

fn message(bytes: &[u8], to_head: bool) -> (Got, &[u8]) {
    let cut = || Got { status: 0, head: Vec::new(), content: String::new(), is_whole: false };
    let Some(end) = head_end(bytes, 0) else { return (cut(), &[]) };
    let (head, body) = bytes.split_at(end);
    let Some(answer) = of_response(head, to_head) else {
        let head = vec![String::from_utf8_lossy(head).into_owned()];
        return (Got { head, ..cut() }, &[]);
    };
    let (content, end) = match answer.length {
        Length::None => (Some(Vec::new()), 0),
        Length::Bytes(length) => {
            let length = usize::try_from(length).unwrap();
            (body.get(..length).map(<[u8]>::to_vec), length.min(body.len()))
        }
        Length::UntilClose => (Some(body.to_vec()), body.len()),
        Length::Chunked => {
            let (mut chunked, mut content) = (Chunked::new(), Vec::new());
            let read = chunked.read(body, |part| content.extend_from_slice(part));
            let is_whole = read.is_ok() && chunked.is_ended();
            (is_whole.then_some(content), read.unwrap_or(body.len()))
        }
    };
    let is_whole = content.is_some();
    // A problem of ours names its request, which is another one each time.
    let content = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    let content = content.split("\"request_id\"").next().unwrap_or_default().to_owned();
    (Got { status: answer.status, head: lines(head), content, is_whole }, &body[end..])
}

/// How names are written has no meaning.
fn lines(head: &[u8]) -> Vec<String> {
    let head = String::from_utf8_lossy(head);
    let line = |line: &str| match line.split_once(':') {
        Some((name, value)) if !name.contains(' ') => format!("{}:{value}", name.to_ascii_lowercase()),
        _ => line.to_owned(),
    };
    let is_its_own = |line: &String| line.starts_with("x-request-id:") || line.starts_with("date:");
    let mut lines: Vec<_> = head.lines().map(line).filter(|line| !is_its_own(line)).collect();
    lines.sort();
    lines
}
