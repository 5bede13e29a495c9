//! Hashes that came from elsewhere: those of Werkzeug, with which Flask applications keep
//! passwords. They are verified until their owners log in, and never made.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::pbkdf2;

/// Most memory that one verification may take, in bytes: four times Werkzeug's default.
const MEMORY_BYTES_MAX: u64 = 128 * 1_024 * 1_024;
/// Most iterations of PBKDF2: twice Werkzeug's default.
const ITERATIONS_MAX: u32 = 2_000_000;
/// Werkzeug's salts have 8 or 16 characters.
const SALT_BYTES_MAX: usize = 64;
/// What Werkzeug makes by scrypt, in bytes.
const SCRYPT_BYTES: usize = 64;

/// How a hash was made, as Werkzeug writes it: `scrypt:32768:8:1`, `pbkdf2:sha256:600000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Scrypt { log_n: u8, r: u32, p: u32 },
    Pbkdf2 { digest: Digest, iterations: NonZeroU32 },
}

/// What PBKDF2 is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

/// A stored hash: method, salt, and what they made of the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedHash {
    method: Method,
    salt: String,
    hash: Vec<u8>,
}

impl ImportedHash {
    /// `None` for what is no hash of Werkzeug's, or costs more than one login may.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let (method, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let method: Method = method.parse().ok()?;
        let hash = from_hex(hash)?;
        let fits = parts.next().is_none() && (1..=SALT_BYTES_MAX).contains(&salt.len());
        (fits && hash.len() == method.length()).then(|| Self { method, salt: salt.to_owned(), hash })
    }

    pub fn method(&self) -> Method {
        self.method
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let made = self.method.derive(password, self.salt.as_bytes());
        made.is_some_and(|made| verify_slices_are_equal(&made, &self.hash).is_ok())
    }
}

impl fmt::Debug for ImportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportedHash({}$…)", self.method)
    }
}

impl Method {
    /// Costs what a verification costs.
    pub(super) fn spend(self, password: &[u8]) {
        // Nobody asks for the result, and it must not be left out for that.
        std::hint::black_box(self.derive(password, b"nobody's salt"));
    }

    fn length(self) -> usize {
        match self {
            Self::Scrypt { .. } => SCRYPT_BYTES,
            Self::Pbkdf2 { digest, .. } => digest.length(),
        }
    }

    /// `None` only when memory for it cannot be had.
    fn derive(self, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
        let mut made = vec![0; self.length()];
        match self {
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                scrypt::scrypt(password, salt, &params, &mut made).ok()?;
            }
            Self::Pbkdf2 { digest, iterations } => {
                pbkdf2::derive(digest.algorithm(), iterations, salt, password, &mut made);
            }
        }
        Some(made)
    }

    #[cfg(test)]
    pub(super) fn hash(self, password: &[u8], salt: &str) -> String {
        let made = self.derive(password, salt.as_bytes()).unwrap();
        made.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Digest {
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

    fn word(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl FromStr for Method {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNKNOWN: &str =
            "is no method; known are \"scrypt:N:r:p\" and \"pbkdf2:sha1|sha256|sha512:iterations\"";
        let parts: Vec<_> = text.split(':').collect();
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        match parts[..] {
            ["scrypt", n, r, p] => {
                let (Some(n), Some(r), Some(p)) = (number(n), number(r), number(p)) else {
                    return Err(UNKNOWN);
                };
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
            ["pbkdf2", digest, iterations] => {
                let digests = [Digest::Sha1, Digest::Sha256, Digest::Sha512];
                let digest = digests.into_iter().find(|known| known.word() == digest).ok_or(UNKNOWN)?;
                let iterations = number(iterations).and_then(NonZeroU32::new).ok_or(UNKNOWN)?;
                if iterations.get() > ITERATIONS_MAX {
                    return Err("costs more than a login may: 2000000 iterations or less");
                }
                Ok(Self::Pbkdf2 { digest, iterations })
            }
            _ => Err(UNKNOWN),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scrypt { log_n, r, p } => write!(f, "scrypt:{}:{r}:{p}", 1_u64 << log_n),
            Self::Pbkdf2 { digest, iterations } => write!(f, "pbkdf2:{}:{iterations}", digest.word()),
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_read_and_written_as_werkzeug_has_it() {
        for text in [
            "scrypt:32768:8:1",
            "scrypt:2:1:1",
            "pbkdf2:sha256:600000",
            "pbkdf2:sha1:1000",
            "pbkdf2:sha512:1",
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
            "scrypt:32768:0:1",
            "pbkdf2:sha256",
            "pbkdf2:sha256:0",
            "pbkdf2:md5:1000",
            "pbkdf2:sha256:2000001",
            "pbkdf2:sha256:x",
            "argon2id",
        ] {
            assert!(wrong.parse::<Method>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hash_is_whole_or_none() {
        let right = format!("pbkdf2:sha256:1000$salt${}", "ab".repeat(32));
        assert!(ImportedHash::parse(&right).is_some());
        assert_eq!(format!("{:?}", ImportedHash::parse(&right)), "Some(ImportedHash(pbkdf2:sha256:1000$…))");
        for wrong in [
            "",
            "$$",
            "plain",
            "pbkdf2:sha256:1000$salt",
            "pbkdf2:sha256:1000$salt$abc",
            "pbkdf2:sha256:1000$salt$zz",
            &right[..right.len() - 2],
            &format!("{right}$x"),
            &format!("{right}00"),
            &right.replace("salt", ""),
            &right.replace("salt", &"s".repeat(65)),
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        ] {
            assert!(ImportedHash::parse(wrong).is_none(), "{wrong}");
        }
    }
}
