//! Which route wins, and which ones contradict each other.

mod below;
mod model;

use super::*;
use crate::{Access, PathPattern, Route, Timeouts, Upstream};

fn route(name: &str, path: &str) -> Route {
    let upstream = Arc::new(Upstream::unix("up", "/nowhere", Timeouts::default()));
    Route::new(name, PathPattern::prefix(path).unwrap(), upstream)
}

fn exact(name: &str, path: &str) -> Route {
    Route { path: PathPattern::exact(path).unwrap(), ..route(name, "/") }
}

fn on(host: &str, route: Route) -> Route {
    Route { hosts: vec![HostPattern::parse(host).unwrap()], ..route }
}

fn only(methods: &[Method], route: Route) -> Route {
    Route { methods: methods.to_vec(), ..route }
}

fn ask(routes: &Routes, method: Method, host: &str, path: &str) -> String {
    match routes.find(host, &method, path) {
        Ok(route) => route.name.clone(),
        Err(Refusal::MethodNotAllowed(allow)) => format!("405 {allow}"),
        Err(refusal) => refusal.code().as_str().to_owned(),
    }
}

fn found(routes: &Routes, path: &str) -> String {
    ask(routes, Method::GET, "localhost", path)
}

#[test]
fn the_longest_prefix_of_whole_segments_wins() {
    let routes = Routes::new(vec![
        route("todos", "/api/todos"),
        route("api", "/api/"),
        route("admin", "/api/todos/admin"),
    ])
    .unwrap();
    for (path, name) in [
        ("/api/todos", "todos"),
        ("/api/todos/", "todos"),
        ("/api/todos/7", "todos"),
        ("/api/todosx", "api"),
        ("/api", "api"),
        ("/api/", "api"),
        ("/api/todos/admin/x", "admin"),
        ("/apix", "not_found"),
        ("/", "not_found"),
        ("/API/todos", "not_found"),
    ] {
        assert_eq!(found(&routes, path), name, "{path}");
    }
}

#[test]
fn a_literal_wins_over_a_parameter_and_that_over_a_prefix() {
    let routes = Routes::new(vec![
        route("all", "/"),
        exact("user", "/users/{id}"),
        exact("me", "/users/me"),
        exact("orders", "/users/{id}/orders"),
        route("files", "/users/{id}/files"),
    ])
    .unwrap();
    for (path, name) in [
        ("/users/me", "me"),
        ("/users/7", "user"),
        ("/users/", "all"),
        ("/users", "all"),
        ("/users/7/", "all"),
        ("/users/7/orders", "orders"),
        ("/users/me/orders", "orders"),
        ("/users/7/orders/8", "all"),
        ("/users/7/files/a/b", "files"),
        ("/", "all"),
    ] {
        assert_eq!(found(&routes, path), name, "{path}");
    }
}

#[test]
fn an_exact_path_covers_nothing_below_it() {
    let routes = Routes::new(vec![exact("root", "/"), exact("a", "/a"), exact("slash", "/b/")]).unwrap();
    for (path, name) in
        [("/", "root"), ("/a", "a"), ("/a/", "not_found"), ("/b/", "slash"), ("/b", "not_found")]
    {
        assert_eq!(found(&routes, path), name, "{path}");
    }
}

#[test]
fn a_host_by_name_wins_over_one_by_wildcard_and_that_over_any() {
    let routes = Routes::new(vec![
        route("any", "/"),
        route("any-api", "/api"),
        on("app.example.com", route("app", "/")),
        on("*.example.com", route("below", "/")),
        on("*.b.example.com", route("deeper", "/")),
        on("only.example.com", route("part", "/part")),
    ])
    .unwrap();
    for (host, path, name) in [
        ("app.example.com", "/x", "app"),
        ("APP.EXAMPLE.COM:8443", "/x", "app"),
        ("app.example.com.", "/api", "app"),
        ("x.example.com", "/x", "below"),
        ("x.y.example.com", "/x", "below"),
        ("x.b.example.com", "/x", "deeper"),
        ("example.com", "/api", "any-api"),
        ("notexample.com", "/x", "any"),
        ("only.example.com", "/part/1", "part"),
        ("only.example.com", "/other", "below"),
        ("", "/x", "any"),
    ] {
        assert_eq!(ask(&routes, Method::GET, host, path), name, "{host}{path}");
    }
}

#[test]
fn a_route_for_the_method_wins_and_another_path_is_no_way_round_it() {
    let routes = Routes::new(vec![
        route("open", "/"),
        only(&[Method::GET], route("read", "/reports")),
        only(&[Method::POST, Method::PUT], route("write", "/reports")),
        only(&[Method::DELETE], route("drop", "/things")),
        route("rest", "/things"),
    ])
    .unwrap();
    for (method, path, name) in [
        (Method::GET, "/reports/1", "read"),
        (Method::HEAD, "/reports/1", "read"),
        (Method::POST, "/reports", "write"),
        (Method::DELETE, "/reports", "405 GET, HEAD, POST, PUT"),
        (Method::OPTIONS, "/reports", "405 GET, HEAD, POST, PUT"),
        (Method::DELETE, "/things/1", "drop"),
        (Method::GET, "/things/1", "rest"),
    ] {
        assert_eq!(ask(&routes, method.clone(), "h", path), name, "{method} {path}");
    }
}

#[test]
fn routes_that_tie_are_an_error_that_names_both() {
    let tie = |first: Route, second: Route| match Routes::new(vec![first, second]) {
        Ok(_) => "no tie".to_owned(),
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    let said = tie(route("a", "/x"), route("b", "/x/"));
    assert_eq!(
        said,
        "routes `a` and `b` have the same path `/x/` (for any host): no rule says which one wins"
    );
    assert!(tie(exact("a", "/{x}/y"), exact("b", "/{z}/y")).contains("`a` and `b`"));
    assert!(tie(on("h", route("a", "/x")), on("H", route("b", "/x"))).contains("(for h)"));
    let (get, both) = (only(&[Method::GET], route("a", "/x")), [Method::GET, Method::PUT]);
    assert!(tie(get.clone(), only(&both, route("b", "/x"))).contains("`a` and `b`"));
    for (first, second) in [
        (route("a", "/x"), exact("b", "/x")),
        (route("a", "/x"), on("h", route("b", "/x"))),
        (get.clone(), route("b", "/x")),
        (get, only(&[Method::PUT], route("b", "/x"))),
        (exact("a", "/{x}"), exact("b", "/x")),
    ] {
        assert_eq!(tie(first, second), "no tie");
    }
}

#[test]
fn paths_of_the_gateway_cannot_be_routes() {
    for path in ["/api/auth", "/api/auth/login", "/.well-known/jwks.json"] {
        let faults = Routes::new(vec![route("a", path)]).unwrap_err();
        assert!(matches!(faults[..], [RouteFault::Reserved(..)]), "{path}");
    }
}

#[test]
fn a_route_gets_no_path_that_its_service_could_read_as_one_of_a_stricter_route() {
    let public = |route: Route| Route { access: Access::Public, ..route };
    let routes = Routes::new(vec![
        public(route("site", "/")),
        route("admin", "/Admin"),
        public(route("health", "/Admin/health")),
        exact("item", "/items/{id}"),
        public(exact("new", "/items/new")),
        exact("slash", "/slash/"),
    ])
    .unwrap();
    for (path, name) in [
        ("/Admin", "admin"),
        ("/admin", "ambiguous_path"),
        ("/admin/x", "ambiguous_path"),
        // A reader that takes it for another path takes it for a public one.
        ("/admin/health", "site"),
        ("/Admin/health", "health"),
        ("/Admin/Health", "admin"),
        ("/Admin/health/Report.pdf", "health"),
        ("/items/7", "item"),
        ("/items/7/", "ambiguous_path"),
        ("/items/new", "new"),
        ("/items/new/", "site"),
        ("/items/NEW", "item"),
        ("/items", "site"),
        ("/slash/", "slash"),
        ("/slash", "ambiguous_path"),
        ("/Other/", "site"),
    ] {
        assert_eq!(found(&routes, path), name, "{path}");
    }
    let pairs = routes.near_misses();
    let pairs: Vec<_> = pairs.iter().map(|near| (near.by.name.as_str(), near.of.name.as_str())).collect();
    assert_eq!(pairs, [("site", "admin"), ("site", "item"), ("site", "slash")]);
}
