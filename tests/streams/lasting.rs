//! Answers that last, of whatever kind: they end with their token as streams do.

use std::time::Duration;

use super::{before, hears, short_lived, timed};
use crate::support::authority::Authority;
use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::streaming::Streaming;
use crate::support::upstream::Upstream;
use crate::support::{eventually, in_parallel};

/// Nothing may outlive its token for longer.
const SOON: Duration = Duration::from_secs(10);

const KINDS: [&str; 4] = ["application/x-ndjson", "application/connect+json", "application/zip", ""];

/// An answer that has begun.
fn begun(gateway: &Gateway, path: &str, token: &str) -> Raw {
    let mut client = Raw::connect(gateway.address);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"));
    assert_eq!(client.head().unwrap().status, 200, "{path}");
    client
}

/// What is left of it, where it ends soon.
#[track_caller]
fn ends(client: &mut Raw) -> String {
    let (rest, waited) = timed(|| client.rest());
    assert!(waited < SOON, "{waited:?}");
    rest
}

#[test]
fn one_whose_end_nobody_knows_ends_with_its_token_whether_something_is_said_or_not() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let answers: Vec<_> = KINDS.iter().flat_map(|kind| [(kind, ""), (kind, "&ticking")]).collect();
    let tokens: Vec<_> = answers.iter().map(|_| short_lived(&gateway, 4)).collect();
    in_parallel(answers.len(), |number| {
        let (kind, more) = answers[number];
        let mut client = begun(&gateway, &format!("/live/lasting?type={kind}{more}"), &tokens[number]);
        let rest = ends(&mut client);
        assert!(rest.contains("first") && !rest.ends_with("0\r\n\r\n"), "{kind}{more}: {rest}");
    });
    let ended = gateway.total("gateway_streams_ended_total", &[("reason", "token_expired")]);
    assert_eq!(ended, 8.0);
    assert_eq!(gateway.metric("gateway_streams_running"), 0.0);
}

#[test]
fn a_logout_or_a_deactivation_ends_each_one_of_a_known_end_too() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "on_expiry = \"allow\"").start();
    let (ada, ben, admin) = (gateway.user(), gateway.user(), gateway.admin());
    let lasting = |token: &str| {
        ["?", "?ticking", "?measured"].map(|more| begun(&gateway, &format!("/live/lasting{more}"), token))
    };
    let (hers, his, others) = (lasting(&ada.access), lasting(&ben.access), lasting(&admin.access));
    assert_eq!(ada.log_out().status, 200);
    let deactivated = admin
        .client
        .request("PATCH", &format!("/api/auth/users/{}", ben.id))
        .bearer(&admin.access)
        .json(&serde_json::json!({"is_active": false}))
        .send();
    assert_eq!(deactivated.status, 200, "{}", deactivated.text());
    for mut client in hers.into_iter().chain(his) {
        assert!(!ends(&mut client).contains("last\n"));
    }
    let [_, _, measured] = others;
    assert!(hears(&measured, "last\n"), "somebody else's goes on");
}

#[test]
fn one_of_a_known_end_comes_to_it_unless_the_route_says_otherwise() {
    let services = Streaming::start();
    let path = |name: &str| format!("/{name}/lasting?measured");
    let gateway = before(&services, &Authority::new(), "")
        .route("all", "/all", "http", "on_expiry = \"close_all\"")
        .start();
    let tokens = [short_lived(&gateway, 3), short_lived(&gateway, 3)];
    let replies = in_parallel(2, |number| {
        let name = ["live", "all"][number];
        let mut client = Raw::connect(gateway.address);
        let token = &tokens[number];
        client
            .send(format!("GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n", path(name)));
        client.reply().map(|reply| reply.text().ends_with("last\n"))
    });
    assert_eq!(replies, [Some(true), None]);
}

#[test]
fn where_the_route_lets_it_one_whose_end_nobody_knows_outlives_its_token() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "on_expiry = \"allow\"").start();
    let token = short_lived(&gateway, 2);
    let mut client = begun(&gateway, "/live/lasting?", &token);
    // The one beside it, whose route says nothing, shows that the time is over.
    ends(&mut begun(&gateway, "/still/lasting?", &token));
    client.stream().set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    assert!(client.rest().contains("first"));
    let still = client.stream().peek(&mut [0]).map_err(|fault| fault.kind());
    assert_eq!(still.unwrap_err(), std::io::ErrorKind::WouldBlock, "it is open");
}

#[test]
fn over_http2_it_is_reset_and_what_runs_beside_it_goes_on() {
    let (services, authority) = (Streaming::start(), Authority::new());
    let gateway = before(&services, &authority, "").start();
    let mut client = H2::encrypted(gateway.further[0], authority.client(&[]));
    let (ada, ben) = (gateway.user(), gateway.user());
    let mut open = |token: &str, more: &str| {
        let bearer = format!("Bearer {token}");
        let request = client.request("GET", &format!("/live/lasting?{more}"), &[("authorization", &bearer)]);
        let mut open = client.open(request);
        open.send.send_data(bytes::Bytes::new(), true).unwrap();
        assert!(client.next(&mut open).unwrap().is_some());
        open
    };
    let (mut hers, mut his) = (open(&ada.access, "ticking"), open(&ben.access, ""));
    assert_eq!(ada.log_out().status, 200);
    let (end, waited) = timed(|| {
        loop {
            match client.next(&mut hers) {
                Ok(Some(_)) => {}
                end => return end,
            }
        }
    });
    assert!(end.as_ref().is_err_and(h2::Error::is_reset) && waited < SOON, "{end:?} after {waited:?}");
    assert!(client.within(&mut his, Duration::from_millis(700)).is_none(), "it is open");
}

#[test]
fn a_connection_goes_on_after_an_answer_that_lasted() {
    let services = Streaming::start();
    let gateway = before(&services, &Authority::new(), "").start();
    let ada = gateway.user();
    let mut client = Raw::connect(gateway.address);
    let ask = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ada.access)
    };
    assert!(client.send(ask("/live/lasting?measured")).reply().unwrap().text().ends_with("last\n"));
    assert_eq!(client.send(ask("/live/x")).reply().unwrap().text(), "plain");
    assert_eq!(ada.log_out().status, 200);
    assert_eq!(
        client.send(ask("/live/x")).reply().unwrap().status,
        401,
        "an answer, and no closed connection"
    );
}

#[test]
fn one_that_was_long_in_coming_is_for_who_is_still_in_force() {
    let upstream = Upstream::that_takes(Duration::from_secs(2));
    let gateway = Setup::before(upstream.address).start();
    // Who has changed something is told what became of it.
    for (method, status) in [("GET", 401), ("POST", 200)] {
        let ada = gateway.user();
        let reply = std::thread::scope(|scope| {
            let asked = scope.spawn(|| ada.request(method, "/api/todos").send());
            eventually("it has arrived", || !upstream.arrived().is_empty());
            assert_eq!(ada.log_out().status, 200);
            asked.join().unwrap()
        });
        upstream.forget();
        assert_eq!(reply.status, status, "{method}: {}", reply.text());
        assert!(status == 200 || reply.code() == "token_revoked", "{}", reply.text());
    }
}
