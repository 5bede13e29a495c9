//! The most specific route decides: by host, then by path, then by method.

use crate::support::gateway::{Gateway, Setup};
use crate::support::upstream::Upstream;

/// Every route is public, and says its name in a header that it sets.
fn routes(upstream: &Upstream, routes: &[(&str, &str, &str)]) -> Gateway {
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let named = |name: &str, more: &str| {
        format!("auth = \"public\"\nrequest_headers = {{ set = {{ \"X-Chosen\" = \"{name}\" }} }}\n{more}")
    };
    let setup = routes
        .iter()
        .fold(setup, |setup, (name, path, more)| setup.route(name, path, "app", &named(name, more)));
    setup.start()
}

/// The name of the route that a request came by, or why it went nowhere.
fn chosen(gateway: &Gateway, upstream: &Upstream, method: &str, host: &str, path: &str) -> String {
    upstream.forget();
    let reply = gateway.client().request(method, path).header("host", host).send();
    match upstream.arrived().first() {
        Some(arrived) => arrived.one("x-chosen").to_owned(),
        None => format!("{} {}", reply.status, reply.header("allow")).trim_end().to_owned(),
    }
}

#[test]
fn a_host_by_name_wins_over_a_wildcard_and_that_over_any_host() {
    let upstream = Upstream::start();
    let gateway = routes(
        &upstream,
        &[
            ("any", "/", ""),
            ("app", "/", "hosts = [\"app.example.com\", \"www.example.com\"]"),
            ("below", "/", "hosts = [\"*.example.com\"]"),
        ],
    );
    for (host, name) in [
        ("app.example.com", "app"),
        ("APP.Example.COM:8443", "app"),
        ("www.example.com", "app"),
        ("api.example.com", "below"),
        ("a.b.example.com", "below"),
        ("example.com", "any"),
        ("evil-example.com", "any"),
        ("app.example.com.evil.org", "any"),
    ] {
        assert_eq!(chosen(&gateway, &upstream, "GET", host, "/x"), name, "{host}");
    }
}

#[test]
fn a_literal_segment_wins_over_a_parameter_and_that_over_a_prefix() {
    let upstream = Upstream::start();
    let gateway = routes(
        &upstream,
        &[
            ("all", "/", ""),
            ("user", "/users/{id}", "match = \"exact\""),
            ("me", "/users/me", "match = \"exact\""),
            ("files", "/users/{id}/files", ""),
        ],
    );
    for (path, name) in [
        ("/users/7", "user"),
        ("/users/me", "me"),
        ("/users/m%65", "me"),
        ("/users/me/", "all"),
        ("/users/7/files/a/b", "files"),
        ("/users/7/filesystem", "all"),
        ("/Users/7", "all"),
    ] {
        assert_eq!(chosen(&gateway, &upstream, "GET", "h", path), name, "{path}");
    }
}

#[test]
fn a_method_that_no_route_of_the_path_names_is_405_and_takes_no_other_path() {
    let upstream = Upstream::start();
    let gateway = routes(
        &upstream,
        &[
            ("open", "/", ""),
            ("read", "/reports", "methods = [\"GET\"]"),
            ("write", "/reports", "methods = [\"POST\", \"PUT\"]"),
        ],
    );
    for (method, name) in [
        ("GET", "read"),
        ("HEAD", "read"),
        ("PUT", "write"),
        ("DELETE", "405 GET, HEAD, POST, PUT"),
        ("FROB", "405 GET, HEAD, POST, PUT"),
    ] {
        assert_eq!(chosen(&gateway, &upstream, method, "h", "/reports/1"), name, "{method}");
    }
    gateway.client().delete("/reports").send().is_refused(405, "Method not allowed", "method_not_allowed");
}

#[test]
fn hosts_whose_routes_do_not_cover_the_path_leave_it_to_less_specific_ones() {
    let upstream = Upstream::start();
    let gateway =
        routes(&upstream, &[("any", "/shared", ""), ("app", "/app", "hosts = [\"app.example.com\"]")]);
    assert_eq!(chosen(&gateway, &upstream, "GET", "app.example.com", "/shared/x"), "any");
    assert_eq!(chosen(&gateway, &upstream, "GET", "other.example.com", "/app"), "404");
    assert_eq!(chosen(&gateway, &upstream, "GET", "app.example.com", "/nowhere"), "404");
}

#[test]
fn what_a_client_says_of_another_host_or_path_chooses_no_route() {
    let upstream = Upstream::start();
    let setup = Setup::new("")
        .upstream("app", &upstream.address.to_string())
        .route("open", "/open", "app", "auth = \"public\"\nhosts = [\"open.example.com\"]")
        .route("closed", "/", "app", "");
    let gateway = setup.start();
    for name in
        ["x-forwarded-host", "x-original-host", "x-host", "forwarded", "x-forwarded-uri", "x-original-url"]
    {
        for value in ["open.example.com", "/open", "host=open.example.com"] {
            let reply = gateway.client().get("/open").header(name, value).send();
            reply.is_refused(401, "Missing authorization token", "token_missing");
        }
    }
    assert!(upstream.arrived().is_empty());
}
