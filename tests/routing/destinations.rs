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
    for destination in [
        own.as_str(),
        "/admin/x",
        "/admin",
        "/%61dmin/x",
        "https://elsewhere.test/admin/x",
        "HTTP://a/admin/",
    ] {
        for method in ["MOVE", "COPY", "move"] {
            let reply = move_to(ada.request(method, "/mine"), destination);
            assert_eq!((reply.status, reply.code().as_str()), (403, "insufficient_scope"), "{destination}");
        }
    }
    for odd in [
        "/ADMIN/x",
        "/a/../admin/x",
        "/admin%2fx",
        "admin/x",
        "/x;/../admin",
        "/admin/x?://h/yours",
        "/admin/x://h/yours/../x",
        "//admin/x",
        "http://a?/admin/x",
        "http://a\\admin\\x/yours",
        "http://a/yours#/../admin/x",
        "/yours?",
        "http://ada@a/yours",
        "http://a",
    ] {
        let reply = move_to(ada.request("MOVE", "/mine"), odd);
        assert_eq!((reply.status, reply.code().as_str()), (400, "ambiguous_path"), "{odd}");
    }
    assert!(upstream.arrived().is_empty());
    assert_eq!(move_to(ada.request("MOVE", "/mine"), "/yours").status, 200);
    assert_eq!(move_to(admin.request("MOVE", "/mine"), "/admin/x").status, 200);
    assert_eq!(move_to(ada.request("PUT", "/mine"), "/admin/x").status, 200, "there it says nothing");
}

#[test]
fn of_two_destinations_nobody_chooses_one() {
    let upstream = Upstream::start();
    let gateway = before(&upstream).start();
    let both = gateway.user().request("MOVE", "/mine").header("destination", "/yours");
    let reply = move_to(both, "/yours");
    assert_eq!((reply.status, reply.code().as_str()), (400, "ambiguous_path"));
    assert!(upstream.arrived().is_empty());
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
fn where_a_route_is_for_reading_nothing_lands_and_a_route_in_shadow_is_no_way_there() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("files", &upstream.address.to_string())
        .route("files", "/dav", "files", "")
        .route("read", "/dav/ro", "files", "methods = [\"GET\"]")
        .start();
    let ada = gateway.user();
    assert_eq!(move_to(ada.request("COPY", "/dav/a"), "/dav/ro/x").status, 405);
    let gateway = before(&upstream).route("new", "/new", "files", "shadow = true").start();
    let (nobody, ada, admin) = (gateway.client(), gateway.user(), gateway.admin());
    assert_eq!(move_to(nobody.request("COPY", "/new/a"), "/admin/x").status, 401);
    assert_eq!(move_to(ada.request("COPY", "/new/a"), "/admin/x").status, 403);
    assert_eq!(move_to(admin.request("COPY", "/new/a"), "/admin/x").status, 200);
    assert_eq!(upstream.arrived().len(), 1);
}

/// Whoever may not write to `/t/admin/x`, and what would take it along.
#[test]
fn a_folder_takes_nothing_along_and_overwrites_nothing_that_a_stricter_route_is_for() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("files", &upstream.address.to_string())
        .route("files", "/", "files", "auth = \"optional\"")
        .route("admin", "/t/{x}/admin", "files", "roles = [\"admin\"]")
        .unlimited()
        .start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    for (method, path, destination) in [
        ("COPY", "/t", "/leak"),
        ("MOVE", "/t/a/", "/leak/"),
        ("COPY", "/mine/", "/"),
        ("MOVE", "/mine", "http://a/t"),
        ("DELETE", "/", ""),
        ("delete", "/t/a", ""),
        ("DELETE", "/T./%2561", ""),
    ] {
        let nobody = gateway.client().request(method, path);
        let asked = [nobody, ada.request(method, path), admin.request(method, path)].map(|request| {
            let request = request.header("depth", "0");
            if destination.is_empty() { request.send() } else { move_to(request, destination) }.status
        });
        assert_eq!(asked, [401, 403, 200], "{method} {path} {destination}");
    }
    upstream.forget();
    // What lies beside it, or above nothing of it, is nobody else's.
    let nobody = gateway.client();
    for path in ["/mine/", "/t/a/other", "/t/a/b/c"] {
        assert_eq!(nobody.delete(path).send().status, 200, "{path}");
        assert_eq!(move_to(nobody.request("MOVE", path), "/yours").status, 200, "{path}");
    }
    assert_eq!(nobody.get("/t").send().status, 200);
}

#[test]
fn what_lies_below_is_judged_by_the_paths_that_the_service_sees() {
    let upstream = Upstream::start();
    let gateway = Setup::new("")
        .upstream("files", &upstream.address.to_string())
        .route("dav", "/dav", "files", "strip_prefix = true")
        .route("admin", "/admin", "files", "roles = [\"admin\"]")
        .start();
    let ada = gateway.user();
    assert_eq!(ada.request("DELETE", "/dav").send().status, 403);
    assert_eq!(move_to(ada.request("COPY", "/dav/"), "/dav/leak").status, 403);
    assert_eq!(move_to(ada.request("COPY", "/dav/a"), "/dav/").status, 403);
    assert_eq!(move_to(ada.request("COPY", "/dav/a"), "/dav/admin/x").code(), "ambiguous_path");
    assert!(upstream.arrived().is_empty());
    assert_eq!(ada.request("DELETE", "/dav/a").send().status, 200);
    assert_eq!(gateway.admin().request("DELETE", "/dav/").send().status, 200);
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

#[test]
fn nothing_is_moved_to_where_its_client_could_not_go_from_its_network() {
    let upstream = Upstream::start();
    let gateway = Setup::new("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
        .upstream("files", &upstream.address.to_string())
        .route("files", "/", "files", "")
        .route("internal", "/internal", "files", "allow_networks = [\"10.0.0.0/8\"]")
        .route("shared", "/shared", "files", "auth = \"public\"\nallow_networks = [\"10.0.0.0/8\"]")
        .start();
    let ada = gateway.user();
    let from =
        |client: &str, to: &str| move_to(ada.request("COPY", "/mine").header("x-forwarded-for", client), to);
    for to in ["/internal/x", "/shared/x"] {
        let reply = from("198.51.100.1", to);
        assert_eq!((reply.status, reply.code().as_str()), (403, "network_not_allowed"), "{to}");
        assert!(upstream.arrived().is_empty());
        assert_eq!(from("10.0.0.1", to).status, 200);
        upstream.forget();
    }
}

#[test]
fn nothing_is_moved_to_where_nobody_is_known_by_what_was_sent() {
    let upstream = Upstream::start();
    let gateway = before(&upstream)
        .env("GATEWAY__COOKIES__ENABLED", "true")
        .route("pages", "/pages", "files", "credentials = [\"cookie\"]")
        .start();
    let ada = gateway.user();
    let reply = move_to(ada.request("COPY", "/mine"), "/pages/x");
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_missing"));
    assert!(upstream.arrived().is_empty());
}

#[test]
fn what_a_route_lets_stand_in_a_path_may_stand_in_a_destination() {
    let upstream = Upstream::start();
    let gateway = before(&upstream).route("odd", "/odd", "files", "path_allows = [\";\", \"%2F\"]").start();
    let ada = gateway.user();
    let to = |destination: &str| move_to(ada.request("COPY", "/odd/a;b"), destination).status;
    assert_eq!((to("/odd/c;d"), to("/odd/c%2Fd"), to("/odd/c//d"), to("/c;d")), (200, 200, 400, 400));
}
