//! Server-sent events.

use std::time::Duration;

use super::{before, hears, short_lived, timed};
use crate::support::authority::Authority;
use crate::support::gateway::Gateway;
use crate::support::raw::Raw;
use crate::support::streaming::Streaming;

fn listen(gateway: &Gateway, path: &str, token: &str) -> Raw {
    let mut stream = Raw::connect(gateway.address);
    stream.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"));
    let head = stream.head().unwrap();
    assert_eq!((head.status, head.field("content-type").as_deref()), (200, Some("text/event-stream")));
    stream
}

#[test]
fn each_event_comes_when_it_is_sent() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    // The answer has not ended, and will not: what came is not held back.
    let stream = listen(&gateway, "/still/events", &gateway.user().access);
    assert!(hears(&stream, "data: first"));
}

#[test]
fn it_ends_with_its_token_whether_something_is_said_or_not() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    for path in ["/still/events", "/still/ticking/events"] {
        let mut stream = listen(&gateway, path, &short_lived(&gateway, 4));
        assert!(hears(&stream, "data: first"));
        let (_, waited) = timed(|| stream.rest());
        assert!(waited < Duration::from_secs(10), "{path}: {waited:?}");
        let ada = gateway.user();
        let mut stream = listen(&gateway, path, &ada.access);
        assert!(hears(&stream, "data: first"));
        assert_eq!(ada.log_out().status, 200);
        let (_, waited) = timed(|| stream.rest());
        assert!(waited < Duration::from_secs(10), "{path}: {waited:?}");
    }
}

#[test]
fn a_connection_whose_stream_is_over_is_not_concerned() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let token = short_lived(&gateway, 4);
    let ask = format!("GET /still/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut client = Raw::connect(gateway.address);
    assert_eq!(client.send(&ask).reply().unwrap().status, 200);
    let mut refused = None;
    crate::support::eventually("the token has expired", || {
        refused = client.send(&ask).reply();
        refused.as_ref().is_none_or(|reply| reply.status == 401)
    });
    assert_eq!(refused.unwrap().status, 401, "an answer, and not a closed connection");
}
