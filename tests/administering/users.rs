//! `gateway user` and `gateway session`.

use serde_json::json;

use super::{Machine, SECRET};
use crate::support::people::PASSWORD;

#[test]
fn an_account_is_made_shown_changed_and_removed_beside_a_running_gateway() {
    let machine = Machine::new();
    let gateway = machine.start();
    administer(&machine);
    drop(gateway);
}

#[test]
fn and_over_the_store_of_one_that_does_not_run() {
    administer(&Machine::used());
}

fn administer(machine: &Machine) {
    let made = machine.says("user add --data --password-file --first-name Bob bob@example.com");
    assert!(made.starts_with("account ") && made.ends_with(" made: bob@example.com\n"), "{made}");
    let bob = machine.json("user show --data --json bob@example.com");
    assert_eq!(bob["first_name"], "Bob");
    assert_eq!(
        (&bob["role"], &bob["is_active"], &bob["email_verified"]),
        (&json!("user"), &json!(true), &json!(true))
    );
    let id = bob["id"].to_string();
    assert_eq!(machine.json(&format!("user show --data --json {id}")), bob);
    assert_eq!(
        machine.says("user set-role --data bob@example.com admin"),
        format!("account {id}: admin, active\n")
    );
    assert_eq!(
        machine.says(&format!("user disable --data {id}")),
        format!("account {id}: admin, inactive\n")
    );
    assert_eq!(machine.says(&format!("user enable --data {id}")), format!("account {id}: admin, active\n"));
    let listed = machine.json("user list --data --json");
    assert!(listed.as_array().unwrap().iter().any(|user| user["email"] == "bob@example.com"), "{listed}");
    let table = machine.says("user list --data");
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("ID  EMAIL"), "{table}");
    assert!(lines.any(|line| line.contains("bob@example.com") && line.contains("admin")), "{table}");
    machine.says("user set-role --data bob@example.com user");
    let deleted = machine.says(&format!("user delete --data {id}"));
    assert_eq!(deleted, format!("account {id} deleted: bob@example.com\n"));
    assert!(machine.refused(&format!("user show --data {id}")).contains("User not found (user_not_found)"));
}

#[test]
fn who_was_made_logs_in_and_a_new_password_ends_that() {
    let machine = Machine::new();
    let gateway = machine.start();
    machine.says("user add --data --password-file bob@example.com");
    let bob = gateway.log_in("bob@example.com", SECRET);
    let sessions = machine.json("session list --data --json bob@example.com");
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
    let told = machine.says("user set-password --data --password-file bob@example.com");
    assert_eq!(told, format!("account {}, bob@example.com: Password changed; all sessions ended\n", bob.id));
    assert_eq!(bob.get("/api/auth/profile").status, 401);
    assert_eq!(bob.refresh(&bob.refresh, false).status, 401);
    gateway.log_in("bob@example.com", SECRET);
}

/// On the running gateway at once; what was done beside a stopped one holds from its first request on.
#[test]
fn what_is_done_at_the_command_line_holds_at_once() {
    let machine = Machine::new();
    let gateway = machine.start();
    let (ada, eve) = (gateway.user(), gateway.user());
    let told = machine.says(&format!("session end --data --user {}", ada.id));
    assert!(told.starts_with(&format!("account {}, {}: ", ada.id, ada.email)), "{told}");
    assert_eq!(ada.get("/api/auth/profile").status, 401);
    assert_eq!(ada.refresh(&ada.refresh, false).status, 401);
    let one = machine.json(&format!("session list --data --json {}", eve.id));
    let sid = one["sessions"][0]["id"].as_str().unwrap();
    assert_eq!(machine.says(&format!("session end --data {sid}")), "Session ended\n");
    assert_eq!(eve.get("/api/auth/profile").status, 401);
    let (bob, dan) = (gateway.log_in(&ada.email, PASSWORD), gateway.log_in(&eve.email, PASSWORD));
    drop(gateway);
    machine.says(&format!("user disable --data {}", bob.email));
    machine.says(&format!("user set-role --data {} admin", dan.id));
    let gateway = machine.start();
    let with = |token: &str| gateway.client().get("/api/auth/profile").bearer(token).send().status;
    assert_eq!((with(&bob.access), with(&dan.access)), (401, 401));
}

#[test]
fn nothing_of_a_password_is_taken_from_arguments_or_told() {
    let machine = Machine::used();
    let (status, _, said) = machine.tried(&format!("user add --data --password {SECRET} bob@example.com"));
    assert_eq!(status, 2);
    assert!(said.contains("--password"), "{said}");
    // Without a terminal nobody can be asked.
    let said = machine.refused("user add --data bob@example.com");
    assert!(said.contains("--password-file"), "{said}");
    std::fs::write(machine.password_file(), "Short1\n").unwrap();
    let said = machine.refused("user add --data --password-file bob@example.com");
    assert!(said.contains("Password must be at least 8 characters (validation_failed)"), "{said}");
    assert!(!said.contains("Short1"), "{said}");
}

#[test]
fn the_last_administrator_stays() {
    let machine = Machine::used();
    for command in ["user disable", "user delete", "user set-role"] {
        let role = if command.ends_with("role") { " user" } else { "" };
        let said = machine.refused(&format!("{command} --data 1{role}"));
        assert!(said.contains("(last_admin)"), "{said}");
    }
}

#[test]
fn accounts_go_out_and_come_back_with_their_passwords() {
    let machine = Machine::used();
    machine.says("user add --data --password-file --last-name Builder bob@example.com");
    let plain = machine.says("user export --data");
    assert!(!plain.contains("argon2") && plain.lines().count() == 2, "{plain}");
    let whole = machine.says("user export --data --with-password-hashes");
    let other = Machine::new();
    let (config, file) = (other.folder.path().join("gateway.toml"), other.folder.path().join("all.jsonl"));
    std::fs::write(&config, format!("[store]\npath = {:?}\n", other.data())).unwrap();
    std::fs::write(&file, whole).unwrap();
    let imported = format!("user import --config {} {}", super::path(&config), super::path(&file));
    assert_eq!(other.says(&imported), "2 accounts imported\n");
    let gateway = other.start();
    assert_eq!(
        gateway.log_in("bob@example.com", SECRET).get("/api/auth/profile").is_served(200)["user"]["last_name"],
        "Builder"
    );
}

#[test]
fn a_place_without_a_store_and_a_name_without_an_account_are_said_to_be_so() {
    let machine = Machine::new();
    let said = machine.refused("user list --data");
    assert!(said.contains("there is no store here"), "{said}");
    assert!(!machine.data().exists(), "asking made it");
    let machine = Machine::used();
    for (who, why) in [
        ("nobody@example.com", "User not found"),
        ("99", "User not found"),
        ("bob", "neither an id nor an address"),
    ] {
        let said = machine.refused(&format!("user show --data {who}"));
        assert!(said.contains(why), "{said}");
    }
    let (status, _, said) = machine.tried("user set-role --data 1 root");
    assert_eq!(status, 2);
    assert!(said.contains("user, admin"), "{said}");
}

/// Files of another user in its folder would keep a gateway from starting.
#[test]
fn nobody_but_the_stores_owner_opens_it() {
    let machine = Machine::used();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let chown = |path: &std::path::Path, uid: u32| {
        std::os::unix::fs::chown(path, Some(uid), None).unwrap();
    };
    chown(&machine.data(), 65_534);
    let said = machine.refused("user list --data");
    assert!(
        said.contains("belongs to `nobody`, and this is `root`") && said.contains("sudo -u 'nobody'"),
        "{said}"
    );
    chown(&machine.data(), 0);
    machine.says("user list --data");
}

/// As it must be for each configuration of a gateway's tokens, which `--data` does not know.
#[test]
fn what_a_stopped_gateways_tokens_lose_is_remembered_as_long_as_any_may_live() {
    let machine = Machine::new();
    let gateway = machine.start();
    let ada = gateway.user();
    drop(gateway);
    machine.says(&format!("user disable --data {}", ada.id));
    let exported = machine.says_of_store();
    let recorded = exported.iter().find(|line| line["kind"] == "generation").unwrap();
    let now = gateway_clock::wall_time().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!(u128::from(recorded["until"].as_u64().unwrap()) > now + 86_000_000, "{recorded}");
}

#[test]
fn an_account_that_is_gone_is_found_in_the_trail_by_its_id() {
    let machine = Machine::used();
    machine.says("user add --data --password-file bob@example.com");
    machine.says("user delete --data 2");
    let told = machine.says("audit list --data --user 2");
    assert!(told.contains("account_deleted") && told.contains("account_created"), "{told}");
}

/// A shell has none of the secrets that a service is started with.
#[test]
fn a_command_needs_no_secrets_of_mail_and_webhook() {
    let machine = Machine::used();
    let config = machine.folder.path().join("gateway.toml");
    let more = "[mail.smtp]\nhost = \"127.0.0.1\"\nusername = \"gateway\"\n[webhook]\nurl = \"http://127.0.0.1:9/\"\n";
    std::fs::write(&config, format!("[store]\npath = {:?}\n{more}", machine.data())).unwrap();
    let listed = machine.says(&format!("user list --config {}", super::path(&config)));
    assert!(listed.contains("admin@example.com"), "{listed}");
}
