//! A stricter route below a wider one holds for every spelling that a service could take for its
//! path.

use crate::support::gateway::{Gateway, Setup, run};
use crate::support::upstream::Upstream;

fn setup(upstream: &Upstream) -> Setup {
    Setup::new("").upstream("app", &upstream.address.to_string())
}

/// Anybody with an account everywhere, and administrators only below `/admin` and at each item.
fn guarded(upstream: &Upstream, more: &str) -> Setup {
    setup(upstream)
        .route("site", "/", "app", more)
        .route("admin", "/admin", "app", "roles = [\"admin\"]")
        .route("item", "/items/{id}", "app", "match = \"exact\"\nroles = [\"admin\"]")
}

/// The statuses that somebody without the role, and an administrator, are answered.
fn answers(gateway: &Gateway, path: &str) -> [u16; 2] {
    [gateway.user(), gateway.admin()].map(|who| who.get(path).status)
}

const OTHER_SPELLINGS: [&str; 46] = [
    "/ADMIN",
    "/Admin/users",
    "/aDmIn/",
    "/admin.",
    "/admin../x",
    "/admin./users",
    "/admin%20",
    "/%20admin",
    "/admin%20/users",
    "/admin%C2%A0",
    "/admin%E3%80%80/x",
    "/admin%E2%80%8B",
    "/admin.%20.",
    "/%41dmin",
    "/adm%C4%B1n",
    "/%2561dmin",
    "/%252561dmin/x",
    "/%2541dmin",
    "/ADMIN%2e",
    "/items/7/",
    "/ITEMS/7",
    "/Items/7/",
    "/items./7",
    "/items%20/7",
    "/items/7/%20",
    "/items/%20/7",
    "/adm%C4%B0n",
    "/ad%C2%ADmin",
    "/%EF%BD%81dmin",
    "/admin::$DATA",
    "/admin%252Fusers",
    "/admin%255Cusers",
    "/%252Fadmin",
    "/%252e/admin",
    "/x/%252e%252e/admin",
    "/x%252F..%252Fadmin",
    "/admin%3Fx",
    "/admin%23x",
    "/admin%2500.png",
    "/items/%252e%252e/items/7",
    "/x%EF%BC%8F..%EF%BC%8Fadmin",
    "/x/%EF%BC%8E%EF%BC%8E/admin",
    "/x/.%E2%80%8B./admin",
    "/admin%EF%BC%8Fusers",
    "/%EF%BC%BCadmin",
    "/%2525252525252561dmin",
];

#[test]
fn other_spellings_of_a_stricter_route_are_refused_whoever_asks() {
    let upstream = Upstream::start();
    let gateway = guarded(&upstream, "").unlimited().start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    for path in OTHER_SPELLINGS {
        for who in [&ada, &admin] {
            who.get(path).is_refused(400, "Ambiguous request path", "ambiguous_path");
        }
    }
    assert!(upstream.arrived().is_empty());
    // Its own spelling is that of the stricter route.
    for path in ["/admin", "/admin/", "/%61dmin/users", "/admin/X.", "/items/7", "/items/X"] {
        assert_eq!([ada.get(path).status, admin.get(path).status], [403, 200], "{path}");
    }
    // And what no service takes for it passes.
    for path in
        ["/", "/about", "/administrator", "/admin.json", "/x/ADMIN", "/items/", "/ITEMS", "/About%20us/"]
    {
        assert_eq!(ada.get(path).status, 200, "{path}");
    }
}

#[test]
fn an_escaped_semicolon_is_refused_like_a_plain_one() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream).route("site", "/", "app", "auth = \"public\"").start();
    for path in ["/a%3Bx", "/a%3b", "/%3B/a", "/a/b%3bjsessionid=1", "/a;x"] {
        gateway.client().get(path).send().is_refused(400, "Ambiguous request path", "ambiguous_path");
    }
    assert!(upstream.arrived().is_empty());
}

/// The routes `wide`, at `/`, and `narrow`, at `/narrow`, with these lines each.
fn pair(upstream: &Upstream, wide: &str, narrow: &str) -> Gateway {
    setup(upstream).route("wide", "/", "app", wide).route("narrow", "/narrow", "app", narrow).start()
}

#[test]
fn only_a_route_that_refuses_what_the_wider_one_lets_pass_is_stricter() {
    let upstream = Upstream::start();
    let role = "roles = [\"admin\"]";
    for (wide, narrow, stricter) in [
        ("auth = \"public\"", "", true),
        ("auth = \"optional\"", "", true),
        ("", role, true),
        (role, "roles = [\"admin\", \"user\"]", false),
        ("roles = [\"admin\", \"user\"]", role, true),
        ("all_roles = [\"admin\"]", role, false),
        ("", "claims = [{ name = \"email\", any_of = [\"a@example.com\"] }]", true),
        ("auth = \"public\"", "auth = \"optional\"", false),
        ("auth = \"public\"", "auth = \"public\"", false),
        ("", "", false),
        (role, "", false),
        ("", "auth = \"public\"", false),
        ("auth = \"public\"", "auth = \"public\"\nmethods = [\"POST\"]", true),
        (
            "auth = \"public\"",
            "auth = \"public\"\naddress_limit = { requests = 5, window_seconds = 9 }",
            true,
        ),
        ("", "user_limit = { requests = 5, window_seconds = 9 }", true),
        ("", "user_limit = \"unlimited\"", false),
        ("", &format!("{role}\nshadow = true"), false),
        ("shadow = true", "", true),
        ("", "deny_networks = [\"192.0.2.0/24\"]", true),
        ("deny_networks = [\"192.0.2.0/24\"]", "", false),
        ("deny_networks = [\"192.0.2.0/24\"]", "deny_networks = [\"192.0.2.7\"]", false),
        ("auth = \"public\"", "auth = \"public\"\nallow_networks = [\"127.0.0.0/8\"]", true),
    ] {
        let gateway = pair(&upstream, wide, narrow);
        let status = gateway.admin().get("/NARROW").status;
        assert_eq!(status, if stricter { 400 } else { 200 }, "{wide:?} beside {narrow:?}");
    }
}

#[test]
fn routes_of_another_service_another_host_or_another_method_are_none_of_its_matter() {
    let (upstream, other) = (Upstream::start(), Upstream::start());
    let gateway = guarded(&upstream, "")
        .upstream("other", &other.address.to_string())
        .upstream("same", &upstream.address.to_string())
        .route("elsewhere", "/elsewhere", "other", "roles = [\"admin\"]")
        .route("again", "/again", "same", "roles = [\"admin\"]")
        .route("there", "/there", "app", "roles = [\"admin\"]\nhosts = [\"there.example.com\"]")
        .start();
    assert_eq!(answers(&gateway, "/ELSEWHERE"), [200, 200]);
    // Another name for the same server is the same service.
    assert_eq!(answers(&gateway, "/AGAIN"), [400, 400]);
    let there = |host: &str| {
        let request = gateway.client().get("/THERE").header("host", host);
        request.bearer(&gateway.user().access).send().status
    };
    assert_eq!([there("here.example.com"), there("there.example.com")], [200, 400]);
}

/// Werkzeug, for one, has the method in capitals, however it came.
#[test]
fn another_spelling_of_a_method_is_no_way_round_the_route_for_it() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("things", "/things", "app", "")
        .route("drop", "/things", "app", "methods = [\"DELETE\"]\nroles = [\"admin\"]")
        .start();
    let ada = gateway.user();
    let ask = |method: &str| gateway.client().request(method, "/things/7").bearer(&ada.access).send();
    assert_eq!(ask("DELETE").status, 403);
    for method in ["delete", "Delete", "dELETE"] {
        ask(method).is_refused(400, "Ambiguous request path", "ambiguous_path");
    }
    assert!(upstream.arrived().is_empty());
    for method in ["GET", "get", "FROB", "frob"] {
        assert_eq!(ask(method).status, 200, "{method}");
    }
}

/// A proxy that asks is told the same.
#[test]
fn whoever_asks_by_forward_authentication_gets_no_yes_for_another_spelling() {
    let upstream = Upstream::start();
    let gateway = guarded(&upstream, "").env("GATEWAY__SERVER__TRUSTED_PROXIES", "[127.0.0.1]").start();
    let ada = gateway.user();
    let ask = |path: &str| {
        let request = gateway.client().get("/api/auth/verify").bearer(&ada.access);
        request.header("x-forwarded-method", "GET").header("x-forwarded-uri", path).send().status
    };
    assert_eq!([ask("/about"), ask("/admin"), ask("/ADMIN"), ask("/items/7/")], [200, 403, 400, 400]);
}

#[test]
fn a_route_can_forward_other_spellings_where_it_says_so() {
    let upstream = Upstream::start();
    let gateway = guarded(&upstream, "near_miss = \"forward\"").start();
    assert_eq!(answers(&gateway, "/ADMIN"), [200, 200]);
    assert_eq!(answers(&gateway, "/items/7/"), [200, 200]);
    assert_eq!(answers(&gateway, "/admin"), [403, 200]);
    assert_eq!(upstream.arrived()[0].target(), "/ADMIN");
    gateway.says("route `site`: near_miss = \\\"forward\\\"");
    let failed = guarded(&upstream, "near_miss = \"foward\"").try_start().err().expect("it must not start");
    assert!(failed.stderr.contains("did you mean `forward`?"), "{}", failed.stderr);
}

#[test]
fn a_check_names_both_routes() {
    let upstream = Upstream::start();
    for (more, words) in [
        ("", "other spellings of `/admin` (route `admin`), `/items/{id}` (route `item`) are answered 400"),
        (
            "near_miss = \"forward\"",
            "other spellings of `/admin` (route `admin`), `/items/{id}` (route `item`)",
        ),
    ] {
        let gateway = guarded(&upstream, more).start();
        let (status, out, said) = gateway.run(&["check"]);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("route `site`") && said.contains(words), "{out}{said}");
    }
    let gateway = setup(&upstream).route("site", "/", "app", "").start();
    assert!(!gateway.run(&["check"]).2.contains("other spellings"));
}

#[test]
fn the_explanation_names_both_routes_and_an_expectation_can_be_written_about_it() {
    let upstream = Upstream::start();
    let expect = "[[routes.expect]]\nas = \"user\"\npath = \"/ADMIN\"\nthen = \"ambiguous_path\"";
    let gateway = guarded(&upstream, expect).start();
    let config = gateway.config().to_str().unwrap();
    let (status, said, _) = run(&["explain", "--config", config, "GET", "/ADMIN."], &[]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("400 `ambiguous_path`"), "{said}");
    assert!(said.contains("`site`") && said.contains("`admin`") && said.contains("near_miss"), "{said}");
    // Whoever asks over the network is told nothing of routes.
    let reply = gateway.user().get("/ADMIN.");
    assert!(!reply.text().contains("site") && !reply.text().contains("admin"), "{}", reply.text());
    gateway.says("\"route\":\"site\"");
}

#[test]
fn whoever_wrote_down_two_paths_that_look_alike_gets_both() {
    let upstream = Upstream::start();
    let gateway = setup(&upstream)
        .route("open", "/app", "app", "auth = \"public\"\nmatch = \"exact\"")
        .route("closed", "/app/", "app", "match = \"exact\"")
        .route("files", "/w/{x}/z", "app", "auth = \"public\"\nmatch = \"exact\"")
        .route("file", "/w/z", "app", "match = \"exact\"")
        .route("site", "/", "app", "auth = \"public\"")
        .route("admin", "/admin", "app", "")
        .route("shown", "/Admin/shown", "app", "auth = \"public\"\nmatch = \"exact\"")
        .start();
    for (path, status) in [
        ("/app", 200),
        ("/app/", 401),
        ("/w/a/z", 200),
        ("/w/z", 401),
        ("/w/%20/z", 400),
        ("/w/%252e/z", 400),
        ("/Admin/shown", 200),
        ("/Admin/secret", 400),
        ("/admin/shown", 401),
    ] {
        assert_eq!(gateway.client().get(path).send().status, status, "{path}");
    }
}

#[test]
fn a_route_that_lets_less_pass_is_stricter_although_the_wider_one_has_a_limit_too() {
    let upstream = Upstream::start();
    let limit = |requests: u32| {
        format!("auth = \"public\"\naddress_limit = {{ requests = {requests}, window_seconds = 60 }}")
    };
    let gateway = pair(&upstream, &limit(1_000), &limit(2));
    assert_eq!(gateway.client().get("/NARROW").send().status, 400);
    let gateway = pair(&upstream, &limit(2), &limit(1_000));
    assert_eq!(gateway.client().get("/NARROW").send().status, 200);
}

/// Each nested escape costs a pass: there is an end to them.
#[test]
fn a_long_path_of_nested_escapes_is_refused_at_once() {
    let upstream = Upstream::start();
    let gateway = guarded(&upstream, "auth = \"public\"").start();
    let path = format!("/%{}", "25".repeat(12_000));
    gateway.client().get(&path).send().is_refused(400, "Ambiguous request path", "ambiguous_path");
}
