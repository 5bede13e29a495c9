//! Too much of everything: heads, targets and bodies over their limits are refused with a word, and
//! nothing half-done reaches the upstream.

use super::Siege;
use super::smuggling::fire;
use crate::support::gateway::Setup;
use crate::support::raw::Raw;

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

/// A head of about this many bytes with one large field.
fn head_of(siege: &Siege, bytes: usize) -> String {
    let head = siege.head("GET /api/todos HTTP/1.1", "");
    head.replace(
        "\r\n\r\n",
        &format!("\r\nX-Large: {}\r\n\r\n", "a".repeat(bytes.saturating_sub(head.len() + 11))),
    )
}

/// A route of its own that takes 1,000 bytes; the others take ten megabytes.
fn small(setup: Setup) -> Setup {
    let setup = setup.env("GATEWAY__LIMITS__BODY_BYTES_MAX", "10485760");
    setup.route("small", "/small", "service", "body_bytes_max = 1000")
}

#[test]
fn a_head_over_32_kib_is_told_so_and_a_larger_one_is_not_kept_in_memory() {
    let siege = Siege::begin();
    assert_eq!(siege.status(head_of(&siege, 31 * KIB)), 200);
    assert_eq!(siege.got_through().len(), 1);
    for bytes in [33 * KIB, 64 * KIB, 200 * KIB] {
        let (status, rest) = fire(&siege, head_of(&siege, bytes));
        assert_eq!((status, rest.as_str()), (431, ""), "{bytes}");
    }
    let many = "X-Many: 1234567890123456789012345678901234567890\r\n".repeat(33 * KIB / 50);
    assert!([400, 431].contains(&fire(&siege, siege.head("GET /api/todos HTTP/1.1", &many)).0));
    // Who sends without end is cut off in the middle: the answer may be lost with the connection.
    for bytes in [2 * MIB, 8 * MIB] {
        assert!([0, 400, 431].contains(&fire(&siege, head_of(&siege, bytes)).0), "{bytes}");
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}

#[test]
fn three_hundred_fields_and_fields_without_end_are_refused() {
    let siege = Siege::begin();
    let fields = |count: usize| (0..count).map(|number| format!("X-{number}: 1\r\n")).collect::<String>();
    assert_eq!(siege.status(siege.head("GET /api/todos HTTP/1.1", &fields(200))), 200);
    siege.upstream.forget();
    for count in [300, 3_000, 30_000] {
        assert!(
            [0, 400, 431].contains(&fire(&siege, siege.head("GET /api/todos HTTP/1.1", &fields(count))).0),
            "{count}"
        );
    }
    let nominated = format!("Connection: {}\r\n", vec!["x"; 5_000].join(","));
    assert!([400, 431].contains(&siege.status(siege.head("GET /api/todos HTTP/1.1", &nominated))));
    assert!(siege.got_through().is_empty());
    siege.stands();
}

#[test]
fn a_target_without_end_is_refused() {
    let siege = Siege::begin();
    for target in [
        format!("/api/{}", "a".repeat(MIB)),
        format!("/api?{}", "a".repeat(MIB)),
        "/a".repeat(MIB / 2),
        "/%61".repeat(20_000),
        format!("/{}", "../".repeat(20_000)),
    ] {
        assert!([0, 400, 431].contains(&fire(&siege, siege.head(&format!("GET {target} HTTP/1.1"), "")).0));
    }
    assert_eq!(siege.status(siege.head(&format!("GET /api/{} HTTP/1.1", "a".repeat(8_000)), "")), 200);
    assert_eq!(siege.got_through().len(), 1);
    let method = "A".repeat(20_000);
    assert!(
        [0, 200, 400, 405].contains(&siege.status(siege.head(&format!("{method} /api/todos HTTP/1.1"), "")))
    );
    siege.stands();
}

#[test]
fn a_body_over_the_limit_of_its_route_is_refused_before_it_is_read() {
    let siege = Siege::with(small);
    for (path, length) in [
        ("/api/todos", "10485761"),
        ("/public", "10485761"),
        ("/small", "1001"),
        ("/api/todos", "9999999999"),
        ("/small", "18446744073709551615"),
    ] {
        let reply = siege
            .raw(siege.head(&format!("POST {path} HTTP/1.1"), &format!("Content-Length: {length}\r\n")))
            .unwrap();
        assert_eq!(reply.status, 413, "{path} {length}");
        assert!(reply.text().contains("body_too_large"), "{}", reply.text());
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}

#[test]
fn a_body_in_chunks_over_the_limit_never_arrives_as_a_whole_one() {
    let siege = Siege::with(small);
    let chunk = |bytes: usize| format!("{bytes:x}\r\n{}\r\n", "a".repeat(bytes));
    for (path, chunks) in [
        ("/small", chunk(1_001)),
        ("/small", chunk(100).repeat(11)),
        ("/small", chunk(1).repeat(1_001)),
        ("/api/todos", chunk(MIB).repeat(11)),
    ] {
        let head = siege.head(&format!("POST {path} HTTP/1.1"), "Transfer-Encoding: chunked\r\n");
        let (status, rest) = fire(&siege, format!("{head}{chunks}0\r\n\r\n"));
        assert!([0, 413].contains(&status) && rest.is_empty(), "{path}: {status} {rest}");
        assert!(siege.got_through().is_empty(), "{path}: what was cut off looked whole to the upstream");
    }
    for (path, bytes) in [("/small", 1_000), ("/api/todos", 10 * MIB)] {
        let whole = siege.ada.request("POST", path).body(vec![b'a'; bytes]).send();
        assert_eq!((whole.status, siege.got_through()[0].body.len()), (200, bytes));
        let head = siege.head(&format!("POST {path} HTTP/1.1"), "Transfer-Encoding: chunked\r\n");
        assert_eq!(siege.status(format!("{head}{}0\r\n\r\n", chunk(bytes))), 200);
        assert_eq!(siege.got_through()[0].body.len(), bytes);
    }
    siege.stands();
}

#[test]
fn a_body_over_64_kib_is_refused_by_the_endpoints() {
    let siege = Siege::begin();
    for path in [
        "/api/auth/login",
        "/api/auth/register",
        "/api/auth/refresh",
        "/api/auth/logout",
        "/api/auth/profile",
    ] {
        let head = |lines: &str| siege.head(&format!("POST {path} HTTP/1.1"), lines);
        let declared = siege.raw(head("Content-Length: 65537\r\n")).unwrap();
        assert_eq!(declared.status, 413, "{path}: {}", declared.text());
        assert!(declared.text().contains("body_too_large"));
        let chunks = format!("{:x}\r\n{}\r\n", 8_000, "a".repeat(8_000)).repeat(9);
        assert_eq!(
            fire(&siege, format!("{}{chunks}0\r\n\r\n", head("Transfer-Encoding: chunked\r\n"))).0,
            413,
            "{path}"
        );
    }
    siege.stands();
}

#[test]
fn a_body_that_ends_too_early_never_arrives_as_a_whole_one() {
    let siege = Siege::begin();
    for (lines, body) in [
        ("Content-Length: 10\r\n", "12345"),
        ("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\r\n12"),
        ("Transfer-Encoding: chunked\r\n", "5"),
    ] {
        for path in ["/api/todos", "/public", "/api/auth/login"] {
            let mut raw = Raw::connect(siege.gateway.address);
            raw.send(siege.head(&format!("POST {path} HTTP/1.1"), lines) + body);
            raw.stream().shutdown(std::net::Shutdown::Write).unwrap();
            let answered = raw.rest();
            assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 4"), "{path} {body:?}: {answered}");
            let arrived = siege.got_through();
            assert!(arrived.is_empty(), "{path} {body:?}: {arrived:?}");
        }
    }
    siege.stands();
}
