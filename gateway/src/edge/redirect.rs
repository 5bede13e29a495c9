//! From HTTP to HTTPS: the same target at the same host, whatever the method was.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, LOCATION};
use http::{Response, StatusCode};

/// RFC 9110 §15.4.9: a client keeps its method and its body. The host was checked; `port` is that
/// of HTTPS. `None` where no host was named.
pub(super) fn to_https(host: &str, target: &str, port: u16) -> Option<Response<Bytes>> {
    if host.is_empty() {
        return None;
    }
    // The colons of an IPv6 address stand within brackets.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let location = HeaderValue::try_from(format!("https://{name}{port}{target}")).ok()?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_stays_and_its_port_becomes_that_of_https() {
        let location = |host: &str, port| {
            let response = to_https(host, "/a?b=c", port).unwrap();
            response.headers()[LOCATION].to_str().unwrap().to_owned()
        };
        assert_eq!(location("example.com", 443), "https://example.com/a?b=c");
        assert_eq!(location("example.com:80", 443), "https://example.com/a?b=c");
        assert_eq!(location("example.com:8080", 8443), "https://example.com:8443/a?b=c");
        assert_eq!(location("[::1]:80", 443), "https://[::1]/a?b=c");
        assert_eq!(location("[::1]", 443), "https://[::1]/a?b=c");
    }
}
