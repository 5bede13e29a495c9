//! Why was this request decided as it was? On the command line, and in an answer.

use crate::support::eventually;
use crate::support::forge::{access, access_claims, now, sign, with};
use crate::support::gateway::{ACCESS_KEY, Gateway, REFRESH_KEY, Setup, finish, run};
use crate::support::raw::Raw;
use crate::support::terminal;
use crate::support::upstream::Upstream;

fn setup(upstream: &Upstream) -> Setup {
    let setup = Setup::new("[server]\nexplain_to = [\"127.0.0.1/32\"]\n");
    setup
        .upstream("app", &upstream.address.to_string())
        .route("app", "/app", "app", "strip_prefix = true")
        .route("admin", "/admin", "app", "roles = [\"admin\"]")
        .route("open", "/open", "app", "auth = \"public\"")
}

fn explain(gateway: &Gateway, arguments: &[&str]) -> (i32, String, String) {
    let store = gateway.data.to_str().unwrap();
    explain_on(gateway, store, arguments)
}

fn explain_on(gateway: &Gateway, store: &str, arguments: &[&str]) -> (i32, String, String) {
    let environment = [
        ("JWT_SECRET_KEY", ACCESS_KEY),
        ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY),
        ("GATEWAY__STORE__PATH", store),
    ];
    let command = ["explain", "--config", gateway.config().to_str().unwrap()];
    run(&[&command, arguments].concat(), &environment)
}

fn gateway() -> (Gateway, Upstream) {
    let upstream = Upstream::start();
    (setup(&upstream).start(), upstream)
}

#[test]
fn the_command_says_each_step_and_the_verdict() {
    let (gateway, _upstream) = gateway();
    let ada = gateway.user();
    let (status, said, _) = explain(&gateway, &["GET", "/app/x?y=1", "--token", &ada.access]);
    assert_eq!(status, 0, "{said}");
    for line in [
        "route        `app`: /app",
        "verify       authentic and in time: user",
        "revocation   in force",
        "limit        not asked",
        "authorize    has what the route requires",
        "verdict      allow",
        "upstream     `app` gets /x?y=1",
        "websocket    no: who asks for one is refused by `websocket_not_enabled`; websocket = true allows it",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(said.contains(&format!("x-user-id: {}", ada.id)), "{said}");
}

#[test]
fn the_command_asks_the_running_gateway_whether_a_token_was_revoked() {
    let (mut gateway, _upstream) = gateway();
    let (ada, ben) = (gateway.user(), gateway.user());
    assert_eq!(ada.log_out().status, 200);
    let asked = |gateway: &Gateway, token: &str| explain(gateway, &["GET", "/app", "--token", token]);
    let (status, said, _) = asked(&gateway, &ada.access);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("verdict      refuse: 401 `token_revoked`"), "{said}");
    assert_eq!(asked(&gateway, &ben.access).0, 0);
    let store = gateway.data.display().to_string();
    gateway.terminate();
    let (status, said, _) = asked(&gateway, &ada.access);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("revocation   not asked: no gateway runs on this store"), "{said}");
    assert!(said.contains("verdict      allow, unless the token was revoked"), "{said}");
    assert!(said.contains(&store), "{said}");
    let (_, said, _) = explain(&gateway, &["GET", "/app", "--json", "--token", &ada.access]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["not_asked"], serde_json::json!(["revocation", "limit"]));
}

#[test]
fn where_there_is_no_store_the_command_says_so() {
    let (gateway, _upstream) = gateway();
    let ada = gateway.user();
    let elsewhere = gateway.data.join("nothing");
    let elsewhere = elsewhere.to_str().unwrap();
    let (status, _, noted) = explain_on(&gateway, elsewhere, &["GET", "/app", "--token", &ada.access]);
    assert_eq!(status, 3);
    assert!(noted.contains(&format!("{elsewhere}: there is no store here")), "{noted}");
}

#[test]
fn a_verdict_has_a_colour_on_a_terminal_and_nowhere_else() {
    let (gateway, _upstream) = gateway();
    let ada = gateway.user();
    for (token, word, colour) in [(ada.access.as_str(), "allow", "\u{1b}[32m"), ("x", "refuse", "\u{1b}[31m")]
    {
        let ask = || gateway.command(&["explain", "GET", "/app", "--token", token]);
        let (_, shown) = terminal::shown(ask(), 80);
        assert!(shown.contains(&format!("verdict      {colour}{word}")), "{shown:?}");
        let mut plain = ask();
        plain.env("NO_COLOR", "1");
        assert!(!terminal::shown(plain, 80).1.contains('\u{1b}'));
        assert!(!finish(ask()).1.contains('\u{1b}'), "it is for no terminal");
    }
    let (_, shown) = terminal::shown(gateway.command(&["check"]), 80);
    assert!(shown.contains("\u{1b}[32mcan be started"), "{shown:?}");
}

#[test]
fn the_command_says_why_it_would_refuse_and_what_to_do_and_ends_with_3() {
    let (gateway, _upstream) = gateway();
    let ada = gateway.user();
    for (arguments, code) in [
        (vec!["GET", "/nowhere"], "404 `not_found`"),
        (vec!["GET", "/app"], "401 `token_missing`"),
        (vec!["GET", "/app", "--token", "x"], "401 `token_invalid`"),
        (vec!["GET", "/admin", "--token", &ada.access], "403 `insufficient_scope`"),
        (vec!["GET", "/app/../x"], "400 `ambiguous_path`"),
    ] {
        let (status, said, _) = explain(&gateway, &arguments);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains(&format!("verdict      refuse: {code}")), "{code}\n{said}");
        assert!(said.contains("next  "), "{said}");
    }
}

#[test]
fn a_token_can_come_from_a_file_and_the_answer_can_be_for_programs() {
    let (gateway, _upstream) = gateway();
    let ada = gateway.user();
    let file = gateway.data.with_file_name("token");
    std::fs::write(&file, format!("{}\n", ada.access)).unwrap();
    let arguments = ["GET", "/admin", "--json", "--token-file", file.to_str().unwrap()];
    let (status, said, _) = explain(&gateway, &arguments);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (status, &told["verdict"], &told["code"]),
        (3, &"refuse".into(), &"insufficient_scope".into())
    );
    assert_eq!(told["steps"][0]["stage"], "route");
}

#[test]
fn an_answer_explains_itself_to_operators_who_ask() {
    let (gateway, upstream) = gateway();
    let ada = gateway.user();
    let asked = |path: &str| ada.request("GET", path).header("x-gateway-explain", "1").send();
    let allowed = asked("/app/x");
    let why = allowed.header("x-gateway-explain");
    assert!(why.starts_with("route: `app`: /app; ") && why.ends_with("verdict: allow"), "{why}");
    assert!(!upstream.only().has("x-gateway-explain"));
    let refused = asked("/admin");
    assert_eq!(refused.status, 403);
    let why = refused.header("x-gateway-explain");
    assert!(why.contains("revocation: in force") && why.ends_with("refuse, insufficient_scope"), "{why}");
    assert_eq!(ada.get("/app").header("x-gateway-explain"), "");
}

/// Fields and content of a request, and which way it takes where there is a lane.
const WAYS: [(&str, &str, &str); 6] = [
    ("Accept: */*", "", "lane"),
    ("Content-Length: 2", "ok", "lane"),
    ("TE: trailers", "", "trailers"),
    ("Upgrade: x", "", "upgrade"),
    ("Connection: x-own", "", "connection"),
    ("Transfer-Encoding: gzip", "", "none"),
];

#[test]
fn which_way_a_request_takes_is_explained_as_it_is_counted() {
    let upstream = Upstream::start();
    for open in ["true", "false"] {
        let gateway = setup(&upstream).env("GATEWAY__SERVER__FAST_PATH", open).start();
        for (fields, content, way) in WAYS {
            let way = if (open, way) == ("false", "lane") { "closed" } else { way };
            let arguments = ["explain", "GET", "/open", "--host", "a", "--header", fields];
            let words = gateway.run(&arguments).1;
            let words = words.lines().find_map(|line| line.strip_prefix("way          ")).unwrap();
            let program = gateway.run(&[&arguments[..], &["--json"]].concat()).1;
            let told: serde_json::Value = serde_json::from_str(&program).unwrap();
            assert_eq!(told["way"].as_str().unwrap_or("none"), way, "{fields}");
            let line = "GET /open HTTP/1.1\r\nHost: a\r\nX-Gateway-Explain: 1";
            let reply =
                Raw::connect(gateway.address).send(format!("{line}\r\n{fields}\r\n\r\n{content}")).reply();
            let why = reply.and_then(|reply| reply.field("x-gateway-explain")).unwrap_or_default();
            assert_eq!(why.contains(&format!("; way: {words}; ")), way != "none", "{fields}: {why}");
            let counted = || gateway.total("gateway_http_ways_total", &[("route", "open"), ("way", way)]);
            eventually("it is counted", || way == "none" || counted() > 0.0);
        }
    }
}

#[test]
fn what_is_refused_after_who_asks_was_admitted_is_explained_as_refused() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).route("small", "/small", "app", "body_bytes_max = 1").start();
    let asked = gateway.user().request("POST", "/small").header("x-gateway-explain", "1").body("12").send();
    assert_eq!(asked.status, 413);
    let why = asked.header("x-gateway-explain");
    assert!(why.contains("authorize: ") && why.ends_with("; verdict: refuse, body_too_large"), "{why}");
}

#[test]
fn nobody_else_is_told() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let reply = gateway.user().request("GET", "/api/todos").header("x-gateway-explain", "1").send();
    assert_eq!((reply.status, reply.header("x-gateway-explain")), (200, ""));
    assert!(!upstream.only().has("x-gateway-explain"));
}

#[test]
fn a_request_without_a_host_is_told_of_it_where_each_route_is_for_hosts() {
    let hosted = Setup::new("").upstream("app", "127.0.0.1:1");
    let hosted = hosted.route("app", "/", "app", "hosts = [\"a.example\"]");
    let gateway = hosted.clone().start();
    let (status, said, _) = explain(&gateway, &["GET", "/x"]);
    assert_eq!(status, 3);
    let hint = "Route `app` has this path for the host a.example";
    assert!(said.contains(hint) && said.contains("no host was named"), "{said}");
    let (_, said, _) = explain(&gateway, &["--host", "b.example", "GET", "/x"]);
    assert!(said.contains(hint) && said.contains("not for b.example"), "{said}");
    // Beside a route for any host, too.
    assert!(gateway.reload(&hosted.route("other", "/other", "app", "")));
    let (_, said, _) = explain(&gateway, &["GET", "/x"]);
    assert!(said.contains(hint), "{said}");
    let (status, _, said) = explain(&gateway, &["--host", "https://a.example", "GET", "/x"]);
    assert!(status == 1 && said.contains("--host is a name"), "{said}");
}

#[test]
fn without_any_route_the_command_says_so() {
    let gateway = Setup::new("").start();
    let (_, said, _) = explain(&gateway, &["GET", "/x"]);
    assert!(said.contains("There are no routes yet"), "{said}");
}

#[test]
fn what_is_wrong_with_a_token_of_ours_is_told_to_the_operator() {
    let (mut gateway, _upstream) = gateway();
    let ada = gateway.user();
    let changed = sign(&access_claims(&ada), "CANARY-other-key-5d1f0c7e9b3a4286-CANARY");
    let elsewhere = access(&with(access_claims(&ada), "ins", "0189b6f2-1c3d-4e5f-8a9b-0c1d2e3f4a5b".into()));
    let long = access(&with(access_claims(&ada), "exp", (now() + 90_000).into()));
    for (token, why) in [
        (&ada.refresh, "It is a refresh token"),
        (&changed, "its signature is by none of the keys"),
        (&elsewhere, "It is of the installation "),
        (&long, "tokens.access_lifetime_seconds is 3600"),
    ] {
        let (status, said, _) = explain(&gateway, &["GET", "/app", "--token", token]);
        assert!(status == 3 && said.contains(why), "{why}: {said}");
    }
    gateway.terminate();
}

#[test]
fn a_route_that_looks_at_cookies_only_is_not_told_to_want_authorization() {
    let upstream = Upstream::start();
    let pages = Setup::new("[cookies]\nenabled = true\n").upstream("app", &upstream.address.to_string());
    let gateway = pages.route("app", "/app", "app", "credentials = [\"cookie\"]").start();
    let ada = gateway.user();
    let (_, said, _) = explain(&gateway, &["GET", "/app", "--token", &ada.access]);
    assert!(said.contains("looks at cookies only") && said.contains("?mode=cookie"), "{said}");
    assert!(!said.contains("Authorization: Bearer"), "{said}");
}
