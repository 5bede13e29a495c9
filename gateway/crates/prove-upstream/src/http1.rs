//! HTTP/1.1 byte by byte: requests that no library would send, and answers read as far as needed.

use std::time::Duration;

use super::attack::contains;
use super::endpoint::{Connection, Endpoint};

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// After a first answer, a further one may take this long.
const MORE_TIME_MAX: Duration = Duration::from_secs(1);

/// What came back.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered {
        status: u16,
        body: Vec<u8>,
    },
    /// The other side hung up without a word.
    Closed,
    /// No connection, or no answer in time.
    Silent(String),
}

impl Outcome {
    pub(super) fn shows(&self, marker: &str) -> bool {
        matches!(self, Self::Answered { body, .. } if contains(body, marker))
    }

    /// Why it says nothing about the attack, if so.
    pub(super) fn unclear(&self) -> Option<String> {
        match self {
            // What breaks on the way may have arrived.
            Self::Answered { status: status @ 500.., .. } => Some(format!("answered {status}")),
            Self::Answered { status: 429, .. } => Some("over a rate limit (429)".to_owned()),
            Self::Silent(why) => Some(why.clone()),
            Self::Answered { .. } | Self::Closed => None,
        }
    }
}

/// A request whose lines are written as they are told.
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A GET of the route with the token, if there is one.
    pub(super) fn new(endpoint: &Endpoint, token: Option<&str>) -> Self {
        Self::with_line(endpoint, token, &format!("GET {} HTTP/1.1", endpoint.target), "close")
    }

    pub(super) fn with_line(endpoint: &Endpoint, token: Option<&str>, line: &str, connection: &str) -> Self {
        let mut head = format!("{line}\r\nHost: {}\r\nAccept-Encoding: identity\r\n", endpoint.authority);
        if !connection.is_empty() {
            head.push_str(&format!("Connection: {connection}\r\n"));
        }
        if let Some(token) = token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        Self(head.into_bytes())
    }

    pub(super) fn field(self, name: &str, value: &str) -> Self {
        self.raw(&format!("{name}: {value}\r\n"))
    }

    pub(super) fn raw(mut self, bytes: &str) -> Self {
        self.0.extend_from_slice(bytes.as_bytes());
        self
    }

    /// The whole of it, ended as a head is.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.raw("\r\n").0
    }

    pub(super) fn send(self, endpoint: &Endpoint) -> Outcome {
        exchange(endpoint, &self.bytes())
    }
}

/// One request, and the answer to it.
pub(super) fn exchange(endpoint: &Endpoint, bytes: &[u8]) -> Outcome {
    let mut connection = match endpoint.connect(b"http/1.1") {
        Ok(connection) => connection,
        Err(why) => return Outcome::Silent(why),
    };
    // The other side may have refused before it read everything.
    connection.send(bytes).ok();
    let mut seen = Vec::new();
    loop {
        if let Some(outcome) = answer(&seen, false) {
            return outcome;
        }
        match read_more(&mut connection, &mut seen) {
            Ok(true) => {}
            Ok(false) => return answer(&seen, true).unwrap_or(Outcome::Closed),
            Err(why) => return Outcome::Silent(why),
        }
    }
}

/// Several requests on one connection, and everything that came back until its end.
pub(super) fn conversation(endpoint: &Endpoint, bytes: &[u8]) -> Outcome {
    let mut connection = match endpoint.connect(b"http/1.1") {
        Ok(connection) => connection,
        Err(why) => return Outcome::Silent(why),
    };
    connection.send(bytes).ok();
    let mut seen = Vec::new();
    while let Ok(true) = read_more(&mut connection, &mut seen) {
        // Others may follow; one that keeps the connection open would otherwise keep us.
        if answer(&seen, false).is_some() {
            connection.wait_at_most(MORE_TIME_MAX);
        }
    }
    match answer(&seen, true) {
        Some(Outcome::Answered { status, .. }) => Outcome::Answered { status, body: seen },
        _ => Outcome::Closed,
    }
}

/// `false` at the end.
fn read_more(connection: &mut Connection, seen: &mut Vec<u8>) -> Result<bool, String> {
    let mut chunk = [0; 16_384];
    if seen.len() > ANSWER_BYTES_MAX {
        return Err("the answer is over 4 MiB".to_owned());
    }
    match connection.receive(&mut chunk) {
        Ok(0) => Ok(false),
        Ok(read) => {
            seen.extend_from_slice(&chunk[..read]);
            Ok(true)
        }
        Err(fault) if fault.kind() == std::io::ErrorKind::ConnectionReset => Ok(false),
        Err(fault) => Err(format!("no whole answer: {fault}")),
    }
}

/// The first final answer among these bytes, once it is whole; at the end of the connection,
/// as far as it came.
fn answer(seen: &[u8], ended: bool) -> Option<Outcome> {
    let mut rest = seen;
    loop {
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, body) = (String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase(), &rest[end + 4..]);
        let status: u16 = head.strip_prefix("http/1.")?.get(2..5)?.parse().ok()?;
        if (100..200).contains(&status) && status != 101 {
            rest = body;
            continue;
        }
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let body = if field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            dechunked(body).or(ended.then(|| body.to_vec()))?
        } else if status == 101 || status == 204 || status == 304 {
            Vec::new()
        } else if let Some(length) = field("content-length").and_then(|length| length.trim().parse().ok()) {
            match body.get(..length) {
                Some(body) => body.to_vec(),
                None if ended => body.to_vec(),
                None => return None,
            }
        } else if ended {
            body.to_vec()
        } else {
            return None;
        };
        return Some(Outcome::Answered { status, body });
    }
}

/// `None` while it is not whole.
fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seen: &str, ended: bool) -> Option<(u16, String)> {
        match answer(seen.as_bytes(), ended)? {
            Outcome::Answered { status, body } => Some((status, String::from_utf8(body).unwrap())),
            _ => None,
        }
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole_by_length_by_chunks_or_by_its_end() {
        assert_eq!(told("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", false), None);
        assert_eq!(told("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false), Some((200, "ok".into())));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x\r\nyes\r\n";
        assert_eq!(told(chunked, false), None);
        assert_eq!(told(&format!("{chunked}0\r\n\r\n"), false), Some((200, "okyes".into())));
        assert_eq!(told("HTTP/1.1 400 Bad\r\n\r\nno", false), None);
        assert_eq!(told("HTTP/1.1 400 Bad\r\n\r\nno", true), Some((400, "no".into())));
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n";
        assert_eq!(told(interim, false), Some((204, String::new())));
        assert_eq!(
            told("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", false),
            None
        );
        assert_eq!(told("nonsense\r\n\r\n", true), None);
    }
}
