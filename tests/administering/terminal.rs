//! What a person at a terminal is asked, and how it looks there.

use super::Machine;
use crate::support::terminal::{shown, width};

const BOB: &str = "bob@example.com";

fn with_bob() -> Machine {
    let machine = Machine::used();
    machine.says(&format!("user add --data --password-file {BOB}"));
    machine
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
