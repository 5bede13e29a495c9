//! Which levels are measured, and that the figures are those of what is there.

use std::time::Duration;

use super::{measure, micros, three_routes};
use crate::support::gateway::{Setup, run};
use crate::support::terminal::{shown, width};
use crate::support::upstream::Upstream;

#[test]
fn the_levels_come_from_the_configuration_and_every_minted_token_is_accepted() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    // Long enough for an answer of each level in each round, also on a machine that has much else to do.
    let measured = measure(&gateway, &["--users", "7", "--duration", "1s"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    let names: Vec<_> =
        measured.told["levels"].as_array().unwrap().iter().map(|level| &level["name"]).collect();
    assert_eq!(names, ["direct", "public", "verified", "limited"]);
    for name in ["direct", "public", "verified", "limited"] {
        let level = measured.level(name);
        assert_eq!(level["statuses"].as_object().unwrap().keys().collect::<Vec<_>>(), ["200"], "{level}");
        assert_eq!(level["good"], level["requests"]);
        let classes = level["histogram"].as_array().unwrap();
        let counted: u64 = classes.iter().map(|class| class["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, level["good"].as_u64().unwrap());
    }
    let on = |name: &str| measured.level(name)["what_is_on"].as_str().unwrap().to_owned();
    assert_eq!(on("public"), "no token is looked at, access log");
    assert_eq!(on("verified"), "HS256, revocation in memory, no limit for users, access log");
    assert_eq!(on("limited"), "HS256, revocation in memory, 100000 in 60 s for each user, access log");
    for (of, over) in [("public", "direct"), ("verified", "direct"), ("limited", "public")] {
        let p50 = &measured.price(of, over)["p50"]["us"];
        assert!(
            micros(&p50["low"]) <= micros(&p50["median"]) && micros(&p50["median"]) <= micros(&p50["high"])
        );
    }
    assert_eq!(measured.told["verdict"], "met");
    assert_eq!((&measured.told["loop"], &measured.told["users"]), (&"closed".into(), &7.into()));
    assert!(measured.stderr.contains("a loopback address"), "{}", measured.stderr);
}

#[test]
fn the_users_are_those_with_the_highest_ids_and_all_of_them_come_in_turn() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--users", "5", "--path", "/free", "--rate", "200"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    let mut seen: Vec<_> =
        upstream.arrived().iter().map(|arrived| arrived.one("x-user-id").to_owned()).collect();
    seen.sort();
    seen.dedup();
    let highest: Vec<_> = (0..5).map(|below| (9_007_199_254_740_991_u64 - 4 + below).to_string()).collect();
    assert_eq!(seen, highest);
    assert!(upstream.arrived().iter().all(|arrived| arrived.one("x-user-email").ends_with("@bench.invalid")));
    assert!(upstream.arrived().iter().all(|arrived| !arrived.has("authorization")));
}

#[test]
fn an_open_loop_makes_the_requests_that_were_asked_for() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--rate", "400", "--duration", "1s", "--path", "/free"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    assert_eq!((&measured.told["loop"], &measured.told["rate"]), (&"open".into(), &400.0.into()));
    assert_eq!(measured.level("verified")["requests"], 400);
}

#[test]
fn a_delay_of_500_microseconds_shows_as_500_microseconds() {
    let (quick, slow) = (Upstream::start(), Upstream::that_takes(Duration::from_micros(500)));
    let gateway = Setup::new("")
        .upstream("quick", &quick.address.to_string())
        .upstream("slow", &slow.address.to_string())
        .route("quick", "/quick", "quick", "auth = \"public\"")
        .route("slow", "/slow", "slow", "user_limit = \"unlimited\"")
        .start();
    let paths = ["--public-path", "quick=/quick", "--path", "slow=/slow"];
    // Where other things want the cores, a quick answer waits for one and a sleeping service does not,
    // and the difference is theirs: that is measured again. What is computed wrongly stays wrong.
    let mut prices = Vec::new();
    while !prices.last().is_some_and(|price| (300.0..20_000.0).contains(price)) {
        assert!(prices.len() < 8, "{prices:?}");
        let measured = measure(&gateway, &[&paths[..], &["--rate", "300", "--duration", "2s"]].concat());
        assert_eq!(measured.status, 0, "{}", measured.stderr);
        // No answer was quicker than its service, and the figure of three digits is rounded.
        assert!(micros(&measured.level("slow")["latency_us"]["min"]) >= 499.0, "{}", measured.told);
        assert!(micros(&measured.level("slow")["latency_us"]["p50"]) >= 499.0);
        prices.push(micros(&measured.price("slow", "quick")["p50"]["us"]["median"]));
    }
}

#[test]
fn a_ring_of_private_keys_signs_the_tokens() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).config("[tokens]\nalgorithm = \"ES256\"").start();
    let measured = measure(&gateway, &["--users", "3"]);
    assert_eq!(measured.status, 0, "{}", measured.stderr);
    let on = measured.level("verified")["what_is_on"].as_str().unwrap();
    assert!(on.starts_with("ES256, "), "{on}");
}

#[test]
fn where_keys_are_not_there_yet_none_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gateway.toml");
    let data = folder.path().join("data");
    std::fs::write(&config, format!("[store]\npath = {data:?}\n")).unwrap();
    let (status, _, stderr) = run(&["bench", "--config", config.to_str().unwrap()], &[]);
    assert_eq!(status, 78, "{stderr}");
    assert!(!data.exists() && stderr.contains("is gone"), "{stderr}");
}

#[test]
fn tables_are_for_people() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let url = format!("http://{}", gateway.address);
    let brief = ["bench", "--url", &url, "--duration", "1s", "--connections", "2", "--users", "2"];
    let (status, stdout, stderr) = gateway.run(&brief);
    assert_eq!(status, 0, "{stderr}");
    for words in [
        "closed loop, 2 connections, 2 users; 5 rounds of 200 ms",
        "limited over public",
        "time for each answer",
        "p99.9",
    ] {
        assert!(stdout.contains(words), "{words} in {stdout}");
    }
    assert!(width(&stdout) <= 80, "{stdout}");
    assert!(stdout.ends_with("\nverdict  met\n"), "{stdout}");
    assert!(!stderr.contains('\r'), "progress is for terminals: {stderr:?}");
}

#[test]
fn a_person_reads_how_long_it_takes_and_which_numbers_are_allowed() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let url = format!("http://{}", gateway.address);
    let one = ["bench", "--url", &url, "--path", "/free", "--duration", "250ms", "--connections", "2"];
    let (status, shown) = shown(gateway.command(&one), 80);
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("1 level in 5 rounds: about 1 s"), "{shown}");
    let (_, help, _) = run(&["bench", "--help"], &[]);
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "In how many rounds, 5 to 1000",
        "1 to 20000",
        "gateway bench [OPTIONS] <--config <FILE>|--tokens <FILE>>",
    ] {
        assert!(help.contains(words), "{words} in {help}");
    }
}
