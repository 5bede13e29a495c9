//! Where the gateway says that an account is gone: `POST /webhooks/gateway`. Who sends it is proved by
//! the message itself (the Standard Webhooks specification), and by no header that a gateway injects.
//!
//! It lies outside of `/api/todos`, so that no route of the gateway leads here; and a client that got
//! here all the same could not sign.

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::body::Received;
use crate::caller::{UserId, once};
use crate::refusal::Refusal;
use crate::store::Store;

const USER_DELETED: &str = "user.deleted";

/// The least that the specification allows.
const SECRET_BYTES_MIN: usize = 24;

/// What marks a secret whose bytes are written in Base64.
const PREFIX: &str = "whsec_";

/// How far the clocks may be apart, with the way from there to here. An older message may be one
/// that somebody recorded.
const AGE_SECONDS_MAX: u64 = 5 * 60;

/// More signatures than this are not looked at: one for each secret while they change.
const SIGNATURES_MAX: usize = 8;

pub(crate) fn routes(secret: Secret, store: Store) -> Router {
    Router::new().route("/webhooks/gateway", post(receive)).with_state((secret, store))
}

/// 204 means that it is done for good: the gateway says it again until it hears that. A message of
/// a type that we do not know is not for us, and that is a 204, too.
async fn receive(
    State((secret, store)): State<(Secret, Store)>,
    headers: HeaderMap,
    body: Received,
) -> Result<StatusCode, Refusal> {
    secret.verify(&headers, &body.bytes, Timestamp::now())?;
    if let Some(user) = deleted(&body.fields()?)? {
        store.remove_user(user).await?;
        tracing::info!(user_id = user.get(), "the account is gone, and all of its todos are");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whose account is gone, if that is what the message says.
fn deleted(message: &Map<String, Value>) -> Result<Option<UserId>, Refusal> {
    if message.get("type").and_then(Value::as_str) != Some(USER_DELETED) {
        return Ok(None);
    }
    let id = message.get("data").and_then(|data| data.get("user_id")).and_then(Value::as_u64);
    let wrong = || Refusal::invalid(vec!["data.user_id must be a positive integer".to_owned()]);
    id.and_then(UserId::new).map(Some).ok_or_else(wrong)
}

/// What the gateway signs its messages with. Nothing shows it.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// `whsec_` and Base64, or a text whose bytes are the secret.
    ///
    /// # Errors
    /// When it is too short, or marked as Base64 and is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => decode(encoded).ok_or(format!("what begins with {PREFIX} goes on in Base64"))?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(format!("{SECRET_BYTES_MIN} bytes or more are needed"));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The bytes as they came, before anything in them is believed. The time is looked at last: of what is
    /// not signed it says nothing.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
        let header = |name: &str| once(headers, name).ok_or(Refusal::SIGNATURE_INVALID);
        let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
        let signatures = header("webhook-signature")?;
        let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
        let good = signatures.split(' ').take(SIGNATURES_MAX).any(|one| self.is_of(one, &signed));
        let seconds = at.parse::<i64>().ok().filter(|_| good).ok_or(Refusal::SIGNATURE_INVALID)?;
        if now.as_second().abs_diff(seconds) > AGE_SECONDS_MAX {
            return Err(Refusal::MESSAGE_STALE);
        }
        Ok(())
    }

    /// In a time that does not tell how much of the signature is right.
    fn is_of(&self, signature: &str, signed: &[u8]) -> bool {
        let tag = signature.strip_prefix("v1,").and_then(decode);
        tag.is_some_and(|tag| hmac::verify(&self.0, signed, &tag).is_ok())
    }
}

/// With its padding or without.
fn decode(encoded: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests;
