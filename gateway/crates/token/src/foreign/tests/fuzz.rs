//! Any bytes as a token of another issuer: it is refused in words, or is what its issuer signed for us.

use jsonwebtoken::{DecodingKey, crypto, jwk::Jwk};
use proptest::prelude::*;

use super::*;
use crate::tests::fuzz::message;
use gateway_fuzz::{Corpus, Held};

/// Whether another implementation finds the signature good.
fn peer_verifies(key: &DecodingKey, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    crypto::verify(signature, message.as_bytes(), key, jsonwebtoken::Algorithm::ES256).unwrap_or(false)
}

fn law(key: &SigningKey, peer: &DecodingKey, issuers: &ForeignIssuers, bytes: &[u8]) -> Held {
    let signed = message(bytes).map(|message| {
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).unwrap()))
    });
    let token = signed.or_else(|| String::from_utf8(bytes.to_vec()).ok());
    let Some(token) = token.as_deref().map(str::trim_ascii_end) else { return Ok(false) };
    let proved = match issuers.candidate(RawToken::new(token)).map(|candidate| candidate.prove(NOW)) {
        Ok(Ok(proved)) => proved,
        Ok(Err(Unproved::KeyUnknown | Unproved::NoKeys)) => return Ok(false),
        Ok(Err(Unproved::Refused(fault))) | Err(RefusedToken { fault, .. }) => {
            prop_assert!(!fault.as_str().is_empty() && !fault.mend(None).is_empty());
            prop_assert!(fault.to_string().len() < 1_500, "{}", fault);
            prop_assert!(!fault.to_string().contains(char::is_control), "{:?}", fault.to_string());
            return Ok(false);
        }
    };
    prop_assert!(peer_verifies(peer, token), "nobody else finds it signed: {}", token);
    let claims = proved.claims();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let theirs: Value = serde_json::from_slice(&payload).unwrap();
    let issuer = if theirs["iss"].is_null() { "unnamed" } else { "named" };
    prop_assert_eq!(claims.issuer().as_str(), issuer);
    prop_assert!(theirs["iss"].is_null() || theirs["iss"] == "urn:a");
    prop_assert_eq!(Some(claims.subject().as_str()), theirs["sub"].as_str());
    let number = |name: &str| theirs[name].as_f64();
    let life = number("exp").unwrap_or(f64::INFINITY) - number("iat").unwrap_or(1_000.0);
    prop_assert!(life <= 601.0, "it lives for {} s", life);
    // A right to use it now is none to use it for ever.
    prop_assert!(proved.in_time(Timestamp::from_seconds(10_000)).is_err());
    Ok(true)
}

#[test]
fn a_token_of_another_issuer_is_refused_in_words_or_is_what_that_one_signed() {
    let (key, issuers) = issuers();
    let jwk: Jwk = serde_json::from_value(key.public().jwk("a")).unwrap();
    let peer = DecodingKey::from_jwk(&jwk).unwrap();
    Corpus::new("token").hold(|bytes| law(&key, &peer, &issuers, bytes));
}
