//! `gateway serve`: the gateway, as configured.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::startup::{Listening, Sockets, dumps, hold_signals_back, run as run_gateway};
use gateway_command::Failure;
use gateway_config::{Checked, Flags, KeyPolicy, Secrets, Source, called, check, log_hash_key};
use gateway_limits::Limiters;
use gateway_telemetry::log;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration; conf/gateway.toml explains each setting. - is standard input; without it,
    /// every setting has its default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here instead of where the configuration says
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Operators' listener (metrics, health, readiness), instead of where the configuration says
    #[arg(long, value_name = "ADDR")]
    ops: Option<String>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let flags = Flags { listen: arguments.listen, operations_listen: arguments.ops, store_path: None };
    let source = Source { path: arguments.config, flags, environment: gateway_command::environment };
    let loaded = source.load();
    let secrets = Secrets::read(&gateway_command::environment);
    let limiters = Arc::new(Limiters::default());
    let checked =
        check(loaded, secrets, KeyPolicy::MakeWhereMissing, &limiters).map_err(Failure::Configuration)?;
    if !checked.unmet.is_empty() {
        return Err(Failure::Configuration(checked.unmet.iter().map(ToString::to_string).collect()));
    }
    make_folder(&checked.store_path)?;
    // Before there is any other thread. They are let through once they are listened for.
    hold_signals_back();
    begin_log(&checked)?;
    let configuration = source.path.as_deref().map_or("the defaults".to_owned(), called);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), configuration, "the gateway is starting");
    prepare(&checked);
    let sockets = Sockets::bind(&checked, &gateway_command::environment).map_err(logged)?;
    let admin_given = checked.first_admin.is_some();
    let announce = move |listening: Listening| {
        if admin_given && !listening.made_admin {
            tracing::info!(
                "there is an administrator already: GATEWAY_ADMIN_EMAIL and GATEWAY_ADMIN_PASSWORD change nothing, and can be taken away; a password is changed by `gateway user set-password`"
            );
        }
        announce(&listening);
    };
    run_gateway(checked, Some(source), limiters, sockets, announce).map_err(logged)
}

/// What keeps it from running is said as everything else is: nothing in a log of JSON has another form.
pub(super) fn logged(fault: String) -> Failure {
    if !tracing::enabled!(tracing::Level::ERROR) {
        return Failure::Other(fault);
    }
    tracing::error!("{fault}");
    Failure::Said(super::EXIT_FAILURE)
}

/// From here on there is a log. It ends with the command.
pub(super) fn begin_log(checked: &Checked) -> Result<(), Failure> {
    let key = log_hash_key(&checked.log, &checked.store_path).map_err(Failure::Other)?;
    log::begin(&checked.log, key).map_err(Failure::Other)
}

/// The one line on standard output, for programs that wait for it.
pub(super) fn announce(listening: &Listening) {
    let mut addresses = listening.public.iter().map(|(address, tls)| {
        let scheme = if *tls { "https" } else { "http" };
        format!("{scheme}://{address}")
    });
    let first = addresses.next().unwrap_or_default();
    let further: String = addresses.map(|address| format!(" and {address}")).collect();
    tracing::info!(listen = %format!("{first}{further}"), operations = %listening.operations, "listening");
    let line =
        format!("gateway listening on {first} (operations on http://{}){further}", listening.operations);
    // A reader that went away is no reason not to serve; `println!` would panic.
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// The folder of the stores, private to its owner.
pub(super) fn make_folder(path: &std::path::Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|fault| {
        Failure::Other(format!("{}: the data folder cannot be made: {fault}", path.display()))
    })
}

/// What holds for every way of starting: memory, file descriptors, and what is unwise.
pub(super) fn prepare(checked: &Checked) {
    if let Err(fault) = if checked.core_dumps { dumps::allow() } else { dumps::forbid() } {
        tracing::warn!(error = %fault, "it cannot be set who may read the memory of this process");
    }
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            tracing::info!(limit, "the limit of file descriptors is the highest that the system allows")
        }
        Err(fault) => tracing::warn!(error = %fault, "the limit of file descriptors cannot be raised"),
    }
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
}
