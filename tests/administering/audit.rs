//! `gateway audit` and `gateway report`.

use super::Machine;
use crate::support::gateway::Setup;

#[test]
fn the_trail_is_listed_exported_and_proved_beside_a_running_gateway() {
    let machine = Machine::new();
    let gateway = machine.start();
    let ada = gateway.user();
    listed_and_proved(&machine, &ada.email);
    drop(gateway);
}

#[test]
fn and_of_one_that_does_not_run() {
    let machine = Machine::new();
    let gateway = machine.start();
    let ada = gateway.user();
    drop(gateway);
    listed_and_proved(&machine, &ada.email);
}

fn listed_and_proved(machine: &Machine, email: &str) {
    let table = machine.says(&format!("audit list --data --user {email}"));
    let words: Vec<_> = table.lines().skip(1).map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(words.last(), Some(&"registered"), "{table}");
    assert!(words.contains(&"login_succeeded"), "{table}");
    let logins = machine.says("audit list --data --event login_succeeded --limit 1 --json");
    let login: serde_json::Value = serde_json::from_str(logins.trim()).unwrap();
    assert_eq!(login["event"], "login_succeeded");
    let exported = machine.says("audit export --data");
    let proof = machine.json("audit verify --data --json");
    assert_eq!(exported.lines().count() as u64, proof["entries"].as_u64().unwrap());
    let head = format!("{}:{}", proof["last"], proof["head"].as_str().unwrap());
    assert!(machine.says(&format!("audit verify --data --head {head}")).contains("whole and unchanged"));
    let report = machine.json("report --data --json");
    assert_eq!(report["events"]["registered"], 1, "{report}");
    assert!(machine.says("report --data").contains("logins"), "{report}");
    let said = machine.refused("audit list --data --event login");
    assert!(said.contains("event must be one of"), "{said}");
}

/// What an operator does at the command line stands in the trail, with who it was.
#[test]
fn an_operators_acts_are_in_the_trail() {
    let machine = Machine::used();
    machine.says("user add --data --password-file bob@example.com");
    let entry = machine.says("audit list --data --limit 1 --json");
    let entry: serde_json::Value = serde_json::from_str(entry.trim()).unwrap();
    assert_eq!((&entry["event"], &entry["actor"]["kind"]), (&"account_created".into(), &"operator".into()));
    assert_eq!(entry["actor"]["uid"], rustix::process::getuid().as_raw());
}

#[test]
fn an_exported_file_that_was_tampered_with_is_found_and_the_command_ends_with_3() {
    let machine = Machine::used();
    for email in ["bob@example.com", "eve@example.com"] {
        machine.says(&format!("user add --data --password-file {email}"));
    }
    let exported = machine.says("audit export --data");
    let file = machine.folder.path().join("audit.jsonl");
    let verified = |text: &str, more: &str| {
        std::fs::write(&file, text).unwrap();
        machine.tried(&format!("audit verify --file {}{more}", super::path(&file)))
    };
    assert_eq!(verified(&exported, "").0, 0);
    let lines: Vec<_> = exported.lines().collect();
    let last = lines.len();
    let noted = machine.json("audit verify --data --json");
    let head = format!(" --head {}:{}", noted["last"], noted["head"].as_str().unwrap());
    for (text, more, why) in [
        (exported.replace("bob@example.com", "dan@example.com"), "", "was changed after it was written"),
        (lines[1..].join("\n"), "", "no entry says that those before were removed"),
        ([&lines[..1], &lines[2..]].concat().join("\n"), "", "should: something was removed, added or moved"),
        (lines[..last - 1].join("\n"), head.as_str(), "it ends with entry"),
        ("{}\n".to_owned(), "", "line 1: it is no entry"),
    ] {
        let (status, out, said) = verified(&text, more);
        assert_eq!((status, out.as_str()), (3, ""), "{said}");
        assert!(said.starts_with("no: ") && said.contains(why), "{why}: {said}");
    }
    let (status, _, said) = machine.tried(
        "audit verify --data --head 1:0000000000000000000000000000000000000000000000000000000000000000",
    );
    assert_eq!(status, 3);
    assert!(said.contains("entry 1 is not the one that was noted"), "{said}");
}

/// What the gateway itself does: its start, its configuration, its keys, and accounts from elsewhere.
#[test]
fn what_happens_to_the_gateway_itself_is_in_the_trail() {
    let machine = Machine::new();
    let setup = || Setup::new("").algorithm("EdDSA").data(&machine.data());
    let gateway = setup().start();
    assert!(gateway.reload(&setup().config("[limits]\nuser = { requests = 7, window_seconds = 1 }")));
    gateway.rotate(&["access"]);
    assert!(gateway.reload_again());
    assert!(!gateway.reload(&setup().config("[limits]\nuser = 7")));
    let words = machine.says("audit list --data --json");
    let all: Vec<serde_json::Value> = words.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // The first of its kind: they are listed newest first.
    let of = |event: &str| all.iter().rev().find(|entry| entry["event"] == event).unwrap();
    for event in ["started", "config_reloaded", "config_refused", "keys_rotated"] {
        assert_eq!(of(event)["actor"]["kind"], "gateway", "{words}");
    }
    assert_eq!(of("config_reloaded")["now"], "limits.user.requests, limits.user.window_seconds");
    assert!(of("keys_rotated")["now"].as_str().unwrap().starts_with("access "), "{words}");
}
