//! Werkzeug's, with which Flask applications keep passwords: `scrypt:N:r:p$salt$hex` and
//! `pbkdf2:digest:iterations$salt$hex`.

use super::{ImportedHash, UNKNOWN};

pub(super) fn parse(text: &str) -> Result<ImportedHash, &'static str> {
    let mut parts = text.split('$');
    let (Some(method), Some(salt), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(UNKNOWN);
    };
    let hash = from_hex(hash).ok_or(UNKNOWN)?;
    ImportedHash::new(method.parse()?, salt.as_bytes(), hash)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}
