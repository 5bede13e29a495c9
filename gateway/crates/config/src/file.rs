//! What the operator wrote: each setting once, with its default. `conf/gateway.toml` shows them all.

mod route;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use route::RouteEntry;
pub(super) use route::{
    Assertion, Auth, CorsEntry, Credential, ExpectEntry, HeaderRulesEntry, Match, NearMiss,
};

use super::issuer_entry::IssuerEntry;
use super::limits_entry::Limits;
use super::listener_entry::ListenerEntry;
use super::mail_entry::MailEntry;
use super::redis_entry::RedisEntry;
use super::store_entry::StoreEntry;
use super::upstream_entry::UpstreamEntry;
use super::webhook_entry::WebhookEntry;
use gateway_api::{AskingProxy, EmailVerification, RegistrationMode};
use gateway_pipeline::SameSite;
use gateway_telemetry::{LogFormat, Shown};
use gateway_token::Algorithm;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    pub server: Server,
    pub listeners: Vec<ListenerEntry>,
    pub operations: Operations,
    pub api: Api,
    pub log: Log,
    pub traces: Traces,
    pub store: StoreEntry,
    pub redis: RedisEntry,
    pub tokens: Tokens,
    pub refresh: Refresh,
    pub cookies: Cookies,
    pub verify: Verify,
    pub password: PasswordHashing,
    pub registration: Registration,
    pub audit: Audit,
    pub limits: Limits,
    pub mail: MailEntry,
    pub webhook: WebhookEntry,
    pub cors: Option<CorsEntry>,
    pub issuers: Vec<IssuerEntry>,
    pub upstreams: Vec<UpstreamEntry>,
    pub routes: Vec<RouteEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    pub listen: String,
    pub threads: usize,
    pub trusted_proxies: Vec<String>,
    pub trusted_headers: Vec<String>,
    pub explain_to: Vec<String>,
    pub connections_max: usize,
    pub connections_per_address_max: usize,
    pub streams_max: usize,
    pub streams_per_address_max: usize,
    pub shutdown_seconds: u64,
    pub upgrade_seconds: u64,
    pub abort_on_close: bool,
    pub fast_path: bool,
    pub watch_seconds: u64,
    pub core_dumps: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operations {
    pub listen: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    pub docs: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
    pub access: bool,
    pub addresses: Shown,
    pub emails: Shown,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// Empty is off.
    pub endpoint: String,
    pub sample_ratio: f64,
    pub service_name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    pub issuer: String,
    pub audience: Option<String>,
    pub access_lifetime_seconds: u64,
    pub refresh_lifetime_seconds: u64,
    pub algorithm: Algorithm,
    pub keys_path: Option<PathBuf>,
    pub publish_delay_seconds: u64,
    pub assertion_algorithm: Algorithm,
    pub assertion_lifetime_seconds: u64,
    pub bytes_max: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refresh {
    pub rotation: RotationPolicy,
    pub grace_seconds: u64,
    pub sessions_per_user: usize,
}

/// Tokens in cookies, for browsers that ask for them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cookies {
    pub enabled: bool,
    pub same_site: SameSite,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verify {
    pub proxy: AskingProxy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationPolicy {
    /// Where a client asks for it.
    #[default]
    OnRequest,
    Always,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordHashing {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    pub threads: usize,
    pub queue: usize,
    pub wait_max_ms: u64,
    pub imported: Vec<String>,
    pub guesses_log10_min: u8,
    pub breached_path: PathBuf,
    pub breached_count_min: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    pub mode: RegistrationMode,
    pub email_verification: EmailVerification,
    pub conceal_existing: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    pub keep_days: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            threads: 0,
            trusted_proxies: Vec::new(),
            trusted_headers: Vec::new(),
            explain_to: Vec::new(),
            connections_max: 50_000,
            connections_per_address_max: 20_000,
            streams_max: 50_000,
            streams_per_address_max: 5_000,
            shutdown_seconds: 30,
            upgrade_seconds: 5,
            abort_on_close: false,
            fast_path: true,
            watch_seconds: 0,
            core_dumps: false,
        }
    }
}

impl Default for Operations {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9090".into() }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self { docs: true }
    }
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: String::new(), sample_ratio: 0.01, service_name: "gateway".into() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogFormat::Auto,
            access: true,
            addresses: Shown::Full,
            emails: Shown::Omitted,
        }
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            issuer: "gateway".into(),
            audience: None,
            access_lifetime_seconds: 3_600,
            refresh_lifetime_seconds: 30 * 86_400,
            algorithm: Algorithm::Hs256,
            keys_path: None,
            publish_delay_seconds: 3_600,
            assertion_algorithm: Algorithm::EdDsa,
            assertion_lifetime_seconds: 60,
            bytes_max: 8_192,
        }
    }
}

impl Default for Refresh {
    fn default() -> Self {
        Self { rotation: RotationPolicy::OnRequest, grace_seconds: 10, sessions_per_user: 1_000 }
    }
}

impl Default for PasswordHashing {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            threads: 0,
            queue: 64,
            wait_max_ms: 5_000,
            imported: Vec::new(),
            guesses_log10_min: 4,
            breached_path: PathBuf::new(),
            breached_count_min: 1,
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep_days: 400 }
    }
}
