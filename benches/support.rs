//! What the benchmarks share: keys, tokens and people that exist nowhere else.
#![allow(dead_code, unreachable_pub, reason = "not every benchmark uses everything")]

use std::sync::Arc;
use std::time::Duration;

use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, UserId};
use gateway_pipeline::Assertions;
use gateway_token::{
    AccessGrant, Algorithm, AssertionIssuer, DatedKey, HmacKey, Issuer, KeyRing, SignBy, TokenTerms,
};

pub const ACCESS_KEY: &str = "benchmark-access-key-3b9f50d1c2e84a76";
pub const REFRESH_KEY: &str = "benchmark-refresh-key-7c41a8e6f0d2953b";

/// The configuration's default (`tokens.issuer`).
pub const ISSUER: &str = "gateway";

pub fn now() -> Timestamp {
    SystemClock.now()
}

pub fn key(secret: &str) -> HmacKey {
    HmacKey::new(&secret.as_bytes().to_vec().into()).expect("the keys above are long enough")
}

/// Whose accounts the tokens are about.
pub fn installation() -> InstallationId {
    InstallationId::from_bytes(*b"of the benchmark")
}

/// Signs what a gateway of that installation with the keys above accepts.
pub fn issuer() -> Issuer {
    let terms = TokenTerms {
        access_keys: Arc::new(KeyRing::of_secret(key(ACCESS_KEY))),
        refresh_keys: Arc::new(KeyRing::of_secret(key(REFRESH_KEY))),
        issuer: ISSUER.to_owned(),
        audience: None,
        access_lifetime: Duration::from_secs(3_600),
        refresh_lifetime: Duration::from_secs(86_400),
    };
    Issuer { terms, installation: installation() }
}

/// Makes identity assertions with a key of its own.
pub fn assertions() -> Assertions {
    let key = DatedKey::generate(Algorithm::EdDsa, now()).expect("the self-check made one before");
    let lifetime = Duration::from_secs(60);
    let keys = KeyRing::new(SignBy::Key, Vec::new(), vec![key], lifetime).expect("there is a key");
    Assertions::new(AssertionIssuer { keys: Arc::new(keys), issuer: ISSUER.to_owned(), lifetime })
}

/// Good tokens of as many users, each in a session of its own.
pub fn tokens(issuer: &Issuer, count: u64) -> Vec<String> {
    (1..=count).map(|user| token(issuer, user)).collect()
}

fn token(issuer: &Issuer, user: u64) -> String {
    let email = Email::parse(&format!("person{user}@example.com")).expect("an address");
    let grant = AccessGrant {
        user: UserId::new(user).expect("an id above zero"),
        email: &email,
        role: Role::User,
        session: SessionId::random(),
        generation: Generation::default(),
    };
    issuer.access(grant, now()).expect("the self-check signed before")
}

/// The same token with its signature changed in the middle, so that it still decodes.
pub fn with_bad_signature(token: &str) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let place = bytes.len() - 20;
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("base64url is ASCII")
}
