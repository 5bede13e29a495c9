//! The line of a request as JSON, written without a detour: there is one for each request. It has the very
//! form that `log_json` gives to all other lines, and a property holds them together.

use std::cell::Cell;
use std::fmt;
use std::io::Write as _;

use serde::Serialize;

use super::access_log::{AccessLine, micros};
use super::log_queue::Entrance;
use super::log_time;
use super::redact::ShownAddress;
use super::requests::known_method;
use gateway_clock::wall_time;

/// What a thread keeps to write its next line into. A longer line is a client's choice.
const KEPT_BYTES_MAX: usize = 4 << 10;

pub(super) fn write(line: &AccessLine<'_>, entrance: &Entrance) {
    thread_local!(static TEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) });
    let mut text = TEXT.take();
    text.clear();
    encode(line, &mut text);
    entrance.put(&text);
    if text.capacity() <= KEPT_BYTES_MAX {
        TEXT.set(text);
    }
}

fn encode(line: &AccessLine<'_>, text: &mut Vec<u8>) {
    text.extend_from_slice(br#"{"timestamp":""#);
    log_time::write(wall_time(), text);
    text.extend_from_slice(br#"","level":"INFO","message":"request""#);
    let mut fields = Fields(text);
    fields.text(r#","request_id":"#, Some(line.request_id));
    fields.plain(r#","trace_id":"#, line.trace);
    fields.client(line.client.and_then(ShownAddress::from_ip));
    fields.text(r#","method":"#, Some(known_method(line.method)));
    fields.text(r#","path":"#, Some(line.path));
    fields.text(r#","route":"#, Some(line.route));
    fields.put(r#","status":"#, line.status);
    fields.text(r#","outcome":"#, Some(line.outcome));
    fields.put_some(r#","user_id":"#, line.user_id);
    fields.text(r#","subject":"#, line.subject.as_deref());
    fields.text(r#","issuer":"#, line.issuer);
    fields.text(r#","reason":"#, line.reason);
    fields.put_some(r#","token_bytes":"#, line.token_bytes);
    fields.put(r#","duration_micros":"#, micros(line.duration));
    fields.put_some(r#","decision_micros":"#, line.decision.map(micros));
    fields.put_some(r#","first_byte_micros":"#, line.first_byte.map(micros));
    fields.put(r#","request_bytes":"#, line.request_bytes);
    fields.put(r#","response_bytes":"#, line.response_bytes);
    text.extend_from_slice(b",\"target\":\"access\"}\n");
}

/// A name stands with all that JSON has around it.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn put(&mut self, name: &'static str, value: impl Serialize) {
        self.0.extend_from_slice(name.as_bytes());
        // A text or a number always has a form, and memory takes it.
        serde_json::to_writer(&mut *self.0, &value).ok();
    }

    fn put_some(&mut self, name: &'static str, value: Option<impl Serialize>) {
        value.into_iter().for_each(|value| self.put(name, value));
    }

    /// Nearly no text has anything to escape.
    fn text(&mut self, name: &'static str, text: Option<&str>) {
        let Some(text) = text else { return };
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        // All bytes are looked at, whatever the first ones are: that is done for many at a time.
        if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
            self.0.extend_from_slice(name.as_bytes());
            self.0.push(b'"');
            self.0.extend_from_slice(text.as_bytes());
            self.0.push(b'"');
        } else {
            self.put(name, text);
        }
    }

    /// Most are of IPv4, and are shown whole.
    fn client(&mut self, client: Option<ShownAddress>) {
        match client.and_then(|client| client.whole_v4()) {
            Some([first, others @ ..]) => {
                self.put(r#","client":""#, first);
                others.into_iter().for_each(|octet| self.put(".", octet));
                self.0.push(b'"');
            }
            None => self.plain(r#","client":"#, client),
        }
    }

    /// What consists of digits, letters, dots, colons and slashes: there is nothing to escape.
    fn plain(&mut self, name: &'static str, value: Option<impl fmt::Display>) {
        let Some(value) = value else { return };
        self.0.extend_from_slice(name.as_bytes());
        // Memory takes whatever it is.
        write!(self.0, "\"{value}\"").ok();
    }
}

#[cfg(test)]
mod tests;
