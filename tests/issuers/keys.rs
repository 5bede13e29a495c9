//! The keys of an issuer: fetched in the background, fetched again when they change, and kept while
//! the issuer is away.

use gateway_clock::Stopwatch;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::handmade::HandMade;
use super::provider::{AUDIENCE, Provider, before, get};
use crate::support::forge::encode;
use crate::support::gateway::{ACCESS_KEY, Gateway, REFRESH_KEY, Setup, run};
use crate::support::upstream::Upstream;
use crate::support::{eventually, in_parallel};

const UNAVAILABLE: (&str, &str) = ("Keys of the token's issuer unavailable", "issuer_unavailable");

fn people() -> Value {
    json!({ "ada": {} })
}

fn fetches(gateway: &Gateway, issuer: &str, result: &str) -> f64 {
    gateway.metric(&format!("gateway_issuer_fetches_total{{issuer=\"{issuer}\",result=\"{result}\"}}"))
}

#[test]
fn tokens_of_each_algorithm_are_verified_by_keys_that_are_discovered() {
    let upstream = Upstream::start();
    for algorithm in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let provider = Provider::with(people(), json!({ "alg": algorithm }));
        let gateway = before(&upstream, &[provider.entry("sso", "typ = \"at+jwt\"")]).start();
        let reply = get(&gateway.client(), "/app", &provider.token("ada"));
        assert_eq!(reply.status, 200, "{algorithm}: {}", reply.text());
        // A token for another service is none for ours.
        let other = provider.token_for("ada", "https://other.example.com");
        get(&gateway.client(), "/app", &other).is_refused(401, "Invalid or expired token", "token_invalid");
        assert_eq!(gateway.metric("gateway_issuer_keys{issuer=\"sso\"}"), 1.0);
    }
}

#[test]
fn an_algorithm_that_is_not_configured_is_not_accepted() {
    let (provider, upstream) = (Provider::with(people(), json!({ "alg": "ES256" })), Upstream::start());
    let gateway = before(&upstream, &[provider.entry("sso", "algorithms = [\"RS256\"]")]).start();
    let reply = get(&gateway.client(), "/app", &provider.token("ada"));
    reply.is_refused(401, "Invalid or expired token", "token_invalid");
}

#[test]
fn a_new_key_is_learned_with_the_first_token_of_it() {
    let (mut provider, upstream) = (Provider::start(people()), Upstream::start());
    let gateway = before(&upstream, &[provider.entry("sso", "refetch_seconds = 1")]).start();
    let before = provider.token("ada");
    assert_eq!(get(&gateway.client(), "/app", &before).status, 200);
    provider.change_key();
    // Within a second of the last fetch nothing is asked: then the token waits for the next one.
    eventually("the new key is accepted", || {
        get(&gateway.client(), "/app", &provider.token("ada")).status == 200
    });
    // The key of before is no longer published: nobody vouches for its tokens.
    get(&gateway.client(), "/app", &before).is_refused(401, "Invalid or expired token", "token_invalid");
}

#[test]
fn a_flood_of_unknown_keys_asks_the_issuer_once_in_each_interval() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "refetch_seconds = 300")]).unlimited().start();
    let claims = issuer.claims("ada").to_string();
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada"))).status, 200);
    let replies = in_parallel(8, |thread| {
        let client = gateway.client();
        let answer = |number: usize| {
            let header = format!(r#"{{"alg":"ES256","kid":"{thread}-{number}"}}"#);
            get(&client, "/app", &issuer.sign(&header, &claims)).status
        };
        (0..100).map(answer).collect::<Vec<_>>()
    });
    assert!(replies.iter().flatten().all(|status| *status == 401), "{replies:?}");
    // The fetch of the start was a moment ago.
    assert_eq!(issuer.keys.arrived().len(), 1);
    assert_eq!(get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada"))).status, 200);
}

#[test]
fn a_flood_while_an_interval_is_over_causes_one_fetch_for_all() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "refetch_seconds = 2")]).unlimited().start();
    let claims = issuer.claims("ada").to_string();
    eventually("the keys were fetched", || fetches(&gateway, "other", "ok") == 1.0);
    let flood = |round: usize| {
        in_parallel(16, |thread| {
            let header = format!(r#"{{"alg":"ES256","kid":"{round}-{thread}"}}"#);
            get(&gateway.client(), "/app", &issuer.sign(&header, &claims)).status
        })
    };
    // Rounds until one of them meets the end of the interval.
    let mut round = 0;
    eventually("the keys were fetched again", || {
        round += 1;
        assert!(flood(round).iter().all(|status| *status == 401));
        issuer.keys.arrived().len() > 1
    });
    assert_eq!(issuer.keys.arrived().len(), 2);
}

#[test]
fn tokens_that_could_not_be_accepted_anyway_make_nobody_ask() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "refetch_seconds = 1")]).unlimited().start();
    eventually("the keys were fetched", || fetches(&gateway, "other", "ok") == 1.0);
    let header = r#"{"alg":"ES256","kid":"unknown"}"#;
    let mut claims = issuer.claims("ada");
    let started = Stopwatch::start();
    while started.elapsed() < std::time::Duration::from_millis(1_500) {
        claims["aud"] = json!("https://other.example.com");
        assert_eq!(get(&gateway.client(), "/app", &issuer.sign(header, &claims.to_string())).status, 401);
        claims["aud"] = json!(AUDIENCE);
        let mut over = claims.clone();
        over["exp"] = json!(1);
        assert_eq!(get(&gateway.client(), "/app", &issuer.sign(header, &over.to_string())).status, 401);
    }
    assert_eq!(issuer.keys.arrived().len(), 1);
}

#[test]
fn tokens_are_accepted_while_their_issuer_is_away_and_new_keys_when_it_is_back() {
    let (mut provider, upstream) = (Provider::start(people()), Upstream::start());
    let more = "refresh_seconds = 1\nrefetch_seconds = 1";
    let gateway = before(&upstream, &[provider.entry("sso", more)]).start();
    let token = provider.token("ada");
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    provider.go_away();
    eventually("fetches fail", || fetches(&gateway, "sso", "unreachable") >= 2.0);
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    // Whether an unknown key is one of the issuer's, nobody can say now.
    let parts: Vec<_> = token.split('.').collect();
    let unknown = encode(r#"{"alg":"RS256","typ":"at+jwt","kid":"unknown"}"#);
    let unknown = format!("{unknown}.{}.{}", parts[1], parts[2]);
    let reply = get(&gateway.client(), "/app", &unknown);
    reply.is_refused(503, UNAVAILABLE.0, UNAVAILABLE.1);
    assert_eq!(reply.header("retry-after"), "1");
    provider.change_key();
    eventually("the new key is accepted", || {
        get(&gateway.client(), "/app", &provider.token("ada")).status == 200
    });
    gateway.says("those that are known stay in use");
}

#[test]
fn the_gateway_starts_without_its_issuer_and_recovers_by_itself() {
    let (mut provider, upstream) = (Provider::start(people()), Upstream::start());
    let token = provider.token("ada");
    provider.go_away();
    let gateway = before(&upstream, &[provider.entry("sso", "refetch_seconds = 1")]).start();
    let reply = get(&gateway.client(), "/app", &token);
    reply.is_refused(503, UNAVAILABLE.0, UNAVAILABLE.1);
    assert_eq!(reply.header("retry-after"), "1");
    // Nobody else is concerned.
    assert_eq!(gateway.user().get("/app").status, 200);
    assert!(!gateway.metrics().contains("gateway_issuer_keys_age_seconds{"), "there never were keys");
    gateway.says("its tokens are answered 503");
    provider.come_back();
    eventually("its tokens are accepted", || get(&gateway.client(), "/app", &token).status == 200);
    assert!(gateway.metrics().contains("gateway_issuer_keys_age_seconds{issuer=\"sso\"}"));
}

#[test]
fn a_discovery_document_about_somebody_else_is_refused() {
    let upstream = Upstream::start();
    // It says 127.0.0.1 of itself, and is asked as localhost.
    let provider = Provider::start(people());
    let issuer = provider.issuer.replace("127.0.0.1", "localhost");
    let entry = provider.entry("sso", "").replace(&provider.issuer, &issuer);
    let gateway = before(&upstream, &[entry]).start();
    gateway.says("is configured");
    assert!(fetches(&gateway, "sso", "unusable") >= 1.0);
    assert_eq!(provider.key_requests(), 0);
    let reply = get(&gateway.client(), "/app", &provider.token("ada"));
    reply.is_refused(401, "Invalid or expired token", "token_invalid");
}

#[test]
fn what_is_no_set_of_keys_or_leads_elsewhere_is_refused() {
    let (upstream, elsewhere) = (Upstream::start(), Upstream::start());
    let answer =
        |head: &str, body: &str| format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let redirect = format!("302 Found\r\nLocation: http://{}/keys", elsewhere.address);
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &" ".repeat(300_000);
    for (answer, result) in [
        (answer("200 OK", "not json"), "unusable"),
        (answer("200 OK", "[]"), "unusable"),
        (answer("200 OK", r#"{"keys":[]}"#), "unusable"),
        (answer("200 OK", r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"one"}]}"#), "unusable"),
        (answer("200 OK", &format!("{{\"keys\":[{}]}}", "[],".repeat(100_000))), "unusable"),
        (endless, "unusable"),
        (answer("404 Not Found", ""), "status"),
        (answer(&redirect, ""), "status"),
        (String::new(), "unreachable"),
    ] {
        let keys = Upstream::answering(&answer);
        let issuer = HandMade::start();
        let entry =
            issuer.entry("other", "").replace(&issuer.keys.address.to_string(), &keys.address.to_string());
        let gateway = before(&upstream, &[entry]).start();
        eventually(&format!("the answer is refused: {answer:.60}"), || {
            fetches(&gateway, "other", result) >= 1.0
        });
        let reply = get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada")));
        reply.is_refused(503, UNAVAILABLE.0, UNAVAILABLE.1);
    }
    assert!(elsewhere.arrived().is_empty());
}

#[test]
fn an_issuer_that_never_answers_holds_nobody_up_for_long() {
    let upstream = Upstream::start();
    let (silent, _gate) = Upstream::gated();
    let issuer = HandMade::start();
    let entry =
        issuer.entry("other", "").replace(&issuer.keys.address.to_string(), &silent.address.to_string());
    let gateway = before(&upstream, &[entry]).start();
    let started = Stopwatch::start();
    let replies =
        in_parallel(8, |_| get(&gateway.client(), "/app", &issuer.token(&issuer.claims("ada"))).status);
    assert_eq!(replies, [503; 8]);
    assert!(started.elapsed() < std::time::Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn keys_come_over_tls_from_whom_the_configured_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(path(name), certificate.pem()).unwrap();
        Issuer::new(params, key)
    };
    let (ours, _other) = (authority("ours.pem"), authority("other.pem"));
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    std::fs::write(path("server.pem"), certificate.pem()).unwrap();
    std::fs::write(path("server.key"), key.serialize_pem()).unwrap();
    let tls = json!({
        "host": "localhost", "certificate": path("server.pem"), "certificate_key": path("server.key"),
    });
    let (provider, upstream) = (Provider::with(people(), tls), Upstream::start());
    let entry = |ca: &str| {
        let entry = provider.entry("sso", &format!("ca_file = \"{}\"", path(ca)));
        entry.replace("danger_allow_http = true\n", "")
    };
    let gateway = before(&upstream, &[entry("ours.pem")]).start();
    assert_eq!(get(&gateway.client(), "/app", &provider.token("ada")).status, 200);
    let gateway = before(&upstream, &[entry("other.pem")]).start();
    let reply = get(&gateway.client(), "/app", &provider.token("ada"));
    reply.is_refused(503, UNAVAILABLE.0, UNAVAILABLE.1);
    eventually("the certificate is refused", || fetches(&gateway, "sso", "unreachable") >= 1.0);
    gateway.says("invalid peer certificate");
}

#[test]
fn two_issuers_are_accepted_beside_our_own_and_none_speaks_for_the_other() {
    let (one, other, upstream) =
        (Provider::start(people()), Provider::with(people(), json!({ "alg": "ES256" })), Upstream::start());
    let gateway = before(&upstream, &[one.entry("one", ""), other.entry("other", "")]).start();
    for (provider, name) in [(&one, "one"), (&other, "other")] {
        upstream.forget();
        assert_eq!(get(&gateway.client(), "/app", &provider.token("ada")).status, 200);
        assert_eq!(upstream.only().one("x-user-issuer"), name);
    }
    assert_eq!(gateway.user().get("/app").status, 200);
    // A sound key, and the name of the other issuer.
    let (rogue, victim) = (HandMade::start(), HandMade::named("urn:victim"));
    let gateway = before(&upstream, &[rogue.entry("rogue", ""), victim.entry("victim", "")]).start();
    let token = rogue.token(&victim.claims("ada"));
    get(&gateway.client(), "/app", &token).is_refused(401, "Invalid or expired token", "token_invalid");
}

#[test]
fn a_reload_that_changes_how_often_keys_are_fetched_keeps_those_that_are_known() {
    let (mut provider, upstream) = (Provider::start(people()), Upstream::start());
    let setup = |more: &str| before(&upstream, &[provider.entry("sso", more)]);
    let (before, after) = (setup(""), setup("refresh_seconds = 300"));
    let elsewhere = setup("algorithms = [\"ES256\"]");
    let gateway = before.start();
    let token = provider.token("ada");
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    provider.go_away();
    assert!(gateway.reload(&after));
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    eventually("it was asked again", || fetches(&gateway, "sso", "unreachable") >= 1.0);
    assert_eq!(get(&gateway.client(), "/app", &token).status, 200);
    // Keys for other algorithms are not those that were fetched.
    assert!(gateway.reload(&elsewhere));
    assert_eq!(get(&gateway.client(), "/app", &token).status, 401);
    assert_eq!(gateway.metric("gateway_issuer_keys{issuer=\"sso\"}"), 0.0);
}

#[test]
fn the_explanation_on_the_command_line_fetches_the_keys_for_itself() {
    let (issuer, upstream) = (HandMade::start(), Upstream::start());
    let gateway = before(&upstream, &[issuer.entry("other", "roles_claim = \"roles\"")]).start();
    let mut claims = issuer.claims("auth0|7");
    claims["roles"] = json!(["staff"]);
    let token = issuer.token(&claims);
    let config = gateway.config().to_str().unwrap();
    let keys = [("JWT_SECRET_KEY", ACCESS_KEY), ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY)];
    let (status, said, _) = run(&["explain", "--config", config, "GET", "/app", "--token", &token], &keys);
    assert_eq!(status, 0, "{said}");
    for line in [
        "verify       authentic and in time: subject auth0|7 of issuer `other`",
        "x-user-id: auth0|7",
        "x-user-role: staff",
        "x-user-issuer: other",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn a_reload_adds_and_removes_issuers_and_keeps_the_keys_of_the_others() {
    let (one, other, upstream) = (HandMade::start(), HandMade::named("urn:other"), Upstream::start());
    let setup = |issuers: &[&HandMade]| -> Setup {
        let entries: Vec<_> = issuers.iter().map(|issuer| issuer.entry(&issuer.issuer[4..], "")).collect();
        before(&upstream, &entries)
    };
    let gateway = setup(&[&one]).start();
    let statuses =
        || [&one, &other].map(|i| get(&gateway.client(), "/app", &i.token(&i.claims("ada"))).status);
    assert_eq!(statuses(), [200, 401]);
    assert!(gateway.reload(&setup(&[&one, &other])));
    assert_eq!(statuses(), [200, 200]);
    assert_eq!(one.keys.arrived().len(), 1);
    assert!(gateway.reload(&setup(&[&other])));
    assert_eq!(statuses(), [401, 200]);
    assert!(!gateway.metrics().contains("gateway_issuer_keys{issuer=\"handmade\"}"));
}
