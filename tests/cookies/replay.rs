//! A stolen refresh token of a browser.

use super::{REFRESH, Tab, before, forgets};
use crate::support::upstream::Upstream;

#[test]
fn one_that_was_replaced_and_comes_again_ends_the_session_for_both() {
    let gateway = before(Upstream::start().address).start();
    let (tab, elsewhere) = (Tab::of_a_user(&gateway), Tab::of_a_user(&gateway));
    let thief = tab.copied();
    // The owner goes on: the second renewal uses the successor of what was stolen.
    for _ in 0..2 {
        tab.age();
        assert_eq!(tab.get("/api/todos").status, 200);
    }
    thief.age();
    let reply = thief.get("/api/todos");
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_expired"));
    assert!(forgets(&reply));
    assert_eq!(gateway.metric("gateway_refreshes_total{result=\"reused\"}"), 1.0);
    gateway.says("refresh_reused");
    let reply = tab.get("/api/todos");
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_revoked"));
    assert!(forgets(&reply));
    assert_eq!(elsewhere.get("/api/todos").status, 200);
}

#[test]
fn without_grace_the_first_replay_ends_it() {
    let gateway = before(Upstream::start().address).env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let tab = Tab::of_a_user(&gateway);
    let thief = tab.copied();
    tab.age();
    let begun = crate::support::forge::now();
    assert_eq!(tab.get("/api/todos").status, 200);
    crate::support::eventually("the moment of the rotation is over", || crate::support::forge::now() > begun);
    thief.age();
    assert!(forgets(&thief.get("/api/todos")));
    assert!(forgets(&tab.get("/api/todos")));
}

#[test]
fn a_thief_cannot_bring_it_in_the_body_unnoticed() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let stolen = tab.cookie(REFRESH);
    for _ in 0..2 {
        tab.age();
        assert_eq!(tab.get("/api/todos").status, 200);
    }
    let body = serde_json::json!({"refresh_token": stolen});
    let reply = gateway.client().post("/api/auth/refresh").json(&body).send();
    assert_eq!((reply.status, reply.code().as_str()), (401, "refresh_token_invalid"));
    assert!(forgets(&tab.get("/api/todos")));
}
