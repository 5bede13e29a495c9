//! Secrets of HS256 that are replaced: those that the gateway keeps, and those that it is given.

use serde_json::json;

use crate::support::files_below;
use crate::support::forge::{access_claims, sign, with};
use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, Setup};
use crate::support::people::PASSWORD;
use crate::support::upstream::Upstream;

const NEW_ACCESS: &str = "CANARY-another-access-key-77d0b1e4-CANARY";
const NEW_REFRESH: &str = "CANARY-another-refresh-key-1c9fa2d8-CANARY";

/// Without secrets in the environment: it makes its own.
fn keeping(upstream: &Upstream) -> Setup {
    Setup::before(upstream.address).env("JWT_SECRET_KEY", "").env("JWT_REFRESH_SECRET_KEY", "")
}

#[test]
fn kept_secrets_are_rotated_by_command_and_reload() {
    let upstream = Upstream::start();
    let gateway = keeping(&upstream).start();
    let secret = || std::fs::read_to_string(gateway.data.join("access.key")).unwrap();
    let (ada, first) = (gateway.user(), secret());
    let told = gateway.rotate(&[]);
    assert!(told.contains("access: replaced the secret in "), "{told}");
    assert!(told.contains("assertion: made "), "{told}");
    assert_ne!(secret(), first);
    let client = gateway.client();
    let passes = |token: &str| client.get("/api/todos").bearer(token).send().status == 200;
    let by = |secret: &str| sign(&access_claims(&ada), secret);
    assert!(passes(&ada.access) && !passes(&by(&secret())), "before the reload");
    assert!(gateway.reload_again());
    assert!(passes(&ada.access) && passes(&by(&secret())), "after the reload");
    assert_eq!(ada.refresh(&ada.refresh, false).status, 200);
    let fresh = gateway.log_in(&ada.email, PASSWORD);
    assert!(passes(&fresh.access));
    assert_eq!(gateway.keys_list("access").len(), 2);
    let private = |file: &std::path::PathBuf| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(file).unwrap().permissions().mode() & 0o077 == 0
    };
    assert!(
        files_below(&gateway.data).iter().filter(|file| file.to_string_lossy().contains(".key")).all(private)
    );
    // The former one is forgotten once what it signed has ended.
    let replaced = files_below(&gateway.data).into_iter();
    let replaced = replaced.filter(|file| file.to_string_lossy().contains("access.key.replaced-"));
    for file in replaced {
        std::fs::rename(&file, gateway.data.join("access.key.replaced-1000000000")).unwrap();
    }
    assert!(gateway.reload_again());
    assert!(!passes(&ada.access) && passes(&fresh.access));
    gateway.rotate(&["access"]);
    assert!(!gateway.data.join("access.key.replaced-1000000000").exists());
}

/// What a start makes is known to it by the name that a reload finds it by.
#[test]
fn the_first_reload_after_the_very_first_start_rotates_nothing() {
    let upstream = Upstream::start();
    for algorithm in ["HS256", "EdDSA"] {
        let gateway = keeping(&upstream).env("GATEWAY__TOKENS__ALGORITHM", algorithm).start();
        assert!(gateway.reload_again());
        let (status, told, said) = gateway.run(&["audit", "list"]);
        assert_eq!(status, 0, "{said}");
        assert!(told.contains("config_reloaded") && !told.contains("keys_rotated"), "{algorithm}: {told}");
        assert!(!gateway.log().contains("keys were rotated"), "{algorithm}");
        gateway.rotate(&[]);
        assert!(gateway.reload_again());
        let (_, told, _) = gateway.run(&["audit", "list"]);
        assert!(told.contains("keys_rotated"), "{algorithm}: {told}");
    }
}

#[test]
fn a_second_rotation_within_the_publish_delay_replaces_no_secret_again() {
    let upstream = Upstream::start();
    let gateway = keeping(&upstream).publish_delay(3_600).start();
    let secrets =
        || ["access.key", "refresh.key"].map(|name| std::fs::read(gateway.data.join(name)).unwrap());
    gateway.rotate(&["access"]);
    let [first, refresh] = secrets();
    // Of those that are named, what waits is left alone, and the rest is done.
    let told = gateway.rotate(&[]);
    assert!(told.contains("refresh: replaced") && !told.contains("access: "), "{told}");
    assert_eq!(secrets()[0], first);
    assert_ne!(secrets()[1], refresh);
    let (status, out, said) = gateway.run(&["keys", "rotate"]);
    assert_eq!((status, out.as_str()), (3, ""), "{said}");
    for usage in ["access", "refresh"] {
        assert!(said.contains(&format!("no: {usage}: the secret was replaced at ")), "{said}");
    }
    assert!(said.contains("; --at-once replaces it again"), "{said}");
    assert_eq!(secrets()[0], first);
    gateway.rotate(&["access", "--at-once"]);
    assert_ne!(secrets()[0], first);
}

#[test]
fn secrets_that_are_given_are_rotated_by_naming_the_former_ones() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let setup = || Setup::before(upstream.address).data(folder.path());
    let mut gateway = setup().start();
    let ada = gateway.user();
    let (status, _, said) = gateway.run(&["keys", "rotate", "access", "refresh"]);
    assert_eq!(status, 3);
    assert!(said.contains("put a new one there, and the old one into JWT_SECRET_KEY_PREVIOUS"), "{said}");
    gateway.terminate();
    let former = folder.path().join("former");
    std::fs::write(&former, format!("{NEW_REFRESH}-older\n{REFRESH_KEY}\n")).unwrap();
    let gateway = setup()
        .env("JWT_SECRET_KEY", NEW_ACCESS)
        .env("JWT_REFRESH_SECRET_KEY", NEW_REFRESH)
        .env("JWT_SECRET_KEY_PREVIOUS", ACCESS_KEY)
        .env("JWT_REFRESH_SECRET_KEY_PREVIOUS_FILE", former.to_str().unwrap())
        .start();
    let client = gateway.client();
    let status = |token: &str| client.get("/api/todos").bearer(token).send().status;
    assert_eq!(status(&ada.access), 200);
    let refreshed = client.post("/api/auth/refresh").json(&json!({"refresh_token": ada.refresh})).send();
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    let fresh = refreshed.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(&fresh), 200);
    // The former one signs nothing any more, and may be taken away when its tokens have ended.
    std::fs::write(&former, format!("{NEW_REFRESH}-older\n")).unwrap();
    assert!(gateway.reload_again());
    let again = client.post("/api/auth/refresh").json(&json!({"refresh_token": ada.refresh})).send();
    assert_eq!(again.status, 401);
    let new = client.post("/api/auth/login").json(&json!({"email": ada.email, "password": PASSWORD})).send();
    let token = new.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(client.post("/api/auth/refresh").json(&json!({"refresh_token": token})).send().status, 200);
}

#[test]
fn a_former_secret_is_as_good_as_any_and_belongs_to_one_use() {
    for (name, value, why) in [
        ("JWT_SECRET_KEY_PREVIOUS", "short", "the key has 5 bytes"),
        ("JWT_SECRET_KEY_PREVIOUS", REFRESH_KEY, "are the same key, now or before"),
        ("JWT_REFRESH_SECRET_KEY_PREVIOUS", ACCESS_KEY, "are the same key, now or before"),
        ("JWT_SECRET_KEY_PREVIOUS_FILE", "/nowhere/at/all", "cannot be read"),
    ] {
        let failed = Setup::new("").env(name, value).try_start().err().unwrap();
        assert_eq!(failed.status.code(), Some(78));
        assert!(failed.stderr.contains(why), "{name}: {}", failed.stderr);
        crate::support::canary(&failed.stderr);
    }
}

#[test]
fn a_kept_secret_that_is_gone_refuses_the_reload() {
    let upstream = Upstream::start();
    let gateway = keeping(&upstream).start();
    let ada = gateway.user();
    let path = gateway.data.join("access.key");
    let secret = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!gateway.reload_again());
    gateway.says("access.key is gone: put it back");
    assert_eq!(ada.get("/api/todos").status, 200);
    let guessed = format!("{}: not made yet, 32 bytes or more", "access.key");
    let forged = sign(&with(access_claims(&ada), "role", json!("admin")), &guessed);
    assert_eq!(gateway.client().get("/api/todos").bearer(&forged).send().status, 401);
    std::fs::write(&path, secret).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(gateway.reload_again());
    assert_eq!(ada.get("/api/todos").status, 200);
}
