//! `gateway user import`: the accounts of another application, with the hashes that it made.

mod hashes;
mod size;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gateway_clock::Stopwatch;
use serde_json::{Value, json};

use crate::support::gateway::{ACCESS_KEY, Gateway, REFRESH_KEY, Setup, command, finish, run};
use crate::support::http::Reply;
use crate::support::tools::python;

const METHODS: &str = r#"["scrypt:32768:8:1","pbkdf2:sha256:1000","pbkdf2:sha512:1000"]"#;

/// What Werkzeug makes of a password.
fn werkzeug(password: &str, method: &str) -> String {
    let code = "from werkzeug.security import generate_password_hash as g; print(g(sys.argv[1], sys.argv[2]), end='')";
    made_by(code, &[password, method])
}

/// What a program in Python writes, given these arguments.
fn made_by(code: &str, arguments: &[&str]) -> String {
    let code = format!("import sys; {code}");
    let output = python("python").args(["-c", &code]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with a configuration, a store to be, and files to import.
struct Place {
    folder: tempfile::TempDir,
    methods: String,
}

impl Place {
    fn new(methods: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gateway.toml"), "[server]").unwrap();
        Self { folder, methods: methods.to_owned() }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn import(&self, name: &str, text: &str, more: &[&str]) -> (i32, String, String) {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        finish(self.command(&file, more))
    }

    fn command(&self, file: &Path, more: &[&str]) -> Command {
        let mut command = command();
        command.args(["user", "import", "--config"]).arg(self.folder.path().join("gateway.toml"));
        command.arg(file).args(more);
        command.env("GATEWAY__STORE__PATH", self.data()).env("GATEWAY__PASSWORD__IMPORTED", &self.methods);
        command.env("JWT_SECRET_KEY", ACCESS_KEY).env("JWT_REFRESH_SECRET_KEY", REFRESH_KEY);
        command
    }

    fn gateway(&self) -> Gateway {
        let setup = Setup::new("").data(&self.data()).unlimited();
        let setup = setup.env("GATEWAY__PASSWORD__IMPORTED", &self.methods);
        setup.start()
    }

    /// The accounts as they are stored, once nobody uses the store.
    fn stored(&self) -> Vec<Value> {
        let (status, out, said) = run(&["store", "export", "--data", self.data().to_str().unwrap()], &[]);
        assert_eq!(status, 0, "{said}");
        let records = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["record"] == "user").collect()
    }
}

fn log_in(gateway: &Gateway, email: &str, password: &str) -> Reply {
    let body = json!({"email": email, "password": password});
    gateway.client().post("/api/auth/login").json(&body).send()
}

#[test]
fn everybody_logs_in_with_their_old_password_and_keeps_their_id() {
    let place = Place::new(METHODS);
    let scrypt = werkzeug("Correct1", "scrypt");
    let (sha256, sha512) =
        (werkzeug("Пароль12", "pbkdf2:sha256:1000"), werkzeug("Correct3", "pbkdf2:sha512:1000"));
    let file = format!(
        "id,email,password_hash,first_name,last_name,role,is_active,created_at,api_key\n\
         7,Ada@Example.com,{scrypt},Ada,\"Lovelace, Countess\",admin,1,2024-02-29 13:00:00.5,x\n\
         3,bob@example.com,{sha256},,,user,True,2023-01-02T03:04:05Z,y\n\
         ,eve@example.com,{sha512},Eve,,,false,,z\n"
    );
    let (status, out, said) = place.import("users.csv", &file, &[]);
    assert_eq!((status, out.as_str()), (0, "3 accounts imported\n"), "{said}");
    let gateway = place.gateway();
    assert_eq!(log_in(&gateway, "ada@example.com", "Correct2").status, 401);
    let ada = log_in(&gateway, "ada@example.com", "Correct1");
    assert_eq!(
        ada.json()["user"],
        json!({"id": 7, "email": "ada@example.com", "first_name": "Ada", "role": "admin"})
    );
    assert_eq!(log_in(&gateway, "bob@example.com", "Пароль12").json()["user"]["id"], 3);
    let inactive = log_in(&gateway, "eve@example.com", "Correct3");
    assert_eq!((inactive.status, inactive.code().as_str()), (403, "account_inactive"));
    let token = ada.json()["access_token"].as_str().unwrap().to_owned();
    let users = gateway.client().get("/api/auth/users").bearer(&token).send().json();
    let created: Vec<_> = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["id"].as_u64().unwrap(), user["created_at"].as_str().unwrap()))
        .collect();
    assert_eq!(created[..2], [(3, "2023-01-02T03:04:05Z"), (7, "2024-02-29T13:00:00Z")]);
    assert_eq!(created[2].0, 8);
    // The next one to register gets an id that nobody had.
    assert!(gateway.user().id > 8);
    assert_eq!(log_in(&gateway, "ada@example.com", "Correct1").status, 200);
    drop(gateway);
    for user in place.stored().iter().take(3) {
        let hash = user["password_hash"].as_str().unwrap();
        match user["id"].as_u64().unwrap() {
            // Who has logged in has a hash of ours; the others keep theirs.
            3 | 7 => assert!(hash.starts_with("$argon2id$"), "{user}"),
            _ => assert_eq!(hash, sha512),
        }
    }
}

#[test]
fn json_lines_are_read_too() {
    let place = Place::new(METHODS);
    let hash = werkzeug("Correct1", "pbkdf2:sha256:1000");
    let lines = [
        json!({"id": 1, "email": "ada@example.com", "password_hash": hash, "is_active": true, "role": null})
            .to_string(),
        String::new(),
        json!({"email": "bob@example.com", "password_hash": hash, "other": {"x": 1}}).to_string(),
    ];
    let (status, out, said) = place.import("users.jsonl", &lines.join("\r\n"), &[]);
    assert_eq!((status, out.as_str()), (0, "2 accounts imported\n"), "{said}");
    assert_eq!(log_in(&place.gateway(), "bob@example.com", "Correct1").json()["user"]["id"], 2);
}

#[test]
fn an_address_that_was_proved_elsewhere_is_so_here_in_either_form() {
    let place = Place::new(METHODS);
    let hash = werkzeug("Correct1", "pbkdf2:sha256:1000");
    let file =
        format!("email,password_hash,email_verified\nada@example.com,{hash},t\nbob@example.com,{hash},\n");
    assert_eq!(place.import("users.csv", &file, &[]).0, 0);
    let line = json!({"email": "eve@example.com", "password_hash": hash, "email_verified": true});
    assert_eq!(place.import("users.jsonl", &line.to_string(), &[]).0, 0);
    let verified: Vec<_> = place.stored().iter().map(|user| user["email_verified"].clone()).collect();
    assert_eq!(verified, [true, false, true]);
    let (_, out, _) = place.import(
        "more.csv",
        &format!("email,password_hash,email_verified\nx@y.example,{hash},maybe\n"),
        &["--json"],
    );
    assert!(out.contains("email_verified must be true or false"), "{out}");
}

#[test]
fn each_bad_line_is_named_and_then_nothing_is_imported() {
    let place = Place::new(METHODS);
    let hash = werkzeug("CANARY-Password-1", "pbkdf2:sha256:1000");
    let header = "id,email,password_hash,role,is_active,created_at,first_name\n";
    let long = "x".repeat(101);
    let bad = [
        (format!("1,nobody,{hash},,,,"), "email is no address"),
        (",,x,,,,".to_owned(), "email is missing"),
        ("1,a@example.com,,,,,".to_owned(), "password_hash is missing"),
        ("1,a@example.com,CANARY-plain,,,,".to_owned(), "password_hash is of no known kind"),
        (format!("1,a@example.com,{}x,,,,", &hash[..hash.len() - 1]), "password_hash is of no known kind"),
        (
            format!("1,a@example.com,scrypt:1048576:8:1$salt${},,,,", "ab".repeat(64)),
            "password_hash costs more than a login may",
        ),
        (
            format!("1,a@example.com,pbkdf2:sha256:999$salt${},,,,", "ab".repeat(32)),
            "imported = [\"pbkdf2:sha256:999\"]",
        ),
        (format!("0,a@example.com,{hash},,,,"), "id is no whole number"),
        (format!("1,a@example.com,{hash},root,,,"), "role must be user or admin"),
        (format!("1,a@example.com,{hash},,maybe,,"), "is_active must be true or false"),
        (format!("1,a@example.com,{hash},,,yesterday,"), "created_at is no time"),
        (format!("1,a@example.com,{hash},,,,{long}"), "first_name must be at most 100 characters"),
        (format!("1,a@example.com,{hash},,,,A\u{7}da"), "first_name must not contain control characters"),
        (format!("1,a@example.com,{}{hash},,,,", "0".repeat(600)), "password_hash is of no known kind"),
        ("1,a@example.com".to_owned(), "fields"),
    ];
    let lines: String = bad.iter().map(|(line, _)| format!("{line}\n")).collect();
    let good =
        format!("5,ada@example.com,{hash},,,,\n6,ADA@example.com,{hash},,,,\n5,bob@example.com,{hash},,,,\n");
    let (status, out, said) = place.import("users.csv", &format!("{header}{lines}{good}"), &[]);
    assert_eq!((status, out.as_str()), (1, ""), "{said}");
    for (number, (_, words)) in (2..).zip(&bad) {
        let line = said.lines().find(|line| line.contains(&format!("users.csv line {number}: ")));
        assert!(line.is_some_and(|line| line.contains(words)), "line {number}: {words}\n{said}");
    }
    assert!(said.contains("line 18: the address was there before"), "{said}");
    assert!(said.contains("line 19: the id was there before"), "{said}");
    assert!(said.contains("17 of the lines are bad; nothing was imported"), "{said}");
    crate::support::canary(&said);
    assert!(!said.contains(&hash), "{said}");
    assert!(!place.data().exists(), "a store was made");
}

#[test]
fn a_file_that_is_none_is_said_to_be_none() {
    let place = Place::new(METHODS);
    for (name, text, words) in [
        ("users.txt", "x", "name it .csv"),
        ("users.csv", "", "the header has no `email`"),
        ("users.csv", "email,password\na@example.com,x\n", "the header has no `password_hash`"),
        ("users.csv", "email,password_hash\n", "there is no account in it"),
        ("users.jsonl", "\n\n", "there is no account in it"),
        ("users.jsonl", "[]\nnull\n{\"email\":1", "users.jsonl line 3: no JSON object"),
    ] {
        let (status, _, said) = place.import(name, text, &[]);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(words), "{words}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let place = Place::new(METHODS);
    let file = format!("email,password_hash\nada@example.com,{}\n", werkzeug("Correct1", "scrypt"));
    for _ in 0..2 {
        let (status, out, said) = place.import("users.csv", &file, &["--dry-run"]);
        assert_eq!((status, out.as_str()), (0, "1 account can be imported; nothing was changed\n"), "{said}");
        assert!(!place.data().exists());
    }
    assert_eq!(place.import("users.csv", &file, &[]).0, 0);
    let before = place.stored();
    let more = format!("{file}bob@example.com,{}\n", werkzeug("Correct1", "scrypt"));
    let (status, _, said) = place.import("users.csv", &more, &["--dry-run"]);
    assert_eq!(status, 1);
    assert!(said.contains("line 2: an account has this address already"), "{said}");
    let (status, out, _) = place.import("users.csv", &more, &["--dry-run", "--skip-existing"]);
    assert_eq!((status, out.as_str()), (0, "1 account can be imported, 1 left out; nothing was changed\n"));
    assert_eq!(place.stored(), before);
}

#[test]
fn ids_are_never_given_twice_and_a_running_gateway_takes_accounts_too() {
    let place = Place::new(METHODS);
    let hash = werkzeug("Correct1", "pbkdf2:sha256:1000");
    let gateway = place.gateway();
    let ada = gateway.user();
    let file = format!("id,email,password_hash\n{},bob@example.com,{hash}\n", ada.id);
    let refused = |who: &str, last: u64| {
        let (status, _, said) = place.import("users.csv", &file.replace("bob", who), &[]);
        assert_eq!(status, 1);
        assert!(said.contains(&format!("line 2: ids up to {last} were given already")), "{said}");
    };
    refused("bob", ada.id);
    let (status, out, said) =
        place.import("users.csv", &file.replace(&format!("{},bob", ada.id), ",bob"), &[]);
    assert_eq!((status, out.as_str()), (0, "1 account imported\n"), "{said}");
    assert_eq!(log_in(&gateway, "bob@example.com", "Correct1").json()["user"]["id"], ada.id + 1);
    drop(gateway);
    refused("eve", ada.id + 1);
    let gateway = place.gateway();
    assert_eq!(log_in(&gateway, "bob@example.com", "Correct1").json()["user"]["id"], ada.id + 1);
}

/// Each is compared with what an imported hash costs, which is many times what one of ours does.
#[test]
fn time_does_not_tell_who_was_imported_nor_who_is_there_at_all() {
    let method = "pbkdf2:sha256:600000";
    let place = Place::new(&format!("[\"{method}\"]"));
    let file = format!("email,password_hash\nada@example.com,{}\n", werkzeug("Correct1", method));
    assert_eq!(place.import("users.csv", &file, &[]).0, 0);
    let gateway = place.gateway();
    let registered = gateway.user().email;
    let asked = ["ada@example.com", registered.as_str(), "nobody@example.com", "no address"];
    // The shortest of several, in turns: what else the machine does only makes them longer, so that a
    // difference that is none goes with further turns, and a real one stays.
    let mut shortest = [Duration::MAX; 4];
    let alike = |shortest: &[Duration; 4]| {
        let [imported, others @ ..] = *shortest;
        others.into_iter().all(|other| other * 5 > imported * 2 && other * 2 < imported * 5)
    };
    for turn in 0..16 {
        for (email, shortest) in asked.iter().zip(&mut shortest) {
            let watch = Stopwatch::start();
            assert_eq!(log_in(&gateway, email, "Wrong-1-wrong").status, 401);
            *shortest = watch.elapsed().min(*shortest);
        }
        if turn >= 3 && alike(&shortest) {
            return;
        }
    }
    panic!("{asked:?}: {shortest:?}");
}

#[test]
fn a_method_that_is_not_named_is_never_right() {
    let place = Place::new(METHODS);
    let file = format!("email,password_hash\nada@example.com,{}\n", werkzeug("Correct1", "scrypt"));
    assert_eq!(place.import("users.csv", &file, &[]).0, 0);
    let strict = Place { methods: "[]".to_owned(), ..place };
    assert_eq!(log_in(&strict.gateway(), "ada@example.com", "Correct1").status, 401);
}

#[test]
fn a_method_that_costs_too_much_is_a_fault_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let check = |methods: &str| {
        std::fs::write(&file, format!("[password]\nimported = {methods}\n")).unwrap();
        run(&["check", "--config", Path::new(&file).to_str().unwrap()], &[])
    };
    assert_eq!(check(METHODS).0, 0);
    for (methods, words) in [
        ("[\"scrypt:1048576:8:1\"]", "128 MiB or less"),
        ("[\"pbkdf2:sha256:9000000\"]", "2000000 iterations or less"),
        ("[\"md5\"]", "is no method"),
        (
            "[\"scrypt:2:1:1\",\"scrypt:4:1:1\",\"scrypt:8:1:1\",\"scrypt:16:1:1\",\"scrypt:32:1:1\"]",
            "at most 4 methods",
        ),
    ] {
        let (status, _, said) = check(methods);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains("password.imported") && said.contains(words), "{said}");
    }
}
