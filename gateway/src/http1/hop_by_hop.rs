//! What a request says of the connection on which it came, and goes no further (RFC 9110 §7.6.1).

use http::HeaderMap;
use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const CLOSE: HeaderName = HeaderName::from_static("close");

/// Takes them off a simple request, whose `Connection` has at most one of the two usual words. Either is
/// the name of a field as well.
pub fn take_off_the_connection(headers: &mut HeaderMap) {
    if let Some(said) = headers.remove(CONNECTION)
        && said.as_bytes().eq_ignore_ascii_case(b"close")
    {
        headers.remove(CLOSE);
    }
    for name in [
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_said_of_the_connection_is_taken_off_and_nothing_else() {
        let left = |said: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append("connection", HeaderValue::from_static(said));
            for name in ["keep-alive", "close", "proxy-authorization", "http2-settings", "te", "host", "x"] {
                headers.append(name, HeaderValue::from_static("y"));
            }
            take_off_the_connection(&mut headers);
            let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(left("keep-alive"), "close host x");
        assert_eq!(left("Close"), "host x");
    }
}
