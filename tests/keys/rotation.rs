//! Rotation logs nobody out: neither now nor later, neither under load nor when it is broken off.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::gateway::{Gateway, Setup};
use crate::support::keys::{key_files, kid};
use crate::support::people::{PASSWORD, Person};
use crate::support::transfer::{exported, imported};
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

fn states(gateway: &Gateway, usage: &str) -> Vec<String> {
    let list = gateway.keys_list(usage);
    list.iter()
        .filter(|key| key["kid"].is_string())
        .map(|key| key["state"].as_str().unwrap().to_owned())
        .collect()
}

/// A token of before passes, and its session goes on.
#[track_caller]
fn stays_logged_in(person: &Person) {
    let reply = person.get("/api/todos");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = person.refresh(&person.refresh, false);
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// The text of a key file with another beginning.
fn dated(text: &str, year: u16) -> String {
    let lines = text.lines().map(|line| match line.starts_with("Signs from: ") {
        true => format!("Signs from: {year}-01-01T00:00:00Z\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_new_key_is_published_first_and_signs_after_the_delay() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(3_600).start();
    let before = gateway.user();
    let told = gateway.rotate(&[]);
    assert_eq!(told.lines().count(), 3, "{told}");
    for usage in ["access", "refresh", "assertion"] {
        assert!(told.contains(&format!("{usage}: made ")), "{told}");
        assert_eq!(states(&gateway, usage), ["current", "next"], "{usage}");
    }
    assert!(gateway.reload_again());
    let after = gateway.log_in(&before.email, PASSWORD);
    assert_eq!(kid(&before.access), kid(&after.access), "the new key signs too early");
    stays_logged_in(&before);
    let (status, out, said) = gateway.run(&["keys", "rotate"]);
    assert_eq!((status, out.as_str()), (3, ""), "{said}");
    assert!(said.contains("no: access: the next key") && said.contains("is there already"), "{said}");
}

#[test]
fn the_key_before_verifies_what_it_signed() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(0).start();
    let before = gateway.user();
    gateway.rotate(&[]);
    stays_logged_in(&before);
    assert!(gateway.reload_again());
    let after = gateway.log_in(&before.email, PASSWORD);
    assert_ne!(kid(&before.access), kid(&after.access));
    assert_ne!(kid(&before.refresh), kid(&after.refresh));
    for person in [&before, &after] {
        stays_logged_in(person);
    }
    assert_eq!(states(&gateway, "refresh"), ["previous", "current"]);
    let (status, table, _) = gateway.run(&["keys", "list"]);
    assert_eq!(status, 0);
    for word in ["USE", "previous", "current", "EdDSA", &kid(&after.access), "HS256", "JWT_SECRET_KEY"] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
}

#[test]
fn a_key_goes_when_everything_that_it_signed_has_ended() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(0).start();
    let first = gateway.key_file("access");
    let old = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, dated(&old, 2001)).unwrap();
    gateway.rotate(&["access"]);
    // As if that had been years ago.
    let second = key_files(&gateway.keys_for("access")).into_iter().find(|file| *file != first).unwrap();
    let text = std::fs::read_to_string(&second).unwrap();
    std::fs::write(&second, dated(&text, 2002)).unwrap();
    assert_eq!(states(&gateway, "access"), ["over", "current"]);
    let ada = gateway.user();
    let by_the_old = kid(&ada.access);
    assert_eq!(ada.get("/api/todos").status, 200);
    assert!(gateway.reload_again());
    ada.get("/api/todos").is_refused(401, "Invalid or expired token", "token_invalid");
    assert!(gateway.jwks().iter().all(|key| key["kid"] != by_the_old.as_str()));
    let told = gateway.rotate(&["access"]);
    assert!(told.contains(&format!("removed {}", first.display())), "{told}");
    assert!(!first.exists() && second.exists());
}

#[test]
fn rotations_under_load_fail_no_request() {
    let upstream = Upstream::start();
    let setup = Setup::before(upstream.address).unlimited().algorithm("EdDSA").publish_delay(0);
    let gateway = setup.start();
    let ada = gateway.user();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _over = SetOnDrop(&over);
        for _ in 0..3 {
            scope.spawn(|| {
                let mut person = gateway.log_in(&ada.email, PASSWORD);
                while !over.load(Ordering::Relaxed) {
                    let reply = person.get("/api/todos");
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    let reply = person.refresh(&person.refresh, true);
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    let token = |name: &str| reply.json()[name].as_str().unwrap().to_owned();
                    (person.access, person.refresh) = (token("access_token"), token("refresh_token"));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..8 {
            let before = answered.load(Ordering::Relaxed);
            gateway.rotate(&["access", "refresh", "--at-once"]);
            assert!(gateway.reload_again());
            names.insert(kid(&gateway.log_in(&ada.email, PASSWORD).access));
            eventually("requests go on", || answered.load(Ordering::Relaxed) > before + 3);
        }
        assert!(names.len() > 3, "the keys were not rotated");
    });
    stays_logged_in(&ada);
}

#[test]
fn a_rotation_that_is_killed_leaves_whole_keys_or_none() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(0).start();
    let ada = gateway.user();
    let folder = gateway.keys_for("access");
    for delay in 0..24 {
        let mut command = gateway.command(&["keys", "rotate", "access", "--at-once"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        // Later each time, from before it has begun until after it has ended.
        std::thread::park_timeout(Duration::from_millis(delay * 2));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(gateway.reload_again(), "after {delay}");
        stays_logged_in(&ada);
        assert_eq!(gateway.log_in(&ada.email, PASSWORD).get("/api/todos").status, 200);
    }
    std::fs::write(folder.join(".new-of-somebody-who-was-killed"), "-----BEGIN PRIV").unwrap();
    assert!(gateway.reload_again());
    gateway.rotate(&["access", "--at-once"]);
    let drafts = crate::support::files_below(&folder).len() - key_files(&folder).len();
    assert_eq!(drafts, 0, "what was broken off is still there");
}

#[test]
fn two_rotations_at_once_make_one_key_after_the_other() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(0).start();
    let before = key_files(&gateway.keys_for("access")).len();
    let made = crate::support::in_parallel(4, |_| gateway.run(&["keys", "rotate", "access", "--at-once"]).0);
    assert_eq!(made, [0; 4]);
    assert_eq!(key_files(&gateway.keys_for("access")).len(), before + 4);
    assert!(gateway.reload_again());
}

#[test]
fn a_stolen_key_is_worth_nothing_once_its_file_is_gone() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(3_600).start();
    let ada = gateway.user();
    let stolen = gateway.key_file("access");
    gateway.rotate(&["access", "--at-once"]);
    std::fs::remove_file(stolen).unwrap();
    assert!(gateway.reload_again());
    ada.get("/api/todos").is_refused(401, "Invalid or expired token", "token_invalid");
    assert!(gateway.jwks().iter().all(|key| key["kid"] != kid(&ada.access).as_str()));
    let refreshed = ada.refresh(&ada.refresh, false);
    assert_eq!(refreshed.status, 200, "only the access keys were rotated: {}", refreshed.text());
    assert_eq!(gateway.log_in(&ada.email, PASSWORD).get("/api/todos").status, 200);
}

#[test]
fn gateways_of_one_installation_that_share_the_folder_accept_each_others_tokens_through_a_rotation() {
    let (upstream, shared) = (Upstream::start(), tempfile::tempdir().unwrap());
    let keys = shared.path().join("keys");
    let start = |name: &str| {
        let setup = Setup::before(upstream.address).algorithm("EdDSA").publish_delay(0);
        let setup = setup.data(&shared.path().join(name));
        setup.env("GATEWAY__TOKENS__KEYS_PATH", keys.to_str().unwrap()).start()
    };
    let file = exported(&mut start("one"));
    imported(&shared.path().join("other"), &file, &[]);
    let (one, other) = (start("one"), start("other"));
    assert_eq!(key_files(&keys.join("access")).len(), 1, "each made its own");
    let accepts = |gateway: &Gateway, person: &Person| {
        gateway.client().get("/api/todos").bearer(&person.access).send().status == 200
    };
    let (ada, ben) = (one.user(), other.user());
    one.rotate(&[]);
    assert!(accepts(&one, &ben) && accepts(&other, &ada));
    assert!(one.reload_again());
    assert!(accepts(&one, &ben) && accepts(&other, &ada));
    assert!(other.reload_again());
    let (ada_again, ben_again) = (one.log_in(&ada.email, PASSWORD), other.log_in(&ben.email, PASSWORD));
    assert_eq!(kid(&ada_again.access), kid(&ben_again.access));
    for person in [&ada, &ben, &ada_again, &ben_again] {
        assert!(accepts(&one, person) && accepts(&other, person));
    }
}
