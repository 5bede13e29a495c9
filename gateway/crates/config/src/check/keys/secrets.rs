//! Secrets of HS256: given by the environment, or kept in the data folder.

use std::time::Duration;

use secrecy::SecretSlice;

use super::super::{Checker, KeyPolicy};
use crate::file::File;
use crate::kept_secret;
use gateway_clock::Timestamp;
use gateway_token::{Algorithm, HmacKey, Secret};

/// Under which names the secrets of one use are given and kept.
#[derive(Clone, Copy)]
pub(super) struct WhoseSecret {
    variable: &'static str,
    kept: &'static str,
}

impl WhoseSecret {
    pub(super) const ACCESS: Self = Self { variable: "JWT_SECRET_KEY", kept: kept_secret::ACCESS };
    pub(super) const REFRESH: Self = Self { variable: "JWT_REFRESH_SECRET_KEY", kept: kept_secret::REFRESH };
}

/// The secrets of one use, as far as there are any.
#[derive(Default)]
pub(super) struct Secrets {
    current: Option<(HmacKey, String)>,
    /// Whether the current one only stands for what a first start would make.
    stands_in: bool,
    /// What an operator gives as a former one; it is good as long as it is given.
    former: Vec<(HmacKey, String)>,
    /// What was replaced in the data folder, and when.
    replaced: Vec<(HmacKey, String, Timestamp)>,
}

impl Secrets {
    pub(super) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    pub(super) fn any_same_as(&self, other: &Self) -> bool {
        self.all().any(|one| other.all().any(|other| one.same_as(other)))
    }

    fn all(&self) -> impl Iterator<Item = &HmacKey> {
        let given = self.current.iter().chain(&self.former).map(|(key, _)| key);
        given.chain(self.replaced.iter().map(|(key, ..)| key))
    }

    pub(super) fn into_ring(self, outlives: Duration) -> Vec<Secret> {
        let good = |(key, source)| Secret { key, source, verifies_until: None };
        let replaced = self.replaced.into_iter().map(|(key, source, at)| Secret {
            key,
            source,
            verifies_until: Some(at.plus(outlives)),
        });
        self.current.into_iter().chain(self.former).map(good).chain(replaced).collect()
    }
}

impl Checker<'_> {
    pub(super) fn secrets(
        &mut self,
        file: &File,
        policy: KeyPolicy,
        whose: WhoseSecret,
        given: Option<SecretSlice<u8>>,
        former: Vec<SecretSlice<u8>>,
    ) -> Secrets {
        let folder = &file.store.path;
        let mut secrets = Secrets::default();
        let variable = format!("{}_PREVIOUS", whose.variable);
        secrets.former = former.iter().filter_map(|secret| self.usable(&variable, secret)).collect();
        if let Some(given) = given {
            secrets.current = self.usable(whose.variable, &given);
            return secrets;
        }
        let place = folder.join(whose.kept).display().to_string();
        match kept_secret::read(folder, whose.kept) {
            Ok(Some(kept)) => secrets.current = self.usable(&place, &kept),
            Ok(None) if file.tokens.algorithm != Algorithm::Hs256 => {}
            Ok(None) if policy == KeyPolicy::MustBeThere => {
                self.fault(format!("{place} is gone: put it back; a new one is made at a start only"));
            }
            Ok(None) => {
                secrets.current = self.usable(&place, &kept_secret::random());
                secrets.stands_in = true;
            }
            Err(fault) => self.fault(fault),
        }
        match kept_secret::replaced(folder, whose.kept) {
            Ok(replaced) => {
                for one in replaced {
                    let key = self.usable(&one.path.display().to_string(), &one.secret);
                    secrets.replaced.extend(key.map(|(key, source)| (key, source, one.at)));
                }
            }
            Err(fault) => self.fault(fault),
        }
        secrets
    }

    pub(super) fn make_secret(
        &mut self,
        file: &File,
        whose: WhoseSecret,
        secrets: &mut Secrets,
    ) -> Option<()> {
        if !secrets.stands_in {
            return Some(());
        }
        match kept_secret::make(&file.store.path, whose.kept) {
            // By the name that it is read under from now on: it is the same secret.
            Ok(made) => {
                let place = file.store.path.join(whose.kept).display().to_string();
                secrets.current = self.usable(&place, &made);
            }
            Err(fault) => self.fault(fault),
        }
        secrets.current.as_ref().map(|_| ())
    }

    fn usable(&mut self, source: &str, secret: &SecretSlice<u8>) -> Option<(HmacKey, String)> {
        let key = HmacKey::new(secret).map(|key| (key, source.to_owned()));
        key.map_err(|fault| self.fault(format!("{source}: {fault}; make one with: openssl rand -base64 48")))
            .ok()
    }
}
