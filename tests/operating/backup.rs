//! A backup is one only if a store can be made of it, whatever clients sent meanwhile.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use crate::support::backup::Backup;
use crate::support::belongings::memory;
use crate::support::gateway::{Gateway, Setup, command, run};
use crate::support::people::{PASSWORD, Person};
use crate::support::stores::plain_sled;
use crate::support::upstream::Upstream;

/// As much as a head has room for, and each of them is escaped twice on its way out.
fn quotes() -> String {
    "\"".repeat(17_000)
}

/// Bytes that a line of a backup may have for what a client chose.
const LINE_BYTES_USUAL: usize = 4_096;

/// Somebody who logged out, and whose token is used all the same: on a route, and at an endpoint.
fn used_after_logout(gateway: &Gateway) -> [Person; 2] {
    let people = [gateway.user(), gateway.user()];
    for (person, path) in people.iter().zip(["/api/todos", "/api/auth/profile"]) {
        assert_eq!(person.log_out().status, 200);
        let used = person.request("GET", path).header("user-agent", &quotes()).send();
        used.is_refused(401, "Invalid or expired token", "token_revoked");
    }
    people
}

fn verified(data: &Path) -> (i32, String, String) {
    run(&["audit", "verify", "--data", data.to_str().unwrap()], &[])
}

#[test]
fn a_backup_can_be_restored_whatever_a_client_called_itself() {
    let (upstream, folder) = (Upstream::start(), tempfile::tempdir().unwrap());
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let mut gateway = Setup::before(upstream.address).data(&old).start();
    let [ada, _] = used_after_logout(&gateway);
    let login = json!({"email": ada.email, "password": PASSWORD});
    let login = gateway.client().post("/api/auth/login").header("user-agent", &quotes()).json(&login);
    login.send().is_served(200);
    gateway.terminate();
    let backup = Backup::of(&old);
    let (status, _, said) = backup.restore(&new);
    assert_eq!(status, 0, "{said}");
    assert_eq!(verified(&new).0, 0);
    assert!(upstream.arrived().is_empty());
    for line in &backup.0 {
        assert!(line.len() <= LINE_BYTES_USUAL, "{} bytes: {}", line.len(), &line[..200]);
    }
    let agents = backup.trail().into_iter().filter(|line| line.contains("user_agent\":\"\\\"\\\""));
    assert_eq!(agents.count(), 3, "what it was is recorded, as far as there is room");
    let gateway = Setup::new("").data(&new).start();
    gateway.log_in(&ada.email, PASSWORD);
}

/// An entry as an older version wrote it: with all that a head had room for.
fn of_an_older_version(backup: &Backup) -> String {
    let (seq, prev) = backup.last();
    let user_agent = "\"\\".repeat(16_000);
    let members = json!({"event": "token_refused", "user_id": 1, "user_agent": user_agent}).to_string();
    let time = "2026-11-25T21:37:46.230Z";
    let body = format!(
        "{{\"seq\":{},\"time\":\"{time}\",{},\"prev\":\"{prev}\"",
        seq + 1,
        &members[1..members.len() - 1]
    );
    let hash: String = digest(&SHA256, format!("{body}}}").as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{body},\"hash\":\"{hash}\"}}")
}

#[test]
fn an_entry_of_an_older_version_with_a_whole_head_in_it_is_restored_too() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new, again] = ["old", "new", "again"].map(|name| folder.path().join(name));
    Setup::new("").data(&old).start().terminate();
    let backup = Backup::of(&old);
    let line = of_an_older_version(&backup);
    let backup = backup.with_lines([line]);
    let (status, _, said) = backup.restore(&new);
    assert_eq!(status, 0, "{said}");
    let copy = Backup::of(&new);
    assert_eq!(copy.trail(), backup.trail(), "not a byte of it is another");
    assert_eq!(copy.restore(&again).0, 0);
    assert_eq!(verified(&again).0, 0);
}

#[test]
fn a_backup_of_which_no_store_can_be_made_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let mut gateway = Setup::new("").data(&old).start();
    gateway.user();
    gateway.terminate();
    let tampered =
        |line: &[u8]| String::from_utf8(line.to_vec()).unwrap().replace("registered", "deregistered");
    {
        let db = plain_sled(&old);
        let trail = db.open_tree("audit").unwrap();
        for entry in trail.iter() {
            let (key, line) = entry.unwrap();
            trail.insert(key, tampered(&line).as_bytes()).unwrap();
        }
        db.flush().unwrap();
    }
    let (status, out, said) = run(&["store", "export", "--data", old.to_str().unwrap()], &[]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("it was changed after it was written"), "{said}");
    assert!(said.contains("no store can be made of it"), "{said}");
    let backup = Backup(out.lines().map(str::to_owned).collect());
    assert_eq!(backup.records("user").count(), 2, "what there is was written all the same");
    assert_eq!(backup.restore(&new).0, 1);
}

#[test]
fn a_backup_is_read_through_without_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old");
    Setup::new("").data(&old).start().terminate();
    let backup = Backup::of(&old);
    let (status, out, said) = backup.given_to(&["store", "verify"]);
    assert_eq!((status, said.as_str()), (0, ""), "{out}");
    assert!(out.contains("1 user,"), "{out}");
    let mut cut = backup.clone();
    cut.0.pop();
    let (status, _, said) = cut.given_to(&["store", "verify"]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("the export is cut off"), "{said}");
    let mut long = backup;
    long.0[1] = "x".repeat(17 << 20);
    let (status, _, said) = long.given_to(&["store", "verify"]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("line 2: it is longer than"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no store was made");
}

/// While nobody takes what it writes, all that it has is what it has read: that is a record, and what
/// the store keeps of its files.
#[test]
fn an_export_of_much_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let [small, large] = ["small", "large"].map(|name| folder.path().join(name));
    Setup::new("").data(&small).start().terminate();
    let backup = Backup::of(&small).with_events(&[1], 10_000, 4_000);
    assert_eq!(backup.restore(&large).0, 0);
    let taken = |data: &Path| {
        let mut command = command();
        command.args(["store", "export", "--data", data.to_str().unwrap()]);
        let mut exporting = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(exporting.stdout.take().unwrap()).lines();
        // The header; there is more than the pipe has room for.
        assert!(lines.next().unwrap().unwrap().contains("gateway-store"));
        let taken = memory(exporting.id());
        assert!(lines.all(|line| line.is_ok()) && exporting.wait().unwrap().success());
        taken
    };
    let (least, most) = (taken(&small), taken(&large));
    assert!(most < least + (24 << 20), "{} KiB, and {} KiB of nearly nothing", most >> 10, least >> 10);
}
