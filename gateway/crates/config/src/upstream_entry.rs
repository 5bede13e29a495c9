//! What the operator wrote about one upstream.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamEntry {
    pub name: String,
    /// The one server; or else `servers`.
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    pub servers: Vec<ServerEntry>,
    #[serde(default)]
    pub balance: Balance,
    #[serde(default)]
    pub protocol: Protocol,
    #[serde(default = "UpstreamEntry::host")]
    pub host: String,
    #[serde(default)]
    pub tls: Option<TlsEntry>,
    #[serde(default = "UpstreamEntry::connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    #[serde(default = "UpstreamEntry::io_timeout_ms")]
    pub read_timeout_ms: u64,
    #[serde(default = "UpstreamEntry::io_timeout_ms")]
    pub write_timeout_ms: u64,
    /// Without it, by the protocol.
    #[serde(default)]
    pub idle_timeout_ms: Option<u64>,
    #[serde(default = "UpstreamEntry::retries")]
    pub retries: u32,
    #[serde(default)]
    pub health: Option<HealthEntry>,
    #[serde(default = "UpstreamEntry::eject_after")]
    pub eject_after: u32,
    #[serde(default = "UpstreamEntry::eject_ms")]
    pub eject_ms: u64,
    #[serde(default = "UpstreamEntry::eject_max_ms")]
    pub eject_max_ms: u64,
    #[serde(default)]
    pub eject_statuses: Vec<u16>,
    #[serde(default = "UpstreamEntry::dns_refresh_seconds")]
    pub dns_refresh_seconds: u64,
    #[serde(default = "UpstreamEntry::connections_max")]
    pub connections_max: usize,
    #[serde(default)]
    pub reuse_after_body: bool,
    #[serde(default)]
    pub head_bytes_max: Option<usize>,
    #[serde(default)]
    pub fields_max: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerEntry {
    pub address: String,
    #[serde(default = "ServerEntry::weight")]
    pub weight: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    #[default]
    RoundRobin,
    LeastConnections,
    HashUser,
    HashAddress,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    Http1,
    Http2,
}

/// TLS towards the servers, with verification unless it is turned off by its full name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsEntry {
    pub server_name: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub client_certificate_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    pub danger_accept_any_certificate: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthEntry {
    pub path: Option<String>,
    pub expect_status: u16,
    pub interval_ms: u64,
    pub timeout_ms: u64,
    pub unhealthy_after: u32,
    pub healthy_after: u32,
}

impl UpstreamEntry {
    /// An upstream of one server with the usual settings.
    pub fn new(name: &str, address: String) -> Self {
        let io = Self::io_timeout_ms();
        Self {
            name: name.to_owned(),
            address: Some(address),
            servers: Vec::new(),
            balance: Balance::default(),
            protocol: Protocol::default(),
            host: Self::host(),
            tls: None,
            connect_timeout_ms: Self::connect_timeout_ms(),
            read_timeout_ms: io,
            write_timeout_ms: io,
            idle_timeout_ms: None,
            retries: Self::retries(),
            health: None,
            eject_after: Self::eject_after(),
            eject_ms: Self::eject_ms(),
            eject_max_ms: Self::eject_max_ms(),
            eject_statuses: Vec::new(),
            dns_refresh_seconds: Self::dns_refresh_seconds(),
            connections_max: Self::connections_max(),
            reuse_after_body: false,
            head_bytes_max: None,
            fields_max: None,
        }
    }

    /// Every setting that there can be, for the check of what was written.
    pub(super) fn sample() -> Self {
        Self {
            servers: vec![ServerEntry { address: String::new(), weight: 1 }],
            tls: Some(TlsEntry {
                server_name: Some(String::new()),
                ca_file: Some(PathBuf::from("ca.pem")),
                client_certificate_file: Some(PathBuf::from("client.pem")),
                client_key_file: Some(PathBuf::from("client.key")),
                danger_accept_any_certificate: false,
            }),
            health: Some(HealthEntry { path: Some("/".to_owned()), ..HealthEntry::default() }),
            eject_statuses: vec![503],
            idle_timeout_ms: Some(750),
            head_bytes_max: Some(8_190),
            fields_max: Some(100),
            ..Self::new("", String::new())
        }
    }

    fn host() -> String {
        "client".to_owned()
    }

    fn connect_timeout_ms() -> u64 {
        2_000
    }

    fn io_timeout_ms() -> u64 {
        60_000
    }

    fn retries() -> u32 {
        1
    }

    fn eject_after() -> u32 {
        5
    }

    fn eject_ms() -> u64 {
        10_000
    }

    fn eject_max_ms() -> u64 {
        300_000
    }

    fn connections_max() -> usize {
        10_000
    }

    fn dns_refresh_seconds() -> u64 {
        30
    }
}

impl ServerEntry {
    fn weight() -> u32 {
        1
    }
}

impl Default for HealthEntry {
    fn default() -> Self {
        Self {
            path: None,
            expect_status: 200,
            interval_ms: 5_000,
            timeout_ms: 1_000,
            unhealthy_after: 3,
            healthy_after: 2,
        }
    }
}
