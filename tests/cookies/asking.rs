//! Cookies where another proxy asks for its clients.

use super::{ACCESS, Tab, before, set_cookies};
use crate::support::upstream::Upstream;

#[test]
fn the_decision_takes_them_as_the_route_does_and_renews_nothing() {
    let gateway =
        before(Upstream::start().address).env("GATEWAY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]").start();
    let tab = Tab::of_a_user(&gateway);
    let ask = |method: &str, path: &str, site: &str| {
        let request = tab.bare("GET", "/api/auth/verify").header("x-forwarded-method", method);
        request.header("x-forwarded-uri", path).header("sec-fetch-site", site).send()
    };
    let reply = ask("GET", "/api/todos", "cross-site");
    assert_eq!((reply.status, reply.header("x-user-email")), (200, tab.email.as_str()));
    assert_eq!(ask("POST", "/api/todos", "same-origin").status, 200);
    assert_eq!(ask("POST", "/api/todos", "cross-site").code(), "csrf_refused");
    assert_eq!(ask("GET", "/headers", "same-origin").code(), "token_missing");
    let before_it = tab.cookie(ACCESS);
    tab.age();
    let over = ask("GET", "/api/todos", "same-origin");
    assert_eq!((over.status, over.code().as_str()), (401, "token_expired"));
    assert!(set_cookies(&over).is_empty(), "neither new ones nor an end of those that there are");
    // The page then asks for new ones itself.
    assert_eq!(tab.post("/api/auth/refresh?mode=cookie").status, 200);
    assert_ne!(tab.cookie(ACCESS), before_it);
    assert_eq!(ask("GET", "/api/todos", "same-origin").status, 200);
}
