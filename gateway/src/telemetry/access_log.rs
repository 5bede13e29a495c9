//! One line a request, and how lines look: for people on a terminal, JSON otherwise.

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::metrics::known_method;

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

/// What pingora itself logs is mostly caused by clients, who must not choose how much we write;
/// what matters of it is in our own line for each request.
const QUIET: &str = "pingora_proxy=off,pingora_core=off,sled=warn,redis=warn";

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
    EnvFilter::try_new(format!("{level},{QUIET}")).map_err(|_| explain())
}

/// Sends log lines to standard error. Standard output is for what programs read.
pub fn init(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = filter(level)?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let done = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        registry.with(lines.with_ansi(colour)).try_init()
    };
    done.map_err(|fault| fault.to_string())
}

/// What is said of one request. Nothing in it can be a token, a password or a query.
#[derive(Debug)]
pub struct AccessLine<'a> {
    pub request_id: &'a str,
    pub client: Option<IpAddr>,
    pub method: &'a str,
    /// The canonical path, or nothing when it was refused as ambiguous.
    pub path: &'a str,
    pub route: &'a str,
    pub status: u16,
    /// `forwarded`, `served`, or the code of the refusal.
    pub outcome: &'a str,
    /// An account of ours.
    pub user_id: Option<u64>,
    /// Or whom another issuer vouches for, as it may be logged.
    pub subject: Option<String>,
    pub issuer: Option<&'a str>,
    pub duration: Duration,
    pub request_bytes: usize,
    pub response_bytes: usize,
}

impl AccessLine<'_> {
    pub fn write(&self) {
        let micros = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "access",
            request_id = self.request_id,
            client = self.client.map(tracing::field::display),
            method = known_method(self.method),
            path = self.path,
            route = self.route,
            status = self.status,
            outcome = self.outcome,
            user_id = self.user_id,
            subject = self.subject,
            issuer = self.issuer,
            duration_micros = micros,
            request_bytes = self.request_bytes,
            response_bytes = self.response_bytes,
            "request"
        );
    }
}
