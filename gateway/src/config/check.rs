//! From what was written to what the program needs: checked values, and all faults at once.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::file::{Auth, Fail, File, Limit, RotationPolicy, RouteEntry, UpstreamEntry};
use super::secret_source::{Secrets, kept_key};
use crate::edge::ConnectionCaps;
use crate::identity::{Email, Role, UserId};
use crate::limits::{Allowance, Limiter, Policy};
use crate::password::{Cost, Password, PoolSettings, assess};
use crate::pipeline::{Access, Route, Routes, Target, Timeouts, Upstream, UserLimit};
use crate::telemetry::LogFormat;
use crate::token::{HmacKey, Issuer};

/// Everything that was found wrong, each with its place and its mend.
pub type Faults = Vec<String>;

/// A configuration that can be started.
pub struct Checked {
    pub listen: SocketAddr,
    pub operations_listen: SocketAddr,
    pub threads: usize,
    pub trusted_proxies: Vec<IpNet>,
    pub connections: ConnectionCaps,
    pub shutdown: Duration,
    pub log_level: String,
    pub log_format: LogFormat,
    pub access_log: bool,
    pub store_path: PathBuf,
    pub store_min_free_bytes: u64,
    pub revocations: RevocationSettings,
    pub issuer: Issuer,
    pub rotate_always: bool,
    pub grace: Duration,
    pub hashing: PoolSettings,
    pub limits: RouteLimits,
    pub routes: Routes,
    pub first_admin: Option<(Email, Password)>,
    /// What is allowed and unwise; said at start.
    pub warnings: Vec<String>,
}

/// Where revocations are looked up.
pub enum RevocationSettings {
    Embedded,
    Redis { url: SecretString, ca_file: Option<PathBuf>, check_timeout: Duration, fail_open: bool },
}

/// The allowances outside of routes; `None` is no limit, asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct RouteLimits {
    pub user: Option<Policy>,
    pub login_address: Option<Policy>,
    pub login_account_address: Option<Policy>,
    pub login_account: Option<Policy>,
    pub register_address: Option<Policy>,
    pub refresh_address: Option<Policy>,
    pub failed_authentication_address: Option<Policy>,
    pub keys_max: usize,
}

/// Whether keys may be made in the data folder: a start may, a mere check does not touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPolicy {
    MakeWhereMissing,
    LookOnly,
}

struct Checker {
    faults: Faults,
    warnings: Vec<String>,
}

/// Checks everything, and says everything that is wrong.
pub fn check(file: &File, secrets: Secrets, keys: KeyPolicy) -> Result<Checked, Faults> {
    let mut checker = Checker { faults: Vec::new(), warnings: Vec::new() };
    let listen = checker.address("server.listen", &file.server.listen);
    let operations_listen = checker.address("operations.listen", &file.operations.listen);
    let trusted_proxies = checker.networks(&file.server.trusted_proxies);
    let limits = checker.limits(file);
    let routes = checker.routes(file, limits.keys_max);
    let hashing = checker.hashing(file);
    let revocations = checker.revocations(file, secrets.redis_url);
    let first_admin = checker.first_admin(secrets.admin_email, secrets.admin_password);
    let issuer = checker.issuer(file, keys, secrets.access_key, secrets.refresh_key);
    checker.ranges(file);
    checker.warn(file, operations_listen);
    let (Some(listen), Some(operations_listen), Some(routes), Some(issuer)) =
        (listen, operations_listen, routes, issuer)
    else {
        return Err(checker.faults);
    };
    if !checker.faults.is_empty() {
        return Err(checker.faults);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Checked {
        listen,
        operations_listen,
        threads: if file.server.threads == 0 { cores } else { file.server.threads },
        trusted_proxies,
        connections: ConnectionCaps {
            total: file.server.connections_max,
            per_address: file.server.connections_per_address_max,
        },
        shutdown: Duration::from_secs(file.server.shutdown_seconds),
        log_level: file.log.level.clone(),
        log_format: file.log.format,
        access_log: file.log.access,
        store_path: file.store.path.clone(),
        store_min_free_bytes: file.store.min_free_bytes,
        revocations,
        issuer,
        rotate_always: file.refresh.rotation == RotationPolicy::Always,
        grace: Duration::from_secs(file.refresh.grace_seconds),
        hashing,
        limits,
        routes,
        first_admin,
        warnings: checker.warnings,
    })
}

impl Checker {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    fn address(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            self.fault(format!("{key} = \"{text}\" is no address and port; write for example \"127.0.0.1:8080\" or \"[::1]:8080\""));
        }
        address
    }

    fn networks(&mut self, texts: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in texts {
            let network =
                text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
            match network {
                Ok(network) if network.prefix_len() == 0 => self.fault(format!(
                    "server.trusted_proxies: \"{text}\" trusts everybody, so that any client could choose its address and its route; name your proxies"
                )),
                Ok(network) => networks.push(network),
                Err(_) => self.fault(format!("server.trusted_proxies: \"{text}\" is no network; write for example \"10.0.0.0/8\"")),
            }
        }
        networks
    }

    fn limits(&mut self, file: &File) -> RouteLimits {
        let limits = &file.limits;
        let keys_max = limits.keys_max;
        if keys_max == 0 {
            self.fault("limits.keys_max = 0: at least 1 key must be remembered");
        }
        RouteLimits {
            user: self.policy("limits.user", "user", &limits.user),
            login_address: self.policy("limits.login_address", "login-address", &limits.login_address),
            login_account_address: self.policy(
                "limits.login_account_address",
                "login-account-address",
                &limits.login_account_address,
            ),
            login_account: self.policy("limits.login_account", "login-account", &limits.login_account),
            register_address: self.policy(
                "limits.register_address",
                "register-address",
                &limits.register_address,
            ),
            refresh_address: self.policy(
                "limits.refresh_address",
                "refresh-address",
                &limits.refresh_address,
            ),
            failed_authentication_address: self.policy(
                "limits.failed_authentication_address",
                "failed-authentication-address",
                &limits.failed_authentication_address,
            ),
            keys_max,
        }
    }

    fn policy(&mut self, key: &str, name: &'static str, limit: &Limit) -> Option<Policy> {
        let Limit::Rate(rate) = limit else {
            self.warnings.push(format!("{key} = \"unlimited\": nothing bounds this"));
            return None;
        };
        let requests = NonZeroU32::new(rate.requests);
        match requests {
            Some(requests) if (1..=86_400).contains(&rate.window_seconds) => {
                let window = Duration::from_secs(rate.window_seconds);
                Some(Policy { name, allowance: Allowance { requests, window } })
            }
            _ => {
                self.fault(format!(
                    "{key}: requests must be at least 1, and window_seconds between 1 and 86400"
                ));
                None
            }
        }
    }

    fn routes(&mut self, file: &File, keys_max: usize) -> Option<Routes> {
        let upstreams: Vec<_> = file.upstreams.iter().filter_map(|entry| self.upstream(entry)).collect();
        for (index, upstream) in upstreams.iter().enumerate() {
            if upstreams[..index].iter().any(|other| other.name == upstream.name) {
                self.fault(format!("upstreams: the name `{}` occurs twice", upstream.name));
            }
        }
        let mut routes = Vec::new();
        for (index, entry) in file.routes.iter().enumerate() {
            if file.routes[..index].iter().any(|other| other.name == entry.name) {
                self.fault(format!("routes: the name `{}` occurs twice", entry.name));
            }
            routes.extend(self.route(entry, &upstreams, keys_max));
        }
        match Routes::new(routes) {
            Ok(routes) => Some(routes),
            Err(fault) => {
                self.fault(fault.to_string());
                None
            }
        }
    }

    fn upstream(&mut self, entry: &UpstreamEntry) -> Option<Arc<Upstream>> {
        let name = &entry.name;
        let target = match entry.address.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Some(Target::Unix(path.into())),
            _ => entry.address.parse().ok().map(Target::Tcp),
        };
        let times =
            [entry.connect_timeout_ms, entry.read_timeout_ms, entry.write_timeout_ms, entry.idle_timeout_ms];
        if times.contains(&0) {
            self.fault(format!("upstream `{name}`: a timeout of 0 ms would refuse every request"));
        }
        let Some(target) = target else {
            self.fault(format!("upstream `{name}`: address \"{}\" is neither an address and port (\"127.0.0.1:8081\") nor a socket (\"unix:/run/app.sock\")", entry.address));
            return None;
        };
        let [connect, read, write, idle] = times.map(Duration::from_millis);
        Some(Arc::new(Upstream {
            name: name.clone(),
            target,
            timeouts: Timeouts { connect, read, write, idle },
        }))
    }

    fn route(&mut self, entry: &RouteEntry, upstreams: &[Arc<Upstream>], keys_max: usize) -> Option<Route> {
        let name = &entry.name;
        let mut roles = Vec::new();
        for role in &entry.roles {
            match role.as_str() {
                "user" => roles.push(Role::User),
                "admin" => roles.push(Role::Admin),
                _ => self.fault(format!("route `{name}`: \"{role}\" is no role; there are: user, admin")),
            }
        }
        if !roles.is_empty() && entry.auth != Auth::Required {
            self.fault(format!("route `{name}`: roles need auth = \"required\""));
        }
        let user_limit = entry.user_limit.as_ref().map(|limit| {
            let policy = self.policy(&format!("route `{name}`: user_limit"), "user", limit);
            UserLimit(policy.map(|policy| Arc::new(Limiter::<UserId>::new(policy, keys_max))))
        });
        let upstream = upstreams.iter().find(|upstream| upstream.name == entry.upstream);
        let Some(upstream) = upstream else {
            let names: Vec<_> = upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
            self.fault(format!(
                "route `{name}`: there is no upstream `{}`; there are: {}",
                entry.upstream,
                names.join(", ")
            ));
            return None;
        };
        Some(Route {
            name: name.clone(),
            prefix: entry.path.clone(),
            access: match entry.auth {
                Auth::Public => Access::Public,
                Auth::Optional => Access::Optional,
                Auth::Required => Access::Required(roles),
            },
            upstream: Arc::clone(upstream),
            user_limit,
            forward_authorization: entry.forward_authorization,
            body_bytes_max: entry.body_bytes_max,
        })
    }

    fn hashing(&mut self, file: &File) -> PoolSettings {
        let password = &file.password;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if password.queue == 0 {
            self.fault("password.queue = 0: nobody could log in");
        }
        PoolSettings {
            cost: Cost { memory_kib: password.memory_kib, passes: password.passes, lanes: password.lanes },
            threads: if password.threads == 0 { cores.div_ceil(2) } else { password.threads },
            queue: password.queue,
            wait_max: Duration::from_millis(password.wait_max_ms),
        }
    }

    fn revocations(&mut self, file: &File, from_environment: Option<SecretString>) -> RevocationSettings {
        let written = (!file.redis.url.is_empty()).then(|| SecretString::from(file.redis.url.clone()));
        let Some(url) = from_environment.or(written) else { return RevocationSettings::Embedded };
        if file.redis.check_timeout_ms == 0 {
            self.fault("redis.check_timeout_ms = 0: every request would be refused");
        }
        let fail_open = file.redis.fail == Fail::Open;
        if fail_open {
            self.warnings.push(
                "redis.fail = \"open\": while Redis cannot be asked, revoked tokens are accepted".to_owned(),
            );
        }
        RevocationSettings::Redis {
            url,
            ca_file: file.redis.ca_file.clone(),
            check_timeout: Duration::from_millis(file.redis.check_timeout_ms),
            fail_open,
        }
    }

    fn first_admin(
        &mut self,
        email: Option<String>,
        password: Option<SecretString>,
    ) -> Option<(Email, Password)> {
        let (email, password) = match (email, password) {
            (None, None) => return None,
            (Some(email), Some(password)) => (email, password),
            _ => {
                self.fault(
                    "GATEWAY_ADMIN_EMAIL and GATEWAY_ADMIN_PASSWORD belong together: set both or none",
                );
                return None;
            }
        };
        if assess(password.expose_secret()).is_some() {
            self.fault("GATEWAY_ADMIN_PASSWORD: needs 8 characters or more, with an upper-case letter, a lower-case letter and a digit");
        }
        match Email::parse(&email) {
            Ok(email) => Some((email, password)),
            Err(_) => {
                self.fault("GATEWAY_ADMIN_EMAIL is no e-mail address");
                None
            }
        }
    }

    fn issuer(
        &mut self,
        file: &File,
        keys: KeyPolicy,
        access: Option<SecretSlice<u8>>,
        refresh: Option<SecretSlice<u8>>,
    ) -> Option<Issuer> {
        let access_key = self.key(file, keys, "JWT_SECRET_KEY", "access.key", access);
        let refresh_key = self.key(file, keys, "JWT_REFRESH_SECRET_KEY", "refresh.key", refresh);
        let (access_key, refresh_key) = (access_key?, refresh_key?);
        if access_key.same_as(&refresh_key) {
            self.fault("JWT_SECRET_KEY and JWT_REFRESH_SECRET_KEY are the same key: a refresh token would pass as an access token's signature; use two");
        }
        Some(Issuer {
            access_key,
            refresh_key,
            issuer: file.tokens.issuer.clone(),
            audience: file.tokens.audience.clone(),
            access_lifetime: Duration::from_secs(file.tokens.access_lifetime_seconds),
            refresh_lifetime: Duration::from_secs(file.tokens.refresh_lifetime_seconds),
        })
    }

    fn key(
        &mut self,
        file: &File,
        keys: KeyPolicy,
        variable: &str,
        kept: &str,
        given: Option<SecretSlice<u8>>,
    ) -> Option<HmacKey> {
        let secret = match (given, keys) {
            (Some(secret), _) => Ok(secret),
            (None, KeyPolicy::LookOnly) if !file.store.path.join(kept).exists() => {
                // It would be made at the first start; any key stands for it here.
                Ok(SecretSlice::from(format!("{kept}: not made yet, 32 bytes or more").into_bytes()))
            }
            (None, _) => kept_key(&file.store.path, kept),
        };
        let key = secret.and_then(|secret| {
            HmacKey::new(&secret)
                .map_err(|fault| format!("{variable}: {fault}; make one with: openssl rand -base64 48"))
        });
        key.map_err(|fault| self.fault(fault)).ok()
    }

    fn ranges(&mut self, file: &File) {
        if !(60..=86_400).contains(&file.tokens.access_lifetime_seconds) {
            self.fault(format!(
                "tokens.access_lifetime_seconds = {}: allowed are 60 to 86400",
                file.tokens.access_lifetime_seconds
            ));
        }
        let refresh = file.tokens.refresh_lifetime_seconds;
        if refresh <= file.tokens.access_lifetime_seconds || refresh > 366 * 86_400 {
            self.fault(format!("tokens.refresh_lifetime_seconds = {refresh}: must be longer than an access token's life, and at most 366 days"));
        }
        if file.refresh.grace_seconds > 60 {
            self.fault(format!(
                "refresh.grace_seconds = {}: allowed are 0 to 60; a stolen refresh token works that long",
                file.refresh.grace_seconds
            ));
        }
        if file.tokens.issuer.is_empty() {
            self.fault("tokens.issuer is empty: tokens must say who issued them");
        }
        if file.server.connections_max == 0 || file.server.connections_per_address_max == 0 {
            self.fault("server.connections_max and server.connections_per_address_max must be at least 1");
        }
    }

    fn warn(&mut self, file: &File, operations: Option<SocketAddr>) {
        if operations.is_some_and(|address| !address.ip().is_loopback()) {
            self.warnings.push(format!(
                "operations.listen = \"{}\" is no loopback address: metrics and readiness can be read by others",
                file.operations.listen
            ));
        }
        let tcp = file.upstreams.iter().filter(|upstream| !upstream.address.starts_with("unix:"));
        for upstream in tcp {
            self.warnings.push(format!(
                "upstream `{}` is reached over TCP: whoever can connect to {} can claim any identity there",
                upstream.name, upstream.address
            ));
        }
        if file.routes.is_empty() {
            self.warnings.push("there are no routes: everything but /api/auth is 404".to_owned());
        }
    }
}
