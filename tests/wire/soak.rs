//! A mixed load of good, slow, silent and breaking clients and services, every answer of which is held
//! against its request and its user; and what the gateway holds when it is over. The short form of
//! `./dev soak`.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::{Value, json};

use super::listening;
use crate::support::authority::Authority;
use crate::support::belongings::{connections, descriptors, memory};
use crate::support::gateway::Gateway;
use crate::support::marking::Marking;
use crate::support::tools::python;
use crate::support::{eventually, project};

/// Of the short form, in seconds.
const SHORT: u64 = 24;
/// How much of the time goes by before what is held is looked at for the first time.
const WARM_UP_SHARE: u64 = 6;
/// How much more memory may be in use afterwards.
const GROWTH_MAX: u64 = 48 << 20;

/// Somebody, by id and token; the connection of the login is given back.
fn user(gateway: &Gateway) -> Value {
    let one = gateway.user();
    json!({"id": one.id.to_string(), "token": one.access})
}

/// The soak for so many seconds, and its summary.
fn soak(
    gateway: &Gateway,
    services: &Marking,
    authority: &Authority,
    users: &[Value],
    seconds: u64,
) -> Value {
    let options = json!({
        "plain": gateway.address.port(),
        "h2c": gateway.further[0].port(),
        "tls": gateway.further[1].port(),
        "authority": authority.file(),
        "late": services.address("late").port(),
        "users": users,
        "seconds": seconds,
        "tells": seconds > 60,
    });
    let mut command = python("python");
    command.arg(project().join("tests/services/soak.py")).env("SOAK", options.to_string());
    // Its parts import each other, and nothing of that stays in the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

/// Until nothing runs and no connection is left; then the descriptors and the memory.
fn at_rest(gateway: &Gateway, services: &[SocketAddr]) -> (usize, u64) {
    let pid = gateway.pid();
    eventually("nothing runs", || {
        gateway.total("gateway_upstream_server_requests_running", &[]) == 0.0
            && gateway.total("gateway_streams_running", &[]) == 0.0
    });
    eventually("clients' connections are closed", || gateway.metric("gateway_downstream_connections") == 0.0);
    eventually("services' connections are given back", || connections(pid, services) == 0);
    (descriptors(pid), memory(pid))
}

#[test]
fn every_answer_belongs_to_its_request_and_its_user() {
    let minutes = std::env::var("SOAK_MINUTES").ok().map(|minutes| minutes.parse::<u64>().unwrap());
    let seconds = minutes.map_or(SHORT, |minutes| minutes * 60);
    let (services, authority) = (Marking::start(), Authority::new());
    let setup = services
        .behind(2_000)
        // A soak takes longer than a token lives, and writes more than anybody reads.
        .env("GATEWAY__TOKENS__ACCESS_LIFETIME_SECONDS", "86400")
        .env("GATEWAY__LOG__LEVEL", "error")
        // Its descriptors are counted from outside.
        .env("GATEWAY__SERVER__CORE_DUMPS", "true")
        .env("GATEWAY__LOG__ACCESS", "false");
    let gateway = listening(setup, &authority);
    let users = [user(&gateway), user(&gateway), user(&gateway)];
    let addresses = services.addresses();

    soak(&gateway, &services, &authority, &users, seconds / WARM_UP_SHARE);
    let (descriptors_before, memory_before) = at_rest(&gateway, &addresses);
    let summary = soak(&gateway, &services, &authority, &users, seconds - seconds / WARM_UP_SHARE);
    let (descriptors_after, memory_after) = at_rest(&gateway, &addresses);

    println!("{summary:#}");
    let ways = |labels| gateway.total("gateway_http_ways_total", labels);
    let (all, lane) = (ways(&[]), ways(&[("way", "lane")]));
    println!("{lane} of {all} requests took the lane");
    println!("descriptors {descriptors_before} -> {descriptors_after}");
    println!("memory {} -> {} MiB", memory_before >> 20, memory_after >> 20);
    assert_eq!(services.unreadable_for_nginx(), [""; 0]);
    assert!(summary["requests"].as_u64().unwrap() > 20 * seconds, "too few to tell: {summary}");
    assert!(lane > all / 10.0 && all - lane > all / 10.0, "too few by one of the ways: {lane} of {all}");
    assert!(descriptors_after <= descriptors_before, "{descriptors_before} -> {descriptors_after}");
    assert!(memory_after < memory_before + GROWTH_MAX, "{memory_before} -> {memory_after} bytes");
}
