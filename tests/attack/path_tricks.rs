//! Paths that two readers could understand in two ways: decided on one and served as another, a
//! public route would open a protected one.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Siege;

/// Where nobody needs a token.
const OPEN: [&str; 4] = ["/public", "/api/public", "/optional", "/loose"];

pub(super) fn request(target: &[u8], more: &str) -> Vec<u8> {
    let mut bytes = b"GET ".to_vec();
    bytes.extend_from_slice(target);
    bytes.extend_from_slice(format!(" HTTP/1.1\r\nHost: gateway.example\r\n{more}\r\n").as_bytes());
    bytes
}

/// What a service sees that undoes escapes once and takes `\` for `/`, `;` for the end of a
/// segment, and dots for what they mean.
fn resolved(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap();
    let mut bytes = path.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let escape: Vec<u8> = if byte == b'%' { bytes.clone().take(2).collect() } else { Vec::new() };
        match std::str::from_utf8(&escape).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(undone) if escape.len() == 2 => {
                decoded.push(undone);
                bytes.nth(1);
            }
            _ => decoded.push(byte),
        }
    }
    let mut segments: Vec<String> = Vec::new();
    for segment in String::from_utf8_lossy(&decoded).replace('\\', "/").split('/') {
        match segment.split(';').next().unwrap() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            plain => segments.push(plain.to_owned()),
        }
    }
    format!("/{}", segments.join("/"))
}

/// What stands here got through without a token, and must lead to nothing protected.
pub(super) fn only_open_paths(siege: &Siege, what: &str) {
    for arrived in siege.got_through() {
        let path = resolved(arrived.target());
        let open = OPEN
            .iter()
            .any(|open| path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        assert!(open, "{what} reached {:?}, which is {path}", arrived.target());
        assert!(arrived.folded("x-user-id").is_empty());
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_and_never_forwarded() {
    let siege = Siege::begin();
    let token = format!("Authorization: Bearer {}\r\n", siege.ada.access);
    let ambiguous: &[&[u8]] = &[
        b"/public/../api/todos",
        b"/public/./../api/todos",
        b"/public/..",
        b"/public/.",
        b"/public/../",
        b"/../api/todos",
        b"/./api/todos",
        b"/public/x/../../api/todos",
        b"/public/%2e%2e/api/todos",
        b"/public/%2E%2E/api/todos",
        b"/public/.%2e/api/todos",
        b"/public/%2e./api/todos",
        b"/public/%2e/x",
        b"/%2e%2e/api/todos",
        b"/public/..%2fapi%2ftodos",
        b"/public/..%2Fapi",
        b"/public%2f..%2fapi/todos",
        b"/public/%2e%2e%2fapi",
        b"/api%2ftodos",
        b"/api/todos%2f",
        b"/%2fapi/todos",
        b"/%2f%2fapi",
        b"/public/..\\api\\todos",
        b"/public\\..\\api",
        b"\\api\\todos",
        b"/\\api\\todos",
        b"/public/..%5capi",
        b"/public%5C..%5Capi",
        b"/api%5ctodos",
        b"//api/todos",
        b"///api/todos",
        b"/api//todos",
        b"/public//api/todos",
        b"/public//../api",
        b"/api/todos//",
        b"//gateway.example/api/todos",
        b"/public;/../api",
        b"/public/..;/api/todos",
        b"/public/.;/x",
        b"/api;x=y/todos",
        b"/api/todos;",
        b"/api/todos%3B",
        b"/api/todos%3bjsessionid=1",
        b"/public%3b/x",
        b"/public/%3B/api",
        b"/public/;/api",
        b"/;/api/todos",
        b"/public%00/api",
        b"/api/todos%00",
        b"/public/%00",
        b"/public%0a/api",
        b"/public%0d%0aX-User-Id:%201",
        b"/public/%09",
        b"/public/%1f",
        b"/public/%7f",
        b"/api/todos#",
        b"/public#/../api/todos",
        b"/api/todos#/public",
        b"/public?x#y",
        b"#",
        b"/#",
        b"/public/%",
        b"/public/%2",
        b"/public/%zz",
        b"/public/%u002e%u002e/api",
        b"/public/%+2e",
        b"/public/%2%65",
        b"/public/%c0%ae%c0%ae/api",
        b"/public/%c0%af",
        b"/public/%e0%80%ae%e0%80%ae/api",
        b"/public/%f0%80%80%ae",
        b"/public/%ff",
        b"/public/%c3",
        b"/public/%ed%a0%80",
        b"/public/\xff",
        b"/public/\xc0\xae\xc0\xae/api",
        b"/public/\xc3",
        b"/public/\xf0\x9f\x92",
        b"/public?\xff",
        b"*",
        b"foo/admin",
        b"api/todos",
        b"public/../api",
        b"?x=/public",
        b"",
        b"gateway.example:80",
        b"gateway.example",
        b"%2fapi%2ftodos",
        b".",
        b"..",
    ];
    for target in ambiguous {
        let shown = target.escape_ascii();
        for more in [token.as_str(), ""] {
            let status = siege.status(request(target, more));
            assert!([0, 400].contains(&status), "{shown}: {status}");
        }
        assert!(siege.got_through().is_empty(), "{shown} was forwarded");
    }
    siege.stands();
}

#[test]
fn one_path_has_one_spelling_which_is_decided_on_and_forwarded() {
    let siege = Siege::begin();
    let token = format!("Authorization: Bearer {}\r\n", siege.ada.access);
    for (sent, canonical) in [
        ("/api/todos", "/api/todos"),
        ("/%61pi/todos", "/api/todos"),
        ("/%61%70%69/%74odos", "/api/todos"),
        ("/api%2Dx/..", ""),
        ("/api/%7e", "/api/~"),
        ("/api/a%2dz%2Ez%5f", "/api/a-z.z_"),
        ("/api/caf%c3%a9", "/api/caf%C3%A9"),
        ("/api/a%20b", "/api/a%20b"),
        ("/api/a%3bb", ""),
        ("/api/%40", "/api/%40"),
        // Who undoes escapes twice could read it as `/api/admin`, which asks for more.
        ("/api/%252e%252e/admin", ""),
        ("/api/%252e%252e/x", "/api/%252e%252e/x"),
        ("/api/...", "/api/..."),
        ("/api/.x", "/api/.x"),
        ("/api/x..", "/api/x.."),
        ("/api/", "/api/"),
        ("/api/todos/", "/api/todos/"),
        ("/api/todos?next=/../%2f%2e//;x", "/api/todos?next=/../%2f%2e//;x"),
        ("/api/todos?", "/api/todos?"),
        ("/api/todos??", "/api/todos??"),
        ("http://gateway.example/api/todos?x=1", "/api/todos?x=1"),
        ("HTTP://gateway.example/%61pi", "/api"),
        ("/api:80@x,y=z!$&'()*+", "/api:80@x,y=z!$&'()*+"),
        ("/api/<x>\"[y]\"{z}|^`", "/api/%3Cx%3E%22%5By%5D%22%7Bz%7D%7C%5E%60"),
        ("/api/caf\u{e9}?q=\u{e9}\"<>", "/api/caf%C3%A9?q=%C3%A9%22%3C%3E"),
    ] {
        let (with, without) =
            (siege.status(request(sent.as_bytes(), &token)), siege.status(request(sent.as_bytes(), "")));
        let arrived = siege.got_through();
        match (with, without) {
            (200, 401) => {
                assert_eq!(arrived.iter().map(|one| one.target()).collect::<Vec<_>>(), [canonical], "{sent}")
            }
            (status, again) => {
                assert!(status == again && [400, 404].contains(&status), "{sent}: {status}, {again}");
                assert!(arrived.is_empty(), "{sent}");
                assert!(
                    !canonical.starts_with("/api/") && canonical != "/api",
                    "{sent} is a plain path: {status}"
                );
            }
        }
    }
    siege.stands();
}

#[test]
fn the_role_of_a_route_is_asked_under_every_spelling_of_its_path() {
    let siege = Siege::begin();
    for target in [
        "/api/admin",
        "/api/admin/",
        "/api/admin/x",
        "/api/%61dmin",
        "/%61pi/%61%64%6d%69%6e/x",
        "/api/admin?x=/api/todos",
        "http://gateway.example/api/admin",
        "/api/admin/public",
        "/api/admin/%70ublic",
    ] {
        assert_eq!(siege.ada.client.get("/api/todos").bearer(&siege.ada.access).send().status, 200);
        siege.upstream.forget();
        let head = siege.head(&format!("GET {target} HTTP/1.1"), "");
        assert_eq!(siege.status(head), 403, "{target}");
        assert!(siege.got_through().is_empty(), "{target}");
    }
}

#[test]
fn a_name_that_only_begins_like_a_route_is_not_that_route() {
    let siege = Siege::begin();
    for target in [
        "/publicx",
        "/public.json",
        "/public-api/todos",
        "/public%20",
        "/PUBLIC",
        "/Public/x",
        "/optionalx",
        "/",
        "/publi",
        "/public%25",
        "/%70ubli",
        "/handed-on2",
    ] {
        assert_eq!(siege.status(request(target.as_bytes(), "")), 404, "{target}");
    }
    for target in ["/apipublic", "/API/todos", "/Api", "/apix/public"] {
        assert_eq!(siege.status(siege.head(&format!("GET {target} HTTP/1.1"), "")), 404, "{target}");
    }
    for target in ["/api", "/api/", "/api/publicx", "/api/public.json", "/api/PUBLIC", "/api/x/public"] {
        assert_eq!(siege.status(request(target.as_bytes(), "")), 401, "{target}");
    }
    assert!(siege.got_through().is_empty());
}

#[test]
fn only_origin_form_and_absolute_form_of_the_same_authority_are_taken() {
    let siege = Siege::begin();
    for target in [
        "http://other.example/public",
        "http://other.example:80/public",
        "http://gateway.example:81/public",
        "http://user@gateway.example/public",
        "http://user:pw@gateway.example/public",
        "http://gateway.example@other.example/public",
        "http://gateway.example\\@other.example/public",
        "http:///public",
        "http:/public",
        "http:public",
        "http://",
        "ftp://gateway.example/public",
        "file:///public",
        "javascript:/public",
        "ws://gateway.example/public",
        "http://gateway.example#/public",
        "http://gateway.example/public/../api",
        "http://gateway.example//public",
        "http://gateway.example;/public",
        "http://gateway.example%2fpublic",
        "http://[::1]/public",
        "http://[::1/public",
        "://gateway.example/public",
        "http://gateway.example:port/public",
    ] {
        let status = siege.status(request(target.as_bytes(), ""));
        assert!([0, 400].contains(&status), "{target}: {status}");
        assert!(siege.got_through().is_empty(), "{target}");
    }
    // The slash in a query is no path: these ask for the root, to which nothing is routed.
    for target in [
        "http://gateway.example?x=/public",
        "http://gateway.example?/public/x",
        "http://gateway.example",
        "http://gateway.example/",
    ] {
        let status = siege.status(request(target.as_bytes(), ""));
        assert!([400, 404].contains(&status), "{target}: {status}");
        assert!(siege.got_through().is_empty(), "{target}");
    }
    for line in [
        "CONNECT gateway.example:80 HTTP/1.1",
        "CONNECT /public HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "TRACE /public HTTP/1.1",
        "TRACK /public HTTP/1.1",
        "trace /public HTTP/1.1",
        "Track /public HTTP/1.1",
        "connect /public HTTP/1.1",
    ] {
        let status = siege.status(siege.head(line, ""));
        assert!([0, 400, 405].contains(&status), "{line}: {status}");
        assert!(siege.got_through().is_empty(), "{line}");
    }
    siege.stands();
}

#[test]
fn a_request_line_is_three_words_and_nothing_else() {
    let siege = Siege::begin();
    for line in [
        "GET /public /api/todos HTTP/1.1",
        "GET /public HTTP/1.1 HTTP/1.1",
        "GET  /public  HTTP/1.1",
        "GET\t/public\tHTTP/1.1",
        "GET /public\t HTTP/1.1",
        "GET /pub\x0blic HTTP/1.1",
        "GET /public HTTP/1.1 x",
        "GET /public",
        "GET HTTP/1.1",
        "/public HTTP/1.1",
        "GET /public HTTP/0.9",
        "GET /public HTTP/2.0",
        "GET /public HTTP/1.2",
        "GET /public HTTP/11",
        "GET /public http/1.1",
        "GET /public HTTPS/1.1",
        "G\x00T /public HTTP/1.1",
        "GE T /public HTTP/1.1",
        "G(T /public HTTP/1.1",
        "GET /pub\0lic HTTP/1.1",
        "GET /public HTTP/1.1\0",
        "GET /public\r HTTP/1.1",
    ] {
        let status = siege.status(siege.head(line, ""));
        assert!([0, 400, 404].contains(&status), "{line:?}: {status}");
        assert!(siege.got_through().is_empty(), "{line:?} was forwarded");
    }
    siege.stands();
}

#[test]
fn no_path_without_a_token_ever_leads_to_anything_protected() {
    let siege = Siege::begin();
    let piece = prop_oneof![
        4 => proptest::sample::select(vec!["public", "api", "admin", "optional", "todos", "handed-on", "x"]),
        6 => proptest::sample::select(vec!["/", "/", "/", "..", ".", "//", "\\", ";", "%2e", "%2F", "%5c", "%00", "%25", "%252e", "%252f", "%61", "%70", "?", "#", "%", "%c0%ae", "*", ":", "@", "http://gateway.example", "%3b", "%23", "%3F", "é"]),
    ];
    let targets = proptest::collection::vec(piece, 1..10).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&(targets, any::<bool>()), |(target, rooted)| {
            let target = if rooted { format!("/{target}") } else { target };
            let status = siege.status(request(target.as_bytes(), ""));
            prop_assert!([0, 200, 400, 401, 404].contains(&status), "{}: {}", target, status);
            only_open_paths(&siege, &target);
            Ok(())
        })
        .unwrap();
    siege.stands();
}
