//! What a page of another origin sends with a browser's cookies.

use std::net::SocketAddr;

use super::{CSRF, Tab, before};
use crate::support::gateway::Gateway;
use crate::support::http::{Reply, Request};
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

const FOREIGN: &str = "Request refused: a page of another origin sent it";
const UNPROVED: &str = "Request refused: nothing shows that a page of this origin sent it; send the cookie __Host-gateway_csrf as X-CSRF-Token";

fn own_origin(gateway: &Gateway) -> String {
    format!("http://{}", gateway.address)
}

/// A request that changes something, on a route and on an endpoint of ours.
fn posts(tab: &Tab, fields: &[(&str, &str)]) -> [Reply; 2] {
    let with =
        |request: Request| fields.iter().fold(request, |request, (name, value)| request.header(name, value));
    [with(tab.bare("POST", "/api/todos")).send(), with(tab.bare("PUT", "/api/auth/profile")).send()]
}

#[track_caller]
fn pass(replies: [Reply; 2]) {
    replies.iter().for_each(|reply| assert_eq!(reply.status, 200, "{}", reply.text()));
}

#[track_caller]
fn are_refused(replies: [Reply; 2], words: &str) {
    replies.iter().for_each(|reply| reply.is_refused(403, words, "csrf_refused"));
}

#[test]
fn what_the_browser_says_of_the_page_decides_for_each_method_that_changes_something() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let ask = |method: &str, site: &str| tab.bare(method, "/api/todos").header("sec-fetch-site", site).send();
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        assert_eq!(ask(method, "same-origin").status, 200, "{method}");
        upstream.forget();
        for site in ["same-site", "cross-site"] {
            ask(method, site).is_refused(403, FOREIGN, "csrf_refused");
        }
        for site in ["none", "", "Same-Origin", "same-origin, cross-site", "later-invented"] {
            ask(method, site).is_refused(403, UNPROVED, "csrf_refused");
        }
        assert!(upstream.arrived().is_empty(), "{method}");
    }
    // What changes nothing passes: a link on another site leads to a page of somebody who is logged in.
    for method in ["GET", "OPTIONS"] {
        for site in ["same-origin", "same-site", "cross-site", "none"] {
            assert_eq!(ask(method, site).status, 200, "{method} {site}");
        }
    }
    assert_eq!(gateway.decided("csrf_refused"), 35.0);
    assert_eq!(tab.get("/api/todos").status, 200, "nobody is logged out by it");
}

#[test]
fn the_right_token_does_not_help_a_page_that_is_foreign_by_the_browsers_word() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let csrf = tab.cookie(CSRF);
    are_refused(posts(&tab, &[("sec-fetch-site", "cross-site"), ("x-csrf-token", &csrf)]), FOREIGN);
}

#[test]
fn an_older_browser_is_known_by_its_origin() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    pass(posts(&tab, &[("origin", &own_origin(&gateway))]));
    let port = gateway.address.port();
    for foreign in [
        "null",
        "https://evil.example",
        &format!("https://127.0.0.1:{port}"),
        &format!("http://127.0.0.1:{}", port - 1),
        &format!("http://evil.127.0.0.1:{port}"),
        &format!("{} ", own_origin(&gateway)).replace("127", "128"),
    ] {
        are_refused(posts(&tab, &[("origin", foreign)]), UNPROVED);
    }
    // Two of them are none.
    let twice = format!(
        "POST /api/todos HTTP/1.1\r\nHost: {}\r\nOrigin: {1}\r\nOrigin: {1}\r\nCookie: {2}\r\nContent-Length: 0\r\n\r\n",
        gateway.address,
        own_origin(&gateway),
        tab.cookies()
    );
    assert_eq!(Raw::connect(gateway.address).send(twice).reply().unwrap().status, 403);
}

#[test]
fn where_nothing_is_said_of_the_page_the_sessions_own_token_decides() {
    let gateway = before(Upstream::start().address).start();
    let (tab, other) = (Tab::of_a_user(&gateway), Tab::of_a_user(&gateway));
    let csrf = tab.cookie(CSRF);
    are_refused(posts(&tab, &[]), UNPROVED);
    pass(posts(&tab, &[("x-csrf-token", &csrf)]));
    pass(posts(&tab, &[("x-csrf-token", &csrf), ("origin", "null")]));
    let last = if csrf.ends_with('A') { "E" } else { "A" };
    let changed = format!("{}{last}", &csrf[..csrf.len() - 1]);
    let short = &csrf[..csrf.len() - 4];
    for wrong in [other.cookie(CSRF).as_str(), &changed, short, "", "x", "\u{fc}"] {
        are_refused(posts(&tab, &[("x-csrf-token", wrong)]), UNPROVED);
    }
    // A sibling's cookie beside it proves nothing: the token belongs to the session, not to the cookie.
    tab.set(CSRF, &other.cookie(CSRF));
    are_refused(posts(&tab, &[("x-csrf-token", &other.cookie(CSRF))]), UNPROVED);
    pass(posts(&tab, &[("x-csrf-token", &csrf)]));
}

#[test]
fn it_must_be_right_for_each_session_whose_tokens_there_are() {
    let gateway = before(Upstream::start().address).start();
    let (tab, thief) = (Tab::of_a_user(&gateway), Tab::of_a_user(&gateway));
    // The thief planted an access token of his that is over, and knows the token that goes with it.
    thief.age();
    tab.set(super::ACCESS, &thief.cookie(super::ACCESS));
    are_refused(posts(&tab, &[("x-csrf-token", &thief.cookie(CSRF))]), UNPROVED);
    are_refused(posts(&tab, &[("x-csrf-token", &tab.cookie(CSRF))]), UNPROVED);
}

#[test]
fn pages_of_an_origin_that_the_operator_lets_act_for_users_pass() {
    let cors = |credentials| format!("origins = [\"https://app.example\"], credentials = {credentials}");
    let gateway = before(Upstream::start().address)
        .route("lets", "/lets", "todo", &format!("cors = {{ {} }}", cors(true)))
        .route("reads", "/reads", "todo", &format!("cors = {{ {} }}", cors(false)))
        .start();
    let tab = Tab::of_a_user(&gateway);
    let ask = |path: &str, origin: &str, site: Option<&str>| {
        let request = tab.bare("POST", path).header("origin", origin);
        site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site)).send()
    };
    for site in [Some("same-site"), Some("cross-site"), None] {
        let reply = ask("/lets", "https://app.example", site);
        assert_eq!((reply.status, reply.header("access-control-allow-credentials")), (200, "true"));
        assert_eq!(ask("/lets", "https://evil.example", site).code(), "csrf_refused");
        assert_eq!(ask("/reads", "https://app.example", site).code(), "csrf_refused");
        assert_eq!(ask("/api/todos", "https://app.example", site).code(), "csrf_refused");
    }
}

#[test]
fn behind_a_proxy_with_tls_the_origin_is_https() {
    let gateway =
        before(Upstream::start().address).env("GATEWAY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]").start();
    let tab = Tab::of_a_user(&gateway);
    let ask = |origin: &str| {
        let request = tab.bare("POST", "/api/todos").header("x-forwarded-proto", "https");
        request.header("host", "app.example").header("origin", origin).send().status
    };
    assert_eq!((ask("https://app.example"), ask("https://app.example:443")), (200, 200));
    assert_eq!((ask("http://app.example"), ask("https://api.app.example")), (403, 403));
}

/// As a page opens one. It can set neither of the fields that are looked at.
fn opens(address: SocketAddr, cookies: &str, fields: &str) -> u16 {
    let request = format!(
        "GET /live HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookies}\r\n{fields}\r\n"
    );
    Raw::connect(address).send(request).head().unwrap().status
}

#[test]
fn a_websocket_of_another_site_is_refused_though_it_is_a_get() {
    let services = crate::support::streaming::Streaming::start();
    let upstream = Upstream::start();
    let gateway = before(upstream.address)
        .upstream("live", &services.http)
        .route("live", "/live", "live", "websocket = true")
        .start();
    let tab = Tab::of_a_user(&gateway);
    let open = |fields: &str| opens(gateway.address, &tab.cookies(), fields);
    assert_eq!(open(&format!("Origin: {}\r\n", own_origin(&gateway))), 101);
    assert_eq!(open("Origin: https://evil.example\r\n"), 403);
    assert_eq!(open("Origin: https://evil.example\r\nUpgrade: h2c\r\n"), 403);
    assert_eq!(open("Origin: null\r\n"), 403);
    assert_eq!(open(&format!("Origin: {}\r\nSec-Fetch-Site: cross-site\r\n", own_origin(&gateway))), 403);
    assert_eq!(open(""), 403);
}
