//! Where the levels are: routes that ask the service for the same, routes by host, TLS, Redis.

use super::{measure, three_routes};
use crate::listening::https;
use crate::support::authority::Authority;
use crate::support::gateway::Setup;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;

#[test]
fn routes_that_ask_the_service_for_the_same_are_compared_with_it_without_a_word() {
    let upstream = Upstream::start();
    let route = |setup: Setup, name: &str, more: &str| {
        setup.route(name, &format!("/bench/{name}"), "app", &format!("replace_prefix = \"/healthz\"\n{more}"))
    };
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let setup = setup.route("other", "/other", "app", "auth = \"public\"");
    let setup = route(setup, "open", "auth = \"public\"");
    let setup = route(setup, "free", "user_limit = \"unlimited\"");
    let gateway = route(setup, "counted", "").start();
    let measured = measure(&gateway, &["--rate", "40"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    assert!(!measured.stderr.contains("different paths"), "{}", measured.stderr);
    let arrived = upstream.arrived();
    assert!(!arrived.is_empty() && arrived.iter().all(|one| one.target() == "/healthz"), "{arrived:?}");
    let measured = measure(&three_routes(&upstream).start(), &["--rate", "40"]);
    assert!(measured.stderr.contains("different paths"), "{}", measured.stderr);
}

#[test]
fn what_the_configuration_does_not_have_is_left_out_and_named() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("admins", "/admin", "app", "roles = [\"admin\"]")
        .route("written", "/written", "app", "methods = [\"POST\"]")
        .route("hosted", "/{tenant}/items", "app", "hosts = [\"*.app.example\"]")
        .start();
    let measured = measure(&gateway, &["--rate", "40"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    let urls: Vec<_> =
        measured.told["levels"].as_array().unwrap().iter().map(|level| &level["url"]).collect();
    assert_eq!(urls[1].as_str().unwrap(), format!("http://{}/1/items", gateway.address));
    for words in ["has no public route", "has no protected route without a limit"] {
        assert!(measured.stderr.contains(words), "{words} in {}", measured.stderr);
    }
    let through = upstream.arrived().into_iter().filter(|arrived| arrived.has("x-user-id"));
    assert!(
        through.clone().count() > 0 && through.into_iter().all(|one| one.one("host") == "bench.app.example")
    );
}

#[test]
fn https_is_measured_where_the_certificate_is_believed() {
    let (upstream, authority) = (Upstream::start(), Authority::new());
    let certified = authority.certify("own", &["localhost"]);
    let gateway = three_routes(&upstream).config(&https(&[&certified], "")).start();
    let tls = format!("tls=https://localhost:{}/free", gateway.further[0].port());
    let wanted = ["--path", "/free", "--against", &tls];
    let file = authority.file();
    let measured = measure(&gateway, &[&wanted[..], &["--ca-file", file.to_str().unwrap()]].concat());
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    assert!(measured.level("tls")["good"].as_u64().unwrap() > 0);
    let measured = measure(&gateway, &[&wanted[..], &["--insecure"]].concat());
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    let measured = measure(&gateway, &wanted);
    assert_eq!(measured.status, 1);
    assert!(measured.stderr.contains("certificate"), "{}", measured.stderr);
}

#[test]
fn tokens_of_nobody_are_in_force_in_redis_as_well() {
    let (upstream, redis) = (Upstream::start(), Redis::start());
    let gateway = three_routes(&upstream).redis(&redis.url()).start();
    let measured = measure(&gateway, &["--users", "3"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    let on = measured.level("verified")["what_is_on"].as_str().unwrap();
    assert!(on.contains("revocation in Redis"), "{on}");
}
