//! What is measured of one request: all counters and histograms that a request with a token touches.

use std::time::Duration;

use divan::{Bencher, black_box};
use gateway_edge::outcomes;
use gateway_telemetry::{Metrics, Observed, Way};

/// As one thread after the other has it, and as two at once have it.
#[divan::bench(threads = [1, 2])]
fn request(bencher: Bencher<'_, '_>) {
    let metrics = Metrics::new(outcomes()).expect("each metric has a name of its own");
    let route = metrics.requests.route("todos", Some("todo"));
    let server = metrics.upstreams.server("todo", "127.0.0.1:3000");
    let tokens = metrics.tokens.verifications("gateway", "HS256");
    let outcome = outcomes().next().expect("there are outcomes");
    bencher.bench(|| {
        tokens.seen.count();
        server.responded(black_box(200));
        route.observe(&Observed {
            method: black_box("GET"),
            status: black_box(200),
            outcome,
            way: Way::Lane,
            duration: Some(black_box(Duration::from_micros(850))),
            decision: Some(black_box(Duration::from_micros(12))),
            first_byte: Some(black_box(Duration::from_micros(700))),
        });
    });
}
