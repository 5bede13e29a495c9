//! The most specific route decides: by host, then by path, then by method.

use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::exchange;
use crate::support::upstream::Upstream;

/// Every route is public, and says its name in a header that it sets.
fn routes(upstream: &Upstream, routes: &[(&str, &str, &str)]) -> Gateway {
    let h2c = "[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true";
    let setup = Setup::new("").config(h2c).upstream("app", &upstream.address.to_string());
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

/// The same by each way to name a host: `Host`, the absolute form and `:authority` (RFC 9112 §3.2.2,
/// RFC 9113 §8.3.1).
fn chosen_by_each_way(gateway: &Gateway, upstream: &Upstream, host: &str) -> [String; 3] {
    let came_by = |ask: &dyn Fn()| {
        upstream.forget();
        ask();
        upstream.arrived().first().map_or("none", |arrived| arrived.one("x-chosen")).to_owned()
    };
    let plain = |target: &str| {
        drop(exchange(gateway.address, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")))
    };
    let uri = format!("http://{host}/x");
    [
        came_by(&|| plain("/x")),
        came_by(&|| plain(&uri)),
        came_by(&|| {
            // What is no URI at all cannot be sent.
            if let Ok(request) = http::Request::builder().uri(&uri).version(http::Version::HTTP_2).body(()) {
                drop(H2::plain(gateway.further[0]).unwrap().send(request, b"", None));
            }
        }),
    ]
}

#[test]
fn every_spelling_of_a_host_is_that_host_or_none_at_all() {
    let upstream = Upstream::start();
    let hosts = "hosts = [\"admin.example.com\", \"192.0.2.1\", \"[2001:db8::1]\"]";
    let gateway = routes(&upstream, &[("any", "/", ""), ("admin", "/", hosts)]);
    let by_each = |host: &str| chosen_by_each_way(&gateway, &upstream, host);
    assert_eq!(by_each("open.example.com"), ["any"; 3]);
    for same in [
        "ADMIN.example.com",
        "admin.example.com.",
        "admin.example.com.:443",
        "192.0.2.1.",
        "[2001:DB8:0:0::1]",
        "[2001:db8::0:1]:8080",
        "[::ffff:192.0.2.1]",
    ] {
        assert_eq!(by_each(same), ["admin"; 3], "{same}");
    }
    for none in [
        "admin.example.com..",
        "admin.example.com..:80",
        ".admin.example.com",
        "admin..example.com",
        "%61dmin.example.com",
        "user@admin.example.com",
        "192.0.513",
        "0xc0000201",
        "3221225985",
        "192.0.02.1",
    ] {
        assert_eq!(by_each(none), ["none"; 3], "{none}");
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
