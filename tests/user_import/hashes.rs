//! Hashes that Django, bcrypt and argon2 make: their own libraries make them here.

use serde_json::json;

use super::{Place, log_in, made_by};
use crate::support::gateway::run;

const PASSWORD: &str = "CANARY-Пароль-1";

/// What Django makes of a password by each of its hashers, one a line.
fn django(password: &str) -> Vec<(String, String)> {
    let code = r#"
from django.conf import settings
names = ["PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "BCrypt", "Scrypt"]
settings.configure(PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}PasswordHasher" for name in names])
from django.contrib.auth.hashers import get_hasher
for name in ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"]:
    hasher = get_hasher(name)
    cheaper = {"iterations": 1000} if name.startswith("pbkdf2") else {}
    if name.startswith("bcrypt"):
        hasher.rounds = 5
    print(name, hasher.encode(sys.argv[1], hasher.salt(), **cheaper))
"#;
    let made = made_by(code, &[password]);
    let lines = made.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect()
}

/// Each is imported, is right for its password and no other, and is one of ours after that.
fn are_taken_over(hashes: &[(String, String)], methods: &str, password: &str) {
    let place = Place::new(methods);
    let lines = hashes
        .iter()
        .map(|(name, hash)| json!({"email": format!("{name}@example.com"), "password_hash": hash}));
    let file: String = lines.map(|line| format!("{line}\n")).collect();
    let (status, out, said) = place.import("users.jsonl", &file, &[]);
    assert_eq!(status, 0, "{out}{said}");
    let stored = |place: &Place| -> Vec<String> {
        place.stored().iter().map(|user| user["password_hash"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(stored(&place), hashes.iter().map(|(_, hash)| hash.clone()).collect::<Vec<_>>());
    let gateway = place.gateway();
    for (name, _) in hashes {
        let email = format!("{name}@example.com");
        assert_eq!(log_in(&gateway, &email, &format!("{password}x")).status, 401, "{name}");
        assert_eq!(log_in(&gateway, &email, password).status, 200, "{name}");
        assert_eq!(log_in(&gateway, &email, password).status, 200, "{name}, made anew");
        assert_eq!(log_in(&gateway, &email, &format!("{password}x")).status, 401, "{name}, made anew");
    }
    drop(gateway);
    for hash in stored(&place).iter().take(hashes.len()) {
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}

#[test]
fn whoever_django_knew_logs_in_and_has_a_hash_of_ours_after_that() {
    let methods = r#"["pbkdf2:sha256:1000","pbkdf2:sha1:1000","bcrypt:5","scrypt:16384:8:5","argon2id:m=102400,t=2,p=8"]"#;
    // More than four that each cost something of their own.
    let (status, _, said) = run(&["check"], &[("GATEWAY__PASSWORD__IMPORTED", methods)]);
    assert_eq!(status, 78);
    assert!(said.contains("at most 4 methods"), "{said}");
    let hashes = django(PASSWORD);
    let (scrypt, others): (Vec<_>, Vec<_>) = hashes.into_iter().partition(|(name, _)| name == "scrypt");
    are_taken_over(&others, &methods.replace("\"scrypt:16384:8:5\",", ""), PASSWORD);
    are_taken_over(&scrypt, methods.replace("\"bcrypt:5\",", "").as_str(), PASSWORD);
}

#[test]
fn whoever_had_a_hash_of_bcrypt_or_argon2_logs_in() {
    let code = r#"
import bcrypt, argon2
password = sys.argv[1].encode()
for prefix in [b"2a", b"2b"]:
    print(f"bcrypt-{prefix.decode()}", bcrypt.hashpw(password, bcrypt.gensalt(5, prefix)).decode())
print("bcrypt-2y", bcrypt.hashpw(password, bcrypt.gensalt(5)).decode().replace("2b", "2y", 1))
print("argon2id", argon2.PasswordHasher().hash(password))
print("argon2i", argon2.PasswordHasher(type=argon2.Type.I, memory_cost=512, time_cost=2, parallelism=2, hash_len=16).hash(password))
# Of the cost that ours have: there is nothing to be named.
print("todays", argon2.PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1).hash(password))
"#;
    let made = made_by(code, &[PASSWORD]);
    let lines = made.lines().map(|line| line.split_once(' ').unwrap());
    let hashes: Vec<_> = lines.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect();
    let methods = r#"["bcrypt:5","argon2id:m=65536,t=3,p=4","argon2i:m=512,t=2,p=2"]"#;
    are_taken_over(&hashes, methods, PASSWORD);
}

#[test]
fn a_password_longer_than_bcrypt_reads_is_right_as_it_was_there_and_counts_whole_from_then_on() {
    let long = format!("CANARY-1-{}", "x".repeat(80));
    let code =
        "import bcrypt; print(bcrypt.hashpw(sys.argv[1].encode()[:72], bcrypt.gensalt(5)).decode(), end='')";
    let place = Place::new(r#"["bcrypt:5"]"#);
    let file = format!("email,password_hash\nada@example.com,{}\n", made_by(code, &[&long]));
    assert_eq!(place.import("users.csv", &file, &[]).0, 0);
    let gateway = place.gateway();
    assert_eq!(log_in(&gateway, "ada@example.com", &format!("{}\0", &long[..71])).status, 401);
    assert_eq!(log_in(&gateway, "ada@example.com", &long[..71]).status, 401);
    assert_eq!(log_in(&gateway, "ada@example.com", &long).status, 200);
    assert_eq!(log_in(&gateway, "ada@example.com", &long[..72]).status, 401);
    assert_eq!(log_in(&gateway, "ada@example.com", &long).status, 200);
}

#[test]
fn an_account_without_a_password_and_a_hash_that_protects_nobody_are_named() {
    let place = Place::new("[]");
    let file = "email,password_hash\na@example.com,!KVJlgSDu8TCrSQDCB14a8UUxen7iLEGI8bPbB8x5\nb@example.com,md5$salt$d41d8cd98f00b204e9800998ecf8427e\nc@example.com,bcrypt$$2b$05$MLU26X2H0h1hkJINuWArrOyie.mMNM5e1Z1qgH8OaBMXzhNXykXg6\n";
    let (status, _, said) = place.import("users.csv", file, &[]);
    assert_eq!(status, 1);
    for words in [
        "line 2: password_hash is Django's mark of an account without a password",
        "line 3: password_hash is of a kind that protects nobody",
        "line 4: password_hash is of the method \"bcrypt:5\", which is not in password.imported; add imported = [\"bcrypt:5\"] there",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
