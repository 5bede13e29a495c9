//! Tokens of the service that was there before: signed with a shared secret, with a `user_id`, and
//! without an issuer. For a while only.

use serde_json::{Map, Value};

use crate::HmacKey;
use gateway_clock::Timestamp;

/// A secret that two services share: whoever knows it is the issuer.
pub struct LegacySecret {
    key: Box<HmacKey>,
    /// From then on no token is accepted.
    until: Timestamp,
}

impl LegacySecret {
    pub fn new(key: Box<HmacKey>, until: Timestamp) -> Self {
        Self { key, until }
    }

    pub(super) fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether it signed this, as an access token, and its time is not over.
    pub(super) fn verifies(
        &self,
        message: &[u8],
        signature: &[u8],
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> bool {
        // A refresh token, perhaps of the same secret, is none. Django's simplejwt calls it `token_type`.
        let kind = claims.get("type").or_else(|| claims.get("token_type"));
        let access = kind.and_then(Value::as_str) == Some("access");
        now < self.until && access && self.key.matches(message, signature)
    }
}
