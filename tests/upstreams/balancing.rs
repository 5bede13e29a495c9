//! Who gets the next request.

use std::collections::HashMap;

use super::{before, three, upstream};
use crate::support::eventually;
use crate::support::farm::Instance;
use crate::support::gateway::Gateway;

/// How many of `count` requests each server answered.
fn shares(gateway: &Gateway, count: usize) -> HashMap<String, usize> {
    let client = gateway.client();
    let mut shares = HashMap::new();
    for _ in 0..count {
        *shares.entry(client.get("/app").send().text()).or_insert(0) += 1;
    }
    shares
}

#[test]
fn servers_take_turns() {
    let servers = three();
    let gateway = before(&servers, "").start();
    let shares = shares(&gateway, 30);
    assert_eq!(["a", "b", "c"].map(|name| shares[name]), [10, 10, 10]);
}

#[test]
fn a_server_of_twice_the_weight_gets_twice_the_requests() {
    let [a, b, _c] = three();
    let servers = format!(
        "{{ address = \"{}\", weight = 4 }}, {{ address = \"{}\", weight = 2 }}",
        a.address, b.address
    );
    let gateway = upstream(&servers, "").start();
    let shares = shares(&gateway, 60);
    assert_eq!(["a", "b"].map(|name| shares[name]), [40, 20]);
}

#[test]
fn the_server_with_the_fewest_running_requests_gets_the_next_one() {
    let servers = [Instance::start("a"), Instance::start("b")];
    let gateway = before(&servers, "balance = \"least_connections\"").start();
    std::thread::scope(|scope| {
        let client = gateway.client();
        let held = scope.spawn(|| gateway.client().get("/app/hold").send().text());
        eventually("the request is held", || servers.iter().any(|server| server.count() == 1));
        let busy = if servers[0].count() == 1 { "a" } else { "b" };
        let others: Vec<_> = (0..10).map(|_| client.get("/app").send().text()).collect();
        assert!(others.iter().all(|name| name != busy), "{busy} is busy: {others:?}");
        let running = format!(
            "gateway_upstream_server_requests_running{{server=\"{}\",upstream=\"app\"}}",
            servers[usize::from(busy == "b")].address
        );
        assert_eq!(gateway.metric(&running), 1.0);
        servers.iter().for_each(Instance::release);
        assert_eq!(held.join().unwrap(), busy);
        eventually("it is counted no more", || gateway.metric(&running) == 0.0);
    });
}

#[test]
fn the_requests_of_a_user_stay_on_one_server() {
    let servers = three();
    let gateway = before(&servers, "balance = \"hash_user\"")
        .route("mine", "/mine", "app", "auth = \"required\"")
        .start();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..12 {
        let user = gateway.user();
        let own: std::collections::BTreeSet<_> =
            (0..5).map(|_| gateway.client().get("/mine").bearer(&user.access).send().text()).collect();
        assert_eq!(own.len(), 1, "one user is on {own:?}");
        seen.extend(own);
    }
    assert!(seen.len() > 1, "all users are on {seen:?}");
}

#[test]
fn when_a_server_goes_only_its_own_addresses_move() {
    let mut servers = three();
    let gateway = before(&servers, "balance = \"hash_address\"")
        .env("GATEWAY__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]")
        .start();
    let client = gateway.client();
    let places = || -> Vec<String> {
        let from = |number: usize| {
            let address = format!("192.0.2.{number}");
            client.get("/app").header("x-forwarded-for", &address).send().text()
        };
        (1..100).map(from).collect()
    };
    let before = places();
    assert_eq!(before, places());
    for name in ["a", "b", "c"] {
        let share = before.iter().filter(|place| *place == name).count();
        assert!((10..=60).contains(&share), "{name} has {share} of 99");
    }
    servers[1].kill();
    for (was, is) in before.iter().zip(places()) {
        assert!(was == "b" && is != "b" || *was == is, "{was} became {is}");
    }
}
