//! From what was written to what the program needs: checked values, and all faults at once.

mod addresses;
mod certificates;
mod cookies;
mod database;
mod issuers;
mod keys;
mod limits;
mod listeners;
mod mail;
mod open_ways;
mod passwords;
mod plain_files;
mod proxies;
mod ranges;
mod redis;
mod routes;
mod store_folder;
mod telemetry;
mod upstreams;
mod webhook;

pub use issuers::{IssuerSettings, KeysFrom, ProofSettings};
pub use mail::MailSettings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::file::{File, RotationPolicy};
use super::finding::Finding;
use super::load::Loaded;
use super::malformed_entries::MalformedEntries;
use super::secret_source::Secrets;
use gateway_api::{AskingProxy, Registration};
use gateway_edge::{Caps, ListenerSettings, Most};
use gateway_identity::Email;
use gateway_limits::{Limiters, Lock, Policy};
use gateway_password::{Password, PoolSettings};
use gateway_pipeline::{Cors, FailedExpectation, Routes, SameSite};
use gateway_store::StalenessBounds;
use gateway_store_postgres::PostgresSettings;
use gateway_store_redis::RedisSettings;
use gateway_telemetry::{LogSettings, TraceSettings};
use gateway_token::{AssertionIssuer, TokenTerms};
use gateway_webhook::WebhookSettings;

/// Everything that was found wrong, each with its place and its mend.
pub type Faults = Vec<String>;

/// A configuration that can be started.
pub struct Checked {
    /// At least one.
    pub listeners: Vec<ListenerSettings>,
    pub operations_listen: SocketAddr,
    pub threads: usize,
    pub trusted_proxies: Vec<IpNet>,
    pub trusted_headers: Vec<HeaderName>,
    /// The networks that may ask why a request was decided as it was.
    pub explain_to: Vec<IpNet>,
    pub abort_on_close: bool,
    pub fast_path: bool,
    /// Of connections, and of requests on them.
    pub caps: Caps,
    pub shutdown: Duration,
    pub upgrade: Duration,
    /// Whether others may read the memory of the process.
    pub core_dumps: bool,
    pub log: LogSettings,
    pub traces: TraceSettings,
    pub store_path: PathBuf,
    pub store_min_free_bytes: u64,
    /// Where it is in no folder.
    pub database: Option<PostgresSettings>,
    pub revocations: RevocationSettings,
    pub rotate_always: bool,
    pub docs: bool,
    pub grace: Duration,
    pub sessions_max: usize,
    /// Where browsers may have cookies.
    pub cookies: Option<SameSite>,
    /// Which proxy asks /api/auth/verify.
    pub asking_proxy: AskingProxy,
    pub hashing: PoolSettings,
    pub registration: Registration,
    /// How long the audit trail is kept.
    pub audit_kept: Duration,
    /// What letters say, and how they leave.
    pub mail: MailSettings,
    /// The service that is told of deleted accounts, if there is one.
    pub webhook: Option<WebhookSettings>,
    /// What a running gateway can take over.
    pub reloadable: Reloadable,
    /// What of it does not hold of its own routes; such a configuration is not used.
    pub unmet: Vec<FailedExpectation>,
    /// As it was written, for telling what a reload would change.
    pub written: File,
    pub first_admin: Option<(Email, Password)>,
    /// What is allowed and unwise; said at start.
    pub warnings: Vec<Finding>,
    /// What is as it should be, and worth knowing; said by a check only.
    pub notes: Vec<Finding>,
}

/// What was found in a configuration that cannot be started.
pub struct Found {
    pub faults: Vec<Finding>,
    pub warnings: Vec<Finding>,
    pub notes: Vec<Finding>,
}

/// What a reload swaps, all of it at once.
pub struct Reloadable {
    pub tokens: TokenTerms,
    pub assertions: AssertionIssuer,
    /// How long others may keep the key set: not longer than a new key waits before it signs.
    pub key_set_lifetime: Duration,
    pub limits: RouteLimits,
    pub routes: Routes,
    /// Issuers beside our own.
    pub issuers: Vec<IssuerSettings>,
    /// Of their tokens, in bytes.
    pub token_bytes_max: usize,
    /// The policy of the gateway's own endpoints towards pages of other origins.
    pub own_cors: Option<Cors>,
}

/// Where revocations are looked up.
pub enum RevocationSettings {
    Embedded,
    Redis(RedisSettings),
    /// In memory, from a ledger that others write, too.
    Mirrored(StalenessBounds),
}

/// The allowances outside of routes; `None` is no limit, asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct RouteLimits {
    pub user: Option<Policy>,
    pub login_address: Option<Policy>,
    pub login_account_address: Option<Policy>,
    pub login_failure_address: Option<Policy>,
    pub login_account: Option<Policy>,
    pub logout_address: Option<Policy>,
    pub register_address: Option<Policy>,
    pub refresh_address: Option<Policy>,
    pub recovery_address: Option<Policy>,
    pub mail_account: Option<Policy>,
    pub mail_unverified: Option<Policy>,
    pub login_lock: Option<Lock>,
    pub failed_authentication_address: Option<Policy>,
    pub keys_max: usize,
}

/// What happens where a key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPolicy {
    /// A start makes it.
    MakeWhereMissing,
    /// A question touches nothing: something else stands for what a start would make.
    LookOnly,
    /// The same, and whether a start could make it is asked, too.
    Foresee,
    /// A reload takes over only what is there.
    MustBeThere,
}

struct Checker<'a> {
    faults: Faults,
    warnings: Vec<String>,
    notes: Vec<String>,
    /// Lists that could not be read: what refers to their entries is not complained of.
    unread: Vec<&'static str>,
    /// The limiters in use, so that a reload keeps what was counted.
    limiters: &'a Limiters,
}

/// Checks everything, and says everything that is wrong, what was found while loading included.
pub fn check(
    loaded: Loaded,
    secrets: Result<Secrets, Faults>,
    keys: KeyPolicy,
    limiters: &Limiters,
) -> Result<Checked, Faults> {
    let checked = examine(loaded, secrets, keys, limiters);
    checked.map_err(|found| found.faults.iter().map(ToString::to_string).collect())
}

/// The same, with all that was found in parts that programs can read.
pub fn examine(
    loaded: Loaded,
    secrets: Result<Secrets, Faults>,
    keys: KeyPolicy,
    limiters: &Limiters,
) -> Result<Checked, Found> {
    let Loaded { file, faults, warnings, places, unread, is_readable } = loaded;
    let (malformed_entries, misread) = (MalformedEntries::from_faults(&faults), faults.len());
    let mut checker = Checker { faults, warnings, notes: Vec::new(), unread, limiters };
    let found = |all: Vec<String>, said: usize| -> Vec<Finding> {
        let all = all.into_iter().map(|one| Finding::new(one, &file, &places)).enumerate();
        all.filter(|(index, one)| *index < said || !malformed_entries.has(one)).map(|(_, one)| one).collect()
    };
    checker.plain_files(&file);
    if !is_readable || checker.faults.len() > misread {
        let (faults, warnings) = (found(checker.faults, misread), found(checker.warnings, 0));
        return Err(Found { faults, warnings, notes: Vec::new() });
    }
    if malformed_entries.in_list("issuers") {
        checker.unread.push("issuers");
    }
    let mut secrets = secrets.unwrap_or_else(|faults| {
        checker.faults.extend(faults);
        Secrets::default()
    });
    let listeners = checker.listeners(&file);
    let operations_listen = checker.address("operations.listen", &file.operations.listen);
    checker.listeners_apart(&listeners, operations_listen);
    let trusted_proxies = checker.networks("server.trusted_proxies", &file.server.trusted_proxies);
    let trusted_headers = checker.trusted_headers(&file);
    let explain_to = checker.networks("server.explain_to", &file.server.explain_to);
    let limits = checker.limits(&file);
    let upstreams = checker.upstreams(&file);
    checker.no_circle(&listeners, &upstreams);
    let former = secrets.access_keys_previous.iter().chain(&secrets.refresh_keys_previous).map(Some);
    let given: Vec<_> =
        [secrets.access_key.as_ref(), secrets.refresh_key.as_ref()].into_iter().chain(former).collect();
    let issuers = checker.issuers(&file, secrets.legacy_key.as_ref(), &given);
    let routes = checker.routes(&file, &upstreams, limits.keys_max);
    let own_cors = file.cors.as_ref().and_then(|cors| checker.cors("cors", cors));
    let expectations = checker.expectations(&file);
    let hashing = checker.hashing(&file);
    let cookies = checker.cookies(&file);
    let (log, traces) = (checker.log(&file), checker.traces(&file));
    let revocations = checker.revocations(&file, secrets.redis_url.take());
    let has_redis = matches!(revocations, RevocationSettings::Redis(_));
    let database = checker.database(
        &file,
        (secrets.database_url.take(), secrets.database_url_file.take()),
        has_redis,
        (keys, secrets.given()),
    );
    let (database, revocations) = match database {
        Some((database, bounds)) => (Some(database), RevocationSettings::Mirrored(bounds)),
        None => (None, revocations),
    };
    let mail = checker.mail(&file, secrets.smtp_password.take());
    let webhook = checker.webhook(&file, secrets.webhook_secret.take());
    let first_admin =
        checker.first_admin(secrets.admin_email.take(), secrets.admin_password.take(), &hashing.policy);
    checker.ranges(&file);
    checker.warn(&file, operations_listen);
    // Last, and only for a configuration that is right so far: keys may be made by it.
    let is_fine = checker.store_folder(&file, keys, secrets.given());
    let keys = if checker.faults.is_empty() { keys } else { KeyPolicy::LookOnly };
    let keys = if is_fine { checker.keys(&file, keys, secrets) } else { None };
    let (Some(operations_listen), Some(routes), Some((tokens, assertions)), Some(mail), true) =
        (operations_listen, routes, keys, mail, checker.faults.is_empty())
    else {
        let (faults, warnings) = (found(checker.faults, misread), found(checker.warnings, 0));
        return Err(Found { faults, warnings, notes: found(checker.notes, 0) });
    };
    let key_set_lifetime = Duration::from_secs(file.tokens.publish_delay_seconds.min(300));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Checked {
        listeners,
        operations_listen,
        threads: if file.server.threads == 0 { cores } else { file.server.threads },
        trusted_proxies,
        trusted_headers,
        explain_to,
        abort_on_close: file.server.abort_on_close,
        fast_path: file.server.fast_path,
        caps: Caps {
            connections: Most {
                total: file.server.connections_max,
                per_address: file.server.connections_per_address_max,
            },
            streams: Most {
                total: file.server.streams_max,
                per_address: file.server.streams_per_address_max,
            },
        },
        shutdown: Duration::from_secs(file.server.shutdown_seconds),
        upgrade: Duration::from_secs(file.server.upgrade_seconds),
        core_dumps: file.server.core_dumps,
        log,
        traces,
        store_path: file.store.path.clone(),
        store_min_free_bytes: file.store.min_free_bytes,
        database,
        revocations,
        rotate_always: file.refresh.rotation == RotationPolicy::Always,
        docs: file.api.docs,
        grace: Duration::from_secs(file.refresh.grace_seconds),
        sessions_max: file.refresh.sessions_per_user,
        cookies,
        asking_proxy: file.verify.proxy,
        hashing,
        registration: Registration {
            mode: file.registration.mode,
            email_verification: file.registration.email_verification,
            conceal_existing: file.registration.conceal_existing,
        },
        audit_kept: Duration::from_secs(file.audit.keep_days.saturating_mul(86_400)),
        mail,
        webhook,
        unmet: routes.unmet(&expectations),
        reloadable: Reloadable {
            tokens,
            assertions,
            key_set_lifetime,
            limits,
            routes,
            issuers,
            token_bytes_max: file.tokens.bytes_max,
            own_cors,
        },
        first_admin,
        warnings: found(checker.warnings, 0),
        notes: found(checker.notes, 0),
        written: file,
    })
}

impl Checker<'_> {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    fn warn(&mut self, file: &File, operations: Option<SocketAddr>) {
        if operations.is_some_and(|address| !address.ip().is_loopback()) {
            self.warnings.push(format!(
                "operations.listen = \"{}\" is no loopback address: metrics and readiness can be read by others",
                file.operations.listen
            ));
        }
        if file.server.core_dumps {
            self.warnings.push(
                "server.core_dumps = true: keys and passwords are in what a crash leaves, and processes of the same user can read them".to_owned(),
            );
        }
        if file.routes.is_empty() && !self.unread.contains(&"routes") {
            self.warnings.push("there are no routes: everything but /api/auth is 404".to_owned());
        }
    }
}
