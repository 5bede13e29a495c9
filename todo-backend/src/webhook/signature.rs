//! Whether a message is from who shares the secret, whole, and of now (the Standard Webhooks
//! specification).

use std::fmt;

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;

use crate::refusal::{Code, Refusal};

/// The least that the specification allows.
const SECRET_BYTES_MIN: usize = 24;

/// What marks a secret whose bytes are written in Base64.
const PREFIX: &str = "whsec_";

/// How far the clocks may be apart, with the way from there to here. An older message may be one
/// that somebody recorded.
const AGE_SECONDS_MAX: u64 = 5 * 60;

/// More signatures than this are not looked at: one for each secret while they change.
const SIGNATURES_MAX: usize = 8;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the gateway signs its messages with. Nothing shows it.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// It could be guessed.
    #[error("{SECRET_BYTES_MIN} bytes or more are needed")]
    TooShort,
    /// Its mark says otherwise.
    #[error("what begins with {PREFIX} goes on in Base64")]
    NotBase64,
}

impl Secret {
    /// `whsec_` and Base64, or a text whose bytes are the secret.
    ///
    /// # Errors
    /// When it is too short, or marked as Base64 and is none.
    pub fn parse(text: &str) -> Result<Self, SecretFault> {
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => BASE64.decode(encoded).map_err(|_| SecretFault::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(SecretFault::TooShort);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The time is looked at last: of what is not signed it says nothing.
    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
        let header =
            |name: &str| single(headers, name).ok_or((Code::SignatureInvalid, "a header is missing"));
        let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
        let signatures = header("webhook-signature")?;
        let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
        let good = signatures.split(' ').take(SIGNATURES_MAX).any(|one| self.is_of(one, &signed));
        if !good {
            return Err((Code::SignatureInvalid, "the signature is not of this secret and message").into());
        }
        let seconds = at.parse::<i64>().map_err(|_| (Code::SignatureInvalid, "the time is no number"))?;
        if now.as_second().abs_diff(seconds) > AGE_SECONDS_MAX {
            return Err((Code::MessageStale, "the time of the message is not now").into());
        }
        Ok(())
    }

    /// In a time that does not tell how much of the signature is right.
    fn is_of(&self, signature: &str, signed: &[u8]) -> bool {
        let tag = signature.strip_prefix("v1,").and_then(|encoded| BASE64.decode(encoded).ok());
        tag.is_some_and(|tag| hmac::verify(&self.0, signed, &tag).is_ok())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The value of a header that is there exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    value.to_str().ok().filter(|text| !text.is_empty())
}
