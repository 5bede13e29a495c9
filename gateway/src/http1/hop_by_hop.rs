//! What a request says of the connection on which it came, and goes no further (RFC 9110 §7.6.1).

use http::header::{
    CONNECTION, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const CLOSE: HeaderName = HeaderName::from_static("close");

/// Whether a field of a simple request is one of them; `said` is its `Connection`, which has at most one of
/// the two usual words. Either is the name of a field as well.
pub fn is_of_the_connection(name: &HeaderName, said: Option<&HeaderValue>) -> bool {
    let is_close = |said: &HeaderValue| said.as_bytes().eq_ignore_ascii_case(b"close");
    ALL.contains(name) || *name == CLOSE && said.is_some_and(is_close)
}

static ALL: [HeaderName; 10] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_connection_is_taken_off_and_nothing_else() {
        let left = |said: &'static str| {
            let said = HeaderValue::from_static(said);
            let names = ["connection", "keep-alive", "close", "proxy-authorization", "http2-settings", "te"];
            let names = names.into_iter().chain(["host", "x"]).map(HeaderName::from_static);
            let left = names.filter(|name| !is_of_the_connection(name, Some(&said)));
            left.map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(left("keep-alive"), "close host x");
        assert_eq!(left("Close"), "host x");
    }
}
