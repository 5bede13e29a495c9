//! `/api/auth/users`: the accounts, for administrators and nobody else.

use serde_json::{Value, json};

use crate::support::contract::{promoted, refuses};
use crate::support::forge;
use crate::support::gateway::{ADMIN_EMAIL, Setup};
use crate::support::in_parallel;
use crate::support::stores::on_both_stores;

on_both_stores!(
    the_list_shows_each_account_and_no_more_than_the_contract,
    the_list_comes_in_pages,
    one_account_is_read_and_changed_by_its_id,
    each_refusal_of_a_change_is_as_written,
    nobody_but_an_administrator_sees_or_changes_accounts,
    the_last_active_admin_stays_one,
    two_admins_who_demote_each_other_at_once_leave_one,
    of_four_admins_who_step_down_at_once_one_is_kept,
);

fn the_list_shows_each_account_and_no_more_than_the_contract(setup: Setup) {
    let gateway = setup.start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    admin.amends(ada.id, &json!({"is_active": false})).is_served(200);
    let mut told = admin.get("/api/auth/users").is_served(200);
    for user in told["users"].as_array_mut().unwrap() {
        let created = user["created_at"].take();
        assert!(created.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{created}");
        assert!(created.as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(
        told,
        json!({
            "users": [
                {"id": 1, "email": ADMIN_EMAIL, "role": "admin", "created_at": null, "is_active": true},
                {"id": 2, "email": ada.email, "role": "user", "created_at": null, "is_active": false},
            ],
            "pagination": {"page": 1, "per_page": 100, "total": 2, "pages": 1},
        })
    );
}

fn the_list_comes_in_pages(setup: Setup) {
    let gateway = setup.start();
    let admin = gateway.admin();
    for number in 2..=5 {
        gateway.try_register(&format!("user{number}@example.com")).is_served(201);
    }
    for (query, ids, page, per_page, pages) in [
        ("", vec![1, 2, 3, 4, 5], 1, 100, 1),
        ("?per_page=2", vec![1, 2], 1, 2, 3),
        ("?page=2&per_page=2", vec![3, 4], 2, 2, 3),
        ("?per_page=2&page=3", vec![5], 3, 2, 3),
        ("?page=4&per_page=2", vec![], 4, 2, 3),
        ("?per_page=500", vec![1, 2, 3, 4, 5], 1, 500, 1),
        ("?per_page=501", vec![1, 2, 3, 4, 5], 1, 500, 1),
        ("?page=9007199254740993&x=y", vec![], 9_007_199_254_740_993_u64, 100, 1),
    ] {
        let told = admin.get(&format!("/api/auth/users{query}")).is_served(200);
        let seen: Vec<_> =
            told["users"].as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap()).collect();
        assert_eq!(seen, ids, "{query}");
        assert_eq!(
            told["pagination"],
            json!({"page": page, "per_page": per_page, "total": 5, "pages": pages})
        );
    }
    for name in ["page", "per_page"] {
        for wrong in ["0", "-1", "", "a", "1.5", "+1", "1e3", "%20"] {
            let reply = admin.get(&format!("/api/auth/users?{name}={wrong}"));
            reply.is_refused(422, &format!("{name} must be a positive integer"), "validation_failed");
        }
    }
}

fn one_account_is_read_and_changed_by_its_id(setup: Setup) {
    let gateway = setup.start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    let path = format!("/api/auth/users/{}", ada.id);
    let mut expected = admin.get(&path).is_served(200);
    let names = |user: &Value| user.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        names(&expected["user"]),
        "created_at email email_verified first_name id is_active last_name role"
    );
    for change in [
        json!({"first_name": "Ada", "last_name": "Lovelace"}),
        json!({"role": "admin"}),
        json!({"is_active": false}),
        json!({"is_active": true, "role": "user"}),
        json!({}),
        json!({"id": 7, "email": "other@example.com", "password": "x"}),
    ] {
        for (name, value) in change.as_object().unwrap() {
            if !["id", "email", "password"].contains(&name.as_str()) {
                expected["user"][name] = value.clone();
            }
        }
        assert_eq!(admin.amends(ada.id, &change).is_served(200), expected, "{change}");
        assert_eq!(admin.get(&path).is_served(200), expected, "{change}");
    }
}

fn each_refusal_of_a_change_is_as_written(setup: Setup) {
    let gateway = setup.start();
    let (admin, ada) = (gateway.admin(), gateway.user());
    let long = json!({"first_name": "x".repeat(101)}).to_string();
    refuses(
        || admin.request("PATCH", &format!("/api/auth/users/{}", ada.id)),
        &[
            (r#"{"role":"root"}"#, 422, "role must be user or admin", "validation_failed"),
            (r#"{"role":"Admin"}"#, 422, "role must be user or admin", "validation_failed"),
            (r#"{"role":1}"#, 422, "role must be a string", "validation_failed"),
            (r#"{"is_active":"false"}"#, 422, "is_active must be a boolean", "validation_failed"),
            (r#"{"is_active":0}"#, 422, "is_active must be a boolean", "validation_failed"),
            (r#"{"last_name":[]}"#, 422, "last_name must be a string", "validation_failed"),
            (&long, 422, "[first_name must be at most 100 characters]", "validation_failed"),
            ("{", 400, "Malformed JSON", "malformed_json"),
        ],
    );
    for id in ["999", "0", "-1", "x", "1.0", "18446744073709551616", "+1", "%31x", "9007199254740992"] {
        for method in ["GET", "PATCH"] {
            let reply = admin.request(method, &format!("/api/auth/users/{id}")).send();
            reply.is_refused(404, "User not found", "user_not_found");
        }
    }
    assert_eq!(ada.standing(), "in force");
}

fn nobody_but_an_administrator_sees_or_changes_accounts(setup: Setup) {
    let gateway = setup.start();
    let eve = gateway.user();
    let claims_to_be = forge::with(forge::claims(&eve.access), "role", json!("admin"));
    for (method, path) in [
        ("GET", "/api/auth/users".to_owned()),
        ("GET", "/api/auth/users/1".to_owned()),
        ("GET", format!("/api/auth/users/{}", eve.id)),
        ("PATCH", format!("/api/auth/users/{}", eve.id)),
    ] {
        let body = json!({"role": "admin"});
        let mine = eve.request(method, &path).json(&body).send();
        mine.is_refused(403, "Admin access required", "admin_required");
        let signed_by_eve = forge::sign(&claims_to_be, "a key of somebody else, 32 bytes or more");
        let forged = gateway.client().request(method, &path).bearer(&signed_by_eve).json(&body).send();
        forged.is_refused(401, "Invalid or expired token", "token_invalid");
        // Signed with our own key, and still the account decides.
        let ours =
            gateway.client().request(method, &path).bearer(&forge::access(&claims_to_be)).json(&body).send();
        ours.is_refused(403, "Admin access required", "admin_required");
        let nobody = gateway.client().request(method, &path).json(&body).send();
        nobody.is_refused(401, "Missing authorization token", "token_missing");
    }
    assert_eq!(eve.get("/api/auth/profile").json()["user"]["role"], "user");
    // An administrator with a token for less has less.
    let less = forge::with(forge::claims(&gateway.admin().access), "role", json!("user"));
    let reply = gateway.client().get("/api/auth/users").bearer(&forge::access(&less)).send();
    reply.is_refused(403, "Admin access required", "admin_required");
}

fn the_last_active_admin_stays_one(setup: Setup) {
    let gateway = setup.start();
    let admin = gateway.admin();
    let second = promoted(&gateway, &admin);
    second.amends(second.id, &json!({"is_active": false})).is_served(200);
    for change in
        [json!({"role": "user"}), json!({"is_active": false}), json!({"role": "user", "is_active": false})]
    {
        let reply = admin.amends(admin.id, &change);
        reply.is_refused(
            409,
            "The last active admin cannot be demoted, deactivated or deleted",
            "last_admin",
        );
    }
    assert_eq!(admin.standing(), "in force");
    let stays = admin.amends(admin.id, &json!({"role": "admin", "is_active": true, "first_name": "A"}));
    assert_eq!(stays.is_served(200)["user"]["first_name"], "A");
    assert_eq!(admin.standing(), "in force");
}

/// The slower one meets the rule (409), or is no administrator any more when it is looked at.
fn two_admins_who_demote_each_other_at_once_leave_one(setup: Setup) {
    let gateway = setup.start();
    let first = gateway.admin();
    let second = promoted(&gateway, &first);
    let admins = [first, second];
    let demotions = in_parallel(2, |number| {
        admins[number].amends(admins[1 - number].id, &json!({"role": "user"})).status
    });
    let (won, lost): (Vec<_>, Vec<_>) = demotions.into_iter().partition(|status| *status == 200);
    assert_eq!(won.len(), 1);
    assert!(matches!(lost[0], 401 | 403 | 409), "{lost:?}");
    let left: Vec<_> = admins.iter().filter(|admin| admin.get("/api/auth/users").status == 200).collect();
    assert_eq!(left.len(), 1);
}

fn of_four_admins_who_step_down_at_once_one_is_kept(setup: Setup) {
    let gateway = setup.start();
    let first = gateway.admin();
    let mut admins: Vec<_> = (0..3).map(|_| promoted(&gateway, &first)).collect();
    admins.push(first);
    let mut statuses = in_parallel(4, |number| {
        let admin = &admins[number];
        admin.amends(admin.id, &json!({"role": "user"})).status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 409]);
    assert_eq!(admins.iter().filter(|admin| admin.get("/api/auth/users").status == 200).count(), 1);
}
