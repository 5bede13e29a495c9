//! argon2's, as PHC strings: `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`. Those of the first version
//! of argon2 (no `v`, or 16) and of argon2d are not taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::method::{Method, Variant, argon2_costs};
use super::{ImportedHash, UNKNOWN};

/// What argon2 itself asks for.
const SALT_BYTES_MIN: usize = 8;

pub(super) fn parse(text: &str) -> Result<ImportedHash, &'static str> {
    let parts: Vec<_> = text.split('$').collect();
    let ["", variant, "v=19", costs, salt, hash] = parts[..] else { return Err(UNKNOWN) };
    let variant = Variant::named(variant).ok_or(UNKNOWN)?;
    let (memory_kib, passes, lanes) = argon2_costs(costs).ok_or(UNKNOWN)?;
    let decoded = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| UNKNOWN);
    let salt = decoded(salt)?;
    if salt.len() < SALT_BYTES_MIN {
        return Err(UNKNOWN);
    }
    ImportedHash::new(Method::argon2(variant, memory_kib, passes, lanes)?, &salt, decoded(hash)?)
}
