//! The keys of our tokens and assertions: given, kept in the data folder, or in the folder of keys.
//! Everything is read and checked before anything is made.

mod secrets;

use std::sync::Arc;
use std::time::Duration;

use self::secrets::{Secrets as Hmac, WhoseSecret};
use super::{Checker, KeyPolicy};
use crate::file::File;
use crate::key_folder::{KeyFolder, KeyUse};
use crate::owner::closed_to_us;
use crate::secret_source::{Given, Secrets};
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_token::{Algorithm, AssertionIssuer, DatedKey, KeyRing, SignBy, TokenTerms};

/// How far the clocks of two gateways may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// The keys of one use before they are a ring.
struct Gathered {
    usage: KeyUse,
    dated: Vec<DatedKey>,
    /// Which algorithm new tokens are to be signed by.
    algorithm: Algorithm,
    lifetime: Duration,
}

impl Checker<'_> {
    pub(super) fn keys(
        &mut self,
        file: &File,
        policy: KeyPolicy,
        given: Secrets,
    ) -> Option<(TokenTerms, AssertionIssuer)> {
        let tokens = &file.tokens;
        let folder = KeyFolder::from_settings(file);
        let now = SystemClock.now();
        let before = self.faults.len();
        // Otherwise each file in it would be complained of.
        if let Some(closed) = [&file.store.path, folder.path()].into_iter().find_map(closed_to_us) {
            self.fault(closed);
            return None;
        }
        let Given { access: has_access, refresh: has_refresh } = given.given();
        if tokens.algorithm == Algorithm::Hs256 && has_access != has_refresh {
            let (one, other) = if has_access {
                ("JWT_SECRET_KEY", "JWT_REFRESH_SECRET_KEY")
            } else {
                ("JWT_REFRESH_SECRET_KEY", "JWT_SECRET_KEY")
            };
            self.warnings.push(format!("{one} is set, and {other} is not: for that one a random secret is kept in {}, which no other gateway has; set both, or none", file.store.path.display()));
        }
        let mut access =
            self.secrets(file, policy, WhoseSecret::ACCESS, given.access_key, given.access_keys_previous);
        let mut refresh =
            self.secrets(file, policy, WhoseSecret::REFRESH, given.refresh_key, given.refresh_keys_previous);
        let mut gathered = [
            self.gather(&folder, KeyUse::Access, tokens.algorithm, tokens.access_lifetime_seconds),
            self.gather(&folder, KeyUse::Refresh, tokens.algorithm, tokens.refresh_lifetime_seconds),
            self.gather(
                &folder,
                KeyUse::Assertion,
                tokens.assertion_algorithm,
                tokens.assertion_lifetime_seconds,
            ),
        ];
        self.all_differ(&access, &refresh, &gathered);
        if policy == KeyPolicy::MustBeThere {
            for keys in gathered.iter().filter(|keys| keys.algorithm != Algorithm::Hs256) {
                if keys.dated.is_empty() {
                    let folder = folder.of_use(keys.usage);
                    self.fault(format!("{} has no key any more: put it back", folder.display()));
                }
            }
        }
        if self.faults.len() > before {
            return None;
        }
        // Only now that nothing is wrong with any may keys be made.
        if policy == KeyPolicy::MakeWhereMissing {
            self.make_secret(file, WhoseSecret::ACCESS, &mut access)?;
            self.make_secret(file, WhoseSecret::REFRESH, &mut refresh)?;
        }
        for keys in &mut gathered {
            self.complete(&folder, policy, keys, Duration::from_secs(tokens.publish_delay_seconds), now)?;
        }
        if tokens.algorithm != Algorithm::Hs256 && !(access.is_empty() && refresh.is_empty()) {
            self.warnings.push(format!(
                "tokens.algorithm = \"{}\", and tokens by HS256 are still accepted: take the secrets away once the last refresh token of theirs has ended ({} s)",
                tokens.algorithm, tokens.refresh_lifetime_seconds
            ));
        }
        let late = Duration::from_secs(tokens.publish_delay_seconds);
        let [access_keys, refresh_keys, assertion_keys] = gathered;
        let access_keys = self.ring(access_keys, access, late);
        let refresh_keys = self.ring(refresh_keys, refresh, late);
        let assertion_keys = self.ring(assertion_keys, Hmac::default(), late);
        let terms = TokenTerms {
            access_keys: access_keys?,
            refresh_keys: refresh_keys?,
            issuer: tokens.issuer.clone(),
            audience: tokens.audience.clone(),
            access_lifetime: Duration::from_secs(tokens.access_lifetime_seconds),
            refresh_lifetime: Duration::from_secs(tokens.refresh_lifetime_seconds),
        };
        let assertions = AssertionIssuer {
            keys: assertion_keys?,
            issuer: tokens.issuer.clone(),
            lifetime: Duration::from_secs(tokens.assertion_lifetime_seconds),
        };
        Some((terms, assertions))
    }

    fn gather(
        &mut self,
        folder: &KeyFolder,
        usage: KeyUse,
        algorithm: Algorithm,
        lifetime_seconds: u64,
    ) -> Gathered {
        let found = folder.read(usage, &mut self.warnings).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Vec::new()
        });
        let dated = found.into_iter().map(|found| found.dated).collect();
        Gathered { usage, dated, algorithm, lifetime: Duration::from_secs(lifetime_seconds) }
    }

    /// A key with two uses would let the tokens of one pass as those of the other.
    fn all_differ(&mut self, access: &Hmac, refresh: &Hmac, gathered: &[Gathered]) {
        if access.any_same_as(refresh) {
            self.fault("JWT_SECRET_KEY and JWT_REFRESH_SECRET_KEY are the same key, now or before: a refresh token would pass as an access token's signature; use two");
        }
        for (index, one) in gathered.iter().enumerate() {
            for other in gathered.iter().take(index) {
                let shared = one.dated.iter().find(|key| {
                    other.dated.iter().any(|others| others.key.public().same_key_as(key.key.public()))
                });
                if let Some(key) = shared {
                    self.fault(format!(
                        "the key {} is there for both {} and {}: make one for each use",
                        key.key.public().thumbprint(),
                        other.usage.name(),
                        one.usage.name()
                    ));
                }
            }
        }
    }

    /// Makes the key that is to sign, where there is none of its algorithm.
    fn complete(
        &mut self,
        folder: &KeyFolder,
        policy: KeyPolicy,
        keys: &mut Gathered,
        publish_delay: Duration,
        now: Timestamp,
    ) -> Option<()> {
        let newest = |dated: &[DatedKey]| {
            let newest = dated.iter().max_by_key(|key| (key.begins_at, key.kid.clone()));
            newest.map(|key| key.key.algorithm())
        };
        let wanted = keys.algorithm;
        if wanted == Algorithm::Hs256 || newest(&keys.dated) == Some(wanted) {
            return Some(());
        }
        let made = match policy {
            // It takes over what is there: when an operator's own key signs is the operator's to say.
            KeyPolicy::MustBeThere => return Some(()),
            KeyPolicy::LookOnly | KeyPolicy::Foresee if !keys.dated.is_empty() => return Some(()),
            // Stands for what a start would make.
            KeyPolicy::LookOnly | KeyPolicy::Foresee => {
                DatedKey::generate(wanted, now).map_err(|fault| fault.to_string())
            }
            KeyPolicy::MakeWhereMissing => folder.lock().and_then(|locked| {
                // Another gateway may have made it while we waited.
                let found = folder.read(keys.usage, &mut Vec::new()).map_err(|faults| faults.join("; "))?;
                keys.dated = found.into_iter().map(|found| found.dated).collect();
                let begins_at = if keys.dated.is_empty() { now } else { now.plus(publish_delay) };
                match newest(&keys.dated) == Some(wanted) {
                    true => keys.dated.pop().ok_or_else(String::new),
                    false => Ok(locked.make(keys.usage, wanted, begins_at)?.dated),
                }
            }),
        };
        keys.dated.push(made.map_err(|fault| self.fault(fault)).ok()?);
        Some(())
    }

    fn ring(&mut self, keys: Gathered, secrets: Hmac, late: Duration) -> Option<Arc<KeyRing>> {
        let sign_by = if keys.algorithm == Algorithm::Hs256 { SignBy::Secret } else { SignBy::Key };
        // A gateway that takes a new key over late signs by the old one until then.
        let outlives = keys.lifetime.saturating_add(SKEW).saturating_add(late);
        let secrets = secrets.into_ring(keys.lifetime.saturating_add(SKEW));
        let ring = KeyRing::new(sign_by, secrets, keys.dated, outlives);
        ring.map_err(|fault| self.fault(format!("the keys for {}: {fault}", keys.usage.name())))
            .ok()
            .map(Arc::new)
    }
}
