//! The limits as they are written, with their defaults.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Of a request to a route, in bytes.
    pub body_bytes_max: u64,
    pub user: Limit,
    pub login_address: Limit,
    pub login_account_address: Limit,
    pub login_failure_address: Limit,
    pub login_account: Limit,
    pub logout_address: Limit,
    pub register_address: Limit,
    pub refresh_address: Limit,
    pub recovery_address: Limit,
    pub mail_account: Limit,
    pub mail_unverified: Limit,
    pub login_lock: LoginLock,
    pub failed_authentication_address: Limit,
    pub keys_max: usize,
}

/// So many requests in so many seconds, or no limit, asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    Named(Unlimited),
    Rate(Rate),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unlimited {
    Unlimited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub requests: u32,
    pub window_seconds: u64,
}

/// How failed logins in a row make the next one wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginLock {
    pub after: u32,
    pub first_seconds: u64,
    pub longest_seconds: u64,
}

impl Limit {
    const fn new(requests: u32, window_seconds: u64) -> Self {
        Self::Rate(Rate { requests, window_seconds })
    }
}

/// Why each is what it is stands in `conf/gateway.toml`.
impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1 << 30,
            user: Limit::new(6_000, 60),
            login_address: Limit::new(300, 60),
            login_account_address: Limit::new(10, 300),
            login_failure_address: Limit::new(100, 600),
            login_account: Limit::new(100, 3_600),
            logout_address: Limit::new(600, 60),
            register_address: Limit::new(30, 3_600),
            refresh_address: Limit::new(600, 60),
            recovery_address: Limit::new(60, 600),
            mail_account: Limit::new(5, 3_600),
            mail_unverified: Limit::new(500, 3_600),
            login_lock: LoginLock { after: 10, first_seconds: 30, longest_seconds: 900 },
            failed_authentication_address: Limit::new(600, 60),
            keys_max: 200_000,
        }
    }
}
