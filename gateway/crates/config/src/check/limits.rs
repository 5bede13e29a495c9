//! Rate limits.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Checker, RouteLimits};
use crate::file::File;
use crate::limits_entry::{Limit, LoginLock};
use gateway_limits::{Allowance, Lock, Policy};

impl Checker<'_> {
    pub(super) fn limits(&mut self, file: &File) -> RouteLimits {
        let limits = &file.limits;
        let keys_max = limits.keys_max;
        if keys_max == 0 {
            self.fault("limits.keys_max = 0: at least 1 key must be remembered");
        }
        if limits.body_bytes_max == 0 {
            self.fault(
                "limits.body_bytes_max = 0: every request with a body would be refused; write how many bytes a service should get at most",
            );
        }
        RouteLimits {
            user: self.policy("limits.user", "user", &limits.user),
            login_address: self.policy("limits.login_address", "login-address", &limits.login_address),
            login_account_address: self.policy(
                "limits.login_account_address",
                "login-account-address",
                &limits.login_account_address,
            ),
            login_failure_address: self.policy(
                "limits.login_failure_address",
                "login-failure-address",
                &limits.login_failure_address,
            ),
            login_account: self.policy("limits.login_account", "login-account", &limits.login_account),
            logout_address: self.policy("limits.logout_address", "logout-address", &limits.logout_address),
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
            recovery_address: self.policy(
                "limits.recovery_address",
                "recovery-address",
                &limits.recovery_address,
            ),
            mail_account: self.policy("limits.mail_account", "mail-account", &limits.mail_account),
            mail_unverified: self.policy(
                "limits.mail_unverified",
                "mail-unverified",
                &limits.mail_unverified,
            ),
            login_lock: self.login_lock(limits.login_lock),
            failed_authentication_address: self.policy(
                "limits.failed_authentication_address",
                "failed-authentication-address",
                &limits.failed_authentication_address,
            ),
            keys_max,
        }
    }

    fn login_lock(&mut self, lock: LoginLock) -> Option<Lock> {
        let LoginLock { after, first_seconds, longest_seconds } = lock;
        if after == 0 || first_seconds == 0 || !(first_seconds..=86_400).contains(&longest_seconds) {
            self.fault(
                "limits.login_lock: after and first_seconds must be at least 1, and longest_seconds between first_seconds and 86400",
            );
            return None;
        }
        let (first, longest) = (Duration::from_secs(first_seconds), Duration::from_secs(longest_seconds));
        Some(Lock { after, first, longest })
    }

    pub(super) fn policy(&mut self, key: &str, name: &'static str, limit: &Limit) -> Option<Policy> {
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
}
