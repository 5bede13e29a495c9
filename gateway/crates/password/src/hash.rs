//! One hash: argon2id as a PHC string, with today's cost, and a fixed cost for unknown users.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::ExposeSecret as _;
use thiserror::Error;

use super::Password;
use super::imported::{ImportedHash, Method, owed};

/// What one hash costs (RFC 9106 §3.1): memory in KiB, passes, lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
    pub const OWASP: Self = Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1 };

    /// Whether passwords can be hashed at this cost, and safely.
    pub fn check(self) -> Result<(), CostFault> {
        self.params().map(drop)
    }

    /// As it is named among those that came from elsewhere.
    pub fn method(self) -> Method {
        Method::argon2id(self.memory_kib, self.passes, self.lanes)
    }

    fn params(self) -> Result<Params, CostFault> {
        let Self { memory_kib, passes, lanes } = self;
        // OWASP's table: less memory must be paid for with more passes.
        let enough = match passes {
            0 => false,
            1 => memory_kib >= 47_104,
            2 => memory_kib >= 19_456,
            3 => memory_kib >= 12_288,
            4 => memory_kib >= 9_216,
            _ => memory_kib >= 7_168,
        };
        if !enough {
            return Err(CostFault::TooCheap(memory_kib, passes));
        }
        Params::new(memory_kib, passes, lanes, None).map_err(|fault| CostFault::Unusable(fault.to_string()))
    }
}

/// The cost cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CostFault {
    #[error(
        "argon2id with {0} KiB and {1} passes is weaker than OWASP's minimum (19456 KiB with 2 passes, 12288 with 3, 9216 with 4, 7168 with 5)"
    )]
    TooCheap(u32, u32),
    #[error("argon2 does not take these parameters: {0}")]
    Unusable(String),
}

/// Whether a password is the right one, and whether its hash is of today's cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// Right, and hashed anew since the stored hash was of another cost.
    RightRehashed(String),
    Wrong,
}

/// Hashes and verifies; each call costs tens of milliseconds and must not run on a proxy thread.
#[derive(Clone)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    cost: Cost,
    params: Params,
    /// The hash of nobody's password: verified against for unknown users, so that they cost as
    /// much time as known ones.
    nobody: String,
    /// Methods of hashes that came from elsewhere, and are still there.
    imported: Vec<Method>,
}

impl Hasher {
    pub(super) fn new(cost: Cost) -> Result<Self, CostFault> {
        let params = cost.params()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let nobody = uuid::Uuid::new_v4().to_string();
        let nobody = argon2
            .hash_password(nobody.as_bytes())
            .map_err(|fault| CostFault::Unusable(fault.to_string()))?
            .to_string();
        Ok(Self { argon2, cost, params, nobody, imported: Vec::new() })
    }

    pub(super) fn with_imported(self, mut imported: Vec<Method>) -> Self {
        // Ours is spent in any case.
        imported.retain(|method| *method != self.cost.method());
        Self { imported, ..self }
    }

    /// `None` only when memory for the hash cannot be had.
    pub(super) fn hash(&self, password: &Password) -> Option<String> {
        let hash = self.argon2.hash_password(password.expose_secret().as_bytes());
        hash.ok().map(|hash| hash.to_string())
    }

    /// Whatever the stored hash is, or if there is none: to be wrong costs the same.
    pub(super) fn verify(&self, password: &Password, stored: Option<&str>) -> Verdict {
        let bytes = password.expose_secret().as_bytes();
        let imported = stored.and_then(|stored| ImportedHash::parse(stored).ok());
        if let Some(imported) = imported.filter(|imported| self.imported.contains(&imported.method())) {
            if imported.verify(bytes) {
                return self.hash(password).map_or(Verdict::Right, Verdict::RightRehashed);
            }
            if let Ok(nobody) = PasswordHash::new(&self.nobody) {
                self.argon2.verify_password(bytes, &nobody).ok();
            }
            return self.wrong(bytes, Some(imported.method()));
        }
        let ours = stored.and_then(|stored| PasswordHash::new(stored).ok());
        let is_ours = ours.is_some();
        let Ok(hash) = ours.map_or_else(|| PasswordHash::new(&self.nobody), Ok) else {
            return Verdict::Wrong;
        };
        if self.argon2.verify_password(bytes, &hash).is_err() || !is_ours {
            return self.wrong(bytes, None);
        }
        let todays = Params::try_from(&hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
        });
        if todays {
            Verdict::Right
        } else {
            self.hash(password).map_or(Verdict::Right, Verdict::RightRehashed)
        }
    }

    /// Spends what the methods cost that were not tried: while there are imported hashes, nobody
    /// may tell by time which accounts have one, or that there is none.
    fn wrong(&self, password: &[u8], tried: Option<Method>) -> Verdict {
        owed(&self.imported, tried).into_iter().for_each(|method| method.spend(password));
        Verdict::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::from(text.to_owned())
    }

    #[test]
    fn a_hash_verifies_its_own_password_and_no_other() {
        let hasher = Hasher::new(Cost::OWASP).unwrap();
        let stored = hasher.hash(&password("Correct1")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(hasher.verify(&password("Correct1"), Some(&stored)), Verdict::Right);
        assert_eq!(hasher.verify(&password("Correct2"), Some(&stored)), Verdict::Wrong);
        assert_eq!(hasher.verify(&password("Correct1"), None), Verdict::Wrong);
        assert_eq!(hasher.verify(&password("Correct1"), Some("$nonsense$")), Verdict::Wrong);
    }

    #[test]
    fn a_hash_of_another_cost_is_made_anew_at_the_next_login() {
        let old = Hasher::new(Cost { memory_kib: 7_168, passes: 5, lanes: 1 }).unwrap();
        let stored = old.hash(&password("Correct1")).unwrap();
        let today = Hasher::new(Cost::OWASP).unwrap();
        let Verdict::RightRehashed(anew) = today.verify(&password("Correct1"), Some(&stored)) else {
            panic!("the hash was not made anew");
        };
        assert_eq!(today.verify(&password("Correct1"), Some(&anew)), Verdict::Right);
    }

    #[test]
    fn an_imported_hash_is_verified_where_it_is_allowed_and_made_anew() {
        let method: Method = "pbkdf2:sha256:1000".parse().unwrap();
        let stored =
            "pbkdf2:sha256:1000$salt$d20cb159f93c7629b9807b8aaef9c7a2120b5b650a8d875c1cd5ff3744d85a96";
        let strict = Hasher::new(Cost::OWASP).unwrap();
        assert_eq!(strict.verify(&password("Correct1"), Some(stored)), Verdict::Wrong);
        let hasher = strict.with_imported(vec![method]);
        let Verdict::RightRehashed(anew) = hasher.verify(&password("Correct1"), Some(stored)) else {
            panic!("the hash was not made anew");
        };
        assert_eq!(hasher.verify(&password("Correct1"), Some(&anew)), Verdict::Right);
        assert_eq!(hasher.verify(&password("Correct2"), Some(stored)), Verdict::Wrong);
        assert_eq!(hasher.verify(&password("Correct1"), None), Verdict::Wrong);
    }

    #[test]
    fn a_cost_below_the_recommended_minimum_is_refused() {
        for (memory_kib, passes) in [(19_455, 2), (47_103, 1), (7_167, 5), (19_456, 0)] {
            let cost = Cost { memory_kib, passes, lanes: 1 };
            assert_eq!(Hasher::new(cost).err(), Some(CostFault::TooCheap(memory_kib, passes)));
        }
    }
}
