//! The command line: one file for each command.

mod account;
mod audit;
mod check;
mod demo;
mod explain;
mod fleet;
mod keys;
pub(crate) mod operators;
mod report;
mod serve;
mod session;
mod store;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use gateway_bench as bench;
use gateway_command::terminal::{BAD, painted};
use gateway_command::{Failure, counted};
use gateway_prove_upstream as prove_upstream;

use crate::startup::dumps;

/// Bad configuration (sysexits.h, EX_CONFIG).
const EXIT_CONFIG: u8 = 78;

/// A reverse-proxy authentication gateway: it stands in front of your services, owns /api/auth,
/// and forwards only requests whose token it has verified, with the identity in headers.
#[derive(Parser)]
#[command(
    name = "gateway",
    version,
    after_help = "Try it: gateway demo\nSettings: conf/gateway.toml explains each one."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the gateway and a small todo service behind it, with nothing to set up
    Demo(demo::Arguments),
    /// Start the gateway with a configuration
    Serve(serve::Arguments),
    /// Check a configuration, and say what is wrong, where, and how to mend it
    Check(check::Arguments),
    /// Say step by step what would be decided about a request, and why
    Explain(explain::Arguments),
    /// Show the keys of tokens and assertions, or rotate them without logging anybody out
    Keys(keys::Arguments),
    /// Attack your own set-up: try to make the service behind a gateway believe a client
    ProveUpstream(prove_upstream::Arguments),
    /// Measure what authentication costs on your own installation, against a running gateway
    Bench(Box<bench::Arguments>),
    /// Export the accounts of a stopped gateway, or import them into an empty store
    Store(store::Arguments),
    /// Administer the accounts of a running or a stopped gateway
    User(user::Arguments),
    /// Show where people are logged in, or end that
    Session(session::Arguments),
    /// Show who did what, and prove that nobody changed it
    Audit(audit::Arguments),
    /// List the gateways that share a database: version, keys, when they were last seen, and how old
    /// their view of what is revoked was then
    Fleet(fleet::Arguments),
    /// Show what happened in a period, in numbers
    Report(report::Arguments),
}

/// A negative verdict.
const EXIT_VERDICT: u8 = 3;

/// Something went wrong.
const EXIT_FAILURE: u8 = 1;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    // Each command reads secrets, and none has a log yet: the gateway's own tries again, and complains.
    dumps::forbid().ok();
    let arguments = Arguments::parse();
    let provider = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cryptography = gateway_token::install_cryptography();
    let outcome = match (provider, cryptography) {
        (Ok(()), Ok(())) => match arguments.command {
            Command::Demo(arguments) => demo::run(arguments),
            Command::Serve(arguments) => serve::run(arguments),
            Command::Check(arguments) => check::run(arguments),
            Command::Explain(arguments) => explain::run(arguments),
            Command::Keys(arguments) => keys::run(arguments),
            Command::ProveUpstream(arguments) => prove_upstream::run(arguments),
            Command::Bench(arguments) => bench::run(*arguments),
            Command::Store(arguments) => store::run(arguments),
            Command::User(arguments) => user::run(arguments),
            Command::Session(arguments) => session::run(arguments),
            Command::Audit(arguments) => audit::run(arguments),
            Command::Fleet(arguments) => fleet::run(arguments),
            Command::Report(arguments) => report::run(arguments),
        },
        (_, fault) => Err(Failure::Other(format!("the cryptography does not work: {fault:?}"))),
    };
    // What was said until now is to be read before what is said last.
    gateway_telemetry::log::end();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Configuration(faults)) => {
            for fault in &faults {
                anstream::eprintln!("{} {fault}", painted(BAD, "error:"));
            }
            eprintln!("{} found; nothing was started", counted(faults.len() as u64, "fault", "faults"));
            ExitCode::from(EXIT_CONFIG)
        }
        Err(Failure::Verdict(findings)) => {
            for finding in &findings {
                anstream::eprintln!("{} {finding}", painted(BAD, "no:"));
            }
            ExitCode::from(EXIT_VERDICT)
        }
        Err(Failure::Other(fault)) => {
            anstream::eprintln!("{} {fault}", painted(BAD, "error:"));
            ExitCode::from(EXIT_FAILURE)
        }
        Err(Failure::Said(status)) => ExitCode::from(status),
    }
}
