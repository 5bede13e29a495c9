//! `GET /api/auth/audit`: who did what.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{NEW, WRONG, is_wrong};
use crate::support::SetOnDrop;
use crate::support::gateway::Setup;
use crate::support::people::{PASSWORD, Person, fresh_email};

/// What it says of the deed itself; time, place and seal are looked at elsewhere.
fn deed(event: &Value) -> Value {
    let mut deed = event.clone();
    for place in ["seq", "time", "prev", "hash", "request_id", "address", "user_agent"] {
        deed.as_object_mut().unwrap().remove(place);
    }
    deed
}

#[test]
fn each_deed_is_recorded_with_who_did_it_to_whom_how_and_where() {
    let gateway = Setup::new("").start();
    let admin = gateway.admin();
    let ada = gateway.user();
    is_wrong(&gateway.try_log_in(&ada.email, WRONG));
    ada.refresh(&ada.refresh, false).is_served(200);
    ada.request("PUT", "/api/auth/profile").json(&json!({"first_name": "Ada"})).send().is_served(200);
    ada.changes_password(PASSWORD, NEW).is_served(200);
    let phone = gateway.log_in(&ada.email, NEW);
    ada.ends(&format!("/{}", phone.session())).is_served(200);
    assert_eq!(phone.standing(), "token_revoked");
    ada.ends("").is_served(200);
    let token = gateway.letter("email_verification", &ada.email).token();
    gateway.verifies(&token).is_served(200);
    ada.get("/api/auth/profile/export").is_served(200);
    let token = gateway.reset_token(&ada.email);
    gateway.resets(&token, PASSWORD).is_served(200);
    let again = gateway.log_in(&ada.email, PASSWORD);
    again.log_out().is_served(200);
    admin.amends(ada.id, &json!({"role": "admin", "is_active": false})).is_served(200);
    admin.request("POST", &format!("/api/auth/users/{}/logout", ada.id)).send().is_served(200);
    let guest = fresh_email();
    let invitation = json!({"email": guest, "role": "admin"});
    let made = admin.request("POST", "/api/auth/invitations").json(&invitation).send().is_served(201);
    admin.request("DELETE", &format!("/api/auth/invitations/{}", made["id"])).send().is_served(200);
    admin.request("DELETE", &format!("/api/auth/users/{}", ada.id)).send().is_served(200);

    let (id, email) = (ada.id, ada.email.as_str());
    let by_ada = json!({"kind": "user", "user_id": id});
    let by_admin = json!({"kind": "user", "user_id": admin.id});
    let (first, second, third) = (ada.session(), phone.session(), again.session());
    let expected = [
        json!({"event": "registered", "user_id": id, "email": email}),
        json!({"event": "login_succeeded", "user_id": id, "email": email, "session": first}),
        json!({"event": "login_failed", "user_id": id, "email": email, "reason": "invalid_credentials"}),
        json!({"event": "refreshed", "user_id": id, "session": first, "reason": "kept"}),
        json!({"event": "account_changed", "actor": by_ada, "user_id": id, "now": "names"}),
        json!({"event": "password_changed", "actor": by_ada, "user_id": id, "email": email, "session": first}),
        json!({"event": "login_succeeded", "user_id": id, "email": email, "session": second}),
        json!({"event": "sessions_ended", "actor": by_ada, "user_id": id, "session": second, "now": "one"}),
        json!({"event": "token_refused", "user_id": id, "session": second}),
        json!({"event": "sessions_ended", "actor": by_ada, "user_id": id, "session": first, "now": "all others"}),
        json!({"event": "email_verified", "user_id": id, "email": email}),
        json!({"event": "account_exported", "actor": by_ada, "user_id": id}),
        json!({"event": "password_reset_requested", "email": email}),
        json!({"event": "password_reset", "user_id": id, "email": email}),
        json!({"event": "login_succeeded", "user_id": id, "email": email, "session": third}),
        json!({"event": "logged_out", "user_id": id, "session": third}),
        json!({"event": "account_changed", "actor": by_admin, "user_id": id, "now": "admin, inactive"}),
        json!({"event": "sessions_ended", "actor": by_admin, "user_id": id, "now": "all"}),
        json!({"event": "invitation_made", "actor": by_admin, "email": guest, "now": "admin"}),
        json!({"event": "invitation_withdrawn", "actor": by_admin, "email": guest}),
        json!({"event": "account_deleted", "actor": by_admin, "user_id": id, "email": email}),
    ];
    let mut trail = admin.audit("");
    trail.reverse();
    let at = trail.iter().position(|event| event["event"] == "registered").unwrap();
    let told: Vec<_> = trail[at..].iter().map(deed).collect();
    for (number, expected) in expected.iter().enumerate() {
        assert_eq!(told.get(number), Some(expected), "{number}: {told:#?}");
    }
    assert_eq!(told.len(), expected.len());
    for event in &trail[at..] {
        assert_eq!(event["address"], "127.0.0.1", "{event}");
        assert_eq!(event["user_agent"], "specification", "{event}");
        assert!(event["request_id"].as_str().unwrap().len() >= 16, "{event}");
        assert!(event["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{event}");
    }
}

#[test]
fn a_replayed_refresh_token_and_a_renewed_one_are_recorded_as_what_they_are() {
    let gateway = Setup::new("").env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    let next = ada.rotated(&ada.refresh);
    ada.refresh(&next, false).is_served(200);
    assert_eq!(ada.refresh(&ada.refresh, true).status, 401);
    let told: Vec<_> = admin.audit(&format!("?user_id={}&limit=3", ada.id)).iter().map(deed).collect();
    let of = |event: &str| json!({"event": event, "user_id": ada.id, "session": ada.session()});
    let mut renewed = [of("refreshed"), of("refreshed")];
    renewed[0]["reason"] = json!("kept");
    renewed[1]["reason"] = json!("rotated");
    assert_eq!(told, [of("refresh_reused"), renewed[0].clone(), renewed[1].clone()]);
}

#[test]
fn the_trail_is_searched_by_user_event_and_time() {
    let gateway = Setup::new("").start();
    let (admin, ada, bob) = (gateway.admin(), gateway.user(), gateway.user());
    admin.amends(ada.id, &json!({"first_name": "Ada"})).is_served(200);
    let all = admin.audit("");
    let of = |person: &Person| {
        let about = |event: &&Value| {
            event["user_id"] == person.id || event["actor"] == json!({"kind": "user", "user_id": person.id})
        };
        all.iter().filter(about).cloned().collect::<Vec<_>>()
    };
    for person in [&ada, &bob, &admin] {
        assert_eq!(admin.audit(&format!("?user_id={}", person.id)), of(person));
    }
    assert_eq!(of(&ada)[0]["event"], "account_changed", "whom it is about, and who did it");
    let logins: Vec<_> = all.iter().filter(|event| event["event"] == "login_succeeded").cloned().collect();
    assert_eq!(admin.audit("?event=login_succeeded"), logins);
    let both = admin.audit(&format!("?event=login_succeeded&user_id={}", bob.id));
    assert_eq!(both.len(), 1);
    assert_eq!(admin.audit("?user_id=999"), [] as [Value; 0]);
    let middle = all[all.len() / 2]["time"].as_str().unwrap();
    let (since, until) = (format!("?since={middle}"), format!("?until={middle}"));
    for (query, fits) in [
        (&since, Box::new(|time: &str| time >= middle) as Box<dyn Fn(&str) -> bool>),
        (&until, Box::new(|time: &str| time <= middle)),
    ] {
        let expected: Vec<_> =
            all.iter().filter(|event| fits(event["time"].as_str().unwrap())).cloned().collect();
        assert_eq!(admin.audit(query), expected, "{query}");
    }
    for (query, words) in [
        ("?user_id=x", "user_id must be a positive integer"),
        ("?user_id=0", "user_id must be a positive integer"),
        ("?limit=0", "limit must be a positive integer"),
        ("?limit=-1", "limit must be a positive integer"),
        ("?cursor=x", "cursor must be a positive integer"),
        ("?email=ada", "email must be an e-mail address"),
        ("?address=here", "address must be an IP address"),
        ("?since=now", "since must be a time, such as 2026-01-31T00:00:00Z"),
        ("?until=%00", "until must be a time, such as 2026-01-31T00:00:00Z"),
    ] {
        let refused = admin.get(&format!("/api/auth/audit{query}"));
        refused.is_refused(422, words, "validation_failed");
    }
    let refused = admin.get("/api/auth/audit?event=nothing");
    assert_eq!((refused.status, refused.code().as_str()), (422, "validation_failed"));
    assert!(refused.error().contains("login_failed"), "it says which there are: {}", refused.error());
}

/// Reads page by page while others write, and sees each entry once, in order, down to the first.
#[test]
fn the_trail_is_searched_by_what_was_given_and_where_it_came_from() {
    let gateway = super::behind_a_proxy(Setup::new("")).start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    let guess = |email: &str, address: &str| {
        let body = json!({"email": email, "password": super::WRONG});
        let request = gateway.client().post("/api/auth/login").header("x-forwarded-for", address);
        assert_eq!(request.json(&body).send().status, 401);
    };
    guess(&ada.email, "203.0.113.7");
    guess("nobody@example.com", "203.0.113.7");
    guess("nobody@example.com", "2001:db8::7");
    let told = |query: &str| {
        let told = |event: &Value| {
            ["event", "email", "address"].map(|name| event[name].as_str().unwrap_or("").to_owned())
        };
        admin.audit(query).iter().map(told).collect::<Vec<_>>()
    };
    let failed = |email: &str, address: &str| ["login_failed", email, address].map(str::to_owned);
    let (at_ada, at_nobody) =
        (failed(&ada.email, "203.0.113.7"), failed("nobody@example.com", "203.0.113.7"));
    let from_elsewhere = failed("nobody@example.com", "2001:db8::7");
    // It is found however it is written.
    assert_eq!(told("?email=Nobody@Example.com"), [from_elsewhere.clone(), at_nobody.clone()]);
    assert_eq!(told("?address=203.0.113.7"), [at_nobody.clone(), at_ada.clone()]);
    assert_eq!(told("?address=2001:DB8:0::7"), [from_elsewhere]);
    assert_eq!(told("?address=::ffff:203.0.113.7&email=nobody@example.com"), [at_nobody]);
    assert_eq!(told(&format!("?email={}&event=login_failed", ada.email)), [at_ada]);
    assert_eq!(told("?email=somebody@example.com"), [] as [[String; 3]; 0]);
}

#[test]
fn a_cursor_leads_to_the_end_without_gaps_and_doubles_while_others_write() {
    let gateway = Setup::new("").unlimited().start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    for _ in 0..60 {
        ada.refresh(&ada.refresh, false).is_served(200);
    }
    let written = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !written.load(Ordering::Relaxed) {
                ada.refresh(&ada.refresh, false).is_served(200);
            }
        });
        let _done = SetOnDrop(&written);
        for filter in ["", "&event=refreshed", "&user_id=2", "&since=2020-01-01T00:00:00Z"] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = admin.get(&format!("/api/auth/audit?limit=7{filter}{cursor}")).is_served(200);
                let events = page["events"].as_array().unwrap();
                assert!(events.len() <= 7);
                seen.extend(events.iter().map(|event| event["seq"].as_u64().unwrap()));
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{filter}: {seen:?}");
            if filter.is_empty() || filter.starts_with("&since") {
                let expected: Vec<_> = (1..=seen[0]).rev().collect();
                assert_eq!(seen, expected, "{filter}");
            }
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
            assert!(seen.len() >= 60, "{filter}");
        }
    });
}

#[test]
fn nobody_but_admins_reads_the_trail() {
    let gateway = Setup::new("").start();
    let ada = gateway.user();
    for query in ["", "?user_id=2", "?limit=1"] {
        let refused = ada.get(&format!("/api/auth/audit{query}"));
        refused.is_refused(403, "Admin access required", "admin_required");
        let nobody = gateway.client().get(&format!("/api/auth/audit{query}")).send();
        nobody.is_refused(401, "Missing authorization token", "token_missing");
    }
}

/// Nobody can write an entry of their own, nor break the answer, by what they send.
#[test]
fn what_strangers_send_stays_a_string_in_an_entry() {
    let gateway = Setup::new("").start();
    let admin = gateway.admin();
    let forged = r#"x","event":"account_deleted","user_id":1,"hash":"00"},{"event":"started"#;
    let email = "a!#$%&'*+-/=?^_`{|}~z@example.com";
    for (address, agent) in [(email, forged), (email, "\t ünïcode"), (forged, &*"\\".repeat(400))] {
        let request = gateway.client().post("/api/auth/login").header("user-agent", agent);
        let request = request.header("x-request-id", "{\"x\"}");
        is_wrong(&request.json(&json!({"email": address, "password": WRONG})).send());
    }
    let told = admin.audit("?event=login_failed");
    assert_eq!(told.len(), 3);
    assert_eq!(told[2]["user_agent"], forged);
    assert_eq!(told[1]["user_agent"], "ncode");
    assert_eq!(told[0]["user_agent"], "\\".repeat(200));
    assert!(told[0].get("email").is_none(), "what is no address is not kept: it may be a password");
    assert_eq!((&told[1]["email"], &told[2]["email"]), (&json!(email), &json!(email)));
    assert!(told.iter().all(|event| event.get("user_id").is_none()));
    assert_eq!(admin.audit("?event=account_deleted"), [] as [Value; 0]);
    // Nor does a password stand in any of them.
    assert!(!admin.get("/api/auth/audit?limit=500").text().contains("CANARY"));
}

/// One dead token could otherwise fill the disk, and bury what matters.
#[test]
fn what_changes_nothing_leaves_no_entry_however_often_it_is_asked_for() {
    let gateway = Setup::new("").unlimited().start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    let entries = || admin.audit(&format!("?user_id={}&limit=500", ada.id)).len();
    ada.log_out().is_served(200);
    let before = entries();
    for _ in 0..5 {
        ada.log_out().is_served(200);
    }
    let again = gateway.log_in(&ada.email, PASSWORD);
    for body in [json!({}), json!({"first_name": ""}), json!({"first_name": null})] {
        again.request("PUT", "/api/auth/profile").json(&body).send().is_served(200);
    }
    admin.amends(ada.id, &json!({"role": "user", "is_active": true})).is_served(200);
    assert_eq!(entries(), before + 1, "the login alone");
}
