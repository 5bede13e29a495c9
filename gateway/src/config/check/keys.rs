//! The keys of our tokens: given, or kept in the data folder.

use std::time::Duration;

use secrecy::SecretSlice;

use super::{Checker, KeyPolicy};
use crate::config::file::File;
use crate::config::secret_source::kept_key;
use crate::token::{HmacKey, Issuer};

impl Checker<'_> {
    pub(super) fn issuer(
        &mut self,
        file: &File,
        keys: KeyPolicy,
        access: Option<SecretSlice<u8>>,
        refresh: Option<SecretSlice<u8>>,
    ) -> Option<Issuer> {
        let made = |given: &Option<_>| given.is_none() && keys == KeyPolicy::MakeWhereMissing;
        let (make_access, make_refresh) = (made(&access), made(&refresh));
        let access_key = self.key(file, "JWT_SECRET_KEY", "access.key", access);
        let refresh_key = self.key(file, "JWT_REFRESH_SECRET_KEY", "refresh.key", refresh);
        let (mut access_key, mut refresh_key) = (access_key?, refresh_key?);
        if access_key.same_as(&refresh_key) {
            self.fault("JWT_SECRET_KEY and JWT_REFRESH_SECRET_KEY are the same key: a refresh token would pass as an access token's signature; use two");
            return None;
        }
        // Only now that nothing is wrong with either may a key be made.
        if make_access {
            access_key = self.kept(file, "access.key")?;
        }
        if make_refresh {
            refresh_key = self.kept(file, "refresh.key")?;
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

    /// The key that was given, or the one that is kept, or one that stands for what a first start
    /// would make.
    fn key(
        &mut self,
        file: &File,
        variable: &str,
        kept: &str,
        given: Option<SecretSlice<u8>>,
    ) -> Option<HmacKey> {
        match given {
            Some(secret) => self.usable(variable, &secret),
            None if file.store.path.join(kept).exists() => self.kept(file, kept),
            None => {
                let secret = format!("{kept}: not made yet, 32 bytes or more");
                self.usable(kept, &SecretSlice::from(secret.into_bytes()))
            }
        }
    }

    fn kept(&mut self, file: &File, name: &str) -> Option<HmacKey> {
        match kept_key(&file.store.path, name) {
            Ok(secret) => self.usable(&file.store.path.join(name).display().to_string(), &secret),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    fn usable(&mut self, source: &str, secret: &SecretSlice<u8>) -> Option<HmacKey> {
        let key = HmacKey::new(secret);
        key.map_err(|fault| self.fault(format!("{source}: {fault}; make one with: openssl rand -base64 48")))
            .ok()
    }
}
