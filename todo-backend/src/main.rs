//! The command line: where to listen, where the todos lie, and with which exit code it ends.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use todo_backend::{Listening, Secret, Service, Store};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The exit code of a configuration that cannot be used (`EX_CONFIG` of sysexits.h).
const BAD_CONFIGURATION: u8 = 78;

/// A small todo service that trusts the identity headers of the gateway in front of it
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Where to listen: unix:/path or IP:PORT; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    listen: String,

    /// The folder that holds the todos; made when missing
    #[arg(long, default_value = "./todo-data", value_name = "DIR")]
    data: PathBuf,

    /// Listen on an address that other machines reach: each of them can then claim any identity
    #[arg(long)]
    allow_non_loopback: bool,
}

/// Why the program ends before its time.
struct Failure {
    exit_code: u8,
    why: String,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit_code: 1, why: error.to_string() }
    }
}

fn bad_configuration(why: String) -> Failure {
    Failure { exit_code: BAD_CONFIGURATION, why }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // What sled logs about damage is told by us, in words that help.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sled=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    match serve(&cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { exit_code, why }) => {
            writeln!(io::stderr(), "todo-backend: {why}").ok();
            ExitCode::from(exit_code)
        }
    }
}

async fn serve(cli: &Cli) -> Result<(), Failure> {
    let webhook = webhook_secret().map_err(bad_configuration)?;
    let service = Service { store: Store::open(&cli.data)?, webhook };
    // Before the ready line: who reads it may stop us at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    let listening = listen(cli).await?;
    // The one line on stdout; a reader that went away does not matter.
    let mut out = io::stdout();
    writeln!(out, "todo-backend listening on {}", listening.url()?).and_then(|()| out.flush()).ok();
    Ok(listening.serve(service, shutdown).await?)
}

/// Listens, unless that would open the service to other machines without being asked to.
async fn listen(Cli { listen, allow_non_loopback, .. }: &Cli) -> Result<Listening, Failure> {
    if let Some(path) = listen.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Ok(Listening::on_path(Path::new(path))?);
    }
    let address: SocketAddr = listen.parse().map_err(|_| {
        bad_configuration(format!(
            "--listen {listen}: expected unix:/path or IP:PORT, such as 127.0.0.1:8081 or [::1]:8081"
        ))
    })?;
    if !address.ip().to_canonical().is_loopback() && !allow_non_loopback {
        return Err(bad_configuration(format!(
            "--listen {listen} is not a loopback address: every machine that reaches it could claim any \
             identity. Use --listen unix:/path or 127.0.0.1:PORT, or add --allow-non-loopback if only the \
             gateway can reach it"
        )));
    }
    let listening = Listening::on_port(address).await?;
    tracing::warn!(
        %address,
        "whoever reaches this TCP port can claim any identity; a Unix socket (--listen unix:/path) lets in \
         the gateway alone"
    );
    Ok(listening)
}

/// What the gateway's messages are signed with: `TODO_WEBHOOK_SECRET`, or what is in the file that
/// `TODO_WEBHOOK_SECRET_FILE` names.
fn webhook_secret() -> Result<Option<Secret>, String> {
    const NAME: &str = "TODO_WEBHOOK_SECRET";
    const FILE: &str = "TODO_WEBHOOK_SECRET_FILE";
    // An empty variable is how a shell or a compose file says "not set".
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (name, text) = match (given(NAME), given(FILE)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(format!("{NAME} and {FILE} are both set: use one of them")),
        (Some(text), None) => (NAME, text),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path);
            (FILE, text.map_err(|fault| format!("{FILE} names {path}, which cannot be read: {fault}"))?)
        }
    };
    let secret = Secret::parse(text.trim_end_matches(['\r', '\n']));
    secret.map(Some).map_err(|fault| format!("{name}: {fault}"))
}
