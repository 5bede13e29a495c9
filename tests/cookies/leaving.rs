//! The end of a session that a browser carries.

use super::{ACCESS, CSRF, REFRESH, Tab, before, forgets, set_cookies};
use crate::support::upstream::Upstream;

#[test]
fn a_logout_ends_the_session_and_takes_the_cookies_away() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let copy = tab.copied();
    let reply = tab.post("/api/auth/logout");
    assert_eq!(reply.is_served(200)["message"], "Logged out successfully");
    assert!(forgets(&reply), "{:?}", set_cookies(&reply));
    assert_eq!(tab.cookies(), "");
    assert_eq!(tab.get("/api/todos").code(), "token_missing");
    let late = copy.get("/api/todos");
    assert_eq!((late.status, late.code().as_str()), (401, "token_revoked"));
    assert!(forgets(&late));
}

#[test]
fn the_refresh_token_alone_is_enough_and_so_is_an_access_token_that_is_over() {
    let gateway = before(Upstream::start().address).start();
    let (one, other) = (Tab::of_a_user(&gateway), Tab::of_a_user(&gateway));
    let thieves = [one.copied(), other.copied()];
    one.lose(ACCESS);
    other.age();
    for tab in [&one, &other] {
        let reply = tab.post("/api/auth/logout");
        assert!(reply.status == 200 && forgets(&reply), "{}", reply.text());
    }
    for thief in thieves {
        assert_eq!(thief.get("/api/todos").code(), "token_revoked");
    }
}

#[test]
fn no_page_of_others_logs_a_user_out() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    for reply in [
        tab.bare("POST", "/api/auth/logout").header("sec-fetch-site", "cross-site").send(),
        tab.bare("POST", "/api/auth/logout").header("origin", "null").send(),
        tab.bare("POST", "/api/auth/logout").send(),
    ] {
        assert_eq!((reply.status, reply.code().as_str()), (403, "csrf_refused"));
        assert!(set_cookies(&reply).is_empty());
    }
    assert_eq!(tab.get("/api/todos").status, 200);
    let by_token = tab.bare("POST", "/api/auth/logout").header("x-csrf-token", &tab.cookie(CSRF));
    assert_eq!(by_token.send().status, 200);
}

#[test]
fn cookies_that_are_nobodys_are_taken_away_and_none_are_told_so() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let none = gateway.client().post("/api/auth/logout").send();
    assert_eq!((none.status, none.code().as_str()), (422, "logout_token_required"));
    tab.set(ACCESS, "x");
    tab.set(REFRESH, "y");
    let reply = tab.post("/api/auth/logout");
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"));
    assert!(forgets(&reply));
}
