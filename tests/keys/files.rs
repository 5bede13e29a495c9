//! Keys that an operator puts into the folder: PEM and JWK, good ones and bad ones.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::encoding::{AsBigEndian as _, Curve25519SeedBin};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::forge::{encode, now};
use crate::support::gateway::{Gateway, Setup};
use crate::support::keys::{header, key_files, kid};
use crate::support::people::PASSWORD;
use crate::support::upstream::Upstream;

fn eddsa(upstream: &Upstream) -> Setup {
    Setup::before(upstream.address).algorithm("EdDSA")
}

/// A file that only its owner can read, put there in one step.
fn put(folder: &Path, name: &str, contents: &str) {
    let draft = folder.join(".being-written");
    std::fs::write(&draft, contents).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(draft, folder.join(name)).unwrap();
}

/// A private JSON Web Key that signs from this moment on.
fn jwk(kid: &str, nbf: u64) -> Value {
    let pair = Ed25519KeyPair::generate().unwrap();
    let seed: Curve25519SeedBin<'_> = pair.seed().unwrap().as_be_bytes().unwrap();
    json!({
        "kty": "OKP", "crv": "Ed25519", "kid": kid, "nbf": nbf, "alg": "EdDSA",
        "x": encode(pair.public_key().as_ref()), "d": encode(seed.as_ref()),
    })
}

fn log_in_again(gateway: &Gateway, email: &str) -> String {
    gateway.log_in(email, PASSWORD).access
}

#[test]
fn a_json_web_key_is_taken_over_by_a_reload_and_signs_from_its_time_on() {
    let upstream = Upstream::start();
    let gateway = eddsa(&upstream).start();
    let ada = gateway.user();
    let folder = gateway.keys_for("access");
    put(&folder, "later.jwk", &jwk("later", now() + 10_000).to_string());
    assert!(gateway.reload_again());
    assert_eq!(kid(&log_in_again(&gateway, &ada.email)), kid(&ada.access));
    assert!(gateway.jwks().iter().any(|key| key["kid"] == "later"), "it is not published");
    // In whole seconds: the first moment that certainly comes after the gateway's own key.
    put(&folder, "spring.json", &jwk("spring-2027", now() + 1).to_string());
    assert!(gateway.reload_again());
    let mut after = String::new();
    eventually("the key signs, without another reload", || {
        after = log_in_again(&gateway, &ada.email);
        kid(&after) == "spring-2027"
    });
    for token in [&ada.access, &after] {
        assert_eq!(gateway.client().get("/api/todos").bearer(token).send().status, 200);
    }
}

#[test]
fn a_pem_file_as_openssl_writes_it_is_enough() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    for (usage, algorithm) in
        [("access", &rcgen::PKCS_ECDSA_P256_SHA256), ("refresh", &rcgen::PKCS_ECDSA_P256_SHA256)]
    {
        let own = folder.path().join("keys").join(usage);
        std::fs::create_dir_all(&own).unwrap();
        put(&own, "mine.pem", &rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_pem());
    }
    std::fs::set_permissions(folder.path().join("keys"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let gateway = Setup::before(upstream.address).algorithm("ES256").data(folder.path()).start();
    let ada = gateway.user();
    assert_eq!(header(&ada.access)["alg"], "ES256");
    assert_eq!(ada.get("/api/todos").status, 200);
    assert_eq!(ada.refresh(&ada.refresh, false).status, 200);
    for usage in ["access", "refresh"] {
        assert_eq!(key_files(&gateway.keys_for(usage)).len(), 1, "another key was made for {usage}");
    }
}

#[test]
fn the_folder_can_lie_elsewhere() {
    let (upstream, elsewhere) = (Upstream::start(), tempfile::tempdir().unwrap());
    let path = elsewhere.path().join("own/keys");
    let gateway = eddsa(&upstream).env("GATEWAY__TOKENS__KEYS_PATH", path.to_str().unwrap()).start();
    assert_eq!(gateway.user().get("/api/todos").status, 200);
    assert!(!gateway.data.join("keys").exists());
    for usage in ["access", "refresh", "assertion"] {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path.join(usage)), 0o700);
        assert!(key_files(&path.join(usage)).iter().all(|file| mode(file) == 0o600));
    }
}

#[test]
fn a_file_that_is_no_key_is_refused_by_name_and_nothing_changes() {
    let upstream = Upstream::start();
    let gateway = eddsa(&upstream).start();
    let ada = gateway.user();
    let folder = gateway.keys_for("access");
    let whole = std::fs::read_to_string(gateway.key_file("access")).unwrap();
    let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": jwk("a", 0)["x"] });
    let torn = {
        let mut torn = jwk("a", 0);
        torn["x"] = jwk("b", 0)["x"].clone();
        torn
    };
    for (name, contents, why) in [
        ("half.pem", &whole[..whole.len() / 2], "has 0 private keys in PEM"),
        ("empty.pem", "", "has 0 private keys in PEM"),
        ("noise.pem", "\u{0}\u{1}\u{fffd}", "has 0 private keys in PEM"),
        ("copy.pem", &whole, "the same key"),
        ("public.jwk", &public.to_string(), "its member `d` is missing"),
        ("torn.jwk", &torn.to_string(), "do not belong together"),
        ("half.jwk", "{\"kty\":\"OKP\",", "no such JSON at line 1"),
        ("secret.json", "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", "its type is"),
        ("kid.jwk", &jwk("../../etc/passwd\n", 0).to_string(), "its `kid` is"),
        ("large.pem", &"x".repeat(70_000), "it is no key"),
    ] {
        put(&folder, name, contents);
        assert!(!gateway.reload_again(), "{name}");
        gateway.says(why);
        assert_eq!(ada.get("/api/todos").status, 200, "{name}");
        let (status, _, said) = gateway.run(&["keys", "rotate"]);
        assert_eq!(status, 78, "{name}: {said}");
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    std::fs::create_dir(folder.join("folder.pem")).unwrap();
    assert!(!gateway.reload_again());
    std::fs::remove_dir(folder.join("folder.pem")).unwrap();
    put(&folder, "notes.txt", "these are our keys");
    assert!(gateway.reload_again());
    gateway.says("notes.txt is not used: the names of keys end with .pem, .jwk or .json");
    assert_eq!(ada.get("/api/todos").status, 200);
}

#[test]
fn a_start_with_a_bad_key_file_names_it() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let mut gateway = eddsa(&upstream).data(folder.path()).start();
    let file = gateway.key_file("refresh");
    gateway.terminate();
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 40]).unwrap();
    let failed = eddsa(&upstream).data(folder.path()).try_start().err().unwrap();
    assert_eq!(failed.status.code(), Some(78));
    assert!(failed.stderr.contains(file.to_str().unwrap()), "{}", failed.stderr);
    assert!(!failed.stderr.contains("MC4C"), "{}", failed.stderr);
    std::fs::write(&file, whole).unwrap();
    eddsa(&upstream).data(folder.path()).start();
}

#[test]
fn files_that_others_can_read_and_folders_that_others_can_write_are_refused() {
    let upstream = Upstream::start();
    let gateway = eddsa(&upstream).start();
    let file = gateway.key_file("access");
    for (path, mode, right, why) in [
        (file.as_path(), 0o640, 0o600, "can be read by others (mode 640): chmod 600"),
        (&gateway.keys_for("access"), 0o720, 0o700, "can be written by others"),
        (&gateway.data.join("keys"), 0o1777, 0o700, "can be written by others"),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(!gateway.reload_again(), "{}", path.display());
        gateway.says(why);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(right)).unwrap();
        assert!(gateway.reload_again(), "{}", path.display());
    }
}

#[test]
fn keys_that_are_gone_refuse_the_reload() {
    let upstream = Upstream::start();
    let gateway = eddsa(&upstream).start();
    let ada = gateway.user();
    for usage in ["access", "refresh", "assertion"] {
        let file = gateway.key_file(usage);
        let aside = file.with_extension("aside");
        std::fs::rename(&file, &aside).unwrap();
        assert!(!gateway.reload_again(), "{usage}");
        gateway.says(&format!("keys/{usage} has no key any more: put it back"));
        assert_eq!(ada.get("/api/todos").status, 200, "{usage}");
        assert_eq!(ada.refresh(&ada.refresh, false).status, 200, "{usage}");
        std::fs::rename(&aside, &file).unwrap();
    }
    assert!(gateway.reload_again());
}

#[test]
fn one_key_for_two_uses_is_refused() {
    let upstream = Upstream::start();
    let gateway = eddsa(&upstream).start();
    for (from, to) in [("access", "refresh"), ("access", "assertion"), ("refresh", "assertion")] {
        let contents = std::fs::read_to_string(gateway.key_file(from)).unwrap();
        put(&gateway.keys_for(to), "shared.pem", &contents);
        assert!(!gateway.reload_again(), "{from} {to}");
        gateway.says(&format!("is there for both {from} and {to}"));
        std::fs::remove_file(gateway.keys_for(to).join("shared.pem")).unwrap();
    }
    assert!(gateway.reload_again());
}

#[test]
fn where_files_are_watched_a_new_key_needs_no_signal() {
    let upstream = Upstream::start();
    let gateway = eddsa(&upstream).env("GATEWAY__SERVER__WATCH_SECONDS", "1").start();
    put(&gateway.keys_for("access"), "later.jwk", &jwk("later", now() + 10_000).to_string());
    eventually("it is published", || gateway.jwks().iter().any(|key| key["kid"] == "later"));
}

#[test]
fn what_is_private_of_a_key_is_in_its_file_and_nowhere_else() {
    let upstream = Upstream::start();
    let setup = eddsa(&upstream).route("vouched", "/vouched", "todo", "assertion = true");
    let mut gateway = setup.env("GATEWAY__LOG__LEVEL", "trace").start();
    let ada = gateway.user();
    assert_eq!((ada.get("/api/todos").status, ada.get("/vouched").status), (200, 200));
    let (_, table, _) = gateway.run(&["keys", "list"]);
    let (_, json, _) = gateway.run(&["keys", "list", "--json"]);
    let told = gateway.rotate(&[]);
    assert!(gateway.reload_again());
    let mut seen = vec![table, json, told, gateway.metrics(), json!(gateway.jwks()).to_string()];
    let files = key_files(&gateway.data.join("keys"));
    let lines = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    // The base64 of PKCS #8: the seed is in the last half of it.
    let secrets: Vec<_> = lines.filter(|line| line.len() == 64 && line.starts_with("MC4C")).collect();
    assert_eq!(secrets.len(), 6);
    gateway.terminate();
    seen.push(gateway.last_words());
    for secret in &secrets {
        assert!(seen.iter().all(|text| !text.contains(&secret[24..])), "a key is seen");
    }
}
