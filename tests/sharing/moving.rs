//! From the folder of one gateway to a database of several: nobody is logged out, and nothing is lost.

use std::io::BufReader;
use std::path::Path;

use serde_json::json;

use super::{ask, on};
use crate::support::backup::Backup;
use crate::support::eventually;
use crate::support::gateway::{ADMIN_PASSWORD, Setup};
use crate::support::people::PASSWORD;
use crate::support::postgres::Postgres;
use crate::support::upstream::Upstream;

fn copy(from: &Path, url: &str) -> (i32, String) {
    let mut command = crate::support::command::command();
    command.args(["store", "copy", "--from", from.to_str().unwrap()]).env("DATABASE_URL", url);
    let (status, out, said) = crate::support::command::finish(command);
    (status, out + &said)
}

#[test]
fn a_store_moves_into_a_database_and_nobody_is_logged_out() {
    let (server, upstream, folder) = (Postgres::shared(), Upstream::start(), tempfile::tempdir().unwrap());
    let alone = Setup::before(upstream.address).unlimited().data(folder.path()).start();
    let (ada, bob, admin) = (alone.user(), alone.user(), alone.admin());
    assert_eq!(bob.log_out().status, 200);
    admin.request("POST", "/api/auth/invitations").json(&json!({"email": "guest@example.com"})).send();
    let installation = std::fs::read_to_string(folder.path().join("installation")).unwrap();
    let url = server.database();
    let (status, said) = copy(folder.path(), &url);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("is in use by another process"), "{said}");
    drop(alone);
    let trail = Backup::of(folder.path()).trail();
    for happened in ["copied: 3 users, 2 sessions", "was copied before: 3 users, 2 sessions"] {
        let (status, said) = copy(folder.path(), &url);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains(happened) && said.contains("the same to the byte"), "{said}");
    }
    let [a, b] = [(); 2].map(|()| on(&url, &upstream).start());
    for gateway in [&a, &b] {
        assert_eq!(ask(gateway, &ada.access).status, 200);
        assert_eq!(ask(gateway, &bob.access).status, 401, "what was revoked stays so");
        assert_eq!(std::fs::read_to_string(gateway.data.join("installation")).unwrap(), installation);
    }
    let body = json!({"refresh_token": ada.refresh, "rotate": true});
    assert_eq!(a.client().post("/api/auth/refresh").json(&body).send().status, 200);
    assert_eq!(b.log_in(&bob.email, PASSWORD).id, bob.id);
    assert_eq!(b.user().id, 4, "ids go on");
    let database = url.rsplit('/').next().unwrap();
    let lines = || server.sql(database, "SELECT line FROM gateway.audit ORDER BY seq");
    eventually("the chain goes on", || lines().lines().count() > trail.len());
    assert!(lines().starts_with(&trail.join("\n")));
    let (status, out, errors) = a.run(&["audit", "verify"]);
    assert_eq!(status, 0, "{out} {errors}");
    assert_eq!(a.log_in(crate::support::gateway::ADMIN_EMAIL, ADMIN_PASSWORD).id, 1);
    // Now it is another store.
    let (status, said) = copy(folder.path(), &url);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("there is something else in this database already"), "{said}");
    let (status, out, said) = a.run(&["store", "export"]);
    assert!(status == 0 && out.contains("\"record\":\"user\""), "{said}");
}

#[test]
fn a_copy_needs_a_database_and_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let (status, said) = copy(&folder.path().join("none"), "postgres://u@127.0.0.1:1/d");
    assert!(status == 1 && said.contains("there is no such folder"), "{said}");
    let (status, said) = copy(folder.path(), "");
    assert!(status == 1 && said.contains("names no database"), "{said}");
    let (status, said) = copy(folder.path(), "postgres://u@127.0.0.1:1/d");
    assert!(status == 1 && said.contains("the database cannot be used"), "{said}");
}

/// An export of so many accounts with a session and some entries each.
fn big(accounts: usize) -> Backup {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Setup::new("").data(folder.path()).start();
    let ada = gateway.user();
    drop(gateway);
    let mut backup = Backup::of(folder.path());
    let find = |kind: &str, user: u64| {
        let key = if kind == "user" { "id" } else { "user" };
        backup.records(kind).find(|record| record[key] == user).unwrap()
    };
    let (user, session) = (find("user", ada.id), find("session", ada.id));
    let mut lines: Vec<String> = Vec::new();
    for id in 1_000..1_000 + accounts {
        let mut user = user.clone();
        user["id"] = json!(id);
        user["email"] = json!(format!("person{id}@example.net"));
        lines.push(user.to_string());
    }
    for id in 1_000..1_000 + accounts {
        let mut session = session.clone();
        session["id"] = json!(uuid::Uuid::new_v4().to_string());
        session["user"] = json!(id);
        lines.push(session.to_string());
    }
    let end = 1 + backup.0.iter().rposition(|line| line.contains("\"record\":\"session\"")).unwrap();
    backup.0.splice(end..end, lines);
    // Users come before sessions.
    backup.0[1..].sort_by_key(|line| {
        let kinds = ["counter", "user", "session"];
        kinds.iter().position(|kind| line.contains(&format!("\"record\":\"{kind}\""))).unwrap_or(3)
    });
    for line in &mut backup.0 {
        if line.contains("last_user_id") {
            *line =
                json!({"record": "counter", "name": "last_user_id", "value": 1_000 + accounts}).to_string();
        }
        if line.contains("\"record\":\"end\"") {
            let mut last: serde_json::Value = serde_json::from_str(line).unwrap();
            for (kind, more) in [("users", accounts), ("sessions", accounts)] {
                last[kind] = json!(last[kind].as_u64().unwrap() + more as u64);
            }
            *line = last.to_string();
        }
    }
    backup
}

#[test]
fn a_copy_of_a_hundred_thousand_accounts_that_was_killed_is_run_again() {
    const ACCOUNTS: usize = 100_000;
    let (server, folder) = (Postgres::shared(), tempfile::tempdir().unwrap());
    let (status, _, said) = big(ACCOUNTS).restore(folder.path());
    assert_eq!(status, 0, "{said}");
    let url = server.database();
    let database = url.rsplit('/').next().unwrap();
    let mut command = crate::support::command::command();
    command.args(["store", "copy", "--from", folder.path().to_str().unwrap()]).env("DATABASE_URL", &url);
    let mut killed = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    // Something of it is written, and nothing of it is there.
    let inserting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND query LIKE 'INSERT INTO gateway.%' AND backend_xid IS NOT NULL";
    eventually("it writes", || server.sql(database, inserting) != "0");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(server.sql(database, "SELECT count(*) FROM gateway.users"), "0");
    let (status, said) = copy(folder.path(), &url);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("copied: 100002 users, 100001 sessions"), "{said}");
    assert_eq!(server.sql(database, "SELECT count(*) FROM gateway.users"), "100002");
    let exported = tempfile::NamedTempFile::new().unwrap();
    let mut command = crate::support::command::command();
    command.args(["store", "export", "--config"]).env("DATABASE_URL", &url);
    let config = folder.path().join("gateway.toml");
    std::fs::write(&config, "[server]\n").unwrap();
    let out = exported.reopen().unwrap();
    assert!(command.arg(config).stdout(out).status().unwrap().success());
    let counts = gateway_store::transfer::verify(&mut BufReader::new(exported.reopen().unwrap())).unwrap();
    assert_eq!(counts.users, 100_002);
}
