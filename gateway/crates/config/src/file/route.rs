//! What the operator wrote about a route.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits_entry::Limit;
use gateway_pipeline::OnExpiry;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    Public,
    Optional,
    /// Protected unless said otherwise.
    #[default]
    Required,
}

/// What of the path space a route covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    #[default]
    Prefix,
    Exact,
}

/// Where it is looked for who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credential {
    Header,
    Cookie,
    Certificate,
}

/// What becomes of a path that the service could read as one of a stricter route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NearMiss {
    #[default]
    Refuse,
    Forward,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteEntry {
    pub name: String,
    #[serde(default)]
    pub hosts: Vec<String>,
    pub path: String,
    #[serde(default)]
    pub r#match: Match,
    #[serde(default)]
    pub methods: Vec<String>,
    pub upstream: String,
    #[serde(default)]
    pub auth: Auth,
    #[serde(default)]
    pub allow_networks: Option<Vec<String>>,
    #[serde(default)]
    pub deny_networks: Vec<String>,
    #[serde(default)]
    pub issuers: Vec<String>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub all_roles: Vec<String>,
    #[serde(default)]
    pub claims: Vec<ClaimEntry>,
    #[serde(default)]
    pub user_limit: Option<Limit>,
    #[serde(default)]
    pub address_limit: Option<Limit>,
    #[serde(default)]
    pub forward_authorization: bool,
    #[serde(default)]
    pub body_bytes_max: Option<u64>,
    #[serde(default = "RouteEntry::body_idle_timeout_ms")]
    pub body_idle_timeout_ms: u64,
    #[serde(default = "RouteEntry::body_rate_min")]
    pub body_rate_min: u64,
    #[serde(default)]
    pub read_timeout_ms: Option<u64>,
    #[serde(default)]
    pub write_timeout_ms: Option<u64>,
    #[serde(default)]
    pub strip_prefix: bool,
    #[serde(default)]
    pub replace_prefix: Option<String>,
    #[serde(default = "RouteEntry::rewrite_urls")]
    pub rewrite_urls: bool,
    #[serde(default)]
    pub identity_headers: Option<Vec<String>>,
    #[serde(default)]
    pub identity_names: IdentityNames,
    #[serde(default)]
    pub request_headers: HeaderRulesEntry,
    #[serde(default)]
    pub response_headers: HeaderRulesEntry,
    #[serde(default)]
    pub assertion: Assertion,
    #[serde(default)]
    pub cors: Option<CorsEntry>,
    #[serde(default)]
    pub websocket: bool,
    #[serde(default)]
    pub websocket_token: bool,
    #[serde(default)]
    pub credentials: Option<Vec<Credential>>,
    /// What `credentials` was before there were others: whether cookies are among them.
    #[serde(default)]
    pub cookie: Option<bool>,
    #[serde(default)]
    pub realm: Option<String>,
    #[serde(default)]
    pub on_expiry: OnExpiry,
    #[serde(default)]
    pub shadow: bool,
    #[serde(default)]
    pub near_miss: NearMiss,
    #[serde(default)]
    pub path_allows: Vec<String>,
    #[serde(default)]
    pub expect: Vec<ExpectEntry>,
}

/// Whether the upstream gets an identity assertion: for the upstream's name, or for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Assertion {
    Asked(bool),
    For(String),
}

impl Default for Assertion {
    fn default() -> Self {
        Self::Asked(false)
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimEntry {
    pub name: String,
    pub any_of: Vec<String>,
    pub all_of: Vec<String>,
}

/// Names of the operator's own for what an upstream is told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityNames {
    pub id: Option<String>,
    pub email: Option<String>,
    pub roles: Option<String>,
    pub issuer: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderRulesEntry {
    pub remove: Vec<String>,
    pub set: BTreeMap<String, String>,
    pub add: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsEntry {
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub expose: Vec<String>,
    pub credentials: bool,
    pub max_age_seconds: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectEntry {
    pub r#as: String,
    pub issuer: String,
    pub claims: BTreeMap<String, String>,
    pub method: String,
    pub host: String,
    pub path: String,
    pub address: Option<String>,
    pub then: String,
}

impl RouteEntry {
    /// A protected route with the usual limits.
    pub fn new(name: &str, path: &str, upstream: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            upstream: upstream.to_owned(),
            body_idle_timeout_ms: Self::body_idle_timeout_ms(),
            body_rate_min: Self::body_rate_min(),
            rewrite_urls: Self::rewrite_urls(),
            ..Self::default()
        }
    }

    fn rewrite_urls() -> bool {
        true
    }

    fn body_idle_timeout_ms() -> u64 {
        30_000
    }

    fn body_rate_min() -> u64 {
        240
    }

    /// One with every setting that there is, as a sample of their shapes.
    pub(crate) fn sample(limit: Limit) -> Self {
        let (text, texts) = (String::new(), vec![String::new()]);
        let any = || BTreeMap::from([("*".to_owned(), String::new())]);
        let rules = HeaderRulesEntry { remove: texts.clone(), set: any(), add: any() };
        Self {
            hosts: texts.clone(),
            methods: texts.clone(),
            allow_networks: Some(texts.clone()),
            deny_networks: texts.clone(),
            issuers: texts.clone(),
            roles: texts.clone(),
            all_roles: texts.clone(),
            claims: vec![ClaimEntry { name: text.clone(), any_of: texts.clone(), all_of: texts.clone() }],
            user_limit: Some(limit.clone()),
            address_limit: Some(limit),
            body_bytes_max: Some(1),
            read_timeout_ms: Some(1),
            write_timeout_ms: Some(1),
            replace_prefix: Some(text.clone()),
            credentials: Some(vec![Credential::Header]),
            realm: Some(text.clone()),
            cookie: Some(true),
            path_allows: texts.clone(),
            identity_headers: Some(texts.clone()),
            identity_names: IdentityNames {
                id: Some(text.clone()),
                email: Some(text.clone()),
                roles: Some(text.clone()),
                issuer: Some(text),
            },
            request_headers: rules.clone(),
            response_headers: rules,
            cors: Some(CorsEntry::sample()),
            expect: vec![ExpectEntry {
                claims: any(),
                address: Some(String::new()),
                ..ExpectEntry::default()
            }],
            ..Self::new("", "", "")
        }
    }
}

impl CorsEntry {
    pub(crate) fn sample() -> Self {
        let texts = vec![String::new()];
        Self {
            origins: texts.clone(),
            methods: texts.clone(),
            headers: texts.clone(),
            expose: texts,
            ..Self::default()
        }
    }
}

impl Default for CorsEntry {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            origins: Vec::new(),
            methods: words(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            headers: words(&["Authorization", "Content-Type"]),
            expose: Vec::new(),
            credentials: false,
            max_age_seconds: 600,
        }
    }
}

impl Default for ExpectEntry {
    fn default() -> Self {
        Self {
            r#as: "nobody".to_owned(),
            issuer: "own".to_owned(),
            claims: BTreeMap::new(),
            method: "GET".to_owned(),
            host: String::new(),
            path: String::new(),
            address: None,
            then: String::new(),
        }
    }
}
