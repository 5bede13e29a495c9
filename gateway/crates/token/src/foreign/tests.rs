//! Any text at all as a token of another issuer: it is refused with a reason, and nothing else happens.

mod fuzz;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::{Algorithm, RawToken, SigningKey};
use gateway_clock::Timestamp;
use gateway_identity::IssuerName;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

/// A key, and two issuers whose key it is: one has a name, and one has none.
fn issuers() -> (SigningKey, ForeignIssuers) {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let set = json!({ "keys": [key.public().jwk("did:a#1")] }).to_string();
    let issuer = |name: &str, issuer: Option<&str>| {
        let keys = KeySet::parse(set.as_bytes(), &Algorithm::ASYMMETRIC).unwrap();
        ForeignIssuer {
            name: IssuerName::parse(name).unwrap(),
            leeway: Duration::ZERO,
            lifetime_max: Duration::from_secs(600),
            mapping: Mapping {
                subject: ClaimPath::new("sub").unwrap(),
                subject_prefix: "".into(),
                numbers: Numbers::Refused,
                email: ClaimPath::new("email"),
                roles: None,
                role_names: [].into(),
            },
            proof: Proof::Keys(Published {
                issuer: issuer.map(str::to_owned),
                audience: Vec::new(),
                algorithms: vec![Algorithm::Es256],
                at_jwt_only: false,
                keys: Arc::new(GivenKeys::new(keys)),
            }),
            told: AtomicBool::default(),
        }
    };
    (key, ForeignIssuers::new("gateway", [issuer("named", Some("urn:a")), issuer("unnamed", None)]))
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn signed(key: &SigningKey, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).unwrap());
    format!("{message}.{signature}")
}

/// Its subject, or why it has none.
fn read(issuers: &ForeignIssuers, token: &str) -> Result<String, Fault> {
    let candidate = issuers.candidate(RawToken::new(token)).map_err(|refused| refused.fault)?;
    match candidate.prove(NOW) {
        Ok(proved) => Ok(proved.claims().issuer().to_string()),
        Err(Unproved::Refused(fault)) => Err(fault),
        Err(Unproved::KeyUnknown | Unproved::NoKeys) => Err(Fault::Key),
    }
}

#[test]
fn whose_a_token_is_follows_from_what_it_says_and_from_nothing_else() {
    let (key, issuers) = issuers();
    let said = |issuer: Option<Value>| {
        let mut claims = json!({ "sub": "ada", "iat": 900, "exp": 1_200 });
        issuer.into_iter().for_each(|issuer| claims["iss"] = issuer);
        read(&issuers, &signed(&key, r#"{"alg":"ES256","kid":"did:a#1"}"#, &claims.to_string()))
    };
    assert_eq!(said(Some(json!("urn:a"))), Ok("named".to_owned()));
    assert_eq!(said(None), Ok("unnamed".to_owned()));
    assert_eq!(said(Some(Value::Null)), Ok("unnamed".to_owned()));
    assert_eq!(said(Some(json!("gateway"))), Err(Fault::Own));
    for other in [json!("urn:b"), json!(""), json!("unnamed"), json!(["urn:a"]), json!(0), json!({})] {
        assert!(said(Some(other.clone())).is_err(), "{other}");
    }
}
