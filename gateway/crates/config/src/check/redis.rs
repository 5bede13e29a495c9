//! Where revocations are looked up, and what becomes of requests where that cannot be done.

use std::time::Duration;

use secrecy::SecretString;

use super::{Checker, RevocationSettings};
use crate::file::File;
use crate::redis_entry::{Eviction, Fail};
use gateway_store_redis::{OnEviction, OnFailure, RedisSettings};

impl Checker<'_> {
    pub(super) fn revocations(
        &mut self,
        file: &File,
        from_environment: Option<SecretString>,
    ) -> RevocationSettings {
        let written = (!file.redis.url.is_empty()).then(|| SecretString::from(file.redis.url.clone()));
        let Some(url) = from_environment.or(written) else { return RevocationSettings::Embedded };
        let fail_open = file.redis.fail == Fail::Open;
        if fail_open {
            self.warnings.push(
                "redis.fail = \"open\": while Redis cannot be asked, tokens that another gateway revoked are accepted".to_owned(),
            );
        }
        let mut settings = RedisSettings::new(url);
        settings.ca_file = file.redis.ca_file.clone();
        settings.check_timeout = Duration::from_millis(file.redis.check_timeout_ms);
        if file.redis.check_timeout_ms > 30_000 {
            self.fault(format!(
                "redis.check_timeout_ms = {}: allowed are 1 to 30000",
                file.redis.check_timeout_ms
            ));
        }
        if file.redis.eviction == Eviction::Tolerate {
            self.warnings.push(
                "redis.eviction = \"tolerate\": where Redis evicts revocations, a token that another gateway revoked may be accepted until that is seen".to_owned(),
            );
            settings.on_eviction = OnEviction::Tolerate;
        }
        settings.on_failure = if fail_open { OnFailure::Open } else { OnFailure::Closed };
        if let Err(fault) = settings.check() {
            self.fault(format!("redis: {fault}"));
        }
        RevocationSettings::Redis(settings)
    }
}
