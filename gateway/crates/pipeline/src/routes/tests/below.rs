//! Paths that a route takes as they are sent: never more than it may, and byte for byte.

use proptest::prelude::*;

use super::model::by_list;
use super::*;
use crate::{Oddity, RequestTarget, canonical};

fn allowing(odd: &[Oddity], route: Route) -> Route {
    Route { path_allows: odd.to_vec(), access: Access::Public, ..route }
}

fn choose(routes: &Routes, target: &str) -> String {
    let canonical = canonical(target).ok();
    match routes.choose("localhost", &Method::GET, RequestTarget::new(target, canonical.as_ref())) {
        Ok((target, route)) => format!("{} {}", route.name, target.as_str()),
        Err(refusal) => refusal.code().as_str().to_owned(),
    }
}

#[test]
fn a_route_takes_below_its_path_what_it_allows_and_nothing_else() {
    let other = Arc::new(Upstream::unix("other", "/elsewhere", Timeouts::default()));
    let routes = Routes::new(vec![
        allowing(&[Oddity::EncodedSlash], route("queues", "/api/queues")),
        allowing(&Oddity::ALL, route("all", "/all")),
        allowing(&[Oddity::Semicolon], route("tenant", "/t/{tenant}/app")),
        Route { upstream: other, ..route("elsewhere", "/all/elsewhere") },
        route("site", "/site"),
    ])
    .unwrap();
    for (target, chosen) in [
        ("/api/queues/%2F/x?y=%2f;//", "queues /api/queues/%2F/x?y=%2f;//"),
        ("/%61pi/queues/%2f%7e%41", "queues /api/queues/%2f%7e%41"),
        ("/api/queues//x", "ambiguous_path"),
        ("/api/queues%2Fx", "ambiguous_path"),
        ("/api%2Fqueues/x", "ambiguous_path"),
        ("/all//x;y=1/%2F/[z]", "all /all//x;y=1/%2F/%5Bz%5D"),
        ("/all/", "all /all/"),
        ("/all//", "all /all//"),
        ("/all;x", "ambiguous_path"),
        ("//all/x", "ambiguous_path"),
        ("/all/..;/x", "ambiguous_path"),
        ("/all/%2F../x", "ambiguous_path"),
        ("/all//../site", "ambiguous_path"),
        ("/all//x%5Cy", "ambiguous_path"),
        // Some service reads each of these as one of another route.
        ("/all//elsewhere", "ambiguous_path"),
        ("/all/elsewhere;x", "ambiguous_path"),
        ("/all/elsewhere%2Fx", "ambiguous_path"),
        ("/t/a/app/x;y", "tenant /t/a/app/x;y"),
        ("/t/a;x/app/y", "ambiguous_path"),
        ("/site/a;b", "ambiguous_path"),
    ] {
        assert_eq!(choose(&routes, target), chosen, "{target}");
    }
}

#[test]
fn a_choice_beside_a_stricter_route_of_the_same_service_below_is_a_fault() {
    let wide = |path: &str| allowing(&[Oddity::DoubledSlash], route("wide", path));
    let said = |routes: Vec<Route>| match Routes::new(routes) {
        Ok(_) => "nothing".to_owned(),
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    let fault = said(vec![wide("/"), route("narrow", "/admin")]);
    assert_eq!(
        fault,
        "route `wide`: path_allows: a path below `/` could be read as one of `/admin`, where route `narrow` of the same service lets fewer pass; set path_allows on a route below whose path there is no such route"
    );
    for narrow in [
        exact("narrow", "/a/b"),
        exact("narrow", "/A/b"),
        exact("narrow", "/{x}/b"),
        exact("narrow", "/a"),
        only(&[Method::GET], Route { access: Access::Public, ..route("narrow", "/a/b") }),
    ] {
        assert!(said(vec![wide("/a"), narrow.clone()]).contains("`narrow`"), "{narrow:?}");
    }
    let other = Arc::new(Upstream::unix("other", "/elsewhere", Timeouts::default()));
    for narrow in [
        route("narrow", "/"),
        route("narrow", "/b"),
        only(&[Method::PUT], route("narrow", "/a")),
        Route { access: Access::Public, ..route("narrow", "/a/b") },
        Route { upstream: other, ..route("narrow", "/a/b") },
    ] {
        assert_eq!(said(vec![wide("/a"), narrow.clone()]), "nothing", "{narrow:?}");
    }
    let here = on("here.example.com", route("narrow", "/a/b"));
    assert_eq!(said(vec![on("there.example.com", wide("/a")), here]), "nothing");
}

#[test]
fn what_could_be_for_the_gateway_itself_or_begin_with_two_slashes_is_nobodys() {
    let site = allowing(&Oddity::ALL, route("site", "/"));
    let stripped = Route { replace_prefix: Some("/".into()), ..allowing(&Oddity::ALL, route("app", "/app")) };
    let routes = Routes::new(vec![site, stripped]).unwrap();
    for target in [
        "/api/auth//login",
        "/api//auth/login",
        "/api%2Fauth/login",
        "/api;x/auth",
        "/API%2Fauth;x",
        "/api/auth;x",
        "/api%252Fauth//x",
        "/.well-known%2Fjwks.json",
        "//evil.example/x",
        "///",
        "/app//evil.example",
    ] {
        assert_eq!(choose(&routes, target), "ambiguous_path", "{target}");
    }
    assert_eq!(choose(&routes, "/@scope%2fpkg"), "site /@scope%2fpkg");
    assert_eq!(choose(&routes, "/app/x//y"), "app /app/x//y");
}

/// A service that does one of these to what it gets.
fn read(step: usize, path: &str) -> String {
    let segments = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    match step {
        0 => path.replace("%2F", "/").replace("%2f", "/"),
        1 => path.replace("%3B", ";").replace("%3b", ";"),
        2 => segments(path).iter().map(|name| name.split(';').next().unwrap()).collect::<Vec<_>>().join("/"),
        3 => path.split(';').next().unwrap().to_owned(),
        _ => {
            let names = segments(path);
            let last = names.len() - 1;
            let kept =
                names.iter().enumerate().filter(|(at, name)| [0, last].contains(at) || !name.is_empty());
            kept.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("/")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever a service undoes, cuts and merges, in whatever order: what is let through is one of its
    /// route and of no other, and it goes on as it came.
    #[test]
    fn what_is_let_through_is_of_its_route_in_each_reading_and_goes_on_as_it_came(
        drawn in prop::collection::vec((model::route(), any::<bool>()), 1..8),
        sent in "/(a|b|a/b|c)(/|//|%2F|%2f|;|%3b|;/|a|b|c|A|\\.|%2e){1,6}",
        steps in prop::collection::vec(0usize..5, 1..6),
    ) {
        let mut routes: Vec<Route> = Vec::new();
        for (mut route, is_wide) in drawn {
            route.methods.clear();
            route.hosts = vec![HostPattern::Any];
            route.name = format!("route {}", routes.len());
            // None is stricter than another: those are not beside each other at all.
            route = allowing(if is_wide { &Oddity::ALL } else { &[] }, route);
            let mut more = routes.clone();
            more.push(route);
            if Routes::new(more.clone()).is_ok() {
                routes = more;
            }
        }
        let table = Routes::new(routes.clone()).unwrap();
        let its = canonical(&sent).ok();
        if let Ok((target, by)) = table.choose("h.com", &Method::GET, RequestTarget::new(&sent, its.as_ref())) {
            let (_, below) = by.path.split(target.path());
            prop_assert!(!target.is_as_sent() || sent.ends_with(below), "{} becomes {}", sent, target.as_str());
            prop_assert_eq!(target.is_as_sent(), canonical(&sent).is_err());
            if target.is_as_sent() {
                let seen = steps.iter().fold(sent.clone(), |seen, step| read(*step, &seen));
                let path = as_matched(&seen.replace("%2F", "%252F").replace("%2f", "%252F")).into_owned();
                let meant = by_list(&routes, "h.com", &Method::GET, &path);
                prop_assert_eq!(&meant, &by.name, "{} is read as {}", sent, seen);
            }
        }
    }
}
