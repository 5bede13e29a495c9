//! bcrypt's: `$2b$12$`, a salt of 22 characters and a hash of 31. `2a`, `2b` and `2y` are the same
//! to whoever makes no mistakes; `2x` is a known mistake, and not taken.

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::method::Method;
use super::{ImportedHash, UNKNOWN};

const SALT_CHARACTERS: usize = 22;
const HASH_CHARACTERS: usize = 31;

/// The last character of a salt has four bits that nobody reads, and not everybody has them nought.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn parse(text: &str) -> Result<ImportedHash, &'static str> {
    let parts: Vec<_> = text.split('$').collect();
    let ["", "2a" | "2b" | "2y", cost, salt_and_hash] = parts[..] else { return Err(UNKNOWN) };
    let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost = cost.parse().ok().filter(|_| digits).ok_or(UNKNOWN)?;
    let (salt, hash) = salt_and_hash.split_at_checked(SALT_CHARACTERS).ok_or(UNKNOWN)?;
    if hash.len() != HASH_CHARACTERS {
        return Err(UNKNOWN);
    }
    let decoded = |text: &str| BASE64.decode(text).map_err(|_| UNKNOWN);
    ImportedHash::new(Method::bcrypt(cost)?, &decoded(salt)?, decoded(hash)?)
}
