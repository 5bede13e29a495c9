//! What a person at a terminal is asked, and how it looks there.

use super::Machine;
use crate::support::terminal::{Terminal, shown, width};

const BOB: &str = "bob@example.com";

fn with_bob() -> Machine {
    let machine = Machine::used();
    machine.says(&format!("user add --data --password-file {BOB}"));
    machine
}

#[test]
fn who_deletes_an_account_is_asked_for_its_address() {
    let machine = with_bob();
    for typed in ["\n", "y\n", "2\n", "eve@example.com\n", "\u{4}"] {
        let mut terminal = Terminal::start(machine.command("user delete --data 2"), 80);
        terminal.shows("its e-mail address to confirm: ");
        terminal.types(typed);
        let (status, shown) = terminal.ends();
        assert_eq!(status, 1, "{typed:?}: {shown}");
        assert!(shown.contains(BOB) && shown.contains("nothing was changed"), "{shown}");
    }
    machine.says("user show --data 2");
    let mut terminal = Terminal::start(machine.command("user delete --data 2"), 80);
    terminal.shows("its e-mail address to confirm: ");
    terminal.types("Bob@example.com\n");
    let (status, shown) = terminal.ends();
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("account 2 deleted: bob@example.com\n"), "{shown}");
    machine.refused("user show --data 2");
}

#[test]
fn a_script_says_yes_beforehand() {
    let machine = with_bob();
    let (status, shown) = shown(machine.command("user delete --yes --data 2"), 80);
    assert_eq!((status, shown.as_str()), (0, "account 2 deleted: bob@example.com\n"));
}

#[test]
fn a_question_that_waits_keeps_no_gateway_from_starting() {
    let machine = with_bob();
    let mut terminal = Terminal::start(machine.command("user delete --data 2"), 80);
    terminal.shows("to confirm: ");
    let gateway = machine.start();
    terminal.types(&format!("{BOB}\n"));
    assert_eq!(terminal.ends().0, 0);
    let client = gateway.client().post("/api/auth/login");
    let body = serde_json::json!({"email": BOB, "password": super::SECRET});
    client.json(&body).send().is_refused(401, "Invalid credentials", "invalid_credentials");
}

#[test]
fn a_table_that_is_wider_than_the_terminal_is_shown_row_by_row() {
    let machine = with_bob();
    let config = machine.folder.path().join("gateway.toml");
    std::fs::write(&config, format!("[store]\npath = {:?}\n", machine.data())).unwrap();
    let keys = format!("keys list --config {}", super::path(&config));
    for line in ["audit list --data", "user list --data", "session list --data 1", &keys] {
        let piped = machine.says(line);
        let (status, wide) = shown(machine.command(line), 500);
        assert_eq!((status, wide.as_str()), (0, piped.as_str()), "{line}");
        let (_, narrow) = shown(machine.command(line), 60);
        // Only what cannot be broken is longer: the path of a file.
        let broken: Vec<_> = narrow.lines().filter(|line| !line.contains('/')).collect();
        assert!(width(&broken.join("\n")) <= 60, "{narrow}");
        let words = narrow.split_whitespace().collect::<Vec<_>>().join(" ");
        let cells = piped.lines().skip(1).flat_map(|row| row.split("  ").map(str::trim));
        for cell in cells.filter(|cell| !cell.is_empty() && *cell != "-") {
            assert!(words.contains(cell), "{cell} is not in {narrow}");
        }
    }
}
