//! No mystery for whoever connects an issuer: its operator is told what is wrong with a token and with
//! a key, in a word by the log, and with both values by `gateway explain`. Clients are told nothing.

use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{before, get};
use crate::support::eventually;
use crate::support::forge::{access_claims, now, sign, with};
use crate::support::gateway::Gateway;
use crate::support::upstream::Upstream;

/// An issuer, and a gateway that knows it.
struct Connected {
    issuer: HandMade,
    gateway: Gateway,
    _upstream: Upstream,
}

impl Connected {
    fn by(more: &str) -> Self {
        let (issuer, upstream) = (HandMade::start(), Upstream::start());
        let gateway = before(&upstream, &[issuer.entry("other", more)])
            .config("[server]\ntrusted_proxies = [\"127.0.0.1\"]\nexplain_to = [\"192.0.2.7\"]")
            .unlimited()
            .start();
        Self { issuer, gateway, _upstream: upstream }
    }

    /// With one claim changed.
    fn token(&self, name: &str, value: Value) -> String {
        self.issuer.token(&with(self.issuer.claims("ada"), name, value))
    }

    fn headed(&self, header: &str) -> String {
        self.issuer.sign(header, &self.issuer.claims("ada").to_string())
    }

    fn explained(&self, token: &str, more: &[&str]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), token).unwrap();
        let path = file.path().to_str().unwrap();
        let asked = [&["explain", "GET", "/app", "--token-file", path], more].concat();
        let (status, said, err) = self.gateway.run(&asked);
        assert_eq!(status, 3, "{said}{err}");
        said
    }

    /// The log's word for it, and what the client reads.
    fn is_refused(&self, token: &str) -> (Value, String) {
        let reply = get(&self.gateway.client(), "/app", token);
        reply.is_refused(401, "Invalid or expired token", "token_invalid");
        let id = reply.header("x-request-id").to_owned();
        let mut line = Value::Null;
        eventually("its line was logged", || {
            let lines = self.gateway.lines();
            let found = lines.into_iter().find(|line| line["request_id"] == id && line["target"] == "access");
            line = found.unwrap_or_default();
            line.is_object()
        });
        (line, reply.text())
    }
}

/// What is wrong, the word for it, and what is said of it and of its mend.
type Case = (String, &'static str, &'static str, &'static str);

fn cases(to: &Connected) -> Vec<Case> {
    let gone = Value::Null;
    let nobody = with(to.issuer.claims("ada"), "sub", Value::Null);
    vec![
        (
            to.token("aud", json!("account")),
            "audience",
            r#"its `aud` is "account", and none of "https://api.example.com""#,
            "`audience` of `other`",
        ),
        (to.token("aud", json!(["a", "b"])), "audience", r#"but "a", "b""#, "`audience` of `other`"),
        (to.token("aud", gone.clone()), "audience", "it has no `aud`", "`audience` of `other`"),
        (
            to.token("exp", json!(now() + 604_800)),
            "lifetime",
            "allowed are 86400 s",
            "`lifetime_max_seconds` of `other`",
        ),
        (to.token("exp", gone), "time", "its `exp` is missing", "for the issuer to mend"),
        (to.token("nbf", json!(now() + 600)), "not_yet", "its `nbf` is ", "`leeway_seconds` of `other`"),
        (
            to.token("sub", json!("12345")),
            "subject_numeric",
            "number of an account",
            "subject_prefix = \"other:\"",
        ),
        (to.token("sub", json!("CN=J\u{fc}rgen")), "subject", "visible ASCII", "`subject_claim` of `other`"),
        (
            to.issuer.token(&with(nobody, "client_id", json!("batch"))),
            "subject_missing",
            r#"it has no claim "sub"; there are "client_id""#,
            "`subject_claim` of `other`",
        ),
        (to.token("jti", json!(17)), "jti", "its `jti` is no text", "for the issuer to mend"),
        (
            to.token("iss", json!("urn:handmade/")),
            "issuer",
            r#"its `iss` is "urn:handmade/", and there are only "urn:handmade""#,
            "exactly as tokens have it",
        ),
        (to.token("iss", Value::Null), "issuer_missing", "it has no `iss`", "without_iss"),
        (
            to.headed(r#"{"alg":"ES384","kid":"one"}"#),
            "algorithm",
            "its algorithm ES384 is none of `algorithms`, ES256",
            "Add \"ES384\"",
        ),
        (
            to.headed(r#"{"alg":"ES256K","kid":"one"}"#),
            "algorithm",
            "\"ES256K\" is none that is verified here; there are RS256, RS384",
            "another algorithm",
        ),
        (
            to.headed(r#"{"alg":"ES256","kid":"two"}"#),
            "key",
            r#"the token says "two" (ES256); "one" (ES256)"#,
            "refetch_seconds",
        ),
        (to.headed(r#"{"alg":"ES256","kid":"a\u0000"}"#), "kid", "its `kid` is", "512 bytes"),
        (
            to.headed(r#"{"alg":"ES256","crit":["exp"]}"#),
            "header",
            "its header has `crit`",
            "for the issuer to mend",
        ),
        (
            to.headed(r#"{"alg":"ES256","typ":"dpop+jwt"}"#),
            "typ",
            "says `typ` \"dpop+jwt\"",
            "Send the access token",
        ),
        (
            to.issuer
                .sign(r#"{"alg":"ES256"}"#, &with(to.issuer.claims("ada"), "nonce", json!("n")).to_string()),
            "kind",
            "its claim `nonce`",
            "Send the access token",
        ),
        (
            HandMade::start().token(&to.issuer.claims("ada")),
            "signature",
            "not by the key that it names",
            "get another one",
        ),
        (
            sign(&access_claims(&to.gateway.user()), "CANARY-other-key-5d1f0c7e9b3a4286-CANARY"),
            "own_issuer",
            "names this gateway",
            "Log in again",
        ),
        ("opaque".to_owned(), "unreadable", "three parts", "for the issuer to mend"),
    ]
}

#[test]
fn the_explanation_says_which_check_failed_and_both_values() {
    let to = Connected::by("algorithms = [\"ES256\"]");
    for (token, word, why, next) in cases(&to) {
        let said = to.explained(&token, &[]);
        for part in [why, next] {
            assert!(said.contains(part), "{word}: `{part}` is not in\n{said}");
        }
        assert!(!said.contains("The token was not issued here"), "{word}: {said}");
    }
    let told: Value = serde_json::from_str(&to.explained(&to.token("aud", json!("x")), &["--json"])).unwrap();
    assert_eq!((&told["code"], &told["reason"]), (&json!("token_invalid"), &json!("audience")));
    assert!(told["why"].as_str().unwrap().starts_with("Issuer `other`: its `aud` is \"x\""), "{told}");
}

#[test]
fn the_log_has_a_word_for_it_and_neither_it_nor_the_client_has_more() {
    let to = Connected::by("algorithms = [\"ES256\"]");
    for (token, word, why, _) in cases(&to) {
        let (line, answer) = to.is_refused(&token);
        assert_eq!(line["reason"], word, "{line}");
        for part in [word, why] {
            assert!(!answer.contains(part), "{answer}");
        }
        assert!(!line.to_string().contains(why), "{line}");
    }
    assert_eq!(to.is_refused(&to.token("aud", json!("x"))).0["issuer"], "other");
    assert_eq!(to.is_refused(&to.token("iss", json!("x"))).0.get("issuer"), None);
}

#[test]
fn what_another_proxy_asks_about_is_logged_with_its_reason() {
    let to = Connected::by("");
    let token = to.token("aud", json!("account"));
    let asked = to.gateway.client().get("/api/auth/verify").bearer(&token);
    let asked = asked.header("x-forwarded-method", "GET").header("x-forwarded-uri", "/app");
    let reply = asked.header("x-forwarded-host", "a.example").send();
    reply.is_refused(401, "Invalid or expired token", "token_invalid");
    let line = to.gateway.line("request");
    assert_eq!((&line["reason"], &line["issuer"]), (&json!("audience"), &json!("other")));
}

#[test]
fn who_may_ask_why_reads_it_beside_the_answer() {
    let to = Connected::by("");
    let asked = to.gateway.client().get("/app").header("x-gateway-explain", "1");
    let reply =
        asked.header("x-forwarded-for", "192.0.2.7").bearer(&to.token("aud", json!("account"))).send();
    let said = reply.header("x-gateway-explain");
    assert!(said.contains("verify: its `aud` is \"account\", and none of"), "{said}");
}

#[test]
fn a_key_that_is_not_used_is_named_with_its_fault_once_for_each_change() {
    let issuer = HandMade::publishing(|set| {
        let other = with(with(set["keys"][0].clone(), "kid", json!("for-content")), "use", json!("enc"));
        set["keys"].as_array_mut().unwrap().push(other);
    });
    let upstream = Upstream::start();
    let entry = issuer.entry("other", "refresh_seconds = 1\nrefetch_seconds = 1");
    let gateway = before(&upstream, &[entry]).start();
    let told = |gateway: &Gateway| -> Vec<Value> {
        let lines = gateway.lines().into_iter();
        lines.filter(|line| line["message"] == "a key that an issuer publishes is not used").collect()
    };
    let fetched = || gateway.metric("gateway_issuer_fetches_total{issuer=\"other\",result=\"ok\"}");
    eventually("the keys were fetched again and again", || fetched() >= 3.0);
    let lines = told(&gateway);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let fault = r#"key 2 (`kid` "for-content"): its `use` is "enc"; used are "sig" and "jwt-svid""#;
    assert_eq!((&lines[0]["issuer"], &lines[0]["fault"]), (&json!("other"), &json!(fault)));
    let shorter = with(issuer.jwk(), "alg", json!("ES384"));
    issuer.answers("200 OK", &json!({ "keys": [issuer.jwk(), shorter] }).to_string());
    eventually("the change was told", || told(&gateway).len() == 2);
    assert!(told(&gateway)[1]["fault"].as_str().unwrap().contains("its `alg` is \"ES384\""));
}

#[test]
fn an_issuer_whose_keys_are_of_no_use_is_explained_by_each_of_them() {
    let issuer = HandMade::publishing(|set| set["keys"][0]["use"] = json!("enc"));
    let upstream = Upstream::start();
    let gateway = before(&upstream, &[issuer.entry("other", "")]).start();
    gateway.says("none of the 1 keys in it can be used: key 1");
    let token = issuer.token(&issuer.claims("ada"));
    let (status, said, _) = gateway.run(&["explain", "GET", "/app", "--token", &token]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("issuer_unavailable") && said.contains("its `use` is \"enc\""), "{said}");
    let reply = get(&gateway.client(), "/app", &token);
    assert_eq!((reply.status, reply.header("retry-after")), (503, ""));
}
