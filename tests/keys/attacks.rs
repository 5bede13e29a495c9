//! Forged tokens against keys that are public by half: another algorithm, another key, another name.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::forge::{access_claims, encode, now, refresh_claims, sign_text, with};
use crate::support::gateway::{Gateway, Setup};
use crate::support::keys::{kid, sign_by, sign_with};
use crate::support::people::Person;
use crate::support::upstream::Upstream;

struct Siege {
    upstream: Upstream,
    gateway: Gateway,
    ada: Person,
}

impl Siege {
    fn begin() -> Self {
        let upstream = Upstream::start();
        let gateway = Setup::before(upstream.address).unlimited().algorithm("EdDSA").start();
        let ada = gateway.user();
        Self { upstream, gateway, ada }
    }

    fn claims(&self) -> Value {
        access_claims(&self.ada)
    }

    fn status(&self, token: &str) -> u16 {
        self.gateway.client().get("/api/todos").bearer(token).send().status
    }

    /// None of these passes, and a token that is right in everything does.
    fn refuses(&self, cases: &[(&str, String)]) {
        let header = json!({"alg": "EdDSA", "kid": kid(&self.ada.access)}).to_string();
        let file = self.gateway.key_file("access");
        let control = sign_with(&file, &header, &self.claims().to_string());
        assert_eq!(self.status(&control), 200, "the control");
        self.upstream.forget();
        for (what, token) in cases {
            let reply = self.gateway.client().get("/api/todos").bearer(token).send();
            assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{what}");
        }
        assert!(self.upstream.arrived().is_empty());
        assert_eq!(self.status(&control), 200, "the control");
    }
}

#[test]
fn the_public_key_is_no_secret_of_hs256_in_any_of_its_forms() {
    let siege = Siege::begin();
    let published = siege.gateway.jwks();
    let name = kid(&siege.ada.access);
    let jwk = published.iter().find(|key| key["kid"] == name.as_str()).unwrap();
    let x = jwk["x"].as_str().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(x).unwrap();
    let spki = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&spki));
    let secrets = [
        x.as_bytes().to_vec(),
        raw,
        spki,
        pem.trim_end().as_bytes().to_vec(),
        pem.into_bytes(),
        jwk.to_string().into_bytes(),
        json!({ "keys": published }).to_string().into_bytes(),
        name.clone().into_bytes(),
    ];
    let mut cases = Vec::new();
    for secret in &secrets {
        for header in [
            json!({"typ": "JWT", "alg": "HS256"}),
            json!({"alg": "HS256", "kid": name}),
            json!({"alg": "EdDSA", "kid": name}),
        ] {
            let message = format!("{}.{}", encode(header.to_string()), encode(siege.claims().to_string()));
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
            cases.push(("the public key as a secret", format!("{message}.{}", encode(tag.as_ref()))));
        }
    }
    siege.refuses(&cases);
}

#[test]
fn no_name_of_a_key_leads_anywhere_but_to_that_key() {
    let siege = Siege::begin();
    let name = kid(&siege.ada.access);
    let file = siege.gateway.key_file("access");
    let path = file.to_str().unwrap().to_owned();
    let refresh = kid(&siege.ada.refresh);
    let payload = siege.claims().to_string();
    let by = |header: String| sign_with(&file, &header, &payload);
    let named = |kid: &str| by(json!({"alg": "EdDSA", "kid": kid}).to_string());
    let long = "k".repeat(4_000);
    let mut cases = vec![
        ("another algorithm", by(json!({"alg": "ES256", "kid": name}).to_string())),
        ("none", by(json!({"alg": "none", "kid": name}).to_string())),
        ("HS256 by the right key", by(json!({"alg": "HS256", "kid": name}).to_string())),
        ("the newer name of the algorithm", by(json!({"alg": "Ed25519", "kid": name}).to_string())),
        ("no kid", by(json!({"alg": "EdDSA"}).to_string())),
        ("kid twice", by(format!(r#"{{"alg":"EdDSA","kid":"{name}","kid":"{name}"}}"#))),
        ("kid as a number", by(r#"{"alg":"EdDSA","kid":0}"#.to_owned())),
        ("kid as a list", by(json!({"alg": "EdDSA", "kid": [name]}).to_string())),
        ("kid as null", by(r#"{"alg":"EdDSA","kid":null}"#.to_owned())),
        (
            "kid escaped",
            by(format!(r#"{{"alg":"EdDSA","kid":"\u{:04x}{}"}}"#, name.as_bytes()[0], &name[1..])),
        ),
        (
            "type of an assertion",
            by(json!({"typ": "gateway-assertion+jwt", "alg": "EdDSA", "kid": name}).to_string()),
        ),
        ("type of RFC 9068", by(json!({"typ": "at+jwt", "alg": "EdDSA", "kid": name}).to_string())),
        ("crit", by(json!({"alg": "EdDSA", "kid": name, "crit": ["exp"]}).to_string())),
        ("b64", by(json!({"alg": "EdDSA", "kid": name, "b64": true}).to_string())),
        ("jku", by(json!({"alg": "EdDSA", "kid": name, "jku": "http://127.0.0.1:1/"}).to_string())),
        ("x5u", by(json!({"alg": "EdDSA", "kid": name, "x5u": "http://127.0.0.1:1/"}).to_string())),
        ("cty", by(json!({"alg": "EdDSA", "kid": name, "cty": "JWT"}).to_string())),
    ];
    for kid in [
        "",
        " ",
        "unknown",
        "*",
        "../access/key.pem",
        path.as_str(),
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
        "' or '1'='1",
        "a\u{0}b",
        "ключ",
        "\u{202e}",
        long.as_str(),
        refresh.as_str(),
        &name[..name.len() - 1],
        &format!("{name} "),
        &name.to_uppercase(),
    ] {
        cases.push(("another kid", named(kid)));
    }
    siege.refuses(&cases);
}

#[test]
fn a_key_that_a_token_brings_itself_is_not_used() {
    let siege = Siege::begin();
    let own = Ed25519KeyPair::generate().unwrap();
    let x = encode(aws_lc_rs::signature::KeyPair::public_key(&own).as_ref());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    let name = kid(&siege.ada.access);
    let payload = siege.claims().to_string();
    let by = |header: Value| sign_by(&own, &header.to_string(), &payload);
    siege.refuses(&[
        ("a foreign key under our name", by(json!({"alg": "EdDSA", "kid": name}))),
        ("a foreign key in the header", by(json!({"alg": "EdDSA", "jwk": jwk}))),
        ("both", by(json!({"alg": "EdDSA", "kid": name, "jwk": jwk}))),
        ("a chain", by(json!({"alg": "EdDSA", "kid": name, "x5c": [x]}))),
        ("no signature", format!("{}.", siege.ada.access.rsplit_once('.').unwrap().0)),
        ("zeros", format!("{}.{}", siege.ada.access.rsplit_once('.').unwrap().0, encode([0; 64]))),
    ]);
}

#[test]
fn a_key_for_one_use_signs_nothing_for_another() {
    let siege = Siege::begin();
    let gateway = &siege.gateway;
    let file = |usage: &str| gateway.key_file(usage);
    let name = |usage: &str| gateway.keys_list(usage).last().unwrap()["kid"].as_str().unwrap().to_owned();
    let header = |kid: String| json!({"alg": "EdDSA", "kid": kid}).to_string();
    let claims = siege.claims().to_string();
    let mut cases = Vec::new();
    for usage in ["refresh", "assertion"] {
        cases.push(("its own name", sign_with(&file(usage), &header(name(usage)), &claims)));
        cases.push(("the name of an access key", sign_with(&file(usage), &header(name("access")), &claims)));
    }
    siege.refuses(&cases);
    let refresh = with(refresh_claims(&siege.ada), "exp", json!(now() + 60)).to_string();
    for usage in ["access", "assertion"] {
        for named in [usage, "refresh"] {
            let forged = sign_with(&file(usage), &header(name(named)), &refresh);
            assert_eq!(siege.ada.refresh(&forged, false).status, 401, "{usage} {named}");
        }
    }
}

#[test]
fn the_secrets_of_hs256_sign_only_tokens_without_a_kid() {
    let siege = Siege::begin();
    let name = kid(&siege.ada.access);
    let claims = siege.claims().to_string();
    let key = crate::support::gateway::ACCESS_KEY;
    let plain = sign_text(r#"{"typ":"JWT","alg":"HS256"}"#, &claims, key);
    assert_eq!(siege.status(&plain), 200, "a token of before the change of the algorithm");
    let named = |alg: &str| sign_text(&json!({"alg": alg, "kid": name}).to_string(), &claims, key);
    siege.refuses(&[("HS256 with a kid", named("HS256")), ("EdDSA with a tag", named("EdDSA"))]);
}
