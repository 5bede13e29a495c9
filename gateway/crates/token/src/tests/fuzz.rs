//! Any bytes as a token of ours: what is accepted is signed as it stands, and says what another reader reads.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto};

use super::*;
use crate::{TOKEN_BYTES_MAX, TokenFault, VerifiedClaims, verify::decode};
use gateway_fuzz::{Corpus, Held};

/// The signature that our key makes of these bytes.
fn signature(message: &str) -> String {
    crypto::sign(message.as_bytes(), &EncodingKey::from_secret(ACCESS), Algorithm::HS256).unwrap()
}

/// A header and claims, a line each, are signed: no luck would find a signature. All else is a token as it is.
pub(crate) fn message(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    Some(format!("{}.{}", encode(&bytes[..end]), encode(bytes[end + 1..].trim_ascii_end())))
}

fn law(verifier: &Verifier, bytes: &[u8]) -> Held {
    let signed = message(bytes).map(|message| format!("{message}.{}", signature(&message)));
    let token = signed.or_else(|| String::from_utf8(bytes.to_vec()).ok());
    let Some(token) = token.as_deref().map(str::trim_ascii_end) else { return Ok(false) };
    let read = || verifier.verify(RawToken::new(token), Timestamp::from_seconds(NOW + 1));
    let verified = read();
    // The second time it is known, or refused again.
    prop_assert_eq!(read().map(said), verified.clone().map(said));
    let late = verifier.verify(RawToken::new(token), Timestamp::from_seconds(NOW + 1_000_000));
    prop_assert!(late.is_err(), "it is never over");
    prop_assert!(verifier.verify_refresh(RawToken::new(token), Timestamp::from_seconds(NOW + 1)).is_err());
    let Ok(verified) = verified else { return Ok(false) };

    prop_assert_eq!(late.err(), Some(TokenFault::Expired));
    prop_assert!(token.len() <= TOKEN_BYTES_MAX);
    let (message, its) = token.rsplit_once('.').unwrap();
    prop_assert_eq!(its, signature(message), "signed otherwise");
    prop_assert!(peer_accepts(token), "nobody else accepts {}", token);
    let claims = decode(message.split_once('.').unwrap().1.as_bytes()).unwrap();
    let theirs: Value = serde_json::from_slice(&claims).unwrap();
    for name in CLAIMS {
        let times = claims.windows(name.len() + 2).filter(|part| **part == *format!("\"{name}\"").as_bytes());
        let is_value = theirs.as_object().unwrap().values().filter(|value| *value == name).count();
        prop_assert!(times.count() <= 1 + is_value, "{} occurs twice in {}", name, theirs);
    }
    let ours = said(verified);
    for (name, value) in ours.as_object().unwrap() {
        prop_assert_eq!(&theirs[name], value, "{}", name);
    }
    prop_assert_eq!(&theirs["sub"], &Value::from(ours["user_id"].to_string()));
    prop_assert_eq!((&theirs["iss"], &theirs["type"]), (&Value::from("gateway"), &Value::from("access")));
    Ok(true)
}

/// What it says, by the names that it has in the token.
fn said(claims: VerifiedClaims) -> Value {
    json!({
        "user_id": claims.user(), "email": claims.email(), "role": claims.role(), "jti": claims.token(),
        "sid": claims.session(), "gen": claims.generation(), "exp": claims.expires_at().seconds(),
    })
}

#[test]
fn a_token_of_ours_is_signed_as_it_stands_and_says_the_same_to_everybody() {
    let verifier = issuer().verifier();
    Corpus::new("token").hold(|bytes| law(&verifier, bytes));
}
