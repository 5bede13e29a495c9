//! What the operator wrote about one further listener.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerEntry {
    pub address: String,
    #[serde(default)]
    pub tls: Option<ListenerTlsEntry>,
    #[serde(default)]
    pub h2c: bool,
    #[serde(default)]
    pub proxy_protocol_from: Vec<String>,
    #[serde(default)]
    pub redirect_to_https_port: Option<u16>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTlsEntry {
    #[serde(default)]
    pub certificates: Vec<CertificateEntry>,
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    #[serde(default = "ListenerTlsEntry::http2")]
    pub http2: bool,
    #[serde(default)]
    pub hsts_seconds: u64,
    #[serde(default)]
    pub hsts_subdomains: bool,
}

/// Whether clients are asked for a certificate of an issuer that has some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    #[default]
    Off,
    Optional,
    Required,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

impl ListenerEntry {
    /// One with every setting that there is, as a sample of their shapes.
    pub(super) fn sample() -> Self {
        Self {
            tls: Some(ListenerTlsEntry {
                certificates: vec![CertificateEntry::default()],
                client_ca_file: Some(PathBuf::from("ca.pem")),
                client_certificates: ClientCertificates::default(),
                http2: true,
                hsts_seconds: 0,
                hsts_subdomains: false,
            }),
            proxy_protocol_from: vec![String::new()],
            redirect_to_https_port: Some(443),
            ..Self::default()
        }
    }
}

impl ListenerTlsEntry {
    fn http2() -> bool {
        true
    }
}
