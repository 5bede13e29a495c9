//! Which passwords may be chosen beside the contract's rules: none that anybody would guess, and none
//! that was found in a data breach.

use serde_json::json;

use crate::support::gateway::{Gateway, Setup, run};
use crate::support::http::Reply;
use crate::support::stores::on_both_stores;

on_both_stores!(a_password_that_anybody_would_guess_is_refused_after_the_rules_of_the_contract);

const GUESSABLE: (u16, &str, &str) = (422, "Password is too easily guessed", "password_guessable");
const BREACHED: (u16, &str, &str) = (422, "Password has appeared in a data breach", "password_breached");

fn register(gateway: &Gateway, email: &str, password: &str) -> Reply {
    let body = json!({"email": email, "password": password, "first_name": "Ada", "last_name": "Byron-King"});
    gateway.client().post("/api/auth/register").json(&body).send()
}

fn is_refused(reply: &Reply, (status, words, code): (u16, &str, &str)) {
    reply.is_refused(status, words, code);
}

fn a_password_that_anybody_would_guess_is_refused_after_the_rules_of_the_contract(setup: Setup) {
    let gateway = setup.start();
    let email = "ada.lovelace@example.org";
    for password in [
        "Password1",
        "Qwerty123",
        "Welcome1",
        "Gateway2026",
        "Ada.Lovelace1815",
        "ByronKing1",
        "Example.Org-1",
        &format!("{}1", email.replace("ada", "Ada")),
    ] {
        is_refused(&register(&gateway, email, password), GUESSABLE);
    }
    register(&gateway, email, "password1").is_refused(
        422,
        "Password doesn't meet security requirements",
        "password_too_weak",
    );
    register(&gateway, "no", "Password1").is_refused(422, "[Invalid email address]", "validation_failed");
    assert_eq!(gateway.metric("gateway_registrations_total{result=\"password_guessable\"}"), 8.0);
    register(&gateway, email, "CANARY-Engine-1").is_served(201);
    // Of somebody else, it is none that anybody would try first.
    register(&gateway, "grace@navy.example", "Lovelace-of-Ockham-1815").is_served(201);
}

#[test]
fn who_chose_a_password_of_too_few_kinds_is_told_the_rule() {
    const RULE: &str = "A password needs at least 8 characters, \
                        with an upper-case letter, a lower-case letter and a digit";
    let gateway = Setup::new("").start();
    let reply = register(&gateway, "ada@example.com", "correct-horse");
    reply.is_refused(422, "Password doesn't meet security requirements", "password_too_weak");
    assert_eq!(reply.json()["detail"], RULE);
    let body = json!({"email": "ada@example.com", "password": "correct-horse"});
    let reply = gateway.client().post("/api/auth/register").json(&body);
    let problem = reply.header("accept", "application/problem+json").send().json();
    assert_eq!(problem["title"], "Password doesn't meet security requirements");
    assert_eq!(problem["detail"], RULE);
}

#[test]
fn how_much_is_asked_is_a_setting() {
    let setting = |value: &str| Setup::new(&format!("[password]\nguesses_log10_min = {value}\n")).start();
    let (lax, strict) = (setting("0"), setting("8"));
    register(&lax, "ada@example.com", "Password1").is_served(201);
    is_refused(&register(&strict, "ada@example.com", "Correct1"), GUESSABLE);
    register(&strict, "ada@example.com", "CANARY-Engine-Difference-1").is_served(201);
}

/// The SHA-1 of `CANARY-Breached-1`, of `CANARY-Breached-2`, and of neither, in their order.
fn list(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("pwned.txt");
    std::fs::write(&path, LIST).unwrap();
    path
}

const LIST: &str = "20A757B8B1462915BD7F6094D553B8DCFCBFADA2:2\r\n\
B48896B67D77A07B258DFA62529576619F3869C5:1\r\n\
F1078CAAA8EBB366B67B96006D6EECD7EE492A75:7\r\n";

#[test]
fn a_password_of_a_breach_is_refused_when_it_is_chosen_and_never_at_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let before = Setup::new("").data(&data).start();
    register(&before, "ada@example.com", "CANARY-Breached-1").is_served(201);
    drop(before);
    let path = list(folder.path());
    let setup = Setup::new("").data(&data).env("GATEWAY__PASSWORD__BREACHED_PATH", path.to_str().unwrap());
    let gateway = setup.env("GATEWAY__PASSWORD__BREACHED_COUNT_MIN", "2").start();
    is_refused(&register(&gateway, "bob@example.com", "CANARY-Breached-1"), BREACHED);
    assert_eq!(gateway.metric("gateway_registrations_total{result=\"password_breached\"}"), 1.0);
    // It was found once, and twice is asked for.
    register(&gateway, "bob@example.com", "CANARY-Breached-2").is_served(201);
    gateway.log_in("ada@example.com", "CANARY-Breached-1");
}

#[test]
fn a_list_that_cannot_be_read_any_more_keeps_nobody_out_and_is_complained_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(folder.path());
    let setup = Setup::new("").env("GATEWAY__PASSWORD__BREACHED_PATH", path.to_str().unwrap());
    let gateway = setup.start();
    std::fs::write(&path, "").unwrap();
    register(&gateway, "ada@example.com", "CANARY-Breached-1").is_served(201);
    gateway.says("the list of breached passwords cannot be read");
}

#[test]
fn what_is_no_list_and_what_cannot_be_asked_are_faults_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(folder.path());
    let text = std::fs::read_to_string(&path).unwrap();
    let check = |name: &str, value: &str| run(&["check"], &[(name, value)]);
    const PATH: &str = "GATEWAY__PASSWORD__BREACHED_PATH";
    assert_eq!(check(PATH, path.to_str().unwrap()).0, 0);
    for (content, words) in [
        (String::new(), "is empty"),
        (text.lines().rev().collect::<Vec<_>>().join("\n"), "is not ordered by hash"),
        ("x".repeat(500), "download the list of SHA-1 hashes into one file"),
    ] {
        std::fs::write(&path, content).unwrap();
        let (status, _, said) = check(PATH, path.to_str().unwrap());
        assert_eq!(status, 78, "{said}");
        assert!(said.contains("password.breached_path") && said.contains(words), "{said}");
    }
    for (name, value, words) in [
        (PATH, "/nowhere/pwned.txt", "No such file"),
        (PATH, folder.path().to_str().unwrap(), "is no file"),
        ("GATEWAY__PASSWORD__BREACHED_COUNT_MIN", "0", "write 1 or more"),
        ("GATEWAY__PASSWORD__GUESSES_LOG10_MIN", "13", "allowed are 0 to 12"),
    ] {
        let (status, _, said) = check(name, value);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains("password.") && said.contains(words), "{words}: {said}");
    }
}

#[test]
fn the_first_administrators_password_is_judged_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(folder.path());
    for (password, words) in [
        ("Password1", "is among the first that anybody tries"),
        ("Ada.Lovelace1815", "or made of GATEWAY_ADMIN_EMAIL"),
        ("CANARY-Breached-1", "is in the list of password.breached_path"),
        ("short", "needs 8 characters or more"),
    ] {
        let environment = [
            ("GATEWAY_ADMIN_EMAIL", "ada.lovelace@example.org"),
            ("GATEWAY_ADMIN_PASSWORD", password),
            ("GATEWAY__PASSWORD__BREACHED_PATH", path.to_str().unwrap()),
        ];
        let (status, _, said) = run(&["check"], &environment);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains("GATEWAY_ADMIN_PASSWORD: ") && said.contains(words), "{said}");
        assert!(!said.contains(password), "{said}");
    }
}
