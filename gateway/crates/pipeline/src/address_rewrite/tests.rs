//! What is told to either side, and what is left as it is.

use super::*;
use crate::Target;

fn side<'a>(origin: &'a str, prefix: &'a str) -> Side<'a> {
    let (scheme, authority) = origin.split_once("://").unwrap();
    Side { is_secure: scheme == "https", authority, prefix }
}

fn rewrite<'a>(outer: (&'a str, &'a str), inner: (&'a str, &'a str)) -> AddressRewrite<'a> {
    AddressRewrite { outer: side(outer.0, outer.1), inner: side(inner.0, inner.1), servers: &[] }
}

fn text(told: Option<Vec<u8>>) -> Option<String> {
    told.map(|told| String::from_utf8(told).unwrap())
}

#[track_caller]
fn shows(rewrite: AddressRewrite<'_>, cases: &[(&str, &str)]) {
    for (url, shown) in cases {
        let wanted = (shown != url).then(|| (*shown).to_owned());
        assert_eq!(text(rewrite.shown(url.as_bytes())), wanted, "{url}");
    }
}

#[test]
fn behind_tls_a_service_that_knows_of_none_is_told_as_https() {
    let port = rewrite(("https://a.test:8443", ""), ("http://a.test:8443", ""));
    shows(
        port,
        &[
            ("http://a.test:8443/dir/?x#y", "https://a.test:8443/dir/?x#y"),
            ("HTTP://A.test:8443", "https://a.test:8443/"),
            ("https://a.test:8443/dir/", "https://a.test:8443/dir/"),
            ("/dir/", "/dir/"),
            ("//a.test:8443/x", "//a.test:8443/x"),
            ("http://a.test/dir/", "http://a.test/dir/"),
            ("http://a.test:84430/", "http://a.test:84430/"),
            ("http://a.test:8443.evil.test/", "http://a.test:8443.evil.test/"),
            ("http://a.test:8443@evil.test/", "http://a.test:8443@evil.test/"),
            ("http://evil.test/?http://a.test:8443/", "http://evil.test/?http://a.test:8443/"),
            ("http:/a.test:8443/", "http:/a.test:8443/"),
            ("mailto:a@a.test", "mailto:a@a.test"),
            ("", ""),
        ],
    );
    let usual = rewrite(("https://a.test", ""), ("http://a.test", ""));
    shows(usual, &[("http://a.test/x", "https://a.test/x"), ("http://a.test:80/x", "https://a.test/x")]);
}

#[test]
fn nobody_is_sent_from_https_to_http() {
    let plain = rewrite(("http://a.test", "/app"), ("http://a.test", ""));
    shows(plain, &[("https://a.test/x", "https://a.test/x"), ("http://a.test/x", "http://a.test/app/x")]);
    let plain = rewrite(("http://a.test", ""), ("https://a.test", ""));
    shows(plain, &[("https://a.test/x", "https://a.test/x")]);
    // What is named with its port has been spoken to without TLS this very moment.
    let plain = rewrite(("http://a.test:8080", ""), ("https://a.test:8080", ""));
    shows(plain, &[("https://a.test:8080/x", "http://a.test:8080/x")]);
}

#[test]
fn a_prefix_that_was_taken_away_is_put_back_once() {
    let stripped = rewrite(("http://a.test", "/app"), ("http://a.test", ""));
    shows(
        stripped,
        &[
            ("/", "/app/"),
            ("/login?next=/x", "/app/login?next=/x"),
            ("/app/login", "/app/login"),
            ("/app", "/app"),
            ("/application", "/app/application"),
            ("http://a.test", "http://a.test/app/"),
            ("//a.test/x", "//a.test/app/x"),
            ("next", "next"),
            ("../x", "../x"),
            ("?page=2", "?page=2"),
            ("http://b.test/x", "http://b.test/x"),
            ("//b.test/x", "//b.test/x"),
        ],
    );
    let replaced = rewrite(("http://a.test", "/api/v1"), ("http://a.test", "/v2"));
    shows(replaced, &[("/v2/x", "/api/v1/x"), ("/v2", "/api/v1"), ("/v20/x", "/v20/x"), ("/", "/")]);
}

#[test]
fn no_address_becomes_another_host() {
    let below = rewrite(("https://a.test", ""), ("http://a.test", "/base"));
    shows(
        below,
        &[
            ("/base/x", "/x"),
            ("/base", "/"),
            ("/base//evil.test/", "/base//evil.test/"),
            ("/base/\\evil.test", "/base/\\evil.test"),
            ("/base/\t/evil.test", "/base/\t/evil.test"),
            ("http://a.test/base//evil.test/", "https://a.test//evil.test/"),
            ("http://a.test\\@evil.test/base/", "http://a.test\\@evil.test/base/"),
        ],
    );
}

#[test]
fn a_name_that_only_we_use_is_told_as_the_clients() {
    let renamed = rewrite(("https://a.test", ""), ("http://localhost:8888", ""));
    shows(
        renamed,
        &[
            ("http://localhost:8888/tree", "https://a.test/tree"),
            ("https://a.test/tree", "https://a.test/tree"),
            ("http://a.test/tree", "https://a.test/tree"),
            ("http://localhost/tree", "http://localhost/tree"),
        ],
    );
    let of_tls = rewrite(("http://a.test", ""), ("https://app.internal", ""));
    shows(of_tls, &[("https://app.internal/x", "http://a.test/x")]);
}

#[test]
fn a_service_may_name_the_port_on_which_it_listens_itself() {
    let servers =
        [80, 8081].map(|port| Server { target: Target::Tcp(([127, 0, 0, 1], port).into()), weight: 1 });
    let plain = AddressRewrite {
        servers: &servers,
        ..rewrite(("https://a.test:8443", ""), ("http://a.test:8443", ""))
    };
    shows(
        plain,
        &[
            ("http://a.test:8081/dir/", "https://a.test:8443/dir/"),
            ("http://a.test/dir/", "https://a.test:8443/dir/"),
            ("http://a.test:8082/dir/", "http://a.test:8082/dir/"),
            ("https://a.test:8081/dir/", "https://a.test:8081/dir/"),
            ("http://b.test:8081/dir/", "http://b.test:8081/dir/"),
            ("http://a.test:8081x/", "http://a.test:8081x/"),
            ("http://a@a.test:8081/", "http://a@a.test:8081/"),
        ],
    );
}

#[test]
fn a_refresh_has_an_address_too() {
    let stripped = rewrite(("https://a.test", "/app"), ("http://a.test", ""));
    for (value, told) in [
        ("5; url=/next", Some("5; url=/app/next")),
        ("0;URL='http://a.test/x'", Some("0;URL='https://a.test/app/x'")),
        ("0, url=\"/x\"", Some("0, url=\"/app/x\"")),
        ("5", None),
        ("5; url=http://b.test/?url=/x", None),
        ("5; /x?url=/y", None),
        ("url=", None),
    ] {
        assert_eq!(text(stripped.refresh(value.as_bytes())).as_deref(), told, "{value}");
    }
}

#[test]
fn a_cookie_is_for_the_paths_and_the_host_that_the_client_knows() {
    let stripped = rewrite(("https://a.test", "/app"), ("http://jup.internal:8888", ""));
    for (value, told) in [
        ("a=1; Path=/; HttpOnly", Some("a=1; Path=/app; HttpOnly")),
        ("a=1;path=/x;Secure", Some("a=1; Path=/app/x;Secure")),
        ("a=1; Path=/app/x", None),
        ("a=1; Domain=.Jup.Internal; Path=/app", Some("a=1; Path=/app")),
        ("a=Path=/; Domain=a.test", None),
        ("__Host-a=1; Secure; Path=/", None),
        ("a=1; Path=x", None),
        ("a=1; Path", None),
        ("", None),
    ] {
        assert_eq!(text(stripped.cookie(value.as_bytes())).as_deref(), told, "{value}");
    }
    let replaced = rewrite(("https://a.test", "/api"), ("http://a.test", "/v2"));
    assert_eq!(text(replaced.cookie(b"a=1; Path=/v2/")).as_deref(), Some("a=1; Path=/api"));
    assert_eq!(text(replaced.cookie(b"a=1; Path=/")), None, "it is wider than what the client can ask for");
}

#[test]
fn what_the_client_names_is_known_to_the_service_by_its_own_name() {
    let rewrite = rewrite(("https://a.test:8443", "/dav"), ("http://a.test:8443", ""));
    for (url, known) in [
        ("https://a.test:8443/dav/b%20c.txt", Some("http://a.test:8443/b%20c.txt")),
        ("http://a.test:8443/dav", Some("http://a.test:8443/")),
        ("/dav/b.txt", Some("/b.txt")),
        ("/davis/b.txt", None),
        ("https://a.test:8443/other/b.txt", None),
        ("https://evil.test/dav/b.txt", None),
    ] {
        assert_eq!(text(rewrite.known(url.as_bytes())).as_deref(), known, "{url}");
    }
    let tagged =
        "<https://a.test:8443/dav/x> (<opaquelocktoken:1> [\"e\"]) <http://b.test/dav/y> (<urn:uuid:2>)";
    let told = tagged.replace("https://a.test:8443/dav/x", "http://a.test:8443/x");
    assert_eq!(text(rewrite.known_within(tagged.as_bytes())), Some(told));
    assert_eq!(rewrite.known_within(b"(<opaquelocktoken:1>) <open"), None);
}

#[test]
fn a_page_of_the_services_own_is_one_under_its_other_name_and_a_foreign_one_stays_foreign() {
    let rewrite = rewrite(("https://a.test", ""), ("http://localhost:8888", ""));
    for (value, told) in [
        ("https://a.test", Some("http://localhost:8888")),
        ("https://A.test/tree?x", Some("http://localhost:8888/tree?x")),
        ("http://a.test", None),
        ("https://a.test.evil.test", None),
        ("https://a.test:8443", None),
        ("null", None),
    ] {
        assert_eq!(text(rewrite.of_own_page(value.as_bytes())).as_deref(), told, "{value}");
    }
}
