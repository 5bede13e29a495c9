//! Whether the store is in a database, and what then must be the same at all gateways that share it.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{Checker, KeyPolicy};
use crate::file::File;
use crate::secret_source::Given;
use gateway_store::StalenessBounds;
use gateway_store_postgres::PostgresSettings;
use gateway_token::Algorithm;

/// How long an errand of a gateway that was killed waits for another one; it is renewed every five seconds.
const LEASE: Duration = Duration::from_secs(20);

impl Checker<'_> {
    /// A store that gateways share, and how old a gateway's view of what is revoked may be.
    pub(super) fn database(
        &mut self,
        file: &File,
        (from_environment, url_file): (Option<SecretString>, Option<PathBuf>),
        has_redis: bool,
        (keys, given): (KeyPolicy, Given),
    ) -> Option<(PostgresSettings, StalenessBounds)> {
        let store = &file.store;
        let written = (!store.url.is_empty()).then(|| SecretString::from(store.url.clone()));
        // Where both are, the variable is the one that an operator sets for this start.
        let url = from_environment.or(written)?;
        for (setting, is, allowed) in [
            ("timeout_ms", store.timeout_ms, 100..=60_000),
            ("connections_max", store.connections_max as u64, 1..=1_000),
            ("max_staleness_ms", store.max_staleness_ms, 300..=60_000),
        ] {
            if !allowed.contains(&is) {
                let (least, most) = (allowed.start(), allowed.end());
                self.fault(format!("store.{setting} = {is}: allowed are {least} to {most}"));
            }
        }
        if has_redis {
            self.fault("store.url and redis.url are both set: with PostgreSQL what is revoked is followed there, and Redis is not asked; take redis.url (or REDIS_URL) away");
        }
        // Whoever only looks, as a command does, signs nothing.
        if keys != KeyPolicy::LookOnly {
            self.has_common_keys(file, given);
        }
        let timeout = Duration::from_millis(store.timeout_ms);
        let postgres = PostgresSettings {
            url,
            // Read once where it is no file, but a pipe.
            url_file: url_file.filter(|path| path.is_file()),
            ca_file: store.ca_file.clone(),
            timeout,
            connections_max: store.connections_max,
            lease: LEASE,
        };
        match postgres.is_unencrypted() {
            Ok(true) => self.warnings.push("store.url asks for sslmode=disable: password hashes, and the password of the database, go over the network unencrypted".to_owned()),
            Ok(false) => {}
            Err(fault) => self.fault(format!("store.url (or DATABASE_URL): {fault}")),
        }
        let max_staleness = Duration::from_millis(store.max_staleness_ms);
        let bounds = StalenessBounds { max_staleness, check_timeout: timeout.min(Duration::from_secs(1)) };
        Some((postgres, bounds))
    }

    /// Each gateway would make keys of its own, and none would know the others' tokens.
    fn has_common_keys(&mut self, file: &File, given: Given) {
        let tokens = &file.tokens;
        if tokens.algorithm == Algorithm::Hs256 {
            if !(given.access && given.refresh) {
                self.fault("store.url needs JWT_SECRET_KEY and JWT_REFRESH_SECRET_KEY, the same at all gateways that share the database: each would make its own, and refuse the others' tokens; make each with: openssl rand -base64 48");
            }
        } else if tokens.keys_path.is_none() {
            self.fault(format!("store.url with tokens.algorithm = \"{}\" needs tokens.keys_path, a folder with the same keys at all gateways that share the database: each would make its own, and refuse the others' tokens", tokens.algorithm));
        }
    }
}
