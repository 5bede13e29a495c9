//! What a service sees of cookies, and what it can do to ours.

use super::{ACCESS, CSRF, REFRESH, Tab, before, kept, set_cookies};
use crate::support::gateway::Setup;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

#[test]
fn ours_never_arrive_on_any_route_and_all_others_do_byte_for_byte() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let (access, refresh, csrf) = (tab.cookie(ACCESS), tab.cookie(REFRESH), tab.cookie(CSRF));
    let ours = format!("{ACCESS}={access}; {REFRESH}={refresh}; {CSRF}={csrf}");
    for path in ["/api/todos", "/open", "/maybe"] {
        for (sent, arrives) in [
            (format!("a=1; {ours}; b=\"2\""), vec!["a=1; b=\"2\""]),
            (format!("{ours};a=1;  b"), vec!["a=1;  b"]),
            (format!("theme=dark;;{ours}"), vec!["theme=dark;"]),
            (ours.clone(), vec![]),
            (format!("a=1\r\nCookie: {ours}\r\nCookie: b=2"), vec!["a=1", "b=2"]),
        ] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {sent}\r\nConnection: close\r\n\r\n");
            assert_eq!(Raw::connect(gateway.address).send(request).reply().unwrap().status, 200);
            assert_eq!(upstream.only().all("cookie"), arrives, "{path} {sent}");
            upstream.forget();
        }
    }
    // However many there are: nobody looks at them on a public route.
    let many = format!("{ACCESS}=x; {ACCESS}=y; c=3; {REFRESH}; {CSRF}=");
    assert_eq!(gateway.client().get("/open").header("cookie", &many).send().status, 200);
    assert_eq!(upstream.only().all("cookie"), ["c=3"]);
}

#[test]
fn a_service_cannot_set_ours() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: __Host-gateway_access=evil; Path=/; Secure\r\nSet-Cookie: =__Host-gateway_refresh=evil\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    for path in ["/api/todos", "/open"] {
        assert_eq!(set_cookies(&tab.get(path)), ["a=1; Path=/", "b=2"], "{path}");
    }
    tab.age();
    let renewed = tab.get("/api/todos");
    assert_eq!(kept(&renewed), ["a", "b", ACCESS, REFRESH, CSRF], "ours stand beside its own");
    let off = Setup::before(upstream.address).route("open", "/open", "todo", "auth = \"public\"").start();
    assert_eq!(set_cookies(&off.client().get("/open").send()).len(), 4);
}

#[test]
fn no_cache_keeps_an_answer_that_sets_them_or_gives_one_users_to_another() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=600\r\nCDN-Cache-Control: max-age=600\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let plain = tab.get("/api/todos");
    assert_eq!(plain.header("cache-control"), "public, max-age=600");
    let vary: Vec<_> = plain.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept", "Cookie"]);
    tab.age();
    let renewed = tab.get("/api/todos");
    assert_eq!((renewed.header("cache-control"), renewed.header("cdn-cache-control")), ("no-store", ""));
    assert_eq!(tab.get("/open").headers.get_all("vary").iter().count(), 1, "there they decide nothing");
}
