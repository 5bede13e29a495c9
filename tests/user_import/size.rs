//! Many accounts: how far it is, what becomes of it, and what if it is broken off.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Place, log_in};

/// Of `Correct1`, by Python's hashlib.
const HASH: &str = "pbkdf2:sha256:1000$salt$d20cb159f93c7629b9807b8aaef9c7a2120b5b650a8d875c1cd5ff3744d85a96";
const METHOD: &str = r#"["pbkdf2:sha256:1000"]"#;

/// A file of this many accounts, of which every second has an id.
fn accounts(count: u64) -> String {
    let lines = (1..=count).map(|number| {
        let id = if number % 2 == 0 { number.to_string() } else { String::new() };
        format!("{id},user{number}@example.com,{HASH},Ada\n")
    });
    std::iter::once("id,email,password_hash,first_name\n".to_owned()).chain(lines).collect()
}

#[test]
fn a_hundred_thousand_accounts_are_imported_and_it_is_said_how_far_it_is() {
    let place = Place::new(METHOD);
    let (status, out, said) = place.import("users.csv", &accounts(100_000), &["--json"]);
    assert_eq!(status, 0, "{said}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told, json!({"imported": 100_000, "skipped": 0, "bad": [], "dry_run": false}));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 20, "{said}");
    assert_eq!((lines[9], lines[19]), ("100000 lines read, 100 %", "100000 accounts written, 100 %"));
    for (line, begin) in
        [(lines[0], "10000 lines read, "), (lines[12], "30000 accounts written, 30 %, about ")]
    {
        assert!(line.starts_with(begin) && line.ends_with(" left"), "{line}");
    }
    let gateway = place.gateway();
    for number in [1, 2, 99_999, 100_000] {
        let email = format!("user{number}@example.com");
        let user = log_in(&gateway, &email, "Correct1").is_served(200)["user"].clone();
        assert_eq!(user["email"], email);
        assert!(number % 2 == 1 || user["id"] == number, "{user}");
    }
    assert_eq!(log_in(&gateway, "user100001@example.com", "Correct1").status, 401);
}

#[test]
fn an_import_that_was_killed_leaves_a_store_in_order_and_is_gone_on_with() {
    const COUNT: u64 = 30_000;
    let place = Place::new(METHOD);
    let file = place.folder.path().join("users.csv");
    std::fs::write(&file, accounts(COUNT)).unwrap();
    let mut command = place.command(&file, &[]);
    let mut import = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(import.stderr.take().unwrap());
    let begun = said.lines().map(Result::unwrap).find(|line| line.contains("accounts written"));
    import.kill().unwrap();
    import.wait().unwrap();
    let begun = begun.unwrap();
    let written: usize = begun.split(' ').next().unwrap().parse().unwrap();
    let stored = place.stored();
    assert!(stored.len() >= written && stored.len() < 30_000, "{written} said, {} there", stored.len());
    // A gateway may start in between, and somebody come.
    let gateway = place.gateway();
    assert_eq!(log_in(&gateway, "user2@example.com", "Correct1").is_served(200)["user"]["id"], 2);
    drop(gateway);
    let added = place.stored().len() - stored.len();
    let left = 30_000 - stored.len();
    let (status, out, said) = place.import("users.csv", &accounts(COUNT), &["--skip-existing"]);
    assert_eq!(
        (status, out),
        (0, format!("{left} accounts imported, {} left out\n", stored.len())),
        "{said}"
    );
    let all = place.stored();
    assert_eq!(all.len(), 30_000 + added);
    let mut ids: Vec<_> = all.iter().map(|user| user["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len());
}

#[test]
fn a_program_is_told_each_bad_line_and_that_nothing_was_imported() {
    let place = Place::new(METHOD);
    let file =
        format!("email,password_hash\nada@example.com,{HASH}\nnobody,{HASH}\neve@example.com,CANARY-plain\n");
    let (status, out, said) = place.import("users.csv", &file, &["--json"]);
    assert_eq!((status, said.as_str()), (1, "error: 2 of the lines are bad; nothing was imported\n"));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["imported"], &told["skipped"]), (&json!(0), &json!(0)));
    assert_eq!(told["bad"][0], json!({"line": 3, "fault": "email is no address that the gateway takes"}));
    assert_eq!(told["bad"][1]["line"], 4);
    assert!(!out.contains("CANARY"), "{out}");
    let good = format!("email,password_hash\nada@example.com,{HASH}\n");
    let (_, out, _) = place.import("users.csv", &good, &["--json", "--dry-run"]);
    assert_eq!(out, "{\"bad\":[],\"dry_run\":true,\"imported\":1,\"skipped\":0}\n");
    assert!(!place.data().exists());
}

#[test]
fn a_line_without_an_end_is_bounded_and_the_next_one_is_read() {
    let place = Place::new(METHOD);
    let good = json!({"email": "ada@example.com", "password_hash": HASH});
    let file = format!("{{\"x\":\"{}\"}}\n{good}\n{{", "y".repeat(200_000));
    let (status, _, said) = place.import("users.jsonl", &file, &[]);
    assert_eq!(status, 1);
    assert!(said.contains("line 1: is longer than 65536 bytes"), "{said}");
    assert!(said.contains("line 3: no JSON object") && !said.contains("line 2"), "{said}");
}
