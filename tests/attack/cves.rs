//! What went wrong in others that stand where we stand: each replayed once, by the way it was done.

use serde_json::json;

use super::Siege;
use super::smuggling::{SMUGGLED, fire};
use super::tokens::good;
use crate::support::forge::{access, encode, now, with};
use crate::support::people::PASSWORD;
use crate::support::raw::Raw;

/// Each of these is refused with one of these statuses, and nothing reaches the upstream.
fn none_passes(siege: &Siege, statuses: &[u16], requests: &[String]) {
    for request in requests {
        let (status, rest) = fire(siege, request);
        assert!(statuses.contains(&status), "{request}: {status}");
        assert_eq!(rest, "", "{request} got a second answer");
        assert!(siege.got_through().is_empty(), "{request} got through");
    }
    siege.stands();
}

/// A request of a stranger's for this path, with these lines.
fn stranger(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway.example\r\n{lines}\r\n")
}

/// CVE-2026-25537 (jsonwebtoken): `exp` and `nbf` of another JSON type counted as absent.
#[test]
fn a_time_of_the_wrong_type_is_not_a_time_that_is_absent() {
    let siege = Siege::begin();
    let past = now() - 60;
    for value in
        [json!(past.to_string()), json!(past as f64 + 0.5), json!([past]), json!({"at": past}), json!(true)]
    {
        for name in ["exp", "nbf", "iat"] {
            let token = access(&with(good(&siege), name, value.clone()));
            let reply = siege.gateway.client().get("/api/todos").bearer(&token).send();
            assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{name}: {value}");
        }
    }
    assert!(siege.got_through().is_empty());
}

/// CVE-2026-2833 (Pingora): bytes after an upgrade request were passed on before there was a 101.
#[test]
fn bytes_after_an_upgrade_request_do_not_reach_the_upstream() {
    let siege = Siege::begin();
    for name in ["websocket", "h2c", "anything"] {
        let lines = format!("Connection: Upgrade\r\nUpgrade: {name}\r\n");
        let (_, rest) = fire(&siege, siege.head("GET /api/todos HTTP/1.1", &lines) + SMUGGLED);
        assert_eq!(rest, "", "{name}");
        let arrived = siege.got_through();
        assert!(
            arrived.len() <= 1
                && arrived.iter().all(|one| one.target() == "/api/todos" && one.body.is_empty())
        );
    }
    siege.stands();
}

/// CVE-2026-2835 (Pingora): lists and repetitions of Transfer-Encoding, and one on HTTP/1.0, were misread.
#[test]
fn a_transfer_encoding_that_is_a_list_repeated_or_of_http_1_0_is_refused() {
    let siege = Siege::begin();
    let post = |version: &str, lines: &str| {
        siege.head(&format!("POST /api/todos HTTP/{version}"), lines) + "0\r\n\r\n" + SMUGGLED
    };
    none_passes(
        &siege,
        &[0, 400],
        &[
            post("1.1", "Transfer-Encoding: identity, chunked\r\n"),
            post("1.1", "Transfer-Encoding: chunked, identity\r\n"),
            post("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            post("1.1", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"),
            post("1.0", "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n"),
            post("1.0", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
        ],
    );
}

/// CVE-2025-4366 (Pingora): the unread body of a request that was answered early was read as a request.
#[test]
fn the_unread_body_of_an_early_answer_is_not_the_next_request() {
    let siege = Siege::begin();
    let large = SMUGGLED.repeat(5_000);
    for body in [SMUGGLED, large.as_str()] {
        let lines = format!("Content-Length: {}\r\n", body.len());
        let mut raw = Raw::connect(siege.gateway.address);
        raw.send(stranger("/api/todos", &lines) + body);
        let status = raw.reply().map_or(0, |reply| reply.status);
        assert!(status == 401 || (status == 0 && body.len() > 65_536), "{status}");
        let again = raw.send(stranger("/api/todos/again", "")).reply().map_or(0, |reply| reply.status);
        assert!([0, 401].contains(&again), "{again}");
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}

/// CVE-2025-64484 (oauth2-proxy), and CVE-2026-39858 (Traefik) with its dots: other separators in the
/// names of identity and forwarding headers.
#[test]
fn aliases_of_identity_headers_with_underscores_and_dots_are_stripped() {
    let siege = Siege::begin();
    for separator in ["_", ".", "-_"] {
        let lines =
            ["X-User-Id", "X-User-Role", "X-Forwarded-User", "X-Auth-Request-Email", "X-Forwarded-Proto"]
                .map(|name| format!("{}: admin\r\n", name.replacen('-', separator, 9)));
        for path in ["/api/todos", "/public", "/optional"] {
            siege.status(siege.head(&format!("GET {path} HTTP/1.1"), &lines.concat()));
            let arrived = siege.got_through().pop().unwrap();
            assert!(
                arrived.headers.iter().all(|(_, value)| value != "admin") || separator == "-_",
                "{arrived:?}"
            );
            assert!(!arrived.folded("x-user-role").contains(&"admin"), "{arrived:?}");
        }
    }
}

/// CVE-2021-32813 (Traefik): `Connection: X-…` made the proxy drop the header that it had set itself.
#[test]
fn a_nomination_by_connection_does_not_remove_what_we_insert() {
    let siege = Siege::begin();
    siege.status(
        siege.head("GET /api/todos HTTP/1.1", "Connection: X-User-Id, X-User-Role, X-Request-Id\r\n"),
    );
    let arrived = siege.got_through().pop().unwrap();
    assert_eq!(
        (arrived.one("x-user-id"), arrived.one("x-user-role")),
        (siege.ada.id.to_string().as_str(), "user")
    );
    assert!(!arrived.one("x-request-id").is_empty());
    let forwarding = siege.head("GET /api/todos HTTP/1.1", "Connection: X-Forwarded-For\r\n");
    none_passes(&siege, &[400], &[forwarding]);
}

/// CVE-2026-35051 (Traefik): a client's X-Forwarded-Prefix was believed.
#[test]
fn a_forwarded_prefix_of_a_client_is_dropped() {
    let siege = Siege::begin();
    siege.status(siege.head("GET /public HTTP/1.1", "X-Forwarded-Prefix: /admin\r\nX_Forwarded_Prefix: /admin\r\nX-Forwarded-Server: x\r\nX-Forwarded-Port: 1\r\n"));
    let arrived = siege.got_through().pop().unwrap();
    for name in ["x-forwarded-prefix", "x-forwarded-server", "x-forwarded-port"] {
        assert!(arrived.folded(name).is_empty(), "{name}");
    }
}

/// CVE-2026-40575 (oauth2-proxy), CVE-2023-27487 (Envoy), CVE-2025-29927 (Next.js), CVE-2026-34457
/// (oauth2-proxy): a header of the client's chose the path, or skipped the check.
#[test]
fn no_header_decides_whether_a_request_is_checked() {
    let siege = Siege::begin();
    let lines = [
        "X-Forwarded-Uri: /public",
        "X-Original-URI: /public",
        "X-Original-URL: /public",
        "X-Rewrite-URL: /public",
        "X-Envoy-Original-Path: /public",
        "X-Middleware-Subrequest: middleware:middleware:middleware:middleware:middleware",
        "User-Agent: GoogleHC/1.0",
        "User-Agent: kube-probe/1.30",
        "User-Agent: ELB-HealthChecker/2.0",
        "X-HTTP-Method-Override: OPTIONS",
        "X-Forwarded-Host: 127.0.0.1",
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-IP: 127.0.0.1",
        "Host: localhost",
        "Forwarded: for=127.0.0.1;host=localhost",
        "Origin: null",
        "Referer: http://gateway.example/public",
        "X-Requested-With: XMLHttpRequest",
        "X-Internal: true",
        "X-Gateway-Assertion: a.b.c",
        "Content-Type: application/grpc",
        "Access-Control-Request-Method: GET",
    ];
    for line in lines {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "PROPFIND"] {
            for path in ["/api/todos", "/handed-on", "/api/admin", "/api/auth/profile", "/api/auth/users"] {
                let host = if line.starts_with("Host") { "" } else { "Host: gateway.example\r\n" };
                let mut raw = Raw::connect(siege.gateway.address);
                let answered = raw
                    .send(format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{line}\r\n\r\n"))
                    .rest();
                let refused =
                    ["HTTP/1.1 401", "HTTP/1.1 405"].iter().any(|start| answered.starts_with(start))
                        || answered.contains("grpc-status: 16")
                        || answered.contains("grpc-status: 12");
                assert!(refused, "{method} {path} with {line}: {answered}");
            }
        }
    }
    assert!(siege.got_through().is_empty());
    siege.stands();
}

/// CVE-2021-32777, CVE-2021-32779, CVE-2021-29492, CVE-2019-9901 (Envoy), GHSA-p224-6x5r-fjpm (Oathkeeper),
/// CVE-2026-34908: fragments, dot segments and escaped slashes below a public prefix.
#[test]
fn a_public_prefix_is_no_way_to_a_protected_path() {
    let siege = Siege::begin();
    let targets = [
        "/public/../api/todos",
        "/public/..%2fapi/todos",
        "/public/%2e%2e/api/todos",
        "/public/..%5capi",
        "/public#/../api/todos",
        "/public/..\\api",
        "/api/public/../todos",
        "/api/public/..%2ftodos",
        "//api/todos",
        "/public/..;/api/todos",
        "/public%2f..%2fapi",
    ];
    let requests: Vec<_> = targets.iter().map(|target| stranger(target, "")).collect();
    none_passes(&siege, &[0, 400], &requests);
}

/// CVE-2021-40346 (HAProxy): a field name of 270 characters overflowed into Content-Length.
#[test]
fn a_field_name_that_is_too_long_for_one_byte_is_only_a_long_name() {
    let siege = Siege::begin();
    for length in [254, 255, 256, 270, 300, 512] {
        let name = format!("Content-Length0{}", "a".repeat(length - 15));
        let lines = format!("{name}:\r\nContent-Length: {}\r\n", SMUGGLED.len());
        let (status, rest) = fire(&siege, siege.head("POST /api/todos HTTP/1.1", &lines) + SMUGGLED);
        assert_eq!((status, rest.as_str()), (200, ""), "{length}");
        let arrived = siege.got_through();
        assert!(arrived.len() == 1 && arrived[0].body == SMUGGLED.as_bytes(), "{arrived:?}");
    }
    siege.stands();
}

/// CVE-2023-25725 (HAProxy): an empty field name hid the fields after it. CVE-2023-40225 (HAProxy): an
/// empty Content-Length was passed on.
#[test]
fn an_empty_field_name_and_an_empty_length_are_refused() {
    let siege = Siege::begin();
    let post = |lines: &str| siege.head("POST /api/todos HTTP/1.1", lines) + SMUGGLED;
    none_passes(
        &siege,
        &[0, 400],
        &[
            post(": x\r\nContent-Length: 5\r\n"),
            post(":\r\nX-User-Id: 1\r\n"),
            post("Content-Length:\r\n"),
            post("Content-Length: \t\r\n"),
            post("Content-Length:\r\nContent-Length: 5\r\n"),
        ],
    );
}

/// CVE-2025-24806 (Authelia): two spellings of one account had two counters of failed logins.
#[test]
fn every_spelling_of_an_account_shares_one_counter_of_failed_logins() {
    let siege = Siege::with(|setup| {
        setup.env("GATEWAY__LIMITS__LOGIN_ACCOUNT_ADDRESS", "{requests=4,window_seconds=600}")
    });
    let email = "grace@example.com";
    let login = |email: &str, password: &str| {
        siege
            .gateway
            .client()
            .post("/api/auth/login")
            .json(&json!({"email": email, "password": password}))
            .send()
            .status
    };
    siege
        .gateway
        .client()
        .post("/api/auth/register")
        .json(&json!({"email": email, "password": PASSWORD}))
        .send();
    let spellings = [
        email,
        "Grace@Example.com",
        " grace@example.com",
        "grace@example.com\n",
        "GRACE@EXAMPLE.COM",
        "\tgrace@EXAMPLE.com",
    ];
    let statuses: Vec<_> = spellings.iter().map(|email| login(email, "Wrong-Password-1")).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 429, 429]);
    assert_eq!(login("other@example.com", "Wrong-Password-1"), 401);
}

/// CVE-2026-25748 (authentik): a malformed cookie gave 200 without an identity.
#[test]
fn malformed_credentials_are_no_credentials() {
    let siege = Siege::begin();
    let lines = [
        "Cookie: =;;=\r\n",
        "Cookie: session=\u{1}x\r\n",
        "Cookie: \u{ff}\r\n",
        "Authorization: \u{ff}\u{fe}\r\n",
        "Authorization: Bearer \u{e9}\r\n",
        "Authorization:\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer ,\r\n",
        "Authorization: Bearer \"\"\r\n",
    ];
    let requests: Vec<_> = lines
        .iter()
        .flat_map(|line| ["/api/todos", "/handed-on", "/api/auth/profile"].map(|path| stranger(path, line)))
        .collect();
    none_passes(&siege, &[0, 400, 401], &requests);
}

/// CVE-2022-24797 (Pomerium): what is for operators stood on the public listener.
#[test]
fn metrics_health_and_profiles_are_not_on_the_public_listener() {
    let siege = Siege::begin();
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/debug/pprof/",
        "/admin",
        "/actuator/env",
        "/server-status",
        "/.env",
        "/config",
    ] {
        let reply = siege.ada.get(path);
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
    assert_eq!(siege.gateway.operator().get("/metrics").send().status, 200);
    assert_eq!(siege.gateway.operator().post("/metrics").send().status, 405);
    assert_eq!(siege.gateway.operator().get("/debug/pprof/").send().status, 404);
}

/// CVE-2022-21449 (Java): a signature of zeros was valid for everything.
#[test]
fn a_signature_of_zeros_signs_nothing() {
    let siege = Siege::begin();
    for (alg, bytes) in [("ES256", 64), ("ES384", 96), ("EdDSA", 64), ("HS256", 32), ("RS256", 256)] {
        let token = format!(
            "{}.{}.{}",
            encode(format!(r#"{{"alg":"{alg}"}}"#)),
            encode(good(&siege).to_string()),
            encode(vec![0; bytes])
        );
        let reply = siege.gateway.client().get("/api/todos").bearer(&token).send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{alg}");
    }
    assert!(siege.got_through().is_empty());
}

/// CVE-2016-5385 (httpoxy): `Proxy` became HTTP_PROXY for CGI programs behind a server.
#[test]
fn the_proxy_header_is_dropped() {
    let siege = Siege::begin();
    siege.status(siege.head("GET /public HTTP/1.1", "Proxy: http://evil.example\r\nPROXY: x\r\n"));
    assert!(siege.got_through().pop().unwrap().folded("proxy").is_empty());
}
