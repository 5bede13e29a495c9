//! What a path may hold below a route's own: encoded slashes, doubled ones and parameters, byte for byte.

use crate::support::gateway::{Gateway, Setup, run};
use crate::support::h2::H2;
use crate::support::raw::{Raw, RawReply};
use crate::support::upstream::Upstream;

const ALL: &str = "auth = \"public\"\npath_allows = [\"%2F\", \"//\", \";\"]\n";

fn setup(upstream: &Upstream) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string())
}

fn get(gateway: &Gateway, target: &str) -> RawReply {
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    Raw::connect(gateway.address).send(head).reply().unwrap()
}

/// What the service was asked for, where it was.
fn forwarded(gateway: &Gateway, upstream: &Upstream, target: &str) -> Option<String> {
    upstream.forget();
    let reply = get(gateway, target);
    assert!([200, 400].contains(&reply.status), "{target}: {reply:?}");
    assert_eq!(reply.status == 400, upstream.arrived().is_empty(), "{target}");
    upstream.arrived().first().map(|one| one.target().to_owned())
}

#[test]
fn what_a_route_allows_below_its_path_reaches_the_service_byte_for_byte() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("queues", "/api/queues", "app", "auth = \"public\"\npath_allows = [\"%2F\"]")
        .route("all", "/all", "app", ALL)
        .config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\n")
        .start();
    let mut h2 = H2::plain(gateway.further[0]).unwrap();
    for target in [
        "/api/queues/%2F/x?columns=name",
        "/api/queues/%2f/%7E%41",
        "/all/@scope%2fpkg",
        "/all//a//",
        "/all/a;v=1,2/b;c",
        "/all/%3Bx/%2F%2f//;",
    ] {
        assert_eq!(forwarded(&gateway, &upstream, target).as_deref(), Some(target), "{target}");
        assert_eq!(h2.get(target, &[]).unwrap().status, 200, "{target}");
        assert!(upstream.arrived().iter().all(|one| one.target() == target), "{target}");
    }
    for target in ["/api/queues//x", "/api/queues/a;b", "/api%2Fqueues/x", "/api/queues%2F/x", "/all;x/y"] {
        assert_eq!(forwarded(&gateway, &upstream, target), None, "{target}");
    }
}

#[test]
fn dots_backslashes_and_controls_are_refused_whatever_a_route_allows() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).route("site", "/", "app", ALL).start();
    for target in [
        "/a/..%2Fb",
        "/a/..;/b",
        "/a/%2F../b",
        "/a/.//b",
        "/a/;/../b",
        "/a//%2e%2e/b",
        "/a//%252e%252e%252Fb",
        "/a//.;x",
        "/a%5Cb//",
        "/a\\b//",
        "/a//%00",
        "/a//%0a",
        "/a//%ff",
        "/a//%",
        "/a//%c0%ae",
        "//evil.example/x",
        "//",
        "/a//#b",
    ] {
        assert_eq!(forwarded(&gateway, &upstream, target), None, "{target}");
    }
    assert_eq!(forwarded(&gateway, &upstream, "/@scope%2fpkg").as_deref(), Some("/@scope%2fpkg"));
}

#[test]
fn no_such_path_reaches_or_imitates_an_endpoint_of_the_gateway() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).route("site", "/", "app", ALL).start();
    for target in [
        "/api/auth//login",
        "/api//auth/login",
        "/api%2Fauth%2Flogin",
        "/api;x/auth/login",
        "/api/auth;/login",
        "/API%2Fauth/login",
        "/api%252Fauth//login",
        "//api/auth/login",
        "/.well-known%2Fjwks.json",
    ] {
        let reply = get(&gateway, target);
        assert_eq!(
            (reply.status, reply.field("cache-control").as_deref()),
            (400, Some("no-store")),
            "{target}"
        );
        assert!(reply.text().contains("\"ambiguous_path\""), "{target}: {reply:?}");
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_prefix_is_cut_off_and_what_is_left_begins_with_one_slash() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("cut", "/cut", "app", &format!("{ALL}strip_prefix = true"))
        .route("put", "/{tenant}/put", "app", &format!("{ALL}replace_prefix = \"/v2\""))
        .start();
    for (sent, seen) in [
        ("/cut/%2F/x", Some("/%2F/x")),
        ("/cut/a//b?c", Some("/a//b?c")),
        ("/cut//evil.example/x", None),
        ("/cut//", None),
        ("/acme/put//x", Some("/v2//x")),
        ("/acme/put/;x", Some("/v2/;x")),
        ("/acme;x/put/y", None),
    ] {
        assert_eq!(forwarded(&gateway, &upstream, sent).as_deref(), seen, "{sent}");
    }
}

#[test]
fn a_path_that_some_service_reads_as_one_of_another_route_is_refused() {
    let (upstream, other) = (Upstream::start(), Upstream::start());
    let gateway = setup(&upstream)
        .upstream("other", &other.address.to_string())
        .route("wide", "/app", "app", ALL)
        .route("narrow", "/app/open", "app", "auth = \"public\"")
        .route("foreign", "/app/admin", "other", "roles = [\"admin\"]")
        .start();
    for target in [
        "/app/admin%2Fx",
        "/app//admin/x",
        "/app/admin;x",
        "/app/;/admin",
        "/app/x%2F%2Fopen;y/..",
        "/app/open;x/y",
        "/app/open%2Fx",
        "/app/%2Fopen",
    ] {
        assert_eq!(forwarded(&gateway, &upstream, target), None, "{target}");
    }
    assert!(other.arrived().is_empty());
    assert_eq!(forwarded(&gateway, &upstream, "/app/opened%2Fx").as_deref(), Some("/app/opened%2Fx"));
}

#[test]
fn who_asks_by_forward_authentication_and_who_comes_by_plain_http_are_told_the_same() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("all", "/all", "app", "path_allows = [\"%2F\"]")
        .env("GATEWAY__SERVER__TRUSTED_PROXIES", "[127.0.0.1]")
        .start();
    let ada = gateway.user();
    let ask = |path: &str| {
        let request = gateway.client().get("/api/auth/verify").bearer(&ada.access);
        request.header("x-forwarded-method", "GET").header("x-forwarded-uri", path).send().status
    };
    assert_eq!([ask("/all/a%2Fb"), ask("/all//b"), ask("/all/..%2Fb")], [200, 400, 400]);
    assert_eq!(get(&gateway, "/all/a%2Fb").status, 401);
    assert_eq!(ada.get("/all/a%2Fb").status, 200);
}

#[test]
fn the_refusal_and_the_explanation_name_the_setting() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).route("npm", "/npm", "app", "auth = \"public\"").start();
    let reply = gateway.client().get("/npm/@scope%2fpkg").send();
    reply.is_refused(400, "Ambiguous request path", "ambiguous_path");
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("`%2F`") && detail.contains("`path_allows`") && !detail.contains("npm"),
        "{detail}"
    );
    gateway.says("\"path\":\"/npm/@scope%2fpkg\",\"route\":\"npm\"");
    let config = gateway.config().to_str().unwrap();
    let (status, said, _) = run(&["explain", "--config", config, "GET", "/npm/@scope%2fpkg"], &[]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("`npm` (/npm)") && said.contains("path_allows = [\"%2F\"]"), "{said}");
}

#[test]
fn a_choice_that_says_nothing_or_opens_something_is_a_fault_with_its_mend() {
    let upstream = Upstream::start();
    let complaint = |more: &str| {
        let setup = setup(&upstream).route("site", "/", "app", &format!("auth = \"public\"\n{more}"));
        let setup = setup.route("admin", "/admin", "app", "roles = [\"admin\"]");
        setup.try_start().err().map_or_else(String::new, |failed| failed.stderr)
    };
    for (more, words) in [
        (
            "path_allows = [\"%2F\"]",
            "path_allows: a path below `/` could be read as one of `/admin`, where route `admin`",
        ),
        (
            "path_allows = [\"%3B\"]",
            "\"%3B\" is nothing that a path may hold; there are: \"%2F\", \"//\", \";\"; did you mean \";\"?",
        ),
        ("path_allows = [\"..\"]", "\"..\" is nothing that a path may hold"),
        ("path_allow = [\"%2F\"]", "path_allows"),
        ("match = \"exact\"\npath_allows = [\"//\"]", "path_allows says nothing with match = \"exact\""),
    ] {
        let said = complaint(more);
        assert!(said.contains(words), "{more}: {said}");
    }
    assert_eq!(complaint(""), "");
}

#[test]
fn an_expectation_can_be_written_about_such_a_path() {
    let upstream = Upstream::start();
    let expect = |path: &str, then: &str| {
        format!("[[routes.expect]]\nas = \"nobody\"\npath = \"{path}\"\nthen = \"{then}\"\n")
    };
    let expected = expect("/all/a%2Fb", "allow") + &expect("/all/..%2Fb", "ambiguous_path");
    setup(&upstream).route("all", "/all", "app", &format!("{ALL}{expected}")).start();
}
