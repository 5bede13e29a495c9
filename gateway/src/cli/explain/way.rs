//! Which way the request would take, were it sent over HTTP/1.1.

use http::{HeaderMap, Method};

use gateway_telemetry::Way;

/// The head as a client writes it.
pub(super) fn head(method: &Method, target: &str, host: &str, headers: &HeaderMap) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// None is taken by what is no request.
pub(super) fn in_words(way: Option<Way>) -> &'static str {
    way.map_or("none: over HTTP/1.1 such a head is refused before anything is decided", Way::in_words)
}
