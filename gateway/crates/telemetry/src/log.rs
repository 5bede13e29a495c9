//! The log: where lines go, which of them, and in which form. What it says of people follows rules
//! that a reload may change, as may the level.

use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::access_log;
use super::log_json::JsonLine;
use super::log_queue::{self, Entrance, Queue};
use super::log_target;
use super::panics;
use super::process::LogReading;
use super::redact::{HashKey, Rules, Shown};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    Human,
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    pub level: String,
    pub format: LogFormat,
    /// Whether each request gets a line.
    pub access: bool,
    /// What lines show of client addresses.
    pub addresses: Shown,
    /// What lines show of e-mail addresses.
    pub emails: Shown,
}

/// What pingora itself logs is mostly caused by clients, who must not choose how much we write;
/// what matters of it is in our own line for each request, and for each server that goes or comes
/// back. What the exporter of traces has to say is in its metric.
const QUIET: &str = "pingora_proxy=off,pingora_core=off,pingora_load_balancing=error,sled=warn,redis=warn,opentelemetry=off,opentelemetry_sdk=off,opentelemetry_otlp=off";

/// The log of the process, once it was begun.
struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    lines: Entrance,
    /// Whether they are JSON.
    json: bool,
    queue: Queue,
}

/// What is written to a file at once.
const FILE_BYTES_MAX: usize = 256 << 10;

/// What a pipe takes as one piece: `PIPE_BUF` of Linux.
const PIPE_BYTES_MAX: usize = 4 << 10;

/// How long the last lines may take.
const LAST_LINES_MAX: Duration = Duration::from_millis(500);

static LOG: OnceLock<Log> = OnceLock::new();
static RULES: OnceLock<ArcSwap<Rules>> = OnceLock::new();

/// Whether `level` can be used.
pub fn check_level(level: &str) -> Result<(), String> {
    filter(level).map(drop)
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    let explain = || {
        format!(
            "\"{level}\" is no log level; write error, warn, info, debug or trace, or by module: \"info,gateway::api=debug\""
        )
    };
    // A word alone would be taken for a module's name, and silence everything else.
    let known =
        |part: &str| part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok();
    if !level.split(',').all(known) {
        return Err(explain());
    }
    EnvFilter::try_new(format!("{},{QUIET}", log_target::directives(level))).map_err(|_| explain())
}

/// Sends log lines to standard error; standard output is for what programs read. `key` is for
/// hashes of addresses, where the settings ask for them.
pub fn begin(settings: &LogSettings, key: HashKey) -> Result<(), String> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let (entrance, queue) =
        log_queue::to(std::io::stderr(), piece_bytes_max()).map_err(|fault| fault.to_string())?;
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(entrance.clone());
    let registry = tracing_subscriber::registry().with(filter);
    let done = if json {
        registry.with(lines.event_format(JsonLine)).try_init()
    } else {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colour)).try_init()
    };
    done.map_err(|fault| fault.to_string())?;
    let log = Log { filter: handle, lines: entrance, json, queue };
    LOG.set(log).map_err(|_| "the log was begun before".to_owned())?;
    install(settings, key);
    panics::log_them();
    Ok(())
}

/// Other levels and other rules, from the next line on. The format stays.
pub fn change(settings: &LogSettings, key: HashKey) -> Result<(), String> {
    let filter = filter(&settings.level)?;
    if let Some(log) = LOG.get() {
        log.filter.reload(filter).map_err(|fault| fault.to_string())?;
    }
    install(settings, key);
    Ok(())
}

fn install(settings: &LogSettings, key: HashKey) {
    // Asked once here, and not for each request.
    let access = settings.access && access_log::passes();
    let rules = Rules { access, addresses: settings.addresses, emails: settings.emails, key };
    let rules = Arc::new(rules);
    match RULES.get() {
        Some(known) => known.store(rules),
        // Nobody else is as early as this.
        None => drop(RULES.set(ArcSwap::new(rules))),
    }
}

/// Where lines go, if their form is JSON.
pub(super) fn json_lines() -> Option<&'static Entrance> {
    LOG.get().filter(|log| log.json).map(|log| &log.lines)
}

/// How much is written at once. Into a file that is as much as there is; into a pipe no more than goes in
/// as one piece, since others may write there, too: the program that takes over, for one.
fn piece_bytes_max() -> usize {
    let is_file = rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode).is_file());
    if is_file { FILE_BYTES_MAX } else { PIPE_BYTES_MAX }
}

/// The rules in use.
pub(super) fn rules() -> arc_swap::Guard<Arc<Rules>> {
    RULES.get_or_init(ArcSwap::default).load()
}

/// Writes what still waits, unless whoever reads is too slow for it. Lines that come later are lost:
/// it is for the end.
pub fn end() {
    LOG.get().iter().for_each(|log| log.queue.end(LAST_LINES_MAX));
}

/// Lines that wait, and lines that were dropped.
pub fn figures() -> LogReading {
    LOG.get().map(|log| log.queue.read()).unwrap_or_default()
}
