//! Where the database is, and how it is spoken to: a URL, of which nothing is believed to be safe that
//! does not say so.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How long a connection may take to come about, over all hosts that the URL names.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// When an idle connection is asked whether it lives, and how often, until it is given up.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// The database, and the bounds of its use.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`, with several hosts where one takes over from another.
    pub url: SecretString,
    /// The file that has it, which is read for each connection: a password can be changed meanwhile.
    pub url_file: Option<PathBuf>,
    /// Authorities that are believed instead of the public ones, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How long a caller waits, whatever the server does.
    pub timeout: Duration,
    pub connections_max: usize,
    /// How long what is to be delivered is one gateway's, before another does it: longer than a delivery
    /// takes that ends well.
    pub lease: Duration,
}

/// What is wrong with a URL. None of them shows it: it has a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlFault {
    #[error("it must begin with postgres:// or postgresql://")]
    Scheme,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it names no {0}")]
    Missing(&'static str),
    #[error(
        "sslmode={0} leaves it to whoever is in between whether TLS is used: write sslmode=verify-full, or \
         sslmode=disable where nobody can be"
    )]
    Opportunistic(String),
    #[error("sslmode={0} is unknown: it is verify-full or disable")]
    UnknownMode(String),
}

/// Whether a text is meant to be the URL of a PostgreSQL.
pub fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
}

impl PostgresSettings {
    /// The driver's settings.
    pub(crate) fn config(&self) -> Result<Config, UrlFault> {
        read(self.url.expose_secret()).map(|(config, _)| config)
    }

    /// The same as the file says them now.
    pub(crate) fn config_from_file(&self) -> Option<Result<Config, String>> {
        let path = self.url_file.as_ref()?;
        let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string());
        let config = text.and_then(|text| {
            let url = SecretString::from(text.trim_end());
            read(url.expose_secret()).map(|(config, _)| config).map_err(|fault| fault.to_string())
        });
        Some(config.map_err(|fault| format!("{}: {fault}", path.display())))
    }

    /// Whether passwords and hashes go over a network unencrypted, because the URL asks for that.
    pub fn is_unencrypted(&self) -> Result<bool, UrlFault> {
        let (config, _) = read(self.url.expose_secret())?;
        Ok(config.get_ssl_mode() == SslMode::Disable && !is_here(&config))
    }

    /// Server and database, to be told; without user and password.
    pub fn place(&self) -> Result<String, UrlFault> {
        let (config, _) = read(self.url.expose_secret())?;
        let ports = config.get_ports();
        let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5_432);
        let hosts = config.get_hosts().iter().enumerate().map(|(place, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(place)),
            Host::Unix(folder) => folder.display().to_string(),
        });
        let hosts: Vec<_> = hosts.collect();
        Ok(format!("{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default()))
    }
}

/// The settings that a URL has, and whether it says itself how TLS is used.
fn read(url: &str) -> Result<(Config, bool), UrlFault> {
    if !is_postgres(url) {
        return Err(UrlFault::Scheme);
    }
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (modes, rest): (Vec<_>, Vec<_>) =
        query.split('&').filter(|one| !one.is_empty()).partition(|one| one.starts_with("sslmode="));
    let mode = modes.last().and_then(|mode| mode.strip_prefix("sslmode="));
    let url = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
    let mut config: Config = url.parse().map_err(|fault: tokio_postgres::Error| {
        let cause = std::error::Error::source(&fault).map(ToString::to_string);
        UrlFault::Unreadable(cause.unwrap_or_else(|| fault.to_string()))
    })?;
    if config.get_hosts().is_empty() {
        return Err(UrlFault::Missing("host"));
    }
    if config.get_dbname().is_none_or(str::is_empty) {
        return Err(UrlFault::Missing("database"));
    }
    if config.get_user().is_none_or(str::is_empty) {
        return Err(UrlFault::Missing("user"));
    }
    let is_verified = match mode {
        None => !is_here(&config),
        Some("require" | "verify-ca" | "verify-full") => true,
        Some("disable") => false,
        Some(opportunistic @ ("allow" | "prefer")) => {
            return Err(UrlFault::Opportunistic(opportunistic.to_owned()));
        }
        Some(other) => return Err(UrlFault::UnknownMode(other.to_owned())),
    };
    config
        .ssl_mode(if is_verified { SslMode::Require } else { SslMode::Disable })
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .application_name("gateway")
        .connect_timeout(CONNECT_WITHIN)
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE)
        .tcp_user_timeout(4 * KEEPALIVE);
    Ok((config, mode.is_some()))
}

/// Whether nothing leaves this machine.
fn is_here(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> PostgresSettings {
        let timeout = Duration::from_secs(1);
        PostgresSettings {
            url: url.into(),
            url_file: None,
            ca_file: None,
            timeout,
            connections_max: 1,
            lease: timeout,
        }
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_the_url_says_otherwise() {
        for (url, mode) in [
            ("postgres://u:p@db.example.org/gateway", SslMode::Require),
            ("postgres://u@db.example.org/gateway?sslmode=verify-full", SslMode::Require),
            ("postgres://u@db.example.org/gateway?sslmode=require&connect_timeout=2", SslMode::Require),
            ("postgres://u@db.example.org/gateway?sslmode=disable", SslMode::Disable),
            ("postgres://u@127.0.0.1:5433/gateway", SslMode::Disable),
            ("postgresql://u@localhost,db.example.org/gateway", SslMode::Require),
            ("postgres://u@%2Frun%2Fpostgresql/gateway", SslMode::Disable),
            ("postgres://u@localhost/gateway?sslmode=verify-full", SslMode::Require),
        ] {
            assert_eq!(settings(url).config().unwrap().get_ssl_mode(), mode, "{url}");
            let is_said = url.contains("db.") && mode == SslMode::Disable;
            assert_eq!(settings(url).is_unencrypted().unwrap(), is_said, "{url}");
        }
    }

    #[test]
    fn a_url_that_says_too_little_is_refused_without_being_shown() {
        for (url, fault) in [
            ("mysql://u:secret@h/d", UrlFault::Scheme),
            ("postgres://u:secret@h", UrlFault::Missing("database")),
            ("postgres:///d?user=u", UrlFault::Missing("host")),
            ("postgres://h/d", UrlFault::Missing("user")),
            ("postgres://u:secret@h/d?sslmode=prefer", UrlFault::Opportunistic("prefer".to_owned())),
            ("postgres://u:secret@h/d?sslmode=on", UrlFault::UnknownMode("on".to_owned())),
        ] {
            let found = settings(url).config().unwrap_err();
            assert_eq!(found, fault, "{url}");
            assert!(!found.to_string().contains("secret"), "{found}");
        }
        let unreadable = settings("postgres://u:secret@h:port/d").config().unwrap_err();
        assert!(matches!(&unreadable, UrlFault::Unreadable(why) if !why.contains("secret")), "{unreadable}");
    }

    #[test]
    fn a_place_is_told_without_whoever_uses_it() {
        let place = |url| settings(url).place().unwrap();
        assert_eq!(place("postgres://u:secret@one:1,two:2/gateway"), "one:1,two:2/gateway");
        assert_eq!(place("postgres://u@one/gateway"), "one:5432/gateway");
    }
}
