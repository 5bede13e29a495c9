//! The story of the first minute: register, log in, use it, log out, and be refused.

use serde_json::json;

use crate::support::gateway::Setup;

#[test]
fn a_newcomer_registers_logs_in_writes_a_todo_logs_out_and_is_refused() {
    let gateway = Setup::demo().start();
    let ada = gateway.user();
    let created = ada.request("POST", "/api/todos").json(&json!({"title": "Write the first program"})).send();
    assert_eq!(created.status, 201);
    assert_eq!(ada.get("/api/todos").json()["pagination"]["total"], 1);
    assert_eq!(ada.log_out().status, 200);
    let refused = ada.get("/api/todos");
    assert_eq!((refused.status, refused.code().as_str()), (401, "token_revoked"));
}

#[test]
fn an_identity_that_was_not_verified_never_reaches_the_upstream() {
    let upstream = crate::support::upstream::Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let refused = gateway.client().get("/api/todos").header("x-user-id", "1").send();
    assert_eq!(refused.status, 401);
    assert!(upstream.arrived().is_empty());
    let ada = gateway.user();
    assert_eq!(ada.request("GET", "/api/todos?a=b").header("x_user_id", "1").send().text(), "ok");
    let arrived = upstream.only();
    assert_eq!(arrived.target(), "/api/todos?a=b");
    assert_eq!(arrived.folded("x-user-id"), [ada.id.to_string()]);
    assert_eq!(arrived.one("x-user-email"), ada.email);
    assert_eq!(arrived.one("x-user-role"), "user");
    assert!(!arrived.has("authorization"));
}
