//! The choice of the route, among few and among many.

use divan::{Bencher, black_box};
use gateway_pipeline::{Access, HostPattern, Route, Routes};
use http::Method;

use crate::in_process::route;

const COUNTS: [usize; 3] = [1, 100, 10_000];

/// As many services, ten paths each, one of them with a parameter.
fn paths(count: usize) -> Vec<Route> {
    let path = |index: usize| match index % 10 {
        9 => format!("/service-{}/{{tenant}}/items", index / 10),
        part => format!("/service-{}/part-{part}", index / 10),
    };
    (0..count).map(|index| route(&format!("route-{index}"), &path(index), Access::Public)).collect()
}

fn on_hosts(count: usize, host: impl Fn(usize) -> String) -> Vec<Route> {
    let of = |index| vec![HostPattern::parse(&host(index)).expect("a host of ours")];
    let one = |index: usize| route(&format!("route-{index}"), "/api", Access::Public);
    (0..count).map(|index| Route { hosts: of(index), ..one(index) }).collect()
}

/// Each request is for another route, so that not one of them alone is in the processor's cache.
fn find(bencher: Bencher<'_, '_>, routes: Vec<Route>, requests: &[(String, String)]) {
    let routes = Routes::new(routes).expect("the routes do not tie");
    for (host, path) in requests {
        assert!(routes.find(host, &Method::GET, path).is_ok(), "{host}{path}");
    }
    let mut turns = requests.iter().cycle();
    bencher.bench_local(|| {
        let (host, path) = turns.next().expect("there are requests");
        routes.find(black_box(host), &Method::GET, black_box(path)).is_ok()
    });
}

/// As many requests as there are tokens elsewhere, spread over all routes.
fn spread(count: usize, request: impl Fn(usize) -> (String, String)) -> Vec<(String, String)> {
    (0..1_000).map(|turn| request(turn * 7_919 % count)).collect()
}

#[divan::bench(args = COUNTS)]
fn by_path(bencher: Bencher<'_, '_>, count: usize) {
    let routes = paths(count);
    let requests = spread(count, |index| {
        let path = routes[index].path.as_str().replace("{tenant}", "acme");
        ("api.example.com".to_owned(), format!("{path}/42"))
    });
    find(bencher, routes, &requests);
}

#[divan::bench(args = COUNTS)]
fn by_host(bencher: Bencher<'_, '_>, count: usize) {
    let host = |index: usize| format!("tenant-{index}.example.com");
    find(bencher, on_hosts(count, host), &spread(count, |index| (host(index), "/api/42".to_owned())));
}

#[divan::bench(args = COUNTS)]
fn below_host(bencher: Bencher<'_, '_>, count: usize) {
    let routes = on_hosts(count, |index| format!("*.tenant-{index}.example.com"));
    let host = |index| format!("app.tenant-{index}.example.com");
    find(bencher, routes, &spread(count, |index| (host(index), "/api/42".to_owned())));
}

#[divan::bench(args = COUNTS)]
fn none(bencher: Bencher<'_, '_>, count: usize) {
    let routes = Routes::new(paths(count)).expect("the routes do not tie");
    assert!(routes.find("api.example.com", &Method::GET, "/nowhere").is_err());
    bencher.bench_local(|| routes.find("api.example.com", &Method::GET, black_box("/nowhere")).is_ok());
}
