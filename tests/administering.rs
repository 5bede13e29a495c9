//! The accounts from the command line: the same commands beside a gateway that runs and over the
//! store of one that does not.

mod audit;
mod socket;
mod terminal;
mod users;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::gateway::{Gateway, Setup, command, finish, run};

const SECRET: &str = "CANARY-Chosen-By-Operator-1";

/// A data folder with a password file beside it, and the commands about it.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(machine.password_file(), format!("{SECRET}\n")).unwrap();
        machine
    }

    /// One on which a gateway ran once.
    fn used() -> Self {
        let machine = Self::new();
        drop(machine.start());
        machine
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    fn start(&self) -> Gateway {
        Setup::new("").unlimited().data(&self.data()).start()
    }

    /// Exit status, standard output, standard error.
    fn tried(&self, command: &str) -> (i32, String, String) {
        finish(self.command(command))
    }

    fn command(&self, line: &str) -> Command {
        let mut command = command();
        for word in line.split(' ') {
            match word {
                "--data" => command.arg(word).arg(self.data()),
                "--password-file" => command.arg(word).arg(self.password_file()),
                word => command.arg(word),
            };
        }
        command
    }

    /// What a command says that works.
    fn says(&self, command: &str) -> String {
        let (status, out, said) = self.tried(command);
        assert_eq!((status, said.as_str()), (0, ""), "{command}: {out}{said}");
        out
    }

    fn json(&self, command: &str) -> Value {
        serde_json::from_str(&self.says(command)).unwrap()
    }

    /// The records of the store, once nobody uses it.
    fn says_of_store(&self) -> Vec<Value> {
        let (status, out, said) = run(&["store", "export", "--data", path(&self.data())], &[]);
        assert_eq!(status, 0, "{said}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a command says that does not.
    fn refused(&self, command: &str) -> String {
        let (status, out, said) = self.tried(command);
        assert_eq!((status, out.as_str()), (1, ""), "{command}: {said}");
        assert!(said.starts_with("error: "), "{said}");
        said
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
