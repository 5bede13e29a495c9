//! Cookies in place of a header: where they are taken, and what is none.

use super::{ACCESS, CSRF, REFRESH, Tab, before};
use crate::support::authority::Authority;
use crate::support::forge::{access, claims, now, sign, sign_text, with};
use crate::support::gateway::{ACCESS_KEY, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

#[test]
fn routes_and_our_own_endpoints_take_them() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    assert_eq!(tab.get("/api/todos").status, 200);
    assert_eq!(upstream.only().one("x-user-email"), tab.email);
    assert_eq!(tab.get("/api/auth/profile").json()["user"]["email"], tab.email);
    assert_eq!(tab.get("/api/auth/users").code(), "admin_required");
    upstream.forget();
    assert_eq!(tab.get("/maybe").status, 200);
    assert_eq!(upstream.only().one("x-user-email"), tab.email);
    assert_eq!(gateway.client().get("/maybe").send().status, 200, "nobody passes there, too");
}

#[test]
fn a_public_route_looks_at_none() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    let reply = tab.request("POST", "/open").header("sec-fetch-site", "cross-site").send();
    assert_eq!((reply.status, reply.header("set-cookie")), (200, ""));
    assert!(!upstream.only().has("x-user-id"));
    assert_eq!(reply.header("vary"), "");
}

#[test]
fn a_route_may_take_header_tokens_only() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    assert_eq!(tab.get("/headers").code(), "token_missing");
    // There a cookie is nothing, so that it is no second token either.
    let reply = tab.bare("POST", "/headers").bearer(&tab.cookie(ACCESS)).send();
    assert_eq!(reply.status, 200);
    assert!(!upstream.only().has("cookie"), "and is not shown to the service");
}

#[test]
fn a_header_and_a_cookie_are_two_places() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let (tab, ada) = (Tab::of_a_user(&gateway), gateway.user());
    let one = |name: &str| format!("{name}={}", tab.cookie(name));
    for path in ["/api/todos", "/maybe", "/api/auth/profile"] {
        for cookie in [tab.cookies(), one(ACCESS), one(REFRESH)] {
            let reply = ada.request("GET", path).header("cookie", &cookie).send();
            assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"), "{path}");
        }
        assert_eq!(ada.request("GET", path).header("cookie", &one(CSRF)).send().status, 200);
    }
    let logout = ada.request("POST", "/api/auth/logout").header("cookie", &tab.cookies());
    assert_eq!(logout.header("sec-fetch-site", "same-origin").send().code(), "invalid_request");
    assert_eq!((tab.get("/maybe").status, ada.get("/maybe").status), (200, 200));
}

#[test]
fn one_that_occurs_twice_is_refused_whoever_planted_the_other() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let (tab, thief) = (Tab::of_a_user(&gateway), Tab::of_a_user(&gateway));
    let (own, planted) = (tab.cookie(ACCESS), thief.cookie(ACCESS));
    for path in ["/api/todos", "/maybe", "/api/auth/profile"] {
        for fields in [
            format!("Cookie: {ACCESS}={planted}; {ACCESS}={own}\r\n"),
            format!("Cookie: {ACCESS}={own}; a=1\r\nCookie: {ACCESS}={own}\r\n"),
            format!("Cookie: {ACCESS}={own};{ACCESS}=\r\n"),
            format!("Cookie: {ACCESS}={own}; {REFRESH}=a; {REFRESH}=b\r\n"),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
            let reply = Raw::connect(gateway.address).send(request).reply().unwrap();
            assert_eq!(reply.status, 400, "{fields} {}", reply.text());
            assert!(reply.text().contains("invalid_request"));
        }
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn what_is_no_cookie_is_none_and_never_a_fault() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let token = tab.cookie(ACCESS);
    let as_bytes: [&[u8]; 9] = [
        b"=;;=",
        b"",
        b";",
        b"__Host-gateway_access",
        b"__Host-gateway_access=",
        b"__Host-gateway_access=\xff\xfe",
        b"\xe2\x80\x80__Host-gateway_access=x",
        b"__HOST-GATEWAY_ACCESS=x",
        b"$Version=1; \"__Host-gateway_access\"=x",
    ];
    for cookie in as_bytes {
        let mut request = b"GET /api/todos HTTP/1.1\r\nHost: x\r\nCookie: ".to_vec();
        request.extend_from_slice(cookie);
        request.extend_from_slice(b"\r\n\r\n");
        let reply = Raw::connect(gateway.address).send(&request).reply().unwrap();
        assert_eq!(reply.status, 401, "{cookie:?} {}", reply.text());
        assert!(reply.text().contains("token_missing"), "{cookie:?} {}", reply.text());
    }
    let huge = format!("{}{ACCESS}={token}", "a=1; ".repeat(2_000));
    assert_eq!(gateway.client().get("/api/todos").header("cookie", &huge).send().status, 200);
}

#[test]
fn only_an_access_token_of_ours_is_taken_from_one() {
    let upstream = Upstream::start();
    let gateway = before(upstream.address).start();
    let tab = Tab::of_a_user(&gateway);
    let another =
        with(claims(&tab.cookie(ACCESS)), "jti", serde_json::json!(uuid::Uuid::new_v4().to_string()));
    let stranger = sign(&another, "CANARY-another-key-of-32-bytes-or-more");
    let none = sign_text(r#"{"alg":"none"}"#, &claims(&tab.cookie(ACCESS)).to_string(), ACCESS_KEY);
    for wrong in [tab.cookie(REFRESH), stranger, none, "x".to_owned(), "a b".to_owned()] {
        let cookie = format!("{ACCESS}={wrong}");
        let reply = gateway.client().get("/api/todos").header("cookie", &cookie).send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{wrong}");
        assert!(super::forgets(&reply), "it is of no use any more");
    }
    assert!(upstream.arrived().is_empty());
    // A token that we might have made is as good there as in a header.
    let cookie = format!("{ACCESS}={}", access(&another));
    assert_eq!(gateway.client().get("/api/todos").header("cookie", &cookie).send().status, 200);
}

#[test]
fn a_token_of_another_issuer_is_one_in_a_header_only() {
    const SECRET: &str = "CANARY-legacy-secret-71c5a9e04b6d2f38-CANARY";
    let issuer = "[[issuers]]\nname = \"flask\"\nkind = \"legacy\"\nuntil = \"2999-12-31\"\n";
    let setup = before(Upstream::start().address).config(issuer);
    let gateway = setup.env("LEGACY_JWT_SECRET_KEY", SECRET).start();
    let claims = serde_json::json!({
        "user_id": 42, "email": "ada@example.com", "role": "user", "type": "access",
        "iat": now(), "exp": now() + 3_600,
    });
    let token = sign(&claims, SECRET);
    assert_eq!(gateway.client().get("/api/todos").bearer(&token).send().status, 200);
    for method in ["GET", "POST"] {
        let request = gateway.client().request(method, "/api/todos");
        let reply = request.header("cookie", &format!("{ACCESS}={token}")).send();
        assert_eq!((reply.status, reply.code().as_str()), (401, "token_invalid"), "{method}");
    }
}

#[test]
fn http_2_may_bring_them_in_pieces() {
    let upstream = Upstream::start();
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let gateway = before(upstream.address).config(&crate::listening::https(&[&certified], "")).start();
    let tab = Tab::of_a_user(&gateway);
    let mut client = H2::encrypted(gateway.further[0], authority.client(&[]));
    let own = format!("{ACCESS}={}", tab.cookie(ACCESS));
    let fields = [("cookie", "a=1"), ("cookie", own.as_str()), ("cookie", "b=2"), ("cookie", own.as_str())];
    assert_eq!(client.get("/api/todos", &fields[..3]).unwrap().status, 200);
    assert_eq!(upstream.only().one("cookie"), "a=1; b=2");
    assert_eq!(client.get("/api/todos", &fields).unwrap().status, 400);
    tab.age();
    let (old, refresh) = (tab.cookie(ACCESS), tab.cookie(REFRESH));
    let (old, refresh) = (format!("{ACCESS}={old}"), format!("{REFRESH}={refresh}"));
    let renewed = client.get("/api/todos", &[("cookie", &old), ("cookie", &refresh)]).unwrap();
    assert_eq!((renewed.status, renewed.headers.get_all("set-cookie").iter().count()), (200, 3));
}

#[test]
fn a_route_in_shadow_only_notes_what_they_would_not_allow() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("todo", &upstream.address.to_string())
        .route("todos", "/api/todos", "todo", "shadow = true")
        .env("GATEWAY__COOKIES__ENABLED", "true")
        .start();
    let tab = Tab::of_a_user(&gateway);
    let reply = tab.bare("POST", "/api/todos").header("sec-fetch-site", "cross-site").send();
    assert_eq!(reply.status, 200);
    assert!(!upstream.only().has("cookie"), "also there");
    gateway.says("csrf_refused");
}

#[test]
fn an_operator_who_asks_why_is_told_of_cookies_and_not_what_they_hold() {
    let gateway =
        before(Upstream::start().address).env("GATEWAY__SERVER__EXPLAIN_TO", "[\"127.0.0.1\"]").start();
    let tab = Tab::of_a_user(&gateway);
    tab.age();
    for (site, finding) in [("same-origin", "a browser's cookies have one"), ("cross-site", "csrf_refused")] {
        let request = tab.bare("POST", "/api/todos").header("sec-fetch-site", site);
        let reply = request.header("x-gateway-explain", "1").send();
        let told = reply.header("x-gateway-explain");
        assert!(told.contains(finding) && !told.contains("eyJ"), "{told}");
    }
}
