//! The secret that a service shares with us, and the signature that is made with it.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

/// The least that the Standard Webhooks specification allows.
const BYTES_MIN: usize = 24;

/// What marks a secret whose bytes are written in Base64.
const PREFIX: &str = "whsec_";

/// With or without `=` at the end, as receivers' libraries take it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key for HMAC-SHA256. Nothing shows it.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretFault {
    #[error("{BYTES_MIN} bytes or more are needed")]
    TooShort,
    #[error("what begins with {PREFIX} goes on in Base64")]
    NotBase64,
}

impl WebhookSecret {
    /// `whsec_` and Base64, as the libraries for receivers have it; else the text itself.
    pub fn parse(text: &SecretString) -> Result<Self, SecretFault> {
        let text = text.expose_secret();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => Zeroizing::new(LENIENT.decode(encoded).map_err(|_| SecretFault::NotBase64)?),
            None => Zeroizing::new(text.as_bytes().to_vec()),
        };
        if bytes.len() < BYTES_MIN {
            return Err(SecretFault::TooShort);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, at_seconds: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{at_seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WebhookSecret, SecretFault> {
        WebhookSecret::parse(&SecretString::from(text))
    }

    #[test]
    fn a_signature_is_that_of_the_example_in_the_specification() {
        let secret = parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_text_or_marked_base64_of_24_bytes_or_more() {
        assert!(parse(&"x".repeat(24)).is_ok());
        assert!(
            parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").is_ok()
                && parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==").is_ok()
        );
        assert_eq!(parse(&"x".repeat(23)).err(), Some(SecretFault::TooShort));
        assert_eq!(parse(&format!("whsec_{}", STANDARD.encode([7; 23]))).err(), Some(SecretFault::TooShort));
        assert_eq!(parse("whsec_this is no Base64, and long").err(), Some(SecretFault::NotBase64));
        let shown = format!("{:?}", parse("CANARY-long-enough-for-a-secret").unwrap());
        assert_eq!(shown, "WebhookSecret(…)");
    }
}
