//! From where a route may be entered: by the client's own network, before anything else of a request.

use serde_json::Value;

use crate::support::gateway::{ACCESS_KEY, Gateway, REFRESH_KEY, Setup, run};
use crate::support::http::Reply;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

const OFFICE: &str =
    "allow_networks = [\"192.0.2.0/24\", \"2001:db8::/32\"]\ndeny_networks = [\"192.0.2.128/25\"]";

/// Behind a proxy on this machine: protected `/app`, public `/open`, both for the office.
fn office(upstream: &Upstream) -> Setup {
    Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\nexplain_to = [\"198.51.100.0/24\"]\n")
        .upstream("app", &upstream.address.to_string())
        .route("app", "/app", "app", OFFICE)
        .route("open", "/open", "app", &format!("auth = \"public\"\n{OFFICE}"))
        .unlimited()
}

fn from(gateway: &Gateway, path: &str, client: &str, token: &str) -> Reply {
    gateway.client().get(path).header("x-forwarded-for", client).bearer(token).send()
}

#[track_caller]
fn is_kept_out(reply: &Reply) {
    reply.is_refused(403, "Not allowed from this network", "network_not_allowed");
}

#[test]
fn only_clients_of_its_networks_enter_a_route_whoever_they_are() {
    let upstream = Upstream::start();
    let gateway = office(&upstream).start();
    let ada = gateway.user();
    for path in ["/app", "/open"] {
        for inside in ["192.0.2.1", "192.0.2.127", "2001:db8:1::1", "::ffff:192.0.2.1"] {
            assert_eq!(from(&gateway, path, inside, &ada.access).status, 200, "{inside}");
        }
        let seen = upstream.arrived().len();
        for outside in ["192.0.2.128", "192.0.3.1", "2001:db9::1", "::ffff:192.0.2.200", "10.0.0.1"] {
            is_kept_out(&from(&gateway, path, outside, &ada.access));
        }
        // By what the trusted proxy says itself, and not by what it was told.
        is_kept_out(&from(&gateway, path, "192.0.2.1, 10.0.0.1", &ada.access));
        assert_eq!(upstream.arrived().len(), seen, "nothing of them arrived");
    }
}

#[test]
fn who_is_kept_out_learns_nothing_of_a_token_and_uses_up_no_limit() {
    let upstream = Upstream::start();
    let limits = format!("{OFFICE}\naddress_limit = {{ requests = 1, window_seconds = 600 }}");
    let gateway = office(&upstream).route("slow", "/slow", "app", &limits).start();
    let (ada, stolen) = (gateway.user(), gateway.user());
    stolen.log_out();
    for token in ["x", &ada.access, &stolen.access] {
        let reply = from(&gateway, "/slow", "10.0.0.1", token);
        is_kept_out(&reply);
        assert_eq!(reply.header("ratelimit"), "");
    }
    let refused = gateway
        .metric("gateway_auth_decisions_total{decision=\"deny\",reason=\"token_revoked\",route=\"slow\"}");
    assert_eq!(refused, 0.0);
}

#[test]
fn a_trusted_proxy_that_does_not_say_for_whom_it_asks_is_nobody_of_any_network() {
    let upstream = Upstream::start();
    let bounds = "auth = \"public\"\nallow_networks = [\"127.0.0.0/8\"]";
    let gateway = office(&upstream).route("local", "/local", "app", bounds).start();
    is_kept_out(&gateway.client().get("/local").send());
    is_kept_out(&gateway.client().get("/local").header("x-forwarded-for", "unknown").send());
    assert_eq!(from(&gateway, "/local", "127.0.0.7", "x").status, 200);
    let upstream = Upstream::start();
    let direct = Setup::new("").upstream("app", &upstream.address.to_string());
    let direct = direct.route("local", "/local", "app", bounds).start();
    assert_eq!(direct.client().get("/local").send().status, 200, "nobody stands between");
    assert_eq!(from(&direct, "/local", "10.0.0.1", "x").status, 200, "and what it claims does not count");
}

#[test]
fn a_trusted_proxy_behind_another_one_is_nobody_of_any_network_either() {
    let upstream = Upstream::start();
    let bounds = "auth = \"public\"\nallow_networks = [\"10.0.0.0/8\", \"127.0.0.0/8\"]";
    let server = "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.5\"]\nexplain_to = [\"10.0.0.0/8\"]\n";
    let setup = Setup::new(server).upstream("app", &upstream.address.to_string());
    let gateway = setup.route("inner", "/inner", "app", bounds).start();
    let ask = |told: &str| gateway.client().get("/inner").header("x-forwarded-for", told);
    for told in ["10.0.0.5", "garbage, 10.0.0.5", "unknown, ::ffff:10.0.0.5"] {
        let reply = ask(told).header("x-gateway-explain", "1").send();
        is_kept_out(&reply);
        assert_eq!(reply.header("x-gateway-explain"), "", "nor does an operator ask: {told}");
        let verify = gateway.client().get("/api/auth/verify").header("x-forwarded-uri", "/inner");
        is_kept_out(&verify.header("x-forwarded-for", told).send());
    }
    assert!(upstream.arrived().is_empty());
    assert_eq!(ask("10.0.0.6, 10.0.0.5").send().status, 200);
}

#[test]
fn a_balancer_of_the_proxy_protocol_says_from_where_somebody_comes() {
    let upstream = Upstream::start();
    let listener = "[[listeners]]\naddress = \"127.0.0.1:0\"\nproxy_protocol_from = [\"127.0.0.1\"]";
    let gateway = office(&upstream).config(listener).start();
    let status = |client: &str| {
        let head = format!("PROXY TCP4 {client} 10.0.0.1 4711 443\r\nGET /open HTTP/1.1\r\nHost: x\r\n\r\n");
        Raw::connect(gateway.further[0]).send(head).reply().unwrap().status
    };
    assert_eq!((status("192.0.2.1"), status("192.0.2.200"), status("198.51.100.1")), (200, 403, 403));
    // Where it does not say it, its own address is nobody's.
    let bounds = "auth = \"public\"\nallow_networks = [\"127.0.0.0/8\"]";
    let direct =
        Setup::new("").upstream("app", &upstream.address.to_string()).route("local", "/local", "app", bounds);
    let direct = direct.config(listener).start();
    let head = "PROXY UNKNOWN\r\nGET /local HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(Raw::connect(direct.further[0]).send(head).reply().unwrap().status, 403);
}

#[test]
fn whoever_asks_by_forward_authentication_is_told_no_for_a_client_from_elsewhere() {
    let upstream = Upstream::start();
    let gateway = office(&upstream).start();
    let ada = gateway.user();
    let ask = |client: Option<&str>| {
        let request = ada.request("GET", "/api/auth/verify").header("x-forwarded-uri", "/app/x");
        let told =
            client.into_iter().fold(request, |request, client| request.header("x-forwarded-for", client));
        told.send()
    };
    assert_eq!(ask(Some("192.0.2.1")).status, 200);
    is_kept_out(&ask(Some("198.51.100.1")));
    is_kept_out(&ask(None));
}

#[test]
fn websockets_and_preflights_are_kept_out_like_any_other_request() {
    let upstream = Upstream::start();
    let more = format!(
        "websocket = true\nauth = \"public\"\ncors = {{ origins = [\"https://app.example\"] }}\n{OFFICE}"
    );
    let gateway = office(&upstream).route("live", "/live", "app", &more).start();
    let raw = |client: &str, head: &str| {
        let head = format!("{head}\r\nHost: x\r\nX-Forwarded-For: {client}\r\n\r\n");
        Raw::connect(gateway.address).send(head).reply().unwrap()
    };
    let handshake = "GET /live HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let preflight =
        "OPTIONS /live HTTP/1.1\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: GET";
    for head in [handshake, preflight] {
        assert_eq!(raw("198.51.100.1", head).status, 403, "{head}");
    }
    assert!(upstream.arrived().is_empty());
    assert_eq!(raw("192.0.2.1", preflight).status, 204);
}

#[test]
fn in_shadow_it_is_only_said_and_a_reload_takes_other_networks_over() {
    let upstream = Upstream::start();
    let setup = |more: &str| {
        let setup = Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
        let setup = setup.upstream("app", &upstream.address.to_string());
        setup.route("app", "/app", "app", &format!("auth = \"public\"\n{more}"))
    };
    let gateway = setup(&format!("{OFFICE}\nshadow = true")).start();
    assert_eq!(from(&gateway, "/app", "198.51.100.1", "x").status, 200);
    let would = "gateway_shadow_refusals_total{reason=\"network_not_allowed\",route=\"app\"}";
    assert_eq!(gateway.metric(would), 1.0);
    assert!(gateway.reload(&setup(OFFICE)));
    is_kept_out(&from(&gateway, "/app", "198.51.100.1", "x"));
    assert!(gateway.reload(&setup("allow_networks = [\"198.51.100.0/24\"]")));
    assert_eq!(from(&gateway, "/app", "198.51.100.1", "x").status, 200);
}

#[test]
fn why_somebody_is_kept_out_is_explained_to_operators() {
    let upstream = Upstream::start();
    let gateway = office(&upstream).start();
    let request = gateway.client().get("/open").header("x-forwarded-for", "198.51.100.1");
    let reply = request.header("x-gateway-explain", "1").send();
    let why = reply.header("x-gateway-explain");
    assert!(
        why.contains("network: 198.51.100.1 is not let in; verdict: refuse, network_not_allowed"),
        "{why}"
    );
    let (status, said, _) = gateway.run(&["explain", "GET", "/open", "--client", "192.0.2.9"]);
    assert!(status == 0 && said.contains("network      192.0.2.9 is let in"), "{said}");
    let (status, said, _) = gateway.run(&["explain", "GET", "/open", "--client", "192.0.2.200", "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &told["code"]), (3, &"network_not_allowed".into()));
}

/// What a check says of a route with these lines: its status, and its words.
fn check(lines: &str) -> (i32, String) {
    let config = tempfile::NamedTempFile::new().unwrap();
    let upstream = "[[upstreams]]\nname = \"a\"\naddress = \"unix:/run/a.sock\"\n";
    let route = format!("[[routes]]\nname = \"a\"\npath = \"/\"\nupstream = \"a\"\n{lines}\n");
    std::fs::write(config.path(), format!("{upstream}{route}")).unwrap();
    let keys = [("JWT_SECRET_KEY", ACCESS_KEY), ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY)];
    let (status, out, err) = run(&["check", "--config", config.path().to_str().unwrap()], &keys);
    (status, out + &err)
}

#[test]
fn what_is_wrong_with_networks_is_said_with_its_mend() {
    for (lines, status, words) in [
        (OFFICE, 0, "can be started"),
        ("allow_networks = [\"10.0.0.1\", \"::1\"]", 0, "can be started"),
        (
            "allow_networks = [\"10.0.0.1/8\"]",
            78,
            "did you mean the network \"10.0.0.0/8\", or the one address \"10.0.0.1\"?",
        ),
        ("allow_networks = [\"10.0.0/8\"]", 78, "\"10.0.0/8\" is no network"),
        ("deny_networks = [\"office\"]", 78, "deny_networks: \"office\" is no network"),
        ("allow_networks = []", 78, "allow_networks = [] lets nobody in"),
        (
            "allow_networks = [\"10.1.0.0/16\"]\ndeny_networks = [\"10.0.0.0/8\"]",
            78,
            "lies within \"10.0.0.0/8\" of deny_networks",
        ),
        ("deny_networks = [\"0.0.0.0/0\", \"::/0\"]", 78, "let nobody in"),
        (
            "allow_networks = [\"10.0.0.0/8\"]\ndeny_networks = [\"10.0.0.0/9\", \"10.128.0.0/9\"]",
            78,
            "let nobody in",
        ),
        ("allow_networks = [\"10.0.0.0/8\"]\ndeny_networks = [\"192.0.2.0/24\"]", 0, "keeps out nobody whom"),
        (
            "deny_networks = [\"0.0.0.0/0\"]",
            0,
            "is all of IPv4 and nothing of IPv6; for all clients, add \"::/0\"",
        ),
        ("allow_network = [\"10.0.0.0/8\"]", 78, "did you mean `allow_networks`?"),
    ] {
        let (ended, said) = check(lines);
        assert_eq!(ended, status, "{lines}: {said}");
        assert!(said.contains(words), "{lines}: {said}");
    }
}

#[test]
fn what_must_hold_from_where_can_stand_beside_the_route() {
    let expect = |lines: &str| check(&format!("{OFFICE}\n[[routes.expect]]\npath = \"/x\"\n{lines}"));
    let (status, said) = expect("address = \"198.51.100.1\"\nthen = \"network_not_allowed\"");
    assert_eq!(status, 0, "{said}");
    assert_eq!(expect("then = \"token_missing\"").0, 0);
    assert_eq!(expect("address = \"192.0.2.1\"\nthen = \"token_missing\"").0, 0);
    let (status, said) = expect("address = \"198.51.100.1\"\nas = \"user\"\nthen = \"allow\"");
    assert!(
        status == 3 && said.contains("as user from 198.51.100.1 would be `network_not_allowed`"),
        "{said}"
    );
    let (status, said) = expect("address = \"192.0.2.0/24\"\nthen = \"allow\"");
    assert!(status == 78 && said.contains("is no address of a client"), "{said}");
    let (status, said) = expect("then = \"network_not_allowed\"");
    assert!(status == 78 && said.contains("needs an address"), "{said}");
}
