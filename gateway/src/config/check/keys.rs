//! The keys of our tokens: given, or kept in the data folder.

use std::time::Duration;

use secrecy::SecretSlice;

use super::{Checker, KeyPolicy};
use crate::config::file::File;
use crate::config::secret_source::kept_key;
use crate::token::{HmacKey, Issuer};

impl Checker {
    pub(super) fn issuer(
        &mut self,
        file: &File,
        keys: KeyPolicy,
        access: Option<SecretSlice<u8>>,
        refresh: Option<SecretSlice<u8>>,
    ) -> Option<Issuer> {
        let access_key = self.key(file, keys, "JWT_SECRET_KEY", "access.key", access);
        let refresh_key = self.key(file, keys, "JWT_REFRESH_SECRET_KEY", "refresh.key", refresh);
        let (access_key, refresh_key) = (access_key?, refresh_key?);
        if access_key.same_as(&refresh_key) {
            self.fault("JWT_SECRET_KEY and JWT_REFRESH_SECRET_KEY are the same key: a refresh token would pass as an access token's signature; use two");
        }
        Some(Issuer {
            access_key,
            refresh_key,
            issuer: file.tokens.issuer.clone(),
            audience: file.tokens.audience.clone(),
            access_lifetime: Duration::from_secs(file.tokens.access_lifetime_seconds),
            refresh_lifetime: Duration::from_secs(file.tokens.refresh_lifetime_seconds),
        })
    }

    fn key(
        &mut self,
        file: &File,
        keys: KeyPolicy,
        variable: &str,
        kept: &str,
        given: Option<SecretSlice<u8>>,
    ) -> Option<HmacKey> {
        let secret = match (given, keys) {
            (Some(secret), _) => Ok(secret),
            (None, KeyPolicy::LookOnly) if !file.store.path.join(kept).exists() => {
                // It would be made at the first start; any key stands for it here.
                Ok(SecretSlice::from(format!("{kept}: not made yet, 32 bytes or more").into_bytes()))
            }
            (None, _) => kept_key(&file.store.path, kept),
        };
        let key = secret.and_then(|secret| {
            HmacKey::new(&secret)
                .map_err(|fault| format!("{variable}: {fault}; make one with: openssl rand -base64 48"))
        });
        key.map_err(|fault| self.fault(fault)).ok()
    }
}
