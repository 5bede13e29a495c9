//! What may be said on the command line, and with which exit code it ends.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use todo_backend::Secret;

/// The exit code of a configuration that cannot be used (`EX_CONFIG` of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;

/// A small todo service that trusts the identity headers of the gateway in front of it
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// Where to listen: unix:/path or IP:PORT; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    listen: Address,

    /// The folder that holds the todos; made when missing
    #[arg(long, default_value = "./todo-data", value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Listen on an address that other machines reach: each of them can then claim any identity
    #[arg(long)]
    allow_non_loopback: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write all todos to stdout as JSON lines
    Export {
        /// The folder that holds the todos
        #[arg(long, default_value = "./todo-data", value_name = "DIR")]
        data: PathBuf,
    },
    /// Read an export into an empty store
    Import {
        /// The folder to hold the todos; made when missing
        #[arg(long, default_value = "./todo-data", value_name = "DIR")]
        data: PathBuf,
        /// What `export` wrote
        file: PathBuf,
    },
}

impl Cli {
    /// The address, unless it would open the service to other machines without being asked to.
    pub(crate) fn address(&self) -> Result<Address, Failure> {
        match &self.listen {
            Address::Tcp(address)
                if !address.ip().to_canonical().is_loopback() && !self.allow_non_loopback =>
            {
                Err(Failure::Configuration(format!(
                    "--listen {address} is not a loopback address: every machine that reaches it \
                     could claim any identity. Use --listen unix:/path or 127.0.0.1:PORT, or add \
                     --allow-non-loopback if only the gateway can reach it"
                )))
            }
            address => Ok(address.clone()),
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("the path after unix: is missing".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "expected unix:/path or IP:PORT, such as 127.0.0.1:8081 or [::1]:8081".to_owned()
            }),
        }
    }
}

/// Why the program ends before its time.
#[derive(Debug)]
pub(crate) enum Failure {
    Configuration(String),
    Other(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Configuration(_) => ExitCode::from(BAD_CONFIGURATION),
            Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(message) | Self::Other(message) => f.write_str(message),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.to_string())
    }
}

/// What the gateway's messages are signed with: `TODO_WEBHOOK_SECRET`, or what is in the file that
/// `TODO_WEBHOOK_SECRET_FILE` names.
pub(crate) fn webhook_secret(
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Secret>, Failure> {
    const NAME: &str = "TODO_WEBHOOK_SECRET";
    const FILE: &str = "TODO_WEBHOOK_SECRET_FILE";
    let bad = |why: String| Failure::Configuration(why);
    // An empty variable is how a shell or a compose file says "not set".
    let given = |name: &str| environment(name).filter(|value| !value.is_empty());
    let (name, text) = match (given(NAME), given(FILE)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(bad(format!("{NAME} and {FILE} are both set: use one of them"))),
        (Some(text), None) => (NAME, text),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path)
                .map_err(|fault| bad(format!("{FILE} names {path}, which cannot be read: {fault}")))?;
            (FILE, text)
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let secret = Secret::parse(text.strip_suffix('\r').unwrap_or(text));
    secret.map(Some).map_err(|fault| bad(format!("{name}: {fault}")))
}

/// Opening makes a missing folder; for an export that would hide a misspelt path.
pub(crate) fn must_exist(data: &Path) -> Result<(), Failure> {
    if data.is_dir() {
        return Ok(());
    }
    Err(Failure::Other(format!("there is no folder {}", data.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(arguments: &[&str]) -> Result<Address, Failure> {
        Cli::try_parse_from([&["todo-backend"], arguments].concat()).unwrap().address()
    }

    #[test]
    fn an_address_that_others_reach_must_be_asked_for() {
        for open in ["0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081", "[::ffff:192.0.2.1]:8081"] {
            let refused = address(&["--listen", open]);
            assert!(matches!(refused, Err(Failure::Configuration(_))), "{open}");
            assert!(address(&["--listen", open, "--allow-non-loopback"]).is_ok(), "{open}");
        }
        for closed in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:8081", "unix:/run/todo.sock"] {
            assert!(address(&["--listen", closed]).is_ok(), "{closed}");
        }
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_from_the_file_that_one_names() {
        let folder = tempfile::tempdir().unwrap();
        let (good, missing) = (folder.path().join("good"), folder.path().join("missing"));
        std::fs::write(&good, "a-secret-of-24-bytes-or-more\r\n").unwrap();
        let read = |variable: &str, file: &std::path::Path| {
            webhook_secret(&|name| match name {
                "TODO_WEBHOOK_SECRET" => Some(variable.to_owned()),
                "TODO_WEBHOOK_SECRET_FILE" => Some(file.display().to_string()),
                _ => None,
            })
        };
        let none = std::path::Path::new("");
        assert!(matches!(read("", none), Ok(None)));
        assert!(matches!(read("a-secret-of-24-bytes-or-more", none), Ok(Some(_))));
        assert!(matches!(read("", &good), Ok(Some(_))));
        for (variable, file, words) in [
            ("short", none, "TODO_WEBHOOK_SECRET: 24 bytes or more are needed"),
            ("x", good.as_path(), "are both set"),
            ("", missing.as_path(), "which cannot be read"),
        ] {
            match read(variable, file) {
                Err(Failure::Configuration(why)) => assert!(why.contains(words), "{why}"),
                other => panic!("{variable}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_examples() {
        for wrong in ["8081", "localhost:8081", "unix:", "127.0.0.1"] {
            assert!(Cli::try_parse_from(["todo-backend", "--listen", wrong]).is_err(), "{wrong}");
        }
    }
}
