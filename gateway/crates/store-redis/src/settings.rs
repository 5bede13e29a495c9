//! What an operator says about Redis, and its reading into a client that cannot be wrong.

use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// How long one check may take by default. A healthy Redis nearby answers in well under 1 ms.
const CHECK_TIMEOUT: Duration = Duration::from_millis(50);

/// How long a publication may take by default, a rebuild that it waits for included.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Written bytes that nobody acknowledges for so long mean that the connection is dead.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);

/// Where the view of revocations lives, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://user:password@host:6379/0`, `rediss://…` for TLS, or
    /// `redis+unix:///path?db=0&user=…&pass=…`.
    pub url: SecretString,
    /// A PEM file with the authorities to trust instead of the public ones; needs `rediss://`.
    pub ca_file: Option<PathBuf>,
    /// How long a request may wait for its check.
    pub check_timeout: Duration,
    /// How long a logout may wait until its revocation is published.
    pub publish_timeout: Duration,
    /// What becomes of a request whose check was not answered.
    pub on_failure: OnFailure,
    /// What becomes of all requests where Redis may evict revocations.
    pub on_eviction: OnEviction,
}

/// What becomes of a request when Redis cannot say whether its token was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused.
    #[default]
    Closed,
    /// It passes: a revoked token may be accepted while Redis is away.
    Open,
}

/// What becomes of requests when Redis may throw revocations away to make room (`maxmemory-policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEviction {
    /// It is as if Redis could not be asked.
    #[default]
    Refuse,
    /// It is asked. An eviction that is seen is a loss of data.
    Tolerate,
}

/// Why settings cannot be used. The URL is never shown: it may hold a password.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RedisSettingsFault {
    #[error(
        "the Redis URL cannot be read: write redis://user:password@host:6379/0, with special \
         characters of the password percent-encoded (@ is %40, / is %2F, # is %23)"
    )]
    Unreadable,
    #[error("the Redis URL must begin with redis://, rediss:// (TLS) or redis+unix:// (a socket)")]
    Scheme,
    #[error("the Redis URL names no host to connect to: write redis://host:6379/0")]
    Host,
    #[error("the Redis URL names no socket: write redis+unix:///run/redis/redis.sock")]
    Socket,
    #[error(
        "the Redis URL must not have a fragment: certificates are always verified, and a # in a \
         password is written %23"
    )]
    Fragment,
    #[error("the database in the Redis URL must be a number from 0, as in redis://host:6379/2")]
    Database,
    #[error("the Redis URL has a user but no password: write redis://user:password@host:6379/0")]
    UserWithoutPassword,
    #[error(
        "the Redis URL has an unknown parameter: redis+unix:// takes db, user and pass, others take none"
    )]
    Parameter,
    #[error("a CA file is only of use with TLS: write rediss:// in the Redis URL, or remove the CA file")]
    CaFileWithoutTls,
    #[error("the CA file {path} cannot be used: {reason}")]
    CaFile { path: PathBuf, reason: String },
    #[error("a time-out for Redis must be longer than zero")]
    Timeout,
}

impl RedisSettings {
    /// The defaults: 50 ms for a check, 1 s for a publication, closed on failure and on eviction.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            ca_file: None,
            check_timeout: CHECK_TIMEOUT,
            publish_timeout: PUBLISH_TIMEOUT,
            on_failure: OnFailure::default(),
            on_eviction: OnEviction::default(),
        }
    }

    /// Whether the settings can be used; connects to nothing.
    pub fn check(&self) -> Result<(), RedisSettingsFault> {
        self.target().map(|_| ())
    }

    pub(super) fn target(&self) -> Result<Target, RedisSettingsFault> {
        if self.check_timeout.is_zero() || self.publish_timeout.is_zero() {
            return Err(RedisSettingsFault::Timeout);
        }
        let info = read_url(self.url.expose_secret())?;
        let password = info.redis_settings().password().map(SecretString::from);
        let address = info.addr().to_string();
        let client = self.client(info)?;
        Ok(Target { client, address, password })
    }

    fn client(&self, info: ConnectionInfo) -> Result<Client, RedisSettingsFault> {
        let Some(path) = &self.ca_file else {
            return Client::open(info).map_err(|_| RedisSettingsFault::Unreadable);
        };
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err(RedisSettingsFault::CaFileWithoutTls);
        }
        let refuse = |reason: String| RedisSettingsFault::CaFile { path: path.clone(), reason };
        let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        // Without this, a file that holds no certificate would make a client that trusts nobody,
        // and complains only about each certificate that it meets.
        if !pem.windows(PEM_MARK.len()).any(|window| window == PEM_MARK) {
            return Err(refuse("it holds no certificate in PEM form".to_owned()));
        }
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
        Client::build_with_tls(info, certificates).map_err(|error| refuse(error.to_string()))
    }
}

const PEM_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The server to connect to.
pub(super) struct Target {
    pub(super) client: Client,
    /// Host and port, or the socket's path: fit for logs.
    pub(super) address: String,
    /// Kept so that it can be blotted out where a server repeats it in an error.
    pub(super) password: Option<SecretString>,
}

fn read_url(text: &str) -> Result<ConnectionInfo, RedisSettingsFault> {
    use RedisSettingsFault as Fault;
    let text = text.trim();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).ok_or(Fault::Scheme)?;
    let socket = match scheme {
        "redis" | "rediss" => false,
        "redis+unix" => true,
        _ => return Err(Fault::Scheme),
    };
    let url = redis::parse_redis_url(text).ok_or(Fault::Unreadable)?;
    // The driver reads `#insecure` as leave to verify nothing.
    if url.fragment().is_some() {
        return Err(Fault::Fragment);
    }
    if !socket && url.host_str().is_none_or(str::is_empty) {
        return Err(Fault::Host);
    }
    if socket && url.path().len() < 2 {
        return Err(Fault::Socket);
    }
    if !socket && !url.username().is_empty() && url.password().is_none() {
        return Err(Fault::UserWithoutPassword);
    }
    let mut database = (!socket).then(|| url.path().trim_matches('/').to_owned());
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" if socket => database = Some(value.into_owned()),
            "user" | "pass" if socket => {}
            _ => return Err(Fault::Parameter),
        }
    }
    let database = database.unwrap_or_default();
    let numeric = database.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric || database.len() > DATABASE_DIGITS_MAX {
        return Err(Fault::Database);
    }
    let info = url.into_connection_info().map_err(|_| Fault::Unreadable)?;
    // The driver leaves Nagle's algorithm on: a check would then wait for the acknowledgement of
    // the one before it.
    let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED_MAX);
    Ok(info.set_tcp_settings(tcp))
}

/// Enough for every database number that a Redis could have.
const DATABASE_DIGITS_MAX: usize = 9;

#[cfg(test)]
mod tests;
