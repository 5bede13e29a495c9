//! Hashes that came from elsewhere: Werkzeug's (Flask), Django's, bcrypt and argon2 as they are
//! commonly written. They are verified until their owners log in, and never made.

mod argon2;
mod bcrypt;
mod django;
mod method;
mod werkzeug;

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

pub use method::{Method, owed};

/// Salts have 8 to 32 characters where they come from.
const SALT_BYTES_MAX: usize = 64;

/// The longest, Werkzeug's scrypt, have some 170 characters. A number with zeros before it would be as
/// long as anybody likes.
const TEXT_BYTES_MAX: usize = 512;

const UNKNOWN: &str = "is of no known kind: neither Werkzeug's, Django's, bcrypt nor argon2, or not whole";

/// A stored hash: method, salt, and what they made of the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedHash {
    method: Method,
    of: Of,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What the method was given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Password,
    /// Its SHA-256 in hexadecimal: Django's way around bcrypt's 72 bytes.
    Sha256,
}

impl ImportedHash {
    /// A fault says what the text is, for a sentence that begins with its name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(UNKNOWN);
        }
        let parse = match text.split(['$', ':']).next() {
            Some("") if text.starts_with("$argon2") => argon2::parse,
            Some("") => bcrypt::parse,
            // Werkzeug's scrypt has colons, and Django's has none before its first `$`.
            Some("scrypt" | "pbkdf2") if text.split('$').next().is_some_and(|it| it.contains(':')) => {
                werkzeug::parse
            }
            _ => django::parse,
        };
        parse(text)
    }

    /// Whole, and of a cost that a login may have.
    fn new(method: Method, salt: &[u8], hash: Vec<u8>) -> Result<Self, &'static str> {
        let fits = (1..=SALT_BYTES_MAX).contains(&salt.len()) && method.makes(hash.len());
        let made = Self { method, of: Of::Password, salt: salt.to_owned(), hash };
        if fits { Ok(made) } else { Err(UNKNOWN) }
    }

    pub fn method(&self) -> Method {
        self.method
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let given = match self.of {
            Of::Password => Zeroizing::new(password.to_owned()),
            Of::Sha256 => Zeroizing::new(to_hex(digest(&SHA256, password).as_ref()).into_bytes()),
        };
        let made = self.method.derive(&given, &self.salt, self.hash.len());
        let same = made.is_some_and(|made| verify_slices_are_equal(&made, &self.hash).is_ok());
        same && self.method.reads_all_of(&given)
    }
}

impl fmt::Debug for ImportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportedHash({}$…)", self.method)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
