//! Tokens made by hand: with our key or another one, right in everything or wrong in one thing.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::gateway::{ACCESS_KEY, REFRESH_KEY};
use super::people::Person;

/// Now, in seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a part of a token, unverified.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Good claims of another access token for this user, as their gateway would sign them.
pub fn access_claims(user: &Person) -> Value {
    json!({
        "user_id": user.id, "email": user.email, "role": "user", "type": "access", "iss": "gateway",
        "sub": user.id.to_string(), "iat": now(), "exp": now() + 3_600, "gen": 0,
        "jti": uuid::Uuid::new_v4().to_string(), "sid": uuid::Uuid::new_v4().to_string(),
        "ins": claims(&user.access)["ins"],
    })
}

/// Good claims of a refresh token for this user; its session does not exist.
pub fn refresh_claims(user: &Person) -> Value {
    let mut claims = access_claims(user);
    let fields = claims.as_object_mut().unwrap();
    fields.remove("role");
    fields.remove("gen");
    fields.insert("type".into(), "refresh".into());
    claims
}

/// Signs text as it is: header and payload may be no JSON at all.
pub fn sign_text(header: &str, payload: &str, key: &str) -> String {
    sign_bytes(header.as_bytes(), payload.as_bytes(), key)
}

/// The same of what may be no text.
pub fn sign_bytes(header: &[u8], payload: &[u8], key: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message.as_bytes());
    format!("{message}.{}", encode(tag))
}

pub fn sign(claims: &Value, key: &str) -> String {
    sign_text(r#"{"typ":"JWT","alg":"HS256"}"#, &claims.to_string(), key)
}

/// An access token with the gateway's own key.
pub fn access(claims: &Value) -> String {
    sign(claims, ACCESS_KEY)
}

/// A refresh token with the gateway's own key.
pub fn refresh(claims: &Value) -> String {
    sign(claims, REFRESH_KEY)
}

/// These claims about another user.
pub fn about(claims: Value, user: u64) -> Value {
    with(with(claims, "user_id", json!(user)), "sub", json!(user.to_string()))
}

/// These claims with one of them changed; `null` removes it.
pub fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let fields = claims.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(name);
    } else {
        fields.insert(name.to_owned(), value);
    }
    claims
}
