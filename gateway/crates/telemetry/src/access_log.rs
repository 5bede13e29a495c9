//! One line a request. Nothing in it can be a token, a password or a query.

use std::net::IpAddr;
use std::time::Duration;

use super::redact::ShownAddress;
use super::requests::known_method;
use super::trace_context::TraceId;
use super::{access_json, log};

/// What is said of one request.
#[derive(Debug)]
pub struct AccessLine<'a> {
    pub request_id: &'a str,
    /// Of the trace that it is part of, if of any.
    pub trace: Option<TraceId>,
    pub client: Option<IpAddr>,
    pub method: &'a str,
    /// The path that was decided on, or what was sent ([`path_as_sent`]).
    pub path: &'a str,
    pub route: &'a str,
    pub status: u16,
    /// `ok`, `served`, or the code of the refusal.
    pub outcome: &'a str,
    /// An account of ours.
    pub user_id: Option<u64>,
    /// Or whom another issuer vouches for, as it may be logged.
    pub subject: Option<String>,
    /// Also of a token of its that was refused.
    pub issuer: Option<&'a str>,
    /// Why it was refused, in a word.
    pub reason: Option<&'static str>,
    /// Of one that is too large.
    pub token_bytes: Option<usize>,
    pub duration: Duration,
    /// How long we took to decide, without the wait for the revocation store.
    pub decision: Option<Duration>,
    /// How long the upstream took to the head of its answer.
    pub first_byte: Option<Duration>,
    pub request_bytes: usize,
    pub response_bytes: usize,
}

impl AccessLine<'_> {
    pub fn write(&self) {
        match log::json_lines() {
            Some(lines) => access_json::write(self, lines),
            None => self.write_text(),
        }
    }

    /// On the way of all lines, whatever their form is.
    pub(super) fn write_text(&self) {
        tracing::info!(
            target: "access",
            request_id = self.request_id,
            trace_id = self.trace.map(tracing::field::display),
            client = self.client.and_then(ShownAddress::from_ip).map(tracing::field::display),
            method = known_method(self.method),
            path = self.path,
            route = self.route,
            status = self.status,
            outcome = self.outcome,
            user_id = self.user_id,
            subject = self.subject,
            issuer = self.issuer,
            reason = self.reason,
            token_bytes = self.token_bytes,
            duration_micros = micros(self.duration),
            decision_micros = self.decision.map(micros),
            first_byte_micros = self.first_byte.map(micros),
            request_bytes = self.request_bytes,
            response_bytes = self.response_bytes,
            "request"
        );
    }
}

/// Whether the levels that are set let such lines pass, which may be told apart by their fields, too.
pub(super) fn passes() -> bool {
    tracing::event_enabled!(
        target: "access",
        tracing::Level::INFO,
        {
            message, request_id, trace_id, client, method, path, route, status, outcome, user_id, subject,
            issuer, reason, token_bytes, duration_micros, decision_micros, first_byte_micros, request_bytes,
            response_bytes
        }
    )
}

/// What is shown of a path at most, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// The path of a target that was not understood, so that whoever sent it can be found: escaped, cut short,
/// and without what can be a secret: the query, the parameters of segments (`;jsessionid=…`), and whoever
/// stands before a host.
pub fn path_as_sent(target: &[u8]) -> String {
    let authority = memchr::memmem::find(target, b"://").map_or(0, |scheme| scheme + 3);
    let authority = if target.starts_with(b"/") { behind_slashes(target) } else { authority };
    let sent = target.get(authority..).unwrap_or_default();
    let slash = sent.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let sent = slash.and_then(|slash| sent.get(slash..)).unwrap_or_default();
    let sent = sent.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let mut shown = String::new();
    let mut is_parameter = false;
    for (place, byte) in sent.iter().enumerate() {
        if shown.len() >= PATH_BYTES_MAX {
            shown.push_str("...");
            break;
        }
        is_parameter &= *byte != b'/';
        if is_parameter {
            continue;
        }
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}[]".contains(byte) {
            shown.push(char::from(*byte));
        } else {
            shown.push_str(&format!("%{byte:02X}"));
        }
        let escape = semicolon(sent.get(place..).unwrap_or_default());
        if let Some(escape) = escape {
            shown.push_str(escape);
        }
        is_parameter = escape.is_some() || *byte == b';';
    }
    shown
}

/// Where a host stands behind the slashes at the start, if somebody stands before it.
fn behind_slashes(target: &[u8]) -> usize {
    let start = target.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
    let mut pieces = target.get(start..).unwrap_or_default().split(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let first = pieces.next().unwrap_or_default();
    let names_somebody = first.contains(&b'@') || memchr::memmem::find(first, b"%40").is_some();
    if start > 1 && names_somebody { start } else { 0 }
}

/// What follows the percent sign of an escaped semicolon, however often it was escaped.
fn semicolon(text: &[u8]) -> Option<&str> {
    let mut rest = text.strip_prefix(b"%")?;
    while let Some(deeper) = rest.strip_prefix(b"25") {
        rest = deeper;
    }
    let bytes = text.len() - rest.len() + 2;
    let is_semicolon = rest.get(..2)?.eq_ignore_ascii_case(b"3B");
    is_semicolon.then(|| std::str::from_utf8(text.get(1..bytes)?).ok())?
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_that_was_refused_the_log_has_what_was_sent_and_no_secret() {
        for (sent, shown) in [
            ("/a//b?token=x", "/a//b"),
            ("/a/../b%2Fc", "/a/../b%2Fc"),
            ("/a;jsessionid=x/b%3bsecret/c;y", "/a;/b%3b/c;"),
            ("/a%253Bsecret/b%25253bsecret/%25/%253", "/a%253B/b%25253b/%25/%253"),
            ("//ada:secret@a.example/x?y", "/x"),
            ("///ada:secret%40a.example", ""),
            ("//a.example/x", "//a.example/x"),
            ("/\u{1b}[2J\"é\\\n", "/%1B%5B2J%22%C3%A9%5C%0A"),
            ("http://ada:secret@a.example/x?y", "/x"),
            ("http://ada:secret@a.example?x", ""),
            ("ada:secret@a.example:80", ""),
            ("/x?u=http://secret/y", "/x"),
            ("x/y#z", "/y"),
            ("", ""),
        ] {
            assert_eq!(path_as_sent(sent.as_bytes()), shown, "{sent:?}");
        }
        let long = path_as_sent("/x".repeat(500).as_bytes());
        assert!(long.len() == PATH_BYTES_MAX + 3 && long.ends_with("..."), "{long}");
    }
}
