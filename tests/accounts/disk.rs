//! A full disk: nothing about accounts is changed, nothing is lost, and verification goes on.

use serde_json::json;

use super::{NEW, WRONG};
use crate::support::eventually;
use crate::support::gateway::Setup;
use crate::support::outbox::letters_in;
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::small_disk::SmallDisk;

/// More room than any disk has.
const NEVER_ENOUGH: &str = "9000000000000000000";

#[test]
fn every_change_of_an_account_is_refused_and_verification_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let setup = || Setup::new("").data(folder.path());
    let mut before = setup().start();
    let (ada, admin, guest) = (before.user(), before.admin(), fresh_email());
    let reset = before.reset_token(&ada.email);
    let verification = before.letter("email_verification", &ada.email).token();
    let made = admin.request("POST", "/api/auth/invitations").json(&json!({"email": guest}));
    let made = made.send().is_served(201);
    let invitation = before.letter("invitation", &guest).token();
    before.terminate();

    let full = setup().env("GATEWAY__STORE__MIN_FREE_BYTES", NEVER_ENOUGH).start();
    let (one, own) = (format!("/api/auth/users/{}", ada.id), format!("/api/auth/sessions/{}", ada.session()));
    let logout = format!("{one}/logout");
    let withdrawal = format!("/api/auth/invitations/{}", made["id"]);
    let changes = [
        (Some(&ada), "PUT", "/api/auth/password", json!({"current_password": PASSWORD, "new_password": NEW})),
        (Some(&ada), "PUT", "/api/auth/password", json!({"current_password": WRONG, "new_password": NEW})),
        (Some(&ada), "DELETE", "/api/auth/profile", json!({"current_password": PASSWORD})),
        (Some(&ada), "GET", "/api/auth/profile/export", json!({})),
        (Some(&ada), "DELETE", "/api/auth/sessions", json!({})),
        (Some(&ada), "DELETE", "/api/auth/sessions?all=true", json!({})),
        (Some(&ada), "DELETE", &own, json!({})),
        (Some(&admin), "DELETE", &one, json!({})),
        (Some(&admin), "POST", &logout, json!({})),
        (Some(&admin), "POST", "/api/auth/invitations", json!({"email": fresh_email()})),
        (Some(&admin), "DELETE", &withdrawal, json!({})),
        (None, "POST", "/api/auth/password/forgot", json!({"email": ada.email})),
        (None, "POST", "/api/auth/password/reset", json!({"token": reset, "password": NEW})),
        (None, "POST", "/api/auth/email/verify", json!({"token": verification})),
        (
            None,
            "POST",
            "/api/auth/register",
            json!({"email": guest, "password": PASSWORD, "invitation": invitation}),
        ),
    ];
    for (who, method, path, body) in &changes {
        let request = full.client().request(method, path);
        let request = who.map_or(full.client().request(method, path), |who| request.bearer(&who.access));
        let reply = request.json(body).send();
        let about = format!("{method} {path}");
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (503, "store_unavailable"),
            "{about}: {}",
            reply.text()
        );
        assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1, "{about}");
        for leak in ["MiB", "/tmp", "sled", "disk", "CANARY"] {
            assert!(!reply.text().contains(leak), "{about}: {}", reply.text());
        }
    }
    for (who, path) in [
        (&ada, "/api/auth/profile"),
        (&ada, "/api/auth/sessions"),
        (&admin, "/api/auth/users"),
        (&admin, "/api/auth/audit"),
        (&admin, "/api/auth/reports"),
        (&admin, "/api/auth/invitations"),
    ] {
        full.client().get(path).bearer(&who.access).send().is_served(200);
    }
    assert_eq!(full.operator().get("/healthz").send().status, 200);
    drop(full);

    // Nothing of it happened, and no token was used up.
    let after = setup().start();
    let ada = after.log_in(&ada.email, PASSWORD);
    assert!(ada.sessions().len() >= 2);
    after.verifies(&verification).is_served(200);
    let body = json!({"email": guest, "password": PASSWORD, "invitation": invitation});
    after.registers(&body).is_served(201);
    after.resets(&reset, NEW).is_served(200);
    after.log_in(&ada.email, NEW);
}

/// That a mail went out can be forgotten by a store that takes no change. It must not go out again
/// and again for as long as that lasts.
#[test]
fn a_mail_that_went_out_is_not_repeated_while_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount(64) else {
        return eprintln!("left out: only root can mount a small disk to fill");
    };
    let mails = tempfile::tempdir().unwrap();
    let outbox = mails.path().join("outbox");
    let gateway = Setup::new(&format!(
        "[registration]\nemail_verification = \"off\"\n[mail]\noutbox_path = \"{}\"\n",
        outbox.display()
    ))
    .data(&disk.path().join("data"))
    .env("GATEWAY__STORE__MIN_FREE_BYTES", &(16 << 20).to_string())
    .start();
    // Nothing goes out as long as there is a file in the folder's place.
    std::fs::write(&outbox, "").unwrap();
    let ada = gateway.user();
    ada.changes_password(PASSWORD, NEW).is_served(200);
    let failed =
        || gateway.total("gateway_deliveries_total", &[("errand", "password_changed"), ("result", "failed")]);
    eventually("it could not go out", || failed() >= 1.0);
    let ballast = disk.fill_but(8);
    eventually("writes are refused", || gateway.try_register(&fresh_email()).status == 503);
    std::fs::remove_file(&outbox).unwrap();
    let changed = || {
        let letters = letters_in(&outbox);
        letters.iter().filter(|letter| letter.kind == "password_changed").count()
    };
    eventually("it goes out", || changed() > 0);
    let told = || gateway.log().matches("what was delivered could not be taken from the outbox").count();
    eventually("it is looked at again", || told() >= 3);
    assert_eq!(changed(), 1);
    std::fs::remove_file(ballast).unwrap();
    eventually("writes are accepted", || gateway.try_register(&fresh_email()).status == 201);
    eventually("all of it is done", || gateway.metric("gateway_outbox_waiting") == 0.0);
    assert_eq!(changed(), 1);
}
