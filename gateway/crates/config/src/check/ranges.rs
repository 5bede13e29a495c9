//! Numbers that have bounds of their own.

use super::Checker;
use crate::file::File;
use gateway_api::EmailVerification;
use gateway_edge::HEAD_BYTES_MAX;

/// Not less than our own tokens can have, and not so much that nothing else would fit into a head.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 4 * 1_024..=HEAD_BYTES_MAX - 2 * 1_024;

impl Checker<'_> {
    pub(super) fn ranges(&mut self, file: &File) {
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
        if file.tokens.publish_delay_seconds > 7 * 86_400 {
            self.fault(format!(
                "tokens.publish_delay_seconds = {}: allowed are 0 to 604800",
                file.tokens.publish_delay_seconds
            ));
        }
        if !(10..=300).contains(&file.tokens.assertion_lifetime_seconds) {
            self.fault(format!(
                "tokens.assertion_lifetime_seconds = {}: allowed are 10 to 300",
                file.tokens.assertion_lifetime_seconds
            ));
        }
        if !TOKEN_BYTES.contains(&file.tokens.bytes_max) {
            let (least, most) = (TOKEN_BYTES.start(), TOKEN_BYTES.end());
            self.fault(format!(
                "tokens.bytes_max = {}: allowed are {least} to {most}; a whole head has at most {HEAD_BYTES_MAX} bytes",
                file.tokens.bytes_max
            ));
        }
        if file.refresh.grace_seconds > 60 {
            self.fault(format!(
                "refresh.grace_seconds = {}: allowed are 0 to 60; a stolen refresh token works that long",
                file.refresh.grace_seconds
            ));
        }
        if !(1..=1_000).contains(&file.refresh.sessions_per_user) {
            self.fault(format!(
                "refresh.sessions_per_user = {}: allowed are 1 to 1000",
                file.refresh.sessions_per_user
            ));
        }
        if file.registration.conceal_existing
            && file.registration.email_verification == EmailVerification::Off
        {
            self.fault("registration.conceal_existing needs registration.email_verification = \"optional\" or \"required\": an account is then made when its address is proved");
        }
        if !(1..=36_500).contains(&file.audit.keep_days) {
            self.fault(format!("audit.keep_days = {}: allowed are 1 to 36500", file.audit.keep_days));
        }
        if file.tokens.issuer.is_empty() {
            self.fault("tokens.issuer is empty: tokens must say who issued them");
        }
        let server = &file.server;
        for (key, most) in [
            ("connections_max", server.connections_max),
            ("connections_per_address_max", server.connections_per_address_max),
            ("streams_max", server.streams_max),
            ("streams_per_address_max", server.streams_per_address_max),
        ] {
            if most == 0 {
                self.fault(format!("server.{key} = 0: at least 1, or nobody is served"));
            }
        }
    }
}
