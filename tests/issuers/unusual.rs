//! Tokens and keys that are unusual, and right: what some issuers write, and what the RFCs let them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{before, get};
use crate::support::forge::{encode, with};
use crate::support::gateway::Gateway;
use crate::support::upstream::{Arrived, Upstream};

/// An issuer whose tokens are unusual, and a gateway that knows it.
struct Unusual {
    issuer: HandMade,
    upstream: Upstream,
    gateway: Gateway,
}

impl Unusual {
    fn start(more: &str) -> Self {
        Self::of(HandMade::start(), more)
    }

    fn of(issuer: HandMade, more: &str) -> Self {
        let upstream = Upstream::start();
        let gateway = before(&upstream, &[issuer.entry("other", more)]).unlimited().start();
        Self { issuer, upstream, gateway }
    }

    fn status(&self, token: &str) -> u16 {
        self.upstream.forget();
        get(&self.gateway.client(), "/app", token).status
    }

    /// What the service gets for these claims.
    fn arrives(&self, claims: &Value) -> Arrived {
        let status = self.status(&self.issuer.sign(r#"{"alg":"ES256","kid":"one"}"#, &claims.to_string()));
        assert_eq!(status, 200, "{claims}");
        self.upstream.only()
    }
}

#[test]
fn a_header_may_say_where_a_key_could_be_found_and_nobody_looks() {
    let (known, elsewhere) = (Unusual::start(""), HandMade::start());
    let address = elsewhere.keys.address;
    let said = [
        format!(r#""jku":"http://{address}/keys""#),
        format!(r#""x5u":"http://{address}/chain""#),
        r#""x5c":["MIIB"]"#.to_owned(),
        r#""cty":"JWT""#.to_owned(),
        format!(r#""jku":"http://{address}/keys","cty":"jwt","x5c":[]"#),
    ];
    let claims = known.issuer.claims("ada").to_string();
    for said in said {
        let header = format!(r#"{{"alg":"ES256","kid":"one",{said}}}"#);
        assert_eq!(known.status(&known.issuer.sign(&header, &claims)), 200, "{said}");
        // Whoever has the key that is there is not the issuer.
        assert_eq!(known.status(&elsewhere.sign(&header, &claims)), 401, "{said}");
        assert_eq!(known.status(&elsewhere.sign(&header.replace("\"one\"", "\"two\""), &claims)), 401);
    }
    assert!(elsewhere.keys.arrived().is_empty());
}

#[test]
fn a_member_that_is_null_is_one_that_is_not_there() {
    let known = Unusual::start("");
    let mut claims = known.issuer.claims("ada");
    for name in ["jti", "nbf", "iat", "nonce", "at_hash", "events", "typ"] {
        claims[name] = Value::Null;
    }
    let header = r#"{"alg":"ES256","kid":null,"typ":null,"cty":null}"#;
    assert_eq!(known.status(&known.issuer.sign(header, &claims.to_string())), 200);
    for needed in ["exp", "aud", "sub", "iss"] {
        let mut lacking = known.issuer.claims("ada");
        lacking[needed] = Value::Null;
        assert_eq!(known.status(&known.issuer.token(&lacking)), 401, "{needed}");
    }
    for refused in [r#""alg":null"#, r#""alg":"ES256","crit":null"#, r#""alg":"ES256","jwk":null"#] {
        let header = format!(r#"{{"kid":"one",{refused}}}"#);
        assert_eq!(known.status(&known.issuer.sign(&header, &known.issuer.claims("ada").to_string())), 401);
    }
}

#[test]
fn a_key_has_any_name_that_can_be_seen() {
    for kid in ["did:web:example.com#key-1", "{0b1c-2d}", "a b|c?", "schl\u{fc}ssel", &"k".repeat(512)] {
        let known = Unusual::of(HandMade::publishing(|set| set["keys"][0]["kid"] = kid.into()), "");
        let signed = |kid: &str| {
            let header = json!({ "alg": "ES256", "kid": kid }).to_string();
            known.issuer.sign(&header, &known.issuer.claims("ada").to_string())
        };
        assert_eq!(known.status(&signed(kid)), 200, "{kid}");
        for other in [format!("{kid} "), kid.to_uppercase(), format!("{kid}\n")] {
            assert_eq!(known.status(&signed(&other)), 401, "{other}");
        }
    }
}

#[test]
fn a_coordinate_with_too_many_or_too_few_zeros_before_it_is_the_same() {
    let longer = |text: &Value| {
        let bytes = URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap();
        encode([&[0], bytes.as_slice()].concat())
    };
    let issuer = HandMade::publishing(|set| set["keys"][0]["y"] = longer(&set["keys"][0]["y"]).into());
    let known = Unusual::of(issuer, "");
    assert_eq!(known.status(&known.issuer.token(&known.issuer.claims("ada"))), 200);
    // One key in 256 has an x that begins with a zero, which some issuers leave out.
    let known = Unusual::of(HandMade::with_short_coordinate(), "");
    assert_eq!(known.status(&known.issuer.token(&known.issuer.claims("ada"))), 200);
    // A number that is shorter for another reason is another number.
    let cut = |text: &Value| text.as_str().unwrap()[..40].to_owned();
    let issuer = HandMade::publishing(|set| set["keys"][0]["y"] = cut(&set["keys"][0]["y"]).into());
    let known = Unusual::of(issuer, "");
    assert_eq!(known.status(&known.issuer.token(&known.issuer.claims("ada"))), 503);
}

#[test]
fn a_trust_bundle_of_spiffe_has_keys_for_tokens_and_others() {
    for (usage, status) in [("jwt-svid", 200), ("x509-svid", 503), ("enc", 503), ("", 503)] {
        let known = Unusual::of(HandMade::publishing(|set| set["keys"][0]["use"] = usage.into()), "");
        assert_eq!(known.status(&known.issuer.token(&known.issuer.claims("ada"))), status, "{usage}");
    }
}

#[test]
fn an_address_that_the_issuer_calls_unverified_in_any_spelling_is_not_handed_on() {
    let known = Unusual::start("");
    let claims = with(known.issuer.claims("ada"), "email", json!("ada@example.org"));
    assert_eq!(known.arrives(&claims).one("x-user-email"), "ada@example.org");
    for (name, yes, no) in [
        ("email_verified", json!("true"), json!("false")),
        ("emailVerified", json!(true), json!(false)),
        ("verified_email", json!(true), json!(false)),
        ("https://app.example.com/email_verified", json!(true), json!(0)),
    ] {
        let arrived = known.arrives(&with(claims.clone(), name, yes));
        assert_eq!(arrived.one("x-user-email"), "ada@example.org", "{name}");
        assert!(!known.arrives(&with(claims.clone(), name, no)).has("x-user-email"), "{name}");
    }
    let known = Unusual::start("email_claim = \"user.email\"");
    let user = json!({ "email": "ada@example.org", "emailVerified": false });
    assert!(!known.arrives(&with(known.issuer.claims("ada"), "user", user)).has("x-user-email"));
}

#[test]
fn a_token_that_has_no_subject_is_about_whom_the_operator_says() {
    let claims =
        |issuer: &HandMade| with(with(issuer.claims(""), "sub", Value::Null), "client_id", json!("batch"));
    let known = Unusual::start("subject_claim = \"client_id\"");
    assert_eq!(known.arrives(&claims(&known.issuer)).one("x-user-id"), "batch");
    let known = Unusual::start("");
    assert_eq!(known.status(&known.issuer.token(&claims(&known.issuer))), 401);
}

#[test]
fn a_life_of_a_year_is_accepted_where_that_is_asked_for() {
    let year = 365 * 86_400;
    let lives = |known: &Unusual, seconds: u64| {
        let iat = known.issuer.claims("")["iat"].as_u64().unwrap();
        let claims = with(known.issuer.claims("ada"), "exp", json!(iat + seconds));
        known.status(&known.issuer.token(&claims))
    };
    let known = Unusual::start(&format!("lifetime_max_seconds = {year}"));
    assert_eq!((lives(&known, year - 5), lives(&known, year + 60)), (200, 401));
    let known = Unusual::start("");
    assert_eq!((lives(&known, 86_000), lives(&known, year)), (200, 401));
}

#[test]
fn other_tokens_by_the_same_key_admit_nobody() {
    let known = Unusual::start("");
    for (name, value) in [
        ("token_type", "refresh"),
        ("type", "refresh"),
        ("typ", "REFRESH"),
        ("typ", "id"),
        ("type", "id_token"),
        ("token_use", "id"),
    ] {
        let claims = with(known.issuer.claims("ada"), name, json!(value));
        let token = known.issuer.sign(r#"{"alg":"ES256","kid":"one"}"#, &claims.to_string());
        assert_eq!(known.status(&token), 401, "{name} {value}");
    }
    known.arrives(&with(known.issuer.claims("ada"), "token_type", json!("access")));
    known.arrives(&with(known.issuer.claims("ada"), "typ", json!("Bearer")));
}
