//! From HTTP to HTTPS: the same target at the same host, whatever the method was.

use http::header::{CONTENT_LENGTH, HeaderValue, LOCATION};
use http::{Response, StatusCode};

use super::{DecisionTrace, Denied, Head, Refusal, RequestTarget, Snapshot, cors};

/// RFC 9110 §15.4.9: a client keeps its method and its body. `port` is that of HTTPS. Refused where no host
/// was named, and where nobody would be served at such a target.
pub(super) fn to_https(
    config: &Snapshot,
    head: &Head<'_>,
    port: u16,
    trace: &mut DecisionTrace,
) -> Result<Response<()>, Denied> {
    let location = match head.target {
        RequestTarget::Canonical(target) => location(head.host, target.as_str(), port),
        RequestTarget::AsSent(_) => {
            let asked = cors::preflight_for(head.method, head.headers);
            let method = asked.as_ref().unwrap_or(head.method);
            let chosen = config.routes.choose(head.host, method, head.target);
            let (target, _) = chosen.map_err(|refusal| refusal.before_a_route(trace))?;
            location(head.host, target.as_str(), port)
        }
    };
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location.ok_or(Refusal::NoHost)?);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    Ok(response)
}

/// The host was checked. `None` where none was named.
fn location(host: &str, target: &str, port: u16) -> Option<HeaderValue> {
    if host.is_empty() {
        return None;
    }
    // The colons of an IPv6 address stand within brackets.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    HeaderValue::try_from(format!("https://{name}{port}{target}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_stays_and_its_port_becomes_that_of_https() {
        let location = |host: &str, port| location(host, "/a?b=c", port).unwrap();
        assert_eq!(location("example.com", 443), "https://example.com/a?b=c");
        assert_eq!(location("example.com:80", 443), "https://example.com/a?b=c");
        assert_eq!(location("example.com:8080", 8443), "https://example.com:8443/a?b=c");
        assert_eq!(location("[::1]:80", 443), "https://[::1]/a?b=c");
        assert_eq!(location("[::1]", 443), "https://[::1]/a?b=c");
    }
}
