//! The command line: serve the todos, export them, import them.

mod cli;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use todo_backend::{Service, Store, UnixSocket, bind_tcp, serve_tcp, serve_unix};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use cli::{Address, Cli, Command, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What sled logs about damage is told by us, in words that help.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sled=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();

    let done = match &cli.command {
        None => serve(&cli),
        Some(Command::Export { data }) => export(data),
        Some(Command::Import { data, file }) => import(data, file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(io::stderr(), "todo-backend: {failure}").ok();
            failure.exit_code()
        }
    }
}

fn serve(cli: &Cli) -> Result<(), Failure> {
    let address = cli.address()?;
    let runtime = Runtime::new()?;
    let webhook = cli::webhook_secret(&|name| std::env::var(name).ok())?;
    let service = Service { store: Store::open(&cli.data)?, webhook };
    let shutdown = {
        // Before the ready line: who reads it may stop us at once.
        let _context = runtime.enter();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
        }
    };
    match address {
        Address::Unix(path) => {
            let socket = UnixSocket::bind(path)?;
            ready(&format!("unix:{}", socket.path().display()));
            runtime.block_on(serve_unix(socket, service, shutdown))?;
        }
        Address::Tcp(address) => {
            let listener = bind_tcp(address)?;
            let address = listener.local_addr()?;
            tracing::warn!(
                %address,
                "whoever reaches this TCP port can claim any identity; a Unix socket \
                 (--listen unix:/path) lets in the gateway alone"
            );
            ready(&format!("http://{address}"));
            runtime.block_on(serve_tcp(listener, service, shutdown))?;
        }
    }
    runtime.shutdown_background();
    Ok(())
}

/// The one line on stdout; a reader that went away does not matter.
fn ready(address: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "todo-backend listening on {address}").and_then(|()| out.flush()).ok();
}

fn export(data: &Path) -> Result<(), Failure> {
    cli::must_exist(data)?;
    let todos = Store::open(data)?.export(&mut BufWriter::new(io::stdout().lock()))?;
    writeln!(io::stderr(), "exported {todos} todos from {}", data.display()).ok();
    Ok(())
}

fn import(data: &Path, file: &Path) -> Result<(), Failure> {
    let todos = Store::open(data)?.import(file)?;
    writeln!(io::stderr(), "imported {todos} todos into {}", data.display()).ok();
    Ok(())
}
