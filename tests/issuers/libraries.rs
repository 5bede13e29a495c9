//! Tokens by the libraries that issuers are made of, with the key sets that these publish.

use std::process::Command;

use serde_json::{Value, json};

use super::handmade::published;
use super::provider::{AUDIENCE, before, get};
use crate::support::forge::now;
use crate::support::tools::{node, python};
use crate::support::upstream::Upstream;

/// What a library made: its keys, a token for each algorithm, and what no library would sign.
struct Made {
    keys: Upstream,
    tokens: Value,
    confused: Value,
}

const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

impl Made {
    fn by(mut command: Command, issuer: &str) -> Self {
        let claims =
            json!({ "iss": issuer, "sub": "ada", "aud": AUDIENCE, "iat": now(), "exp": now() + 600 });
        let output = command.env("CLAIMS", claims.to_string()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let made: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
        let keys = Upstream::answering(&published("200 OK", &made["jwks"].to_string()));
        Self { keys, tokens: made["tokens"].clone(), confused: made["confused"].clone() }
    }

    fn by_jose() -> Self {
        let mut node = node();
        node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/issuers/libraries/jose.mjs"));
        Self::by(node, "urn:jose")
    }

    fn by_pyjwt() -> Self {
        let mut python = python("python");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/issuers/libraries/pyjwt.py"));
        Self::by(python, "urn:pyjwt")
    }

    fn entry(&self, name: &str, more: &str) -> String {
        let address = self.keys.address;
        format!(
            "[[issuers]]\nname = \"{name}\"\nissuer = \"urn:{name}\"\njwks_url = \"http://{address}/keys\"\naudience = [\"{AUDIENCE}\"]\ndanger_allow_http = true\n{more}"
        )
    }

    fn token(&self, algorithm: &str) -> &str {
        self.tokens[algorithm].as_str().unwrap()
    }
}

#[test]
fn what_libraries_sign_by_each_algorithm_is_verified_by_the_keys_that_they_publish() {
    let (jose, pyjwt, upstream) = (Made::by_jose(), Made::by_pyjwt(), Upstream::start());
    let gateway = before(&upstream, &[jose.entry("jose", ""), pyjwt.entry("pyjwt", "")]).unlimited().start();
    for (made, name) in [(&jose, "jose"), (&pyjwt, "pyjwt")] {
        for algorithm in ALGORITHMS {
            upstream.forget();
            let reply = get(&gateway.client(), "/app", made.token(algorithm));
            assert_eq!(reply.status, 200, "{name} {algorithm}: {}", reply.text());
            assert_eq!(upstream.only().one("x-user-id"), "ada", "{name} {algorithm}");
        }
    }
    let counted = "gateway_token_verifications_total{algorithm=\"ES384\",issuer=\"jose\",result=\"ok\"}";
    assert_eq!(gateway.metric(counted), 1.0);
}

#[test]
fn a_key_is_for_the_algorithm_of_its_kind_and_a_signature_for_what_its_header_says() {
    let (jose, upstream) = (Made::by_jose(), Upstream::start());
    let gateway = before(&upstream, &[jose.entry("jose", "")]).unlimited().start();
    assert_eq!(get(&gateway.client(), "/app", jose.token("ES384")).status, 200);
    upstream.forget();
    let confused = jose.confused.as_object().unwrap();
    assert!(confused.len() > 10);
    for (what, token) in confused {
        let reply = get(&gateway.client(), "/app", token.as_str().unwrap());
        assert_eq!((reply.status, reply.code()), (401, "token_invalid".to_owned()), "{what}");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_library_signs_by_no_other_algorithm_than_those_that_are_allowed() {
    let (jose, upstream) = (Made::by_jose(), Upstream::start());
    for allowed in ["RS256", "ES384", "PS512"] {
        let entry = jose.entry("jose", &format!("algorithms = [\"{allowed}\"]"));
        let gateway = before(&upstream, &[entry]).unlimited().start();
        for algorithm in ALGORITHMS {
            let status = get(&gateway.client(), "/app", jose.token(algorithm)).status;
            assert_eq!(status, if algorithm == allowed { 200 } else { 401 }, "{algorithm} of {allowed}");
        }
    }
}
