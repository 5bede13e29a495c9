//! How a hash was made, and what that costs: the same for all who keep hashes of it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use ::argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::pbkdf2;

/// Most memory that one verification may take, in bytes: four times Werkzeug's default.
const MEMORY_BYTES_MAX: u64 = 128 * 1_024 * 1_024;
/// Most iterations of PBKDF2: twice the default of Werkzeug and of Django.
const ITERATIONS_MAX: u32 = 2_000_000;
/// Four times the default of most, and about a second.
const BCRYPT_COST_MAX: u32 = 14;
/// Least that bcrypt can do.
const BCRYPT_COST_MIN: u32 = 4;
/// Bytes that bcrypt reads; what follows makes no difference to it.
const BCRYPT_PASSWORD_BYTES: usize = 72;
/// Memory times passes, in KiB: eight times all that may be taken.
const ARGON2_WORK_KIB_MAX: u64 = 8 * MEMORY_BYTES_MAX / 1_024;
const ARGON2_LANES_MAX: u32 = 16;

const UNKNOWN: &str = "is no method; known are \"scrypt:N:r:p\", \"pbkdf2:sha1|sha256|sha512:iterations\", \"bcrypt:cost\" and \"argon2id|argon2i:m=KiB,t=passes,p=lanes\"";

/// How a hash was made: `scrypt:32768:8:1`, `pbkdf2:sha256:600000`, `bcrypt:12`,
/// `argon2id:m=65536,t=3,p=4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Scrypt { log_n: u8, r: u32, p: u32 },
    Pbkdf2 { digest: Digest, iterations: NonZeroU32 },
    Bcrypt { cost: u32 },
    Argon2 { variant: Variant, memory_kib: u32, passes: u32, lanes: u32 },
}

/// What PBKDF2 is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

/// How argon2 chooses what it reads. `argon2d` is not here: its time tells of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    I,
    Id,
}

/// What is owed after a wrong password, so that each costs the same: all of the methods in use but
/// the one that was tried. PBKDF2 counts its iterations, so that what was done by one hash can be
/// made up to what the costliest takes; a table that grew over years has many such counts.
pub fn owed(methods: &[Method], tried: Option<Method>) -> Vec<Method> {
    let iterations_of = |method: Method, wanted: Digest| match method {
        Method::Pbkdf2 { digest, iterations } if digest == wanted => iterations.get(),
        _ => 0,
    };
    let counted = Digest::ALL.into_iter().filter_map(|digest| {
        let most = methods.iter().map(|method| iterations_of(*method, digest)).max()?;
        let done = tried.map_or(0, |tried| iterations_of(tried, digest));
        let iterations = NonZeroU32::new(most.saturating_sub(done))?;
        Some(Method::Pbkdf2 { digest, iterations })
    });
    let others = methods.iter().copied();
    let others = others.filter(|method| !matches!(method, Method::Pbkdf2 { .. }) && Some(*method) != tried);
    others.chain(counted).collect()
}

impl Method {
    pub(crate) const fn argon2id(memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self::Argon2 { variant: Variant::Id, memory_kib, passes, lanes }
    }

    /// Costs what a verification costs.
    pub(crate) fn spend(self, password: &[u8]) {
        let length = match self {
            Self::Scrypt { .. } => 64,
            Self::Pbkdf2 { digest, .. } => digest.length(),
            Self::Bcrypt { .. } => 23,
            Self::Argon2 { .. } => 32,
        };
        // Nobody asks for the result, and it must not be left out for that.
        std::hint::black_box(self.derive(password, b"nobody's own salt", length));
    }

    /// Whether a hash has this many bytes.
    pub(super) fn makes(self, length: usize) -> bool {
        match self {
            Self::Scrypt { .. } => length == 64,
            Self::Pbkdf2 { digest, .. } => length == digest.length(),
            // Of its 24 bytes everybody writes 23.
            Self::Bcrypt { .. } => length == 23,
            // The length goes into the hash: one that was cut is never right.
            Self::Argon2 { .. } => matches!(length, 16 | 24 | 32 | 48 | 64),
        }
    }

    /// `None` only when memory for it cannot be had.
    pub(super) fn derive(self, password: &[u8], salt: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut made = vec![0; length];
        match self {
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                scrypt::scrypt(password, salt, &params, &mut made).ok()?;
            }
            Self::Pbkdf2 { digest, iterations } => {
                pbkdf2::derive(digest.algorithm(), iterations, salt, password, &mut made);
            }
            Self::Bcrypt { cost } => {
                let salt = salt.first_chunk()?;
                // C's end of a string belongs to it, where there is room.
                let mut read = zeroize::Zeroizing::new(password.to_owned());
                read.push(0);
                read.truncate(BCRYPT_PASSWORD_BYTES);
                made.copy_from_slice(bcrypt::bcrypt(cost, *salt, &read).get(..length)?);
            }
            Self::Argon2 { variant, memory_kib, passes, lanes } => {
                let params = Params::new(memory_kib, passes, lanes, Some(length)).ok()?;
                let argon2 = Argon2::new(variant.algorithm(), Version::V0x13, params);
                argon2.hash_password_into(password, salt, &mut made).ok()?;
            }
        }
        Some(made)
    }

    /// Whether another password cannot be the same to it for a silly reason. To bcrypt, a text is
    /// the same as itself twice with a NUL between; no program lets its users have a NUL.
    /// What is behind 72 bytes makes no difference either, and people do have such passwords: they
    /// log in as where they came from, and all of it counts from then on.
    pub(super) fn reads_all_of(self, password: &[u8]) -> bool {
        !matches!(self, Self::Bcrypt { .. }) || !password.contains(&0)
    }

    pub(super) fn scrypt(n: u32, r: u32, p: u32) -> Result<Self, &'static str> {
        if !n.is_power_of_two() || n < 2 {
            return Err("is no method: scrypt's N must be a power of two");
        }
        let memory_bytes = 128 * u64::from(n) * u64::from(r);
        if memory_bytes > MEMORY_BYTES_MAX || u64::from(p) * memory_bytes > MEMORY_BYTES_MAX {
            return Err("costs more than a login may: 128·N·r·p bytes must be 128 MiB or less");
        }
        let log_n = u8::try_from(n.ilog2()).map_err(|_| UNKNOWN)?;
        scrypt::Params::new(log_n, r, p).map_err(|_| UNKNOWN)?;
        Ok(Self::Scrypt { log_n, r, p })
    }

    pub(super) fn pbkdf2(digest: Digest, iterations: u32) -> Result<Self, &'static str> {
        let iterations = NonZeroU32::new(iterations).ok_or(UNKNOWN)?;
        if iterations.get() > ITERATIONS_MAX {
            return Err("costs more than a login may: 2000000 iterations or less");
        }
        Ok(Self::Pbkdf2 { digest, iterations })
    }

    pub(super) fn bcrypt(cost: u32) -> Result<Self, &'static str> {
        match cost {
            BCRYPT_COST_MIN..=BCRYPT_COST_MAX => Ok(Self::Bcrypt { cost }),
            ..BCRYPT_COST_MIN => Err("is no method: bcrypt's cost must be 4 or more"),
            _ => Err("costs more than a login may: bcrypt's cost must be 14 or less"),
        }
    }

    pub(super) fn argon2(
        variant: Variant,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    ) -> Result<Self, &'static str> {
        let memory = u64::from(memory_kib);
        let work = memory.saturating_mul(passes.into());
        if memory > MEMORY_BYTES_MAX / 1_024 || work > ARGON2_WORK_KIB_MAX || lanes > ARGON2_LANES_MAX {
            return Err(
                "costs more than a login may: m must be 131072 or less, m·t 1048576 or less and p 16 or less",
            );
        }
        Params::new(memory_kib, passes, lanes, None).map_err(|_| UNKNOWN)?;
        Ok(Self::Argon2 { variant, memory_kib, passes, lanes })
    }
}

impl Digest {
    const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Variant {
    pub(super) fn named(word: &str) -> Option<Self> {
        [Self::I, Self::Id].into_iter().find(|variant| variant.as_str() == word)
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::I => Algorithm::Argon2i,
            Self::Id => Algorithm::Argon2id,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::I => "argon2i",
            Self::Id => "argon2id",
        }
    }
}

impl FromStr for Method {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<_> = text.split(':').collect();
        let number = |text: &str| number(text).ok_or(UNKNOWN);
        match parts[..] {
            ["scrypt", n, r, p] => Self::scrypt(number(n)?, number(r)?, number(p)?),
            ["pbkdf2", digest, iterations] => {
                let digest = Digest::ALL.into_iter().find(|known| known.as_str() == digest).ok_or(UNKNOWN)?;
                Self::pbkdf2(digest, number(iterations)?)
            }
            ["bcrypt", cost] => Self::bcrypt(number(cost)?),
            [variant, costs] => {
                let variant = Variant::named(variant).ok_or(UNKNOWN)?;
                let (memory_kib, passes, lanes) = argon2_costs(costs).ok_or(UNKNOWN)?;
                Self::argon2(variant, memory_kib, passes, lanes)
            }
            _ => Err(UNKNOWN),
        }
    }
}

/// `m=65536,t=3,p=4`.
pub(super) fn argon2_costs(text: &str) -> Option<(u32, u32, u32)> {
    let mut costs = text.split(',');
    let mut cost = |name: &str| number(costs.next()?.strip_prefix(name)?);
    let read = (cost("m=")?, cost("t=")?, cost("p=")?);
    costs.next().is_none().then_some(read)
}

/// From 1 on, in digits only.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| *number > 0 && digits)
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scrypt { log_n, r, p } => write!(f, "scrypt:{}:{r}:{p}", 1_u64 << log_n),
            Self::Pbkdf2 { digest, iterations } => write!(f, "pbkdf2:{}:{iterations}", digest.as_str()),
            Self::Bcrypt { cost } => write!(f, "bcrypt:{cost}"),
            Self::Argon2 { variant, memory_kib, passes, lanes } => {
                write!(f, "{}:m={memory_kib},t={passes},p={lanes}", variant.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_read_and_written_the_same() {
        for text in [
            "scrypt:32768:8:1",
            "scrypt:2:1:1",
            "scrypt:16384:8:5",
            "pbkdf2:sha256:600000",
            "pbkdf2:sha1:1000",
            "pbkdf2:sha512:1",
            "bcrypt:4",
            "bcrypt:14",
            "argon2id:m=65536,t=3,p=4",
            "argon2id:m=102400,t=2,p=8",
            "argon2i:m=512,t=2,p=2",
        ] {
            assert_eq!(text.parse::<Method>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "scrypt",
            "scrypt:32768:8",
            "scrypt:32767:8:1",
            "scrypt:0:8:1",
            "scrypt:1:8:1",
            "scrypt:32768:8:1:1",
            "scrypt:1048576:8:1",
            "scrypt:32768:8:5",
            "scrypt:32768:4294967295:1",
            "scrypt:-1:8:1",
            "scrypt:+2:8:1",
            "scrypt:32768:0:1",
            "pbkdf2:sha256",
            "pbkdf2:sha256:0",
            "pbkdf2:md5:1000",
            "pbkdf2:sha256:2000001",
            "pbkdf2:sha256:x",
            "bcrypt",
            "bcrypt:3",
            "bcrypt:15",
            "bcrypt:4294967296",
            "argon2id",
            "argon2id:65536:3:4",
            "argon2d:m=65536,t=3,p=4",
            "argon2id:m=65536,t=3",
            "argon2id:m=65536,p=4,t=3",
            "argon2id:m=65536,t=3,p=4,x=1",
            "argon2id:m=131073,t=1,p=1",
            "argon2id:m=131072,t=9,p=1",
            "argon2id:m=65536,t=3,p=17",
            "argon2id:m=8,t=1,p=2",
            "argon2id:m=4294967295,t=4294967295,p=1",
        ] {
            assert!(wrong.parse::<Method>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_password_costs_the_same_whatever_was_tried() {
        let methods =
            ["scrypt:2:1:1", "pbkdf2:sha256:1000", "pbkdf2:sha256:600", "pbkdf2:sha1:7", "bcrypt:4"];
        let methods = methods.map(|text| text.parse::<Method>().unwrap());
        let owed = |tried: Option<usize>| {
            let owed = owed(&methods, tried.map(|index| methods[index]));
            owed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(owed(None), "scrypt:2:1:1 bcrypt:4 pbkdf2:sha1:7 pbkdf2:sha256:1000");
        assert_eq!(owed(Some(0)), "bcrypt:4 pbkdf2:sha1:7 pbkdf2:sha256:1000");
        assert_eq!(owed(Some(1)), "scrypt:2:1:1 bcrypt:4 pbkdf2:sha1:7");
        assert_eq!(owed(Some(2)), "scrypt:2:1:1 bcrypt:4 pbkdf2:sha1:7 pbkdf2:sha256:400");
        assert_eq!(owed(Some(3)), "scrypt:2:1:1 bcrypt:4 pbkdf2:sha256:1000");
        assert_eq!(owed(Some(4)), "scrypt:2:1:1 pbkdf2:sha1:7 pbkdf2:sha256:1000");
    }
}
