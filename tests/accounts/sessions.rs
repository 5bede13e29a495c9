//! `/api/auth/sessions`: where one is logged in, and the end of that.

use serde_json::json;

use super::behind_a_proxy;
use crate::support::contract::promoted;
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::{PASSWORD, Person};
use crate::support::redis::Redis;
use crate::support::stores::{self, on_both_stores};
use crate::support::{eventually, in_parallel};

on_both_stores!(
    the_list_says_of_each_session_where_from_by_what_and_since_when,
    ending_one_session_ends_that_one_at_once,
    ending_all_others_leaves_this_one,
    ending_all_ends_this_one_too,
    somebody_elses_session_is_as_if_it_were_not_there,
    an_admin_ends_all_sessions_of_a_user,
    a_session_that_ends_while_its_tokens_are_used_stays_ended,
    a_login_too_many_ends_the_session_that_was_used_longest_ago,
    of_logins_at_once_no_more_stay_than_are_allowed,
);

fn from(gateway: &Gateway, person: &Person, address: &str, agent: &str) -> Person {
    let body = json!({"email": person.email, "password": PASSWORD});
    let request = gateway.client().post("/api/auth/login").header("x-forwarded-for", address);
    let told = request.header("user-agent", agent).json(&body).send().is_served(200);
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    Person { access: text("access_token"), refresh: text("refresh_token"), ..person.clone() }
}

fn the_list_says_of_each_session_where_from_by_what_and_since_when(setup: Setup) {
    let gateway = behind_a_proxy(setup).start();
    let ada = gateway.user();
    let hostile = format!("<script>alert(\"1\")</script>\\u0000{}", "x".repeat(500));
    let phone = from(&gateway, &ada, "2001:db8::7", "phone/1.0");
    let odd = from(&gateway, &ada, "203.0.113.9", &hostile);
    let listed = odd.sessions();
    let told: Vec<_> = listed
        .iter()
        .map(|one| {
            (one["address"].as_str().unwrap(), one["user_agent"].as_str().unwrap(), one["current"] == true)
        })
        .collect();
    let kept: String = hostile.chars().take(200).collect();
    let expected = [
        ("127.0.0.1", "specification", false),
        ("2001:db8::7", "phone/1.0", false),
        ("203.0.113.9", &*kept, true),
    ];
    assert_eq!(told, expected);
    for one in &listed {
        let keys: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["address", "created_at", "current", "expires_at", "id", "last_used_at", "user_agent"]
        );
        for time in ["created_at", "expires_at", "last_used_at"] {
            assert!(one[time].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{one}");
        }
    }
    assert_eq!(listed[1]["id"], phone.session().as_str());
    assert_eq!(gateway.user().sessions().len(), 1, "others are not in it");
}

fn ending_one_session_ends_that_one_at_once(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let (phone, tablet) = (gateway.log_in(&ada.email, PASSWORD), gateway.log_in(&ada.email, PASSWORD));
    let renewed = phone.clone().refreshed();
    ada.ends(&format!("/{}", phone.session())).is_served(200);
    phone.is_out();
    renewed.is_out();
    ada.is_in();
    tablet.is_in();
    assert_eq!(ada.sessions().len(), 2);
    let again = ada.ends(&format!("/{}", phone.session()));
    again.is_refused(404, "Session not found", "session_not_found");
    // One's own, too.
    tablet.ends(&format!("/{}", tablet.session())).is_served(200);
    tablet.is_out();
}

fn ending_all_others_leaves_this_one(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob) = (gateway.user(), gateway.user());
    let others: Vec<_> = (0..3).map(|_| gateway.log_in(&ada.email, PASSWORD)).collect();
    for query in ["?all=maybe", "?all=yes"] {
        let refused = ada.ends(query);
        refused.is_refused(422, "all must be true or false", "validation_failed");
    }
    others.iter().for_each(Person::is_in);
    ada.ends("?all=false").is_served(200);
    others.iter().for_each(Person::is_out);
    ada.is_in();
    bob.is_in();
    gateway.log_in(&ada.email, PASSWORD).is_in();
}

fn ending_all_ends_this_one_too(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob) = (gateway.user(), gateway.user());
    let other = gateway.log_in(&ada.email, PASSWORD);
    ada.ends("?all=true").is_served(200);
    ada.is_out();
    other.is_out();
    bob.is_in();
    gateway.log_in(&ada.email, PASSWORD).is_in();
}

fn somebody_elses_session_is_as_if_it_were_not_there(setup: Setup) {
    let gateway = setup.start();
    let (ada, eve, admin) = (gateway.user(), gateway.user(), gateway.admin());
    let sid = ada.session();
    for who in [&eve, &admin] {
        for id in [&*sid, &sid.to_uppercase(), "x", "00000000-0000-0000-0000-000000000000", "%2e%2e"] {
            let refused = who.ends(&format!("/{id}"));
            assert!([400, 404].contains(&refused.status), "{id}: {}", refused.text());
        }
        who.ends(&format!("/{sid}")).is_refused(404, "Session not found", "session_not_found");
    }
    ada.is_in();
    for (method, path) in [("GET", ""), ("DELETE", ""), ("DELETE", &*format!("/{sid}"))] {
        let nobody = gateway.client().request(method, &format!("/api/auth/sessions{path}")).send();
        nobody.is_refused(401, "Missing authorization token", "token_missing");
    }
}

fn an_admin_ends_all_sessions_of_a_user(setup: Setup) {
    let gateway = setup.start();
    let (ada, bob, admin) = (gateway.user(), gateway.user(), gateway.admin());
    let phone = gateway.log_in(&ada.email, PASSWORD);
    let logout = |who: &Person, id: &str| who.request("POST", &format!("/api/auth/users/{id}/logout")).send();
    logout(&bob, &ada.id.to_string()).is_refused(403, "Admin access required", "admin_required");
    ada.is_in();
    logout(&admin, &ada.id.to_string()).is_served(200);
    ada.is_out();
    phone.is_out();
    bob.is_in();
    gateway.log_in(&ada.email, PASSWORD).is_in();
    for id in ["999", "0", "x", "-1"] {
        logout(&admin, id).is_refused(404, "User not found", "user_not_found");
    }
    // An admin who does it to oneself is out, too.
    let other = promoted(&gateway, &admin);
    logout(&other, &other.id.to_string()).is_served(200);
    other.is_out();
    admin.is_in();
}

/// Refreshes that are under way bring nothing back.
fn a_session_that_ends_while_its_tokens_are_used_stays_ended(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    for round in 0..3 {
        let phone = gateway.log_in(&ada.email, PASSWORD);
        let tokens = in_parallel(6, |number| {
            if number == 0 {
                ada.ends(&format!("/{}", phone.session())).is_served(200);
                return None;
            }
            let reply = phone.refresh(&phone.refresh, round == 1);
            assert!([200, 401].contains(&reply.status), "{}", reply.text());
            (reply.status == 200).then(|| reply.json())
        });
        for told in tokens.into_iter().flatten() {
            let access = told["access_token"].as_str().unwrap().to_owned();
            let refresh = told["refresh_token"].as_str().unwrap_or(&phone.refresh).to_owned();
            Person { access, refresh, ..phone.clone() }.is_out();
        }
        phone.is_out();
    }
}

fn a_login_too_many_ends_the_session_that_was_used_longest_ago(setup: Setup) {
    let gateway = setup.config("[refresh]\nsessions_per_user = 3").start();
    let ada = gateway.user();
    let [phone, tablet] = [1, 2].map(|_| gateway.log_in(&ada.email, PASSWORD));
    let ada = ada.refreshed();
    let laptop = gateway.log_in(&ada.email, PASSWORD);
    phone.is_out();
    [&ada, &tablet, &laptop].iter().for_each(|one| one.is_in());
    let body = json!({"refresh_token": phone.refresh});
    let refused = gateway.client().post("/api/auth/refresh").json(&body).send();
    refused.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
    // Its owner can see why, and somebody else has room of his own.
    let events = promoted(&gateway, &gateway.admin()).get("/api/auth/audit?event=sessions_ended").json();
    let ended = &events["events"][0];
    let told = ["session", "reason", "now", "address"].map(|name| ended[name].as_str().unwrap());
    assert_eq!(told, [&*phone.session(), "too many", "one", "127.0.0.1"]);
    assert_eq!((&ended["user_id"], &ended["actor"]["user_id"]), (&ada.id.into(), &ada.id.into()));
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    assert_eq!(gateway.total("gateway_security_events_total", &[("event", "sessions_ended")]), 1.0);
}

fn of_logins_at_once_no_more_stay_than_are_allowed(setup: Setup) {
    let gateway = setup.unlimited().config("[refresh]\nsessions_per_user = 4").start();
    let ada = gateway.user();
    let people = in_parallel(12, |_| gateway.log_in(&ada.email, PASSWORD));
    let last = gateway.log_in(&ada.email, PASSWORD);
    assert_eq!(last.sessions().len(), 4);
    let inside = people.iter().filter(|one| one.get("/api/auth/profile").status == 200).count();
    assert_eq!(inside, 3);
}

/// The login is done, and what ended for it is refused when Redis can be told.
#[test]
fn a_login_too_many_needs_no_redis() {
    let mut redis = Redis::start();
    let gateway = stores::redis(&redis).config("[refresh]\nsessions_per_user = 1").start();
    let ada = gateway.user();
    redis.kill();
    let next = gateway.log_in(&ada.email, PASSWORD);
    redis.restart();
    eventually("Redis is asked again", || next.get("/api/auth/profile").status == 200);
    ada.is_out();
    assert_eq!(next.sessions().len(), 1);
}
