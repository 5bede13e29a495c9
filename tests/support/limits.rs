//! Gateways without limits, for who asks more than anybody would.

use super::gateway::Setup;

impl Setup {
    /// No rate limit at all.
    pub fn unlimited(self) -> Self {
        let limits = [
            "USER",
            "LOGIN_ADDRESS",
            "LOGIN_ACCOUNT_ADDRESS",
            "LOGIN_FAILURE_ADDRESS",
            "LOGIN_ACCOUNT",
            "LOGOUT_ADDRESS",
            "REGISTER_ADDRESS",
            "REFRESH_ADDRESS",
            "RECOVERY_ADDRESS",
            "MAIL_ACCOUNT",
            "MAIL_UNVERIFIED",
            "FAILED_AUTHENTICATION_ADDRESS",
        ];
        limits
            .into_iter()
            .fold(self, |setup, limit| setup.env(&format!("GATEWAY__LIMITS__{limit}"), "unlimited"))
            .unlocked()
    }

    /// No wait after failed logins in a row.
    pub fn unlocked(self) -> Self {
        let lock = "{after=4294967294,first_seconds=1,longest_seconds=1}";
        self.env("GATEWAY__LIMITS__LOGIN_LOCK", lock)
    }
}
