//! Django's: the name of a hasher, and what it writes. Those of its old days (MD5, unsalted SHA-1,
//! crypt) are not taken: whoever has the table has those passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::method::{Digest, Method, number};
use super::{ImportedHash, Of, UNKNOWN, argon2, bcrypt};

pub(super) fn parse(text: &str) -> Result<ImportedHash, &'static str> {
    if text.starts_with('!') {
        return Err("is Django's mark of an account without a password; leave it out");
    }
    let (hasher, rest) = text.split_once('$').ok_or(UNKNOWN)?;
    match hasher {
        // With the `$` that begins theirs.
        "bcrypt" => bcrypt::parse(rest),
        "bcrypt_sha256" => bcrypt::parse(rest).map(|hash| ImportedHash { of: Of::Sha256, ..hash }),
        // argon2's own begins with what was cut off here.
        "argon2" => argon2::parse(text.strip_prefix(hasher).ok_or(UNKNOWN)?),
        "pbkdf2_sha256" => pbkdf2(Digest::Sha256, rest),
        "pbkdf2_sha1" => pbkdf2(Digest::Sha1, rest),
        "scrypt" => scrypt(rest),
        "md5" | "sha1" | "unsalted_md5" | "unsalted_sha1" | "crypt" => {
            Err("is of a kind that protects nobody; give its owner a new password")
        }
        _ => Err(UNKNOWN),
    }
}

/// `iterations$salt$base64`.
fn pbkdf2(digest: Digest, rest: &str) -> Result<ImportedHash, &'static str> {
    let parts: Vec<_> = rest.split('$').collect();
    let [iterations, salt, hash] = parts[..] else { return Err(UNKNOWN) };
    let method = Method::pbkdf2(digest, number(iterations).ok_or(UNKNOWN)?)?;
    ImportedHash::new(method, salt.as_bytes(), STANDARD.decode(hash).map_err(|_| UNKNOWN)?)
}

/// `N$salt$r$p$base64`.
fn scrypt(rest: &str) -> Result<ImportedHash, &'static str> {
    let parts: Vec<_> = rest.split('$').collect();
    let [n, salt, r, p, hash] = parts[..] else { return Err(UNKNOWN) };
    let number = |text: &str| number(text).ok_or(UNKNOWN);
    let method = Method::scrypt(number(n)?, number(r)?, number(p)?)?;
    ImportedHash::new(method, salt.as_bytes(), STANDARD.decode(hash).map_err(|_| UNKNOWN)?)
}
