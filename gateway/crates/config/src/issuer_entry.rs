//! What the operator wrote about one issuer beside our own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use gateway_token::Algorithm;

/// How an issuer's tokens prove themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By keys that it publishes.
    #[default]
    Oidc,
    /// By a secret that the service before this gateway has, too.
    Legacy,
    /// It has no tokens, and signs certificates of clients.
    Certificate,
}

/// Which tokens are access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Typ {
    /// All but those that are recognised as others.
    #[default]
    #[serde(rename = "any")]
    Any,
    /// Those that say so (RFC 9068 §2.1).
    #[serde(rename = "at+jwt")]
    AccessToken,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerEntry {
    pub name: String,
    pub kind: Kind,
    pub issuer: Option<String>,
    /// Whether its tokens name no issuer.
    pub without_iss: bool,
    /// Discovered where it is left out.
    pub jwks_url: Option<String>,
    /// In place of what is fetched.
    pub keys_file: Option<PathBuf>,
    pub audience: Vec<String>,
    pub danger_any_audience: bool,
    pub algorithms: Vec<String>,
    pub typ: Typ,
    pub leeway_seconds: u64,
    pub lifetime_max_seconds: u64,
    /// `sub`, and for a legacy issuer `user_id`.
    pub subject_claim: Option<String>,
    pub subject_prefix: String,
    pub danger_numeric_subjects: bool,
    pub email_claim: String,
    /// None, and for a legacy issuer `role`.
    pub roles_claim: Option<String>,
    pub role_names: BTreeMap<String, String>,
    /// What all have whom a certificate of it is for.
    pub roles: Vec<String>,
    pub ca_file: Option<PathBuf>,
    pub crl_file: Option<PathBuf>,
    pub danger_allow_http: bool,
    pub timeout_ms: u64,
    pub refresh_seconds: u64,
    pub refetch_seconds: u64,
    pub keep_keys_seconds: u64,
    pub until: Option<String>,
    pub danger_short_secret: bool,
}

impl IssuerEntry {
    /// Every setting that there can be, for the check of what was written.
    pub(super) fn sample() -> Self {
        let text = || Some(String::new());
        Self {
            issuer: text(),
            jwks_url: text(),
            keys_file: Some(PathBuf::from("keys.json")),
            audience: vec![String::new()],
            subject_claim: text(),
            roles_claim: text(),
            role_names: BTreeMap::from([("*".to_owned(), String::new())]),
            roles: vec![String::new()],
            ca_file: Some(PathBuf::from("ca.pem")),
            crl_file: Some(PathBuf::from("ca.crl")),
            until: text(),
            ..Self::default()
        }
    }
}

impl Default for IssuerEntry {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: Kind::default(),
            issuer: None,
            without_iss: false,
            jwks_url: None,
            keys_file: None,
            audience: Vec::new(),
            danger_any_audience: false,
            algorithms: Algorithm::ASYMMETRIC.map(|algorithm| algorithm.name().to_owned()).to_vec(),
            typ: Typ::default(),
            leeway_seconds: 30,
            lifetime_max_seconds: 86_400,
            subject_claim: None,
            subject_prefix: String::new(),
            danger_numeric_subjects: false,
            email_claim: "email".to_owned(),
            roles_claim: None,
            role_names: BTreeMap::new(),
            roles: Vec::new(),
            ca_file: None,
            crl_file: None,
            danger_allow_http: false,
            timeout_ms: 5_000,
            refresh_seconds: 600,
            refetch_seconds: 10,
            keep_keys_seconds: 86_400,
            until: None,
            danger_short_secret: false,
        }
    }
}
