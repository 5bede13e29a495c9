//! The end of a request's body: a service sees exactly one, however its client's frames come.

use serde_json::Value;

use super::listening;
use crate::support::authority::Authority;
use crate::support::gateway::Setup;
use crate::support::h2::H2;
use crate::support::marking::Marking;
use crate::support::raw::exchange;
use crate::support::uploads::{BODY, DIGEST, Upload, Uploader};
use crate::support::verbatim::Verbatim;

const SERVICES: [&str; 3] = ["node", "uvicorn", "nginx"];

/// What the service got after the head of a body that came in these frames, and before the request of
/// somebody else that came next.
fn arrives_as(frames: &[&'static str], fields: &[(&str, &str)]) -> String {
    let service = Verbatim::start();
    let gateway = listening(Setup::before(service.address), &Authority::new());
    let (ada, bob) = (gateway.user(), gateway.user());
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let bearer = format!("Bearer {}", ada.access);
    let request =
        client.request("POST", "/api/todos", &[&[("authorization", bearer.as_str())], fields].concat());
    assert_eq!(client.send_frames(request, frames).unwrap().status, 200);
    assert_eq!(bob.get("/api/todos").status, 200);
    let bytes = service.connections().concat();
    let (_, after_head) = bytes.split_once("\r\n\r\n").unwrap();
    after_head.split_once("GET ").unwrap().0.to_owned()
}

#[test]
fn a_body_over_http2_that_ends_with_an_empty_frame_has_one_end_for_the_service() {
    assert_eq!(arrives_as(&["hello", ""], &[]), "5\r\nhello\r\n0\r\n\r\n");
}

#[test]
fn a_body_that_is_one_empty_frame_has_one_end_for_the_service() {
    assert_eq!(arrives_as(&[""], &[]), "0\r\n\r\n");
}

#[test]
fn an_empty_frame_in_the_middle_of_a_body_ends_nothing() {
    assert_eq!(arrives_as(&["he", "", "llo"], &[]), "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    assert_eq!(arrives_as(&["he", "", "llo", ""], &[]), "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
}

#[test]
fn a_body_of_a_length_that_was_said_has_no_further_end() {
    assert_eq!(arrives_as(&["hello"], &[("content-length", "5")]), "hello");
    assert_eq!(arrives_as(&["hello", ""], &[("content-length", "5")]), "hello");
}

/// Whether this is the answer to this request of this user.
fn belongs(status: u16, marker: &str, user: &str, to: (&str, u64)) -> bool {
    status == 200 && marker == to.0 && user == to.1.to_string()
}

#[test]
fn what_node_httpx_and_curl_upload_is_whole_for_node_uvicorn_and_nginx() {
    let (services, authority) = (Marking::start(), Authority::new());
    let gateway = listening(services.behind(1_000), &authority);
    let ada = gateway.user();
    let mut wrong = Vec::new();
    for (service, client) in SERVICES.iter().flat_map(|service| Uploader::ALL.map(|one| (service, one))) {
        let marker = format!("{client:?}-{service}");
        let upload = Upload {
            url: format!("https://localhost:{}/private/{service}/plain", gateway.further[1].port()),
            authority: authority.file(),
            fields: vec![("x-marker", marker.clone()), ("authorization", format!("Bearer {}", ada.access))],
        };
        let (status, answer) = client.send(&upload);
        let seen: Value = serde_json::from_str(answer.lines().next().unwrap_or("")).unwrap_or_default();
        let text = |name: &str| seen[name].as_str().unwrap_or("");
        let is_whole = text("digest") == DIGEST || text("body") == BODY;
        if !is_whole || !belongs(status, text("marker"), text("user"), (&marker, ada.id)) {
            wrong.push(format!("{client:?} to {service}: {status} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_next_request_of_somebody_else_gets_its_own_answer() {
    let services = Marking::start();
    let gateway = listening(services.behind(60_000), &Authority::new());
    let (ada, bob) = (gateway.user(), gateway.user());
    let bearer = format!("Bearer {}", ada.access);
    let mut client = H2::plain(gateway.further[0]).unwrap();
    let mut wrong = Vec::new();
    for (service, round) in SERVICES.iter().flat_map(|service| (0..20).map(move |round| (service, round))) {
        let (path, marker) = (format!("/private/{service}/plain"), format!("{service}{round}"));
        let request = client.request("POST", &path, &[("authorization", &bearer), ("x-marker", &marker)]);
        let up = client.send_frames(request, &["hello", ""]).unwrap();
        if !belongs(up.status, up.header("x-marker"), up.header("x-seen-user"), (&marker, ada.id)) {
            wrong.push(format!("{service}, the upload: {} {}", up.status, up.text()));
        }
        let marker = format!("{marker}-next");
        let get = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nX-Marker: {marker}\r\nAuthorization: Bearer {}\r\n\r\n",
            bob.access
        );
        let reply = exchange(gateway.address, get);
        let field = |name: &str| reply.as_ref().and_then(|reply| reply.field(name)).unwrap_or_default();
        let status = reply.as_ref().map_or(0, |reply| reply.status);
        if !belongs(status, &field("x-marker"), &field("x-seen-user"), (&marker, bob.id)) {
            wrong.push(format!("{service}, the next one: {reply:?}"));
        }
    }
    wrong.extend(services.unreadable_for_nginx());
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}
