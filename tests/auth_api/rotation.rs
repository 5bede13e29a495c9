//! Rotation of refresh tokens: the successor, the grace for lost answers, and the end of a session
//! whose token was used by two.

use serde_json::json;

use crate::support::eventually;
use crate::support::forge::{claims, now};
use crate::support::gateway::Setup;
use crate::support::http::Reply;
use crate::support::in_parallel;
use crate::support::people::Person;
use crate::support::stores::on_both_stores;

on_both_stores!(
    a_rotation_hands_out_a_successor_of_the_same_session_and_end,
    a_replay_within_the_grace_gets_the_same_successor,
    once_its_successor_was_used_a_replaced_token_ends_the_session,
    a_successor_that_was_rotated_ends_the_session_for_its_grandparent,
    after_the_grace_a_replay_ends_the_session,
    a_replay_leaves_the_other_sessions_of_the_user_alone,
    fifty_parallel_rotations_of_one_token_make_one_successor,
    always_rotating_is_the_operators_choice,
    a_logout_ends_the_grace,
    a_deactivation_ends_the_grace_for_good,
);

fn a_rotation_hands_out_a_successor_of_the_same_session_and_end(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    // Later than the login: an end that was counted anew would be another one.
    eventually("the next second begins", || claims(&ada.refresh)["iat"].as_u64() < Some(now()));
    let mut told = ada.refresh(&ada.refresh, true).is_served(200);
    let successor = told["refresh_token"].take().as_str().unwrap().to_owned();
    let access = told["access_token"].take().as_str().unwrap().to_owned();
    assert_eq!(
        told,
        json!({
            "access_token": null, "token_type": "Bearer", "expires_in": 3600, "refresh_token": null,
        })
    );
    let (before, after) = (claims(&ada.refresh), claims(&successor));
    assert_ne!(after["jti"], before["jti"]);
    for same in ["sid", "exp", "user_id", "email", "type", "iss", "sub"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(claims(&access)["sid"], before["sid"]);
    assert_eq!(ada.refresh(&successor, false).status, 200);
    assert_eq!(ada.standing(), "in force");
}

fn a_replay_within_the_grace_gets_the_same_successor(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let successor = claims(&ada.rotated(&ada.refresh));
    for asked_to_rotate in [true, false, true] {
        let told = ada.refresh(&ada.refresh, asked_to_rotate).is_served(200);
        let again = claims(told["refresh_token"].as_str().unwrap());
        assert_eq!((&again["jti"], &again["exp"]), (&successor["jti"], &successor["exp"]));
    }
    assert_eq!(ada.standing(), "in force");
}

fn once_its_successor_was_used_a_replaced_token_ends_the_session(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let successor = ada.rotated(&ada.refresh);
    let renewed = ada.refresh(&successor, false).is_served(200);
    is_over(&ada.refresh(&ada.refresh, true));
    is_over(&ada.refresh(&successor, false));
    assert_eq!(ada.standing(), "token_revoked");
    let newest = Person { access: renewed["access_token"].as_str().unwrap().to_owned(), ..ada };
    assert_eq!(newest.standing(), "token_revoked");
}

fn a_successor_that_was_rotated_ends_the_session_for_its_grandparent(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let second = ada.rotated(&ada.refresh);
    let third = ada.rotated(&second);
    is_over(&ada.refresh(&ada.refresh, true));
    is_over(&ada.refresh(&third, true));
    assert_eq!(ada.standing(), "token_revoked");
}

fn after_the_grace_a_replay_ends_the_session(setup: Setup) {
    let gateway = setup.env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let ada = gateway.user();
    let successor = ada.rotated(&ada.refresh);
    assert_eq!(ada.standing(), "in force");
    is_over(&ada.refresh(&ada.refresh, false));
    assert_eq!(ada.standing(), "token_revoked");
    is_over(&ada.refresh(&successor, true));
    assert_eq!(gateway.log_in(&ada.email, crate::support::people::PASSWORD).standing(), "in force");
}

fn a_replay_leaves_the_other_sessions_of_the_user_alone(setup: Setup) {
    let gateway = setup.env("GATEWAY__REFRESH__GRACE_SECONDS", "0").start();
    let phone = gateway.user();
    let laptop = gateway.log_in(&phone.email, crate::support::people::PASSWORD);
    phone.rotated(&phone.refresh);
    is_over(&phone.refresh(&phone.refresh, true));
    assert_eq!((phone.standing().as_str(), laptop.standing().as_str()), ("token_revoked", "in force"));
    assert_eq!(laptop.refreshed().standing(), "in force");
}

fn fifty_parallel_rotations_of_one_token_make_one_successor(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let successors = in_parallel(50, |_| {
        let person = Person { client: gateway.client(), ..ada.clone() };
        person.rotated(&ada.refresh)
    });
    let facts = |token: &String| (claims(token)["jti"].clone(), claims(token)["exp"].clone());
    let first = facts(&successors[0]);
    assert!(successors.iter().all(|successor| facts(successor) == first));
    assert_ne!(first.0, claims(&ada.refresh)["jti"]);
    assert_eq!(ada.refresh(&successors[0], false).status, 200);
    assert_eq!(ada.standing(), "in force");
}

fn always_rotating_is_the_operators_choice(setup: Setup) {
    let gateway = setup.config("refresh.rotation = \"always\"").start();
    let ada = gateway.user();
    let told = ada.client.post("/api/auth/refresh").json(&json!({"refresh_token": ada.refresh})).send();
    let successor = told.is_served(200)["refresh_token"].as_str().unwrap().to_owned();
    let told = ada.refresh(&successor, false).is_served(200);
    assert_ne!(claims(told["refresh_token"].as_str().unwrap())["jti"], claims(&successor)["jti"]);
    is_over(&ada.refresh(&ada.refresh, false));
}

fn a_logout_ends_the_grace(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let successor = ada.rotated(&ada.refresh);
    assert_eq!(ada.log_out().status, 200);
    is_over(&ada.refresh(&ada.refresh, true));
    is_over(&ada.refresh(&successor, true));
}

fn a_deactivation_ends_the_grace_for_good(setup: Setup) {
    let gateway = setup.start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    let successor = ada.rotated(&ada.refresh);
    admin.amends(ada.id, &json!({"is_active": false})).is_served(200);
    for token in [&ada.refresh, &successor] {
        ada.refresh(token, true).is_refused(404, "User not found or inactive", "user_inactive");
    }
    admin.amends(ada.id, &json!({"is_active": true})).is_served(200);
    is_over(&ada.refresh(&ada.refresh, true));
}

#[track_caller]
fn is_over(reply: &Reply) {
    reply.is_refused(401, "Invalid or expired refresh token", "refresh_token_invalid");
}
