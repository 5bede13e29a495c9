//! The path in canonical form, and the names of the headers of a browser.

use divan::{Bencher, black_box};
use gateway_pipeline::{canonical, is_reserved};

const TARGETS: [(&str, bool); 4] = [
    ("/api/todos/42", true),
    ("/api/todos?page=2&per_page=50&completed=false", true),
    ("/files/caf%C3%A9/r%C3%A9sum%C3%A9%20final", true),
    ("/files/%2e%2e/secret", false),
];

#[divan::bench(args = TARGETS.map(|(target, _)| target))]
fn path(bencher: Bencher<'_, '_>, target: &str) {
    let accepted = TARGETS.into_iter().any(|(known, accepted)| known == target && accepted);
    assert_eq!(canonical(target).is_ok(), accepted, "{target}");
    bencher.bench_local(|| canonical(black_box(target)));
}

/// The header names that a browser sends to an API behind the gateway.
const BROWSER_NAMES: [&str; 14] = [
    "host",
    "user-agent",
    "accept",
    "accept-language",
    "accept-encoding",
    "authorization",
    "content-type",
    "content-length",
    "origin",
    "connection",
    "referer",
    "sec-fetch-mode",
    "x-requested-with",
    "priority",
];

#[divan::bench]
fn names_of_14_headers(bencher: Bencher<'_, '_>) {
    assert!(!BROWSER_NAMES.iter().any(|name| is_reserved(name)));
    bencher.bench_local(|| black_box(&BROWSER_NAMES).iter().filter(|name| is_reserved(name)).count());
}
