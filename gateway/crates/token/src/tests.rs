//! Laws of verification over random tokens: what we accept, another implementation accepts, too.

pub(super) mod fuzz;

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use proptest::prelude::*;
use secrecy::SecretSlice;
use serde_json::{Value, json};

use super::{AccessGrant, HmacKey, Issuer, KeyRing, RawToken, TokenTerms, Verifier};
use gateway_clock::Timestamp;
use gateway_identity::{Email, Generation, InstallationId, Role, SessionId, UserId};

const ACCESS: &[u8] = b"access key for properties: 0123456789";
const REFRESH: &[u8] = b"refresh key for properties: 012345678";
/// Far enough in the future for a library that reads the clock itself.
const NOW: u64 = 4_000_000_000;

fn issuer() -> Issuer {
    super::install_cryptography().unwrap();
    let key = |secret: &[u8]| HmacKey::new(&SecretSlice::from(secret.to_vec())).unwrap();
    let terms = TokenTerms {
        access_keys: Arc::new(KeyRing::of_secret(key(ACCESS))),
        refresh_keys: Arc::new(KeyRing::of_secret(key(REFRESH))),
        issuer: "gateway".into(),
        audience: None,
        access_lifetime: Duration::from_secs(3_600),
        refresh_lifetime: Duration::from_secs(86_400),
    };
    Issuer { terms, installation: InstallationId::from_bytes([7; 16]) }
}

fn issue(issuer: &Issuer, user: u64) -> String {
    let email = Email::parse("ada@example.org").unwrap();
    let grant = AccessGrant {
        user: UserId::new(user).unwrap(),
        email: &email,
        role: Role::User,
        session: SessionId::random(),
        generation: Generation(0),
    };
    issuer.access(grant, Timestamp::from_seconds(NOW)).unwrap()
}

fn accepts(verifier: &Verifier, token: &str) -> bool {
    verifier.verify(RawToken::new(token), Timestamp::from_seconds(NOW + 1)).is_ok()
}

/// The other implementation, told as much of our rules as it can be told.
fn peer_accepts(token: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.set_issuer(&["gateway"]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_secret(ACCESS), &validation).is_ok()
}

fn signed(claims: &Value, header: &jsonwebtoken::Header, secret: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
}

/// One small change of a token's text.
fn mutate(token: &str, (place, byte, how): (usize, u8, u8)) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let place = place % bytes.len();
    match how % 6 {
        0 => bytes[place] = byte,
        1 => drop(bytes.remove(place)),
        2 => bytes.insert(place, byte),
        3 => bytes.truncate(place),
        4 => bytes.swap(place, (place + 1) % token.len()),
        _ => bytes.push(byte),
    }
    String::from_utf8(bytes).unwrap()
}

/// A place, a visible character, and what happens to it there.
fn change() -> impl Strategy<Value = (usize, u8, u8)> {
    (any::<usize>(), 0x21..0x7f_u8, any::<u8>())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (NOW - 4_000..NOW + 4_000).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[a-z0-9@.]{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
    ]
}

const CLAIMS: [&str; 15] = [
    "user_id", "email", "role", "iat", "exp", "nbf", "type", "iss", "sub", "jti", "sid", "gen", "aud", "ins",
    "scope",
];

fn good() -> Value {
    let (jti, sid) = (SessionId::random().to_string(), SessionId::random().to_string());
    json!({
        "user_id": 7, "email": "ada@example.org", "role": "user", "iat": NOW, "exp": NOW + 60,
        "type": "access", "iss": "gateway", "sub": "7", "jti": jti, "sid": sid, "gen": 0,
        "ins": InstallationId::from_bytes([7; 16]),
    })
}

#[test]
fn a_token_of_another_installation_is_refused_and_one_that_names_none_says_so() {
    let issuer = issuer();
    let header = jsonwebtoken::Header::new(Algorithm::HS256);
    let verified = |claims: &Value| {
        let token = signed(claims, &header, ACCESS);
        issuer.verifier().verify(RawToken::new(&token), Timestamp::from_seconds(NOW + 1)).ok()
    };
    let mut claims = good();
    assert!(verified(&claims).unwrap().names_installation());
    for other in [json!(InstallationId::random()), json!(""), json!(7), json!(null), json!([])] {
        claims["ins"] = other;
        assert!(verified(&claims).is_none(), "{claims}");
    }
    claims.as_object_mut().unwrap().remove("ins");
    assert!(!verified(&claims).unwrap().names_installation());
}

proptest! {
    #[test]
    fn what_we_issue_we_accept_and_so_does_another_implementation(user in 1..=UserId::MAX) {
        let issuer = issuer();
        let token = issue(&issuer, user);
        prop_assert!(accepts(&issuer.verifier(), &token));
        prop_assert!(peer_accepts(&token));
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_never_accepted(
        first in change(), second in proptest::option::of(change())
    ) {
        let issuer = issuer();
        let token = issue(&issuer, 7);
        let mut changed = mutate(&token, first);
        if let Some(second) = second.filter(|_| !changed.is_empty()) {
            changed = mutate(&changed, second);
        }
        prop_assume!(changed != token);
        prop_assert!(!accepts(&issuer.verifier(), &changed), "{changed}");
    }

    #[test]
    fn what_we_accept_another_implementation_accepts_too(
        changes in proptest::collection::vec((0..CLAIMS.len(), value()), 0..3), key in 0..8_u8, alg in 0..8_u8
    ) {
        let issuer = issuer();
        let mut claims = good();
        let honest = changes.is_empty() && key != 0 && alg > 1;
        for (name, value) in changes {
            claims[CLAIMS[name]] = value;
        }
        let alg = match alg { 0 => Algorithm::HS384, 1 => Algorithm::HS512, _ => Algorithm::HS256 };
        let token = signed(&claims, &jsonwebtoken::Header::new(alg), if key == 0 { REFRESH } else { ACCESS });
        let ours = accepts(&issuer.verifier(), &token);
        prop_assert!(ours || !honest, "an honest token is refused: {claims}");
        prop_assert!(!ours || peer_accepts(&token), "{claims}");
    }
}
