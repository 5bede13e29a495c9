//! Where a route looks for who it is: in a header, in cookies, or in both.

use std::net::SocketAddr;

use super::{ACCESS, Tab};
use crate::support::command::check;
use crate::support::gateway::Setup;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

/// Cookies are on; a route for each way of looking.
fn before(upstream: SocketAddr) -> Setup {
    Setup::before(upstream)
        .route("app", "/app", "todo", "credentials = [\"cookie\"]")
        .route("both", "/both", "todo", "credentials = [\"header\", \"cookie\"]")
        .route("headers", "/headers", "todo", "credentials = [\"header\"]")
        .route("former", "/former", "todo", "cookie = false")
        .env("GATEWAY__COOKIES__ENABLED", "true")
        .unlimited()
}

#[test]
fn a_route_of_cookies_alone_leaves_authorization_to_its_service() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    for own in ["Bearer the.services.own", "Basic dXNlcjpwdw==", "Bearer a b", "token xyz"] {
        upstream.forget();
        let reply = tab.request("POST", "/app/x").header("authorization", own).send();
        assert_eq!(reply.status, 200, "{own} {}", reply.text());
        let arrived = upstream.only();
        assert_eq!((arrived.one("authorization"), arrived.one("x-user-email")), (own, tab.email.as_str()));
        assert!(!arrived.has("cookie"));
    }
    upstream.forget();
    let twice = format!(
        "GET /app HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nCookie: {}\r\n\r\n",
        tab.cookies()
    );
    assert_eq!(Raw::connect(gateway.address).send(twice).reply().unwrap().status, 200);
    assert_eq!(upstream.only().all("authorization"), ["Bearer a", "Bearer b"]);
}

#[test]
fn there_a_token_of_ours_in_a_header_lets_nobody_in_and_the_answer_says_why() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let reply = gateway.user().get("/app");
    reply.is_refused(401, "Missing authorization token", "token_missing");
    assert!(reply.json()["detail"].as_str().unwrap().contains("known by its cookies alone"));
    let nobody = gateway.client().get("/headers").send();
    assert!(nobody.json().get("detail").is_none(), "elsewhere it is as it was: {}", nobody.text());
    assert!(upstream.arrived().is_empty());
}

#[test]
fn there_a_page_of_another_origin_is_refused_as_everywhere() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let foreign = tab.bare("POST", "/app").header("sec-fetch-site", "cross-site");
    let reply = foreign.header("authorization", "Bearer the.services.own").send();
    assert_eq!((reply.status, reply.code().as_str()), (403, "csrf_refused"));
    tab.age();
    let renewed = tab.get("/app");
    assert_eq!((renewed.status, super::kept(&renewed).len()), (200, 3), "its session is renewed on the way");
    assert_eq!(upstream.arrived().len(), 1);
}

#[test]
fn where_both_are_looked_at_two_are_refused_and_a_header_alone_knows_no_cookies() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let with = |path: &str| tab.request("GET", path).bearer(&tab.cookie(ACCESS)).send();
    for path in ["/both", "/api/todos"] {
        with(path).is_refused(400, "More than one access token in the request", "invalid_request");
        assert_eq!(tab.get(path).status, 200, "{path}");
    }
    for path in ["/headers", "/former"] {
        assert_eq!((with(path).status, tab.get(path).code().as_str()), (200, "token_missing"), "{path}");
        assert_eq!(with(path).header("vary"), "", "{path}");
    }
}

#[test]
fn another_proxy_is_answered_by_what_the_route_looks_at() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).config("[server]\ntrusted_proxies = [\"127.0.0.1\"]").start();
    let tab = Tab::of_a_user(&gateway);
    let ask = |path: &str| {
        let asked = tab.request("GET", "/api/auth/verify").header("x-forwarded-uri", path);
        asked.header("x-forwarded-method", "GET").header("authorization", "Bearer the.services.own").send()
    };
    assert_eq!(ask("/app").header("x-user-email"), tab.email);
    assert_eq!(ask("/both").code(), "invalid_request");
    assert_eq!(ask("/headers").code(), "token_invalid");
}

#[test]
fn another_spelling_of_a_route_that_takes_no_cookies_is_no_way_for_them() {
    let upstream = Upstream::start();
    let setup = Setup::new("[cookies]\nenabled = true\n").upstream("app", &upstream.address.to_string());
    let setup =
        setup.route("all", "/", "app", "").route("admin", "/admin", "app", "credentials = [\"header\"]");
    let gateway = setup.start();
    let tab = Tab::of_a_user(&gateway);
    assert_eq!((tab.get("/x").status, tab.get("/admin").code().as_str()), (200, "token_missing"));
    for path in ["/ADMIN", "/admin.", "/admin%20/users"] {
        assert_eq!(tab.get(path).code(), "ambiguous_path", "{path}");
    }
}

#[test]
fn a_manifest_that_a_browser_fetches_without_cookies_is_told_what_to_do() {
    let upstream = Upstream::start();
    let explained = before(upstream.address).env("GATEWAY__SERVER__EXPLAIN_TO", "[\"127.0.0.1\"]");
    let gateway = explained.start();
    let fetch = |path: &str, kind: &str| {
        let request = gateway.client().get(path).header("sec-fetch-dest", kind);
        request.header("x-gateway-explain", "1").send()
    };
    for path in ["/app/manifest.json", "/both/manifest.json", "/api/todos/manifest.json"] {
        let reply = fetch(path, "manifest");
        reply.is_refused(401, "Missing authorization token", "token_missing");
        assert!(reply.json()["detail"].as_str().unwrap().contains("use-credentials"), "{}", reply.text());
        assert!(reply.header("x-gateway-explain").contains("use-credentials"), "{reply:?}");
    }
    for (path, kind) in [("/headers/manifest.json", "manifest"), ("/both/x", "document"), ("/both/x", "")] {
        assert!(fetch(path, kind).json().get("detail").is_none(), "{path} {kind}");
    }
}

#[test]
fn the_command_that_explains_knows_of_manifests_and_of_routes_of_cookies_alone() {
    let gateway = before(Upstream::start().address).start();
    let explain = |path: &str| {
        let (status, said, _) = gateway.run(&["explain", "GET", path]);
        assert_eq!(status, 3, "{said}");
        said
    };
    assert!(
        explain("/api/todos/site.webmanifest").contains("note         Browsers fetch a web app manifest")
    );
    assert!(explain("/app/x").contains("note         Here a browser is known by its cookies alone"));
    assert!(!explain("/headers/manifest.json").contains("note "));
}

#[test]
fn each_fault_in_the_list_is_told_with_its_mend() {
    let on = "[cookies]\nenabled = true\n";
    for (cookies, more, needles) in [
        (
            on,
            "credentials = [\"cookies\"]",
            &["`routes[0].credentials[0]` = \"cookies\"", "did you mean `cookie`?"][..],
        ),
        (on, "credentials = \"cookie\"", &["`routes[0].credentials`", "must be a list"]),
        (on, "credentials = []", &["credentials = []", "auth = \"public\""]),
        (on, "credentials = [\"cookie\", \"cookie\"]", &["twice"]),
        (on, "credentials = [\"cookie\"]\nauth = \"public\"", &["credentials says nothing", "leave it out"]),
        (
            on,
            "credentials = [\"cookie\"]\nwebsocket = true\nwebsocket_token = true",
            &["websocket_token", "add \"header\""],
        ),
        (on, "credentials = [\"cookie\"]\ncookie = true", &["former name of credentials"]),
        ("", "credentials = [\"cookie\"]", &["[cookies] enabled = true"]),
    ] {
        let routes = "[[upstreams]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n[[routes]]\nname = \"r\"\npath = \"/\"\nupstream = \"a\"\n";
        let (status, said) = check(&format!("{cookies}{routes}{more}\n"));
        assert_eq!(status, 78, "{more}\n{said}");
        needles.iter().for_each(|needle| assert!(said.contains(needle), "{more} lacks {needle}:\n{said}"));
    }
}

#[test]
fn the_former_form_is_still_read_and_what_says_nothing_is_told() {
    let route = |more: &str| {
        let text = "[cookies]\nenabled = true\n[[upstreams]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n[[routes]]\nname = \"r\"\npath = \"/\"\nupstream = \"a\"\n";
        let (status, said) = check(&format!("{text}{more}\n"));
        assert_eq!(status, 0, "{more}\n{said}");
        said
    };
    assert!(route("cookie = false").contains("write credentials = [\"header\"]"));
    assert!(route("cookie = true").contains("former form of credentials; leave it out"));
    assert!(route("cookie = false\nauth = \"public\"").contains("former form"));
    let idle = route("credentials = [\"cookie\"]\nforward_authorization = true");
    assert!(idle.contains("forward_authorization says nothing"), "{idle}");
    assert!(!route("credentials = [\"header\", \"cookie\"]").contains("credentials"));
}

#[test]
fn an_operator_who_asks_with_cookies_hears_what_their_browser_would() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let cookie = format!("Cookie: {ACCESS}={}", tab.cookie(ACCESS));
    let foreign = "Sec-Fetch-Site: cross-site";
    for (method, path, fields) in [
        ("GET", "/app", vec![&*cookie]),
        ("GET", "/both", vec![&cookie, "Authorization: Bearer x"]),
        ("GET", "/both", vec![concat!("Cookie: __Host-gateway_access=", "bad")]),
        ("POST", "/app", vec![&cookie, foreign]),
        ("GET", "/headers", vec![&cookie]),
    ] {
        let sent = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", fields.join("\r\n"));
        let status = Raw::connect(gateway.address).send(sent).reply().unwrap().status;
        let asked = ["explain", "--json", "--host", "x", method, path];
        let fields = fields.iter().flat_map(|field| ["--header", field]);
        let (_, said, wrong) = gateway.run(&asked.into_iter().chain(fields).collect::<Vec<_>>());
        let told: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{wrong}"));
        assert_eq!(told["status"].as_u64().unwrap_or(200), u64::from(status), "{method} {path}: {said}");
    }
}
