//! What no token of another issuer may be, whoever signed it.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{before, get};
use crate::support::forge::{self, encode, now, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

fn start() -> (HandMade, Upstream, Gateway) {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let setup: Setup = before(&upstream, &[issuer.entry("other", "")]).unlimited();
    let gateway = setup.start();
    let good = issuer.token(&issuer.claims("ada"));
    assert_eq!(get(&gateway.client(), "/app", &good).status, 200);
    upstream.forget();
    (issuer, upstream, gateway)
}

fn refuses_all(gateway: &Gateway, upstream: &Upstream, tokens: impl IntoIterator<Item = String>) {
    for token in tokens {
        let reply = get(&gateway.client(), "/app", &token);
        assert_eq!((reply.status, reply.code()), (401, "token_invalid".to_owned()), "{token}");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_header_that_brings_its_own_key_or_changes_the_reading_is_refused() {
    let (issuer, upstream, gateway) = start();
    let payload = issuer.claims("ada").to_string();
    let headers = [
        r#"{"alg":"none","kid":"one"}"#,
        r#"{"alg":"HS256","kid":"one"}"#,
        r#"{"alg":"RS256","kid":"one"}"#,
        r#"{"alg":"EdDSA","kid":"one"}"#,
        r#"{"alg":"ES384","kid":"one"}"#,
        r#"{"alg":"es256","kid":"one"}"#,
        r#"{"alg":["ES256"],"kid":"one"}"#,
        r#"{"alg":"ES256","kid":"one","crit":["exp"]}"#,
        r#"{"alg":"ES256","kid":"one","b64":false}"#,
        r#"{"alg":"ES256","kid":"one","jwk":{"kty":"EC"}}"#,
        r#"{"alg":"ES256","kid":"one","zip":"DEF"}"#,
        r#"{"alg":"ES256","kid":"one","cty":"application/json"}"#,
        r#"{"alg":"ES256","kid":"one","typ":"logout+jwt"}"#,
        r#"{"alg":"ES256","kid":"one","typ":"dpop+jwt"}"#,
        r#"{"alg":"ES256","kid":"../one"}"#,
        r#"{"alg":"ES256","kid":"one","kid":"one"}"#,
        r#"{"alg":"ES256","alg":"none","kid":"one"}"#,
        r#"["ES256"]"#,
    ];
    refuses_all(&gateway, &upstream, headers.map(|header| issuer.sign(header, &payload)));
}

#[test]
fn a_part_that_is_not_utf8_is_refused() {
    let (issuer, upstream, gateway) = start();
    let header = r#"{"alg":"ES256","kid":"one","x":"?"}"#;
    let payload = with(issuer.claims("ada"), "note", json!("?")).to_string();
    let strange = |part: &str| part.bytes().map(|byte| if byte == b'?' { 0xff } else { byte }).collect();
    let (strange_header, strange_payload): (Vec<u8>, Vec<u8>) = (strange(header), strange(&payload));
    let tokens = [
        issuer.sign_bytes(&strange_header, payload.as_bytes()),
        issuer.sign_bytes(header.as_bytes(), &strange_payload),
    ];
    refuses_all(&gateway, &upstream, tokens);
    assert_eq!(get(&gateway.client(), "/app", &issuer.sign(header, &payload)).status, 200);
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let (issuer, upstream, gateway) = start();
    let payload = issuer.claims("ada").to_string();
    let header = r#"{"alg":"HS256","kid":"one","typ":"at+jwt"}"#;
    let message = format!("{}.{}", encode(header), encode(payload));
    let mut tokens = Vec::new();
    for secret in [issuer.public_key(), issuer.public_key()[1..33].to_vec(), Vec::new()] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        tokens.push(format!("{message}.{}", encode(tag)));
    }
    refuses_all(&gateway, &upstream, tokens);
}

#[test]
fn claims_that_are_wrong_in_one_thing_are_refused() {
    let (issuer, upstream, gateway) = start();
    let wrong = |name: &str, value: Value| issuer.token(&with(issuer.claims("ada"), name, value));
    let mut tokens = vec![
        wrong("iss", json!("urn:handmade/")),
        wrong("iss", json!("URN:HANDMADE")),
        wrong("iss", json!(["urn:handmade"])),
        wrong("iss", json!("gateway")),
        wrong("iss", Value::Null),
        wrong("aud", Value::Null),
        wrong("aud", json!("https://api.example.com/")),
        wrong("aud", json!([])),
        wrong("aud", json!([7, "https://api.example.com"])),
        wrong("aud", json!({ "https://api.example.com": true })),
        wrong("sub", Value::Null),
        wrong("sub", json!(["ada"])),
        wrong("sub", json!(true)),
        wrong("exp", Value::Null),
        wrong("exp", json!("9999999999")),
        wrong("exp", json!(-1)),
        wrong("exp", json!(1e300)),
        wrong("exp", json!([now() + 60])),
        wrong("nbf", json!(now() + 120)),
        wrong("nbf", json!("now")),
        wrong("iat", json!(now() + 120)),
        wrong("iat", json!(true)),
        wrong("jti", json!(7)),
        wrong("jti", json!("")),
        // It would have to be remembered for longer than any token lives.
        wrong("exp", json!(now() + 2 * 86_400)),
        wrong("exp", json!(u64::MAX)),
    ];
    let without_iat = with(issuer.claims("ada"), "iat", Value::Null);
    tokens.push(issuer.token(&with(without_iat, "exp", json!(now() + 2 * 86_400))));
    refuses_all(&gateway, &upstream, tokens);
}

#[test]
fn a_claim_that_occurs_twice_is_refused_at_any_depth() {
    let (issuer, upstream, gateway) = start();
    let claims = issuer.claims("ada").to_string();
    let twice = |more: &str| format!("{{{more},{}", &claims[1..]);
    let payloads = [
        twice(r#""sub":"root""#),
        twice(r#""s\u0075b":"root""#),
        twice(r#""x":{"y":1,"y":2}"#),
        twice(r#""x":1,"x":1"#),
        format!("[{claims}]"),
        format!("{claims}{claims}"),
        format!("\u{feff}{claims}"),
        String::new(),
    ];
    let header = r#"{"alg":"ES256","kid":"one"}"#;
    refuses_all(&gateway, &upstream, payloads.map(|payload| issuer.sign(header, &payload)));
}

#[test]
fn a_token_whose_text_was_changed_is_refused() {
    let (issuer, upstream, gateway) = start();
    let good = issuer.token(&issuer.claims("ada"));
    let parts: Vec<_> = good.split('.').collect();
    let root = encode(with(issuer.claims("root"), "jti", json!("x")).to_string());
    let changed = [
        format!("{}.{root}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}="),
        format!("{good}.x.y"),
        format!("{good}A"),
        HandMade::start().token(&issuer.claims("ada")),
        // Signed as one of ours, for their issuer.
        forge::access(&issuer.claims("ada")),
    ];
    refuses_all(&gateway, &upstream, changed);
}

#[test]
fn tokens_for_clients_are_no_access_tokens() {
    let (issuer, upstream, gateway) = start();
    let untyped = r#"{"alg":"ES256","kid":"one","typ":"JWT"}"#;
    let more =
        |name: &str, value: Value| issuer.sign(untyped, &with(issuer.claims("ada"), name, value).to_string());
    let others = [
        more("at_hash", json!("MTIzNDU2Nzg5MDEyMzQ1Ng")),
        more("c_hash", json!("MTIzNDU2Nzg5MDEyMzQ1Ng")),
        more("nonce", json!("n-0S6_WzA2Mj")),
        more("typ", json!("ID")),
        more("typ", json!("Refresh")),
        more("typ", json!("Offline")),
        more("token_use", json!("id")),
        more("token_use", json!(["id"])),
        more("token_use", json!(1)),
        more("type", json!(["refresh"])),
        more("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
    ];
    refuses_all(&gateway, &upstream, others);
    // Keycloak's access tokens say so, and had the nonce for long.
    let bearer = with(with(issuer.claims("ada"), "typ", json!("Bearer")), "nonce", json!("n"));
    assert_eq!(get(&gateway.client(), "/app", &issuer.sign(untyped, &bearer.to_string())).status, 200);
}

#[test]
fn an_issuer_whose_tokens_say_that_they_are_access_tokens_can_be_held_to_it() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "typ = \"at+jwt\"")]).start();
    let payload = issuer.claims("ada").to_string();
    let with_typ = |typ: &str| issuer.sign(&format!(r#"{{"alg":"ES256","kid":"one"{typ}}}"#), &payload);
    let typed = [r#","typ":"at+jwt""#, r#","typ":"application/at+jwt""#];
    for typ in typed {
        assert_eq!(get(&gateway.client(), "/app", &with_typ(typ)).status, 200, "{typ}");
    }
    upstream.forget();
    refuses_all(&gateway, &upstream, ["", r#","typ":"JWT""#].map(with_typ));
}

#[test]
fn the_clock_of_an_issuer_may_be_apart_by_the_leeway_and_no_more() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "leeway_seconds = 60")]).start();
    let at = |name: &str, value: u64| {
        let token = issuer.token(&with(issuer.claims("ada"), name, json!(value)));
        let reply = get(&gateway.client(), "/app", &token);
        (reply.status, if reply.status == 200 { String::new() } else { reply.code() })
    };
    let (passes, invalid) = ((200, String::new()), (401, "token_invalid".to_owned()));
    assert_eq!(at("iat", now() + 30), passes);
    assert_eq!(at("iat", now() + 90), invalid);
    assert_eq!(at("nbf", now() + 30), passes);
    assert_eq!(at("nbf", now() + 90), invalid);
    let issued_before = with(issuer.claims("ada"), "iat", json!(now() - 600));
    let expired = |ago: u64| {
        let token = issuer.token(&with(issued_before.clone(), "exp", json!(now() - ago)));
        get(&gateway.client(), "/app", &token)
    };
    assert_eq!(expired(30).status, 200);
    expired(90).is_refused(401, "Invalid or expired token", "token_expired");
}

#[test]
fn fractions_of_seconds_and_lists_of_audiences_are_read() {
    let (issuer, _upstream, gateway) = start();
    let mut claims =
        with(issuer.claims("ada"), "aud", json!(["https://other.example", "https://api.example.com"]));
    claims["exp"] = json!(now() as f64 + 60.5);
    claims["iat"] = json!(now() as f64 - 0.5);
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&claims)).status, 200);
}

#[test]
fn failures_are_counted_by_address_and_good_tokens_are_not_concerned() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "")])
        .env("GATEWAY__LIMITS__FAILED_AUTHENTICATION_ADDRESS", "{requests=3,window_seconds=600}")
        .start();
    let (good, revoked) = (issuer.token(&issuer.claims("ada")), issuer.token(&issuer.claims("ada")));
    assert_eq!(gateway.client().post("/api/auth/logout").bearer(&revoked).send().status, 200);
    let forged = HandMade::start().token(&issuer.claims("ada"));
    let over = with(with(issuer.claims("ada"), "iat", json!(now() - 600)), "exp", json!(now() - 60));
    // Every client lets a token expire now and then.
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&over)).status, 401);
    let logout = gateway.client().post("/api/auth/logout").bearer(&forged).send().status;
    let mut statuses = vec![logout];
    for token in [&forged, &revoked, &forged, &revoked] {
        statuses.push(get(&gateway.client(), "/app", token).status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    assert_eq!(get(&gateway.client(), "/app", &good).status, 200);
}

#[test]
fn keys_that_are_none_for_signatures_verify_nothing() {
    let upstream = Upstream::start();
    let changes: [(&str, Value); 6] = [
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("alg", json!("ES384")),
        ("crv", json!("P-384")),
        ("kty", json!("oct")),
        ("d", json!("AAAA")),
    ];
    for (name, value) in changes {
        let issuer = HandMade::publishing(|set| set["keys"][0][name] = value);
        let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
        let reply = get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada")));
        reply.is_refused(503, "Keys of the token's issuer unavailable", "issuer_unavailable");
        gateway.says("none of the 1 keys in it can be used: key 1 (`kid` ");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_key_without_a_name_serves_as_long_as_it_is_the_only_one() {
    let upstream = Upstream::start();
    let nameless = |header: &str, issuer: &HandMade| {
        let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
        let token = issuer.sign(header, &issuer.claims("ada").to_string());
        get(&gateway.client(), "/app", &token).status
    };
    let alone = HandMade::publishing(|set| {
        set["keys"][0].as_object_mut().unwrap().remove("kid");
    });
    assert_eq!(nameless(r#"{"alg":"ES256"}"#, &alone), 200);
    assert_eq!(nameless(r#"{"alg":"ES256","kid":"one"}"#, &alone), 401);
    let two = HandMade::publishing(|set| {
        let other = set["keys"][0].clone();
        set["keys"].as_array_mut().unwrap().push(with(other, "kid", json!("two")));
    });
    assert_eq!(nameless(r#"{"alg":"ES256"}"#, &two), 401);
    assert_eq!(nameless(r#"{"alg":"ES256","kid":"two"}"#, &two), 200);
}
