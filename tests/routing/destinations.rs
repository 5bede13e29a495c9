//! A copy or a move names a second path, about which the routes decide as about the first one.

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Reply, Request};
use crate::support::upstream::Upstream;

/// Files for everybody who is known; what lies below `/admin` for administrators.
fn before(upstream: &Upstream) -> Setup {
    Setup::new("")
        .upstream("files", &upstream.address.to_string())
        .route("files", "/", "files", "")
        .route("admin", "/admin", "files", "roles = [\"admin\"]")
        .unlimited()
}

fn move_to(request: Request, destination: &str) -> Reply {
    request.header("destination", destination).send()
}

#[test]
fn nothing_is_moved_to_where_a_stricter_route_decides_but_by_whom_that_lets_in() {
    let upstream = Upstream::start();
    let gateway = before(&upstream).start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let own = format!("http://{}/admin/x", gateway.address);
    for destination in
        [own.as_str(), "/admin/x", "/admin", "/%61dmin/x", "https://elsewhere.test/admin/x", "//a/admin/"]
    {
        for method in ["MOVE", "COPY"] {
            let reply = move_to(ada.request(method, "/mine"), destination);
            assert_eq!((reply.status, reply.code().as_str()), (403, "insufficient_scope"), "{destination}");
        }
    }
    for odd in ["/ADMIN/x", "/a/../admin/x", "/admin%2fx", "admin/x", "/x;/../admin"] {
        let reply = move_to(ada.request("MOVE", "/mine"), odd);
        assert_eq!((reply.status, reply.code().as_str()), (400, "ambiguous_path"), "{odd}");
    }
    assert!(upstream.arrived().is_empty());
    assert_eq!(move_to(ada.request("MOVE", "/mine"), "/yours").status, 200);
    assert_eq!(move_to(admin.request("MOVE", "/mine"), "/admin/x").status, 200);
    assert_eq!(move_to(ada.request("PUT", "/mine"), "/admin/x").status, 200, "there it says nothing");
}

#[test]
fn nobody_in_particular_moves_nothing_to_where_somebody_is_asked_for() {
    let upstream = Upstream::start();
    let gateway = before(&upstream).route("open", "/open", "files", "auth = \"public\"").start();
    let reply = move_to(gateway.client().request("COPY", "/open/a"), "/private/a");
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_missing"));
    assert_eq!(move_to(gateway.client().request("COPY", "/open/a"), "/open/b").status, 200);
    assert_eq!(upstream.arrived().len(), 1);
}

#[test]
fn behind_a_prefix_nothing_is_moved_from_route_to_route() {
    let upstream = Upstream::start();
    let gateway: Gateway = Setup::new("")
        .upstream("files", &upstream.address.to_string())
        .route("dav", "/dav", "files", "strip_prefix = true")
        .route("admin", "/dav/admin", "files", "replace_prefix = \"/admin\"\nroles = [\"admin\"]")
        .route("other", "/admin", "files", "")
        .start();
    let ada = gateway.user();
    for destination in ["/admin/x", "/dav/admin/x"] {
        assert_eq!(
            move_to(ada.request("MOVE", "/dav/a"), destination).code(),
            "ambiguous_path",
            "{destination}"
        );
    }
    assert!(upstream.arrived().is_empty());
    assert_eq!(move_to(ada.request("MOVE", "/dav/a"), "/dav/b").status, 200);
    assert_eq!(upstream.only().one("destination"), "/b");
}

#[test]
fn where_no_route_of_the_service_is_stricter_a_destination_is_its_own_matter() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("files", &upstream.address.to_string())
        .upstream("others", "127.0.0.1:1")
        .route("files", "/", "files", "")
        .route("others", "/admin", "others", "roles = [\"admin\"]")
        .start();
    let ada = gateway.user();
    for destination in ["/admin/x", "/a;b", "x"] {
        assert_eq!(move_to(ada.request("MOVE", "/mine"), destination).status, 200, "{destination}");
    }
}

#[test]
fn another_proxy_is_answered_alike() {
    let upstream = Upstream::start();
    let gateway = before(&upstream).config("[server]\ntrusted_proxies = [\"127.0.0.1\"]").start();
    let ada = gateway.user();
    let ask = |to: &str| {
        let asked = ada.request("GET", "/api/auth/verify").header("x-forwarded-uri", "/mine");
        move_to(asked.header("x-forwarded-method", "MOVE"), to).status
    };
    assert_eq!((ask("/admin/x"), ask("/yours")), (403, 200));
}
