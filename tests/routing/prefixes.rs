//! A prefix that is replaced leads into nothing that another route of the same service protects.

use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

fn setup(upstream: &Upstream) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string())
}

const APP: &str = "auth = \"public\"\nstrip_prefix = true\n";

#[test]
fn behind_a_stripped_prefix_a_stricter_route_holds_for_every_spelling() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("app", "/app", "app", APP)
        .route("admin", "/admin", "app", "roles = [\"admin\"]")
        .route("read", "/reports", "app", "auth = \"public\"\nmethods = [\"GET\"]")
        .start();
    let nobody = gateway.client();
    for path in [
        "/app/admin",
        "/app/admin/x",
        "/app/ADMIN/x",
        "/app/admin.",
        "/app/x/%252e%252e/admin",
        "/app/%61dmin?q",
    ] {
        nobody.get(path).send().is_refused(400, "Ambiguous request path", "ambiguous_path");
    }
    nobody.post("/app/reports/1").send().is_refused(400, "Ambiguous request path", "ambiguous_path");
    assert!(upstream.arrived().is_empty());
    for path in ["/app", "/app/administration", "/app/x/admin", "/app/reports/1"] {
        assert_eq!(nobody.get(path).send().status, 200, "{path}");
    }
    assert_eq!(gateway.admin().get("/admin/x").status, 200);
    let (status, _, said) = gateway.run(&["check"]);
    assert_eq!(status, 0);
    assert!(said.contains("route `app`: some of its paths would arrive, once prefixes are replaced, as those of `/admin` (route `admin`)"), "{said}");
}

#[test]
fn a_route_whose_own_prefix_is_replaced_protects_what_its_service_has_there() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("site", "/", "app", "auth = \"public\"")
        .route("backstage", "/backstage", "app", "replace_prefix = \"/admin\"\nroles = [\"admin\"]")
        .start();
    assert_eq!(gateway.client().get("/admin/x").send().code(), "ambiguous_path");
    assert!(upstream.arrived().is_empty());
    assert_eq!(gateway.client().get("/administration").send().status, 200);
    assert_eq!(gateway.admin().get("/backstage/x").status, 200);
}

#[test]
fn applications_under_prefixes_of_their_own_do_not_meet() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("one", "/one", "app", APP)
        .route("two", "/two", "app", "strip_prefix = true\nroles = [\"admin\"]")
        .route("status", "/status", "app", "auth = \"public\"\nreplace_prefix = \"/two/status\"")
        .start();
    for path in ["/one/x", "/one/two", "/one/one", "/status"] {
        assert_eq!(gateway.client().get(path).send().status, 200, "{path}");
    }
    assert_eq!(gateway.admin().get("/two/one").status, 200);
    assert!(!gateway.run(&["check"]).2.contains("once prefixes are replaced"));
}

#[test]
fn who_forwards_other_spellings_forwards_these_and_is_warned() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("app", "/app", "app", &format!("{APP}near_miss = \"forward\""))
        .route("admin", "/admin", "app", "roles = [\"admin\"]")
        .start();
    assert_eq!(gateway.client().get("/app/admin/x").send().status, 200);
    assert_eq!(upstream.only().target(), "/admin/x");
    gateway.says("some of its paths arrive, once prefixes are replaced, as those of `/admin`");
}

#[test]
fn nothing_odd_is_allowed_below_a_prefix_that_leads_into_a_stricter_route() {
    let upstream = Upstream::start();
    let failed = setup(&upstream)
        .route("app", "/app", "app", &format!("{APP}path_allows = [\"//\"]"))
        .route("admin", "/admin", "app", "roles = [\"admin\"]")
        .try_start()
        .err()
        .expect("it must not start");
    assert!(failed.stderr.contains("route `app`: path_allows: a path below `/app`"), "{}", failed.stderr);
}
