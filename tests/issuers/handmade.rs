//! An issuer made by hand, that signs whatever a test wants: what no sound issuer would.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use serde_json::{Value, json};

use super::provider::AUDIENCE;
use crate::support::forge::{encode, now};
use crate::support::upstream::Upstream;

/// Signs by ES256, and publishes its key where it counts who asks.
pub(crate) struct HandMade {
    key: EcdsaKeyPair,
    pub(crate) keys: Arc<Upstream>,
    pub(crate) issuer: String,
}

impl HandMade {
    pub(crate) fn start() -> Self {
        Self::publishing(|_| ())
    }

    /// Another one, with a key of its own.
    pub(crate) fn named(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), ..Self::start() }
    }

    /// With a set of keys that was changed before it is published.
    pub(crate) fn publishing(change: impl FnOnce(&mut Value)) -> Self {
        Self::by(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), change)
    }

    pub(super) fn by(key: EcdsaKeyPair, change: impl FnOnce(&mut Value)) -> Self {
        let mut set = json!({ "keys": [jwk(&key)] });
        change(&mut set);
        let keys = Arc::new(Upstream::answering(&published("200 OK", &set.to_string())));
        Self { key, keys, issuer: "urn:handmade".to_owned() }
    }

    /// With a key whose x begins with a zero, which it does not publish.
    pub(super) fn with_short_coordinate() -> Self {
        let made = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let is_short = |key: &EcdsaKeyPair| key.public_key().as_ref()[1] == 0;
        let key = std::iter::repeat_with(made).find(is_short).unwrap();
        let x = encode(&key.public_key().as_ref()[2..33]);
        Self::by(key, |set| set["keys"][0]["x"] = x.into())
    }

    /// From now on this is what is answered where its keys are.
    pub(crate) fn answers(&self, status: &str, body: &str) {
        self.keys.answer_from_now(&published(status, body));
    }

    /// Its one key, as it is published.
    pub(crate) fn jwk(&self) -> Value {
        jwk(&self.key)
    }

    pub(crate) fn entry(&self, name: &str, more: &str) -> String {
        let (issuer, address) = (&self.issuer, self.keys.address);
        format!(
            "[[issuers]]\nname = \"{name}\"\nissuer = \"{issuer}\"\njwks_url = \"http://{address}/keys\"\naudience = [\"{AUDIENCE}\"]\ndanger_allow_http = true\n{more}"
        )
    }

    /// The same of an issuer whose tokens name none: with nothing but these lines.
    pub(super) fn unnamed_entry(&self, name: &str, more: &str) -> String {
        let address = self.keys.address;
        let fetched = if more.contains("keys_file") {
            String::new()
        } else {
            format!("jwks_url = \"http://{address}/keys\"\ndanger_allow_http = true\n")
        };
        format!("[[issuers]]\nname = \"{name}\"\nwithout_iss = true\n{fetched}{more}")
    }

    /// Good claims of an access token.
    pub(crate) fn claims(&self, subject: &str) -> Value {
        json!({
            "iss": self.issuer, "sub": subject, "aud": AUDIENCE, "iat": now(), "exp": now() + 600,
            "jti": uuid::Uuid::new_v4().to_string(),
        })
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(r#"{"alg":"ES256","kid":"one","typ":"at+jwt"}"#, &claims.to_string())
    }

    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_bytes(header.as_bytes(), payload.as_bytes())
    }

    pub(crate) fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", encode(signature.as_ref()))
    }

    /// The public key as `openssl` writes it.
    pub(super) fn pem(&self) -> String {
        // A SubjectPublicKeyInfo of P-256 (RFC 5480 §2) up to its point.
        let before = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = [&before, self.public_key().as_slice()].concat();
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// The public key as bytes: what a confused verifier would take for a secret.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.key.public_key().as_ref().to_vec()
    }
}

/// The answer that has this where keys are published.
pub(super) fn published(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn jwk(key: &EcdsaKeyPair) -> Value {
    // Uncompressed (SEC 1 §2.3.3).
    let point = key.public_key().as_ref();
    json!({
        "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256",
        "x": encode(&point[1..33]), "y": encode(&point[33..65]),
    })
}
