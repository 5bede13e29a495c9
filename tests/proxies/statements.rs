//! What holds behind each proxy.

use serde_json::json;

use super::front::{Front, Kind};
use crate::prove_upstream::prove;
use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD, Setup};
use crate::support::http::{Client, Reply, Request};
use crate::support::people::Person;
use crate::support::raw::exchange;
use crate::support::upstream::Upstream;

/// Logs in through the proxy, as clients do.
fn somebody(front: &Front) -> Person {
    let person = front.gateway.user();
    let client = front.client();
    let credentials = json!({"email": person.email, "password": crate::support::people::PASSWORD});
    let reply = client.post("/api/auth/login").json(&credentials).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    Person { client, ..person }
}

fn admin(front: &Front) -> Person {
    Person { client: front.client(), ..front.gateway.log_in(ADMIN_EMAIL, ADMIN_PASSWORD) }
}

/// What came back is our refusal, whole.
fn is_ours(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.code(), code, "{}", reply.text());
    assert!(!reply.error().is_empty() && !reply.json()["request_id"].as_str().unwrap().is_empty());
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
}

/// What the service saw, if it is exactly what it should be.
fn service_saw(front: &Front, who: Option<&Person>) {
    let arrived = front.upstream.only();
    let is = |name: &str, value: Option<String>| {
        assert_eq!(arrived.folded(name), value.into_iter().collect::<Vec<_>>(), "{name}: {arrived:?}");
    };
    is("x-user-id", who.map(|who| who.id.to_string()));
    is("x-user-email", who.map(|who| who.email.clone()));
    is("x-user-role", who.map(|who| if who.email == ADMIN_EMAIL { "admin" } else { "user" }.to_owned()));
    is("x-user-issuer", None);
    assert!(!arrived.has("authorization"), "{arrived:?}");
    front.upstream.forget();
}

pub(super) fn the_gateway_decides_and_the_service_learns_who_it_is(kind: Kind) {
    let front = kind.start(|setup| setup);
    let (ada, root, nobody) = (somebody(&front), admin(&front), front.client());
    let missing = nobody.get("/things").send();
    is_ours(&missing, 401, "token_missing");
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"gateway\"");
    let bad = nobody.get("/things").bearer("no.token.atall").send();
    is_ours(&bad, 401, "token_invalid");
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
    is_ours(&ada.get("/admin/x"), 403, "insufficient_scope");
    is_ours(&ada.request("DELETE", "/reports/1").send(), 403, "insufficient_scope");
    is_ours(
        &ada.request("GET", "/things").header("host", "internal.example.com").send(),
        403,
        "insufficient_scope",
    );
    assert!(front.upstream.arrived().is_empty());

    for (who, path) in [(&ada, "/things?page=2"), (&ada, "/reports/1"), (&root, "/admin/x")] {
        assert_eq!(who.get(path).text(), "ok");
        assert_eq!(front.upstream.only().target(), path);
        service_saw(&front, Some(who));
    }
    assert_eq!(root.request("DELETE", "/reports/1").send().text(), "ok");
    service_saw(&front, Some(&root));
    let body = ada.request("POST", "/things").body("a body").send();
    assert_eq!((body.status, front.upstream.only().body.as_slice()), (200, &b"a body"[..]));
    service_saw(&front, Some(&ada));
    for somebody in [nobody.get("/open"), ada.request("GET", "/open")] {
        assert_eq!(somebody.send().text(), "ok");
        service_saw(&front, None);
    }
    // The gateway's own endpoints come through, and the one for proxies does not.
    assert_eq!(ada.get("/api/auth/profile").json()["user"]["id"], ada.id);
    for path in ["/api/auth/verify", "/api/auth/verify/open", "/api/auth/%76erify"] {
        let asked =
            ada.request("GET", path).header("x-forwarded-uri", "/open").header("x-original-uri", "/open");
        assert!(asked.send().status >= 400, "{path}");
    }
}

/// The names of the identity, as some server would fold each spelling into them.
fn spellings() -> impl Iterator<Item = [String; 3]> {
    let parts = ["Id", "Role", "Issuer"];
    let separated = "!#$%&'*+.^_`|~".chars().map(move |c| parts.map(|part| format!("X{c}User{c}{part}")));
    let others = [
        ["x-user-id", "x-user-role", "x-user-issuer"],
        ["X-USER_ID", "X-USER_ROLE", "X-USER_ISSUER"],
        ["x.user-id", "x_user-role", "x.user_issuer"],
    ];
    separated.chain(others.map(|pair| pair.map(str::to_owned)))
}

pub(super) fn a_client_cannot_say_who_it_is(kind: Kind) {
    let front = kind.start(|setup| setup);
    let (ada, nobody) = (somebody(&front), front.client());
    for [id, role, issuer] in spellings() {
        for (who, request) in [(Some(&ada), ada.request("GET", "/things")), (None, nobody.get("/open"))] {
            let reply = request.header(&id, "1").header(&role, "admin").header(&issuer, "sso").send();
            // A proxy may also refuse such a name outright.
            if reply.status == 200 {
                service_saw(&front, who);
            } else {
                let refused = (400..500).contains(&reply.status) && front.upstream.arrived().is_empty();
                assert!(refused, "{id}: {}", reply.status);
            }
        }
    }
    // Named twice, and named in Connection so that a later hop drops ours.
    for connection in
        ["close", "X-User-Id", "x-user-id, x-user-email, X-User-Role, close", "keep-alive, X-User-Id"]
    {
        let head = format!(
            "GET /things HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer {}\r\nX-User-Id: 1\r\nX-User-Id: 2\r\nConnection: {connection}\r\n\r\n",
            ada.access
        );
        let reply = exchange(front.address, head).unwrap();
        if reply.status == 200 {
            service_saw(&front, Some(&ada));
        } else {
            assert!(
                reply.status >= 400 && front.upstream.arrived().is_empty(),
                "{connection}: {}",
                reply.head
            );
        }
    }
}

pub(super) fn a_client_cannot_choose_what_is_decided_on(kind: Kind) {
    let front = kind.start(|setup| setup);
    let ada = somebody(&front);
    let lies: [(&str, &str); 12] = [
        ("x-forwarded-uri", "/open"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-host", "app.example.com"),
        ("x-original-uri", "/open"),
        ("x-original-url", "http://app.example.com/open"),
        ("x-original-method", "GET"),
        ("x-original-host", "app.example.com"),
        ("x-rewrite-url", "/open"),
        ("x-http-method-override", "GET"),
        ("x-gateway-preset", "any"),
        ("content-type", "application/grpc"),
        ("x-forwarded-for", "10.1.2.3"),
    ];
    let told = |mut request: Request| {
        for (name, value) in lies {
            request = request.header(name, value);
        }
        request.header("origin", "https://a.example").header("access-control-request-method", "GET").send()
    };
    let nobody = front.client();
    let refused = |reply: Reply, what: &str| {
        // Envoy translates refusals for gRPC by itself.
        let grpc = reply.status == 200 && ["7", "16"].contains(&reply.header("grpc-status"));
        assert!(grpc || (400..500).contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
        assert!(front.upstream.arrived().is_empty(), "{what}: {:?}", front.upstream.arrived());
    };
    refused(told(nobody.get("/things")), "nobody");
    refused(told(nobody.request("OPTIONS", "/things")), "a preflight");
    refused(told(ada.request("GET", "/admin")), "a user at /admin");
    refused(told(ada.request("DELETE", "/reports/1")), "a user who deletes");
    refused(
        told(ada.request("GET", "/things").header("host", "internal.example.com")),
        "a user at another host",
    );
    // One by one, too: together they could cancel each other out.
    for (name, value) in lies {
        refused(nobody.get("/things").header(name, value).send(), name);
        refused(ada.request("DELETE", "/reports/1").header(name, value).send(), name);
    }
    for path in [
        "/open/../admin",
        "/open/%2e%2e/admin",
        "/open%2f..%2fadmin",
        "//admin",
        "/open/..;/admin",
        "/open/./../admin",
    ] {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            ada.access
        );
        let reply = exchange(front.address, head).unwrap();
        // Refused, or made one path by the proxy before anybody decides: never `/admin` for a user.
        assert!(reply.status >= 300, "{path}: {}", reply.head);
        assert!(front.upstream.arrived().is_empty(), "{path}: {:?}", front.upstream.arrived());
    }
    // What the proxy tells the gateway cannot be nominated away either.
    for nominated in [
        "X-Forwarded-Uri",
        "X-Forwarded-Method, X-Forwarded-Host",
        "X-Original-Uri, X-Original-Host",
        "Authorization",
        "Host",
    ] {
        let head = format!(
            "DELETE /reports/1 HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer {}\r\nConnection: close, {nominated}\r\n\r\n",
            ada.access
        );
        let reply = exchange(front.address, head).unwrap();
        assert!(reply.status >= 400, "{nominated}: {}", reply.head);
        assert!(front.upstream.arrived().is_empty(), "{nominated}: {:?}", front.upstream.arrived());
    }
    // And what was asked for honestly passes, whatever else is said, with none of it.
    let reply = told(ada.request("GET", "/reports/1"));
    if reply.status == 200 {
        let arrived = front.upstream.only();
        for name in ["x-original-url", "x-rewrite-url", "x-http-method-override", "x-original-method"] {
            assert!(arrived.folded(name).is_empty(), "{name}: {arrived:?}");
        }
        service_saw(&front, Some(&ada));
    } else {
        assert!((400..500).contains(&reply.status));
    }
}

pub(super) fn a_logout_and_a_limit_count_at_once(kind: Kind) {
    let front = kind.start(|setup| setup.env("GATEWAY__LIMITS__USER", "{requests=3,window_seconds=3600}"));
    let ada = somebody(&front);
    assert_eq!(ada.get("/things").status, 200);
    assert_eq!(ada.log_out().status, 200);
    is_ours(&ada.get("/things"), 401, "token_revoked");
    let bob = somebody(&front);
    for _ in 0..3 {
        assert_eq!(bob.get("/things").status, 200);
    }
    let limited = bob.get("/things");
    is_ours(&limited, 429, "rate_limited");
    assert!(limited.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(front.upstream.arrived().len(), 4);
}

pub(super) fn without_the_gateway_nobody_passes(kind: Kind) {
    let mut front = kind.start(|setup| setup);
    let ada = somebody(&front);
    assert_eq!(ada.get("/things").status, 200);
    front.upstream.forget();
    front.gateway.kill();
    let passes = |client: &Client, path: &str| client.get(path).bearer(&ada.access).send().status;
    for path in ["/things", "/open", "/admin"] {
        let status = passes(&ada.client, path);
        assert!(status >= 500, "{path}: {status}");
    }
    assert!(front.upstream.arrived().is_empty());
}

pub(super) fn prove_upstream_finds_nothing_of_ours(kind: Kind) {
    let echo = crate::prove_upstream::echo::Kind::Node.start();
    let front = kind.start_before(echo.address, Upstream::start(), Setup::unlimited);
    let ada = somebody(&front);
    for (path, token) in [("/things", Some(ada.access.as_str())), ("/open", None)] {
        let proof = prove(&format!("http://{}{path}", front.address), token, &[]);
        // HAProxy 2.6 has no rule for trailers: its configuration says so. And each of them hands on what
        // other proxies would say: docs/proxies.md says so.
        let passes = |attack: &str| {
            kind == Kind::Haproxy && attack.ends_with("in trailers")
                || attack.ends_with("what only proxies say")
        };
        let arrived: Vec<_> =
            proof.with_result("arrived").into_iter().filter(|attack| !passes(attack)).collect();
        assert!(arrived.is_empty(), "{kind:?} {path}: {arrived:?} {:?}", proof.rows);
    }
}
