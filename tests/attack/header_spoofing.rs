//! Headers that claim an identity, an address or another request: the upstream hears them from the
//! gateway or not at all.

use super::Siege;
use super::other_proxies::SAID_BY_PROXIES;
use crate::support::gateway::Setup;
use crate::support::raw::Raw;
use crate::support::upstream::{Arrived, Upstream};

/// What services behind proxies believe: identities, origins, and requests that replace the request.
const BELIEVED: [&str; 40] = [
    "X-User-Id",
    "X-User-Email",
    "X-User-Role",
    "X-User-Name",
    "X-User-Groups",
    "X-User",
    "X-Gateway-Assertion",
    "Remote-User",
    "Remote-Email",
    "Remote-Groups",
    "Remote-Name",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Access-Token",
    "X-Auth-Request-Preferred-Username",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Access-Token",
    "X-WEBAUTH-USER",
    "X-WEBAUTH-ROLE",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Host",
    "X-Original-Method",
    "X-Rewrite-URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "Forwarded",
    "X-Real-IP",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "Proxy",
];
/// What a name may hold beside letters and digits (RFC 9110 §5.6.2); a CGI server sees `_` for each.
const SEPARATORS: &str = "-_.!#$%&'*+^`|~";

/// Nothing in this request is believed but what the gateway itself says; `who` is nobody or Ada.
fn only_ours(siege: &Siege, arrived: &Arrived, who: Option<&str>) {
    let ada = siege.ada.id.to_string();
    for name in BELIEVED {
        let expected = match name {
            "X-User-Id" => who.map(|_| ada.as_str()),
            "X-User-Email" => who.map(|_| siege.ada.email.as_str()),
            "X-User-Role" => who,
            "X-Forwarded-For" | "X-Real-IP" => Some("127.0.0.1"),
            "X-Forwarded-Host" => Some("gateway.example"),
            "X-Forwarded-Proto" => Some("http"),
            _ => None,
        };
        assert_eq!(arrived.folded(name), expected.as_slice(), "{name} in {arrived:?}");
    }
    for name in SAID_BY_PROXIES {
        assert!(arrived.folded(name).is_empty(), "{name} in {arrived:?}");
    }
}

/// The routes, whether a token is sent, and as whom the upstream then knows the client.
const WAYS: [(&str, bool, Option<&str>); 6] = [
    ("/api/todos", true, Some("user")),
    ("/handed-on", true, Some("user")),
    ("/optional", true, Some("user")),
    ("/optional", false, None),
    ("/public", false, None),
    ("/public", true, None),
];

pub(super) fn send(siege: &Siege, path: &str, with_token: bool, lines: &str) -> Arrived {
    let token =
        if with_token { format!("Authorization: Bearer {}\r\n", siege.ada.access) } else { String::new() };
    let reply =
        siege.raw(format!("GET {path} HTTP/1.1\r\nHost: gateway.example\r\n{token}{lines}\r\n")).unwrap();
    assert_eq!(reply.status, 200, "{path} with {lines}: {}", reply.text());
    siege.got_through().pop().unwrap()
}

#[test]
fn no_spelling_of_a_believed_name_passes_on_any_kind_of_route() {
    let siege = Siege::begin();
    for separator in SEPARATORS.chars() {
        for case in [str::to_owned, str::to_lowercase, str::to_uppercase] {
            let lines: String = BELIEVED
                .iter()
                .chain(&SAID_BY_PROXIES)
                .map(|name| format!("{}: 1\r\n", case(&name.replace('-', &separator.to_string()))))
                .collect();
            for (path, with_token, who) in WAYS {
                only_ours(&siege, &send(&siege, path, with_token, &lines), who);
            }
        }
    }
    siege.stands();
}

#[test]
fn repeated_mixed_and_empty_ones_do_not_pass_either() {
    let siege = Siege::begin();
    for lines in [
        "X-User-Id: 1\r\nX-User-Id: 2\r\nx-user-id: 3\r\n",
        "X_User-Id: 1\r\nX.User_Id: 1\r\n",
        "X-User-Id:\r\nX-User-Role:\r\n",
        "X-User-Role: user, admin\r\n",
        "X-User-Id: 1\tadmin\r\n",
        "X-User-Id: \u{ff}\r\n",
        "X-User-Role:admin\r\n",
        "X-User-Role: admin  \r\n",
    ] {
        for (path, with_token, who) in WAYS {
            only_ours(&siege, &send(&siege, path, with_token, lines), who);
        }
    }
}

#[test]
fn connection_cannot_nominate_our_headers_away() {
    let siege = Siege::begin();
    for nominated in [
        "X-User-Id",
        "X-User-Id, X-User-Email, X-User-Role",
        "close, x-user-id,x-user-role",
        "keep-alive, X-Forwarded-For, X-Real-IP",
        "X-Forwarded-Host, X-Forwarded-Proto",
        "X-Request-Id, traceparent",
        "X_User_Id, x.user.role",
        "Authorization",
        "Host",
        "Host, close",
        "Cookie",
    ] {
        for (path, with_token, who) in WAYS {
            let lines = format!("Connection: {nominated}\r\nX-User-Id: 1\r\nX-User-Role: admin\r\n");
            let token = if with_token {
                format!("Authorization: Bearer {}\r\n", siege.ada.access)
            } else {
                String::new()
            };
            let reply = siege
                .raw(format!("GET {path} HTTP/1.1\r\nHost: gateway.example\r\n{token}{lines}\r\n"))
                .unwrap();
            // What says where a request comes from and where it goes cannot be nominated at all.
            if ["Host", "X-Forwarded"].iter().any(|protected| nominated.contains(protected)) {
                assert_eq!(reply.status, 400, "{nominated}");
                assert!(siege.got_through().is_empty(), "{nominated}");
                continue;
            }
            assert_eq!(reply.status, 200, "{nominated} on {path}: {}", reply.text());
            let arrived = siege.got_through().pop().unwrap();
            only_ours(&siege, &arrived, who);
            assert_eq!(arrived.one("host"), "gateway.example", "{nominated}");
            assert!(!arrived.one("x-request-id").is_empty());
        }
    }
    siege.stands();
}

#[test]
fn connection_cannot_nominate_the_framing_away() {
    let siege = Siege::begin();
    let smuggled = "GET /api/admin HTTP/1.1\r\nHost: a\r\nX-User-Role: admin\r\n\r\n";
    for nominated in [
        "Content-Length",
        "content-length, close",
        "Transfer-Encoding",
        "X-User-Id, Content-Length, Transfer-Encoding",
    ] {
        for body in [
            format!("Content-Length: {}\r\n\r\n{smuggled}", smuggled.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len()),
        ] {
            let head = siege.head("POST /api/todos HTTP/1.1", &format!("Connection: {nominated}\r\n"));
            let reply = siege.raw(format!("{}{body}", head.strip_suffix("\r\n").unwrap()));
            let status = reply.map_or(0, |reply| reply.status);
            assert!([0, 200, 400].contains(&status), "{nominated}: {status}");
            siege.ada.get("/api/todos");
            let arrived = siege.got_through();
            let (last, first) = arrived.split_last().unwrap();
            assert!(last.line.starts_with("GET /api/todos "), "{nominated}: {arrived:?}");
            assert!(
                first.len() <= 1 && first.iter().all(|one| one.body == smuggled.as_bytes()),
                "{nominated}: {arrived:?}"
            );
        }
    }
    siege.stands();
}

#[test]
fn trailers_never_become_headers() {
    let siege = Siege::begin();
    for path in ["/api/todos", "/public", "/optional"] {
        let lines = "Trailer: X-User-Id, X-User-Role\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n";
        let body = "2\r\nhi\r\n0\r\nX-User-Id: 1\r\nX-User-Role: admin\r\nX-Gateway-Assertion: a\r\n\r\n";
        let reply = siege.raw(format!("{}{body}", siege.head(&format!("POST {path} HTTP/1.1"), lines)));
        assert!(reply.is_none_or(|reply| [200, 400].contains(&reply.status)), "{path}");
        // What came after the body would now stand in front of the next request.
        siege.ada.get("/public/after");
        for arrived in siege.got_through() {
            let who = (arrived.target() == "/api/todos" || arrived.target() == "/optional").then_some("user");
            if arrived.target() != "/public/after" {
                only_ours(&siege, &arrived, who);
                assert_eq!((arrived.target(), arrived.body.as_slice()), (path, b"hi".as_slice()));
            }
            assert!(!arrived.has("trailer") && !arrived.has("te"), "{arrived:?}");
        }
    }
    siege.stands();
}

#[test]
fn a_request_that_is_tried_again_carries_our_identity_once() {
    let siege = Siege::against(Upstream::that_hangs_up_after(1), |setup| setup);
    for _ in 0..3 {
        let reply = siege
            .ada
            .request("GET", "/api/todos")
            .header("x_user_id", "1")
            .header("x-user-role", "admin")
            .send();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let arrived = siege.upstream.arrived();
    assert!(arrived.len() > 3, "nothing was tried again: {}", arrived.len());
    for request in arrived {
        assert_eq!(request.folded("x-user-id"), [siege.ada.id.to_string()]);
        assert_eq!(request.folded("x-user-role"), ["user"]);
        assert_eq!(request.folded("x-forwarded-for"), ["127.0.0.1"]);
    }
}

#[test]
fn an_upstream_cannot_plant_an_identity_in_its_answer_or_name_its_software() {
    let lines: String = BELIEVED
        .iter()
        .flat_map(|name| [format!("{name}: 1\r\n"), format!("{}: 1\r\n", name.replace('-', "_"))])
        .collect();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nServer: secret/1.2.3\r\nKeep-Alive: timeout=1\r\n{lines}X-Mine: kept\r\nContent-Length: 2\r\n\r\nok"
    );
    let siege = Siege::against(Upstream::answering(&answer), |setup| setup);
    for (path, with_token, _) in WAYS {
        let token = if with_token {
            format!("Authorization: Bearer {}\r\n", siege.ada.access)
        } else {
            String::new()
        };
        let reply =
            siege.raw(format!("GET {path} HTTP/1.1\r\nHost: gateway.example\r\n{token}\r\n")).unwrap();
        let head = reply.head.to_lowercase();
        for name in BELIEVED.map(str::to_lowercase) {
            assert!(
                !head.contains(&format!("\n{name}:"))
                    && !head.contains(&format!("\n{}:", name.replace('-', "_"))),
                "{name} in {head}"
            );
        }
        assert!(
            !head.contains("secret") && !head.contains("\nserver:") && !head.contains("keep-alive: timeout"),
            "{head}"
        );
        assert!(head.contains("x-mine: kept"));
    }
}

#[test]
fn a_trailer_of_an_upstream_cannot_plant_an_identity_either() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n2\r\nok\r\n0\r\nX-User-Id: 1\r\nServer: secret\r\n\r\n";
    let siege = Siege::against(Upstream::answering(answer), |setup| setup);
    let answered = Raw::connect(siege.gateway.address)
        .send(siege.head("GET /api/todos HTTP/1.1", "Connection: close\r\n"))
        .rest()
        .to_lowercase();
    assert!(answered.starts_with("http/1.1 200"), "{answered}");
    assert!(!answered.contains("x-user-id: 1") && !answered.contains("secret"), "{answered}");
}

#[test]
fn the_token_stays_here_unless_the_route_asks_for_it_and_is_nobodys_on_a_public_one() {
    let siege = Siege::begin();
    let bearer = format!("Bearer {}", siege.ada.access);
    for (path, expected) in [
        ("/api/todos", None),
        ("/optional", None),
        ("/handed-on", Some(bearer.as_str())),
        ("/public", Some(bearer.as_str())),
    ] {
        assert_eq!(send(&siege, path, true, "").all("authorization"), expected.as_slice(), "{path}");
    }
    assert_eq!(
        send(&siege, "/public", false, "Authorization: Basic YTpi\r\n").one("authorization"),
        "Basic YTpi"
    );
    let arrived = send(
        &siege,
        "/api/todos",
        true,
        "Proxy-Authorization: Basic YTpi\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 9\r\nTE: gzip\r\nUpgrade: x\r\n",
    );
    for name in ["proxy-authorization", "proxy-connection", "keep-alive", "te", "upgrade"] {
        assert!(!arrived.has(name), "{name} in {arrived:?}");
    }
}

#[test]
fn what_a_stranger_says_of_addresses_and_ids_is_replaced_and_a_trusted_proxy_is_heard() {
    let lines = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /x\r\nForwarded: for=192.0.2.3\r\nX-Real-IP: 192.0.2.4\r\nX-Request-Id: chosen-7\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let siege = Siege::begin();
    let arrived = send(&siege, "/public", false, lines);
    only_ours(&siege, &arrived, None);
    assert_ne!(arrived.one("x-request-id"), "chosen-7");
    assert!(arrived.one("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));

    let trusting =
        Siege::with(|setup: Setup| setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1/32"]"#));
    let arrived = send(&trusting, "/public", false, lines);
    assert_eq!(arrived.one("x-request-id"), "chosen-7");
    assert_eq!(arrived.one("x-forwarded-for"), "192.0.2.2, 127.0.0.1");
    assert_eq!(arrived.one("x-real-ip"), "192.0.2.2");
    assert_eq!(arrived.one("x-forwarded-proto"), "https");
    assert!(arrived.folded("x-forwarded-prefix").is_empty() && arrived.folded("forwarded").is_empty());
    for broken in ["a b", "a;b", "\"a\"", "<script>", "{{7*7}}", "${jndi:ldap://a}", &"a".repeat(129), ""] {
        let arrived = send(&trusting, "/public", false, &format!("X-Request-Id: {broken}\r\n"));
        assert_ne!(arrived.one("x-request-id"), broken);
    }
}
