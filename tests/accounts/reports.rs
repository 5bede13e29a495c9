//! `GET /api/auth/reports`: what happened in a period, in numbers.

use serde_json::{Value, json};

use super::{WRONG, is_wrong};
use crate::support::contract::promoted;
use crate::support::gateway::Setup;
use crate::support::people::{PASSWORD, Person};

fn report(admin: &Person, query: &str) -> Value {
    admin.get(&format!("/api/auth/reports{query}")).is_served(200)
}

#[test]
fn a_report_counts_what_happened() {
    let gateway = Setup::new("").start();
    let admin = gateway.admin();
    let (ada, bob) = (gateway.user(), gateway.user());
    let other = promoted(&gateway, &admin);
    admin.amends(bob.id, &json!({"is_active": false})).is_served(200);
    for _ in 0..3 {
        is_wrong(&gateway.try_log_in(&ada.email, WRONG));
    }
    gateway.log_in(&ada.email, PASSWORD).log_out().is_served(200);
    let told = report(&admin, "");
    assert_eq!(told["users"], json!({"total": 4, "active": 3, "admins": 2, "new": 4}));
    assert_eq!(told["logins"], json!({"succeeded": 5, "failed": 3}));
    // Bob's lives until he is activated again or his time is over; one was logged out.
    assert_eq!(told["sessions"], json!({"live": 4}));
    // The promotion, the deactivation, and the logout's token and session.
    assert_eq!(told["revocations"], json!({"live": 4}));
    let events = [("registered", 3), ("logged_out", 1), ("account_changed", 2), ("refreshed", 1)];
    for (event, count) in events {
        assert_eq!(told["events"][event], count, "{event}: {told}");
    }
    drop(other);
}

#[test]
fn a_report_is_of_a_period() {
    let gateway = Setup::new("").start();
    let admin = gateway.admin();
    let ada = gateway.user();
    let told = report(&admin, "?since=2020-01-01T00:00:00Z&until=2020-12-31T23:59:59Z");
    assert_eq!(told["logins"], json!({"succeeded": 0, "failed": 0}));
    assert_eq!(told["users"], json!({"total": 2, "active": 2, "admins": 1, "new": 0}));
    assert_eq!(
        (&told["since"], &told["until"]),
        (&json!("2020-01-01T00:00:00Z"), &json!("2020-12-31T23:59:59Z"))
    );
    let told = report(&admin, "?since=2020-01-01T00:00:00Z");
    assert_eq!((&told["logins"]["succeeded"], &told["users"]["new"]), (&json!(2), &json!(2)));
    let told = report(&admin, "?since=2020-01-01T00:00:00Z&until=9999-12-30T00:00:00Z");
    assert_eq!(told["logins"]["succeeded"], 2);
    let told = report(&admin, "?since=9999-01-01T00:00:00Z&until=9999-12-30T00:00:00Z");
    assert_eq!(told["logins"]["succeeded"], 0);
    for (query, words) in [
        ("?since=yesterday", "since must be a time, such as 2026-01-31T00:00:00Z"),
        ("?until=1e9", "until must be a time, such as 2026-01-31T00:00:00Z"),
        ("?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since must not be after until"),
    ] {
        let refused = admin.get(&format!("/api/auth/reports{query}"));
        refused.is_refused(422, words, "validation_failed");
    }
    let refused = ada.get("/api/auth/reports");
    refused.is_refused(403, "Admin access required", "admin_required");
    let nobody = gateway.client().get("/api/auth/reports").send();
    nobody.is_refused(401, "Missing authorization token", "token_missing");
}
