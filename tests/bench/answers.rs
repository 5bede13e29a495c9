//! Answers that are not 2xx: counted, explained, and never taken for figures.

use std::time::Duration;

use super::{measure, micros, three_routes};
use crate::support::NOWHERE;
use crate::support::forge;
use crate::support::gateway::Setup;
use crate::support::upstream::Upstream;

#[test]
fn a_path_that_nobody_has_is_counted_and_explained() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let measured = measure(&gateway, &["--path", "/nowhere"]);
    assert_eq!(measured.status, 1, "{}", measured.stderr);
    for words in ["is refused: not_found", " × 404: no route of the gateway", "nothing was measured"] {
        assert!(measured.stderr.contains(words), "{words} in {}", measured.stderr);
    }
    assert_eq!(upstream.arrived().len(), 0);
}

#[test]
fn limits_that_are_hit_are_named_and_the_rest_is_told() {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("app", &upstream.address.to_string());
    let limit = "user_limit = { requests = 20, window_seconds = 3600 }";
    let gateway = setup.route("few", "/few", "app", limit).start();
    // The warm-up leaves some; the rounds use them up.
    let measured = measure(&gateway, &["--users", "1", "--path", "/few", "--rate", "100"]);
    assert_eq!(measured.status, 1, "{}", measured.stderr);
    assert!(measured.stderr.contains(" × 429: a limit is used up"), "{}", measured.stderr);
    assert!(measured.stderr.contains("use more --users"), "{}", measured.stderr);
    let level = measured.level("limited");
    assert!(level["statuses"]["429"].as_u64().unwrap() > 0, "{level}");
    let counted: u64 =
        level["histogram"].as_array().unwrap().iter().map(|one| one["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, level["statuses"]["200"].as_u64().unwrap());
    assert_eq!(measured.told["verdict"], "bad_answers");
}

#[test]
fn tokens_of_another_key_are_refused_and_said_to_be() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let folder = tempfile::tempdir().unwrap();
    let (good, wrong) = (folder.path().join("good"), folder.path().join("wrong"));
    let ada = gateway.user();
    std::fs::write(&good, format!("{}\n\n", ada.access)).unwrap();
    std::fs::write(
        &wrong,
        forge::sign(&forge::access_claims(&ada), "CANARY-nobody-has-this-key-7a1b-CANARY"),
    )
    .unwrap();
    let measured = measure(&gateway, &["--tokens", good.to_str().unwrap(), "--path", "/free"]);
    assert_eq!((measured.status, &measured.told["users"]), (0, &1.into()), "{}", measured.stderr);
    let measured = measure(&gateway, &["--tokens", wrong.to_str().unwrap(), "--path", "/free"]);
    assert_eq!(measured.status, 1);
    assert!(measured.stderr.contains(" × 401: the token is not accepted"), "{}", measured.stderr);
}

#[test]
fn a_gateway_that_is_not_there_is_no_level() {
    let upstream = Upstream::start();
    let gateway = three_routes(&upstream).start();
    let nobody = format!("other=http://{NOWHERE}/");
    let measured = measure(&gateway, &["--path", "/free", "--against", &nobody]);
    assert_eq!(measured.status, 1);
    assert!(measured.stderr.contains("is it running"), "{}", measured.stderr);
}

#[test]
fn connections_that_are_closed_are_opened_again_and_counted() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    let gateway = three_routes(&upstream).start();
    let direct = format!("http://{}/", upstream.address);
    let measured = measure(&gateway, &["--path", "/free", "--direct", &direct, "--rate", "100"]);
    let generator = &measured.level("direct")["generator"];
    assert!(generator["reopened"].as_u64().unwrap() > 0, "{} {}", measured.told, measured.stderr);
}

#[test]
fn a_rate_that_cannot_be_made_is_said_and_the_queue_is_in_the_latencies() {
    let upstream = Upstream::that_takes(Duration::from_millis(20));
    let gateway = three_routes(&upstream).start();
    let wanted = ["--path", "/free", "--rate", "200", "--duration", "500ms"];
    let measured = measure(&gateway, &[&wanted[..], &["--connections", "1"]].concat());
    let level = measured.level("verified");
    // Twenty are due in each slice of 100 ms, and each takes 20 ms: the last waits for 300 ms.
    assert!(micros(&level["latency_us"]["p99"]) >= 290_000.0, "{level}");
    assert!(micros(&level["latency_us"]["p50"]) >= 140_000.0, "{level}");
    assert!(level["generator"]["queued"].as_u64().unwrap() >= 90, "{level}");
    let notes = measured.told["notes"].to_string();
    for words in ["found no free connection when they were due", "requests a second were made instead of 200"]
    {
        assert!(notes.contains(words), "{words} in {notes}");
    }
    let optimised = !cfg!(debug_assertions);
    assert_eq!(notes.contains("built without optimisation"), !optimised, "{notes}");
}
