//! The table beside a plain list that is searched from end to end: both choose the same route.

use std::cmp::Reverse;

use proptest::prelude::*;

use super::*;

const HOSTS: [&str; 7] = ["", "h.com", "x.h.com", "*.h.com", "*.x.h.com", "*.com", "*.y.com"];
const ASKED: [&str; 8] =
    ["h.com", "x.h.com", "y.h.com", "z.x.h.com", ".h.com", "y.com", "h.com.evil", "b.a.h.com"];

fn pattern() -> impl Strategy<Value = PathPattern> {
    let segments = prop::collection::vec(prop::sample::select(vec!["a", "b", "{x}"]), 0..4);
    (segments, any::<bool>(), any::<bool>()).prop_map(|(segments, below, slash)| {
        let end = if slash && !segments.is_empty() { "/" } else { "" };
        let text = format!("/{}{end}", segments.join("/"));
        if below { PathPattern::prefix(&text).unwrap() } else { PathPattern::exact(&text).unwrap() }
    })
}

pub(super) fn route() -> impl Strategy<Value = Route> {
    let hosts = prop::collection::btree_set(prop::sample::select(HOSTS.to_vec()), 1..3);
    let methods = prop::sample::subsequence(vec![Method::GET, Method::POST], 0..=2);
    (pattern(), hosts, methods).prop_map(|(path, hosts, methods)| {
        let host = |text: &str| HostPattern::parse(text).unwrap_or(HostPattern::Any);
        let upstream = Arc::new(Upstream::unix("up", "/nowhere", Timeouts::default()));
        Route { hosts: hosts.into_iter().map(host).collect(), methods, ..Route::new("", path, upstream) }
    })
}

/// A service that reads a path in one of these ways, segment by segment.
fn spelling() -> impl Strategy<Value = fn(&str) -> String> {
    prop::sample::select(vec![
        (|segment| segment.to_owned()) as fn(&str) -> String,
        |segment| segment.to_uppercase(),
        |segment| format!("{segment}."),
        |segment| format!("{segment}%20"),
        |segment| segment.replace('a', "%2561"),
    ])
}

fn path() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(prop::sample::select(vec!["a", "b", "c", ""]), 1..5);
    segments.prop_map(|segments| format!("/{}", segments.join("/")))
}

/// What stands in the way of two routes in one table.
fn tie(one: &Route, other: &Route) -> bool {
    let same_path =
        one.path.segments() == other.path.segments() && one.path.covers_below() == other.path.covers_below();
    same_path && one.hosts.iter().any(|host| other.hosts.contains(host)) && one.shares_a_method(other)
}

/// How well a route's host fits; the greater the better.
fn host_rank(pattern: &HostPattern, host: &str) -> Option<usize> {
    match pattern {
        HostPattern::Any => Some(0),
        HostPattern::Below(name) => host.ends_with(&format!(".{name}")).then_some(name.len()),
        HostPattern::Name(name) => (**name == *host).then_some(usize::MAX),
    }
}

/// How well its path fits, segment by segment.
fn path_rank(pattern: &PathPattern, path: &str) -> Option<Vec<u8>> {
    let asked: Vec<&str> = path[1..].split('/').collect();
    let wanted = pattern.segments();
    let long_enough =
        if pattern.covers_below() { asked.len() >= wanted.len() } else { asked.len() == wanted.len() };
    long_enough.then_some(())?;
    let fits = |(wanted, asked): (&Segment, &&str)| match wanted {
        Segment::Literal(text) => (**text == **asked).then_some(3),
        Segment::Parameter => (!asked.is_empty()).then_some(2),
    };
    let mut rank = wanted.iter().zip(&asked).map(fits).collect::<Option<Vec<u8>>>()?;
    rank.push(u8::from(!pattern.covers_below()));
    Some(rank)
}

/// The name of the route, or what is said in place of one.
pub(super) fn by_list(routes: &[Route], host: &str, method: &Method, path: &str) -> String {
    let rank = |route: &Route| {
        let host = route.hosts.iter().filter_map(|pattern| host_rank(pattern, host)).max()?;
        Some((host, path_rank(&route.path, path)?))
    };
    let ranked = || routes.iter().filter_map(|route| Some((rank(route)?, route)));
    let Some(best) = ranked().map(|(rank, _)| rank).max() else { return "none".to_owned() };
    let mut candidates: Vec<_> = ranked().filter(|(rank, _)| *rank == best).map(|(_, route)| route).collect();
    candidates.sort_by_key(|route| Reverse(route.names_method(method)));
    let chosen = candidates.iter().find(|route| route.names_method(method) || route.methods.is_empty());
    chosen.map_or("other methods".to_owned(), |route| route.name.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_table_chooses_as_a_search_from_end_to_end_would(
        drawn in prop::collection::vec(route(), 1..16),
        asked in prop::collection::vec((prop::sample::select(ASKED.to_vec()), path()), 8),
    ) {
        let mut routes: Vec<Route> = Vec::new();
        for mut route in drawn {
            if !routes.iter().any(|other| tie(other, &route)) {
                route.name = format!("route {}", routes.len());
                routes.push(route);
            }
        }
        let table = Routes::new(routes.clone()).unwrap();
        for (host, path) in asked {
            for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
                let found = match table.find(host, &method, &path) {
                    Ok(route) => route.name.clone(),
                    Err(Refusal::MethodNotAllowed(_)) => "other methods".to_owned(),
                    Err(Refusal::NearMiss(near)) => near.by.name.clone(),
                    Err(_) => "none".to_owned(),
                };
                let expected = by_list(&routes, host, &method, &path);
                prop_assert_eq!(found, expected, "{} {}{}", method, host, path);
            }
        }
    }
}

/// Whether the list would let the request pass under another spelling than that of a stricter route.
fn by_list_stricter<'a>(routes: &'a [Route], by: &Route, host: &str, path: &str) -> Option<&'a Route> {
    let meant = by_list(routes, host, &Method::GET, path);
    routes.iter().find(|route| route.name == meant && route.is_stricter_than(by))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// However a service folds what it gets: no path that it reads as one of a stricter route comes
    /// by a wider one. And a path that is nobody's other spelling is never refused for it.
    #[test]
    fn no_spelling_of_a_stricter_route_comes_by_a_wider_one(
        drawn in prop::collection::vec((route(), any::<bool>()), 1..12),
        meant in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4),
        spellings in prop::collection::vec(spelling(), 4),
        (slash, host) in (any::<bool>(), prop::sample::select(ASKED.to_vec())),
    ) {
        let mut routes: Vec<Route> = Vec::new();
        for (mut route, public) in drawn {
            route.methods.clear();
            if !routes.iter().any(|other| tie(other, &route)) {
                route.name = format!("route {}", routes.len());
                route.access = if public { Access::Public } else { route.access };
                routes.push(route);
            }
        }
        let table = Routes::new(routes.clone()).unwrap();
        let spelled = meant.iter().zip(&spellings).map(|(segment, spelling)| format!("/{}", spelling(segment)));
        let sent = spelled.collect::<String>() + if slash { "/" } else { "" };
        let meant = format!("/{}", meant.join("/"));
        match table.find(host, &Method::GET, &sent) {
            Ok(by) => {
                // A configuration that names both paths gets both.
                let stricter = by_list_stricter(&routes, by, host, &meant);
                let stricter = stricter.filter(|_| !by.path.is_literally(&sent));
                prop_assert!(stricter.is_none(), "{sent} comes by {}, not {:?}", by.name, stricter);
            }
            Err(Refusal::NearMiss(near)) => {
                let is_another = sent != meant || near.of.path.as_str().ends_with('/');
                prop_assert!(is_another && near.of.is_stricter_than(&near.by), "{sent} {near}");
            }
            Err(_) => {}
        }
    }
}
